"""The one door: whoever brings news of a payment, `settle` asks i'mport and writes what i'mport says.

A message (callback, redirect, webhook, or just somebody opening a page) carries ids and nothing else that counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storefront import iamport
from storefront.billing import attention, cards
from storefront.billing.attention import Reason, contained
from storefront.billing.context import Billing
from storefront.billing.orders import keys, records, timeline
from storefront.billing.orders.judgement import CHECKOUT_LIFETIME
from storefront.billing.orders.records import Seen, StaleAnswerError
from storefront.billing.orders.timeline import Note, asked, decided, told
from storefront.billing.payments import refunds
from storefront.billing.subscriptions import overview
from storefront.iamport import NotAskedError, SilenceError, UnreadableAnswerError
from storefront.iamport.masking import without_card_numbers
from storefront.models import Card, Payment, Refund, Stray, Subscription
from storefront.states import (
    KEPT,
    OPEN,
    UNDER_WAY,
    CardStatus,
    PaymentStatus,
    RefundStatus,
    SubscriptionStatus,
)

ATTEMPTS = 8
"""How often an answer may turn out stale before we leave it to the next look."""


class Door(StrEnum):
    """Where the news came in. It decides what the timeline says, and nothing else."""

    CALLBACK = "callback"
    REDIRECT = "redirect"
    WEBHOOK = "webhook"
    READ = "read"
    RECONCILE = "reconcile"


def settle(
    billing: Billing,
    door: Door,
    *,
    imp_uid: str | None = None,
    merchant_uid: str | None = None,
    told_facts: Mapping[str, Any] | None = None,
) -> Payment | None:
    """Ask i'mport about a payment and bring our row up to date.

    Args:
        billing: settings, database, gateway, clock.
        door: where the news came in.
        imp_uid: i'mport's id, as the message gave it. The payment read under it names its own order.
        merchant_uid: our order number, as the message gave it. If the two do not belong together nothing changes.
        told_facts: what else the message said (`error_msg`, `status`), for the timeline and never for a decision.

    Returns:
        The row as it is now; None if there is no order of ours to it.

    Raises:
        SilenceError: i'mport could not be asked and nothing has changed. A webhook answers 5xx so that it comes
            again, a page shows what it knows.
    """
    hearsay = _hearsay(billing, door, imp_uid, told_facts)
    row = records.look(billing, merchant_uid) if merchant_uid else None
    row = row or _order_named_by(billing, imp_uid, merchant_uid)
    if row is None:
        return None
    for _ in range(ATTEMPTS):
        try:
            answers, are_all = _ask(billing, imp_uid, row)
        except SilenceError as silence:
            _write_silence(billing, row, hearsay, silence)
            raise
        if any(answer.merchant_uid != row.merchant_uid for answer in answers):
            mismatch = decided(billing.clock.now(), "mismatch", imp_uid=imp_uid)
            records.note(billing, row.merchant_uid, [*hearsay, mismatch])
            return row
        try:
            _write(billing, row, answers, hearsay)
            if are_all:
                _heed_whole(billing, row, answers)
        except StaleAnswerError:
            row = records.look(billing, row.merchant_uid) or row
            continue
        break
    return finish(billing, row.merchant_uid)


def finish(billing: Billing, merchant_uid: str) -> Payment | None:
    """Do what an order still needs after it was decided: send its refunds, find out about its card, leave `refusing`.

    Every step is written down before it is taken and left when i'mport confirms it, so this may be called at any time,
    by anybody, as often as one likes.

    Returns:
        The row as it is then, or None if there is none.
    """
    refunds.finish(billing, merchant_uid)
    row = records.look(billing, merchant_uid)
    if row is not None and row.status not in OPEN and row.purpose.issues_key and row.card.status in UNDER_WAY:
        cards.finish(billing, row.card_id)
        row = records.look(billing, merchant_uid)
    if row is not None and row.status == PaymentStatus.REFUSING:
        _leave_refusing(billing, row)
        row = records.look(billing, merchant_uid)
    return row


def ask_what_is_held(billing: Billing, payment: Payment) -> None:
    """Before a sum is shown or given back: a part may have been given back in i'mport's console.

    If i'mport is silent the books count, and so they do while somebody asks for a refund of it at this moment.

    Args:
        billing: settings, database, gateway, clock.
        payment: perhaps captured.
    """
    if payment.imp_uid is not None and not billing.errands.are_about(payment.merchant_uid):
        with suppress(SilenceError):
            settle(billing, Door.READ, imp_uid=payment.imp_uid, merchant_uid=payment.merchant_uid)


def refresh(billing: Billing, shopper_id: int, merchant_uid: str | None = None) -> None:
    """Settle what is open before a shopper looks at it, for as long as a page may wait.

    Silence leaves things as they are. What i'mport was not asked about, or did not answer, becomes due, so that the
    background finishes it.

    Args:
        billing: settings, database, gateway, clock.
        shopper_id: whose payments.
        merchant_uid: one order, or None for all of the shopper's.
    """
    orders = _open_orders(billing, shopper_id, merchant_uid)
    for order in orders:
        if billing.gateway.time_left_s == 0:
            break
        with contained(billing, order):
            bring_up_to_date(billing, order, Door.READ)
    if not billing.gateway.heard_all:
        records.make_due(billing, orders)


def bring_up_to_date(billing: Billing, merchant_uid: str, door: Door) -> bool:
    """Settle an open order, or go on with what a decided one still needs.

    Returns:
        False if i'mport could not be asked; nothing has changed then.
    """
    row = records.look(billing, merchant_uid)
    if row is None:
        return True
    try:
        if row.status in OPEN:
            settle(billing, door, merchant_uid=merchant_uid)
        elif billing.errands.are_about(merchant_uid):
            return False  # somebody asks for the refund at this moment; asking twice at once tells nothing
        else:
            finish(billing, merchant_uid)
    except SilenceError:
        return False
    return True


def _hearsay(billing: Billing, door: Door, imp_uid: str | None, facts: Mapping[str, Any] | None) -> list[Note]:
    if door not in (Door.CALLBACK, Door.REDIRECT, Door.WEBHOOK):
        return []
    event = "window_error" if door == Door.CALLBACK and imp_uid is None else door.value
    return [told(billing.clock.now(), event, imp_uid=imp_uid, **(facts or {}))]


def _ask(billing: Billing, imp_uid: str | None, row: Payment) -> tuple[list[iamport.Payment], bool]:
    """What i'mport knows: the payment of that id, else whatever stands under the order number, captures first.

    Returns:
        The payments that count, and whether everything of the order was looked at.

    Raises:
        SilenceError: i'mport could not be asked, or has answered about another order: no proof that nothing was captured.
    """
    answer = billing.gateway.payment(imp_uid) if imp_uid else None
    if answer is not None:
        return [answer], False
    found = billing.gateway.payments_of(row.merchant_uid)
    if any(payment.merchant_uid != row.merchant_uid for payment in found):
        raise SilenceError("the payments of an order", "another order's among them")
    captured = sorted((payment for payment in found if payment.captured), key=lambda payment: str(payment.paid_at))
    declined = [payment for payment in found if payment.status == "failed" and not payment.captured]
    return captured or declined[:1], True


def _write_silence(billing: Billing, row: Payment, hearsay: Sequence[Note], silence: SilenceError) -> None:
    """Nothing changes; but a payment of this order that cannot be read is a person's matter until it can."""
    if isinstance(silence, NotAskedError) and not hearsay:
        return
    notes = [*hearsay, told(billing.clock.now(), "unanswered", reason=silence.reason)]
    if isinstance(silence, UnreadableAnswerError) and silence.merchant_uid == row.merchant_uid:
        facts = {"imp_uid": silence.imp_uid, "why": silence.reason}
        records.call_person(billing, row.merchant_uid, Reason.UNREADABLE, facts, notes=notes)
    else:
        records.note(billing, row.merchant_uid, notes)


