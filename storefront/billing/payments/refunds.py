"""Giving money back: asked for by a shopper, or decided by a refusal or an extra capture.

The refund is written down with its amount and checksum before the first call, and every repeat sends the same words:
i'mport refuses a checksum that no longer fits, so a repeat cannot return more than was meant.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, selectinload

from storefront import iamport
from storefront.billing import attention
from storefront.billing.attention import Reason
from storefront.billing.context import Billing
from storefront.billing.errands import BusyError
from storefront.billing.orders import records, timeline
from storefront.billing.orders.entry import is_settled
from storefront.billing.orders.records import Seen, StaleAnswerError
from storefront.billing.orders.timeline import asked, decided, told
from storefront.billing.sends import FIRST_CHECK_AFTER
from storefront.billing.subscriptions import calendar
from storefront.iamport import RejectedError, SilenceError
from storefront.models import Payment, Refund
from storefront.states import KEPT, RefundReason, RefundStatus

REASONS = {
    RefundReason.SHOPPER: "구매자 요청",
    RefundReason.REFUSED: "주문과 다른 결제",
    RefundReason.EXTRA: "중복 결제",
    RefundReason.LEFT: "구독 해지",
}
"""What the merchant's console shows as the reason of each kind of refund."""

_ATTEMPTS = 5

_REQUESTED = (
    select(Refund.id)
    .join(Refund.payment)
    .where(Payment.merchant_uid == bindparam("merchant_uid"), Refund.status == RefundStatus.REQUESTED)
    .order_by(Refund.id)
)


class PaymentNotFoundError(Exception):
    """This shopper has no such payment."""


class NotRefundableError(Exception):
    """There is nothing to give back, or it is on its way already. No money moves."""


class OnlyByLeavingError(Exception):
    """It paid a period that has begun: leaving gives back what is left of it. No money moves."""


def refund(billing: Billing, *, shopper_id: int, merchant_uid: str, token: str) -> None:
    """Return in full what i'mport holds of a payment.

    A page's time may be over before i'mport has answered; the refund goes on, and is `requested` until then.

    Args:
        billing: settings, database, gateway, clock.
        shopper_id: who asks.
        merchant_uid: the payment.
        token: the button's; the same token again is the same refund.

    Raises:
        PaymentNotFoundError: not this shopper's payment; answer 404.
        NotRefundableError: nothing was written and nothing sent; show the payment as it is.
        OnlyByLeavingError: the same; answer 409 and lead to leaving.
    """
    identity = f"shopper:{merchant_uid}:{token}"
    with billing.database.writing() as session:
        payment = session.scalar(
            select(Payment)
            .where(Payment.merchant_uid == merchant_uid, Payment.shopper_id == shopper_id)
            .options(selectinload(Payment.refunds))
            .with_for_update()
        )
        if payment is None:
            raise PaymentNotFoundError(merchant_uid)
        if session.scalar(select(Refund.id).where(Refund.identity == identity)) is not None:
            return
        now = billing.clock.now()
        if payment.imp_uid is None or not is_refundable(payment):
            raise NotRefundableError(merchant_uid)
        if not is_whole_for(payment, billing.gateway.imports_time(now)):
            raise OnlyByLeavingError(merchant_uid)
        owe(session, payment, identity, payment.held_krw, RefundReason.SHOPPER, now)
    send(billing, merchant_uid)


def send(billing: Billing, merchant_uid: str) -> None:
    """Send what has just been written down, as an errand; if there is no place, `reconcile` sends it at its next look."""
    try:
        with billing.errands.place(merchant_uid) as errand:
            errand.send(partial(finish, billing.insisting(), merchant_uid), billing.gateway)
    except BusyError:
        records.make_due(billing, [merchant_uid])


def is_refundable(payment: Payment) -> bool:
    """Whether its shopper may want it back: something of it is held, and no refund of it is under way or asked for again.

    Args:
        payment: with its refunds.
    """
    held = payment.status in KEPT and payment.held_krw > 0
    own = (refund_row for refund_row in payment.refunds if refund_row.imp_uid == payment.imp_uid)
    return held and not any(refund_row.status == RefundStatus.REQUESTED or _is_owed(refund_row) for refund_row in own)


