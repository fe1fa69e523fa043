"""One change of a subscription: what time alone decides is written first, then everything is locked, then it is changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from storefront.billing.context import Billing
from storefront.billing.renewing import asking
from storefront.billing.renewing.asking import TooLateError
from storefront.billing.subscriptions import standing, step
from storefront.billing.subscriptions.standing import Standing
from storefront.models import Subscription


class OtherSumError(TooLateError):
    """Another sum counts now than the one that was shown. Nothing was changed; answer 409 and show this one."""


@dataclass(frozen=True)
class Change:
    """A subscription that may be changed until the block ends, with every row of it locked."""

    session: Session
    found: Standing
    now: datetime

    @property
    def subscription(self) -> Subscription:
        """The row."""
        return self.found.subscription

    def write(self) -> None:
        """Write down that it was changed, and when to look again."""
        self.subscription.moved_at = max(self.now, self.subscription.moved_at)
        self.found.plan_at_once(self.now)


@contextmanager
def changing(
    billing: Billing, shopper_id: int, subscription_id: int, *, next_number: int | None = None
) -> Iterator[Change]:
    """One transaction in which a shopper's subscription is changed.

    Args:
        billing: settings, database, gateway, clock.
        shopper_id: who asks.
        subscription_id: which.
        next_number: the number of the period that the page has shown as the next one; None if it does not matter.

    Raises:
        SubscriptionNotFoundError: answer 404.
        TooLateError: it kept changing meanwhile, or another period is the next one now. Nothing was changed; answer 409.
    """
    asking.let_time_pass(billing, shopper_id, subscription_id)
    with asking.losing_is_too_late(subscription_id), billing.database.writing() as session:
        found = standing.lock(session, subscription_id, with_payment=True)
        if next_number not in (None, step.next_interval(found.subscription).number):
            raise TooLateError(subscription_id)
        yield Change(session, found, billing.clock.now())
