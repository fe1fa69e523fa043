"""Claiming what is due: one subscription, one decision, one transaction.

A claim finds a subscription by its `wake_at`, locks it, has `step` decide, and writes what it says: a charge as an
attempt whose outcome is not known, everything else as it is; and always a later `wake_at`. So no death of a process
makes it due again, and one that cannot be charged is never in the way of those behind it.

A claim waits for nobody: what somebody else has locked is passed over and found at the next look. That is why it may
lock a subscription before its card, against the order of everybody who waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, exists, func, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from storefront.billing.context import Billing
from storefront.billing.subscriptions import decisions
from storefront.billing.subscriptions.standing import Standing, attempts_of
from storefront.billing.subscriptions.step import Charge, Decision
from storefront.database import is_deadlock
from storefront.models import Card, Checkout, Payment, Subscription
from storefront.states import PaymentStatus, PeriodStatus

POSTPONED = timedelta(hours=1)
"""How long a subscription is left alone after a claim of it has ended in an error."""

_OPEN_ATTEMPT = exists().where(Payment.subscription_id == Subscription.id, Payment.status == PaymentStatus.REQUESTED)
_DUE = (
    select(Subscription, Card, Checkout, _OPEN_ATTEMPT.label("is_open"))
    .join(Card, Card.id == Subscription.card_id)
    .outerjoin(Checkout, (Checkout.subscription_id == Subscription.id) & (Checkout.number == Subscription.number))
    .where(Subscription.wake_at <= bindparam("now"))
    .order_by(Subscription.wake_at)
    .limit(1)
    .with_for_update(of=(Subscription, Card), key_share=True, skip_locked=True)
)


@dataclass(frozen=True)
class Claimed:
    """A subscription whose turn it was, and what was decided.

    Attributes:
        subscription_id: which.
        decision: what `step` said; it is written.
        payment: the attempt that has to be sent now, with its card; only of a `Charge`.
    """

    subscription_id: int
    decision: Decision
    payment: Payment | None


class TroubleError(Exception):
    """A claim ended in an error of our own; nothing was written. Postpone that subscription and go on with the others."""

    def __init__(self, subscription_id: int) -> None:
        super().__init__(subscription_id)
        self.subscription_id = subscription_id


class RacedError(Exception):
    """Somebody else's transaction and this claim waited for each other, and the other one went first. Claim again."""


def count_due(billing: Billing, most: int) -> int:
    """How many subscriptions are due, counted up to a bound; it disturbs nobody."""
    due = select(Subscription.id).where(Subscription.wake_at <= billing.clock.now()).limit(most)
    with billing.database.reading() as session:
        return session.scalar(select(func.count()).select_from(due.subquery())) or 0


def claim(billing: Billing) -> Claimed | None:
    """Decide about the subscription that has been due the longest.

    Args:
        billing: settings, database, gateway, clock.

    Returns:
        What was decided; None if nothing is due, or if all of it is in other hands at this moment.

    Raises:
        RacedError: see there.
        TroubleError: see there; its cause is what happened.
    """
    subscription_id = None
    try:
        with billing.database.writing() as session:
            now = billing.clock.now()
            found = session.execute(_DUE, {"now": now}).one_or_none()
            if found is None:
                return None
            subscription_id = found.Subscription.id
            return _decide(session, found.Subscription, found.Checkout, found.Card, now, is_open=found.is_open)
    except OperationalError as error:
        if is_deadlock(error):
            raise RacedError from None
        raise
    except Exception as error:
        if subscription_id is None:
            raise
        raise TroubleError(subscription_id) from error


def postpone(billing: Billing, subscription_id: int) -> None:
    """Leave a subscription alone for a while, whatever else is true of it."""
    later = billing.clock.now() + POSTPONED
    due = (Subscription.id == subscription_id, Subscription.wake_at < later)
    with billing.database.writing() as session:
        session.execute(update(Subscription).where(*due).values(wake_at=later))


def _decide(
    session: Session, subscription: Subscription, period: Checkout | None, card: Card, now: datetime, *, is_open: bool
) -> Claimed:
    # Only an unpaid period's attempts matter, and one that is open; most that is due follows a paid one.
    matter = is_open or (period is not None and period.period_status == PeriodStatus.UNPAID)
    standing = Standing(subscription, period, attempts_of(session, period) if matter else (), card)
    decision = standing.decide(now)
    payment = None
    if isinstance(decision, Charge):
        payment = decisions.open_attempt(session, standing, decision, now)
    else:
        decisions.write(session, standing, decision, now)
    session.flush()
    return Claimed(subscription.id, decision, payment)
