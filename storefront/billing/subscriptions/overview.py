"""Looking at subscriptions. What time alone decides is written first; nothing is sent and nobody is asked."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from storefront.billing.context import Billing
from storefront.billing.subscriptions import calendar, decisions, standing, step
from storefront.billing.subscriptions.calendar import Interval
from storefront.billing.subscriptions.standing import MovedOnError, Standing
from storefront.billing.subscriptions.step import Charge, Upcoming, Wait
from storefront.models import Card, Checkout, Payment, Subscription
from storefront.states import CardStatus, PaymentStatus, PeriodStatus, SubscriptionStatus

_MOST_AT_ONCE = 10
"""How much may have become due while nobody looked: periods that were missed, then the end, for example."""


@dataclass(frozen=True)
class Overview:
    """A subscription as its shopper sees it.

    Attributes:
        subscription: the row.
        card: its card, whatever state that is in.
        interval: the period that contains now; before the first, number 0; once it has ended, the last one begun.
        status: that period's.
        attempts: at that period, oldest first.
        upcoming: the next charge that happens by itself, if there is one.
        open_orders: order numbers of attempts whose outcome is not known, whichever period they are for.
    """

    subscription: Subscription
    card: Card
    interval: Interval
    status: PeriodStatus
    attempts: Sequence[Payment]
    upcoming: Upcoming | None
    open_orders: Sequence[str]

    @property
    def chargeable_card(self) -> Card | None:
        """The card, if it can be charged."""
        return self.card if self.card.status == CardStatus.ACTIVE else None

    @property
    def next_number(self) -> int:
        """The number of the period that comes after the last begun one."""
        return step.next_interval(self.subscription).number

    @property
    def goes_on(self) -> bool:
        """Whether it needs its card again: it has not ended, and is not about to."""
        return self.subscription.status != SubscriptionStatus.ENDED and self.subscription.leaves_on is None

    @property
    def price_open_on(self) -> date | None:
        """The day on which it ends unless its shopper agrees to a higher price, if that is what comes next."""
        subscription = self.subscription
        begins_on, is_active = subscription.new_price_from, subscription.status == SubscriptionStatus.ACTIVE
        if not is_active or begins_on is None or not step.is_price_open(subscription, step.next_wanted(subscription)):
            return None
        # Also if that one was not wanted: it is then that its shopper would have to have agreed.
        return step.first_from(subscription, begins_on).begins_on

    @property
    def skips_next(self) -> bool:
        """Whether the next period is not wanted."""
        return step.skips_next(self.subscription)


def find(billing: Billing, shopper_id: int, subscription_id: int) -> Overview | None:
    """One subscription; None if it is not this shopper's."""
    return next(iter(_overviews(billing, shopper_id, subscription_id)), None)


def all_of(billing: Billing, shopper_id: int) -> Sequence[Overview]:
    """Every subscription of a shopper, oldest first, the ended ones too."""
    return _overviews(billing, shopper_id)


def let_time_pass(billing: Billing, subscription_id: int) -> None:
    """Write what time alone decides about a subscription: its end, a period skipped or missed, a notice.

    Time decides, not whether a worker has written it yet; so whoever looks at a subscription, or is about to change it,
    calls this first. A charge that is due is left to whoever can send it.

    Args:
        billing: settings, database, gateway, clock.
        subscription_id: which.
    """
    for _ in range(_MOST_AT_ONCE):
        with billing.database.reading() as session:
            subscription = session.get_one(Subscription, subscription_id)
            if not _is_due(standing.read(session, subscription), billing.clock.now()):
                return
        with suppress(MovedOnError), billing.database.writing() as session:
            locked, now = standing.lock(session, subscription_id), billing.clock.now()
            if _is_due(locked, now):
                decisions.write(session, locked, locked.decide(now), now)


def _is_due(found: Standing, now: datetime) -> bool:
    decision = found.decide(now)
    return not isinstance(decision, Charge) and not (isinstance(decision, Wait) and decision.notice is None)


def _overviews(billing: Billing, shopper_id: int, subscription_id: int | None = None) -> Sequence[Overview]:
    query = select(Subscription).where(Subscription.shopper_id == shopper_id).order_by(Subscription.id)
    if subscription_id is not None:
        query = query.where(Subscription.id == subscription_id)
    with billing.database.reading() as session:
        ids = session.scalars(query.with_only_columns(Subscription.id)).all()
    for found in ids:
        let_time_pass(billing, found)
    with billing.database.reading() as session:
        return [_overview(session, row, billing.clock.now()) for row in session.scalars(query).all()]


def _overview(session: Session, subscription: Subscription, now: datetime) -> Overview:
    found = standing.read(session, subscription)
    number = max(calendar.number_on(subscription.anchor_on, subscription.every, calendar.seoul_day(now)), 0)
    if subscription.status == SubscriptionStatus.ENDED:
        number = subscription.number or 0
    period = found.period
    if period is not None and period.number != number:
        period = session.scalar(
            select(Checkout).where(Checkout.subscription_id == subscription.id, Checkout.number == number)
        )
    # One that has not begun has no row.
    unwritten = PeriodStatus.LAPSED if subscription.status == SubscriptionStatus.ENDED else PeriodStatus.DUE
    return Overview(
        subscription=subscription,
        card=found.card,
        interval=calendar.interval(subscription.anchor_on, subscription.every, number),
        status=period.period_status or unwritten if period is not None else unwritten,
        attempts=standing.attempts_of(session, period, with_refunds=True),
        upcoming=found.upcoming(),
        open_orders=[row.merchant_uid for row in found.attempts if row.status == PaymentStatus.REQUESTED],
    )
