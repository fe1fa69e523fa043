"""The desk of whoever looks after the shop: what needs a person, what i'mport says of it now, and the ways out.

Nothing is closed on a person's word alone: i'mport is asked first, and what it says counts.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, selectinload

from storefront import iamport
from storefront.billing import attention, cards
from storefront.billing.attention import Reason
from storefront.billing.context import Billing
from storefront.billing.orders import records
from storefront.billing.orders.records import Seen, StaleAnswerError
from storefront.billing.orders.timeline import Note, decided
from storefront.billing.payments import charges, settlement
from storefront.billing.payments.settlement import Door
from storefront.billing.subscriptions import standing
from storefront.billing.subscriptions.standing import MovedOnError
from storefront.iamport import SilenceError, UnreadableAnswerError
from storefront.iamport.masking import without_card_numbers
from storefront.models import Attention, Payment, Refund, Subscription
from storefront.states import PaymentStatus, RefundReason, RefundStatus, SubscriptionStatus

log = logging.getLogger(__name__)

_ATTEMPTS = 5
_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_SANE = ("paid", "cancelled")
_ENDS_ORDER = (Reason.REJECTED_RESEND, Reason.CONTRADICTION, Reason.UNREADABLE)

WAYS_OUT = {
    Reason.REJECTED_RESEND: "Look for the order in i'mport's console. Closing this gives the charge up, so that its card"
    " can be removed; what is captured after all goes back.",
    Reason.CONTRADICTION: "Compare the order with i'mport's console and cancel there what nobody ordered. Closing this"
    " keeps what the shop has in its books, and gives up a charge that waits.",
    Reason.REFUND_FAILED: "Cancel the payment in i'mport's console: the shop finds that out and closes this by itself."
    " Closing it keeps the money.",
    Reason.REFUND_OWED: "It is asked for again until i'mport confirms it, and then closes by itself. Or cancel that much of"
    " the payment in i'mport's console.",
    Reason.REFUND_UNDONE: "Somebody has undone a cancel. Cancel that much of the payment in i'mport's console again: the shop"
    " finds that out and closes this by itself. Closing it keeps the money.",
    Reason.UNKNOWN: "Ask i'mport's support where the payment has gone: once it is known again this closes by itself."
    " Closing it gives up a refund that the shopper waits for.",
    Reason.UNREADABLE: "Look at the payment in i'mport's console. Closing this gives up a charge that waits for it.",
    Reason.KEY_KEPT: "Delete the billing key in i'mport's console: the shop finds that out and closes this by itself.",
    Reason.FOREIGN_KEY: "Delete the billing key in i'mport's console unless another shop of the account uses it, then"
    " close this.",
    Reason.STRAY: "Find out whose payment it is: another shop's of the account is closed with that as the reason; what"
    " is nobody's is cancelled in i'mport's console, and then closes by itself. After a restored backup it may be what one of"
    " the subscriptions named here paid: cancel it before its period is charged again.",
    Reason.TROUBLE: "The log says what went wrong. It closes by itself when a look at the order, or a decision about the"
    " subscription, succeeds.",
    Reason.CLOCKS: "Set the clock of the machine by the network. It closes by itself when the clocks agree. Of a"
    " subscription: a clock that was ahead has changed it, so it waits until then; closing this has it decided about now.",
}


class NotOpenError(Exception):
    """There is no such item, or it has been closed."""


class StillHeldError(Exception):
    """i'mport holds money for the order that the shop does not have in its books: closing would forget it.

    Attributes:
        held: what i'mport holds, in won.
    """

    def __init__(self, held: int) -> None:
        super().__init__(f"i'mport holds {held} won for this order")
        self.held = held


@dataclass(frozen=True)
class Look:
    """An item, and what there is to know about it.

    Attributes:
        item: the item.
        says: what i'mport says now, a line for each payment; or that it could not be asked.
        ways_out: what can be done.
    """

    item: Attention
    says: list[str]
    ways_out: str


def line(item: Attention) -> str:
    """An item in one line."""
    facts = "".join(f" {name}={value}" for name, value in item.detail.items())
    return f"{item.reason} {item.subject} since {item.since:%Y-%m-%d %H:%M} UTC (#{item.id}){facts}"


def show(billing: Billing, item_id: int) -> Look:
    """What there is to know about an item of the list, open or closed.

    Raises:
        NotOpenError: there is no such item.
        SilenceError: i'mport could not be asked.
    """
    item = attention.find(billing, item_id)
    if item is None:
        raise NotOpenError(item_id)
    try:
        says = [_said(answer) for answer in _ask(billing, item)] or [_why_nothing(item)]
    except UnreadableAnswerError as unreadable:
        says = [f"i'mport's answer cannot be read: {unreadable.reason}"]
    return Look(item, says, WAYS_OUT[Reason(item.reason)])


def close(billing: Billing, item_id: int, why: str) -> Attention:
    """Ask i'mport about an item, and close it if it is not over.

    Args:
        billing: settings, database, gateway, clock.
        item_id: which.
        why: the person's reason; the order's timeline shows it.

    Returns:
        The item, closed. Without a `closed_why` it was over by itself.

    Raises:
        NotOpenError: there is no such open item; nothing was asked.
        SilenceError: i'mport could not be asked; nothing was closed.
        StillHeldError: nothing was closed; cancel in i'mport's console first.
        MovedOnError: its order or subscription kept changing meanwhile; nothing was closed, try again.
    """
    item = attention.find(billing, item_id)
    if item is None or item.closed_at is not None:
        raise NotOpenError(item_id)
    _look_before_closing(billing, item)
    _check_books(billing, item)
    order = records.look(billing, item.subject)
    if order is None:
        with billing.database.writing() as session:
            is_closed = _close(billing, session, item_id, why)
            if is_closed and item.reason == Reason.CLOCKS:
                _decide_anew(session, attention.subscription_of(item.subject), billing.clock.now())
    else:
        _close_with_order(billing, item, order, why)
    return attention.find(billing, item_id) or item


def _look_before_closing(billing: Billing, item: Attention) -> None:
    try:
        look_again(billing, item)
    except SilenceError:
        raise
    except Exception:
        if item.reason != Reason.TROUBLE:
            raise
        log.exception("trouble", extra={"fields": {"subject": item.subject}})  # which is what its person closes


def _decide_anew(session: Session, subscription_id: int | None, now: datetime) -> None:
    """A person has said which clock is right: what was written down by the other one holds nothing up."""
    if subscription_id is not None:
        found = standing.lock(session, subscription_id)
        found.subscription.moved_at = now
        found.plan_at_once(now)


def look_again(billing: Billing, item: Attention) -> None:
    """Ask i'mport whether an item is over, and write what follows.

    Raises:
        SilenceError: i'mport could not be asked.
    """
    subscription_id = attention.subscription_of(item.subject)
    try:
        if subscription_id is not None:
            _look_at_subscription(billing, item, subscription_id)
        elif records.look(billing, item.subject) is not None:
            settlement.settle(billing, Door.RECONCILE, merchant_uid=item.subject)
        else:
            _look_at_stray(billing, item)
    except UnreadableAnswerError:
        return  # it was asked, and this is what it says


def _look_at_subscription(billing: Billing, item: Attention, subscription_id: int) -> None:
    """Over is what a claim has decided about since, and what no clock is behind any more."""
    now = billing.clock.now()
    with billing.database.writing() as session:
        row = session.get(Subscription, subscription_id)
        is_over = row is None or row.status == SubscriptionStatus.ENDED
        if row is not None and item.reason == Reason.TROUBLE:
            is_over = is_over or row.moved_at > item.since
        if row is not None and item.reason == Reason.CLOCKS:
            is_over = is_over or not billing.clock.is_in_the_future(row.moved_at)
        if is_over:
            attention.call_off(session, item.subject, now, Reason(item.reason))


def _look_at_stray(billing: Billing, item: Attention) -> None:
    """A payment that is none of our orders' is over once it can be read, or nothing of it is held any more."""
    answer = _payment(billing, item)
    if answer is None:
        return
    over = [Reason.UNREADABLE, Reason.TROUBLE]
    if answer.captured and answer.amount > 0 and answer.held == 0:
        over.append(Reason.STRAY)
    with billing.database.writing() as session:
        attention.call_off(session, item.subject, billing.clock.now(), *over)


