"""Whether the shop is alive, and whether it is ready: for load balancers and whoever watches, without a session."""

from __future__ import annotations

import logging
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Any

from flask import Blueprint, Flask, current_app, jsonify

from storefront.billing import Billing
from storefront.billing.reconciling.readiness import SILENT, Readiness, examine

PATIENCE_S = 1.0
"""Whoever asks is answered by then, also while the database hangs."""

blueprint = Blueprint("health", __name__)
log = logging.getLogger(__name__)


def init_app(app: Flask) -> None:
    """Have somebody to ask."""
    app.extensions["examiner"] = Examiner(app.extensions["billing"])


@blueprint.get("/healthz")
def alive() -> Any:
    """The process answers; nothing else is looked at."""
    return jsonify({"status": "ok"})


@blueprint.get("/readyz")
def ready() -> Any:
    """200 if the shop can do its work; 503 if not, and what it lacks."""
    found = current_app.extensions["examiner"].ask()
    return jsonify({"ready": not found.failing, **vars(found)}), 503 if found.failing else 200


class Examiner:
    """Examines the shop in a thread beside, one for all who ask meanwhile: a database that hangs holds up one at most."""

    def __init__(self, billing: Billing) -> None:
        self._billing = billing
        self._lock = Lock()
        self._running: Future[Readiness] | None = None
        self._failing: list[str] = []

    def ask(self) -> Readiness:
        """What is found, or that nothing was found out in time. What changes is logged."""
        try:
            found = self._examination().result(PATIENCE_S)
        except TimeoutError:
            found = SILENT
        with self._lock:
            before, self._failing = self._failing, found.failing
        if found.failing != before:
            level = logging.WARNING if found.failing else logging.INFO
            log.log(level, "not_ready" if found.failing else "ready", extra={"fields": {"failing": found.failing}})
        return found

    def _examination(self) -> Future[Readiness]:
        with self._lock:
            if self._running is None or self._running.done():
                self._running = Future()
                # A daemon: the process may end while the database hangs.
                Thread(target=self._examine, args=(self._running,), daemon=True).start()
            return self._running

    def _examine(self, asked: Future[Readiness]) -> None:
        try:
            asked.set_result(examine(self._billing))
        except Exception as error:
            asked.set_exception(error)
