"""Second looks: at what seems to be over, ever more seldom.

A cancel can be undone without a word, so rows that were cancelled or refused are looked at again for 90 days. What
waits for a person is looked at for as long as it does, for it may be over by itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, literal_column, or_, select, union, update

from storefront.billing import attention
from storefront.billing.attention import Reason, contained
from storefront.billing.context import Billing
from storefront.billing.payments import settlement
from storefront.billing.payments.settlement import Door
from storefront.billing.reconciling import desk
from storefront.billing.reconciling.report import Report
from storefront.clock import MOST_APART
from storefront.iamport import SilenceError, UnreadableAnswerError
from storefront.models import Attention, Event, Payment, Refund
from storefront.states import PaymentStatus, RefundStatus

LOOKED_AT_FOR = timedelta(days=90)
MOST_AT_ONCE = 500
"""So many rows at rest at once, those first that have waited longest."""

EXTRA_CAPTURE: ColumnElement[str] = literal_column("'extra_capture'")
"""As it stands in the index: a value that is handed over beside the statement could be any."""

_AT_REST = (PaymentStatus.CANCELLED, PaymentStatus.REFUSED)
_FIRST_PAUSE = timedelta(hours=1)
_LONGEST_PAUSE = LOOKED_AT_FOR / 2
_AGES = (timedelta(hours=2), timedelta(days=1), timedelta(days=10), LOOKED_AT_FOR)


def look_again(billing: Billing, report: Report, *, only_due: bool) -> None:
    """Ask i'mport about what is at rest and about what waits for a person.

    Args:
        billing: settings, database, gateway, clock.
        report: gets what happened.
        only_due: leave out whatever was looked at not long ago, by its age.
    """
    for item in attention.open_items(billing):
        if not only_due or _is_due(billing, item):
            _look_at_item(billing, item, report)
    for merchant_uid, rested_at in _rows_at_rest(billing, only_due=only_due):
        _plan_next_check(billing, merchant_uid, rested_at)
        with contained(billing, merchant_uid), report.hearing(merchant_uid):
            _look_at_row(billing, merchant_uid, report)


def _look_at_item(billing: Billing, item: Attention, report: Report) -> None:
    now = billing.clock.now()
    with billing.database.writing() as session:
        session.execute(update(Attention).where(Attention.id == item.id).values(checked_at=now))
    with contained(billing, item.subject), report.hearing(item.subject):
        try:
            desk.look_again(billing, item)
        except SilenceError as silence:
            report.unheard.append(f"{item.subject}: {silence.reason}")
            return
        if item.reason == Reason.TROUBLE and attention.subscription_of(item.subject) is None:
            with billing.database.writing() as session:
                attention.call_off(session, item.subject, now, Reason.TROUBLE)


def _is_due(billing: Billing, item: Attention) -> bool:
    """A look that a clock wrote down which was ahead has not been made."""
    now = billing.clock.now()
    if item.checked_at is None or item.checked_at > now:
        return True
    return now >= item.checked_at + _pause(item.checked_at - item.since)


def _look_at_row(billing: Billing, merchant_uid: str, report: Report) -> None:
    try:
        before = _version(billing, merchant_uid)
        settled = settlement.settle(billing, Door.RECONCILE, merchant_uid=merchant_uid)
    except SilenceError as silence:
        if isinstance(silence, UnreadableAnswerError) and silence.merchant_uid == merchant_uid:
            return  # it has answered, and a person is told what it says
        report.unheard.append(f"{merchant_uid}: {silence.reason}")
        return
    if settled is not None and settled.version != before:
        report.changed.append(merchant_uid)


def _version(billing: Billing, merchant_uid: str) -> int | None:
    with billing.database.reading() as session:
        return session.scalar(select(Payment.version).where(Payment.merchant_uid == merchant_uid))


def _rows_at_rest(billing: Billing, *, only_due: bool) -> list[tuple[str, datetime]]:
    """Orders of which something was given back, or that were captured twice, in the last 90 days, and since when they rest."""
    since = billing.clock.now() - LOOKED_AT_FOR
    rested_at: ColumnElement[datetime] = func.coalesce(Payment.cancelled_at, Payment.paid_at, Payment.created_at)
    # Each by an index of its own (see `open_orders`).
    at_rest = union(
        select(Payment.id).where(Payment.status.in_(_AT_REST), rested_at > since),
        select(Refund.payment_id).where(Refund.status == RefundStatus.DONE, Refund.done_at > since),
        # Given back by whomever: somebody in the console leaves no refund of ours.
        select(Event.payment_id).where(Event.event == EXTRA_CAPTURE, Event.at > since),
    )
    query = (
        select(Payment.merchant_uid, rested_at)
        .where(Payment.id.in_(at_rest), ~Payment.needs_person.expression)
        .order_by(Payment.next_check_at.nulls_first())
        .limit(MOST_AT_ONCE)
    )
    if only_due:
        query = query.where(_is_row_due(billing.clock.now(), rested_at))
    with billing.database.reading() as session:
        return [(merchant_uid, moment) for merchant_uid, moment in session.execute(query)]


def _is_row_due(now: datetime, rested_at: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Its time has come, or lies further ahead than is planned at its age: the clock that planned it was ahead."""
    planned = Payment.next_check_at
    planned_wrongly = ((rested_at > now - age) & (planned > now + _pause(age) + MOST_APART) for age in _AGES)
    return or_(planned.is_(None), planned <= now, *planned_wrongly)


def _plan_next_check(billing: Billing, merchant_uid: str, rested_at: datetime) -> None:
    now = billing.clock.now()
    with billing.database.writing() as session:
        row = update(Payment).where(Payment.merchant_uid == merchant_uid)
        session.execute(row.values(next_check_at=now + _pause(now - rested_at)))


def _pause(age: timedelta) -> timedelta:
    """Half as long again as it has been so far: some twenty looks in 90 days."""
    return min(max(age / 2, _FIRST_PAUSE), _LONGEST_PAUSE)
