"""How a subscription begins: in the transaction that wins its checkout, from the terms of the payment that won it."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from storefront.billing.subscriptions import calendar
from storefront.billing.subscriptions.standing import Standing, read
from storefront.models import Card, Checkout, Payment, Subscription
from storefront.states import Every, PeriodStatus, Purpose, SubscriptionStatus
from storefront.wording import KOREAN


def with_first_payment(session: Session, payment: Payment, now: datetime) -> list[str]:
    """The first bag has just been paid, in a window or with a stored card: that is period 0 of what it was bought as.

    Args:
        session: the transaction, with payment, checkout and card locked and attached.
        payment: paid, and something of it is held.
        now: when.

    Returns:
        The events for the payment's timeline; none if nothing begins.
    """
    checkout = payment.checkout
    if not _wins(payment, Purpose.FIRST, Purpose.EXTRA) or checkout is None or checkout.subscription_id is not None:
        return []
    subscription = _begin(session, payment, calendar.seoul_day(now), now)
    first = calendar.interval(subscription.anchor_on, subscription.every, 0)
    checkout.number, checkout.begins_on, checkout.ends_on = first.number, first.begins_on, first.ends_on
    checkout.move(PeriodStatus.PAID)
    payment.subscription_id, payment.attempt = subscription.id, 1
    subscription.number = first.number
    Standing(subscription, checkout, [payment], payment.card).plan(now)
    return ["subscription_began"]


def has_begun_nothing(payment: Payment) -> bool:
    """Whether a payment has won what was bought as a subscription, and none has begun: it was cancelled when it was first seen."""
    has_won = _wins(payment, Purpose.FIRST, Purpose.EXTRA)
    return has_won and payment.checkout is not None and payment.checkout.subscription_id is None


def with_card(session: Session, payment: Payment, now: datetime) -> list[str]:
    """A window's card can be charged from now on: what that means for subscriptions.

    A registration that was meant as one begins it, and one that was made for a subscription gives it this card.

    Args:
        session: the transaction, with payment, checkout and card locked and attached.
        payment: the one whose window stored the card.
        now: when.

    Returns:
        The events for the payment's timeline.
    """
    checkout = payment.checkout
    if _wins(payment, Purpose.REGISTER) and checkout is not None and checkout.subscription_id is None:
        tomorrow = calendar.seoul_day(now) + timedelta(days=1)
        subscription = _begin(session, payment, max(payment.first_on or tomorrow, tomorrow), now)
        Standing(subscription, None, (), payment.card).plan(now)
        return ["subscription_began"]
    meant = checkout.subscription if payment.purpose == Purpose.REGISTER and checkout is not None else None
    if meant is not None and meant.status != SubscriptionStatus.ENDED:
        give_card(session, meant, payment.card, now)
        return ["subscription_card"]
    return []


def with_key(session: Session, card: Card, now: datetime) -> None:
    """A card whose key was on its way can be charged now: whoever waits for it is tried at once.

    Args:
        session: the transaction, with the card locked.
        card: active since this moment.
        now: when.
    """
    its = select(Subscription).where(Subscription.card_id == card.id, Subscription.status != SubscriptionStatus.ENDED)
    for subscription in session.scalars(its.with_for_update(key_share=True)):
        read(session, subscription).plan_at_once(now)


def give_card(session: Session, subscription: Subscription, card: Card, now: datetime) -> Standing:
    """Charge another card from now on. If a period is owed it is tried as `dunning.retry` says, mostly at once.

    Args:
        session: the transaction, with card and subscription locked.
        subscription: whose; it has not ended.
        card: its shopper's, active.
        now: when.

    Returns:
        How it stands then.
    """
    subscription.card_id, subscription.card_since, subscription.card_refused = card.id, now, False
    standing = read(session, subscription)
    standing.plan_at_once(now)
    return standing


def _wins(payment: Payment, *purposes: Purpose) -> bool:
    """Whether this payment decides its checkout, and was bought as more than once."""
    checkout: Checkout | None = payment.checkout
    won = checkout is not None and checkout.paid_by == payment.merchant_uid
    return won and payment.purpose in purposes and payment.every != Every.ONCE


def _begin(session: Session, payment: Payment, anchor_on: date, now: datetime) -> Subscription:
    price_krw = payment.consent_price_krw or payment.amount_krw
    subscription = Subscription(
        shopper_id=payment.shopper_id,
        status=SubscriptionStatus.ACTIVE,
        wake_at=now,
        moved_at=now,
        plan=payment.plan,
        name=payment.name,
        every=payment.every,
        price_krw=price_krw,
        consent_version=payment.consent_version or "",
        consent_price_krw=price_krw,
        consent_first_on=payment.first_on or anchor_on,
        consent_at=payment.consent_at or payment.created_at,
        buyer_name=payment.buyer_name,
        buyer_email=payment.buyer_email,
        buyer_phone=payment.buyer_phone,
        language=payment.language or KOREAN,
        card_id=payment.card_id,
        card_since=now,
        card_refused=False,
        anchor_on=anchor_on,
        began_at=now,
    )
    session.add(subscription)
    session.flush()
    if payment.checkout is not None:
        payment.checkout.subscription_id = subscription.id
        set_committed_value(payment.checkout, "subscription", subscription)
    return subscription
