"""Whether the shop can do its work: its database answers, has the schema, and i'mport has been heard of lately."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from storefront import revision
from storefront.billing.context import Billing
from storefront.models import Sweep

DEAF_AFTER = timedelta(minutes=15)
"""Without a look at i'mport for so long the shop may not know of money that came or went: three looks of the worker's."""

Facts = dict[str, bool | int | str | None]


@dataclass(frozen=True)
class Readiness:
    """What was found, by the name of what was looked at; each says whether it is `ok`, and why."""

    database: Facts
    schema: Facts = field(default_factory=lambda: {"ok": False})
    last_look: Facts = field(default_factory=lambda: {"ok": False, "age_s": None})

    @property
    def failing(self) -> list[str]:
        """The names of what is not as it should be."""
        return [name for name, facts in vars(self).items() if not facts["ok"]]


SILENT = Readiness(database={"ok": False, "reason": "it does not answer"})


def examine(billing: Billing) -> Readiness:
    """Look at the database, and at what it says of i'mport. This takes as long as the database does."""
    try:
        with billing.database.reading() as session:
            found, needed = revision.found(session.connection()), revision.needed()
            looked_at = _last_look(session) if found == needed else None
    except SQLAlchemyError as error:
        return Readiness(database={"ok": False, "reason": type(error).__name__})  # its text may hold an address
    return Readiness(
        database={"ok": True},
        schema={"ok": found == needed, "found": found, "needed": needed},
        last_look=_heard(looked_at, billing.clock.now()),
    )


def _last_look(session: Session) -> datetime | None:
    """When i'mport was last asked, and answered, what the shop was not told."""
    return session.scalar(select(Sweep.started_at).order_by(Sweep.id.desc()).limit(1))


def _heard(looked_at: datetime | None, now: datetime) -> Facts:
    if looked_at is None:
        return {"ok": False, "age_s": None}
    age = now - looked_at
    # Too far in the future is as bad: one of two clocks was wrong.
    return {"ok": abs(age) <= DEAF_AFTER, "age_s": round(age.total_seconds())}
