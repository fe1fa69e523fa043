"""Our own open rows: each is brought up to date, and a charge that i'mport never saw is sent again or given up.

This is the only place that sends a charge a second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import ColumnElement, CompoundSelect, or_, select, union, update
from sqlalchemy.orm import Session

from storefront.billing.attention import contained
from storefront.billing.context import Billing
from storefront.billing.orders import records
from storefront.billing.orders.records import Seen, StaleAnswerError
from storefront.billing.orders.timeline import Note
from storefront.billing.payments import charges, checkout, refunds, settlement
from storefront.billing.payments.settlement import Door
from storefront.billing.reconciling.report import Report
from storefront.billing.sends import Send
from storefront.clock import MOST_APART
from storefront.models import Card, Payment, Refund
from storefront.states import ISSUING, OPEN, UNDER_WAY, PaymentStatus, RefundReason, RefundStatus

_SOON, _HOURLY, _DAILY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_SOON_CHECKS, _HOURLY_CHECKS = 10, 34


def finish_all(billing: Billing, report: Report, *, only_due: bool) -> None:
    """Go on with every order that is not at rest.

    Args:
        billing: settings, database, gateway, clock.
        report: gets what happened.
        only_due: look only at rows whose turn it is: soon after they were opened, then hourly, then daily.
    """
    _finish_each(billing, report, (_is_due(billing.clock.now()),) if only_due else ())


def finish_on_their_way(billing: Billing, report: Report) -> None:
    """Go on with what i'mport has been sent and not answered, each when it is due; who has not paid yet can wait.

    Args:
        billing: settings, database, gateway, clock.
        report: gets what happened.
    """
    _finish_each(billing, report, (_is_due(billing.clock.now()), is_on_its_way()))


def is_on_its_way() -> ColumnElement[bool]:
    """Of an order: a charge or a refund has been sent of which nobody knows how it ended."""
    return Payment.id.in_(
        union(
            select(Payment.id).where(Payment.status.in_((PaymentStatus.REQUESTED, PaymentStatus.REFUSING))),
            select(Refund.payment_id).where(Refund.status == RefundStatus.REQUESTED),
        )
    )


def _finish_each(billing: Billing, report: Report, which: Sequence[ColumnElement[bool]]) -> None:
    for merchant_uid in _orders(billing, which):
        with contained(billing, merchant_uid), report.hearing(merchant_uid):
            _finish(billing, merchant_uid, report)


def _finish(billing: Billing, merchant_uid: str, report: Report) -> None:
    before = records.look(billing, merchant_uid)
    if before is None:
        return
    report.looked_at.append(merchant_uid)
    _plan_next_check(billing, before)
    refunds.ask_again(billing, merchant_uid)
    asking = billing.listening()
    is_known = settlement.bring_up_to_date(asking, merchant_uid, Door.RECONCILE)
    heard = asking.gateway.heard_all
    after = records.look(billing, merchant_uid)
    if is_known and after is not None and after.status == PaymentStatus.REQUESTED:
        _go_on_with_charge(billing, after)
        after = records.look(billing, merchant_uid)
    if after is None:
        return
    if after.subscription_id is not None:
        refunds.call_person_for_owed(billing, merchant_uid)
    if after.status != before.status:
        report.changed.append(merchant_uid)
    if not is_known or not heard or after.status == PaymentStatus.REQUESTED:
        report.undecided.append(merchant_uid)
    if not heard or not (is_known or after.needs_person):  # what cannot be read a person is told of
        report.unheard.append(merchant_uid)


def _go_on_with_charge(billing: Billing, payment: Payment) -> None:
    """Send a charge that i'mport says it does not know again, give it up, or wait."""
    if _is_from_the_future(billing, payment):
        _begin_grace_anew(billing, payment)
        return
    if payment.needs_person or billing.clock.now() < _grace_ends(billing, payment):
        return  # a person looks, or the first send may still be on its way
    if _amend_if_unchanged(billing, payment, partial(_claim_or_give_up, billing)):
        decided = records.look(billing, payment.merchant_uid)
        if decided is not None and decided.status == PaymentStatus.REQUESTED:
            charges.send(billing, Send.of(decided))


