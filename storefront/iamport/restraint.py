"""What keeps a slow or silent i'mport from taking every thread: a number of places, and a rest after several silences."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from storefront.iamport.deadline import Deadline
from storefront.iamport.errors import NotAskedError

PLACES = 16
"""How many pages may wait for i'mport at once: half of the threads that serve (`serving.SHOP_THREADS`)."""
QUEUE_S = 0.25
"""How long a page waits for a place. While i'mport is well one is free long before that."""
SILENCES = 5
"""After so many in a row i'mport is believed to be silent."""
REST_S = 3.0
"""While it is, one call is let through in this time, to see whether it has come back."""
FAIR_S = 1.0
"""A call that had less time than this tells nothing about i'mport when it ends."""


class Bulkhead:
    """Places for those who wait."""

    def __init__(self, places: int = PLACES) -> None:
        self._free = threading.Semaphore(places)

    @contextmanager
    def place(self, deadline: Deadline) -> Iterator[None]:
        """Hold a place while the block runs.

        Raises:
            NotAskedError: all are taken.
        """
        if not self._free.acquire(timeout=min(deadline.left_s, QUEUE_S)):
            raise NotAskedError("i'mport", "too many ask already")
        try:
            yield
        finally:
            self._free.release()


class Breaker:
    """Knows whether asking is worth it.

    Args:
        clock: seconds that only go forward; a test passes its own.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._silences = 0
        self._next_try_at = 0.0

    def lets_through(self) -> bool:
        """Whether to ask now. While i'mport is silent that is so for one caller in a while, who then tries."""
        with self._lock:
            if self._silences < SILENCES:
                return True
            now = self._clock()
            if now < self._next_try_at:
                return False
            self._next_try_at = now + REST_S
            return True

    def heard(self) -> None:
        """I'mport has answered, whatever it said."""
        if self._silences:
            with self._lock:
                self._silences = 0

    def missed(self) -> None:
        """It has not."""
        with self._lock:
            self._silences += 1
            if self._silences == SILENCES:
                self._next_try_at = self._clock() + REST_S
