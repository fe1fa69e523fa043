"""The one source of "now".

Everything that decides by time asks a clock, so that a test (or the demo, which can skip a month) moves time
without waiting for it. Times are aware and in UTC; pages turn them into Seoul time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """Tells the time in UTC, moved forward by whatever it was advanced."""

    def __init__(self) -> None:
        self._offset = timedelta()

    def now(self) -> datetime:
        """The present moment, aware and in UTC."""
        return datetime.now(UTC) + self._offset

    def advance(self, by: timedelta) -> None:
        """Move the clock forward.

        Args:
            by: how far; never negative, because expiries and backoffs assume that time only passes.

        Raises:
            ValueError: if `by` is negative; nothing has changed.
        """
        if by < timedelta():
            raise ValueError("a clock only moves forward")
        self._offset += by
