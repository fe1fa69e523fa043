"""The rows a decision about a subscription is made from, read and locked together.

Everybody who writes locks in this order: payment, card, checkout or period, subscription. Whoever moves an attempt or
a period also locks its subscription in that transaction; so with the subscription locked, what can be read of its
periods and attempts stays true until the transaction ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload, selectinload

from storefront.billing.subscriptions import step
from storefront.database import LOCKED
from storefront.models import Card, Checkout, Payment, Subscription

_ROUNDS = 5
"""How often a subscription may move on while its rows are being locked."""


class Standing(NamedTuple):
    """How a subscription stands, in the order of `step`'s arguments."""

    subscription: Subscription
    period: Checkout | None
    attempts: Sequence[Payment]
    card: Card

    def decide(self, now: datetime) -> step.Decision:
        """What happens to it at a moment."""
        return step.step(*self, now)

    def upcoming(self) -> step.Upcoming | None:
        """The next charge that happens by itself."""
        return step.upcoming_charge(*self)

    def is_open(self) -> bool:
        """Whether an attempt waits for its outcome."""
        return step.is_open(self.attempts)

    def plan(self, now: datetime) -> None:
        """Write down when to look again, after something else has been written."""
        self.subscription.wake_at = step.wake_at(*self, now)

    def plan_at_once(self, now: datetime) -> None:
        """Write down when to look again, which is now if the change has made something due."""
        decision = self.decide(max(now, self.subscription.moved_at))
        self.subscription.wake_at = decision.until if isinstance(decision, step.Wait) and not decision.notice else now


class MovedOnError(Exception):
    """The subscription kept changing while it was being locked; nothing was written. Try again."""


def read(session: Session, subscription: Subscription) -> Standing:
    """How a subscription stands, in the caller's transaction and without locking anything."""
    period = session.scalar(_period(subscription.id, subscription.number))
    return Standing(subscription, period, attempts_of(session, period), session.get_one(Card, subscription.card_id))


def lock(session: Session, subscription_id: int, *, with_payment: bool = False) -> Standing:
    """How a subscription stands, with every row of it locked until the transaction ends.

    Args:
        session: a writing transaction.
        subscription_id: which.
        with_payment: also lock the payment that paid its present period, as the first of all.

    Raises:
        MovedOnError: somebody else was faster again and again.
    """
    for _ in range(_ROUNDS):
        # Columns and no row: it may change before it is locked, and that is no stale write.
        where = Subscription.id == subscription_id
        number, card_id = session.execute(select(Subscription.number, Subscription.card_id).where(where)).one()
        if with_payment:
            winner = select(Payment).join(Checkout, Checkout.paid_by == Payment.merchant_uid)
            session.scalar(
                winner.where(Checkout.subscription_id == subscription_id, Checkout.number == number).with_for_update(
                    of=Payment, key_share=True
                )
            )
        card = session.get_one(Card, card_id, with_for_update=LOCKED, populate_existing=True)
        query = _period(subscription_id, number).with_for_update(key_share=True)
        period = session.scalar(query.execution_options(populate_existing=True))
        locked = session.get_one(Subscription, subscription_id, with_for_update=LOCKED, populate_existing=True)
        if (locked.number, locked.card_id) == (number, card_id):
            return Standing(locked, period, attempts_of(session, period), card)
    raise MovedOnError(subscription_id)


def attempts_of(session: Session, period: Checkout | None, *, with_refunds: bool = False) -> Sequence[Payment]:
    """The attempts at a period, oldest first: a `first` that won is one, a window that lost is none."""
    if period is None:
        return ()
    query = select(Payment).where(Payment.checkout_id == period.id, Payment.attempt.is_not(None))
    if with_refunds:
        whole = (selectinload(Payment.refunds), joinedload(Payment.card, innerjoin=True))
        query = query.options(*whole).execution_options(populate_existing=True)
    return session.scalars(query.order_by(Payment.attempt)).all()


def _period(subscription_id: int, number: int | None) -> Select[Checkout]:
    """The query for a period, usually the one that was begun last."""
    return select(Checkout).where(Checkout.subscription_id == subscription_id, Checkout.number == number)
