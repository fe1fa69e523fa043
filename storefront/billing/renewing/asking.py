"""What a shopper does about a period that is owed: pay it with any card, or have the subscription charged to another one.

Each is one write under the subscription's lock, and the attempt that follows from it is sent as any errand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from storefront.billing import identifiers
from storefront.billing.cards import CardNotFoundError
from storefront.billing.context import Billing
from storefront.billing.payments import charges
from storefront.billing.payments.charges import BadTokenError, CardNotChargeableError
from storefront.billing.sends import Send
from storefront.billing.subscriptions import beginning, decisions, dunning, overview, standing, step
from storefront.billing.subscriptions.standing import MovedOnError, Standing
from storefront.billing.subscriptions.step import Charge
from storefront.database import is_deadlock
from storefront.models import Card, Payment, Subscription
from storefront.states import CardStatus, SubscriptionStatus


class SubscriptionNotFoundError(Exception):
    """This shopper has no such subscription; answer 404."""


class CardRefusedError(CardNotChargeableError):
    """The card was refused for good for this subscription. Nothing was written and nothing sent; answer 400."""


class TooLateError(Exception):
    """It is not the time for that (any more): the subscription has moved on. Nothing was changed; answer 409."""


@contextmanager
def losing_is_too_late(subscription_id: int) -> Iterator[None]:
    """Whoever loses a race for a subscription's rows within the block comes too late.

    Args:
        subscription_id: whose rows.

    Raises:
        TooLateError: it kept changing, or PostgreSQL let another one go on. Nothing was changed; answer 409.
    """
    try:
        yield
    except MovedOnError:
        raise TooLateError(subscription_id) from None
    except OperationalError as error:
        if not is_deadlock(error):
            raise
        raise TooLateError(subscription_id) from None


def let_time_pass(billing: Billing, shopper_id: int, subscription_id: int) -> None:
    """Write what time alone decides about a shopper's subscription, before anything is done about it.

    Raises:
        SubscriptionNotFoundError: answer 404.
    """
    with billing.database.reading() as session:
        subscription = session.get(Subscription, subscription_id)
    if subscription is None or subscription.shopper_id != shopper_id:
        raise SubscriptionNotFoundError(subscription_id)
    overview.let_time_pass(billing, subscription_id)


def pay(
    billing: Billing, *, shopper_id: int, subscription_id: int, card_id: int, token: str, number: int | None = None
) -> str | None:
    """Try the period that is owed at once, with any stored card. The subscription's own card stays what it is.

    Args:
        billing: settings, database, gateway, clock.
        shopper_id: who asks.
        subscription_id: whose period; it has to be `past_due`.
        card_id: the card to charge.
        token: the form's; the same token again is the same attempt, and is never sent a second time.
        number: which period the form was about, if it said so: another one may cost another sum.

    Returns:
        The order number of the attempt that was sent; None for the same token again.

    Raises:
        BadTokenError: answer 400.
        BusyError: nothing was written and nothing sent; answer 503.
        CardNotChargeableError: or `CardRefusedError`; answer 400 and offer another card.
        CardNotFoundError: not this shopper's card; answer 404.
        SubscriptionNotFoundError: answer 404.
        TooLateError: nothing is owed, an attempt is open, or there have been too many; answer 409.
    """
    if not identifiers.is_token(token):
        raise BadTokenError
    identity = f"pay:{subscription_id}:{token}"

    def write(session: Session, found: Standing, card: Card, now: datetime) -> Payment | None:
        if session.scalar(select(Payment.id).where(Payment.identity == identity)) is not None:
            return None
        owed, period = found.subscription.status == SubscriptionStatus.PAST_DUE, found.period
        if period is None or number not in (None, period.number):
            raise TooLateError(subscription_id)
        if not owed or found.is_open() or now >= dunning.ends_at(period):
            raise TooLateError(subscription_id)
        if not dunning.may_be_asked_for(found.attempts):
            raise TooLateError(subscription_id)
        _check(session, found.subscription, card)
        return decisions.open_asked_for(session, found, card, identity, now)

    return _act(billing, shopper_id, subscription_id, card_id, write)


def change_card(
    billing: Billing, *, shopper_id: int, subscription_id: int, card_id: int, next_number: int | None = None
) -> str | None:
    """Charge the subscription to another stored card from now on. A period that is owed is tried with it at once.

    Unless it was tried too often by hand: then the next retry takes it.

    Args:
        billing: settings, database, gateway, clock.
        shopper_id: who asks.
        subscription_id: whose card.
        card_id: the card; the one that is charged already changes nothing.
        next_number: the number of the period that was shown as the next one; if that has fallen due meanwhile, the page
            said that nothing is charged now, and it would be.

    Returns:
        The order number of the attempt that was sent, if there was something to charge.

    Raises:
        BusyError: nothing was written and nothing sent; answer 503.
        CardNotChargeableError: or `CardRefusedError`; answer 400 and offer another card.
        CardNotFoundError: not this shopper's card; answer 404.
        SubscriptionNotFoundError: answer 404.
        TooLateError: it has ended, an attempt is open, or another period is the next one; answer 409.
    """

    def write(session: Session, found: Standing, card: Card, now: datetime) -> Payment | None:
        subscription = found.subscription
        if subscription.status == SubscriptionStatus.ENDED:
            raise TooLateError(subscription_id)
        if next_number not in (None, step.next_interval(subscription).number):
            raise TooLateError(subscription_id)
        if card.id == subscription.card_id and card.status == CardStatus.ACTIVE:
            return None
        if found.is_open():
            raise TooLateError(subscription_id)
        _check(session, subscription, card)
        changed = beginning.give_card(session, subscription, card, now)
        decision = changed.decide(now)
        # Another period that is due at this moment is the worker's.
        is_owed = subscription.status == SubscriptionStatus.PAST_DUE
        return (
            decisions.open_attempt(session, changed, decision, now)
            if is_owed and isinstance(decision, Charge)
            else None
        )

    return _act(billing, shopper_id, subscription_id, card_id, write)


_Write = Callable[[Session, Standing, Card, datetime], Payment | None]
"""Changes what is locked, and returns the attempt that has to be sent."""


def _act(billing: Billing, shopper_id: int, subscription_id: int, card_id: int, write: _Write) -> str | None:
    """Lock everything in everybody's order, write, send what follows, and return its order number."""
    let_time_pass(billing, shopper_id, subscription_id)
    with billing.errands.place(f"subscription:{subscription_id}") as errand:
        with losing_is_too_late(subscription_id), billing.database.writing() as session:
            card = _lock_cards(session, shopper_id, subscription_id, card_id)
            found = standing.lock(session, subscription_id)
            payment = write(session, found, card, billing.clock.now())
        if payment is not None:
            errand.send(partial(charges.send_in_time, billing.insisting(), Send.of(payment)), billing.gateway)
    return payment.merchant_uid if payment else None


def _lock_cards(session: Session, shopper_id: int, subscription_id: int, card_id: int) -> Card:
    """The card that is named, and the subscription's own: whoever locks two cards locks the older one first."""
    own = select(Subscription.card_id).where(Subscription.id == subscription_id).scalar_subquery()
    both = select(Card).where((Card.id == card_id) | (Card.id == own)).order_by(Card.id)
    cards = {card.id: card for card in session.scalars(both.with_for_update(key_share=True))}
    card = cards.get(card_id)
    if card is None or card.shopper_id != shopper_id or card.status == CardStatus.PENDING:
        raise CardNotFoundError(card_id)
    return card


def _check(session: Session, subscription: Subscription, card: Card) -> None:
    if card.status != CardStatus.ACTIVE:
        raise CardNotChargeableError(card.id)
    hard = [refusal.kind for refusal in dunning.REFUSALS if refusal.hard]
    refused = select(Payment.id).where(
        Payment.subscription_id == subscription.id, Payment.card_id == card.id, Payment.declined_as.in_(hard)
    )
    if session.scalar(refused.limit(1)) is not None:
        raise CardRefusedError(card.id)
