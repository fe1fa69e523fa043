"""Changes orders: one transition in one short transaction, guarded by the row's version.

The caller loads a row's version (`seen`), then asks i'mport, then calls `record`. If somebody else wrote the row in
between, the answer is stale: nothing is written, and the caller asks again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session, contains_eager, joinedload
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.exc import StaleDataError

from storefront import iamport
from storefront.billing import attention
from storefront.billing.attention import Reason
from storefront.billing.context import Billing
from storefront.billing.orders import timeline
from storefront.billing.orders.entry import Entry
from storefront.billing.orders.judgement import judge
from storefront.billing.orders.timeline import Note, decided
from storefront.database import LOCKED, is_deadlock
from storefront.models import Card, Checkout, Payment, Subscription

# Said once: putting a query together costs more than sending it.
_LOOK = (
    select(Payment)
    .where(Payment.merchant_uid == bindparam("merchant_uid"))
    .options(joinedload(Payment.card, innerjoin=True), joinedload(Payment.checkout))
)

_WITH_ITS_CARD = (
    select(Payment)
    .where(Payment.merchant_uid == bindparam("merchant_uid"))
    .join(Payment.card)
    .options(contains_eager(Payment.card))
    .with_for_update(of=(Payment, Card), key_share=True)
)

_WITH_ITS_PERIOD = (
    select(Payment)
    .where(Payment.merchant_uid == bindparam("merchant_uid"))
    .join(Payment.card)
    .join(Payment.checkout)
    .join(Checkout.subscription)
    .options(contains_eager(Payment.card), contains_eager(Payment.checkout).contains_eager(Checkout.subscription))
    .with_for_update(of=(Payment, Card, Checkout, Subscription), key_share=True)
)

Amendment = Callable[[Session, Payment], Sequence[Note]]
"""What changes a row: it gets the transaction's session and the row, and returns the timeline's lines about it."""


class StaleAnswerError(Exception):
    """The row changed after its version was loaded: forget the answer, load the row and ask again."""


@dataclass(frozen=True)
class Seen:
    """A row as it was before i'mport was asked."""

    merchant_uid: str
    version: int
    is_attempt: bool = False
    """Whether it is known to be an attempt at a period: then all that belongs to it is read at once."""


def look(billing: Billing, merchant_uid: str) -> Payment | None:
    """The row of an order number, with its card and checkout, or None."""
    with billing.database.reading() as session:
        return session.scalar(_LOOK, {"merchant_uid": merchant_uid})


def exists(billing: Billing, merchant_uid: str) -> bool:
    """Whether there is a row of that order number, also one that cannot be read."""
    with billing.database.reading() as session:
        return session.scalar(select(Payment.id).where(Payment.merchant_uid == merchant_uid)) is not None


def note(billing: Billing, merchant_uid: str, notes: Sequence[Note]) -> None:
    """Write down what was told and asked when nothing is decided by it: the row and its version stay.

    Args:
        billing: settings, database, gateway, clock.
        merchant_uid: an order of ours.
        notes: what the timeline will show.
    """
    with billing.database.writing() as session:
        payment = session.scalars(select(Payment).where(Payment.merchant_uid == merchant_uid)).one()
        timeline.write(session, payment, notes)


def call_person(
    billing: Billing, merchant_uid: str, reason: Reason, facts: Mapping[str, Any], *, notes: Sequence[Note] = ()
) -> None:
    """Put an order on the list of what needs a person; its row and its version stay.

    Args:
        billing: settings, database, gateway, clock.
        merchant_uid: an order of ours.
        reason: why; its timeline says so once.
        facts: for the person, JSON values.
        notes: timeline lines that belong before that.
    """
    with billing.database.writing() as session:
        payment = session.scalars(select(Payment).where(Payment.merchant_uid == merchant_uid)).one()
        now = billing.clock.now()
        is_new = attention.call(session, reason, merchant_uid, now, **facts)
        timeline.write(session, payment, [*notes, decided(now, reason, **facts)] if is_new else notes)


def make_due(billing: Billing, merchant_uids: Sequence[str]) -> None:
    """Have the background look at some orders as soon as it can and often again, as if they had just been written down."""
    now = billing.clock.now()
    query = update(Payment).where(Payment.merchant_uid.in_(merchant_uids), Payment.next_check_at > now)
    with billing.database.writing() as session:
        session.execute(query.values(next_check_at=now, checks=0))


