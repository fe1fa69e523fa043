"""Work that goes on by itself: reconciling, in the demo's own process or as `storefront worker`.

Several may run at once. What is due is found in the database and claimed there, so looking twice changes nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from storefront import logs
from storefront.billing import Billing
from storefront.billing.mailing import sending
from storefront.billing.reconciling import reconciliation

EVERY_S = 5.0
SWEEP_EVERY = 60
"""Every which look, beginning with the first, also asks i'mport for what nobody told us: each five minutes."""
_MOST_NAMED = 20

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
            _look(billing, sweep=look % SWEEP_EVERY == 1)
            sending.send_waiting(billing)
        except Exception:
            log.exception("look_failed", extra={"fields": {"again_in_s": every_s}})


def _look(billing: Billing, *, sweep: bool) -> None:
    """One look, and what came of it; a look that had nothing to look at is not worth a line."""
    report = reconciliation.reconcile(billing, only_due=True, sweep=sweep)
    counts = {
        "looked_at": len(report.looked_at),
        "changed": len(report.changed),
        "undecided": len(report.undecided),
        "needs_person": len(report.needs_person),
        "swept": sweep,
    }
    if report.unheard:
        log.warning("deaf", extra={"fields": {**counts, "unheard": report.unheard[:_MOST_NAMED]}})
    elif sweep or report.looked_at:
        log.info("looked", extra={"fields": counts})