def is_whole_for(payment: Payment, now: datetime) -> bool:
    """Whether its shopper may have all of it back.

    A period's payment goes back whole only on the Seoul day of paying; later, leaving gives back what is left of it.

    Args:
        payment: any.
        now: the moment, by i'mport's clock.
    """
    return payment.attempt is None or was_paid_today(payment, now)


def was_paid_today(payment: Payment, now: datetime) -> bool:
    """Whether it is still the Seoul day on which a payment was made; both are moments of i'mport's clock."""
    return calendar.seoul_day(payment.paid_at or payment.created_at) == calendar.seoul_day(now)


def on_their_way(payment: Payment, own: Sequence[Refund]) -> int:
    """The won of a payment that somebody has asked back and that i'mport has not confirmed.

    Args:
        payment: the one.
        own: its refunds.
    """
    asked_back = (row for row in own if row.imp_uid == payment.imp_uid)
    return sum(row.amount_krw for row in asked_back if row.status == RefundStatus.REQUESTED or _is_owed(row))


def owe(
    session: Session, payment: Payment, identity: str, amount_krw: int, reason: RefundReason, now: datetime
) -> None:
    """Write down that some of a payment goes back. Whoever does so sends it (`send`) once this is committed.

    Args:
        session: the transaction, with the payment locked.
        payment: captured.
        identity: what makes it this refund and no other.
        amount_krw: won, at most what is held. Nothing of it is on its way back already.
        reason: why.
        now: when.
    """
    session.add(
        Refund(
            payment_id=payment.id,
            identity=identity,
            imp_uid=payment.imp_uid or "",
            amount_krw=amount_krw,
            checksum_krw=payment.held_krw,
            total_krw=payment.captured_krw,
            reason=reason,
            status=RefundStatus.REQUESTED,
            created_at=now,
        )
    )
    payment.next_check_at, payment.checks = now + FIRST_CHECK_AFTER, 0
    timeline.write(session, payment, [decided(now, "refund_asked", amount=amount_krw, reason=reason)])


def call_person_for_owed(billing: Billing, merchant_uid: str) -> None:
    """Put on the list what a leaving owes and i'mport has not confirmed at a look; it is called off when it has."""
    query = (
        select(Refund)
        .join(Refund.payment)
        .where(Payment.merchant_uid == merchant_uid, Refund.reason == RefundReason.LEFT)
    )
    with billing.database.writing() as session:
        for row in session.scalars(query.where(Refund.status == RefundStatus.REQUESTED)):
            attention.call(session, Reason.REFUND_OWED, merchant_uid, billing.clock.now(), amount=row.amount_krw)


def _is_owed(row: Refund) -> bool:
    """Whether it is asked for again although i'mport has refused it: no press of a button would do so."""
    return row.status == RefundStatus.FAILED and row.reason != RefundReason.SHOPPER


def finish(billing: Billing, merchant_uid: str) -> None:
    """Send every refund of an order that is not confirmed yet, first time or again.

    Silence leaves a refund as it is, for the next look. A refusal is checked against i'mport's own record.
    """
    for refund_id in _requested(billing, merchant_uid):
        try:
            _send(billing, merchant_uid, refund_id)
        except SilenceError:
            continue


def ask_again(billing: Billing, merchant_uid: str) -> None:
    """Give refunds of our own making that i'mport refused another chance: what it holds is still not ours to keep.

    Those of which a person has said how they were settled are left alone: by bank transfer, say. Of a leaving's sum only the
    rest is asked for if a part was cancelled in the console meanwhile: i'mport has refused the old words, and always will.
    """
    with billing.database.writing() as session:
        payment = session.scalars(select(Payment).where(Payment.merchant_uid == merchant_uid).with_for_update()).one()
        query = (
            select(Refund)
            .where(Refund.payment_id == payment.id, Refund.reason != RefundReason.SHOPPER)
            .order_by(Refund.id)
        )
        newest = {refund_row.imp_uid: refund_row for refund_row in session.scalars(query.with_for_update())}
        for refund_row in newest.values():
            if refund_row.status == RefundStatus.FAILED and not is_settled(session, merchant_uid, refund_row):
                rest_krw = refund_row.cancelled_after_krw - payment.cancelled_krw
                if refund_row.reason == RefundReason.LEFT and rest_krw > 0:
                    refund_row.amount_krw, refund_row.checksum_krw = rest_krw, payment.held_krw
                event = refund_row.move(RefundStatus.REQUESTED)
                again = decided(billing.clock.now(), event, amount=refund_row.amount_krw)
                timeline.write(session, payment, [again])


