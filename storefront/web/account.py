"""The account page: what is charged next and how to stop it, the button for another bag, cards and history."""

from __future__ import annotations

import math
from typing import Any

from flask import Blueprint, abort, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_login import login_required

from storefront.billing import cards, identifiers
from storefront.billing.cards import CardNotFoundError
from storefront.billing.catalogue import PLANS
from storefront.billing.orders import history
from storefront.billing.payments import charges, settlement
from storefront.billing.subscriptions import overview
from storefront.billing.subscriptions.overview import Overview
from storefront.states import CardStatus
from storefront.web import limits, standing_orders
from storefront.web.presentation import as_json, card_as_json, card_labels, charge_refusals, result_of
from storefront.web.shop import (
    billing,
    imports_is_silent,
    number_or_404,
    plan_as_shown,
    read_number,
    shopper_id,
    wants_json,
)

blueprint = Blueprint("account", __name__, url_prefix="/account")

PAGE_SIZE = 20
"""How many payments are shown at once."""


@blueprint.get("")
@login_required  # type: ignore[untyped-decorator]
def show() -> Any:
    """Cards and payments; what is open is settled first."""
    settlement.refresh(billing(), shopper_id())
    return _page()


@blueprint.post("/charge")
@login_required  # type: ignore[untyped-decorator]
@limits.PAY
def charge() -> Any:
    """Another bag with a stored card."""
    plan, card_id = plan_as_shown(request.form.get("plan", "")), read_number(request.form.get("card", ""))
    if plan is None or card_id is None:
        return _page(problem=gettext("Please choose a card and a coffee.")), 400
    try:
        merchant_uid = charges.charge_again(
            billing(), shopper_id=shopper_id(), card_id=card_id, plan=plan, token=request.form.get("token", "")
        )
    except CardNotFoundError:
        abort(404)
    except tuple(charge_refusals()) as refused:
        problem, status = charge_refusals()[type(refused)]
        return _page(problem=problem), status
    return redirect(url_for("payments.show", merchant_uid=merchant_uid), 303)


@blueprint.get("/cards/<card_id>/remove")
@login_required  # type: ignore[untyped-decorator]
@limits.LOOK_UP
def removal(card_id: str) -> Any:
    """What is charged to a card automatically, and what to do about that before it is removed."""
    stored = history.cards_of(billing(), shopper_id())
    card = next((card for card in stored if card.id == number_or_404(card_id)), None)
    if card is None or card.status not in (CardStatus.ACTIVE, CardStatus.SUSPENDED):
        abort(404)
    users = [found for found in overview.all_of(billing(), shopper_id()) if found.goes_on and found.card.id == card.id]
    return render_template(
        "account/removal.html",
        card=card,
        label=card_labels(stored)[card.id],
        subscriptions=[(found, standing_orders.words_of(found)) for found in users],
    )


@blueprint.post("/cards/<card_id>/remove")
@login_required  # type: ignore[untyped-decorator]
@limits.PAY
def remove_card(card_id: str) -> Any:
    """Never charge a card again."""
    try:
        cards.remove(billing(), shopper_id=shopper_id(), card_id=number_or_404(card_id))
    except CardNotFoundError:
        abort(404)
    return redirect(url_for("account.show"), 303)


def _page(problem: str | None = None) -> Any:
    stored = history.cards_of(billing(), shopper_id())
    if wants_json():
        payments = history.payments_of(billing(), shopper_id())
        return jsonify(
            {
                "cards": [card_as_json(card) for card in stored],
                "payments": [as_json(row) for row in payments],
                "subscriptions": [standing_orders.as_json(found) for found in overview.all_of(billing(), shopper_id())],
            }
        )
    page = read_number(request.args.get("page", "")) or 1
    # One more than is shown tells whether there are older ones.
    payments = history.payments_of(billing(), shopper_id(), limit=PAGE_SIZE + 1, skip=(page - 1) * PAGE_SIZE)
    subscriptions = sorted(overview.all_of(billing(), shopper_id()), key=_when_charged)
    return render_template(
        "account/account.html",
        subscriptions=[(found, standing_orders.words_of(found)) for found in subscriptions],
        charged_by_itself={found.card.id for found in subscriptions if found.upcoming is not None or found.open_orders},
        in_use={found.card.id for found in subscriptions if found.goes_on},
        cards=stored,
        labels=card_labels(stored),
        chargeable=[card for card in stored if card.status == CardStatus.ACTIVE],
        payments=[(payment, result_of(payment)) for payment in payments[:PAGE_SIZE]],
        usual=payments[0].plan if payments else PLANS[0].code,
        newer=page - 1,
        older=page + 1 if len(payments) > PAGE_SIZE else 0,
        token=identifiers.new_token(),
        problem=problem,
        is_incomplete=imports_is_silent(),
    )


def _when_charged(found: Overview) -> float:
    """When a subscription is charged next; what is not charged automatically comes last."""
    return found.upcoming.at.timestamp() if found.upcoming is not None else math.inf
