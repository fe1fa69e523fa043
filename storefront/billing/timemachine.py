"""The time machine: beside a sandbox, time goes from one moment at which something is due to the next.

At each of them everything that has fallen due is done, for everybody, before time goes on: so a year may pass within a
minute, and every charge is still made on its day. Other processes may do the same work beside it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from storefront.billing.context import Billing
from storefront.billing.mailing import sending
from storefront.billing.reconciling import open_orders, reconciliation
from storefront.billing.reconciling.open_orders import is_on_its_way
from storefront.billing.renewing import renewal
from storefront.billing.subscriptions import overview
from storefront.models import Mail, Payment, Subscription
from storefront.states import KEPT, PaymentStatus

SWEEP_AFTER = timedelta(days=1)
"""How far time may go until i'mport is asked again for what nobody told us."""
_LOOK_EVERY_S = 0.05
_AT_LEAST = timedelta(seconds=1)
"""The sandbox's clock is moved by whole seconds."""

_travelling = threading.Lock()


@dataclass(frozen=True)
class Journey:
    """What happened on the way.

    Attributes:
        now: where time is now.
        orders: the charges that began by themselves, and those that nobody knew the outcome of before; oldest first.
        mails: how many mails were written and sent.
    """

    now: datetime
    orders: Sequence[Payment]
    mails: int

    @property
    def charged(self) -> list[Payment]:
        """Those that were paid, also if the money was given back since."""
        return [order for order in self.orders if order.status in KEPT]

    @property
    def unknown(self) -> list[Payment]:
        """Those of which i'mport has not said yet how they ended."""
        return [order for order in self.orders if order.status == PaymentStatus.REQUESTED]

    @property
    def declined(self) -> list[Payment]:
        """Those that have paid for nothing: declined, rejected, given up, or sent back by us."""
        return [order for order in self.orders if order.status not in (*KEPT, PaymentStatus.REQUESTED)]


class UnderWayError(Exception):
    """Somebody else is moving the time. Nothing was done; ask again when they have arrived."""


def travel(billing: Billing, until: datetime) -> Journey:
    """Let time pass up to a moment.

    Args:
        billing: settings, database, gateway, and a clock that can be moved.
        until: where to go; what is due there is done as well. If it is not later than now, only what is due now is done.

    Returns:
        What happened on the way.

    Raises:
        UnderWayError: see there. This process looks only at itself: a shop of several has one that moves the time.
        TimeStandsStillError: the sandbox does not answer; what was done on the way until then is done.
    """
    if not _travelling.acquire(blocking=False):
        raise UnderWayError
    try:
        before = _Before.of(billing)
        _go(billing, until)
        return before.and_now(billing)
    finally:
        _travelling.release()


def next_moment(billing: Billing, shopper_id: int) -> datetime | None:
    """When anything of a shopper's subscriptions, or of charges and refunds on their way, falls due; None if nothing does."""
    waking = select(func.min(Subscription.wake_at)).where(Subscription.shopper_id == shopper_id)
    looking = select(func.min(Payment.next_check_at)).where(Payment.shopper_id == shopper_id, is_on_its_way())
    with billing.database.reading() as session:
        moments = (session.scalar(waking), session.scalar(looking))
    return min((moment for moment in moments if moment is not None), default=None)


def next_charge(billing: Billing, shopper_id: int) -> datetime | None:
    """When a shopper is charged next by itself; without such a charge, when anything falls due."""
    found = overview.all_of(billing, shopper_id)
    charges = (each.upcoming.at for each in found if each.upcoming is not None)
    return min(charges, default=None) or next_moment(billing, shopper_id)


def _go(billing: Billing, until: datetime) -> None:
    sweep_at = billing.clock.now()
    while True:
        now = billing.clock.now()
        has_arrived = now >= until
        sweep = has_arrived or now >= sweep_at
        _work(billing, sweep=sweep)
        if has_arrived:
            return
        if sweep:
            sweep_at = now + SWEEP_AFTER
        now = billing.clock.now()
        there = min(_next_due(billing, now) or until, until)
        billing.clock.advance(max(there - now, _AT_LEAST))


def _work(billing: Billing, *, sweep: bool) -> None:
    """Do what is due now, and wait until all of it is done, whoever does it.

    In a month the background would look thousands of times at what nobody has paid or given back. On the way there once
    a day is enough, with the sweep: what time does to an order shows there as well.
    """
    renewal.renew(billing, senders=renewal.SENDERS_BESIDE_PAGES)
    billing.errands.finish()
    if sweep:
        reconciliation.reconcile(billing, only_due=True)
    else:
        open_orders.finish_on_their_way(billing, reconciliation.Report())
    while _is_sending(billing):
        time.sleep(_LOOK_EVERY_S)
    sending.send_all(billing)


def _is_sending(billing: Billing) -> bool:
    """Whether a charge is on its way that another thread or process has sent; one that has died waits no longer than this."""
    since = billing.clock.now() - timedelta(seconds=billing.settings.imp_timeout_s)
    sent = (Payment.status == PaymentStatus.REQUESTED, Payment.send_ended_at.is_(None), Payment.sent_at > since)
    with billing.database.reading() as session:
        return session.scalar(select(Payment.id).where(*sent).limit(1)) is not None


def _next_due(billing: Billing, after: datetime) -> datetime | None:
    """The next moment at which anything falls due, for whomever. An order that waits for its shopper is no reason to stop."""
    is_waiting = Mail.sent_at.is_(None) & Mail.dropped_at.is_(None)
    queries = (
        select(func.min(Subscription.wake_at)).where(Subscription.wake_at > after),
        select(func.min(Payment.next_check_at)).where(Payment.next_check_at > after, is_on_its_way()),
        select(func.min(Mail.next_try_at)).where(is_waiting, Mail.next_try_at > after),
    )
    with billing.database.reading() as session:
        moments = [session.scalar(query) for query in queries]
    return min((moment for moment in moments if moment is not None), default=None)


@dataclass(frozen=True)
class _Before:
    """How things were when a journey began."""

    last_payment: int
    last_mail: int
    unknown: Sequence[int]

    @classmethod
    def of(cls, billing: Billing) -> _Before:
        with billing.database.reading() as session:
            return cls(
                last_payment=session.scalar(select(func.max(Payment.id))) or 0,
                last_mail=session.scalar(select(func.max(Mail.id))) or 0,
                unknown=session.scalars(select(Payment.id).where(Payment.status == PaymentStatus.REQUESTED)).all(),
            )

    def and_now(self, billing: Billing) -> Journey:
        """What has happened since."""
        by_itself = (
            (Payment.id > self.last_payment) & Payment.subscription_id.is_not(None) & Payment.attempt.is_not(None)
        )
        orders = select(Payment).where(by_itself | Payment.id.in_(self.unknown)).order_by(Payment.id)
        mails = select(func.count()).where(Mail.id > self.last_mail, Mail.sent_at.is_not(None))
        with billing.database.reading() as session:
            return Journey(billing.clock.now(), session.scalars(orders).all(), session.scalar(mails) or 0)