def _heed_whole(billing: Billing, row: Payment, answers: Sequence[iamport.Payment]) -> None:
    """What a look at everything of an order tells besides: it can be read, and i'mport still knows what it captured."""
    if row.needs_person:
        with billing.database.writing() as session:
            attention.call_off(session, row.merchant_uid, billing.clock.now(), Reason.UNREADABLE)
    if row.captured and all(answer.imp_uid != row.imp_uid for answer in answers):
        records.call_person(billing, row.merchant_uid, Reason.UNKNOWN, {"imp_uid": row.imp_uid})


def _order_named_by(billing: Billing, imp_uid: str | None, told_order: str | None) -> Payment | None:
    """The order of ours that a payment names, if the message named none; a capture without an order is a stray."""
    answer = billing.gateway.payment(imp_uid) if imp_uid else None
    if answer is None or told_order not in (None, answer.merchant_uid):
        return None
    row = records.look(billing, answer.merchant_uid)
    if row is None and answer.captured:
        record_stray(billing, answer)
    return row


def record_stray(billing: Billing, answer: iamport.Payment) -> bool:
    """Remember a captured payment that belongs to no order of ours.

    It is never cancelled: the account may serve other shops. But if its window put another card behind a key of ours,
    that card is suspended.

    Returns:
        Whether it is new.
    """
    stray = Stray(
        imp_uid=answer.imp_uid,
        merchant_uid=answer.merchant_uid[:255],
        amount_krw=answer.amount,
        seen_at=billing.clock.now(),
    )
    try:
        with billing.database.writing() as session:
            if session.scalar(select(Stray.id).where(Stray.imp_uid == answer.imp_uid)) is not None:
                return False
            session.add(stray)
            facts = {"merchant_uid": stray.merchant_uid, "amount": stray.amount_krw}
            facts |= _whose(session, answer.customer_uid)
            if answer.held or not answer.amount:  # of what was cancelled nothing is held
                attention.call(session, Reason.STRAY, stray.imp_uid, stray.seen_at, **facts)
            if answer.customer_uid_usage == keys.ISSUED and answer.customer_uid:
                _heed_replaced_key(billing, session, answer.customer_uid)
    except IntegrityError:
        return False  # another door has just written it down
    return True


