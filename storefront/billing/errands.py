"""Errands: what a shopper asked for and i'mport may take longer over than a page lets its reader wait.

A charge, a refund or a removal is worked on by a thread of its own while the page goes on to say "checking". There are
so many threads and no more; who finds them all busy is told so before anything is written down.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from contextvars import copy_context

from storefront.iamport import Iamport, NotAskedError

PLACES = 64
"""How many may be under way at once. They wait for i'mport most of the time."""

log = logging.getLogger(__name__)


class BusyError(Exception):
    """No errand can be run now. Nothing was written and nothing sent."""


class Errands:
    """The threads for errands, and who is out on what.

    Args:
        places: how many may be under way at once.
    """

    def __init__(self, places: int = PLACES) -> None:
        self._free = threading.Semaphore(places)
        self._threads = ThreadPoolExecutor(places, thread_name_prefix="errand")
        self._lock = threading.Lock()
        self._under_way: dict[Future[None], str] = {}
        self._closed = False

    @contextmanager
    def place(self, subject: str) -> Iterator[Errand]:
        """A place for an errand that the block may send off; if it does not, the place is free again.

        Args:
            subject: whom or what it is about, for `are_about`.

        Raises:
            BusyError: there is none.
        """
        if self._closed or not self._free.acquire(blocking=False):
            raise BusyError
        errand = Errand(self, subject)
        try:
            yield errand
        finally:
            if not errand.is_sent:
                self._free.release()

    def are_about(self, subject: str) -> bool:
        """Whether somebody is out on that at this moment."""
        with self._lock:
            return subject in self._under_way.values()

    def finish(self) -> None:
        """Wait until nobody is out."""
        with self._lock:
            under_way = list(self._under_way)
        wait(under_way)

    def close(self) -> None:
        """Take no more, and wait for those that are out: what was sent is written down before the process ends."""
        with self._lock:
            self._closed = True
        self._threads.shutdown(wait=True)

    def _send(self, subject: str, act: Callable[[], None]) -> Future[None] | None:
        with self._lock:
            if self._closed:
                return None
            future = self._threads.submit(copy_context().run, self._run, subject, act)
            self._under_way[future] = subject
        future.add_done_callback(self._come_back)
        return future

    def _run(self, subject: str, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception:
            # Whatever was written down before it is gone on with by `reconcile`.
            log.exception("errand_failed", extra={"fields": {"subject": subject}})

    def _come_back(self, future: Future[None]) -> None:
        with self._lock:
            del self._under_way[future]
        self._free.release()


class Errand:
    """One place, until it is used."""

    def __init__(self, errands: Errands, subject: str) -> None:
        self._errands, self._subject = errands, subject
        self.is_sent = False

    def send(self, act: Callable[[], None], gateway: Iamport) -> None:
        """Do it, and wait for it as long as there is time.

        Args:
            act: what to do.
            gateway: the waiting one's. A page's has an end, at which the page goes on without the errand; whoever has
                none does the errand in person, and so does a page that is finished while the process ends.
        """
        future = None if gateway.time_left_s is None else self._errands._send(self._subject, act)
        if future is None:
            act()
            return
        self.is_sent = True
        with suppress(NotAskedError, TimeoutError), gateway.place():
            future.result(timeout=gateway.time_left_s)
