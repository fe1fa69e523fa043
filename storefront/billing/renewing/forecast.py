"""What will be charged by itself, without charging it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from storefront.billing.context import Billing
from storefront.billing.subscriptions import standing
from storefront.billing.subscriptions.step import End, Upcoming, charges_until
from storefront.models import Subscription
from storefront.states import SubscriptionStatus

_AT_ONCE = 500


@dataclass(frozen=True)
class Foreseen:
    """One charge of the future."""

    subscription_id: int
    card_number: str | None
    upcoming: Upcoming


def foresee(billing: Billing, until: datetime) -> Iterator[Foreseen]:
    """Every charge up to a moment, if each is paid and nobody changes anything; by subscription, the oldest first.

    What is over is not charged any more: a period that nobody tried to charge, and one that was owed for too long.

    Args:
        billing: settings, database, gateway, clock.
        until: the last moment that is looked at.
    """
    query = (
        select(Subscription)
        .where(Subscription.status != SubscriptionStatus.ENDED)
        .order_by(Subscription.id)
        .limit(_AT_ONCE)
    )
    last, now = 0, billing.clock.now()
    while True:
        with billing.database.reading() as session:
            found = session.scalars(query.where(Subscription.id > last)).all()
            standings = [standing.read(session, subscription) for subscription in found]
        for each in standings:
            if isinstance(each.decide(now), End):
                continue
            for upcoming in charges_until(*each, until):
                if upcoming.interval.ends_at > now:
                    yield Foreseen(each.subscription.id, each.card.card_number, upcoming)
        if len(found) < _AT_ONCE:
            return
        last = found[-1].id
