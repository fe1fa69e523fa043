"""Checkout: a form becomes an order, the order becomes a page with a pay button."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_login import current_user, login_required

from storefront.billing.catalogue import Plan, find_plan
from storefront.billing.orders import history
from storefront.billing.payments import checkout as billing_checkout
from storefront.billing.subscriptions import overview
from storefront.iamport import IamportError
from storefront.states import Every, PaymentStatus, SubscriptionStatus
from storefront.web import limits
from storefront.web.forms import CheckoutForm
from storefront.web.security import let_payment_window_in
from storefront.web.shop import billing, number_or_404, order_or_404, settings, shopper_id

blueprint = Blueprint("checkout", __name__)


@blueprint.route("/checkout/<plan>", methods=["GET", "POST"])
@login_required  # type: ignore[untyped-decorator]
@limits.PAY
def begin(plan: str) -> Any:
    """Choose, say who pays, consent; then the order is written down."""
    chosen = _plan_or_404(plan)
    form = CheckoutForm(data=_prefill() if request.method == "GET" else None)
    subscription_id = _own_subscription_or_404(chosen)
    given = request.values.get("token", "")
    token = given if given.isprintable() and given else billing_checkout.new_token()
    if not form.validate_on_submit():
        template = "checkout/card.html" if subscription_id else "checkout/checkout.html"
        page = render_template(
            template,
            form=form,
            plan=chosen,
            token=token,
            subscription_id=subscription_id,
            has_already=None if subscription_id else _live_subscription(chosen),
        )
        return page, 400 if form.is_submitted() else 200
    wish = form.wish(chosen)
    if subscription_id:
        wish = replace(wish, mode="register", every=Every.ONCE, first_on=None, subscription_id=subscription_id)
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


def _plan_or_404(code: str) -> Plan:
    plan = find_plan(code)
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
    return {"every": request.args.get("every", Every.ONCE.value), **_last_buyer()}


def _last_buyer() -> dict[str, str]:
    last = next(iter(history.payments_of(billing(), shopper_id(), limit=1)), None)
    if last is None:
        return {"name": current_user.name, "email": current_user.email, "phone": current_user.phone or ""}
    return {"name": last.buyer_name, "email": last.buyer_email, "phone": last.buyer_phone}
