"""Turns: a lock whose waiters get it in the order in which they came.

Python's own lock goes to whoever asks at the right moment, and so does the lock on a file of SQLite: under a crowd
somebody waits for seconds while others come and go.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import TimeoutError as DatabaseTimeoutError


class Turns:
    """One at a time, first come, first served."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._queue: deque[threading.Event] = deque()
        self._is_taken = False

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._queue)

    @contextmanager
    def taken(self, timeout_s: float) -> Iterator[None]:
        """One's own turn, while the block runs.

        Args:
            timeout_s: how many seconds to wait for it.

        Raises:
            DatabaseTimeoutError: it did not come in time, as a pool says that has no connection left.
        """
        self._take(timeout_s)
        try:
            yield
        finally:
            with self._guard:
                self._pass_on()

    def _take(self, timeout_s: float) -> None:
        with self._guard:
            if not self._is_taken:
                self._is_taken = True
                return
            mine = threading.Event()
            self._queue.append(mine)
        if mine.wait(timeout_s):
            return
        with self._guard:
            if mine.is_set():  # it came while we gave up
                self._pass_on()
            else:
                self._queue.remove(mine)
        raise DatabaseTimeoutError(f"no turn to write within {timeout_s} s")

    def _pass_on(self) -> None:
        if self._queue:
            self._queue.popleft().set()
        else:
            self._is_taken = False
