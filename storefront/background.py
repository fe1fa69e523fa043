"""Work that goes on by itself: reconciling, in the demo's own process or as `storefront worker`.

Several may run at once. What is due is found in the database and claimed there, so looking twice changes nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from storefront import logs
from storefront.billing import Billing
from storefront.billing.reconciling import reconciliation

EVERY_S = 5.0
SWEEP_EVERY = 60
"""Every which look, beginning with the first, also asks i'mport for what nobody told us: each five minutes."""

log = logging.getLogger(__name__)


@contextmanager
def reconciling(billing: Billing, *, every_s: float = EVERY_S) -> Iterator[None]:
    """Reconcile in a thread while the block runs; the running look is finished at its end."""
    stop = threading.Event()
    # A daemon, because a signal may come between its start and the block: then nobody is left to stop it.
    thread = threading.Thread(
        target=reconcile_forever, args=(billing,), kwargs={"every_s": every_s, "stop": stop}, daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def reconcile_forever(billing: Billing, *, every_s: float, stop: threading.Event) -> None:
    """Look at what is due, pause, and look again, until told to stop.

    Args:
        billing: settings, database, gateway, clock.
        every_s: seconds between two looks.
        stop: ends the work after the running look.
    """
    look = 0
    while not stop.wait(every_s):
        look += 1
        logs.request_id.set(logs.new_request_id())
        try:
            report = reconciliation.reconcile(billing, only_due=True, sweep=look % SWEEP_EVERY == 1)
        except SQLAlchemyError:
            log.exception("reconcile could not use the database; it looks again in %s s", every_s)
            continue
        for line in report.needs_person:
            log.warning("needs_person", extra={"fields": {"what": line}})
