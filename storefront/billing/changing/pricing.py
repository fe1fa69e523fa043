"""Another price for a plan: told to everybody who has it, and charged only of who agreed, or if it is lower.

A subscription keeps the price that was agreed. A rise concerns it from the first period that begins 30 days or more
after the mail that announces it was sent; who has not agreed by then has subscribed for no longer. Nobody is asked
about a cut.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from storefront.billing import prices
from storefront.billing.catalogue import Plan
from storefront.billing.changing.changes import OtherSumError, changing
from storefront.billing.context import Billing
from storefront.billing.mails import news
from storefront.billing.renewing.asking import TooLateError
from storefront.billing.subscriptions import calendar, decisions, standing, step
from storefront.billing.subscriptions.standing import Standing
from storefront.models import Subscription
from storefront.states import SubscriptionStatus

TOLD_BEFORE = timedelta(days=30)
"""How long before the first period that costs more its shopper has been told."""
SET_BEFORE_DAYS = 31
"""How many days ahead a price is set: a day for the mails to go out, and the 30 after them."""


class TooSoonError(ValueError):
    """The day is less than `SET_BEFORE_DAYS` ahead. Nothing was changed."""


@dataclass(frozen=True)
class Announced:
    """What setting a price has led to.

    Attributes:
        asked: subscriptions whose shopper is told, and asked to agree.
        lowered: subscriptions that will cost less.
        unchanged: subscriptions that cost as much already, or know of it.
    """

    asked: int = 0
    lowered: int = 0
    unchanged: int = 0


@dataclass(frozen=True)
class Question:
    """A higher price that a shopper has been told of.

    Attributes:
        price_krw: won a period.
        begins_on: the first day of the first period that costs it; without consent the subscription ends then.
        is_agreed: whether its shopper has agreed.
    """

    price_krw: int
    begins_on: date
    is_agreed: bool


def set_price(billing: Billing, plan: Plan, price_krw: int, begins_on: date) -> Announced:
    """Have a plan cost something else from a day on, and tell everybody who has subscribed to it.

    Doing it again changes nothing for who has been told already, and reaches who has subscribed meanwhile.

    Args:
        billing: settings, database, gateway, clock.
        plan: which.
        price_krw: won a month; a year costs what ten months do.
        begins_on: the first day of Seoul on which it counts for new subscriptions.

    Returns:
        How many subscriptions it concerns.

    Raises:
        TooSoonError: choose a later day.
        MovedOnError: a subscription kept changing meanwhile. Do it again: who has been told is not told twice.
    """
    if begins_on < calendar.seoul_day(billing.clock.now()) + timedelta(days=SET_BEFORE_DAYS):
        raise TooSoonError(begins_on)
    changed = replace(plan, price_krw=price_krw)
    its = select(Subscription.id).where(Subscription.plan == plan.code, Subscription.status != SubscriptionStatus.ENDED)
    with billing.database.writing() as session:
        prices.write(session, changed, begins_on)
        ids = session.scalars(its.order_by(Subscription.id)).all()
    announced = Announced()
    for subscription_id in ids:
        with billing.database.writing() as session:
            found = standing.lock(session, subscription_id)
            outcome = _announce(session, found, changed, begins_on, billing.clock.now())
        announced = replace(announced, **{outcome: getattr(announced, outcome) + 1})
    return announced


def agree(billing: Billing, *, shopper_id: int, subscription_id: int, price_krw: int, consent_version: str) -> None:
    """Agree to a higher price.

    Args:
        billing: settings, database, gateway, clock.
        shopper_id: who agrees.
        subscription_id: for which subscription.
        price_krw: the won a period that they were shown.
        consent_version: which text was agreed to.

    Raises:
        OtherSumError: answer 409 and show the sum of now.
        SubscriptionNotFoundError: answer 404.
        TooLateError: no higher price is asked for. Nothing was changed; answer 409.
    """
    with changing(billing, shopper_id, subscription_id) as change:
        subscription = change.subscription
        asked = question(subscription)
        if asked is None:
            raise TooLateError(subscription_id)
        if asked.price_krw != price_krw:
            raise OtherSumError(subscription_id)
        if not asked.is_agreed:
            subscription.new_price_agreed_at = change.now
            subscription.new_price_consent_version = consent_version
            change.write()


def question(subscription: Subscription) -> Question | None:
    """The higher price that a shopper is asked to agree to, or has agreed to for later; None without one."""
    price_krw, begins_on = subscription.new_price_krw, subscription.new_price_from
    is_settled = subscription.status == SubscriptionStatus.ENDED or subscription.next_plan is not None
    if price_krw is None or begins_on is None or price_krw <= subscription.price_krw or is_settled:
        return None
    if subscription.new_price_announced_at is None:
        return None
    first = step.first_from(subscription, begins_on)
    return Question(price_krw, first.begins_on, subscription.new_price_agreed_at is not None)


def first_period_if_told(subscription: Subscription, now: datetime) -> date:
    """The first day of the first period that may cost more if its shopper is told now."""
    wanted = subscription.new_price_from or calendar.seoul_day(now)
    first = step.first_from(subscription, wanted)
    while calendar.midnight_of(first.begins_on) < now + TOLD_BEFORE:
        first = step.first_from(subscription, first.ends_on)
    return first.begins_on


def tell_again(session: Session, subscription: Subscription, now: datetime) -> None:
    """Announce a rise anew whose mail may have been dropped while its shopper had chosen otherwise; one of both is sent.

    Args:
        session: a writing transaction.
        subscription: whose; what was chosen has just been taken back.
        now: this moment.
    """
    price_krw = subscription.new_price_krw
    if price_krw is not None and price_krw > subscription.price_krw and subscription.new_price_announced_at is None:
        news.price_change(session, subscription, first_period_if_told(subscription, now), now)


def was_told(session: Session, subscription_id: int, price_krw: int, now: datetime) -> None:
    """The mail that announces a rise has been sent: from now on the 30 days are counted.

    Args:
        session: a writing transaction.
        subscription_id: whose.
        price_krw: the won a period that the mail named; another price, set meanwhile, has a mail of its own.
        now: when it was sent.
    """
    found = standing.lock(session, subscription_id)
    subscription = found.subscription
    if subscription.new_price_krw != price_krw or subscription.new_price_announced_at is not None:
        return
    subscription.new_price_from = first_period_if_told(subscription, now)
    subscription.new_price_announced_at = now
    if subscription.status != SubscriptionStatus.ENDED:
        found.plan_at_once(now)


def _announce(session: Session, found: Standing, plan: Plan, begins_on: date, now: datetime) -> str:
    """Write a price down for one subscription; which of `Announced` it counts as."""
    subscription = found.subscription
    price_krw = plan.price_of(subscription.every)
    is_known = subscription.new_price_krw == price_krw and subscription.new_price_announced_at is not None
    if subscription.status == SubscriptionStatus.ENDED or is_known:
        return "unchanged"
    # Whoever is leaving, or has chosen another coffee, is told if they take that back (`tell_again`).
    is_concerned = subscription.leaves_on is None and subscription.next_plan is None
    had_one = subscription.new_price_krw is not None
    decisions.forget_new_price(subscription)
    outcome = "unchanged"
    if price_krw != subscription.price_krw:
        subscription.new_price_krw, subscription.new_price_from = price_krw, begins_on
        if price_krw < subscription.price_krw:
            subscription.new_price_announced_at, outcome = now, "lowered"
        elif is_concerned:
            news.price_change(session, subscription, first_period_if_told(subscription, now), now)
            outcome = "asked"
    if had_one or subscription.new_price_krw is not None:
        subscription.moved_at = max(now, subscription.moved_at)
        found.plan_at_once(now)
    return outcome
