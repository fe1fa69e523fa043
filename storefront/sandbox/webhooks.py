"""Webhooks: written down with the payment, sent over HTTP after the reply, by a thread of their own.

Source: the webhook guide. First send 10 s to connect and 30 s to read; one send unless somebody asks for another.
"""

from __future__ import annotations

import ipaddress
import json
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests

from storefront.sandbox.clock import MovableClock
from storefront.sandbox.faults import Faults
from storefront.sandbox.settings import SandboxSettings
from storefront.sandbox.store import Row, Store

TIMEOUT_S = (10.0, 30.0)
LONGEST_NAP_S = 1.0
"""Between two looks at what is due."""

Sender = Callable[[str, dict[str, Any]], int]
"""Posts a body to an address and gives the HTTP status back, or raises `requests.RequestException`."""


class Webhooks:
    """The queue and the thread that empties it."""

    def __init__(self, settings: SandboxSettings, store: Store, clock: MovableClock, faults: Faults) -> None:
        self._settings, self._store, self._clock, self._faults = settings, store, clock, faults
        self.send: Sender = _post
        self.before_looking: Callable[[], None] = lambda: None
        self._changed = threading.Condition()
        self._sending = threading.RLock()
        self._thread: threading.Thread | None = None
        self._stopped = False

    def queue(self, notice_url: str | None, imp_uid: str, merchant_uid: str, status: str, **more: Any) -> None:
        """Write a webhook down, in the caller's transaction; faults decide what becomes of it.

        Args:
            notice_url: where the payment wants it, if it named an address.
            imp_uid: the payment.
            merchant_uid: its order.
            status: `paid`, `failed` or `cancelled`.
            more: what else the body says.
        """
        url = notice_url or self._settings.webhook_url
        if not url:
            return
        body = json.dumps({"imp_uid": imp_uid, "merchant_uid": merchant_uid, "status": status, **more})
        fault = self._faults.take("webhook", "POST")
        kind = fault.kind if fault else ""
        state = {"drop": "dropped", "hold": "held"}.get(kind, "pending")
        if not self._allowed(url):
            state = "dropped"
        due = time.time() + fault.seconds if fault and kind == "delay" else 0.0
        for _ in range(2 if kind == "repeat" else 1):
            webhook_id = self._store.insert(
                "webhook",
                at=self._clock.seconds(),
                url=url,
                body=body,
                state="first" if kind == "first" else state,
                due=due,
            )
            if kind == "first":
                self._first().append(webhook_id)

    def deliver_first(self) -> None:
        """Deliver what a fault wants delivered before the reply, in this very request."""
        waiting, self._local.ids = self._first(), []
        for webhook_id in waiting:
            self.deliver(webhook_id)

    def wake(self) -> None:
        """The reply is out: let the thread look at the queue."""
        if not self._settings.background:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
            self._thread.start()
        with self._changed:
            self._changed.notify_all()

    def deliver(self, webhook_id: int) -> None:
        """Send one webhook now and write down how that went."""
        with self._sending:
            row = self._store.one("SELECT * FROM webhook WHERE id = ?", webhook_id)
            if row is None:
                return
            attempt: dict[str, Any] = {"at": self._clock.seconds(), "status": None, "error": None, "ms": 0}
            began = time.monotonic()
            try:
                attempt["status"] = self.send(row["url"], json.loads(row["body"]))
            except requests.RequestException as error:
                attempt["error"] = type(error).__name__
            attempt["ms"] = round((time.monotonic() - began) * 1000)
            attempts = [*json.loads(row["attempts"]), attempt]
            state = "delivered" if attempt["status"] is not None and attempt["status"] < 300 else "failed"  # noqa: PLR2004
            self._store.write(
                "UPDATE webhook SET state = ?, attempts = ? WHERE id = ?", state, json.dumps(attempts), webhook_id
            )
        with self._changed:
            self._changed.notify_all()

    def hold(self, webhook_id: int) -> None:
        """Keep a webhook back that has not been sent yet, until somebody asks for it."""
        self._store.write("UPDATE webhook SET state = 'held' WHERE id = ? AND state = 'pending'", webhook_id)

    def drain(self, timeout_s: float) -> dict[str, int]:
        """Wait until nothing is pending; how many are delivered and how many still wait."""
        if not self._settings.background:
            while (row := self._next(any_time=True)) is not None:
                self.deliver(row["id"])
        else:
            self.wake()
            deadline = time.monotonic() + timeout_s
            with self._changed:
                while self._pending() and (left := deadline - time.monotonic()) > 0:
                    self._changed.wait(min(left, 0.05))
        delivered = self._store.number("SELECT count(*) FROM webhook WHERE state = 'delivered'")
        return {"delivered": delivered, "pending": self._pending()}

    def shown(self) -> list[dict[str, Any]]:
        """Every webhook with its attempts, oldest first."""
        return [self.show(row) for row in self._store.all("SELECT * FROM webhook ORDER BY id")]

    @staticmethod
    def show(row: Row) -> dict[str, Any]:
        """One webhook as testers see it."""
        return {
            "id": row["id"],
            "at": row["at"],
            "url": row["url"],
            "body": json.loads(row["body"]),
            "state": "pending" if row["state"] == "first" else row["state"],
            "attempts": json.loads(row["attempts"]),
        }

    def close(self) -> None:
        """Stop the thread after the delivery it is at."""
        self._stopped = True
        with self._changed:
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=1)

    _local = threading.local()

    def _first(self) -> list[int]:
        ids: list[int] = getattr(self._local, "ids", [])
        self._local.ids = ids
        return ids

    def _run(self) -> None:
        while not self._stopped:
            self.before_looking()
            self.deliver_first()
            row = self._next()
            if row is not None:
                self.deliver(row["id"])
                continue
            with self._changed:
                self._changed.wait(0.05 if self._pending() else LONGEST_NAP_S)

    def _next(self, *, any_time: bool = False) -> Row | None:
        due = "" if any_time else f" AND due <= {time.time()}"
        return self._store.one(f"SELECT * FROM webhook WHERE state = 'pending'{due} ORDER BY id LIMIT 1")  # noqa: S608

    def _pending(self) -> int:
        return self._store.number("SELECT count(*) FROM webhook WHERE state = 'pending'")

    def _allowed(self, url: str) -> bool:
        return self._settings.allow_remote_webhooks or is_loopback(url)


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine."""
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return False
        if parts.hostname == "localhost":
            return True
        return ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return False


def _post(url: str, body: dict[str, Any]) -> int:
    with requests.Session() as session:
        session.trust_env = False
        return session.post(url, json=body, timeout=TIMEOUT_S, allow_redirects=False).status_code