def _whose(session: Session, customer_uid: str | None) -> dict[str, Any]:
    """Whose stored card paid a stray: after a restored backup that is an order, or a period, which was lost."""
    if customer_uid is None:
        return {}
    card = session.execute(select(Card.id, Card.shopper_id).where(Card.customer_uid == customer_uid)).one_or_none()
    if card is None:
        return {}
    # Of the shopper: a period may be paid with any of their cards, and another one may have been chosen since.
    kept = select(Subscription.id).where(
        Subscription.shopper_id == card.shopper_id, Subscription.status != SubscriptionStatus.ENDED
    )
    facts = {"card": card.id, "shopper": card.shopper_id, "subscriptions": list(session.scalars(kept))}
    return {name: found for name, found in facts.items() if found}


def _heed_replaced_key(billing: Billing, session: Session, customer_uid: str) -> None:
    """Suspend the card whose key a stray has replaced, and say so in the timeline of the order that stored it."""
    payment = cards.lock_issuing_payment(session, customer_uid)
    _, event = keys.replace_key(session, customer_uid, billing.clock.now())
    if payment is not None and event is not None:
        timeline.write(session, payment, [decided(billing.clock.now(), event)])


def _write(billing: Billing, row: Payment, answers: Sequence[iamport.Payment], hearsay: list[Note]) -> None:
    seen, notes = Seen(row.merchant_uid, row.version), hearsay
    if row.subscription_id is not None and row.status == PaymentStatus.FAILED:
        # Whether a late approval is still wanted is decided by time, not by whether somebody has written the end yet.
        overview.let_time_pass(billing, row.subscription_id)
    if not answers:
        notes = [*notes, asked(billing.clock.now(), "looked_up", status="unknown")]
    for answer in answers:
        key, key_asked = _key_for(billing, row, answer)
        notes = [*notes, asked(billing.clock.now(), "looked_up", status=answer.status, amount=answer.amount)]
        seen = records.record(billing, seen, answer, key=key, key_asked=key_asked, notes=notes)
        notes = []
        if answer.captured and row.captured and answer.imp_uid != row.imp_uid:
            cards.reread(billing, row.card_id)
    if not any(answer.captured for answer in answers):
        records.amend(billing, seen, _expire(billing, hearsay), notes=notes)


