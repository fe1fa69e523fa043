"""Renewing: everything that is due now is claimed and sent, by as many threads as there is work for.

Any number of processes may do this at once. Each thread claims one subscription and sends its charge at once, before it
claims another one: only what can be sent now is ever claimed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import repeat

from sqlalchemy import select

from storefront.billing import attention
from storefront.billing.attention import Reason, contained
from storefront.billing.context import Billing
from storefront.billing.payments import charges
from storefront.billing.renewing import claiming
from storefront.billing.renewing.claiming import Claimed, RacedError, TroubleError
from storefront.billing.sends import Send
from storefront.models import Payment, Subscription
from storefront.states import SubscriptionStatus

SENDERS = 32
"""How many charges one process sends at once."""
SENDERS_BESIDE_PAGES = 8
"""The same where pages use the same database connections."""

WORTH_A_PERSON = timedelta(hours=1)
"""How far ahead a subscription has been changed by a wrong clock if a person is told; machines differ by minutes."""

log = logging.getLogger(__name__)


@dataclass
class Report:
    """What one run has done.

    Attributes:
        sent: order numbers of the charges that were sent; their rows say how they ended.
        decided: how many other decisions were written.
        troubled: ids of subscriptions whose claim ended in an error; a person is told.
        is_behind: whether the clock shows an earlier time than what is stored, so that nothing was done at all.
    """

    sent: list[str] = field(default_factory=list)
    decided: int = 0
    troubled: list[int] = field(default_factory=list)
    is_behind: bool = False


def renew(billing: Billing, *, senders: int = SENDERS, stop: threading.Event | None = None) -> Report:
    """Do everything about subscriptions that is due now.

    Args:
        billing: settings, database, gateway, clock.
        senders: how many charges are sent at once, at most.
        stop: when it is set, what is claimed is still sent, and nothing more is claimed.

    Returns:
        The report. i'mport's silence is no error: the order stays `requested`, and `reconcile` goes on with it.
    """
    report = Report()
    if _is_behind(billing):
        report.is_behind = True
        log.warning("clock_behind", extra={"fields": {"now": billing.clock.now().isoformat()}})
        return report
    _call_about_the_future(billing)
    due = claiming.count_due(billing, senders + 1)
    # A few are claimed one by one; of many nobody knows how many there are, and the last claims find nothing.
    turns = repeat(None, due) if due <= senders else repeat(None)
    run = _Run(billing, report, turns, stop or threading.Event())
    if min(due, senders) <= 1:
        run.work()
        return report
    with ThreadPoolExecutor(min(due, senders), thread_name_prefix="renew") as pool:
        for future in [pool.submit(run.work) for _ in range(min(due, senders))]:
            future.result()
    return report


@dataclass(frozen=True)
class _Run:
    """What the threads of one run have in common."""

    billing: Billing
    report: Report
    turns: Iterator[None]
    stop: threading.Event

    def work(self) -> None:
        """Claim and send until nothing is left."""
        for _ in self.turns:
            if self.stop.is_set():
                return
            try:
                claimed = claiming.claim(self.billing)
            except RacedError:
                continue
            except TroubleError as trouble:
                self._leave_alone(trouble)
                continue
            if claimed is None:
                return
            self._follow(claimed)

    def _follow(self, claimed: Claimed) -> None:
        payment = claimed.payment
        if payment is None:
            self.report.decided += 1
            return
        self.report.sent.append(payment.merchant_uid)
        with contained(self.billing, payment.merchant_uid):
            charges.send_in_time(self.billing, Send.of(payment))

    def _leave_alone(self, trouble: TroubleError) -> None:
        """One subscription's trouble is its own: it is postponed, a person is told, and the others go on."""
        subscription_id, cause = trouble.subscription_id, type(trouble.__cause__).__name__
        log.error("trouble", exc_info=trouble, extra={"fields": {"subscription": subscription_id, "kind": cause}})
        self.report.troubled.append(subscription_id)
        claiming.postpone(self.billing, subscription_id)
        with self.billing.database.writing() as session:
            now = self.billing.clock.now()
            attention.call(session, Reason.TROUBLE, attention.of_subscription(subscription_id), now, kind=cause)


def outcomes_of(billing: Billing, merchant_uids: Sequence[str]) -> Sequence[Payment]:
    """How charges ended, or that it is not known yet (`requested`); in the order they were written down."""
    query = select(Payment).where(Payment.merchant_uid.in_(merchant_uids)).order_by(Payment.id)
    with billing.database.reading() as session:
        return session.scalars(query).all()


def _call_about_the_future(billing: Billing) -> None:
    """A subscription that was changed by a clock that was ahead waits until then, so a person is told."""
    now = billing.clock.now()
    ahead = select(Subscription.id, Subscription.moved_at).where(
        Subscription.status != SubscriptionStatus.ENDED, Subscription.moved_at > now + WORTH_A_PERSON
    )
    with billing.database.reading() as session:
        found = session.execute(ahead).all()
    for subscription_id, moved_at in found:
        subject = attention.of_subscription(subscription_id)
        with contained(billing, subject), billing.database.writing() as session:
            attention.call(session, Reason.CLOCKS, subject, now, minutes=(moved_at - now) // timedelta(minutes=1))


def _is_behind(billing: Billing) -> bool:
    """Whether orders were written later than it is now: then the clock cannot say what is due."""
    newest = select(Payment.created_at).order_by(Payment.id.desc()).limit(1)
    with billing.database.reading() as session:
        try:
            created_at = session.scalar(newest)
        except ValueError:  # one row's trouble; whoever looks at it tells a person
            return False
    return created_at is not None and billing.clock.is_in_the_future(created_at)
