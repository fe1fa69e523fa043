"""Compares what i'mport says with what was ordered. No input, no output, no time of its own: only the rules.

The rules, in the order they are applied:

1. A row belongs to one capture. Another captured payment of the same order is an extra one.
2. Only i'mport's `paid_at` means captured. What was once captured is never lowered because it looks different now.
3. At the first sight of a capture everything must agree, or the money goes back.
4. A 0-won registration is worth something only if there is a key.
5. After that only the cancelled amount moves: cancelled, cancelled further, or a cancel undone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from storefront import iamport
from storefront.clock import MOST_APART
from storefront.models import Card, Checkout, Payment, Subscription
from storefront.states import OPEN, PaymentStatus, Purpose, SubscriptionStatus

CHECKOUT_LIFETIME = timedelta(hours=24)
"""A window's checkout may be paid this long; what is paid later is returned. A period closes with its last day."""

_CAPTURED_STATUSES = ("paid", "cancelled")
_UNWANTED = (PaymentStatus.REFUSING, PaymentStatus.REFUSED)


class Finding(Enum):
    """What one answer of i'mport means for one row."""

    NOTHING = auto()
    """It says nothing new."""
    DECLINED = auto()
    """The card was declined, or the buyer left the window."""
    WANTED = auto()
    """Captured as ordered (and perhaps cancelled since)."""
    REFUSED = auto()
    """Captured, but not what was ordered; see `refusal`."""
    KEYLESS = auto()
    """A 0-won registration that left no key."""
    CHANGED = auto()
    """The row's own capture, with another cancelled amount than we knew."""
    EXTRA = auto()
    """A second capture under the same order number."""
    CONTRADICTION = auto()
    """It cannot be squared with what i'mport said before; a person has to look."""


@dataclass(frozen=True)
class Judgement:
    """A finding, and for a refusal its reason."""

    finding: Finding
    refusal: str | None = None


def judge(
    payment: Payment,
    card: Card,
    checkout: Checkout | None,
    answer: iamport.Payment,
    *,
    live: bool,
    has_key: bool | None,
    now: datetime,
    offset: timedelta,
) -> Judgement:
    """What an answer of i'mport means for a row.

    Args:
        payment: our row, which the answer names as its order.
        card: the row's card.
        checkout: the row's checkout or period, if it has one, with its subscription.
        answer: i'mport's payment.
        live: whether payments of a test channel must be refused.
        has_key: whether i'mport holds the card's key; None when it was not asked.
        now: this moment, by i'mport's clock.
        offset: how far i'mport's clock is ahead of ours.

    Returns:
        The judgement; nothing is changed.
    """
    if payment.captured and answer.imp_uid != payment.imp_uid:
        return Judgement(Finding.EXTRA if answer.captured else Finding.NOTHING)
    if answer.captured != (answer.status in _CAPTURED_STATUSES):
        return Judgement(Finding.CONTRADICTION)
    if not answer.captured:
        return Judgement(_without_capture(payment, answer))
    if payment.captured:
        if answer.amount != payment.captured_krw:
            return Judgement(Finding.CONTRADICTION)
        changed = answer.cancel_amount != payment.cancelled_krw or (payment.status in _UNWANTED and answer.held > 0)
        return Judgement(Finding.CHANGED if changed else Finding.NOTHING)
    refusal = _disagreement(payment, card, checkout, answer, live=live, now=now, offset=offset)
    return Judgement(Finding.REFUSED, refusal) if refusal else Judgement(_as_ordered(answer, has_key=has_key))


def _as_ordered(answer: iamport.Payment, *, has_key: bool | None) -> Finding:
    if answer.amount > 0 or has_key:
        return Finding.WANTED
    return Finding.NOTHING if has_key is None else Finding.KEYLESS


def _without_capture(payment: Payment, answer: iamport.Payment) -> Finding:
    if payment.captured:
        return Finding.CONTRADICTION
    if answer.status == "failed" and payment.status in OPEN:
        return Finding.DECLINED
    return Finding.NOTHING


def _disagreement(
    payment: Payment,
    card: Card,
    checkout: Checkout | None,
    answer: iamport.Payment,
    *,
    live: bool,
    now: datetime,
    offset: timedelta,
) -> str | None:
    """Why a capture is not what was ordered, or None. The first reason found is the one the shopper reads."""
    closes_at = checkout.closes_at + offset if checkout is not None else None
    too_late = closes_at is not None and answer.paid_at is not None and answer.paid_at >= closes_at
    is_renewal = payment.purpose == Purpose.RENEWAL
    reasons = {
        "amount": answer.amount != payment.amount_krw,
        "currency": answer.currency != payment.currency,
        # No customer_uid at all means that no key was stored; the money is right all the same.
        "customer_uid": answer.customer_uid not in (None, card.customer_uid),
        "channel": live and answer.sandbox,
        "already_paid": checkout is not None and checkout.paid_by not in (None, payment.merchant_uid),
        "ended": is_renewal and checkout is not None and _has_ended(checkout.subscription),
        "period_over": is_renewal and too_late,
        "too_late": too_late,
        "given_up": payment.given_up,
        "card_removed": not payment.purpose.issues_key and _is_after_removal(card, answer, now),
    }
    return next((reason for reason, applies in reasons.items() if applies), None)


def _has_ended(subscription: Subscription | None) -> bool:
    return subscription is not None and subscription.status == SubscriptionStatus.ENDED


def _is_after_removal(card: Card, answer: iamport.Payment, now: datetime) -> bool:
    """Whether a charge was captured after its shopper had been told that no further charge follows (late approvals).

    Both moments are i'mport's. A removal in the future was written down by a clock that was ahead: it has been.
    """
    if card.removed_at is None or answer.paid_at is None:
        return False
    return answer.paid_at >= card.removed_at.replace(microsecond=0) or card.removed_at > now + MOST_APART
