"""Shop and sandbox in one process, fast enough to be played ten thousand times, and able to be interrupted.

An interruption happens while the shop waits for i'mport: after the work is done there and before the reply is here.
That is where races live, and here they come in a fixed order.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests
from flask import Flask
from sqlalchemy import select

from storefront import create_app, schema
from storefront.billing import reconciliation
from storefront.clock import Clock
from storefront.config import Settings
from storefront.iamport import Iamport
from storefront.models import Base, Event, Payment
from storefront.sandbox import SandboxSettings, create_sandbox
from tests.conftest import SHOP_URL, Browser
from tests.people import Sandbox, Shopper
from tests.wsgi import SANDBOX_URL, WsgiAdapter, session_for

GRACE_S = 600


class _InterruptedAdapter(WsgiAdapter):
    """Lets something else happen between i'mport's answer and the shop's reading it."""

    def __init__(self, app: Callable[..., Any]) -> None:
        super().__init__(app)
        self.interruption: Callable[[], None] | None = None

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Answer, and be interrupted once."""
        try:
            return super().send(request, **options)
        finally:
            self.sent.clear()
            interruption = self.interruption
            # While the one token is fetched everybody waits for it, and this thread would wait for itself.
            if interruption is not None and not str(request.url).endswith("/users/getToken"):
                self.interruption = None
                interruption()


class Stage:
    """Both applications, with everything forgotten between two plays."""

    def __init__(self, folder: Path) -> None:
        self._settings = Settings(
            secret_key="a-secret-for-tests",
            database_url=f"sqlite:///{folder / 'shop.sqlite'}",
            public_url=SHOP_URL,
            imp_code="imp00000000",
            imp_key="sandbox_key",
            imp_secret="sandbox_secret",
            imp_api_url=SANDBOX_URL,
            imp_sdk_url=f"{SANDBOX_URL}/v1/iamport.js",
            rate_limits=False,
            charge_grace_s=GRACE_S,
        )
        self.clock = Clock()
        self._sandbox_app = create_sandbox(
            SandboxSettings(background=False, webhook_url=f"{SHOP_URL}/webhooks/iamport", state=":memory:")
        )
        self.books = self._sandbox_app.extensions["sandbox"]
        self.books.webhooks.open_session = lambda: session_for(self.app)
        self.sandbox = Sandbox(session_for(self._sandbox_app), SANDBOX_URL)
        self.adapter = _InterruptedAdapter(self._sandbox_app)
        self.app = self._start()
        schema.create(self.app.extensions["billing"].database)

    def clear(self) -> None:
        """Forget everything."""
        self.clock = Clock()
        self.books.reset()
        database = self.app.extensions["billing"].database
        with database.writing() as session:
            for table in reversed(Base.metadata.sorted_tables):
                session.execute(table.delete())
        self.restart()

    def restart(self) -> None:
        """The shop's process ends and begins anew; its database stays."""
        self.adapter.interruption = None
        self.app.extensions["billing"].database.close()
        self.app = self._start()

    def close(self) -> None:
        """End both."""
        self.app.extensions["billing"].database.close()
        self.books.close()

    def browser(self) -> Browser:
        """A new browser."""
        return Browser(self.app)

    def shopper(self, email: str) -> Shopper:
        """Somebody new, signed up."""
        return Shopper(self.browser(), self.sandbox, email).sign_up()

    def sign_in(self, email: str) -> Shopper:
        """Somebody known, in the browser of a new process."""
        shopper = Shopper(self.browser(), self.sandbox, email)
        assert shopper.post("/login", {"email": email, "password": "good-morning-coffee"}).status_code == 303
        return shopper

    def pass_time(self, seconds: int) -> None:
        """For the shop and for i'mport alike."""
        self.clock.advance(timedelta(seconds=seconds))
        self.sandbox.advance(seconds=seconds)

    def reconcile(self) -> reconciliation.Report:
        """What `storefront reconcile` does."""
        return reconciliation.reconcile(self.app.extensions["billing"])

    def webhook(self, body: dict[str, Any]) -> int:
        """Anybody may post here."""
        return int(self.browser().post("/webhooks/iamport", json=body).status_code)

    def waiting_webhooks(self) -> list[int]:
        """What i'mport has not told yet."""
        rows = self.books.store.all("SELECT id FROM webhook WHERE state IN ('pending', 'held') ORDER BY id")
        return [row["id"] for row in rows]

    def all_webhooks(self) -> list[int]:
        """What i'mport has told, or may tell."""
        return [row["id"] for row in self.books.store.all("SELECT id FROM webhook ORDER BY id")]

    def deliver(self, webhook_id: int) -> None:
        """Tell it, first time or again."""
        self.books.webhooks.deliver(webhook_id)

    def timelines(self) -> dict[str, Counter[str]]:
        """How often each event happened to each order."""
        query = select(Payment.merchant_uid, Event.event).join(Event.payment)
        found: dict[str, Counter[str]] = defaultdict(Counter)
        with self.app.extensions["billing"].database.reading() as session:
            for merchant_uid, event in session.execute(query):
                found[merchant_uid][event] += 1
        return found

    def _start(self) -> Flask:
        session = requests.Session()
        session.mount("http://", self.adapter)
        settings = self._settings
        gateway = Iamport(settings.imp_api_url, settings.imp_key, settings.imp_secret, session=session)
        return create_app(settings, clock=self.clock, gateway=gateway)
