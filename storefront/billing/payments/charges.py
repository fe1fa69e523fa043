"""Charging a stored card again: one charge for one press of a button, whatever happens on the way."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storefront import iamport
from storefront.billing import attention, identifiers
from storefront.billing.attention import Reason
from storefront.billing.cards import CardNotFoundError
from storefront.billing.catalogue import Plan
from storefront.billing.context import Billing
from storefront.billing.orders import records, timeline
from storefront.billing.orders.records import Seen, StaleAnswerError
from storefront.billing.orders.timeline import Note, asked, decided, told
from storefront.billing.payments.settlement import Door, settle
from storefront.iamport import RejectedError, SilenceError
from storefront.models import Card, Payment
from storefront.states import CardStatus, PaymentStatus, Purpose

FIRST_CHECK_AFTER = timedelta(minutes=1)
"""When `reconcile` first looks at a charge by itself; until then its own answer is on the way."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")


class CardNotChargeableError(Exception):
    """The card is not `active` (any more); nothing was written and nothing sent."""


class BadTokenError(ValueError):
    """The form's token is missing or malformed; nothing was written and nothing sent."""


def charge_again(billing: Billing, *, shopper_id: int, card_id: int, plan: Plan, token: str) -> str:
    """Buy one more bag with a stored card.

    Args:
        billing: settings, database, gateway, clock.
        shopper_id: who buys.
        card_id: with which of their cards.
        plan: what; the price is the catalogue's.
        token: the form's; the same token again is the same charge, and is never sent a second time.

    Returns:
        The order number; its row says how it ended: `paid`, `failed`, or `requested` while that is unknown.

    Raises:
        BadTokenError: answer 400.
        CardNotFoundError: not this shopper's card; answer 404.
        CardNotChargeableError: answer 400 and offer another card.
    """
    if not _TOKEN.fullmatch(token):
        raise BadTokenError
    identity = f"extra:{shopper_id}:{token}"
    try:
        payment, is_new = _write_down(billing, shopper_id, card_id, plan, identity)
    except IntegrityError:
        # The second of two clicks at once: the first one's row is there now, and its charge is on the way.
        payment, is_new = _write_down(billing, shopper_id, card_id, plan, identity)
    if is_new:
        send(billing, payment)
    return payment.merchant_uid


def send(billing: Billing, payment: Payment) -> None:
    """Send a charge whose row says `requested`, and write how it ended.

    The caller has claimed this send: the row's `sent_at` is committed, and nobody else sends it.

    Args:
        billing: settings, database, gateway, clock.
        payment: the committed row, with its card.
    """
    seen = Seen(payment.merchant_uid, payment.version)
    notes = [asked(billing.clock.now(), "charge_sent", amount=payment.amount_krw)]
    try:
        answer = billing.gateway.charge_again(
            customer_uid=payment.card.customer_uid,
            merchant_uid=payment.merchant_uid,
            amount=payment.amount_krw,
            name=payment.name,
            buyer_name=payment.buyer_name,
            buyer_email=payment.buyer_email,
            buyer_tel=payment.buyer_phone,
            notice_url=billing.settings.notice_url,
        )
    except SilenceError as silence:
        _end_send(billing, payment, [*notes, told(billing.clock.now(), "charge_unanswered", reason=silence.reason)])
    except RejectedError as rejected:
        _end_send(billing, payment, [*notes, told(billing.clock.now(), "charge_rejected", message=rejected.message)])
        _look_once(billing, payment, rejected)
    else:
        _record(billing, seen, answer, notes)


def give_up(row: Payment, now: datetime) -> Note:
    """End a charge that i'mport does not know: what it captures after all goes back.

    Args:
        row: a charge whose outcome is not known, in the caller's transaction.
        now: this moment.

    Returns:
        The timeline's line.
    """
    row.move(PaymentStatus.FAILED)
    row.given_up = True
    row.failed_at = now
    return decided(now, "given_up")


