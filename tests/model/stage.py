"""Shop and sandbox in one process, fast enough to be played ten thousand times, and able to be interrupted.

An interruption happens while the shop waits for i'mport: after the work is done there and before the reply is here.
That is where races live, and here they come in a fixed order. The shop's database is one connection in memory, so a
transaction that were held open across a call to i'mport would collide with whatever the interruption writes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from contextvars import Context
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import requests
from flask import Flask
from werkzeug.test import Client

from storefront import create_app, schema
from storefront.billing import Billing
from storefront.billing.reconciling import reconciliation
from storefront.clock import Clock
from storefront.config import Settings
from storefront.database import Database
from storefront.iamport import Iamport
from storefront.iamport.restraint import REST_S, Breaker
from storefront.models import Base
from storefront.sandbox import SandboxSettings, create_sandbox
from storefront.sandbox.books.faults import Fault
from storefront.sandbox.books.ledger import ledger
from tests.conftest import SHOP_URL
from tests.people import Sandbox
from tests.wsgi import SANDBOX_URL, WsgiAdapter, session_for

GRACE_S = 600
AGAIN = "/subscribe/payments/again"
CALLS = {
    "a look-up": r"/payments/(imp_|findAll/)",
    "a charge": AGAIN,
    "a cancel": "/payments/cancel",
    "a key's call": "/subscribe/customers/",
    "any call": "",
}
"""What the shop may be waiting for. While the one token is fetched everybody waits for it: an interruption would, too."""


@dataclass(frozen=True)
class Subject:
    """The payment a call to i'mport was about, by every name it has."""

    imp_uid: str
    merchant_uid: str
    customer_uid: str | None


@dataclass(frozen=True)
class Interruption:
    """What happens while the shop waits for the answer of a kind of call."""

    call: str
    act: Callable[[Subject], None]


