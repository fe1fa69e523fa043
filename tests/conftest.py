"""The stage: a shop and its sandbox in one process, people to use them, and a clock to move.

`TEST_DATABASE_URL` runs the same stories on PostgreSQL.
"""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from werkzeug.security import generate_password_hash

from storefront import create_app, schema
from storefront.billing import Billing
from storefront.billing.reconciling import reconciliation
from storefront.billing.renewing import renewal
from storefront.clock import Clock
from storefront.config import Settings
from storefront.demo_sandbox import DemoSandbox
from storefront.iamport import Iamport
from storefront.iamport.restraint import Breaker
from storefront.models import Base
from storefront.sandbox import SandboxSettings, create_sandbox
from tests import once
from tests.people import Sandbox, Shopper
from tests.wsgi import SANDBOX_URL, session_for

pytest_plugins = ["tests.contract.plugin"]

HOST = "127.0.0.1"
SHOP_URL = f"http://{HOST}:8000"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Browser tests join when they are asked for: they need Chromium."""
    parser.addoption("--browser-tests", action="store_true", help="run the tests in tests/browser too")
    parser.addoption("--live", action="store_true", help="ask the account of IMP_KEY what tests/live asks the sandbox")
    parser.addoption(
        "--long", action="store_true", help="play the model for a hundred thousand steps, and generate requests"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the browser tests out unless they were asked for."""
    if collection_path.name == "browser" and not config.getoption("--browser-tests"):
        return True
    return None


def pytest_collection_finish() -> None:
    """What has been imported stays to the end, so the collector of garbage need not look through it each time."""
    gc.freeze()


class Shop:
    """The shop in this process, with the time in one's hand."""

    def __init__(self, app: Flask, clock: Clock, sandbox: Sandbox) -> None:
        self.app, self.clock, self.sandbox = app, clock, sandbox

    @property
    def billing(self) -> Billing:
        """What its billing modules work with."""
        return self.app.extensions["billing"]

    def browser(self) -> Any:
        """A new browser without cookies."""
        return Browser(self.app)

    def pass_time(self, **by: float) -> None:
        """Time passes for the shop and for i'mport alike."""
        self.clock.advance(timedelta(**by))
        self.sandbox.advance(**by)

    def reconcile(self) -> reconciliation.Report:
        """What `storefront reconcile` does."""
        return reconciliation.reconcile(self.billing)

    def reconcile_what_is_due(self) -> reconciliation.Report:
        """What the background does every few seconds."""
        return reconciliation.reconcile(self.billing, only_due=True, sweep=False)

    def renew(self) -> renewal.Report:
        """What `storefront renew` does, one after the other."""
        return renewal.renew(self.billing, senders=1)

    def webhook(self, body: dict[str, Any]) -> Any:
        """Anybody may post here."""
        return self.browser().post("/webhooks/iamport", json=body)

    def deliver_webhooks(self) -> list[int]:
        """Everything i'mport wants to tell arrives now; the answers' statuses."""
        before = {hook["id"]: len(hook["attempts"]) for hook in self.sandbox.webhooks()}
        self.sandbox.drain()
        return [
            attempt["status"] for hook in self.sandbox.webhooks() for attempt in hook["attempts"][before[hook["id"]] :]
        ]


class Browser:
    """Flask's client at the shop's own address."""

    def __init__(self, app: Flask) -> None:
        self._client = app.test_client()

    def get(self, path: str, **options: Any) -> Any:
        """GET, without following a redirect."""
        return self._client.get(path, base_url=SHOP_URL, **options)

    def post(self, path: str, **options: Any) -> Any:
        """POST, without following a redirect."""
        return self._client.post(path, base_url=SHOP_URL, **options)

    def cookie(self, name: str) -> str:
        """The value of a cookie of the shop's."""
        found = self._client.get_cookie(name, HOST)
        assert found, name
        return found.value

    def copy(self, app: Flask | None = None) -> Browser:
        """Another browser with the same session, as if the cookie were stolen; perhaps at another process of the shop."""
        thief = Browser(app or self._client.application)
        thief.set_cookie("morning_roast", self.cookie("morning_roast"))
        return thief

    def set_cookie(self, name: str, value: str) -> None:
        """Hold a cookie that the shop may never have given."""
        self._client.set_cookie(name, value, domain=HOST)


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """A command that runs in this process sends its log to its own output: whoever comes later has no part in that."""
    logs = [logging.getLogger(name) for name in ("storefront", "flask-limiter")]
    before = [(log.handlers, log.propagate, log.level) for log in logs]
    yield
    for log, (handlers, propagate, level) in zip(logs, before, strict=True):
        log.handlers, log.propagate = handlers, propagate
        log.setLevel(level)


