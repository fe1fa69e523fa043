"""A month in figures: what was charged and given back, what was declined and recovered, who stays and who has left.

A month is Seoul's. Money belongs to the month in which i'mport captured or cancelled it, not to the one in which the shop
heard of it; so its sums are i'mport's own. Only of several partial cancels of one payment, all but the last count from
when the shop heard of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, selectinload

from storefront.billing.context import Billing
from storefront.billing.subscriptions import calendar, dunning
from storefront.models import Checkout, Event, Payment, Subscription
from storefront.states import EndReason, Every, PaymentStatus

_MOVED = ("cancelled", "cancel_undone")


@dataclass(frozen=True)
class Month:
    """The figures; amounts in won.

    Attributes:
        charged_krw: what i'mport captured, for whatever it was.
        charges: how many captures that were.
        refunded_krw: what went back, whoever cancelled it.
        declined: attempts at periods that were not paid, by the kind of refusal.
        recovered: periods that were paid after a failed attempt or without a card at first.
        recovered_krw: what they brought.
        active: subscriptions that were not over at the month's end, or now if it is not over.
        ended: those that ended in the month, by reason.
    """

    charged_krw: int
    charges: int
    refunded_krw: int
    declined: Counter[str]
    recovered: int
    recovered_krw: int
    active: int
    ended: Counter[EndReason]


def month(billing: Billing, first_day: date) -> Month:
    """The figures of a month.

    Args:
        billing: settings, database, gateway, clock.
        first_day: of the month.
    """
    interval = calendar.interval(first_day, Every.MONTH, 0)
    span = _Span(calendar.midnight_of(interval.begins_on), interval.ends_at)
    with billing.database.reading() as session:
        captures, recovered = _captures(session, span), _recovered(session, span)
        return Month(
            charged_krw=sum(captures),
            charges=len(captures),
            refunded_krw=_refunded(session, span),
            declined=_declined(session, span),
            recovered=len(recovered),
            recovered_krw=sum(recovered),
            active=_active(session, span),
            ended=_ended(session, span),
        )


class _Span(NamedTuple):
    """The moments of a month: from `begin` on, and before `end`."""

    begin: datetime
    end: datetime

    def holds(
        self, column: InstrumentedAttribute[datetime | None] | InstrumentedAttribute[datetime]
    ) -> ColumnElement[bool]:
        """Whether a row's moment is in it."""
        return and_(column >= self.begin, column < self.end)

    def has(self, moment: datetime) -> bool:
        """Whether a moment is in it."""
        return self.begin <= moment < self.end


def _captures(session: Session, span: _Span) -> list[int]:
    own = select(Payment.captured_krw).where(span.holds(Payment.paid_at), Payment.captured_krw > 0)
    # A second capture is heard of after it was made.
    extra = session.scalars(select(Event).where(Event.event == "extra_capture", Event.at >= span.begin))
    captured = [event.detail["amount"] for event in extra if span.has(_moment(event, "paid_at"))]
    return [*session.scalars(own), *filter(None, captured)]


def _refunded(session: Session, span: _Span) -> int:
    return sum(won for won, at in (*_own_cancels(session, span), *_extra_cancels(session)) if span.has(at))


def _own_cancels(session: Session, span: _Span) -> Iterator[tuple[int, datetime]]:
    # Whatever was cancelled in this month, its payment was not cancelled for the last time before it.
    its_events = Event.event.in_(_MOVED) & Event.detail["imp_uid"].as_string().is_(None)
    cancelled = (
        select(Payment)
        .where(Payment.cancelled_krw > 0, or_(Payment.cancelled_at.is_(None), Payment.cancelled_at >= span.begin))
        .options(selectinload(Payment.events.and_(its_events)))
    )
    for payment in session.scalars(cancelled):
        totals = [(payment.captured_krw - int(event.detail.get("held", 0)), event.at) for event in payment.events]
        # The last one's time is i'mport's own; a payment that was refused may have been cancelled before we knew it.
        last = (payment.cancelled_krw, payment.cancelled_at or payment.paid_at or payment.created_at)
        yield from _steps([*totals, last])


def _extra_cancels(session: Session) -> Iterator[tuple[int, datetime]]:
    """Those of second captures, of which there are few."""
    imp_uid = Event.detail["imp_uid"].as_string()
    totals = defaultdict(list)
    for event in session.scalars(select(Event).where(Event.event.in_(_MOVED), imp_uid.is_not(None)).order_by(Event.id)):
        totals[event.detail["imp_uid"]].append((event.detail["cancelled"], _moment(event, "cancelled_at")))
    for of_one in totals.values():
        yield from _steps(of_one)


def _steps(totals: Sequence[tuple[int, datetime]]) -> list[tuple[int, datetime]]:
    """The won that were cancelled by and by, and when, from the sums of all so far; what was undone has not been."""
    kept: list[tuple[int, datetime | None]] = [(0, None)]
    for total, at in totals:
        kept = [(earlier, when) for earlier, when in kept if earlier < total] + [(total, at)]
    return [(total - earlier, at) for (earlier, _), (total, at) in pairwise(kept) if at is not None]


def _moment(event: Event, name: str) -> datetime:
    """When i'mport says that it was."""
    at = event.detail.get(name)
    return datetime.fromtimestamp(at, UTC) if at is not None else event.at


def _declined(session: Session, span: _Span) -> Counter[str]:
    failed = (Payment.status == PaymentStatus.FAILED, Payment.attempt.is_not(None), span.holds(Payment.failed_at))
    kinds = session.scalars(select(Payment.declined_as).where(*failed))
    return Counter(kind or dunning.UNKNOWN for kind in kinds)


def _recovered(session: Session, span: _Span) -> Sequence[int]:
    query = (
        select(Payment.captured_krw)
        .join(Checkout, Checkout.paid_by == Payment.merchant_uid)
        .where(Checkout.trouble_at.is_not(None), span.holds(Payment.paid_at))
    )
    return session.scalars(query).all()


def _active(session: Session, span: _Span) -> int:
    outlasts_it = or_(Subscription.ended_at.is_(None), Subscription.ended_at >= span.end)
    return session.scalar(select(func.count()).where(Subscription.began_at < span.end, outlasts_it)) or 0


def _ended(session: Session, span: _Span) -> Counter[EndReason]:
    reasons = session.scalars(select(Subscription.reason).where(span.holds(Subscription.ended_at)))
    return Counter(reason for reason in reasons if reason is not None)
