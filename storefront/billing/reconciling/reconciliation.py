"""Reconciliation: finishing what a crash, a silence or a lost message left open.

It looks both ways: at our open rows, and at what i'mport captured or cancelled that nobody told us of. It is the only
place that sends a charge a second time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from storefront import iamport
from storefront.billing.context import Billing
from storefront.billing.orders import records, timeline
from storefront.billing.orders.records import Seen, StaleAnswerError
from storefront.billing.orders.timeline import decided
from storefront.billing.payments import charges, refunds, settlement
from storefront.billing.payments.settlement import Door
from storefront.iamport import SilenceError
from storefront.models import Card, Payment, Refund, Stray, Sweep
from storefront.states import CardStatus, PaymentStatus, RefundStatus

GIVE_UP_AFTER = timedelta(hours=24)
"""A charge that i'mport has not seen a day after it was first sent is not sent any more."""
OVERLAP = timedelta(hours=1)
"""How far a sweep goes back behind the last one's beginning: clocks differ, and a payment may be slow to show."""
LONGEST_WINDOW = timedelta(days=89)
"""i'mport looks at 90 days at most."""

_OPEN = (PaymentStatus.READY, PaymentStatus.REQUESTED)
_SOON, _HOURLY, _DAILY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_SOON_CHECKS, _HOURLY_CHECKS = 10, 34


@dataclass
class Report:
    """What one run looked at, changed and could not decide.

    Attributes:
        looked_at: order numbers of open rows that were looked at.
        changed: order numbers whose row is another one now.
        undecided: order numbers about which i'mport could not be asked, or does not know yet.
        needs_person: a line for each thing that only a person can decide.
    """

    looked_at: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    needs_person: list[str] = field(default_factory=list)


def reconcile(billing: Billing, *, only_due: bool = False, sweep: bool = True) -> Report:
    """Finish what is open, and look for what nobody told us.

    Args:
        billing: settings, database, gateway, clock.
        only_due: look only at rows whose turn it is: soon after they were opened, then hourly, then daily.
        sweep: also ask i'mport for everything captured or cancelled since the last sweep.

    Returns:
        The report. i'mport's silence is in it; it raises nothing for that.
    """
    report = Report()
    for merchant_uid in _open_orders(billing, only_due=only_due):
        _finish(billing, merchant_uid, report)
    if sweep:
        _sweep(billing, report)
    _call_for_help(billing, report)
    return report


def _finish(billing: Billing, merchant_uid: str, report: Report) -> None:
    before = records.look(billing, merchant_uid)
    if before is None:
        return
    report.looked_at.append(merchant_uid)
    refunds.ask_again(billing, merchant_uid)
    heard = settlement.bring_up_to_date(billing, merchant_uid, Door.RECONCILE)
    after = records.look(billing, merchant_uid)
    if heard and after is not None and after.status == PaymentStatus.REQUESTED:
        _go_on_with_charge(billing, after)
        after = records.look(billing, merchant_uid)
    if after is None:
        return
    if after.status != before.status:
        report.changed.append(merchant_uid)
    if not heard or after.status == PaymentStatus.REQUESTED:
        report.undecided.append(merchant_uid)
    _plan_next_check(billing, after)


def _go_on_with_charge(billing: Billing, payment: Payment) -> None:
    """Send a charge that i'mport says it does not know again, give it up, or wait."""
    now = billing.clock.now()
    if payment.attention is not None or now < _grace_ends(billing, payment):
        return  # a person looks, or the first send may still be on its way
    too_old = payment.first_sent_at is None or now >= payment.first_sent_at + GIVE_UP_AFTER
    if too_old or payment.card.status != CardStatus.ACTIVE:
        _give_up(billing, payment)
    else:
        _send_again(billing, payment)


def _grace_ends(billing: Billing, payment: Payment) -> datetime:
    """When a send that i'mport does not know of can no longer be on its way."""
    sent_at = payment.sent_at or payment.created_at
    # Without an end the process died while it waited, and it would have waited this long.
    ended_at = payment.send_ended_at or sent_at + timedelta(seconds=billing.settings.imp_timeout_s)
    return ended_at + timedelta(seconds=billing.settings.charge_grace_s)


def _give_up(billing: Billing, payment: Payment) -> None:
    now = billing.clock.now()

    def amend(session: Session, row: Payment) -> None:
        row.move(PaymentStatus.FAILED)
        row.given_up = True
        row.failed_at = now
        timeline.write(session, row, [decided(now, "given_up")])

    _amend_if_unchanged(billing, payment, amend)


def _send_again(billing: Billing, payment: Payment) -> None:
    now = billing.clock.now()

    def claim(session: Session, row: Payment) -> None:
        active = update(Card).where(Card.id == row.card_id, Card.status == CardStatus.ACTIVE).values(charged_at=now)
        if session.execute(active).rowcount != 1:  # type: ignore[attr-defined]
            raise StaleAnswerError(row.merchant_uid)
        row.sent_at, row.send_ended_at = now, None
        row.sends += 1

    if _amend_if_unchanged(billing, payment, claim):
        claimed = records.look(billing, payment.merchant_uid)
        if claimed is not None:
            charges.send(billing, claimed)


