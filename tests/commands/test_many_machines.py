"""Many machines renew at once: one shop and three workers on a PostgreSQL, and what may happen to any of them.

Whatever happens, each period is captured exactly once, all of them are finished by whoever is left, and nobody waits
longer than it takes to be sure.
"""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from sqlalchemy import Engine, create_engine, make_url, text

from storefront.billing.subscriptions import calendar
from tests.many import multiply, write_keys
from tests.people import HttpBrowser, Sandbox, Shopper
from tests.servers import Running, keys_for, running, storefront

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120.0
LOOK_S = 0.3
TIMEOUT_S, GRACE_S = 10, 60
PRICE = 14_900


@dataclass
class Machines:
    """A database, a sandbox and a shop, with subscriptions that fall due together."""

    folder: Path
    database: Engine
    sandbox: Sandbox
    settings: dict[str, str]
    due_at: datetime
    subscriptions: int

    def worker(self, name: str, *, module: str = "storefront") -> Running:
        """One more machine that renews, until the test ends."""
        folder = self.folder / name
        folder.mkdir()
        arguments = (module, "worker", "--every", str(LOOK_S))
        return self.stack.enter_context(running(folder, *arguments, **self.settings | {"PYTHONPATH": str(ROOT)}))

    def __post_init__(self) -> None:
        self.stack = ExitStack()

    def fall_due(self) -> None:
        """It is nine in the morning of the day that all of them begin on."""
        self.sandbox.advance(seconds=(self.due_at - self.now()).total_seconds() + 60)

    def now(self) -> datetime:
        """The time that everybody beside the sandbox goes by."""
        return datetime.fromtimestamp(self.sandbox.now(), UTC)

    def count(self, query: str) -> int:
        """How many rows there are."""
        with self.database.connect() as connection:
            return int(connection.execute(text(f"SELECT count(*) FROM {query}")).scalar_one())  # noqa: S608 - our own

    def paid(self) -> int:
        """Periods that are paid, as the shop sees it."""
        return self.count("checkout WHERE paid_by IS NOT NULL AND number IS NOT NULL")

    def under_way(self) -> int:
        """Attempts whose outcome is not known."""
        return self.count("payment WHERE status = 'requested'")

    def unclaimed(self) -> int:
        """Subscriptions whose turn has not come yet."""
        return self.count("subscription WHERE number IS NULL")

    def each_is_captured_once(self) -> None:
        """At i'mport, which has the money; and the shop says the same of every order."""
        with self.database.connect() as connection:
            believed = dict(
                connection.execute(text("SELECT merchant_uid, captured_krw FROM payment WHERE captured_krw > 0")).all()
            )
        captured = self.sandbox.ledger()["payments"]
        keys = Counter(payment["customer_uid"] for payment in captured)
        assert (len(keys), set(keys.values())) == (self.subscriptions, {1})
        assert {payment["merchant_uid"]: payment["net"] for payment in captured} == believed
        assert self.count("attention WHERE closed_at IS NULL") == 0


def comes_true(what: Callable[[], bool], patience_s: float = PATIENCE_S) -> bool:
    """Whether something happens by itself before our patience ends."""
    deadline = time.monotonic() + patience_s
    while not (happened := what()) and time.monotonic() < deadline:
        time.sleep(0.05)  # between two questions: all machines share this one's cores
    return happened


@contextmanager
def own_database(server: str) -> Iterator[str]:
    """A PostgreSQL database of this test's own."""
    name = f"machines_{secrets.token_hex(4)}"
    by_itself = create_engine(server, isolation_level="AUTOCOMMIT")
    with by_itself.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
        try:
            yield make_url(server).set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    by_itself.dispose()


@pytest.fixture(params=[2_000])
def subscriptions(request: pytest.FixtureRequest) -> int:
    """How many fall due together."""
    return int(request.param)


