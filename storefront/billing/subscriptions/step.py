"""What happens next to a subscription. One pure function decides; whoever calls it writes what it says.

No input, no output, no time of its own: the rows as they are and the moment they are looked at. The rows are a
subscription, the period that was begun last, that period's attempts (oldest first) and the subscription's card.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from storefront.billing.subscriptions import calendar, dunning
from storefront.billing.subscriptions.calendar import Interval
from storefront.models import Card, Checkout, Payment, Subscription
from storefront.states import CardStatus, EndReason, PaymentStatus, SubscriptionStatus

NOTICE_BEFORE = timedelta(days=7)
"""How long before a charge its shopper is told of it."""
BREATH = timedelta(minutes=1)
"""Between two things that are due at once: never two of them in one breath."""


@dataclass(frozen=True)
class Terms:
    """What a period is sold as, and for how much."""

    plan: str
    name: str
    price_krw: int


@dataclass(frozen=True)
class Upcoming:
    """The next charge that happens by itself."""

    at: datetime
    interval: Interval
    terms: Terms
    automatic: bool
    """Whether it counts as one that nobody asked for: a new card is tried because its shopper chose it."""


@dataclass(frozen=True)
class Charge:
    """Charge the card now: a new period, or the present one again."""

    upcoming: Upcoming
    attempt: int


@dataclass(frozen=True)
class Skip:
    """A period its shopper did not want has fallen due."""

    interval: Interval


@dataclass(frozen=True)
class Miss:
    """These periods are over and nobody tried to charge them; they are never charged afterwards."""

    intervals: tuple[Interval, ...]


@dataclass(frozen=True)
class PastDue:
    """A period has fallen due and there is no card to charge."""

    interval: Interval
    terms: Terms


@dataclass(frozen=True)
class End:
    """It is over."""

    reason: EndReason


@dataclass(frozen=True)
class Wait:
    """Nothing happens yet.

    Attributes:
        until: when to look again; None once it has ended.
        notice: the charge of which its shopper should be told now.
        behind: whether the clock shows an earlier time than what is stored: nothing may be decided by it.
    """

    until: datetime | None
    notice: Upcoming | None = None
    behind: bool = False


Decision = Charge | Skip | Miss | PastDue | End | Wait


def step(
    subscription: Subscription, period: Checkout | None, attempts: Sequence[Payment], card: Card, now: datetime
) -> Decision:
    """What happens to a subscription at a moment.

    Args:
        subscription: as it is.
        period: the one of its `number`, or None before the first.
        attempts: of that period, oldest first.
        card: the subscription's.
        now: the moment.

    Returns:
        The decision. Every other one than `Wait` is due now; after writing it, `wake_at` tells when to look again.
    """
    if subscription.status == SubscriptionStatus.ENDED:
        return Wait(None)
    if now < subscription.moved_at:
        return Wait(subscription.wake_at, behind=True)
    if is_open(attempts):
        return Wait(_resting_until(subscription, card, now))
    if subscription.leaves_on is not None and now >= calendar.midnight_of(subscription.leaves_on):
        return End(EndReason.LEFT)
    if subscription.status == SubscriptionStatus.PAST_DUE and period is not None:
        return _mend(subscription, period, attempts, card, now)
    return _go_on(subscription, card, now)


def wake_at(
    subscription: Subscription, period: Checkout | None, attempts: Sequence[Payment], card: Card, now: datetime
) -> datetime | None:
    """When to look at a subscription again, as it is now: always later than now, None once it has ended."""
    decision = step(subscription, period, attempts, card, max(now, subscription.moved_at))
    if not isinstance(decision, Wait) or decision.notice is not None:
        return now + BREATH
    return decision.until


def upcoming_charge(
    subscription: Subscription, period: Checkout | None, attempts: Sequence[Payment], card: Card
) -> Upcoming | None:
    """The next charge that happens by itself, or None if there is none as things stand.

    There is none once it has ended or is about to, without a card that can be charged, while an attempt is open, when
    dunning has nothing left to try, and while a higher price is not agreed to.
    """
    if subscription.status == SubscriptionStatus.ENDED or subscription.leaves_on is not None or is_open(attempts):
        return None
    if subscription.status == SubscriptionStatus.PAST_DUE and period is not None:
        return _retry(subscription, period, attempts, card)
    return _next_charge(subscription, card)


def _next_charge(subscription: Subscription, card: Card) -> Upcoming | None:
    """The charge for the period after the last begun one, or after a skipped one."""
    interval = next_interval(subscription)
    if interval.number == subscription.skip_number:
        interval = calendar.interval(subscription.anchor_on, subscription.every, interval.number + 1)
    if not is_chargeable(subscription, card) or is_price_open(subscription, interval):
        return None
    return Upcoming(_charge_at(subscription, interval), interval, terms_of(subscription, interval), automatic=True)


def charges_until(
    subscription: Subscription, period: Checkout | None, attempts: Sequence[Payment], card: Card, until: datetime
) -> Iterator[Upcoming]:
    """The charges that will happen by themselves up to a moment if each of them is paid and nobody changes anything."""
    upcoming = upcoming_charge(subscription, period, attempts, card)
    if is_open(attempts) and subscription.status != SubscriptionStatus.ENDED and subscription.leaves_on is None:
        upcoming = _next_charge(subscription, card)  # what is not known yet is taken to be paid, too
    while upcoming is not None and upcoming.at <= until:
        yield upcoming
        number = upcoming.interval.number + 1
        number += number == subscription.skip_number
        interval = calendar.interval(subscription.anchor_on, subscription.every, number)
        if is_price_open(subscription, interval):
            return
        upcoming = Upcoming(interval.due_at, interval, terms_of(subscription, interval), automatic=True)


def next_interval(subscription: Subscription) -> Interval:
    """The period that comes after the last begun one."""
    number = 0 if subscription.number is None else subscription.number + 1
    return calendar.interval(subscription.anchor_on, subscription.every, number)


def next_wanted(subscription: Subscription) -> Interval:
    """The period that comes after the last begun one, or after the skipped one that does."""
    interval = next_interval(subscription)
    return first_from(subscription, interval.ends_on) if interval.number == subscription.skip_number else interval


def first_from(subscription: Subscription, day: date) -> Interval:
    """The first period that has not been begun and begins on a day or later."""
    first = next_interval(subscription)
    while first.begins_on < day:
        first = calendar.interval(subscription.anchor_on, subscription.every, first.number + 1)
    return first


def skips_next(subscription: Subscription) -> bool:
    """Whether the next period is not wanted."""
    is_left_out = subscription.skip_number == next_interval(subscription).number
    return is_left_out and subscription.status != SubscriptionStatus.ENDED


def terms_of(subscription: Subscription, interval: Interval) -> Terms:
    """What a period that has not been begun will be sold as: another plan if one was chosen, else an agreed price."""
    if subscription.next_plan and subscription.next_name and subscription.next_price_krw:
        return Terms(subscription.next_plan, subscription.next_name, subscription.next_price_krw)
    if subscription.new_price_krw and _has_new_price(subscription, interval):
        return Terms(subscription.plan, subscription.name, subscription.new_price_krw)
    return Terms(subscription.plan, subscription.name, subscription.price_krw)


def is_chargeable(subscription: Subscription, card: Card) -> bool:
    """Whether the subscription's card may be charged for it."""
    return card.status == CardStatus.ACTIVE and not subscription.card_refused


