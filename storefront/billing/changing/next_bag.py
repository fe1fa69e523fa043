"""The next bag: not wanted this once, or of another plan. Both count until a charge for it has been claimed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from storefront.billing import prices
from storefront.billing.catalogue import Plan
from storefront.billing.changing import pricing
from storefront.billing.changing.changes import OtherSumError, changing
from storefront.billing.context import Billing
from storefront.billing.renewing.asking import TooLateError
from storefront.billing.subscriptions import decisions, standing, step
from storefront.billing.subscriptions.standing import Standing
from storefront.billing.subscriptions.step import Terms
from storefront.models import Subscription
from storefront.states import Every, PeriodStatus, SubscriptionStatus


@dataclass(frozen=True)
class Choices:
    """What can be changed about the next bag at a moment.

    Attributes:
        can_skip: whether it can be left out.
        can_unskip: whether it is left out, and can be wanted after all.
        offers: which other coffees can be chosen, and for how much a period.
        on: the Seoul day from which on a choice counts.
        terms: what is charged then as things stand.
    """

    can_skip: bool
    can_unskip: bool
    offers: Sequence[Terms]
    on: date
    terms: Terms


def skip(billing: Billing, *, shopper_id: int, subscription_id: int, next_number: int | None = None) -> None:
    """Leave out the bag that would be charged next; one at a time, and only of those that come each month.

    Args:
        billing: settings, database, gateway, clock.
        shopper_id: who asks.
        subscription_id: which.
        next_number: the number of the bag that was shown as the next one; another one is not left out in its place.

    Raises:
        SubscriptionNotFoundError: answer 404.
        TooLateError: nothing is charged next that could be left out. Nothing was changed; answer 409.
    """
    with changing(billing, shopper_id, subscription_id, next_number=next_number) as change:
        subscription, found = change.subscription, change.found
        if step.skips_next(subscription):
            return
        if not can_skip(found):
            raise TooLateError(subscription_id)
        subscription.skip_number = step.next_interval(subscription).number
        change.write()


def unskip(billing: Billing, *, shopper_id: int, subscription_id: int, next_number: int | None = None) -> None:
    """Want that bag after all.

    Args:
        billing: settings, database, gateway, clock.
        shopper_id: who asks.
        subscription_id: which.
        next_number: the number of the bag that was shown as skipped.

    Raises:
        SubscriptionNotFoundError: answer 404.
        TooLateError: it has been left out already, or the subscription has ended. Nothing was changed; answer 409.
    """
    with changing(billing, shopper_id, subscription_id, next_number=next_number) as change:
        subscription, period = change.subscription, change.found.period
        if step.skips_next(subscription):
            subscription.skip_number = None
            change.write()
        elif subscription.status == SubscriptionStatus.ENDED or (
            period is not None and period.period_status == PeriodStatus.SKIPPED
        ):
            raise TooLateError(subscription_id)


def choose_plan(
    billing: Billing,
    *,
    shopper_id: int,
    subscription_id: int,
    plan: Plan,
    price_krw: int,
    consent_version: str,
    next_number: int | None = None,
) -> None:
    """Have the next bag and all later ones be of a plan. The present period stays what was paid for.

    Args:
        billing: settings, database, gateway, clock.
        shopper_id: who asks.
        subscription_id: which.
        plan: what is wanted; the present one takes an earlier choice back.
        price_krw: the won a period that its shopper was shown and has agreed to.
        consent_version: which text was agreed to.
        next_number: the number of the next period, whose first day the text named.

    Raises:
        OtherSumError: answer 409 and show the sum of now.
        SubscriptionNotFoundError: answer 404.
        TooLateError: its next bag cannot be changed now. Nothing was changed; answer 409.
    """
    with changing(billing, shopper_id, subscription_id, next_number=next_number) as change:
        subscription = change.subscription
        is_repeat = (plan.code, price_krw) == _wanted(subscription)
        if is_repeat and subscription.status != SubscriptionStatus.ENDED:
            return
        if not can_change(change.found):
            raise TooLateError(subscription_id)
        terms = terms_of(subscription, plan)
        if terms.price_krw != price_krw:
            raise OtherSumError(subscription_id)
        if plan.code == subscription.plan:
            decisions.forget_next_plan(subscription)
            pricing.tell_again(change.session, subscription, change.now)
        else:
            subscription.next_plan, subscription.next_name = terms.plan, terms.name
            subscription.next_price_krw = terms.price_krw
            subscription.next_consent_version, subscription.next_consent_at = consent_version, change.now
            decisions.forget_agreement(subscription)
        change.write()


def choices(billing: Billing, subscription_id: int) -> Choices:
    """What a shopper can choose about the next bag at this moment."""
    with billing.database.reading() as session:
        found = standing.read(session, session.get_one(Subscription, subscription_id))
    subscription, upcoming = found.subscription, found.upcoming()
    interval = upcoming.interval if upcoming else step.next_wanted(subscription)
    wanted = subscription.next_plan or subscription.plan
    others = [terms_of(subscription, plan) for plan in prices.on_sale(billing) if plan.code != wanted]
    return Choices(
        can_skip=can_skip(found) and not step.skips_next(subscription),
        can_unskip=step.skips_next(subscription),
        offers=others if can_change(found) else (),
        on=interval.begins_on,
        terms=step.terms_of(subscription, interval),
    )


def terms_of(subscription: Subscription, plan: Plan) -> Terms:
    """What a plan would cost this subscription: the price agreed for its own or a lower one, today's for every other."""
    if plan.code == subscription.plan:
        return Terms(subscription.plan, subscription.name, _own_price(subscription))
    return Terms(plan.code, plan.order_name, plan.price_of(subscription.every))


def can_change(found: Standing) -> bool:
    """Whether there is a next bag that nobody has begun to charge."""
    subscription = found.subscription
    is_going_on = subscription.status == SubscriptionStatus.ACTIVE and subscription.leaves_on is None
    return is_going_on and not found.is_open()


def can_skip(found: Standing) -> bool:
    """Whether the next bag can be left out: it is charged by itself, and another comes a month later."""
    return can_change(found) and found.upcoming() is not None and found.subscription.every == Every.MONTH


def _wanted(subscription: Subscription) -> tuple[str, int]:
    """Plan and price of the next bag, unless a new price is asked for."""
    if subscription.next_plan is not None:
        return subscription.next_plan, subscription.next_price_krw or 0
    return subscription.plan, _own_price(subscription)


def _own_price(subscription: Subscription) -> int:
    """The won that were agreed to, or fewer if a cut counts by the next bag: nobody is asked about that."""
    new_krw, begins_on = subscription.new_price_krw, subscription.new_price_from
    if new_krw is None or begins_on is None or begins_on > step.next_wanted(subscription).begins_on:
        return subscription.price_krw
    return min(new_krw, subscription.price_krw)