def _write_down(billing: Billing, shopper_id: int, card_id: int, plan: Plan, identity: str) -> tuple[Payment, bool]:
    """The row of this press, and whether it is new."""
    now = billing.clock.now()
    with billing.database.writing() as session:
        known = session.scalar(select(Payment).where(Payment.identity == identity))
        if known is not None:
            return known, False
        card = _claim_card(session, shopper_id, card_id, now)
        buyer = session.scalar(select(Payment).where(Payment.card_id == card.id).order_by(Payment.id).limit(1))
        if buyer is None:
            raise CardNotChargeableError(card_id)
        payment = Payment(
            merchant_uid=identifiers.new_merchant_uid(now),
            shopper_id=shopper_id,
            card_id=card.id,
            identity=identity,
            purpose=Purpose.EXTRA,
            plan=plan.code,
            name=plan.order_name,
            amount_krw=plan.price_krw,
            status=PaymentStatus.REQUESTED,
            buyer_name=buyer.buyer_name,
            buyer_email=buyer.buyer_email,
            buyer_phone=buyer.buyer_phone,
            created_at=now,
            first_sent_at=now,
            sent_at=now,
            sends=1,
            next_check_at=now + FIRST_CHECK_AFTER,
        )
        payment.card = card
        session.add(payment)
        session.flush()
        timeline.write(session, payment, [decided(now, "ordered", amount=payment.amount_krw)])
        return payment, True


def _claim_card(session: Session, shopper_id: int, card_id: int, now: datetime) -> Card:
    """The card, which this very write has found to be active: a removal that began before it has won."""
    mine = (Card.id == card_id, Card.shopper_id == shopper_id)
    claimed = session.execute(update(Card).where(*mine, Card.status == CardStatus.ACTIVE).values(charged_at=now))
    if claimed.rowcount == 1:  # type: ignore[attr-defined]
        return session.get_one(Card, card_id)
    if session.scalar(select(Card.id).where(*mine, Card.status != CardStatus.PENDING)) is None:
        raise CardNotFoundError(card_id)
    raise CardNotChargeableError(card_id)


def _record(billing: Billing, seen: Seen, answer: iamport.Payment, notes: list[Note]) -> None:
    """The reply of a charge is i'mport's own answer and settles without a second read."""
    notes = [*notes, asked(billing.clock.now(), "charge_answered", status=answer.status, amount=answer.amount)]
    try:
        if answer.merchant_uid == seen.merchant_uid:
            records.record(billing, seen, answer, notes=notes)
            return
    except StaleAnswerError:
        pass  # a webhook was faster, and what it wrote is newer than our reply
    records.note(billing, seen.merchant_uid, notes)
    _settle_quietly(billing, seen.merchant_uid)


def _look_once(billing: Billing, payment: Payment, rejected: RejectedError) -> None:
    """A rejection is final only if nothing is captured: "this order exists already" may be our own success."""
    settled = _settle_quietly(billing, payment.merchant_uid)
    if settled is None or settled.status != PaymentStatus.REQUESTED:
        return
    now = billing.clock.now()

    def fail(session: Session, row: Payment) -> None:
        if row.status != PaymentStatus.REQUESTED:
            return
        if row.sends > 1:
            # Of a repeat this is no proof: "exists already" may speak of the first send. A person has to look.
            if attention.call(session, Reason.REJECTED_RESEND, row.merchant_uid, now, message=rejected.message):
                timeline.write(session, row, [decided(now, Reason.REJECTED_RESEND)])
            return
        row.move(PaymentStatus.FAILED)
        row.fail_reason = rejected.message
        row.failed_at = now
        timeline.write(session, row, [decided(now, "rejected", message=rejected.message)])

    try:
        records.amend(billing, Seen(settled.merchant_uid, settled.version), fail)
    except StaleAnswerError:
        return  # somebody has just settled it


def _settle_quietly(billing: Billing, merchant_uid: str) -> Payment | None:
    try:
        return settle(billing, Door.READ, merchant_uid=merchant_uid)
    except SilenceError:
        return None


def _end_send(billing: Billing, payment: Payment, notes: list[Note]) -> None:
    """The outcome is unknown; from here the grace time runs after which `reconcile` may look and repeat."""
    with billing.database.writing() as session:
        row = session.get_one(Payment, payment.id, with_for_update=True)
        row.send_ended_at = billing.clock.now()
        timeline.write(session, row, notes)