def record(
    billing: Billing,
    seen: Seen,
    answer: iamport.Payment,
    *,
    key: iamport.BillingKey | None = None,
    key_asked: bool = False,
    notes: Sequence[Note] = (),
) -> Seen:
    """Judge an answer and write what follows from it.

    Args:
        billing: settings, database, gateway, clock.
        seen: the row, as loaded before i'mport was asked.
        answer: i'mport's payment; its merchant_uid is the row's.
        key: the billing key that i'mport holds under the row's customer_uid, if it was asked and has one.
        key_asked: whether it was asked.
        notes: timeline lines of how we came by the answer.

    Returns:
        The row as it is now, for a next answer about the same order.

    Raises:
        StaleAnswerError: somebody else wrote the row meanwhile; nothing was written.
    """

    def write(session: Session, payment: Payment) -> Sequence[Note]:
        judgement = judge(
            payment,
            payment.card,
            payment.checkout,
            answer,
            live=billing.settings.imp_live,
            has_key=(key is not None) if key_asked else None,
            now=billing.gateway.imports_time(billing.clock.now()),
            offset=billing.gateway.clock_offset,
        )
        return Entry(billing, session, payment, answer, key, payment.needs_person).write(judgement)

    try:
        return amend(billing, seen, write, notes=notes)
    except IntegrityError:
        owner = _other_order_of(billing, seen, answer.imp_uid)
        if owner is None:
            raise StaleAnswerError(seen.merchant_uid) from None  # two writers wrote the same; the other one was first
        facts = {"imp_uid": answer.imp_uid, "belongs_to": owner}
        call_person(billing, seen.merchant_uid, Reason.CONTRADICTION, facts, notes=notes)
        return seen


def _other_order_of(billing: Billing, seen: Seen, imp_uid: str) -> str | None:
    """The other order to which a payment of i'mport's already belongs."""
    others = select(Payment.merchant_uid).where(Payment.imp_uid == imp_uid, Payment.merchant_uid != seen.merchant_uid)
    with billing.database.reading() as session:
        return session.scalar(others)


def amend(billing: Billing, seen: Seen, write: Amendment, *, notes: Sequence[Note] = ()) -> Seen:
    """Change a row in one short transaction, if nobody else did since it was loaded.

    Args:
        billing: settings, database, gateway, clock.
        seen: the row as loaded.
        write: gets the session and the row, with its card and checkout locked and attached.
        notes: timeline lines that belong before the ones `write` returns.

    Returns:
        The row as it is now.

    Raises:
        StaleAnswerError: the row's version is another one; nothing was written.
    """
    try:
        with billing.database.writing() as session:
            payment = _lock(session, seen)
            if payment.version != seen.version:
                raise StaleAnswerError(seen.merchant_uid)
            lines = [*notes, *write(session, payment)]
            session.flush()
            timeline.write(session, payment, lines)
            return replace(seen, version=payment.version)
    except StaleDataError:
        raise StaleAnswerError(seen.merchant_uid) from None
    except OperationalError as error:
        # Two orders that name each other's cards: PostgreSQL lets one of them go first.
        if not is_deadlock(error):
            raise
        raise StaleAnswerError(seen.merchant_uid) from None


def _lock(session: Session, seen: Seen) -> Payment:
    """The row with its card, checkout and subscription, locked in this order always: no two writers wait for each other."""
    if seen.is_attempt:
        return session.scalars(_WITH_ITS_PERIOD, {"merchant_uid": seen.merchant_uid}).one()
    payment = session.scalars(_WITH_ITS_CARD, {"merchant_uid": seen.merchant_uid}).one()
    checkout = session.get(Checkout, payment.checkout_id, with_for_update=LOCKED) if payment.checkout_id else None
    set_committed_value(payment, "checkout", checkout)
    if checkout is not None:
        subscription_id = checkout.subscription_id
        subscription = session.get(Subscription, subscription_id, with_for_update=LOCKED) if subscription_id else None
        set_committed_value(checkout, "subscription", subscription)
    return payment