def _ask(billing: Billing, item: Attention) -> list[iamport.Payment]:
    if records.look(billing, item.subject) is not None:
        return billing.gateway.payments_of(item.subject)
    answer = _payment(billing, item)
    return [answer] if answer else []


def _payment(billing: Billing, item: Attention) -> iamport.Payment | None:
    """The payment an item is about, if it is about one that can be asked for."""
    if attention.subscription_of(item.subject) is not None:
        return None
    return billing.gateway.payment(item.subject) if _ID.fullmatch(item.subject) else None


def _why_nothing(item: Attention) -> str:
    is_about_payment = _ID.fullmatch(item.subject) and attention.subscription_of(item.subject) is None
    return "i'mport knows no payment of it" if is_about_payment else "it is about no payment, so i'mport was not asked"


def _said(answer: iamport.Payment) -> str:
    return (
        f"{answer.imp_uid} of order {answer.merchant_uid}: {answer.status}, {answer.amount} won,"
        f" {answer.cancel_amount} won cancelled, {answer.held} won held"
    )


def _check_books(billing: Billing, item: Attention) -> None:
    """Money that i'mport holds for an order is in our books, or it is not the time to close anything."""
    with billing.database.reading() as session:
        order = session.scalar(
            select(Payment).where(Payment.merchant_uid == item.subject).options(selectinload(Payment.refunds))
        )
    if order is None:
        return
    try:
        held = sum(answer.held for answer in billing.gateway.payments_of(item.subject) if answer.status in _SANE)
    except UnreadableAnswerError:
        return
    if held > order.net_krw:
        raise StillHeldError(held)