@pytest.fixture
def machines(tmp_path: Path, subscriptions: int) -> Iterator[Machines]:
    """One subscription that was begun in the shop, and as many more like it as are wanted."""
    server = os.environ.get("TEST_DATABASE_URL", "")
    if not server.startswith("postgresql"):
        pytest.skip("TEST_DATABASE_URL names no PostgreSQL, which several machines need")
    seed = write_keys(tmp_path, subscriptions)
    with (
        own_database(server) as url,
        storefront(tmp_path, "sandbox", "--port", "0", "--seed-file", seed) as beside,
        requests.Session() as session,
    ):
        session.trust_env = False
        sandbox = Sandbox(session, beside.urls["sandbox"])
        settings = keys_for(sandbox.url) | {
            "DATABASE_URL": url,
            "IMP_TIMEOUT": str(TIMEOUT_S),
            "CHARGE_GRACE": str(GRACE_S),
        }
        with storefront(tmp_path, "run", "--port", "0", **settings) as shop:
            today = calendar.seoul_day(datetime.fromtimestamp(sandbox.now(), UTC))
            first_on = today + timedelta(days=2)
            Shopper(HttpBrowser(shop.urls["shop"]), sandbox).sign_up().subscribe(
                mode="register", first_on=first_on.isoformat()
            )
            engine = create_engine(url)
            found = Machines(tmp_path, engine, sandbox, settings, calendar.nine_of(first_on), subscriptions)
            with found.stack:
                found.stack.callback(engine.dispose)
                multiply(engine, subscriptions)
                yield found


def test_one_of_three_workers_is_killed_half_way(machines: Machines) -> None:
    """The others finish; what it had under way is looked up, not sent again, once it cannot be on its way any more."""
    killed, *_others = [machines.worker(name) for name in ("one", "two", "three")]
    machines.fall_due()
    assert comes_true(lambda: machines.paid() > machines.subscriptions // 2)

    killed.process.send_signal(signal.SIGKILL)

    assert comes_true(lambda: machines.unclaimed() == 0)
    assert comes_true(lambda: machines.under_way() <= 32)
    left = machines.under_way()
    machines.sandbox.advance(seconds=TIMEOUT_S + GRACE_S)
    assert comes_true(lambda: machines.under_way() == 0), left
    assert machines.paid() == machines.subscriptions
    machines.each_is_captured_once()


@pytest.mark.parametrize("subscriptions", [300], indirect=True)
def test_the_database_is_cut_for_ten_seconds(machines: Machines) -> None:
    """Every worker loses its connections in the midst of its work, and goes on when they come back."""
    for name in ("one", "two", "three"):
        machines.worker(name)
    machines.fall_due()
    assert comes_true(lambda: machines.paid() > machines.subscriptions // 5)

    with cut(machines):
        time.sleep(10)  # what is tested: a cut of ten seconds

    assert comes_true(lambda: machines.unclaimed() == 0)
    machines.sandbox.advance(seconds=TIMEOUT_S + GRACE_S)
    assert comes_true(lambda: machines.paid() == machines.subscriptions)
    machines.each_is_captured_once()


@contextmanager
def cut(machines: Machines) -> Iterator[None]:
    """Nobody reaches the database while the block runs."""
    machines.database.dispose()
    name = machines.database.url.database
    server = create_engine(machines.database.url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'))
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"), {"name": name}
        )
        try:
            yield
        finally:
            connection.execute(text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'))
    server.dispose()


@pytest.mark.parametrize("subscriptions", [300], indirect=True)
@pytest.mark.parametrize("module", ["tests.commands.early_clock", "tests.commands.late_clock"])
def test_one_workers_clock_is_five_minutes_off(machines: Machines, module: str) -> None:
    """Early or late: what the others have written is neither done twice nor left undone."""
    machines.worker("one", module=module)
    machines.worker("two")
    machines.worker("three")
    machines.fall_due()

    assert comes_true(lambda: machines.unclaimed() == 0)
    machines.sandbox.advance(seconds=TIMEOUT_S + GRACE_S + 300)

    assert comes_true(lambda: machines.paid() == machines.subscriptions)
    machines.each_is_captured_once()
