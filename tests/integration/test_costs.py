"""What a charge costs the shop itself, counted: seconds differ from machine to machine, counts do not."""

from __future__ import annotations

import secrets
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from storefront.clock import Clock
from storefront.config import Settings
from storefront.sandbox.server import serving
from tests.conftest import Shop, shop_beside
from tests.people import Sandbox, Shopper

WARM_UP = 3
"""Charges after which every connection is open and every statement is compiled."""
DRIVER = "/psycopg"


@dataclass
class Costs:
    """What is done while it is counted, by this thread and by those it has started since there was something to count."""

    calls: int = 0
    statements: list[str] = field(default_factory=list)
    commits: int = 0
    _is_counting: bool = False

    @contextmanager
    def counted(self, app: Flask) -> Iterator[None]:
        """Count what the application does while the block runs, and not what the browser does that asks it."""
        ask = app.wsgi_app

        def counting(environ: Any, start_response: Any) -> Any:
            self._is_counting = True
            sys.setprofile(self.see)
            try:
                return ask(environ, start_response)
            finally:
                sys.setprofile(None)
                self._is_counting = False

        app.wsgi_app = counting  # type: ignore[method-assign]
        try:
            yield
        finally:
            app.wsgi_app = ask  # type: ignore[method-assign]

    def see(self, frame: FrameType, happened: str, _argument: object) -> None:
        """A function of Python's was called, and not by the database's driver: SQLite's is written in C, psycopg in both."""
        if self._is_counting and happened == "call" and DRIVER not in frame.f_code.co_filename:
            self.calls += 1

    def see_statement(self, _connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        """A statement goes to the database."""
        if self._is_counting:
            self.statements.append(statement)

    def see_commit(self, _connection: object) -> None:
        """A transaction has written something."""
        if self._is_counting:
            self.commits += 1


@pytest.fixture
def shop(settings: Settings, sandbox_app: Flask, sandbox: Sandbox, clock: Clock) -> Iterator[Shop]:
    """A shop with its throttles, which talks to the sandbox over HTTP: the client's own work is counted as well."""
    with serving() as served, served.playing(sandbox_app):
        over_http = replace(settings, rate_limits=True, imp_api_url=served.url)
        with shop_beside(over_http, sandbox_app, sandbox, clock, in_process=False) as shop:
            yield shop


@pytest.fixture
def costs(shop: Shop) -> Iterator[Costs]:
    """The shop's costs from now on."""
    costs, database = Costs(), shop.billing.database
    for engine in {database.engine, database.writer}:
        event.listen(engine, "before_cursor_execute", costs.see_statement)
        event.listen(engine, "commit", costs.see_commit)
    threading.setprofile(costs.see)
    yield costs
    threading.setprofile(None)  # type: ignore[arg-type]


def test_a_charge_is_two_short_transactions_of_few_statements_and_little_work(
    shop: Shop, shopper: Shopper, costs: Costs
) -> None:
    """With its session, its CSRF token and its throttle: so much a crowd asks of the shop for each of its members."""
    card = shopper.register_card()
    form = {"csrf_token": shopper.csrf_token(), "card": card["id"], "plan": "noon"}
    for _ in range(WARM_UP):
        shopper.browser.post("/account/charge", data={**form, "token": secrets.token_hex(8)})

    with costs.counted(shop.app):
        reply = shopper.browser.post("/account/charge", data={**form, "token": "counted"})

    assert reply.status_code == 303
    assert shopper.payment(reply.headers["Location"].rpartition("/")[2])["status"] == "paid"
    assert costs.commits == 2
    assert len(costs.statements) <= 8, costs.statements
    assert costs.calls <= 4_200
