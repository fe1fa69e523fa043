"""A subscription's page: what is charged next, when and to which card, and how the present period stands."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Blueprint, abort, jsonify, redirect, render_template, request, session, url_for
from flask_babel import gettext
from flask_login import login_required

from storefront.billing import identifiers
from storefront.billing.cards import CardNotFoundError
from storefront.billing.changing import next_bag, pricing
from storefront.billing.errands import BusyError
from storefront.billing.orders import history
from storefront.billing.payments import settlement
from storefront.billing.payments.charges import BadTokenError, CardNotChargeableError
from storefront.billing.renewing import asking
from storefront.billing.renewing.asking import CardRefusedError, SubscriptionNotFoundError, TooLateError
from storefront.billing.subscriptions import dunning, overview
from storefront.billing.subscriptions.overview import Overview
from storefront.states import CardStatus
from storefront.web import limits
from storefront.web.presentation import card_labels, charge_refusals, result_of
from storefront.web.shop import billing, number_or_404, read_number, shopper_id, shown_number, wants_json
from storefront.web.standing_orders import as_json, words_of

blueprint = Blueprint("subscriptions", __name__, url_prefix="/account/subscriptions")


@blueprint.get("/<subscription_id>")
@login_required  # type: ignore[untyped-decorator]
@limits.LOOK_UP
def show(subscription_id: str) -> Any:
    """How a subscription stands; what is open is settled first, and what time alone decides is written."""
    found = _settled(number_or_404(subscription_id))
    return jsonify(as_json(found)) if wants_json() else _page(found, pressed=session.pop("pressed", None))


@blueprint.post("/<subscription_id>/pay")
@login_required  # type: ignore[untyped-decorator]
@limits.PAY
def pay(subscription_id: str) -> Any:
    """Pay what is owed, now, with any stored card."""
    token = request.form.get("token", "")
    return _asked(subscription_id, partial(asking.pay, token=token, number=shown_number("period")))


@blueprint.post("/<subscription_id>/card")
@login_required  # type: ignore[untyped-decorator]
@limits.PAY
def change_card(subscription_id: str) -> Any:
    """Have it charged to another stored card."""
    done = gettext("It is charged to this card from now on.")
    return _asked(subscription_id, partial(asking.change_card, next_number=shown_number("next")), done)


def say_once(subscription_id: int, done: str) -> None:
    """What a form has done, for the next look at the page of its subscription: it is the page on which the button was."""
    if not wants_json():
        session["done"] = [subscription_id, done]


def _said_once(subscription_id: int) -> str | None:
    about, done = session.pop("done", (None, None))
    return done if about == subscription_id else None


def _asked(subscription_id: str, act: Callable[..., str | None], done: str | None = None) -> Any:
    """Do what a form with a card asks for, and go back to the subscription's page.

    It says how the charge went that followed from it, or else that it is done.
    """
    number, card_id = number_or_404(subscription_id), read_number(request.form.get("card", ""))
    if card_id is None:
        return _page(_own(number), gettext("Please choose a card.")), 400
    try:
        sent = act(billing(), shopper_id=shopper_id(), subscription_id=number, card_id=card_id)
    except (CardNotFoundError, SubscriptionNotFoundError):
        abort(404)
    except (TooLateError, CardNotChargeableError, BadTokenError, BusyError) as refused:
        text, status = _refusals()[type(refused)]
        return _page(_own(number), text), status
    if sent is not None:
        session["pressed"] = sent
    elif done:
        say_once(number, done)
    return redirect(url_for("subscriptions.show", subscription_id=number), 303)


def _refusals() -> dict[type[Exception], tuple[str, int]]:
    """Why nothing was done, and the answer's status."""
    return {
        **charge_refusals(),
        TooLateError: (gettext("It has changed meanwhile, so nothing was done. Please look again."), 409),
        CardRefusedError: (gettext("This card was refused for good. Please choose another one."), 400),
    }


def _page(found: Overview, problem: str | None = None, pressed: str | None = None) -> Any:
    """The page, with why nothing was done, or with how the attempt went that a button has just sent."""
    if wants_json():
        return jsonify({"error": problem})
    stored = history.cards_of(billing(), shopper_id())
    return render_template(
        "account/subscription.html",
        found=found,
        words=words_of(found),
        labels=card_labels(stored),
        cards=[card for card in stored if card.status == CardStatus.ACTIVE],
        attempts=[(payment, result_of(payment)) for payment in found.attempts],
        pressed=next((result_of(payment) for payment in found.attempts if payment.merchant_uid == pressed), None),
        question=pricing.question(found.subscription),
        bag=next_bag.choices(billing(), found.subscription.id),
        token=identifiers.new_token(),
        may_ask=dunning.may_be_asked_for(found.attempts),
        done=_said_once(found.subscription.id) if problem is None else None,
        problem=problem,
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
