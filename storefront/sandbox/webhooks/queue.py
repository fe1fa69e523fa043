"""Webhooks: written down with the payment, sent over HTTP after the reply, by a thread of their own.

Source: the webhook guide. One send, unless somebody asks for another or the merchant has chosen resends: those follow a
minute apart on the sandbox's clock, after a network error or a 5xx (that a 4xx is left alone is assumed).
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable
from typing import Any

import requests

from storefront.sandbox.books import history
from storefront.sandbox.books.clock import MovableClock
from storefront.sandbox.books.faults import Faults
from storefront.sandbox.books.store import LARGEST_ID, Row, Store
from storefront.sandbox.settings import SandboxSettings
from storefront.sandbox.webhooks import deliveries
from storefront.sandbox.wire.addresses import is_loopback

RESEND_AFTER_S = 60
MOST_RESENDS = 5
LONGEST_NAP_S = 1.0
"""Between two looks at what is due."""

NOT_ALLOWED = "target not allowed: it is not on this machine; --allow-remote-webhooks allows it"
DROPPED_BY_FAULT = "a fault dropped it"
FAULT = "fault: {}"

_SHOWN_STATES = {"first": "pending", "resend": "failed"}
"""What testers call the states that only the queue tells apart: `first` goes out before the reply, `resend` waits."""


class RemoteTargetError(ValueError):
    """Webhooks would leave this machine, and nobody has allowed it; the text says where to."""


class Webhooks:
    """The queue and the thread that empties it."""

    def __init__(self, settings: SandboxSettings, store: Store, clock: MovableClock, faults: Faults) -> None:
        self._settings, self._store, self._clock, self._faults = settings, store, clock, faults
        self.open_session: deliveries.OpenSession = requests.Session
        self.before_looking: Callable[[], None] = lambda: None
        self.default_url: str | None = None
        self._then: Callable[[], None] = lambda: None
        self._changed = threading.Condition()
        self._sending = threading.RLock()
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._local = threading.local()
        self.aim(settings.webhook_url)
        self.begin()

    def begin(self) -> None:
        """Begin with what the books hold: what was to go out before a reply goes out now, for its request is over."""
        self._store.write("UPDATE webhook SET state = 'pending' WHERE state = 'first'")

    def aim(self, url: str | None) -> None:
        """Say where webhooks go when a payment names no `notice_url`; None is nowhere.

        Raises:
            RemoteTargetError: it is another machine, and nobody has allowed that.
        """
        if url and not self._may_go_to(url):
            raise RemoteTargetError(f"{url} is not on this machine")
        self.default_url = url

    def queue(self, notice_url: str | None, imp_uid: str, merchant_uid: str, status: str, **more: Any) -> None:
        """Write a webhook down, in the caller's transaction; faults decide what becomes of it.

        Args:
            notice_url: where the payment wants it, if it named an address.
            imp_uid: the payment.
            merchant_uid: its order.
            status: `paid`, `failed` or `cancelled`.
            more: what else the body says.
        """
        url = notice_url or self.default_url
        if not url:
            return
        body = json.dumps({"imp_uid": imp_uid, "merchant_uid": merchant_uid, "status": status, **more})
        fault = self._faults.take("webhook", "POST")
        kind = fault.kind if fault else ""
        state, reason = {"drop": ("dropped", DROPPED_BY_FAULT), "hold": ("held", FAULT.format(kind))}.get(
            kind, ("pending", FAULT.format(kind) if kind else None)
        )
        if not self._may_go_to(url):
            state, reason = "dropped", NOT_ALLOWED
        customer_uid = self._store.text("SELECT customer_uid FROM payment WHERE imp_uid = ?", imp_uid)
        due = self._now() + fault.seconds if fault and kind == "delay" else 0.0
        for _ in range(2 if kind == "repeat" else 1):
            webhook_id = self._store.insert(
                "webhook",
                at=self._now(),
                url=url,
                body=body,
                state="first" if kind == "first" else state,
                due=due,
                reason=reason,
            )
            history.mention(self._store, "webhook", webhook_id, (imp_uid, merchant_uid, customer_uid))
            self._local.has_queued = True
            if kind == "first":
                self._first().append(webhook_id)

    def after_reply(self) -> None:
        """A reply is out: what its request has queued, if anything, may go now."""
        if getattr(self._local, "has_queued", False):
            self._local.has_queued = False
            self.wake()

    def deliver_first(self) -> None:
        """Deliver what a fault wants delivered before the reply, in this very request."""
        waiting, self._local.ids = self._first(), []
        for webhook_id in waiting:
            self.deliver(webhook_id)

    def wake(self) -> None:
        """Let the thread look at the queue."""
        if not self._settings.background:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._live, name="webhooks", daemon=True)
            self._thread.start()
        with self._changed:
            self._changed.notify_all()

    def deliver(self, webhook_id: int) -> None:
        """Send one webhook now, whatever its state, and write down how that went."""
        with self._sending:
            row = self.find(webhook_id)
            if row is not None:
                self._send(row)

    def send_as(self, url: str, body: str) -> None:
        """Send something of a tester's own making; it is written down like every other one.

        Raises:
            ValueError: the body is no JSON.
        """
        value = json.loads(body)
        reason = None if self._may_go_to(url) else NOT_ALLOWED
        state = "dropped" if reason else "held"
        facts = {"at": self._now(), "url": url, "body": json.dumps(value), "state": state, "reason": reason}
        webhook_id = self._store.insert("webhook", **facts)
        history.mention(self._store, "webhook", webhook_id, history.ids_in(json.dumps(value)))
        self.deliver(webhook_id)

    def hold(self, webhook_id: int) -> None:
        """Keep a webhook back that has not been sent yet, until somebody asks for it."""
        self._store.write("UPDATE webhook SET state = 'held' WHERE id = ? AND state = 'pending'", webhook_id)

    def find(self, webhook_id: int) -> Row | None:
        """The webhook of an id, or None."""
        if not 0 < webhook_id <= LARGEST_ID:
            return None
        return self._store.one("SELECT * FROM webhook WHERE id = ?", webhook_id)

    def drain(self, timeout_s: float) -> dict[str, int]:
        """Wait until nothing is pending; how many are delivered and how many still wait.

        A delay is waited for, or cut short when no thread sends; a resend that is not due yet is neither.
        """
        self._wait(timeout_s, any_time=True)
        delivered = self._store.number("SELECT count(*) FROM webhook WHERE state = 'delivered'")
        return {"delivered": delivered, "pending": self._pending()}

    def send_due(self, timeout_s: float) -> None:
        """Wait until nothing is due any more; without the thread everything waits for `drain`."""
        if self._settings.background:
            self._wait(timeout_s)

    def next_at(self) -> int | None:
        """When the next one is due that is not due yet, in UNIX seconds, or None."""
        query = "SELECT min(due) AS at FROM webhook WHERE state IN ('pending', 'resend') AND due > ?"
        row = self._store.one(query, self._now())
        return math.ceil(row["at"]) if row and row["at"] is not None else None

    def shown(self, *, after: int = 0) -> list[dict[str, Any]]:
        """Every webhook after that id with its attempts, oldest first."""
        return [self.show(row) for row in self._store.all("SELECT * FROM webhook WHERE id > ? ORDER BY id", after)]

    @staticmethod
    def show(row: Row) -> dict[str, Any]:
        """One webhook as testers see it."""
        return {
            "id": row["id"],
            "at": int(row["at"]),
            "url": row["url"],
            "body": json.loads(row["body"]),
            "state": _SHOWN_STATES.get(row["state"], row["state"]),
            "reason": row["reason"],
            "resend_at": round(row["due"]) if row["state"] == "resend" else None,
            "attempts": json.loads(row["attempts"]),
        }

    def _live(self) -> None:
        self._run()
        self._then()

    def close(self, then: Callable[[], None]) -> None:
        """Stop the thread after the delivery it is at, which may outlast this call.

        Args:
            then: what closes the books, as soon as nobody writes into them any more.
        """
        self._then, self._stopped = then, True
        if self._thread is None:
            then()
            return
        with self._changed:
            self._changed.notify_all()
        self._thread.join(timeout=1)

    def _first(self) -> list[int]:
        ids: list[int] = getattr(self._local, "ids", [])
        self._local.ids = ids
        return ids

    def _run(self) -> None:
        while not self._stopped:
            self.before_looking()
            self.deliver_first()
            if self._send_next():
                continue
            with self._changed:
                # Looked at again with the lock in hand, so that no call to wake is missed.
                if self._next() is None and not self._stopped:
                    self._changed.wait(0.05 if self._pending() else LONGEST_NAP_S)

    def _wait(self, timeout_s: float, *, any_time: bool = False) -> None:
        if not self._settings.background:
            while self._send_next(any_time=any_time):
                pass
            return
        self.wake()
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while self._next(any_time=any_time) and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(min(left, 0.05))

    def _send_next(self, *, any_time: bool = False) -> bool:
        with self._sending:
            row = self._next(any_time=any_time)
            if row is not None:
                self._send(row)
        return row is not None

    def _send(self, row: Row) -> None:
        era, at, earlier = self._store.era, self._clock.seconds(), json.loads(row["attempts"])
        if not self._may_go_to(row["url"]):
            self._store.write("UPDATE webhook SET reason = ? WHERE id = ?", NOT_ALLOWED, row["id"])
            return
        timeout = deliveries.RESEND_TIMEOUT if earlier else deliveries.FIRST_TIMEOUT
        how, body = self._settings.webhook_content_type, json.loads(row["body"])
        attempt = {"at": at, **deliveries.attempt(self.open_session, row["url"], body, how, timeout)}
        state, due = "failed", 0
        if deliveries.is_delivered(attempt):
            state = "delivered"
        elif deliveries.deserves_another(attempt) and len(earlier) < self._settings.webhook_resends:
            state, due = "resend", at + RESEND_AFTER_S
        attempts = json.dumps([*earlier, attempt])
        with self._store.transaction() as store:
            if store.era == era:  # otherwise everything was forgotten meanwhile, and the id may be another webhook's
                store.write(
                    "UPDATE webhook SET state = ?, due = ?, attempts = ? WHERE id = ?", state, due, attempts, row["id"]
                )
        with self._changed:
            self._changed.notify_all()

    def _next(self, *, any_time: bool = False) -> Row | None:
        query, now = "SELECT * FROM webhook WHERE state = ? AND due <= ? ORDER BY id LIMIT 1", self._now()
        resend = self._store.one(query, "resend", now)
        return resend or self._store.one(query, "pending", math.inf if any_time else now)

    def _pending(self) -> int:
        return self._store.number("SELECT count(*) FROM webhook WHERE state = 'pending'")

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _may_go_to(self, url: str) -> bool:
        return self._settings.allow_remote_webhooks or is_loopback(url)
