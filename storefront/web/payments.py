"""A payment's page, its refund, and the two ways a browser brings news: the callback and the phone's return."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from flask import Blueprint, abort, jsonify, redirect, render_template, request, url_for
from flask_login import current_user, login_required

from storefront.billing import identifiers
from storefront.billing.orders import history
from storefront.billing.payments import refunds, settlement
from storefront.billing.payments.refunds import NotRefundableError, OnlyByLeavingError, PaymentNotFoundError
from storefront.billing.payments.settlement import Door
from storefront.billing.subscriptions import overview
from storefront.billing.subscriptions.overview import Overview
from storefront.iamport import SilenceError
from storefront.models import Payment
from storefront.states import KEPT, SubscriptionStatus
from storefront.web import limits
from storefront.web.messages import read_ids, read_json, read_query
from storefront.web.presentation import as_json, is_settled_otherwise, result_of
from storefront.web.shop import billing, imports_is_silent, is_id, order_or_404, shopper_id, wants_json
from storefront.web.standing_orders import words_of
from storefront.web.timeline import known_at, lines_of

blueprint = Blueprint("payments", __name__, url_prefix="/payments")


@blueprint.get("/<merchant_uid>")
@login_required  # type: ignore[untyped-decorator]
@limits.LOOK_UP
def show(merchant_uid: str) -> Any:
    """How an order stands; what is open is settled first."""
    settlement.refresh(billing(), shopper_id(), order_or_404(merchant_uid))
    return _page(_own_payment(merchant_uid))


@blueprint.post("/<merchant_uid>/refund")
@login_required  # type: ignore[untyped-decorator]
@limits.PAY
def refund(merchant_uid: str) -> Any:
    """Give the money back."""
    token = request.form.get("token", "")
    if not is_id(token):
        abort(400)
    settlement.ask_what_is_held(billing(), _own_payment(order_or_404(merchant_uid)))
    try:
        refunds.refund(billing(), shopper_id=shopper_id(), merchant_uid=order_or_404(merchant_uid), token=token)
    except PaymentNotFoundError:
        abort(404)
    except NotRefundableError:
        return _page(_own_payment(merchant_uid), not_refundable=True), 400
    except OnlyByLeavingError:
        return _page(_own_payment(merchant_uid), only_by_leaving=True), 409
    return redirect(url_for("payments.show", merchant_uid=merchant_uid), 303)


@blueprint.post("/complete")
@login_required  # type: ignore[untyped-decorator]
@limits.LOOK_UP
def complete() -> Any:
    """The page's script says that the window has closed. Only the ids are used."""
    message = read_json()
    imp_uid, merchant_uid = read_ids(message)
    if merchant_uid is None:
        abort(400)
    _own_payment(merchant_uid)
    with suppress(SilenceError):  # nothing has changed then; the payment's page asks again
        settlement.settle(
            billing(), Door.CALLBACK, imp_uid=imp_uid, merchant_uid=merchant_uid, told_facts=_told(message)
        )
    payment = _own_payment(merchant_uid)
    return jsonify({"status": payment.status, "redirect": url_for("payments.show", merchant_uid=merchant_uid)})


@blueprint.get("/complete/mobile")
@limits.LOOK_UP
def complete_on_phone() -> Any:
    """A phone comes back from the window, perhaps in another browser than it left from."""
    message = read_query()
    imp_uid, merchant_uid = read_ids(message)
    if imp_uid is None and merchant_uid is None:
        abort(400)
    order = merchant_uid
    with suppress(SilenceError):
        settled = settlement.settle(
            billing(), Door.REDIRECT, imp_uid=imp_uid, merchant_uid=merchant_uid, told_facts=_told(message)
        )
        if settled is None:
            limits.count_as_guess()
        else:
            order = settled.merchant_uid
    if current_user.is_authenticated and order and _find(order):
        return redirect(url_for("payments.show", merchant_uid=order), 303)
    # The same page whether the order exists or not, and no more of it than the message has named.
    wanted = url_for("payments.show", merchant_uid=merchant_uid) if merchant_uid else url_for("account.show")
    return render_template("payments/returned.html", next=wanted)


def _page(payment: Payment, *, not_refundable: bool = False, only_by_leaving: bool = False) -> Any:
    if wants_json():
        return jsonify(as_json(payment, events=True))
    found = _subscription_of(payment)
    imports_now = billing().gateway.imports_time(billing().clock.now())
    return render_template(
        "payments/result.html",
        payment=payment,
        result=replace(result_of(payment), next=words_of(found).next) if found else result_of(payment),
        ends_subscription=found is not None and found.subscription.status != SubscriptionStatus.ENDED,
        is_settled=is_settled_otherwise(payment),
        lines=lines_of(payment),
        refundable=refunds.is_refundable(payment) and refunds.is_whole_for(payment, imports_now),
        not_refundable=not_refundable,
        only_by_leaving=only_by_leaving,
        known_at=known_at(payment) if imports_is_silent() else None,
        token=identifiers.new_token(),
    )


def _subscription_of(payment: Payment) -> Overview | None:
    """The subscription that a payment began or paid a period of, for how that goes on."""
    if payment.status not in KEPT or payment.subscription_id is None:
        return None
    return overview.find(billing(), shopper_id(), payment.subscription_id)


def _find(merchant_uid: str) -> Payment | None:
    return history.find_payment(billing(), shopper_id(), merchant_uid)


def _own_payment(merchant_uid: str) -> Payment:
    payment = _find(merchant_uid)
    if payment is None:
        abort(404)
    return payment


def _told(message: Mapping[str, Any]) -> dict[str, str]:
    """What a message says beside its ids, for the timeline."""
    return {
        name: str(message[name])
        for name in ("error_code", "error_msg", "imp_success", "success")
        if isinstance(message.get(name), str | bool | int) and message[name] != ""
    }
