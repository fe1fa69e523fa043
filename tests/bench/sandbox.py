"""What the sandbox costs: a charge against a bare route, lists of many payments against lists of few, memory."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import requests

from storefront.sandbox import SandboxSettings, create_sandbox
from storefront.sandbox.books.payments import Draft
from tests.bench.measure import Finding, medians, memory_mb, plain_session, token
from tests.people import Sandbox
from tests.servers import Running, running, storefront

ROOT = Path(__file__).parents[2]
DAY_S = 86_400
FEW, MANY = 100, 100_000
LISTED = 10_000
SPREAD_S = 80 * DAY_S
"""Over which the stored payments are spread; i'mport looks back 90 days unless it is told otherwise."""
CHARGES = 10_000
REPEATS = 300


def findings(data: Path) -> Iterator[Finding]:
    """Measure sandboxes in processes of their own."""
    with plain_session() as session:
        yield from _charging(data, session)
        yield from _looking_up(data, session)
        yield from _console(data, session)


def _charging(data: Path, session: requests.Session) -> Iterator[Finding]:
    """One charge after another, and what is left in memory of ten thousand."""
    with (
        storefront(_folder(data, "charging"), "sandbox", "--port", "0", "--state", "state.sqlite") as process,
        running(_folder(data, "bare"), "tests.bench.bare", "bare.sqlite", PYTHONPATH=str(ROOT)) as bare,
    ):
        url, numbers = process.urls["sandbox"], itertools.count()
        with plain_session() as beside:
            Sandbox(beside, url).issue_key("customer-1")
        headers = token(session, url)

        def charge(url: str) -> requests.Response:
            body = {
                "customer_uid": "customer-1",
                "merchant_uid": f"order_{next(numbers)}",
                "amount": 16900,
                "name": "noon",
            }
            return session.post(url, json=body, headers=headers, timeout=30)

        def again() -> None:
            assert charge(f"{url}/subscribe/payments/again").json()["response"]["status"] == "paid"

        def one_row() -> None:
            assert charge(f"{bare.urls['bare']}/charge").json()["amount"] == 16900

        for act in (again, one_row):
            act()
        again_s, row_s = medians(3 * REPEATS, again, one_row)
        yield Finding("again ÷ a bare Flask route that writes one SQLite row", again_s / row_s, 1.5)
        for _ in range(CHARGES):
            again()
        yield Finding(f"memory of the sandbox after {CHARGES} payments", memory_mb(process.process.pid), 120, " MB")


def _looking_up(data: Path, session: requests.Session) -> Iterator[Finding]:
    """The same question to a sandbox with few payments and to one with many; the answers are pages of the same size."""
    begin = int(time.time()) - SPREAD_S
    with _stored(data, FEW, begin) as few, _stored(data, MANY, begin) as many:
        urls = [process.urls["sandbox"] for process in (few, many)]
        headers = [token(session, url) for url in urls]
        window = f"from={begin + 30 * DAY_S}&to={begin + 60 * DAY_S}"
        for path in (
            "/payments/find/order_50",
            "/payments/findAll/order_50",
            "/payments/status/paid",
            "/payments/status/all",
            "/payments/status/paid?sorting=paid",
            f"/payments/status/paid?{window}",
            f"/payments/status/all?{window}&sorting=started",
        ):
            times = medians(
                REPEATS, *(_ask(session, url + path, held) for url, held in zip(urls, headers, strict=True))
            )
            shown = path.replace(window, "from&to")
            yield Finding(f"{shown} of {MANY} payments ÷ of {FEW}", times[1] / times[0], 1.5)


def _console(data: Path, session: requests.Session) -> Iterator[Finding]:
    """The console's first page beside few payments and beside many."""
    begin = int(time.time()) - SPREAD_S
    data = _folder(data, "console")
    with _stored(data, FEW, begin) as few, _stored(data, LISTED, begin) as many:
        pages = [f"{process.urls['sandbox']}/_sandbox/console/payments" for process in (few, many)]

        def see(url: str) -> Callable[[], None]:
            return lambda: session.get(url, timeout=30).raise_for_status()

        times = medians(REPEATS, *(see(url) for url in pages))
        yield Finding(f"the console beside {LISTED} payments ÷ beside {FEW}", times[1] / times[0], 1.5)


def _ask(session: requests.Session, url: str, headers: dict[str, str]) -> Callable[[], None]:
    def ask() -> None:
        reply = session.get(url, headers=headers, timeout=30).json()
        assert reply["code"] == 0, reply
        assert len(reply["response"].get("list", [])) in (0, 1, 20)

    return ask


def _stored(data: Path, payments: int, begin: int) -> AbstractContextManager[Running]:
    """A sandbox that has so many payments."""
    folder = _folder(data, f"with_{payments}")
    app = create_sandbox(SandboxSettings(background=False, state=str(folder / "state.sqlite")))
    books = app.extensions["sandbox"]
    with books.store.transaction():
        for number in range(payments):
            at = begin + number * SPREAD_S // payments
            books.payments.approve(Draft(f"order_{number}", 16900, "noon", "api", customer_uid="customer-1", at=at))
    books.close()
    return storefront(folder, "sandbox", "--port", "0", "--state", "state.sqlite")


def _folder(data: Path, name: str) -> Path:
    folder = data / name
    folder.mkdir()
    return folder
