"""The timeline of a payment: what it was told, what it asked, what it decided.

`told` is hearsay (a browser, a webhook, silence), `asked` is a request of our own, `decided` changed something.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from storefront.models import Event, Payment

log = logging.getLogger(__name__)

MOST_EVENTS = 200
"""Anybody may post a webhook; a timeline does not grow without end for it. Decisions are always written."""
LONGEST_TEXT = 300

_CARD_NUMBER = re.compile(r"(?<![0-9A-Za-z_-])[0-9](?:[ -]?[0-9]){12,18}(?![0-9A-Za-z_-])")


@dataclass(frozen=True)
class Note:
    """A line to be written, with the moment it happened."""

    at: datetime
    kind: str
    event: str
    detail: dict[str, Any] = field(default_factory=dict)


def told(at: datetime, name: str, /, **detail: Any) -> Note:
    """Something we heard and do not believe."""
    return Note(at, "told", name, detail)


def asked(at: datetime, name: str, /, **detail: Any) -> Note:
    """A request we sent ourselves."""
    return Note(at, "asked", name, detail)


def decided(at: datetime, name: str, /, **detail: Any) -> Note:
    """Something that changed what the shop believes."""
    return Note(at, "decided", name, detail)


def write(session: Session, payment: Payment, notes: Sequence[Note]) -> None:
    """Write lines to a payment's timeline, in the caller's transaction.

    Hearing or asking the same again at once is written once: a page that refreshes itself would fill the timeline.
    """
    count = 0
    previous: tuple[str, dict[str, Any]] | None = None
    if any(note.kind != "decided" for note in notes):
        newest = (
            select(Event.event, Event.detail, func.count().over())
            .where(Event.payment_id == payment.id)
            .order_by(Event.id.desc())
            .limit(1)
        )
        for last_event, last_detail, written in session.execute(newest):
            count, previous = written, (last_event, last_detail)
    for note in notes:
        detail = {name: _short(value) for name, value in note.detail.items() if value is not None}
        this = (note.event, detail)
        if note.kind != "decided" and (this == previous or count >= MOST_EVENTS):
            continue
        session.add(Event(payment_id=payment.id, at=note.at, kind=note.kind, event=note.event, detail=detail))
        _log_once_committed(session, note, {"merchant_uid": payment.merchant_uid, "kind": note.kind, **detail})
        previous, count = this, count + 1


def _log_once_committed(session: Session, note: Note, fields: dict[str, Any]) -> None:
    """What is rolled back has not happened, and is not in the log either."""

    def emit(_session: Session) -> None:
        log.info(note.event, extra={"fields": fields})

    event.listen(session, "after_commit", emit, once=True)


def _short(value: Any) -> Any:
    return without_card_numbers(value)[:LONGEST_TEXT] if isinstance(value, str) else value


def without_card_numbers(text: str) -> str:
    """A stranger's text, with anything in it that could be a card number made unreadable."""
    return _CARD_NUMBER.sub("****", text)
