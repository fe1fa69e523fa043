"""Leaving: at the end of the period that is paid, or now, with what is left of it given back.

From the moment it is written no charge begins. What goes back is written in the same transaction, and owed until
i'mport has confirmed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from storefront.billing.changing import pricing
from storefront.billing.changing.changes import OtherSumError, changing
from storefront.billing.context import Billing
from storefront.billing.mails import news
from storefront.billing.payments import refunds, settlement
from storefront.billing.renewing.asking import TooLateError
from storefront.billing.subscriptions import calendar, decisions, standing
from storefront.billing.subscriptions.standing import Standing
from storefront.models import Checkout, Payment, Refund, Subscription
from storefront.states import EndReason, PeriodStatus, RefundReason, SubscriptionStatus


@dataclass(frozen=True)
class Choices:
    """What leaving means at a moment.

    Attributes:
        refund_krw: what goes back if it ends now, in won.
        leaves_on: the day it ends if it runs to the end of what is paid; None if nothing paid is running.
    """

    refund_krw: int
    leaves_on: date | None


def choices(billing: Billing, subscription_id: int) -> Choices:
    """What a shopper can choose between; only of a subscription that has not ended."""
    with billing.database.reading() as session:
        found = standing.read(session, session.get_one(Subscription, subscription_id))
        return _choices(session, found, billing.clock.now(), billing.gateway.clock_offset)


def ask_what_is_held(billing: Billing, *, shopper_id: int, subscription_id: int) -> None:
    """Before a sum is shown or given back, as far as i'mport answers.

    Args:
        billing: settings, database, gateway, clock.
        shopper_id: who asks; about another one's subscription nothing is asked.
        subscription_id: whose present period.
    """
    with billing.database.reading() as session:
        subscription = session.get(Subscription, subscription_id)
        if subscription is None or subscription.shopper_id != shopper_id:
            return
        paid = _payment_of(session, _running(standing.read(session, subscription), billing.clock.now()))
    if paid is not None:
        settlement.ask_what_is_held(billing, paid)


def leave_at_the_end(billing: Billing, *, shopper_id: int, subscription_id: int) -> None:
    """End it with the period that is paid; at once if none is running. Until then its shopper may stay after all.

    Raises:
        SubscriptionNotFoundError: answer 404.
        TooLateError: it has ended for another reason. Nothing was changed; answer 409.
    """
    with changing(billing, shopper_id, subscription_id) as change:
        subscription = change.subscription
        if subscription.leaves_on is not None or _has_left(subscription):
            return
        running = _running(change.found, change.now)
        if running is None:
            decisions.end(subscription, change.found.period, EndReason.LEFT, change.now)
        else:
            subscription.leaves_on = running.ends_on
        news.left(change.session, subscription, 0, change.now, is_charge_open=change.found.is_open())
        change.write()


def leave_now(billing: Billing, *, shopper_id: int, subscription_id: int, refund_krw: int) -> None:
    """End it at once, and give back what is left of the period that is paid.

    Args:
        billing: settings, database, gateway, clock.
        shopper_id: who asks.
        subscription_id: which.
        refund_krw: the won that its shopper was shown.

    Raises:
        OtherSumError: answer 409 and show the sum of now.
        SubscriptionNotFoundError: answer 404.
        TooLateError: it has ended for another reason. Nothing was changed; answer 409.
    """
    if refund_krw:
        ask_what_is_held(billing, shopper_id=shopper_id, subscription_id=subscription_id)
    with changing(billing, shopper_id, subscription_id) as change:
        session, found, now = change.session, change.found, change.now
        if _has_left(found.subscription):
            return
        if _choices(session, found, now, billing.gateway.clock_offset).refund_krw != refund_krw:
            raise OtherSumError(subscription_id)
        payment = _payment_of(session, _running(found, now))
        found.subscription.leaves_on = None  # whoever meant to leave later leaves now
        decisions.end(found.subscription, found.period, EndReason.LEFT, now)
        if payment is not None and refund_krw:
            refunds.owe(session, payment, f"left:{subscription_id}", refund_krw, RefundReason.LEFT, now)
        news.left(session, found.subscription, refund_krw, now, is_charge_open=found.is_open())
        change.write()
    if payment is not None and refund_krw:
        refunds.send(billing, payment.merchant_uid)


def stay(billing: Billing, *, shopper_id: int, subscription_id: int) -> None:
    """Take a leaving back before its day has come.

    Raises:
        SubscriptionNotFoundError: answer 404.
        TooLateError: it has ended. Nothing was changed; answer 409.
    """
    with changing(billing, shopper_id, subscription_id) as change:
        if change.subscription.status == SubscriptionStatus.ENDED:
            raise TooLateError(subscription_id)
        if change.subscription.leaves_on is not None:
            change.subscription.leaves_on = None
            pricing.tell_again(change.session, change.subscription, change.now)
            change.write()


def refundable_krw(
    period: Checkout | None, payment: Payment | None, own: Sequence[Refund], now: datetime, offset: timedelta
) -> int:
    """What goes back of a running period if it ends now.

    All of it on the Seoul day of paying. Afterwards the days that are not used count, from tomorrow on, at the price
    that was really paid; and never more than i'mport holds and nobody has asked back already.

    Args:
        period: the running one, paid; None if there is none.
        payment: what paid it.
        own: that payment's refunds.
        now: the moment.
        offset: how far i'mport's clock, by which it was paid, is ahead of ours.

    Returns:
        Won.
    """
    if period is None or payment is None or period.begins_on is None or period.ends_on is None:
        return 0
    held = max(payment.held_krw - refunds.on_their_way(payment, own), 0)
    today = calendar.seoul_day(now)
    if refunds.was_paid_today(payment, now + offset):
        return held
    days = (period.ends_on - period.begins_on).days
    unused = min(max((period.ends_on - today - timedelta(days=1)).days, 0), days)
    return min(held, payment.captured_krw * unused // days)


def _choices(session: Session, found: Standing, now: datetime, offset: timedelta) -> Choices:
    running = _running(found, now)
    payment = _payment_of(session, running)
    own = session.scalars(select(Refund).where(Refund.payment_id == payment.id)).all() if payment else ()
    return Choices(refundable_krw(running, payment, own, now, offset), running.ends_on if running else None)


def _running(found: Standing, now: datetime) -> Checkout | None:
    """The period that is paid and not over."""
    period = found.period
    if period is None or period.ends_on is None or period.period_status != PeriodStatus.PAID:
        return None
    return period if now < calendar.midnight_of(period.ends_on) else None


def _payment_of(session: Session, period: Checkout | None) -> Payment | None:
    if period is None:
        return None
    return session.scalar(select(Payment).where(Payment.merchant_uid == period.paid_by))


def _has_left(subscription: Subscription) -> bool:
    if subscription.status != SubscriptionStatus.ENDED:
        return False
    if subscription.reason != EndReason.LEFT:
        raise TooLateError(subscription.id)
    return True