def is_open(attempts: Sequence[Payment]) -> bool:
    """Whether one of these attempts waits for its outcome: then nobody makes another one."""
    return any(attempt.status == PaymentStatus.REQUESTED for attempt in attempts)


def is_price_open(subscription: Subscription, interval: Interval) -> bool:
    """Whether a period would cost more than its shopper has agreed to."""
    is_higher = (subscription.new_price_krw or 0) > subscription.price_krw
    return is_higher and _has_new_price(subscription, interval) and subscription.new_price_agreed_at is None


def notice_key(upcoming: Upcoming, card_id: int) -> str:
    """What a notice tells of: another sum, card or plan is other news."""
    return f"{upcoming.interval.number}:{upcoming.terms.price_krw}:{card_id}:{upcoming.terms.plan}"


def _go_on(subscription: Subscription, card: Card, now: datetime) -> Decision:
    """Nothing is owed: what about the next period?"""
    interval = next_interval(subscription)
    if is_price_open(subscription, interval) and now >= calendar.midnight_of(interval.begins_on):
        return End(EndReason.PRICE)
    if interval.number == subscription.skip_number and now >= interval.due_at:
        return Skip(interval)
    if now >= interval.ends_at:
        return Miss(_over(subscription, interval, now))
    if interval.number != subscription.skip_number and now >= _charge_at(subscription, interval):
        return _charge_or_past_due(subscription, interval, card)
    untold = _untold(subscription, card)
    notice = untold if untold is not None and now >= untold.at - NOTICE_BEFORE else None
    return Wait(_resting_until(subscription, card, now), notice=notice)


