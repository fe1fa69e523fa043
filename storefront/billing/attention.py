"""What needs a person: a list of reasons, each with its subject and since when.

An item is written down once and stays until it is over by itself or a person closes it (`reconciling.desk`). Nothing
marks it as told: whoever looks at the list is told all of it. What a person has closed is not opened again by the same
news; by other news it is.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as DatabaseTimeoutError
from sqlalchemy.orm import Session

from storefront.billing.context import Billing
from storefront.database import once_committed
from storefront.iamport import SilenceError
from storefront.models import Attention

DATABASE_TROUBLE = (OperationalError, InterfaceError, DatabaseTimeoutError)
"""No order's trouble: the same may succeed a moment later, so no person is told of the order."""

_SUBSCRIPTION = "subscription_"

log = logging.getLogger(__name__)


class Reason(StrEnum):
    """Why a person has to look."""

    REJECTED_RESEND = "rejected_resend"
    """A charge was sent a second time and rejected: the first send may have been captured or not."""
    CONTRADICTION = "contradiction"
    """What i'mport says cannot be squared with what it said before, of this order or of another one."""
    REFUND_FAILED = "refund_failed"
    """i'mport refuses to give money back that it still holds."""
    REFUND_OWED = "refund_owed"
    """What leaving gives back has been asked for, and i'mport has not confirmed it yet."""
    REFUND_UNDONE = "refund_undone"
    """i'mport holds again what had been given back: somebody has undone the cancel."""
    UNKNOWN = "unknown"
    """i'mport no longer knows a payment that it captured."""
    UNREADABLE = "unreadable"
    """What i'mport says of a payment is not as it describes it."""
    KEY_KEPT = "key_kept"
    """A billing key that was to be deleted is still there although i'mport has answered."""
    FOREIGN_KEY = "foreign_key"
    """A billing key was issued under a name that is not ours."""
    STRAY = "stray"
    """A captured payment for which there is no order."""
    TROUBLE = "trouble"
    """Looking at it ended in an error of the shop's own."""
    CLOCKS = "clocks"
    """i'mport's clock and the shop's differ."""


def call(session: Session, reason: Reason, subject: str, at: datetime, **detail: Any) -> bool:
    """Ask for a person.

    Args:
        session: the transaction to write in.
        reason: why.
        subject: what it is about, as `Attention.subject` says.
        at: now.
        detail: facts for the person, JSON values. News with the same facts as one that a person has closed is no news.

    Returns:
        Whether it is new.
    """
    about = (Attention.reason == reason, Attention.subject == subject)
    known = session.scalars(select(Attention).where(*about)).all()
    facts = {name: value for name, value in detail.items() if value is not None}
    if any(item.closed_at is None or _is_no_news(item, facts) for item in known):
        return False
    session.flush()
    try:
        with session.begin_nested():
            session.add(Attention(reason=reason, subject=subject, since=at, detail=facts))
    except IntegrityError:
        return False  # somebody else has just noticed the same
    fields = {"reason": str(reason), "subject": subject, **facts}
    once_committed(session, partial(log.warning, "needs_person", extra={"fields": fields}))
    return True


def of_subscription(subscription_id: int) -> str:
    """The subject of what is about a subscription and no order."""
    return f"{_SUBSCRIPTION}{subscription_id}"


def subscription_of(subject: str) -> int | None:
    """The subscription that a subject names, or None."""
    number = subject.removeprefix(_SUBSCRIPTION)
    return int(number) if number != subject and number.isdecimal() else None


def _is_no_news(item: Attention, facts: dict[str, Any]) -> bool:
    """Whether a person has closed the same. Trouble that comes again is another mistake, or was not mended."""
    return item.closed_why is not None and item.detail == facts and item.reason != Reason.TROUBLE


def call_off(session: Session, subject: str, at: datetime, *reasons: Reason, **facts: Any) -> bool:
    """Close what is over by itself.

    Args:
        session: the transaction to write in.
        subject: as for `call`.
        at: now.
        reasons: what is over.
        facts: only items that tell the same of these.

    Returns:
        Whether anything was open.
    """
    open_items = select(Attention).where(
        Attention.subject == subject, Attention.reason.in_(reasons), Attention.closed_at.is_(None)
    )
    over = [item for item in session.scalars(open_items) if facts.items() <= item.detail.items()]
    for item in over:
        item.closed_at = at
    return bool(over)


def is_closed_by_person(session: Session, reason: Reason, subject: str, **facts: Any) -> bool:
    """Whether a person has decided about something that tells these facts.

    Args:
        session: any.
        reason: why a person was asked for.
        subject: as for `call`.
        facts: what the item has to tell.
    """
    closed = select(Attention.detail).where(
        Attention.reason == reason, Attention.subject == subject, Attention.closed_why.is_not(None)
    )
    return any(facts.items() <= detail.items() for detail in session.scalars(closed))


def open_items(billing: Billing) -> Sequence[Attention]:
    """Everything that needs a person, the oldest first."""
    with billing.database.reading() as session:
        return session.scalars(select(Attention).where(Attention.closed_at.is_(None)).order_by(Attention.id)).all()


def find(billing: Billing, item_id: int) -> Attention | None:
    """One item of the list, open or closed."""
    with billing.database.reading() as session:
        return session.get(Attention, item_id)


@contextmanager
def contained(billing: Billing, subject: str) -> Iterator[None]:
    """Keep the trouble of one order from everybody else's: what the block raises goes to a person, and the loop goes on.

    Args:
        billing: settings, database, gateway, clock.
        subject: whose trouble it is, as for `call`.
    """
    try:
        yield
    except SilenceError:
        return  # nothing is known and nothing has changed; the next look asks again
    except Exception as error:
        kind = type(error).__name__
        log.exception("trouble", extra={"fields": {"subject": subject, "kind": kind}})
        if isinstance(error, DATABASE_TROUBLE):
            return  # the database's trouble, and no order's
        try:
            with billing.database.writing() as session:
                call(session, Reason.TROUBLE, subject, billing.clock.now(), kind=kind)
        except SQLAlchemyError:
            log.exception("trouble_not_recorded", extra={"fields": {"subject": subject}})