def _key_for(billing: Billing, row: Payment, answer: iamport.Payment) -> tuple[iamport.BillingKey | None, bool]:
    """A 0-won registration is judged by its key as well, so the key is read before the judgement."""
    if not answer.captured or row.captured or not row.purpose.issues_key or answer.amount > 0:
        return None, False
    return billing.gateway.billing_key(row.card.customer_uid), True


def _expire(billing: Billing, hearsay: Sequence[Note]) -> records.Amendment:
    """What an open row learns from "nothing captured": it keeps what the browser said, and after a day it expires."""

    def amend(_session: Session, payment: Payment) -> list[Note]:
        now = billing.clock.now()
        if payment.status != PaymentStatus.READY:
            return []
        said = next((note.detail.get("error_msg") for note in hearsay if note.detail.get("error_msg")), None)
        payment.told_error = without_card_numbers(said) if said else payment.told_error
        closes_at = payment.checkout.closes_at if payment.checkout else payment.created_at + CHECKOUT_LIFETIME
        if not billing.clock.has_passed(CHECKOUT_LIFETIME, closes_at - CHECKOUT_LIFETIME):
            return []
        payment.move(PaymentStatus.EXPIRED)
        return [decided(now, "expired")]

    return amend


def _leave_refusing(billing: Billing, row: Payment) -> None:
    """Refused for good once i'mport holds nothing of it and the key it issued is gone."""

    def amend(_session: Session, payment: Payment) -> list[Note]:
        key_gone = not payment.purpose.issues_key or payment.card.status == CardStatus.REMOVED
        if payment.status != PaymentStatus.REFUSING or payment.held_krw or not key_gone:
            return []
        payment.move(PaymentStatus.REFUSED)
        return [decided(billing.clock.now(), "returned")]

    try:
        records.amend(billing, Seen(row.merchant_uid, row.version), amend)
    except StaleAnswerError:
        return  # whoever wrote it goes on from there


def _open_orders(billing: Billing, shopper_id: int, merchant_uid: str | None) -> list[str]:
    """A shopper's orders that are not at rest."""
    refund_open = select(Refund.id).where(Refund.payment_id == Payment.id, Refund.status == RefundStatus.REQUESTED)
    key_unknown = (Card.status == CardStatus.PENDING) & Payment.status.in_(KEPT)
    key_leaving = (Card.status == CardStatus.REMOVING) & Payment.status.not_in(OPEN)
    query = (
        select(Payment.merchant_uid)
        .join(Payment.card)
        .where(
            Payment.shopper_id == shopper_id,
            or_(
                Payment.status.in_((*OPEN, PaymentStatus.REFUSING)),
                refund_open.exists(),
                key_unknown,
                key_leaving,
            ),
        )
        # Open charges first: a removal is confirmed only when none of its card's charges is open.
        .order_by(Payment.status.not_in(OPEN), Payment.id)
    )
    if merchant_uid is not None:
        query = query.where(Payment.merchant_uid == merchant_uid)
    with billing.database.reading() as session:
        return list(session.scalars(query))
