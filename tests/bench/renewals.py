"""Renewals: how fast against a bare loop, what they ask of i'mport, what they remember, and how what is due is found.

The bare loop does the least that is honest: it claims one row in raw SQL, posts, and writes the outcome in raw SQL. With
`TEST_DATABASE_URL` all of it on PostgreSQL as well.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, text

from storefront import config, create_billing
from storefront.billing import Billing
from storefront.billing.renewing import claiming, renewal
from storefront.billing.subscriptions import calendar
from tests.bench.measure import Finding, medians, memory_mb, plain_session, token
from tests.many import multiply, write_keys
from tests.people import HttpBrowser, Sandbox, Shopper
from tests.servers import keys_for, storefront

AGAIN = "/subscribe/payments/again"
LATENCY_S = 0.2
AT_ONCE = 32
RENEWALS = 960
REMEMBERED = 5_000
FEW, MANY = 10_000, 1_000_000
LOOKS = 200


@dataclass
class Due:
    """Subscriptions that have fallen due, beside a sandbox that knows their keys."""

    billing: Billing
    sandbox: Sandbox
    settings: dict[str, str]
    folder: Path


def findings(data: Path) -> Iterator[Finding]:
    """Measure on SQLite, and where there is one on PostgreSQL."""
    yield from _findings(data / "sqlite", "SQLite", lambda folder: f"sqlite:///{folder / 'shop.sqlite'}")
    if server := os.environ.get("TEST_DATABASE_URL"):
        with _databases(server) as new:
            yield from _findings(data / "postgresql", "PostgreSQL", lambda _folder: new())


def _findings(data: Path, kind: str, database: Callable[[Path], str]) -> Iterator[Finding]:
    with _due(data / "speed", RENEWALS, database) as due:
        yield from _beside_the_bare_loop(kind, due)
    with _due(data / "memory", REMEMBERED, database) as due:
        yield _memory(kind, due)
    with _due(data / "finding", 1, database) as few, _due(data / "finding-many", 1, database) as many:
        yield _finding_what_is_due(kind, few.billing, many.billing)


def _beside_the_bare_loop(kind: str, due: Due) -> Iterator[Finding]:
    due.sandbox.fault(AGAIN, "delay", seconds=LATENCY_S, times=0)
    due.sandbox.fault("webhook", "drop", times=0)
    bare_s = _bare_loop(due)
    before = len(due.sandbox.requests())
    began = time.perf_counter()
    report = renewal.renew(due.billing, senders=AT_ONCE)
    renewed_s = time.perf_counter() - began
    assert len(report.sent) == RENEWALS
    assert {payment.status for payment in renewal.outcomes_of(due.billing, report.sent)} == {"paid"}
    asked = len(due.sandbox.requests()) - before
    yield Finding(
        f"{kind}: {AT_ONCE} bare renewals at once ÷ {AT_ONCE} of ours (i'mport 200 ms)", renewed_s / bare_s, 2
    )
    yield Finding(f"{kind}: requests at i'mport for each of {RENEWALS} renewals", asked / RENEWALS, 1.01)


def _bare_loop(due: Due) -> float:
    """As many charges by the least code; seconds."""
    loop = _BareSqlite(due) if due.billing.database.engine.dialect.name == "sqlite" else _BarePostgresql(due)
    headers = token(plain_session(), due.sandbox.url)

    def work(_number: int) -> None:
        session = plain_session()
        while (claimed := loop.claim()) is not None:
            body = {"customer_uid": claimed[1], "merchant_uid": f"bare_{claimed[0]}", "amount": 14_900, "name": "bare"}
            reply = session.post(due.sandbox.url + AGAIN, json=body, headers=headers, timeout=30).json()
            loop.write(claimed[0], reply["response"]["status"])

    began = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(work, range(AT_ONCE)))
    return time.perf_counter() - began


_TABLE = "CREATE TABLE bare (id INTEGER PRIMARY KEY, key TEXT, wake_at INTEGER, status TEXT)"
_INDEX = "CREATE INDEX bare_wake ON bare (wake_at)"


class _BareSqlite:
    """Writers of a process take turns here too, or they would race for the file's lock."""

    def __init__(self, due: Due) -> None:
        self._connection = sqlite3.connect(due.folder / "bare.sqlite", check_same_thread=False, isolation_level=None)
        self._turn = threading.Lock()
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute(_TABLE)
        self._connection.execute(_INDEX)
        rows = [(number, f"many_{number}") for number in range(1, RENEWALS)]
        self._connection.executemany("INSERT INTO bare VALUES (?, ?, 0, NULL)", rows)

    def claim(self) -> tuple[int, str] | None:
        with self._turn:
            self._connection.execute("BEGIN IMMEDIATE")
            found = self._connection.execute("SELECT id, key FROM bare WHERE wake_at <= 1 ORDER BY wake_at LIMIT 1")
            row: tuple[int, str] | None = found.fetchone()
            if row is not None:
                self._connection.execute("UPDATE bare SET wake_at = 9 WHERE id = ?", (row[0],))
            self._connection.execute("COMMIT")
        return row

    def write(self, number: int, status: str) -> None:
        with self._turn:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("UPDATE bare SET status = ? WHERE id = ?", (status, number))
            self._connection.execute("COMMIT")


