"""The timeline of a payment: what it was told, what it asked, what it decided.

`told` is hearsay (a browser, a webhook, silence), `asked` is a request of our own, `decided` changed something.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.orm import Session

from storefront.database import once_committed
from storefront.iamport.masking import without_card_numbers
from storefront.models import Event

log = logging.getLogger(__name__)

MOST_EVENTS = 200
"""Anybody may post a webhook; a timeline does not grow without end for it. Decisions are always written."""
LONGEST_TEXT = 300

_LINES = insert(Event.__table__)  # type: ignore[arg-type]
_NEWEST = (
    select(Event.event, Event.detail, func.count().over())
    .where(Event.payment_id == bindparam("payment_id"))
    .order_by(Event.id.desc())
    .limit(1)
)


class Order(Protocol):
    """What a timeline belongs to: a row, or what was said of it when it was written down."""

    @property
    def id(self) -> int:
        """The row's."""

    @property
    def merchant_uid(self) -> str:
        """The order number."""


@dataclass(frozen=True)
class Note:
    """A line to be written, with the moment it happened."""

    at: datetime
    kind: str
    event: str
    detail: dict[str, Any] = field(default_factory=dict)
    may_repeat: bool = True
    """Whether anybody can make this happen as often as they like."""


def told(at: datetime, name: str, /, **detail: Any) -> Note:
    """Something we heard and do not believe."""
    return Note(at, "told", name, detail)


def asked(at: datetime, name: str, /, **detail: Any) -> Note:
    """A request we sent ourselves."""
    return Note(at, "asked", name, detail)


def asked_once(at: datetime, name: str, /, **detail: Any) -> Note:
    """A request we sent ourselves, and had to claim before: however often somebody looks, it is not sent again."""
    return Note(at, "asked", name, detail, may_repeat=False)


def decided(at: datetime, name: str, /, **detail: Any) -> Note:
    """Something that changed what the shop believes."""
    return Note(at, "decided", name, detail, may_repeat=False)


def write(session: Session, order: Order, notes: Sequence[Note]) -> None:
    """Write lines to an order's timeline, in the caller's transaction.

    Hearing or asking the same again at once is written once: a page that refreshes itself would fill the timeline.
    """
    rows: list[dict[str, Any]] = []
    count, previous = _written(session, order) if any(note.may_repeat for note in notes) else (0, None)
    for note in notes:
        detail = {name: _short(value) for name, value in note.detail.items() if value is not None}
        this = (note.event, detail)
        if note.may_repeat and (this == previous or count >= MOST_EVENTS):
            continue
        rows.append({"payment_id": order.id, "at": note.at, "kind": note.kind, "event": note.event, "detail": detail})
        fields = {"merchant_uid": order.merchant_uid, "kind": note.kind, **detail}
        once_committed(session, partial(log.info, note.event, extra={"fields": fields}))
        previous, count = this, count + 1
    if rows:
        session.execute(_LINES, rows)


def most_cancelled(session: Session, order: Order) -> int:
    """The most won that i'mport has ever said to be cancelled of an order's own payment, and that its shopper was told of."""
    its = (Event.payment_id == order.id, Event.event == "cancelled", Event.detail["imp_uid"].as_string().is_(None))
    return max((int(detail["cancelled"]) for detail in session.scalars(select(Event.detail).where(*its))), default=0)


def cancelled_of_extra(session: Session, order: Order, imp_uid: str) -> int | None:
    """The won that were cancelled of a second capture when it was last looked at; None if it is heard of for the first time."""
    query = select(Event.detail).where(
        Event.payment_id == order.id,
        Event.event.in_(("extra_capture", "cancelled", "cancel_undone")),
        Event.detail["imp_uid"].as_string() == imp_uid,
    )
    detail = session.scalar(query.order_by(Event.id.desc()).limit(1))
    return None if detail is None else int(detail.get("cancelled", 0))


def _written(session: Session, order: Order) -> tuple[int, tuple[str, dict[str, Any]] | None]:
    """How many lines there are, and the newest."""
    for last_event, last_detail, written in session.execute(_NEWEST, {"payment_id": order.id}):
        return written, (last_event, last_detail)
    return 0, None


def _short(value: Any) -> Any:
    return without_card_numbers(value)[:LONGEST_TEXT] if isinstance(value, str) else value
