"""The sweep: what i'mport captured or cancelled that nobody told us of."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from storefront import iamport
from storefront.billing import attention
from storefront.billing.attention import DATABASE_TROUBLE, Reason, contained
from storefront.billing.context import Billing
from storefront.billing.orders import records
from storefront.billing.payments import settlement
from storefront.billing.payments.settlement import Door
from storefront.billing.reconciling.report import Report
from storefront.iamport import SilenceError, UnreadableAnswerError
from storefront.models import Payment, Sweep

OVERLAP = timedelta(hours=1)
"""How far a sweep goes back behind the last one's beginning: clocks differ, and a payment may be slow to show."""
KEPT_FOR = timedelta(days=1)
"""Only the newest of what is written down about sweeps is read."""
LONGEST_WINDOW = timedelta(days=89)
"""i'mport looks at 90 days at most."""

NOTICEABLE = timedelta(seconds=30)
CLOCK = "the clock"
"""The subject of what a person has to know about clocks."""

log = logging.getLogger(__name__)


def sweep(billing: Billing, report: Report) -> None:
    """Compare with everything i'mport captured or cancelled since the last sweep.

    Args:
        billing: settings, database, gateway, clock.
        report: gets what happened.
    """
    begin, end = _begin(billing), billing.clock.now()
    missed = False
    try:
        billing.gateway.learn_the_time()
        for window in _windows(begin, end):
            for status in ("paid", "cancelled"):
                for answer in billing.gateway.payments_by_status(status, *map(billing.gateway.imports_time, window)):
                    missed |= not _is_compared(billing, answer, report)
    except SilenceError as silence:
        report.undecided.append(f"the sweep: {silence.reason}")
        report.unheard.append(f"the sweep: {silence.reason}")
        return
    _compare_clocks(billing)
    if not missed:  # otherwise the next one begins where this one did
        with billing.database.writing() as session:
            session.execute(delete(Sweep).where(Sweep.started_at < begin - KEPT_FOR))
            session.add(Sweep(started_at=end))


def _compare_clocks(billing: Billing) -> None:
    """Moments are compared by i'mport's clock, but two clocks that differ are worth mending."""
    offset, now = billing.gateway.clock_offset, billing.clock.now()
    with billing.database.writing() as session:
        if abs(offset) < NOTICEABLE:
            attention.call_off(session, CLOCK, now, Reason.CLOCKS)
        elif attention.call(session, Reason.CLOCKS, CLOCK, now, minutes=round(offset / timedelta(minutes=1))):
            log.warning("clocks_differ", extra={"fields": {"ahead_s": offset.total_seconds()}})


def last_success(billing: Billing) -> datetime | None:
    """When i'mport was last asked for everything and answered all of it; None if it never did.

    A sweep that a clock wrote down which was ahead does not count until its time has come.
    """
    with billing.database.reading() as session:
        past = Sweep.started_at <= billing.clock.now()
        return session.scalar(select(Sweep.started_at).where(past).order_by(Sweep.id.desc()).limit(1))


def _is_compared(billing: Billing, answer: iamport.Payment | iamport.UnreadablePayment, report: Report) -> bool:
    """Compare one payment; i'mport's silence about it is no reason to leave the others out."""
    heard = True
    # What ends in an error of our own is not missed: it is on a person's list, and is looked at again from there.
    ours = answer.merchant_uid if answer.merchant_uid and records.exists(billing, answer.merchant_uid) else None
    subject = ours or answer.imp_uid
    with contained(billing, subject), report.hearing(subject):
        try:
            row = records.look(billing, ours) if ours else None
            if isinstance(answer, iamport.UnreadablePayment):
                _call_reader(billing, answer, row)
            else:
                _compare(billing, answer, row, report)
        except SilenceError as silence:
            if isinstance(silence, UnreadableAnswerError) and silence.merchant_uid == answer.merchant_uid:
                report.undecided.append(f"{answer.imp_uid}: {silence.reason}")
                return True  # it has answered, and a person is told what it says
            report.undecided.append(f"{answer.imp_uid}: {silence.reason}")
            report.unheard.append(f"{answer.imp_uid}: {silence.reason}")
            heard = False
        except DATABASE_TROUBLE:
            heard = False  # which is no matter for that list
            raise
    return heard


def _begin(billing: Billing) -> datetime:
    """An hour before the last successful sweep, or before the shop's first order."""
    last = last_success(billing)
    with billing.database.reading() as session:
        first = session.scalar(select(Payment.created_at).order_by(Payment.id).limit(1))
    begin = last or first
    return begin - OVERLAP if begin else billing.clock.now() - OVERLAP


def _windows(begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    while begin < end:
        upto = min(begin + LONGEST_WINDOW, end)
        yield begin, upto
        begin = upto


def _compare(billing: Billing, answer: iamport.Payment, row: Payment | None, report: Report) -> None:
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


def _call_reader(billing: Billing, answer: iamport.UnreadablePayment, row: Payment | None) -> None:
    """A payment that cannot be read is a person's matter until it can, whoever's order it belongs to."""
    facts = {"imp_uid": answer.imp_uid, "why": answer.reason}
    if row is not None:
        records.call_person(billing, row.merchant_uid, Reason.UNREADABLE, facts)
        return
    with billing.database.writing() as session:
        attention.call(session, Reason.UNREADABLE, answer.imp_uid, billing.clock.now(), **facts)
