"""What the outcome of an attempt does to its subscription, in the transaction that moves the payment.

The order's books call these for every payment, with payment, checkout, card and subscription locked and attached.
Each returns the events that belong on the payment's timeline: none for a payment that is no period's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from storefront.billing.mails import news
from storefront.billing.subscriptions import calendar, decisions, dunning
from storefront.billing.subscriptions.standing import Standing, attempts_of, read
from storefront.models import Card, Checkout, Payment, Subscription
from storefront.states import EndReason, PeriodStatus, SubscriptionStatus


def paid(session: Session, payment: Payment, now: datetime) -> list[str]:
    """The attempt was captured as ordered: its period is paid, and nothing is owed."""
    period, subscription = _paid_for(payment)
    if period is None or subscription is None:
        return []
    events = [period.move(PeriodStatus.PAID)]
    if subscription.status == SubscriptionStatus.PAST_DUE:
        events.append(subscription.move(SubscriptionStatus.ACTIVE))
    _plan(session, subscription, period, [payment], now)
    return events


def failed(session: Session, payment: Payment, kind: str, now: datetime) -> list[str]:
    """The attempt was declined, rejected, given up or sent back: dunning begins or goes on, unless another one has paid.

    Args:
        session: the transaction.
        payment: the attempt, moved already.
        kind: which refusal it was; see `dunning.REFUSALS`.
        now: when.
    """
    period, subscription = _paid_for(payment)
    if period is None or subscription is None:
        return []
    payment.declined_as = kind
    if subscription.status == SubscriptionStatus.ENDED:
        return []
    if payment.has_lost:
        # It may have kept the next charge waiting.
        _plan(session, subscription, period, attempts_of(session, period), now)
        return []
    period.trouble_at, period.heard_at = period.trouble_at or now, now
    if dunning.is_hard(kind) and payment.card_id == subscription.card_id:
        subscription.card_refused = True
    events = []
    if subscription.status == SubscriptionStatus.ACTIVE:
        events.append(subscription.move(SubscriptionStatus.PAST_DUE))
    standing = _plan(session, subscription, period, attempts_of(session, period), now)
    if subscription.card_refused:
        news.card_needed(session, subscription, period, now, payment)
    else:
        retry_on, is_next_card_tried = next_try(standing)
        news.declined(session, payment, subscription, retry_on, now, is_next_card_tried=is_next_card_tried)
    return events


def given_back(session: Session, payment: Payment, now: datetime) -> list[str]:
    """I'mport holds nothing of a paid attempt any more. If that paid the present period, it was the end."""
    period, subscription = _paid_for(payment)
    if period is None or subscription is None or not _is_paid_by(period, payment, PeriodStatus.PAID):
        return []
    events = [period.move(PeriodStatus.REFUNDED)]
    is_present = period.ends_on is not None and now < calendar.midnight_of(period.ends_on)
    if is_present and subscription.status != SubscriptionStatus.ENDED:
        decisions.end(subscription, period, EndReason.REFUNDED, now)
        news.ended(session, subscription, now)
        events.append("subscription_ended")
    return events


def held_again(payment: Payment) -> list[str]:
    """A full cancel was undone: the period is paid after all. What has ended stays ended."""
    period, _ = _paid_for(payment)
    if period is None or not _is_paid_by(period, payment, PeriodStatus.REFUNDED):
        return []
    return [period.move(PeriodStatus.PAID)]


def has_ended(payment: Payment) -> bool:
    """Whether a payment is for a period of a subscription that has ended."""
    _, subscription = _paid_for(payment)
    return subscription is not None and subscription.status == SubscriptionStatus.ENDED


def next_try(standing: Standing) -> tuple[date | None, bool]:
    """What comes next for a period that is owed: the Seoul day of its next try, or whether a newly chosen card is tried at once."""
    upcoming = standing.upcoming()
    if upcoming is None:
        return None, False
    return (calendar.seoul_day(upcoming.at), False) if upcoming.automatic else (None, True)


def tell_who_owes(session: Session, card: Card, now: datetime) -> None:
    """Of what is owed already the last mail has said that this card is tried again: that is no longer true.

    Args:
        session: the transaction, with the card locked and not to be charged any more.
        card: removed, or suspended.
        now: when.
    """
    its = select(Subscription).where(
        Subscription.card_id == card.id, Subscription.status == SubscriptionStatus.PAST_DUE
    )
    for subscription in session.scalars(its.with_for_update(key_share=True)):
        found = read(session, subscription)
        if found.period is not None:
            captured_krw = found.attempts[-1].captured_krw if found.attempts else 0
            news.card_needed(session, subscription, found.period, now, captured_krw=captured_krw)


def _paid_for(payment: Payment) -> tuple[Checkout | None, Subscription | None]:
    """The period a payment is an attempt at, and its subscription."""
    period = payment.checkout
    if payment.attempt is None or period is None:
        return None, None
    return period, period.subscription


def _is_paid_by(period: Checkout, payment: Payment, status: PeriodStatus) -> bool:
    return period.period_status == status and period.paid_by == payment.merchant_uid


def _plan(
    session: Session, subscription: Subscription, period: Checkout, attempts: Sequence[Payment], now: datetime
) -> Standing:
    standing = Standing(subscription, period, attempts, session.get_one(Card, subscription.card_id))
    standing.plan(now)
    return standing
