"""A database that is a server of its own: it may forget us, and everything we ask it costs a way there and back."""

from __future__ import annotations

import time

import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy import func, select, text

from storefront.database import REST_S, Database
from storefront.models import Payment
from tests.conftest import Shop
from tests.people import Shopper

FORGET_US = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


class Watch:
    """A stop-watch that is turned by hand."""

    def __init__(self) -> None:
        self.now_s = time.monotonic()

    def monotonic(self) -> float:
        """What it shows."""
        return self.now_s


@pytest.fixture
def database(shop: Shop) -> Database:
    """The shop's, if it is on a server."""
    database = shop.billing.database
    if database.engine.dialect.name == "sqlite":
        pytest.skip("TEST_DATABASE_URL names no PostgreSQL")
    return database


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """What the database measures its rests with."""
    watch = Watch()
    monkeypatch.setattr("storefront.database.time", watch)
    return watch


def test_a_server_that_was_started_anew_is_asked_again_by_connections_it_knows(
    database: Database, shopper: Shopper, watch: Watch
) -> None:
    """Nobody sees an error page for a night in which the database was updated."""
    with database.looking() as ours, database.looking() as another:
        another.execute(text("SELECT 1"))
        ours.execute(FORGET_US)
    watch.now_s += 2 * REST_S

    assert shopper.browser.get("/account").status_code == 200
    with database.writing() as one, database.reading() as other:
        assert one.scalar(select(func.count(Payment.id))) == other.scalar(select(func.count(Payment.id)))


def test_a_connection_is_greeted_after_a_rest_and_not_each_time(
    database: Database, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A greeting is a question to the server, as dear as those that a page is about."""
    greeted: list[object] = []
    monkeypatch.setattr(database.engine.dialect, "do_ping", greeted.append)

    def look() -> int:
        with database.looking() as connection:
            connection.execute(text("SELECT 1"))
        return len(greeted)

    before = look()
    watch.now_s += REST_S / 2
    assert look() == before
    watch.now_s += 2 * REST_S
    assert look() == before + 1


def test_who_only_looks_opens_no_transaction(database: Database) -> None:
    """Beginning and ending it would ask the server twice more."""
    with database.reading() as session:
        session.scalar(select(func.count(Payment.id)))
        driver = session.connection().connection.driver_connection
        assert driver is not None
        assert driver.info.transaction_status == TransactionStatus.IDLE
