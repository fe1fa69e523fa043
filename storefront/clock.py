"""The one source of "now".

Everything that decides by time asks a clock, so that a test (or the demo, which can skip a month) moves time
without waiting for it. Times are aware and in UTC; pages turn them into Seoul time.
"""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

SEOUL = ZoneInfo("Asia/Seoul")
"""Whose days and hours shoppers live by. Nothing is stored in it."""
MOST_APART = timedelta(minutes=5)
"""How far the clocks of two machines may differ. A stored moment further in the future was written by a clock that was
ahead; nobody knows when it was, and nothing waits for it."""
ASK_EVERY_S = 0.2
"""How soon a process notices that the sandbox's time was moved."""
_PATIENCE_S = 2.0
_PATIENCE_TO_MOVE_S = 60.0
"""On its way the sandbox charges what is scheduled and waits for those who are told of it."""

log = logging.getLogger(__name__)


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


class TimeStandsStillError(Exception):
    """The clock is somebody else's, who does not answer; it was not moved."""


class LentClock(Clock):
    """Somebody else's clock in this process, as the demo's is its sandbox's.

    Args:
        tell: the present moment, aware and in UTC.
        move: moves it forward by whole seconds.
    """

    def __init__(self, tell: Callable[[], datetime], move: Callable[[int], object]) -> None:
        super().__init__()
        self._tell, self._move = tell, move

    def now(self) -> datetime:
        """The present moment of whoever has lent it."""
        return self._tell()

    def advance(self, by: timedelta) -> None:
        """Move it forward, for its owner too; a part of a second counts as a whole one."""
        self._move(_whole_seconds(by))


class SandboxClock(Clock):
    """The time of a sandbox in another process: its console can skip a month for everybody who works beside it.

    A thread of its own keeps asking, so that nobody who only wants to know the time waits for an answer: there may be a
    transaction open. While the sandbox does not answer, the last offset counts.

    Args:
        url: the sandbox's address.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = f"{url.rstrip('/')}/_sandbox/clock"
        self._connection = self._connect(_PATIENCE_S)
        """Kept open between questions: they are many, and each is to cost little."""
        self._ahead = timedelta()
        self._lock = threading.Lock()
        self._talking = threading.Lock()
        """Held while the sandbox is asked: what it said before a move must not be believed after it."""
        self._asking: threading.Thread | None = None

    def now(self) -> datetime:
        """The sandbox's present moment."""
        asking = self._asking
        if asking is None or not asking.is_alive():  # the first time, and after a fork
            self._begin_asking()
        return super().now() + self._ahead

    def advance(self, by: timedelta) -> None:
        """Move the sandbox's clock forward, for everybody beside it; a part of a second counts as a whole one.

        Raises:
            TimeStandsStillError: the sandbox does not answer, and it is not known whether it has moved its clock.
            ValueError: if `by` is negative; nothing has changed.
        """
        seconds = _whole_seconds(by)
        self.now()  # the difference so far is known
        with self._talking:
            moving = self._connect(_PATIENCE_TO_MOVE_S)
            shown = self._tell(moving, json.dumps({"advance": seconds}))
            moving.close()
            if shown is None:
                raise TimeStandsStillError(self._url)
            self._ahead += timedelta(seconds=seconds)
            self._compare(shown)

    def _begin_asking(self) -> None:
        with self._lock:
            if self._asking is not None and self._asking.is_alive():
                return
            # After a fork nobody is left to give the old lock back, and the connection is another process's as well.
            self._talking, self._connection = threading.Lock(), self._connect(_PATIENCE_S)
            self._ask()
            self._asking = threading.Thread(target=self._keep_asking, name="sandbox-clock", daemon=True)
            self._asking.start()

    def _keep_asking(self) -> None:
        while True:
            time.sleep(ASK_EVERY_S)
            self._ask()

    def _ask(self) -> None:
        with self._talking:
            shown = self._tell(self._connection)
            if shown is not None:
                self._compare(shown)

    def _compare(self, shown: int) -> None:
        """Take over the difference to what the sandbox's clock shows, in UNIX seconds."""
        ahead = timedelta(seconds=shown - int(time.time()))
        # It tells whole seconds, and one may have ended while we asked.
        if abs(ahead - self._ahead) > timedelta(seconds=1):
            log.info("sandbox_time", extra={"fields": {"ahead_s": ahead.total_seconds()}})
            self._ahead = ahead

    def _connect(self, patience_s: float) -> HTTPConnection:
        """A connection that is opened when it is needed, without a proxy: the sandbox is on this very machine."""
        address = urlsplit(self._url)
        kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
        return kind(address.netloc, timeout=patience_s)

    def _tell(self, connection: HTTPConnection, move: str | None = None) -> int | None:
        """What the sandbox's clock shows, perhaps after a move of it; None if it does not say."""
        method, headers = ("POST", {"Content-Type": "application/json"}) if move else ("GET", {})
        try:
            connection.request(method, urlsplit(self._url).path, move, headers)
            with connection.getresponse() as reply:
                return int(json.load(reply)["now"])
        except (OSError, HTTPException, ValueError, KeyError, TypeError):
            connection.close()  # it is opened anew for the next question
            return None


def _whole_seconds(by: timedelta) -> int:
    if by < timedelta():
        raise ValueError("a clock only moves forward")
    return math.ceil(by.total_seconds())
