"""What the shop adds to i'mport's own time, and what it needs for itself."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measure import Finding, medians, memory_mb, plain_session, token
from tests.people import HttpBrowser, Sandbox, Shopper
from tests.servers import keys_for, storefront

AGAIN = "/subscribe/payments/again"
LATENCY_S = 0.05
CHARGES = 1000
PAGE_VIEWS = 5000


def findings(data: Path) -> Iterator[Finding]:
    """Measure a shop beside a sandbox, each in a process of its own."""
    with (
        storefront(_folder(data, "sandbox"), "sandbox", "--port", "0") as sandbox_process,
        storefront(
            _folder(data, "shop"), "run", "--port", "0", **keys_for(sandbox_process.urls["sandbox"])
        ) as shop_process,
        plain_session() as session,
    ):
        sandbox = Sandbox(session, sandbox_process.urls["sandbox"])
        shopper = Shopper(HttpBrowser(shop_process.urls["shop"]), sandbox).sign_up()
        card = shopper.register_card()
        sandbox.fault("webhook", "drop", times=0)
        yield _overhead(sandbox, shopper, card)
        yield from _traffic(sandbox, shopper, card)
        yield _memory(shopper, shop_process.process.pid)


def _overhead(sandbox: Sandbox, shopper: Shopper, card: dict[str, str]) -> Finding:
    """The charge button against one bare request, i'mport taking 50 ms for either."""
    sandbox.fault(AGAIN, "delay", seconds=LATENCY_S, times=0)
    session = plain_session()
    headers = token(session, sandbox.url)
    form_token = shopper.csrf_token("/account")
    numbers = itertools.count()

    def bare() -> None:
        body = {
            "customer_uid": card["customer_uid"],
            "merchant_uid": f"bare_{next(numbers)}",
            "amount": 16900,
            "name": "bare",
        }
        reply = session.post(sandbox.url + AGAIN, json=body, headers=headers, timeout=30)
        assert reply.json()["response"]["status"] == "paid"

    def pressed() -> None:
        form = {"csrf_token": form_token, "card": card["id"], "plan": "noon", "token": f"press_{next(numbers)}"}
        reply = shopper.browser.post("/account/charge", data=form)
        assert reply.status_code == 303

    charge_s, bare_s = medians(100, pressed, bare)
    session.close()
    sandbox.mend()
    return Finding("charge from the account page ÷ one bare request to i'mport", charge_s / bare_s, 1.15)


def _traffic(sandbox: Sandbox, shopper: Shopper, card: dict[str, str]) -> Iterator[Finding]:
    """What a thousand charges cost i'mport."""
    sandbox.fault("webhook", "drop", times=0)
    last = sandbox.requests()[-1]["id"]
    form_token = shopper.csrf_token("/account")
    for number in range(CHARGES):
        form = {"csrf_token": form_token, "card": card["id"], "plan": "noon", "token": f"traffic_{number}"}
        assert shopper.browser.post("/account/charge", data=form).status_code == 303
    calls = [call for call in sandbox.requests() if call["id"] > last]
    assert sum(call["path"] == AGAIN for call in calls) == CHARGES
    yield Finding(f"requests at i'mport for each of {CHARGES} charges", len(calls) / CHARGES, 1.01)
    yield Finding("new connections for each charge", len({call["peer"] for call in calls}) / CHARGES, 0.02)


def _memory(shopper: Shopper, pid: int) -> Finding:
    """The shop after many pages, its heaviest ones among them."""
    pages = ("/", "/terms", "/checkout/morning", "/login")
    for number in range(PAGE_VIEWS):
        assert shopper.browser.get(pages[number % len(pages)]).status_code in (200, 302)
    assert shopper.browser.get("/account").status_code == 200
    return Finding(f"memory of the shop after {PAGE_VIEWS} page views", memory_mb(pid), 120, " MB")


def _folder(data: Path, name: str) -> Path:
    folder = data / name
    folder.mkdir()
    return folder