class _InterruptedAdapter(WsgiAdapter):
    """Lets something else happen between i'mport's answer and the shop's reading it."""

    def __init__(self, app: Callable[..., Any], find: Callable[[set[str]], Subject | None]) -> None:
        super().__init__(app)
        self.interruption: Interruption | None = None
        self._find = find

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Answer, and be interrupted once."""
        try:
            return super().send(request, **options)
        finally:
            self.sent.clear()
            self._interrupt(request)

    def _interrupt(self, request: requests.PreparedRequest) -> None:
        interruption, path = self.interruption, request.path_url.split("?")[0]
        if interruption is None or path == "/users/getToken" or not re.match(CALLS[interruption.call], path):
            return
        body = json.loads(request.body) if request.body and request.method == "POST" else {}
        names = {*path.split("/"), *(value for value in body.values() if isinstance(value, str))}
        subject = self._find(names)
        if subject is not None:
            self.interruption = None
            interruption.act(subject)


class ShopBrowser:
    """A browser at the shop's own address. It outlives the shop's process, and so do its cookies."""

    def __init__(self, shop: Callable[..., Any]) -> None:
        self._client = Client(shop)

    def get(self, path: str, **options: Any) -> Any:
        """GET, without following a redirect."""
        return self._client.get(path, base_url=SHOP_URL, **options)

    def post(self, path: str, **options: Any) -> Any:
        """POST, without following a redirect."""
        return self._client.post(path, base_url=SHOP_URL, **options)


class Stage:
    """Both applications, with everything forgotten between two plays."""

    def __init__(self) -> None:
        self._settings = Settings(
            secret_key="a-secret-for-tests",
            database_url="sqlite://",
            public_url=SHOP_URL,
            imp_code="imp00000000",
            imp_key="sandbox_key",
            imp_secret="sandbox_secret",
            imp_api_url=SANDBOX_URL,
            imp_sdk_url=f"{SANDBOX_URL}/v1/iamport.js",
            rate_limits=False,
            charge_grace_s=GRACE_S,
        )
        self._sandbox_app = create_sandbox(
            SandboxSettings(background=False, webhook_url=f"{SHOP_URL}/webhooks/iamport", state=":memory:")
        )
        self.books = self._sandbox_app.extensions["sandbox"]
        self.books.webhooks.open_session = lambda: session_for(self)
        self.sandbox = Sandbox(session_for(self._sandbox_app), SANDBOX_URL)
        self.adapter = _InterruptedAdapter(self._sandbox_app, self._find)
        self.steps = 0
        """How many were played, over all plays."""
        self.clock = Clock()
        self._database = Database(self._settings.database_url)
        schema.create(self._database)
        self._connection = self._database.engine.raw_connection()
        self._app = self._start()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Serve as whichever process of the shop runs now, in a context of its own as every thread of a server has.

        Without that, a request that interrupts another one would be signed in as that one's shopper.
        """
        reply: Iterable[bytes] = Context().run(self._app, environ, start_response)
        return reply

    @property
    def billing(self) -> Billing:
        """What the shop's billing works with."""
        found: Billing = self._app.extensions["billing"]
        return found

    def clear(self) -> None:
        """Forget everything."""
        self.clock = Clock()
        self.books.reset()
        with self._database.writing() as session:
            for table in reversed(Base.metadata.sorted_tables):
                session.execute(table.delete())
        self.restart()

    def restart(self) -> None:
        """The shop's process ends and begins anew: what it remembered beside its database is gone."""
        self.adapter.interruption = None
        self._app = self._start()

    def close(self) -> None:
        """End both."""
        self._connection.close()
        self._database.close()
        self.books.close()

    def browser(self) -> ShopBrowser:
        """A new browser."""
        return ShopBrowser(self)

    def pass_time(self, seconds: int) -> None:
        """For the shop and for i'mport alike."""
        self.clock.advance(timedelta(seconds=seconds))
        self.books.advance(seconds)

    def reconcile(self) -> reconciliation.Report:
        """What `storefront reconcile` does."""
        return reconciliation.reconcile(self.billing)

    def mend(self) -> None:
        """Nothing is broken any more, nothing is about to happen, and who had stopped asking asks again."""
        self.pass_time(math.ceil(REST_S) + 1)
        self.books.faults.clear()
        self.adapter.interruption = None

    def break_call(self, path: str, kind: str, times: int = 1) -> None:
        """The next calls to a path, or the next webhook, will go wrong."""
        self.books.faults.add(Fault(path, kind, times=times))

    def webhook(self, **ids: str | None) -> int:
        """Anybody may post here."""
        return int(self.browser().post("/webhooks/iamport", json=ids).status_code)

    def webhooks(self, *states: str) -> list[int]:
        """The webhooks in some states, oldest first; all of them if none is named."""
        rows = self.imports("SELECT id, state FROM webhook ORDER BY id")
        return [row["id"] for row in rows if not states or row["state"] in states]

    def deliver(self, webhook_id: int) -> None:
        """Tell it, first time or again."""
        self.books.webhooks.deliver(webhook_id)

    def ledger(self) -> dict[str, Any]:
        """What `GET /_sandbox/ledger` says, without the way there."""
        return ledger(self.books.store)

    def imports(self, sql: str, *values: Any) -> list[Any]:
        """Rows of i'mport's books, to choose from and to compare with."""
        return list(self.books.store.all(sql, *values))

    def shop(self, sql: str, *values: Any) -> list[Any]:
        """Rows of the shop's database, to choose from and to compare with; it decides nothing of what the shop does."""
        return list(self._connection.cursor().execute(sql, values).fetchall())

    def _find(self, names: set[str]) -> Subject | None:
        """The newest payment that any of these names belongs to."""
        rows = self.imports(
            "WITH name AS (SELECT value FROM json_each(?))"
            " SELECT imp_uid, merchant_uid, customer_uid FROM payment"
            " WHERE imp_uid IN name OR merchant_uid IN name OR customer_uid IN name ORDER BY id DESC LIMIT 1",
            json.dumps(sorted(names)),
        )
        return Subject(*rows[0]) if rows else None

    def _start(self) -> Flask:
        session = requests.Session()
        session.trust_env = False
        session.mount("http://", self.adapter)
        settings = self._settings
        keys, breaker = (settings.imp_key, settings.imp_secret), Breaker(lambda: self.clock.now().timestamp())
        gateway = Iamport(settings.imp_api_url, *keys, session=session, clock=self.clock, breaker=breaker)
        app = create_app(settings, clock=self.clock, gateway=gateway)
        # What goes wrong in the shop, or in an interruption, ends the play where it happens.
        app.config["PROPAGATE_EXCEPTIONS"] = True
        # One thread for everything: a page waits to the end, and no clock but the play's decides what comes of it.
        app.config["PAGE_BUDGET_S"] = None
        billing: Billing = app.extensions["billing"]
        billing.database.close()
        app.extensions["billing"] = replace(billing, database=self._database)
        return app
