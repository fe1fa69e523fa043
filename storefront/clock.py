"""The one source of "now".

Everything that decides by time asks a clock, so that a test (or the demo, which can skip a month) moves time
without waiting for it. Times are aware and in UTC; pages turn them into Seoul time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MOST_APART = timedelta(minutes=5)
"""How far the clocks of two machines may differ. A stored moment further in the future was written by a clock that was
ahead; nobody knows when it was, and nothing waits for it."""


class Clock:
    """Tells the time in UTC, moved forward by whatever it was advanced."""

    def __init__(self) -> None:
        self._offset = timedelta()

    def now(self) -> datetime:
        """The present moment, aware and in UTC."""
        return datetime.now(UTC) + self._offset

    def has_passed(self, span: timedelta, since: datetime) -> bool:
        """Whether a span of time is over, or began at a moment that is not to be trusted.

        Args:
            span: how long.
            since: a stored moment of our own.
        """
        now = self.now()
        return now >= since + span or self.is_in_the_future(since)

    def is_in_the_future(self, moment: datetime) -> bool:
        """Whether a stored moment of our own lies where it cannot: some clock was ahead when it was written."""
        return moment > self.now() + MOST_APART

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