def _is_from_the_future(billing: Billing, payment: Payment) -> bool:
    moments = (payment.first_sent_at, payment.sent_at, payment.send_ended_at)
    return any(moment is not None and billing.clock.is_in_the_future(moment) for moment in moments)


def _begin_grace_anew(billing: Billing, payment: Payment) -> None:
    """A clock that was ahead wrote down when it was sent, so all that is known is that it was before now."""
    now = billing.clock.now()

    def amend(_session: Session, row: Payment) -> list[Note]:
        row.first_sent_at = min(row.first_sent_at or now, now)
        row.sent_at = row.send_ended_at = now
        return []

    _amend_if_unchanged(billing, payment, amend)


def _grace_ends(billing: Billing, payment: Payment) -> datetime:
    """When a send that i'mport does not know of can no longer be on its way."""
    sent_at = payment.sent_at or payment.created_at
    # Without an end the process died while it waited, and it would have waited this long.
    ended_at = payment.send_ended_at or sent_at + timedelta(seconds=billing.settings.imp_timeout_s)
    return ended_at + timedelta(seconds=billing.settings.charge_grace_s)


def _claim_or_give_up(billing: Billing, session: Session, row: Payment) -> list[Note]:
    """Decided under the lock: whoever ends a subscription or removes a card at this moment was first, or comes after it."""
    now = billing.clock.now()
    if not charges.is_wanted(row) or charges.is_too_late(row, now):
        return charges.give_up(session, row, now)
    row.sent_at, row.send_ended_at = now, None
    row.sends += 1
    return []


def _amend_if_unchanged(billing: Billing, payment: Payment, amendment: records.Amendment) -> bool:
    try:
        records.amend(billing, Seen(payment.merchant_uid, payment.version), amendment)
    except StaleAnswerError:
        return False
    return True


def _orders(billing: Billing, which: Sequence[ColumnElement[bool]]) -> list[str]:
    """Those of the orders that are not at rest, the longest untouched first."""
    query = (
        select(Payment.merchant_uid)
        .where(Payment.id.in_(_not_at_rest()), *which)
        # Open charges first: a removal is confirmed only when none of its card's charges is open.
        .order_by(Payment.status.not_in(OPEN), Payment.id)
    )
    with billing.database.reading() as session:
        return list(session.scalars(query))


def _not_at_rest() -> CompoundSelect[tuple[int]]:
    """The ids of orders that something is to be done about.

    Each kind is found by an index of its own: a condition that joins them by OR would be tried on every order there ever was.
    """
    is_waiting, is_owed = Refund.status == RefundStatus.REQUESTED, Refund.status == RefundStatus.FAILED
    return union(
        select(Payment.id).where(Payment.status.in_((*OPEN, PaymentStatus.REFUSING))),
        select(Refund.payment_id).where(is_waiting),
        select(Refund.payment_id).where(is_owed, Refund.reason != RefundReason.SHOPPER),
        select(Payment.id)
        .join(Payment.card)
        .where(Card.status.in_(UNDER_WAY), Payment.status.not_in(OPEN))
        .where(Payment.purpose.in_(ISSUING)),
    )


def _is_due(now: datetime) -> ColumnElement[bool]:
    """Its time has come, or lies further ahead than was ever planned: the clock that planned it was ahead."""
    planned = Payment.next_check_at
    return or_(
        planned.is_(None),
        planned <= now,
        planned > now + _DAILY + MOST_APART,
        (Payment.checks <= _HOURLY_CHECKS) & (planned > now + _HOURLY + MOST_APART),
        (Payment.checks <= _SOON_CHECKS) & (planned > now + checkout.FIRST_CHECK_AFTER + MOST_APART),
    )


def _plan_next_check(billing: Billing, row: Payment) -> None:
    """Soon, then hourly, then daily. This is no news about the payment, so its version stays.

    It is planned before the look, so that a row whose look ends in an error is not looked at without a pause.
    """
    pause = _SOON if row.checks < _SOON_CHECKS else _HOURLY if row.checks < _HOURLY_CHECKS else _DAILY
    later = {"checks": row.checks + 1, "next_check_at": billing.clock.now() + pause}
    with billing.database.writing() as session:
        session.execute(update(Payment).where(Payment.id == row.id).values(later))