def _close_with_order(billing: Billing, item: Attention, order: Payment, why: str) -> None:
    def amend(session: Session, row: Payment) -> list[Note]:
        if not _close(billing, session, item.id, why):
            return []
        now = billing.clock.now()
        closed = decided(now, "attention_closed", what=item.reason, why=why)
        return [closed, *_end_what_waits(session, item, row, now)]

    seen: Payment | None = order
    for _ in range(_ATTEMPTS):
        if seen is None:
            return
        try:
            records.amend(billing, Seen(seen.merchant_uid, seen.version), amend)
        except StaleAnswerError:
            seen = records.look(billing, item.subject)
            continue
        break
    else:
        raise MovedOnError(item.subject)
    cards.finish(billing, order.card_id)


def _end_what_waits(session: Session, item: Attention, row: Payment, now: datetime) -> list[Note]:
    """Give up the charge, the order or the refund that waited for a person."""
    if item.reason == Reason.UNKNOWN:
        _give_up_refunds(session, Refund.payment_id == row.id, Refund.reason == RefundReason.SHOPPER)
    elif item.reason == Reason.REFUND_FAILED:
        _give_up_refunds(session, Refund.id == item.detail["refund"])
        attention.call_off(session, row.merchant_uid, now, Reason.REFUND_OWED)
    elif item.reason in _ENDS_ORDER and row.status == PaymentStatus.REQUESTED:
        notes = charges.give_up(session, row, now)
        attention.call_off(session, row.merchant_uid, now, Reason.REJECTED_RESEND)
        return notes
    elif item.reason in _ENDS_ORDER and row.status == PaymentStatus.READY:
        return [decided(now, row.move(PaymentStatus.EXPIRED))]
    return []


def _give_up_refunds(session: Session, *which: ColumnElement[bool]) -> None:
    waiting = select(Refund).where(Refund.status == RefundStatus.REQUESTED, *which)
    for refund in session.scalars(waiting.with_for_update()):
        refund.move(RefundStatus.FAILED)


def _close(billing: Billing, session: Session, item_id: int, why: str) -> bool:
    item = session.get_one(Attention, item_id, with_for_update=True)
    if item.closed_at is not None:
        return False
    item.closed_at, item.closed_why = billing.clock.now(), without_card_numbers(why)[:500]
    return True
