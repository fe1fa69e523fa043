"""The lines of this shop that do each step, taken from the functions themselves."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from storefront.billing import cards
from storefront.billing.orders import judgement, records
from storefront.billing.payments import charges, checkout, refunds, settlement
from storefront.billing.reconciling import reconciliation
from storefront.billing.renewing import renewal
from storefront.billing.subscriptions import outcomes
from storefront.iamport import Iamport
from storefront.states import Purpose
from storefront.web import payments, webhooks
from storefront.web.source import Piece

_PROJECT = Path(__file__).resolve().parents[3]

Source = Callable[..., Any] | Piece
"""A function of ours; a script's is named by its place."""


_SCRIPT = "static/js/checkout.js"
_ORDERED: dict[Purpose, tuple[Source, ...]] = {
    Purpose.REGISTER: (checkout.begin,),
    Purpose.FIRST: (checkout.begin,),
    Purpose.EXTRA: (charges.charge_again,),
    Purpose.RENEWAL: (renewal.renew, charges.send_in_time),
}
_JUDGED: tuple[Source, ...] = (judgement.judge, records.record)
_CHARGED: tuple[Source, ...] = (charges.send, Iamport.charge_again)
_SUBSCRIBED: tuple[Source, ...] = (outcomes.paid, outcomes.failed)
SOURCES: dict[str, tuple[Source, ...]] = {
    "prepared": (checkout.request_pay_parameters, Iamport.prepare),
    "prepare": (Iamport.prepare,),
    "window_opened": (checkout.parameters_of, Piece(_SCRIPT, "openWindow")),
    "window_calls_back": (Piece(_SCRIPT, "openWindow"),),
    "window_redirects": (payments.complete_on_phone,),
    "window_silent": (reconciliation.reconcile,),
    "callback": (Piece(_SCRIPT, "tell"), payments.complete, settlement.settle),
    "window_error": (Piece(_SCRIPT, "tell"), payments.complete),
    "redirect": (payments.complete_on_phone, settlement.settle),
    "webhook": (webhooks.receive, settlement.settle),
    "webhook_lost": (reconciliation.reconcile,),
    "looked_up": (settlement.settle, Iamport.payment),
    "look_up": (settlement.settle, Iamport.payment),
    "look_up_all": (settlement.settle, Iamport.payments_of),
    "unanswered": (settlement.settle,),
    "key_read": (cards.finish, Iamport.billing_key),
    "key_delete_sent": (cards.finish, Iamport.delete_billing_key),
    "key_delete": (Iamport.delete_billing_key,),
    "unschedule": (Iamport.unschedule,),
    "charge_sent": _CHARGED,
    "charge": _CHARGED,
    "charge_answered": (charges.send, records.record),
    "charge_unanswered": (charges.send, reconciliation.reconcile),
    "charge_rejected": (charges.send, settlement.settle),
    "rejected": (charges.send,),
    "given_up": (charges.give_up,),
    "refund_asked": (refunds.refund,),
    "refund_asked_again": (refunds.ask_again,),
    "cancel_sent": (refunds.finish, Iamport.cancel),
    "cancel": (refunds.finish, Iamport.cancel),
    "cancel_unanswered": (refunds.finish,),
    "cancel_refused": (refunds.finish,),
    "refund_failed": (refunds.finish,),
    "removal_asked": (cards.remove,),
    "key_deleted": (cards.finish,),
    "mismatch": (settlement.settle,),
    "expired": (settlement.settle,),
    "returned": (settlement.finish,),
    "period_paid": _SUBSCRIBED,
    "past_due": _SUBSCRIBED,
    "recovered": _SUBSCRIBED,
    "subscription_ended": _SUBSCRIBED,
    "period_lapsed": _SUBSCRIBED,
    "period_refunded": (outcomes.given_back,),
}
"""By step. What is decided and not named here is decided by the judgement of i'mport's answer."""


def sources_of(name: str, kind: str, purpose: Purpose) -> tuple[Source, ...]:
    """Which functions do a step."""
    if name == "ordered":
        return _ORDERED[purpose]
    return SOURCES.get(name, _JUDGED if kind == "decided" else ())


def piece_of(source: Source) -> Piece:
    """Where a function stands."""
    if isinstance(source, Piece):
        return source
    function = inspect.unwrap(source)
    path = Path(inspect.getfile(function)).resolve().relative_to(_PROJECT)
    return Piece(path.as_posix(), function.__qualname__)


def pieces() -> Iterator[Piece]:
    """Every place that a step may name."""
    named = (*_ORDERED.values(), *SOURCES.values(), _JUDGED)
    return (piece_of(source) for group in named for source in group)
