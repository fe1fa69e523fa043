"""Checkout: a form becomes an order; a stored card is charged for it at once, a new one on a page with a pay button."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_login import current_user, login_required

from storefront.billing import identifiers
from storefront.billing.cards import CardNotFoundError
from storefront.billing.catalogue import Plan
from storefront.billing.orders import history
from storefront.billing.payments import checkout as billing_checkout
from storefront.billing.payments import purchases
from storefront.billing.subscriptions import overview
from storefront.iamport import IamportError
from storefront.states import Every, PaymentStatus, SubscriptionStatus
from storefront.web import limits
from storefront.web.forms import CheckoutForm, StoredCardForm
from storefront.web.presentation import card_labels, charge_refusals
from storefront.web.security import let_payment_window_in
from storefront.web.shop import billing, number_or_404, order_or_404, plan_as_shown, read_number, settings, shopper_id

blueprint = Blueprint("checkout", __name__)

NEW_CARD = "new"
"""What stands in an address or a form in place of a stored card's number."""


@blueprint.route("/checkout/<plan>", methods=["GET", "POST"])
@login_required  # type: ignore[untyped-decorator]
@limits.PAY
def begin(plan: str) -> Any:
    """Choose, say who pays, consent. A stored card is charged at once; for a new one the order is written down."""
    chosen = _plan_or_404(plan)
    subscription_id = _own_subscription_or_404(chosen)
    if subscription_id is None and request.form.get("card", NEW_CARD) != NEW_CARD:
        return _buy_with_stored_card(chosen)
    if subscription_id is None and request.method == "GET" and request.args.get("card") != NEW_CARD:
        page = _offer_stored_cards(chosen, StoredCardForm(data=_asked_for()))
        if page is not None:
            return page
    form = CheckoutForm(data=_prefill() if request.method == "GET" else None)
    if not form.validate_on_submit():
        return _window_page(chosen, form, subscription_id), 400 if form.is_submitted() else 200
    wish = form.wish(chosen)
    if subscription_id:
        wish = replace(wish, mode="register", every=Every.ONCE, first_on=None, subscription_id=subscription_id)
    token = _token("token")
    payment = billing_checkout.begin(billing(), shopper_id=shopper_id(), wish=wish, buyer=form.buyer(), token=token)
    if payment.status != PaymentStatus.READY:
        return redirect(url_for("payments.show", merchant_uid=payment.merchant_uid), 303)
    return redirect(url_for("checkout.pay", plan=chosen.code, merchant_uid=payment.merchant_uid), 303)


@blueprint.get("/checkout/<plan>/<merchant_uid>")
@login_required  # type: ignore[untyped-decorator]
@limits.LOOK_UP
def pay(plan: str, merchant_uid: str) -> Any:
    """The page with the button that opens the payment window."""
    chosen = _plan_or_404(plan)
    payment = history.find_payment(billing(), shopper_id(), order_or_404(merchant_uid))
    if payment is None or payment.plan != chosen.code or not payment.purpose.issues_key:
        abort(404)
    if payment.status != PaymentStatus.READY:
        return redirect(url_for("payments.show", merchant_uid=merchant_uid), 303)
    try:
        parameters = billing_checkout.request_pay_parameters(billing(), payment)
    except IamportError:
        parameters = None
    let_payment_window_in()
    page = render_template("checkout/pay.html", payment=payment, plan=chosen, parameters=parameters, shop=settings())
    return page, 200 if parameters else 503


def _buy_with_stored_card(plan: Plan) -> Any:
    """One form, one press, one charge; what is bought begins when it is captured."""
    form, card_id = StoredCardForm(), read_number(request.form["card"])
    if not form.validate_on_submit():
        return _refuse(plan, form)
    if card_id is None:
        return _refuse(plan, form, gettext("Please choose a card."))
    try:
        merchant_uid = purchases.buy(
            billing(),
            shopper_id=shopper_id(),
            card_id=card_id,
            wish=form.wish(plan),
            token=request.form.get("token", ""),
            checkout_token=request.form.get("checkout", ""),
        )
    except CardNotFoundError:
        abort(404)
    except tuple(charge_refusals()) as refused:
        problem, status = charge_refusals()[type(refused)]
        return _refuse(plan, form, problem, status)
    return redirect(url_for("payments.show", merchant_uid=merchant_uid), 303)


def _refuse(plan: Plan, form: StoredCardForm, problem: str | None = None, status: int = 400) -> Any:
    """The page again, with what is left to pay with."""
    page = _offer_stored_cards(plan, form, problem)
    return page or _window_page(plan, CheckoutForm(formdata=None, data=_prefill()), None, problem), status


def _offer_stored_cards(plan: Plan, form: StoredCardForm, problem: str | None = None) -> str | None:
    """The page on which a stored card pays; None if none can."""
    checkout_token = _token("checkout", "token")
    offered = purchases.offered_cards(billing(), shopper_id(), checkout_token)
    if not offered:
        return None
    return render_template(
        "checkout/stored.html",
        form=form,
        plan=plan,
        cards=offered,
        labels=card_labels(history.cards_of(billing(), shopper_id())),
        token=identifiers.new_token(),
        checkout_token=checkout_token,
        has_already=_live_subscription(plan),
        problem=problem,
    )


def _window_page(plan: Plan, form: CheckoutForm, subscription_id: int | None, problem: str | None = None) -> str:
    """The page that leads to the payment window."""
    return render_template(
        "checkout/card.html" if subscription_id else "checkout/checkout.html",
        form=form,
        plan=plan,
        token=_token("token"),
        subscription_id=subscription_id,
        has_already=None if subscription_id else _live_subscription(plan),
        problem=problem,
    )


def _token(*names: str) -> str:
    """The first of these that the request carries, else a new one."""
    given = (request.values.get(name, "") for name in names)
    return next((token for token in given if token and token.isprintable()), identifiers.new_token())


def _plan_or_404(code: str) -> Plan:
    plan = plan_as_shown(code)
    if plan is None:
        abort(404)
    return plan


def _own_subscription_or_404(plan: Plan) -> int | None:
    """The subscription that is to be charged to the new card, if this is about one."""
    given = request.values.get("subscription", "")
    if not given:
        return None
    found = overview.find(billing(), shopper_id(), number_or_404(given))
    if found is None or found.subscription.plan != plan.code:
        abort(404)
    if found.subscription.status == SubscriptionStatus.ENDED:
        abort(409)
    return found.subscription.id


def _live_subscription(plan: Plan) -> int | None:
    """One of this plan that the shopper has already: a second one should not begin by mistake."""
    for found in overview.all_of(billing(), shopper_id()):
        if found.subscription.plan == plan.code and found.subscription.status != SubscriptionStatus.ENDED:
            return found.subscription.id
    return None


def _prefill() -> dict[str, str]:
    """What the address asks for, and what the shopper wrote the last time, else what we know of them."""
    return {**_asked_for(), **_last_buyer()}


def _asked_for() -> dict[str, str]:
    """How often, and whether to pay or only to register, as the address says."""
    return {"every": request.args.get("every", Every.ONCE.value), "mode": request.args.get("mode", "pay")}


def _last_buyer() -> dict[str, str]:
    last = next(iter(history.payments_of(billing(), shopper_id(), limit=1)), None)
    if last is None:
        return {"name": current_user.name, "email": current_user.email, "phone": current_user.phone or ""}
    return {"name": last.buyer_name, "email": last.buyer_email, "phone": last.buyer_phone}
