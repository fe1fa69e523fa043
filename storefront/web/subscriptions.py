"""A subscription's page: what is charged next, when and to which card, and how the present period stands."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, jsonify, render_template
from flask_login import login_required

from storefront.billing.payments import settlement
from storefront.billing.subscriptions import overview
from storefront.billing.subscriptions.overview import Overview
from storefront.web import limits
from storefront.web.presentation import card_labels, result_of
from storefront.web.shop import billing, number_or_404, shopper_id, wants_json
from storefront.web.standing_orders import as_json, words_of

blueprint = Blueprint("subscriptions", __name__, url_prefix="/account/subscriptions")


@blueprint.get("/<subscription_id>")
@login_required  # type: ignore[untyped-decorator]
@limits.LOOK_UP
def show(subscription_id: str) -> Any:
    """How a subscription stands; what is open is settled first, and what time alone decides is written."""
    found = _settled(number_or_404(subscription_id))
    if wants_json():
        return jsonify(as_json(found))
    return render_template(
        "account/subscription.html",
        found=found,
        words=words_of(found),
        label=card_labels([found.card])[found.card.id],
        attempts=[(payment, result_of(payment)) for payment in found.attempts],
    )


def _settled(subscription_id: int) -> Overview:
    """A subscription of this shopper's, with nothing open that i'mport could tell about."""
    found = _own(subscription_id)
    for merchant_uid in found.open_orders:
        settlement.refresh(billing(), shopper_id(), merchant_uid)
    return _own(subscription_id) if found.open_orders else found


def _own(subscription_id: int) -> Overview:
    found = overview.find(billing(), shopper_id(), subscription_id)
    if found is None:
        abort(404)
    return found