class _BarePostgresql:
    """A connection for each thread, and rows that others have locked are passed over."""

    def __init__(self, due: Due) -> None:
        self._engine = due.billing.database.engine
        with self._engine.begin() as connection:
            driver: Any = connection.connection.cursor()
            driver.execute(_TABLE)
            driver.execute(_INDEX)
            rows = [(number, f"many_{number}") for number in range(1, RENEWALS)]
            driver.executemany("INSERT INTO bare VALUES (%s, %s, 0, NULL)", rows)

    def claim(self) -> tuple[int, str] | None:
        with self._engine.begin() as connection:
            driver: Any = connection.connection.cursor()
            driver.execute(
                "SELECT id, key FROM bare WHERE wake_at <= 1 ORDER BY wake_at LIMIT 1 FOR UPDATE SKIP LOCKED"
            )
            row: tuple[int, str] | None = driver.fetchone()
            if row is not None:
                driver.execute("UPDATE bare SET wake_at = 9 WHERE id = %s", (row[0],))
        return row

    def write(self, number: int, status: str) -> None:
        with self._engine.begin() as connection:
            connection.connection.cursor().execute("UPDATE bare SET status = %s WHERE id = %s", (status, number))


def _memory(kind: str, due: Due) -> Finding:
    """A worker after all of them, against itself after the first fifth."""
    due.sandbox.fault("webhook", "drop", times=0)
    with storefront(due.folder, "worker", "--every", "0.2", **due.settings) as worker:
        early = None
        while (paid := _paid(due.billing)) < REMEMBERED:
            if early is None and paid >= REMEMBERED // 5:
                early = memory_mb(worker.process.pid)
            time.sleep(0.05)  # between two questions: the worker is what is measured
        late = memory_mb(worker.process.pid)
    return Finding(
        f"{kind}: memory of a worker after {REMEMBERED} renewals ÷ after a fifth", late / (early or late), 1.1
    )


def _paid(billing: Billing) -> int:
    with billing.database.reading() as session:
        query = text("SELECT count(*) FROM checkout WHERE number IS NOT NULL AND paid_by IS NOT NULL")
        return int(session.execute(query).scalar_one())


def _finding_what_is_due(kind: str, few: Billing, many: Billing) -> Finding:
    _sleepers(few, FEW)
    _sleepers(many, MANY)

    def look(billing: Billing) -> None:
        assert claiming.count_due(billing, AT_ONCE) == 1
        with billing.database.reading() as session:
            assert session.execute(claiming._DUE, {"now": billing.clock.now()}).one()

    among_many_s, among_few_s = medians(LOOKS, lambda: look(many), lambda: look(few))
    return Finding(f"{kind}: finding what is due among {MANY} ÷ among {FEW}", among_many_s / among_few_s, 1.5)


def _sleepers(billing: Billing, number: int) -> None:
    """As many subscriptions that are due some day, like the one that is due now."""
    with billing.database.engine.begin() as connection:
        first = dict(connection.execute(text("SELECT * FROM subscription")).mappings().one())
        columns = [name for name in first if name not in ("id", "wake_at")]
        if connection.dialect.name == "sqlite":
            later, numbers = (
                "datetime(wake_at, '+' || (4 + n % 400) || ' days')",
                (
                    "(WITH RECURSIVE up(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < :number) SELECT n FROM up)"
                ),
            )
        else:
            later, numbers = "wake_at + (4 + n % 400) * interval '1 day'", "generate_series(1, :number)"
        names = ", ".join(columns)
        copy = f"INSERT INTO subscription (id, wake_at, {names}) SELECT id + n, {later}, {names} FROM subscription, {numbers} AS up(n)"  # noqa: S608
        copy = copy.replace("AS up(n)", "") if connection.dialect.name == "sqlite" else copy
        connection.execute(text(copy), {"number": number})
    with billing.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


@contextmanager
def _due(folder: Path, subscriptions: int, database: Callable[[Path], str]) -> Iterator[Due]:
    folder.mkdir(parents=True)
    seed = write_keys(folder, subscriptions)
    with storefront(folder, "sandbox", "--port", "0", "--seed-file", seed) as beside, plain_session() as session:
        sandbox = Sandbox(session, beside.urls["sandbox"])
        values = keys_for(sandbox.url) | {"DATABASE_URL": database(folder)}
        first_on = calendar.seoul_day(datetime.now(UTC)) + timedelta(days=2)
        with storefront(folder, "run", "--port", "0", **values) as shop:
            shopper = Shopper(HttpBrowser(shop.urls["shop"]), sandbox).sign_up()
            shopper.subscribe(mode="register", first_on=first_on.isoformat())
        engine = create_engine(values["DATABASE_URL"])
        if subscriptions > 1:
            multiply(engine, subscriptions)
        engine.dispose()
        sandbox.advance(seconds=(calendar.nine_of(first_on) - datetime.now(UTC)).total_seconds() + 60)
        billing = create_billing(config.load(values, public_url="http://127.0.0.1:8000", folder=folder))
        billing.clock.now()
        try:
            yield Due(billing, sandbox, values, folder)
        finally:
            billing.database.close()


@contextmanager
def _databases(server: str) -> Iterator[Callable[[], str]]:
    """New databases on a server, for as long as the block runs."""
    names: list[str] = []
    by_itself = create_engine(server, isolation_level="AUTOCOMMIT")

    def new() -> str:
        names.append(f"bench_{secrets.token_hex(4)}")
        with by_itself.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{names[-1]}"'))
        return make_url(server).set(database=names[-1]).render_as_string(hide_password=False)

    try:
        yield new
    finally:
        with by_itself.connect() as connection:
            for name in names:
                connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        by_itself.dispose()