def _requested(billing: Billing, merchant_uid: str) -> list[int]:
    with billing.database.reading() as session:
        return list(session.scalars(_REQUESTED, {"merchant_uid": merchant_uid}))


def _send(billing: Billing, merchant_uid: str, refund_id: int) -> None:
    row = records.look(billing, merchant_uid)
    with billing.database.reading() as session:
        refund_row = session.get_one(Refund, refund_id)
    if row is None or refund_row.status != RefundStatus.REQUESTED:
        return
    seen = Seen(merchant_uid, row.version)
    notes = [asked(billing.clock.now(), "cancel_sent", amount=refund_row.amount_krw, imp_uid=refund_row.imp_uid)]
    refused: RejectedError | None = None
    try:
        answer = billing.gateway.cancel(
            imp_uid=refund_row.imp_uid,
            amount=refund_row.amount_krw,
            checksum=refund_row.checksum_krw,
            reason=REASONS[refund_row.reason],
        )
    except RejectedError as error:
        # Perhaps it is through already, by us or by somebody in the console: only the record can tell.
        refused = error
        notes.append(told(billing.clock.now(), "cancel_refused", message=error.message))
        answer = _read_or_note(billing, seen, refund_row.imp_uid, notes)
    except SilenceError as silence:
        unanswered = told(billing.clock.now(), "cancel_unanswered", reason=silence.reason)
        records.note(billing, merchant_uid, [*notes, unanswered])
        raise
    _record(billing, seen, answer, notes)
    if refused:
        _fail_if_still_held(billing, merchant_uid, refund_id, refused)


def _record(billing: Billing, seen: Seen, answer: iamport.Payment, notes: list[timeline.Note]) -> None:
    """Write the answer; if the row moved on meanwhile, read the payment again instead of believing an old answer."""
    for _ in range(_ATTEMPTS):
        try:
            records.record(billing, seen, answer, notes=notes)
        except StaleAnswerError:
            # What was asked has been asked, whatever comes of looking again.
            records.note(billing, seen.merchant_uid, notes)
            notes = []
            row = records.look(billing, seen.merchant_uid)
            fresh = billing.gateway.payment(answer.imp_uid)
            if row is None or fresh is None:
                return
            seen, answer = Seen(seen.merchant_uid, row.version), fresh
        else:
            return


def _read_or_note(billing: Billing, seen: Seen, imp_uid: str, notes: list[timeline.Note]) -> iamport.Payment:
    """I'mport's record of a payment; if it has none to give, what was asked before is written down all the same."""
    try:
        known = billing.gateway.payment(imp_uid)
    except SilenceError as silence:
        unanswered = told(billing.clock.now(), "unanswered", reason=silence.reason)
        records.note(billing, seen.merchant_uid, [*notes, unanswered])
        raise
    if known is None:
        records.call_person(billing, seen.merchant_uid, Reason.UNKNOWN, {"imp_uid": imp_uid}, notes=notes)
        raise SilenceError("the cancelled payment", "unknown")
    return known


def _fail_if_still_held(billing: Billing, merchant_uid: str, refund_id: int, refused: RejectedError) -> None:
    """I'mport refused, and what it holds does not look as if the money went back: a person has to look."""
    with billing.database.writing() as session:
        payment = session.scalars(select(Payment).where(Payment.merchant_uid == merchant_uid).with_for_update()).one()
        refund_row = session.get_one(Refund, refund_id, with_for_update=True)
        if refund_row.status != RefundStatus.REQUESTED:
            return
        refund_row.move(RefundStatus.FAILED)
        now, facts = billing.clock.now(), {"amount": refund_row.amount_krw, "message": refused.message}
        attention.call(session, Reason.REFUND_FAILED, merchant_uid, now, refund=refund_id, **facts)
        failed = decided(now, "refund_failed", **facts)
        timeline.write(session, payment, [failed])
