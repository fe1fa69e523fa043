"""Work that goes on by itself: renewing and reconciling, in the demo's own process or as `storefront worker`.

Several may run at once. What is due is found in the database and claimed there, so looking twice changes nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial

from storefront import logs, revision
from storefront.billing import Billing
from storefront.billing.mailing import sending
from storefront.billing.reconciling import reconciliation
from storefront.billing.renewing import renewal

EVERY_S = 5.0
SWEEP_AFTER = timedelta(minutes=5)
"""How long after a sweep, and at the first look, i'mport is also asked for what nobody told us."""
_MOST_NAMED = 20

log = logging.getLogger(__name__)


@contextmanager
def working(
    billing: Billing, *, every_s: float = EVERY_S, senders: int = renewal.SENDERS
) -> Iterator[Callable[[], None]]:
    """Renew, reconcile and send mails, a thread each, while the block runs; what is being done is finished at its end.

    Args:
        billing: settings, database, gateway, clock.
        every_s: seconds between two looks.
        senders: how many renewals are sent at once.

    Yields:
        What ends the work before the block does, for whoever has to serve until it is over.
    """
    stop = threading.Event()
    revision.needed()  # read now: the files may be another version's by the first look
    # Daemons, because a signal may come between their start and the block: then nobody is left to stop them.
    threads = [
        threading.Thread(target=work, args=(billing,), kwargs={"every_s": every_s, "stop": stop, **more}, daemon=True)
        for work, more in ((reconcile_forever, {}), (send_mails_forever, {}), (renew_forever, {"senders": senders}))
    ]

    def finish() -> None:
        stop.set()
        for thread in threads:
            thread.join()

    for thread in threads:
        thread.start()
    try:
        yield finish
    finally:
        finish()


def reconcile_forever(billing: Billing, *, every_s: float, stop: threading.Event) -> None:
    """Look at what is open, pause, and look again, until told to stop.

    Args:
        billing: settings, database, gateway, clock.
        every_s: seconds between two looks.
        stop: ends the work after the running look.
    """
    swept_at: datetime | None = None

    def look() -> None:
        nonlocal swept_at
        now = billing.clock.now()
        is_fresh = swept_at is not None and swept_at <= now < swept_at + SWEEP_AFTER
        swept_at = swept_at if is_fresh else now
        _look(billing, sweep=not is_fresh)

    _repeat(billing, look, every_s, stop)


def send_mails_forever(billing: Billing, *, every_s: float, stop: threading.Event) -> None:
    """Send the mails that wait, pause, and look again; a mail server that hangs keeps nobody else from their work.

    Args:
        billing: settings, database, gateway, clock.
        every_s: seconds between two looks.
        stop: ends the work after the running look.
    """
    _repeat(billing, partial(sending.send_waiting, billing), every_s, stop)


def renew_forever(billing: Billing, *, every_s: float, stop: threading.Event, senders: int = renewal.SENDERS) -> None:
    """Do what is due about subscriptions, pause, and look again, until told to stop.

    Args:
        billing: settings, database, gateway, clock.
        every_s: seconds between two looks.
        stop: ends the work once everything that was claimed has been sent.
        senders: how many renewals are sent at once.
    """

    def look() -> None:
        report = renewal.renew(billing, senders=senders, stop=stop)
        if report.sent or report.decided:
            log.info("renewed", extra={"fields": {"sent": len(report.sent), "decided": report.decided}})

    _repeat(billing, look, every_s, stop)


def _repeat(billing: Billing, look: Callable[[], object], every_s: float, stop: threading.Event) -> None:
    while not stop.wait(every_s):
        logs.request_id.set(logs.new_request_id())
        try:
            if _has_its_tables(billing):
                look()
        except Exception:
            log.exception("look_failed", extra={"fields": {"again_in_s": every_s}})


def _has_its_tables(billing: Billing) -> bool:
    """Whether the database is of this version: a worker that was forgotten while others upgraded charges nobody."""
    with billing.database.looking() as connection:
        found = revision.found(connection)
    if found in (None, revision.needed()):  # one that tells none is empty, or a test's
        return True
    log.error("other_schema", extra={"fields": {"found": found, "needed": revision.needed()}})
    return False


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
