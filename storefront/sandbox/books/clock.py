"""The sandbox's clock: real time plus whatever it was advanced, kept with the rest of the state."""

from __future__ import annotations

import time
from calendar import monthrange
from datetime import UTC, datetime

from storefront.sandbox.books.cards import SEOUL
from storefront.sandbox.books.store import Store

OFFSET = "clock_offset"


class MovableClock:
    """Seconds since 1970, as i'mport counts."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._offset = int(store.setting(OFFSET, "0"))

    def seconds(self) -> int:
        """Now, in whole UNIX seconds."""
        return int(time.time()) + self._offset

    def now(self) -> datetime:
        """Now, aware and in UTC."""
        return datetime.fromtimestamp(time.time() + self._offset, UTC)

    def advance(self, seconds: int) -> None:
        """Move forward."""
        self._offset += seconds
        self._store.set(OFFSET, str(self._offset))

    def go_to(self, seconds: int) -> None:
        """Show another time, which may be an earlier one, and go on from there."""
        self.advance(seconds - self.seconds())

    def seconds_to_next_month(self) -> int:
        """How far the same time on the same day of the next month is in Seoul, or on its last day if it is shorter."""
        today = self.now().astimezone(SEOUL)
        year, month = today.year + today.month // 12, today.month % 12 + 1
        then = today.replace(year=year, month=month, day=min(today.day, monthrange(year, month)[1]))
        return int((then - today).total_seconds())

    def reset(self) -> None:
        """Show the real time again."""
        self._offset = 0
