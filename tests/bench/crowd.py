"""A crowd at the charge button, against as many bare requests to i'mport: how many get through, and who waits longest.

With `TEST_DATABASE_URL` the same on PostgreSQL.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.bench.measure import Finding, plain_session, token
from tests.people import HttpBrowser, Sandbox, Shopper, fresh_sandbox
from tests.servers import keys_for, storefront

AGAIN = "/subscribe/payments/again"
LATENCY_S = 0.05
ROUND_S = 4.0
LONG_S = 60.0
"""How long sixty-four go on: long enough for queues to grow, if they do."""
ROUNDS = 3
"""The best one counts: the machine may be busy with something else."""

Act = Callable[[], bool]
"""One charge; whether it went well."""


@dataclass(frozen=True)
class Crowd:
    """What many did at once for a while."""

    seconds: list[float]
    failures: int
    lasted_s: float

    @property
    def rate(self) -> float:
        """How many went well in a second."""
        return len(self.seconds) / self.lasted_s

    @property
    def unevenness(self) -> float:
        """What the slowest of a hundred waited, in medians."""
        return statistics.quantiles(self.seconds, n=100)[-1] / statistics.median(self.seconds)


def findings(data: Path) -> Iterator[Finding]:
    """Measure a shop in a process of its own, on SQLite and where there is one on PostgreSQL."""
    yield from _findings(data / "sqlite", "SQLite", {})
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield from _findings(data / "postgresql", "PostgreSQL", {"DATABASE_URL": url})


def _findings(data: Path, kind: str, settings: dict[str, str]) -> Iterator[Finding]:
    shop_data, sandbox_data = data / "shop", data / "sandbox"
    for folder in (shop_data, sandbox_data):
        folder.mkdir(parents=True)
    with storefront(sandbox_data, "sandbox", "--port", "0") as sandbox_process:
        url = sandbox_process.urls["sandbox"]
        with (
            storefront(shop_data, "run", "--port", "0", **keys_for(url), **settings) as shop,
            fresh_sandbox(url) as sandbox,
        ):
            sandbox.fault("webhook", "drop", times=0)
            shoppers = _shoppers(shop.urls["shop"], sandbox, 64)
            sandbox.fault(AGAIN, "delay", seconds=LATENCY_S, times=0)
            pressing = [_pressing(*shopper) for shopper in shoppers]
            bare = [_bare(url, card["customer_uid"]) for _, card in shoppers]
            for people in (16, 32):
                yield from _beside_the_bare_loop(kind, bare[:people], pressing[:people])
            crowd = _at_once(pressing, lasting_s=LONG_S)
            yield Finding(f"{kind}: charges of 64 shoppers in a minute that were not answered", crowd.failures, 0)
            yield Finding(f"{kind}: the slowest in a hundred of 64 shoppers ÷ the median", crowd.unevenness, 3)


def _beside_the_bare_loop(kind: str, bare: Sequence[Act], pressing: Sequence[Act]) -> Iterator[Finding]:
    people, rounds = len(pressing), [(_at_once(bare), _at_once(pressing)) for _ in range(ROUNDS)]
    ratio = min(loop.rate / crowd.rate for loop, crowd in rounds)
    uneven = min(crowd.unevenness for _, crowd in rounds)
    failures = sum(crowd.failures for _, crowd in rounds)
    if people == 16:
        yield Finding(f"{kind}: bare requests of 16 threads ÷ charges of 16 shoppers", ratio, 2)
    yield Finding(f"{kind}: the slowest in a hundred of {people} shoppers ÷ the median", uneven, 3)
    yield Finding(f"{kind}: charges of {people} shoppers that were not answered", failures, 0)


def _at_once(acts: Sequence[Act], *, lasting_s: float = ROUND_S) -> Crowd:
    """Everybody again and again, until the time is over."""
    began = time.perf_counter()

    def repeat(act: Act) -> list[tuple[float, bool]]:
        times = []
        while (start := time.perf_counter()) < began + lasting_s:
            went_well = act()
            times.append((time.perf_counter() - start, went_well))
        return times

    with ThreadPoolExecutor(len(acts)) as pool:
        all_times = [one for times in pool.map(repeat, acts) for one in times]
    good = [seconds for seconds, went_well in all_times if went_well]
    return Crowd(good, len(all_times) - len(good), time.perf_counter() - began)


def _shoppers(shop_url: str, sandbox: Sandbox, number: int) -> list[tuple[Shopper, dict[str, str]]]:
    """People with a stored card each."""

    def join(_number: int) -> tuple[Shopper, dict[str, str]]:
        shopper = Shopper(HttpBrowser(shop_url), sandbox).sign_up()
        return shopper, shopper.register_card()

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(join, range(number)))


def _pressing(shopper: Shopper, card: dict[str, str]) -> Act:
    form_token, numbers = shopper.csrf_token("/account"), count()

    def press() -> bool:
        form = {"csrf_token": form_token, "card": card["id"], "plan": "noon", "token": f"press_{next(numbers)}"}
        return bool(shopper.browser.post("/account/charge", data=form).status_code == 303)

    return press


def _bare(sandbox_url: str, customer_uid: str) -> Act:
    session, numbers = plain_session(), count()
    headers = token(session, sandbox_url)

    def charge() -> bool:
        body = {
            "customer_uid": customer_uid,
            "merchant_uid": f"bare_{customer_uid[-20:]}_{next(numbers)}",
            "amount": 16900,
            "name": "bare",
        }
        reply = session.post(sandbox_url + AGAIN, json=body, headers=headers, timeout=30).json()
        return bool(reply["response"]["status"] == "paid")

    return charge