@pytest.fixture(autouse=True)
def _cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing a password well takes a tenth of a second; a thousand tests need not show that."""
    hashed = partial(generate_password_hash, method="pbkdf2:sha256:1")
    monkeypatch.setattr("storefront.billing.shoppers.generate_password_hash", hashed)


@pytest.fixture(scope="session", autouse=True)
def _compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For all applications of a run."""
    with once.compiled(tmp_path_factory.mktemp("templates")):
        yield


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the shops of this run have their database, one after the other."""
    return os.environ.get("TEST_DATABASE_URL") or f"sqlite:///{tmp_path_factory.mktemp('shop') / 'shop.sqlite'}"


@pytest.fixture
def settings(database_url: str) -> Settings:
    """A shop beside the sandbox, with no grace time."""
    return Settings(
        secret_key="a-secret-for-tests",
        database_url=database_url,
        public_url=SHOP_URL,
        imp_code="imp00000000",
        imp_key="sandbox_key",
        imp_secret="sandbox_secret",
        imp_api_url=SANDBOX_URL,
        imp_sdk_url=f"{SANDBOX_URL}/v1/iamport.js",
        imp_timeout_s=30,
        charge_grace_s=600,
        rate_limits=False,
    )


@pytest.fixture
def sandbox_app() -> Iterator[Flask]:
    """The sandbox; its webhooks wait until the story delivers them."""
    app = create_sandbox(SandboxSettings(background=False, webhook_url=f"{SHOP_URL}/webhooks/iamport"))
    yield app
    app.extensions["sandbox"].close()


@pytest.fixture
def sandbox(sandbox_app: Flask) -> Sandbox:
    """The sandbox as testers see it."""
    return Sandbox(session_for(sandbox_app), SANDBOX_URL)


@pytest.fixture
def clock() -> Clock:
    """The shop's time."""
    return Clock()


@pytest.fixture
def shop(settings: Settings, sandbox_app: Flask, sandbox: Sandbox, clock: Clock) -> Iterator[Shop]:
    """The shop beside that sandbox, with an empty database."""
    with shop_beside(settings, sandbox_app, sandbox, clock) as shop:
        yield shop


@contextmanager
def shop_beside(
    settings: Settings,
    sandbox_app: Flask,
    sandbox: Sandbox,
    clock: Clock,
    *,
    in_process: bool = True,
    gateway: Iamport | None = None,
) -> Iterator[Shop]:
    """A shop beside a sandbox in this process or behind HTTP, with an empty database, which is left empty."""
    if in_process:
        gateway = gateway or gateway_of(settings, session_for(sandbox_app), clock)
    app = create_app(settings, clock=clock, gateway=gateway)
    database = once.database_at(settings.database_url)
    of_its_own = app.extensions["billing"].database
    app.extensions["billing"] = replace(app.extensions["billing"], database=database)
    if in_process:
        app.extensions["demo_sandbox"] = DemoSandbox(settings.imp_api_url, session_for(sandbox_app))
    schema.create(database)
    shop = Shop(app, clock, sandbox)
    sandbox_app.extensions["sandbox"].webhooks.open_session = lambda: session_for(app)
    yield shop
    shop.billing.errands.close()
    with database.writing() as session:
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(table.delete())
    database.close()
    of_its_own.close()  # `/readyz` looks with it


@pytest.fixture
def shopper(shop: Shop, sandbox: Sandbox) -> Shopper:
    """Somebody who has just signed up."""
    return Shopper(shop.browser(), sandbox).sign_up()


@pytest.fixture
def another_shopper(shop: Shop, sandbox: Sandbox) -> Shopper:
    """Somebody else."""
    return Shopper(shop.browser(), sandbox).sign_up()


def gateway_of(settings: Settings, session: requests.Session, clock: Clock) -> Iamport:
    """A client of its own, as every process has one."""
    keys, breaker = (settings.imp_key, settings.imp_secret), Breaker(lambda: clock.now().timestamp())
    return Iamport(settings.imp_api_url, *keys, live=settings.imp_live, session=session, clock=clock, breaker=breaker)