def _amend_if_unchanged(billing: Billing, payment: Payment, amendment: records.Amendment) -> bool:
    try:
        records.amend(billing, Seen(payment.merchant_uid, payment.version), amendment)
    except StaleAnswerError:
        return False
    return True


def _open_orders(billing: Billing, *, only_due: bool) -> list[str]:
    """Every order that is not at rest, the longest untouched first."""
    refund_open = select(Refund.id).where(
        Refund.payment_id == Payment.id,
        or_(
            Refund.status == RefundStatus.REQUESTED,
            (Refund.status == RefundStatus.FAILED) & (Refund.reason != "shopper"),
        ),
    )
    key_undecided = Card.status.in_((CardStatus.PENDING, CardStatus.REMOVING)) & Payment.status.not_in(_OPEN)
    query = (
        select(Payment.merchant_uid)
        .join(Payment.card)
        .where(
            or_(
                Payment.status.in_((*_OPEN, PaymentStatus.REFUSING)),
                refund_open.exists(),
                key_undecided & Payment.purpose.in_(("register", "first")),
            )
        )
        # Open charges first: a removal is confirmed only when none of its card's charges is open.
        .order_by(Payment.status.not_in(_OPEN), Payment.id)
    )
    if only_due:
        query = query.where(or_(Payment.next_check_at.is_(None), Payment.next_check_at <= billing.clock.now()))
    with billing.database.reading() as session:
        return list(session.scalars(query))


def _plan_next_check(billing: Billing, row: Payment) -> None:
    """Soon, then hourly, then daily. This is no news about the payment, so its version stays."""
    pause = _SOON if row.checks < _SOON_CHECKS else _HOURLY if row.checks < _HOURLY_CHECKS else _DAILY
    later = {"checks": row.checks + 1, "next_check_at": billing.clock.now() + pause}
    with billing.database.writing() as session:
        session.execute(update(Payment).where(Payment.id == row.id).values(later))


def _sweep(billing: Billing, report: Report) -> None:
    """Compare with everything i'mport captured or cancelled since the last sweep."""
    begin, end = _window(billing), billing.clock.now()
    missed = False
    try:
        for window in _windows(begin, end):
            for status in ("paid", "cancelled"):
                for answer in billing.gateway.payments_by_status(status, *window):
                    missed |= not _is_compared(billing, answer, report)
    except SilenceError as silence:
        report.undecided.append(f"the sweep: {silence.reason}")
        return
    if not missed:  # otherwise the next one begins where this one did
        with billing.database.writing() as session:
            session.add(Sweep(started_at=end))


def _is_compared(billing: Billing, answer: iamport.Payment | iamport.UnreadablePayment, report: Report) -> bool:
    """Compare one payment; i'mport's silence about it is no reason to leave the others out."""
    try:
        _compare(billing, answer, report)
    except SilenceError as silence:
        report.undecided.append(f"{answer.imp_uid}: {silence.reason}")
        return False
    return True


def _window(billing: Billing) -> datetime:
    """Where the sweep begins: an hour before the last successful one, or before the shop's first order."""
    with billing.database.reading() as session:
        past = Sweep.started_at <= billing.clock.now()  # a clock that was ahead and is right again has left others
        last = session.scalar(select(Sweep.started_at).where(past).order_by(Sweep.id.desc()).limit(1))
        first = session.scalar(select(Payment.created_at).order_by(Payment.id).limit(1))
    begin = last or first
    return begin - OVERLAP if begin else billing.clock.now() - OVERLAP


def _windows(begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    while begin < end:
        upto = min(begin + LONGEST_WINDOW, end)
        yield begin, upto
        begin = upto


def _compare(billing: Billing, answer: iamport.Payment | iamport.UnreadablePayment, report: Report) -> None:
    if isinstance(answer, iamport.UnreadablePayment):
        report.needs_person.append(f"{answer.imp_uid}: what i'mport says of it cannot be read ({answer.reason})")
        return
    row = records.look(billing, answer.merchant_uid)
    if row is None:
        if answer.captured:
            settlement.record_stray(billing, answer)
        return
    same = row.captured and row.imp_uid == answer.imp_uid and row.cancelled_krw == answer.cancel_amount
    if same:
        return
    settled = settlement.settle(billing, Door.RECONCILE, imp_uid=answer.imp_uid, merchant_uid=answer.merchant_uid)
    if settled is not None and settled.version != row.version:
        report.changed.append(answer.merchant_uid)


def _call_for_help(billing: Billing, report: Report) -> None:
    """What a person has to decide: contradictions as long as they stand, a stray once."""
    with billing.database.writing() as session:
        for payment in session.scalars(select(Payment).where(Payment.attention.is_not(None)).order_by(Payment.id)):
            report.needs_person.append(f"{payment.merchant_uid}: {payment.attention}")
        for stray in session.scalars(select(Stray).where(Stray.reported_at.is_(None)).order_by(Stray.id)):
            report.needs_person.append(
                f"stray {stray.imp_uid}: {stray.amount_krw} won captured for {stray.merchant_uid}, which is not ours"
            )
            stray.reported_at = billing.clock.now()