def _charge_or_past_due(subscription: Subscription, interval: Interval, card: Card) -> Decision:
    terms = terms_of(subscription, interval)
    if not is_chargeable(subscription, card):
        return PastDue(interval, terms)
    return Charge(Upcoming(_charge_at(subscription, interval), interval, terms, automatic=True), attempt=1)


def _mend(
    subscription: Subscription, period: Checkout, attempts: Sequence[Payment], card: Card, now: datetime
) -> Decision:
    """The present period is owed: try again, wait, or give it up."""
    ends_at = dunning.ends_at(period)
    if now >= ends_at:
        return End(EndReason.UNPAID)
    upcoming = _retry(subscription, period, attempts, card)
    if upcoming is not None and now >= upcoming.at:
        return Charge(upcoming, attempt=len(attempts) + 1)
    return Wait(min(upcoming.at, ends_at) if upcoming else ends_at)


def _retry(subscription: Subscription, period: Checkout, attempts: Sequence[Payment], card: Card) -> Upcoming | None:
    if not is_chargeable(subscription, card):
        return None
    retry = dunning.retry(attempts, card.id, subscription.card_since, subscription.attempted_at, period.heard_at)
    if retry is None or retry.at >= dunning.ends_at(period):
        return None
    interval = calendar.interval(subscription.anchor_on, subscription.every, period.number or 0)
    terms = Terms(period.plan, subscription.name, period.price_krw)
    return Upcoming(retry.at, interval, terms, automatic=retry.automatic)


def _charge_at(subscription: Subscription, interval: Interval) -> datetime:
    """When a period is charged: as it falls due, but never soon after the last charge that began by itself."""
    return dunning.rested(interval.due_at, subscription.attempted_at)


def _over(subscription: Subscription, interval: Interval, now: datetime) -> tuple[Interval, ...]:
    """The periods from this one on that are over, up to one that was not wanted anyway, or not at its price."""
    over = []
    while (
        now >= interval.ends_at
        and interval.number != subscription.skip_number
        and not is_price_open(subscription, interval)
    ):
        over.append(interval)
        interval = calendar.interval(subscription.anchor_on, subscription.every, interval.number + 1)
    return tuple(over)


def _untold(subscription: Subscription, card: Card) -> Upcoming | None:
    """The next charge, if its shopper has not been told of it as it is now."""
    upcoming = upcoming_charge(subscription, None, (), card)
    told = upcoming is None or subscription.noticed == notice_key(upcoming, card.id)
    return None if told else upcoming


def _resting_until(subscription: Subscription, card: Card, now: datetime) -> datetime:
    """When something happens if the present period needs nothing more."""
    interval = next_interval(subscription)
    moments = [_charge_at(subscription, interval), interval.ends_at]
    if interval.number == subscription.skip_number:
        moments = [interval.due_at]
    if subscription.leaves_on is not None:
        moments.append(calendar.midnight_of(subscription.leaves_on))
    if is_price_open(subscription, interval):
        moments.append(calendar.midnight_of(interval.begins_on))
    untold = _untold(subscription, card)
    if untold is not None:
        moments.append(untold.at - NOTICE_BEFORE)
    return min((moment for moment in moments if moment > now), default=now + BREATH)


def _has_new_price(subscription: Subscription, interval: Interval) -> bool:
    """Whether an announced price concerns a period; another plan, chosen meanwhile, has settled that question."""
    begins, announced_at = subscription.new_price_from, subscription.new_price_announced_at
    is_asked = begins is not None and announced_at is not None and subscription.next_plan is None
    return is_asked and begins is not None and interval.begins_on >= begins
