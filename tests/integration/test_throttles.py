"""Throttles: who is counted, for how long, and where."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import time_machine

from storefront import create_app
from storefront.config import Settings
from storefront.web.limits import limiter
from tests.conftest import Shop
from tests.people import Sandbox, Shopper


@pytest.fixture
def throttled_shop(settings: Settings, shop: Shop, sandbox: Sandbox) -> Iterator[Shop]:
    """The same shop, with its rate limits on."""
    app = create_app(replace(settings, rate_limits=True), clock=shop.clock, gateway=shop.billing.gateway)
    yield Shop(app, shop.clock, sandbox)
    limiter.reset()
    limiter.enabled = False
    app.extensions["billing"].database.close()


def test_guessing_passwords_is_throttled(throttled_shop: Shop, sandbox: Sandbox) -> None:
    """Ten a minute, and then a page that says so."""
    visitor = Shopper(throttled_shop.browser(), sandbox)
    form = {"email": "nobody@example.com", "password": "guess"}

    tried = [visitor.post("/login", form) for _ in range(11)]

    assert [reply.status_code for reply in tried] == [400] * 10 + [429]
    assert "<h1" in tried[-1].text


def test_guessing_order_numbers_is_throttled_and_looking_at_ones_own_is_not(
    throttled_shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """A page that refreshes itself must not run into it."""
    visitor = Shopper(throttled_shop.browser(), sandbox, shopper.email)
    visitor.post("/login", {"email": shopper.email, "password": "good-morning-coffee"})
    own = shopper.order("pay")["merchant_uid"]

    assert {visitor.browser.get(f"/payments/{own}").status_code for _ in range(40)} == {200}
    looked = [visitor.browser.get(f"/payments/mr_{number}").status_code for number in range(31)]
    assert looked == [404] * 30 + [429]


def test_guessing_at_the_phones_return_is_throttled(throttled_shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """It asks i'mport each time, and says nothing about whether an order exists; a real return is never refused."""
    stranger = throttled_shop.browser()
    params = shopper.order("pay")
    result = sandbox.pay(params)
    real = f"/payments/complete/mobile?imp_uid={result['imp_uid']}&merchant_uid={params['merchant_uid']}"

    assert {stranger.get(real).status_code for _ in range(40)} == {200}
    guesses = [stranger.get(f"/payments/complete/mobile?imp_uid=imp_{number}").status_code for number in range(31)]
    assert guesses == [200] * 30 + [429]


@pytest.mark.parametrize("path", ["/checkout/morning", "/account/charge", "/account/cards/1/remove"])
def test_paying_is_throttled(throttled_shop: Shop, shopper: Shopper, sandbox: Sandbox, path: str) -> None:
    """Nobody tries stolen cards by the hundred."""
    visitor = Shopper(throttled_shop.browser(), sandbox, shopper.email)
    visitor.post("/login", {"email": shopper.email, "password": "good-morning-coffee"})

    tried = [visitor.post(path, {}).status_code for _ in range(21)]

    assert tried[-1] == 429
    assert 429 not in tried[:20]


def try_password(shop: Shop, sandbox: Sandbox, address: str, email: str) -> Any:
    """The reply to a guess from an address; it is not even a whole form, so that no time goes into hashing."""
    visitor = Shopper(shop.browser(), sandbox)
    form = {"csrf_token": visitor.csrf_token(), "email": email, "password": ""}
    return visitor.browser.post("/login", data=form, environ_overrides={"REMOTE_ADDR": address})


def test_an_account_counts_wherever_its_guessers_come_from(throttled_shop: Shop, sandbox: Sandbox) -> None:
    """However its address is spelled; other accounts are not held up."""
    spellings = ["victim@example.com", "Victim@Example.com", " victim@example.com", "victim\u200b@example.com"]
    tried = [
        try_password(throttled_shop, sandbox, f"198.51.100.{number}", spellings[number % 4]).status_code
        for number in range(11)
    ]

    assert tried == [400] * 10 + [429]
    assert try_password(throttled_shop, sandbox, "198.51.100.99", "another@example.com").status_code == 400


@pytest.mark.parametrize(
    ("address", "elsewhere"),
    [("2001:db8:0:7::{:x}", "2001:db8:0:8::1"), ("::ffff:198.51.100.7", "::ffff:198.51.100.8")],
)
def test_one_customer_of_a_provider_counts_once(
    throttled_shop: Shop, sandbox: Sandbox, address: str, elsewhere: str
) -> None:
    """With a whole /64 of IPv6, and with an IPv4 address in the clothes of IPv6."""
    tried = [
        try_password(throttled_shop, sandbox, address.format(number), f"{number}@example.com").status_code
        for number in range(11)
    ]

    assert tried == [400] * 10 + [429]
    assert try_password(throttled_shop, sandbox, elsewhere, "10@example.com").status_code == 400


def test_a_new_password_is_no_way_around(throttled_shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """Whoever found a browser left open guesses no faster than at the door; a field of the form names no other account."""
    browser = shopper.browser.copy(throttled_shop.app)  # type: ignore[attr-defined]
    thief = Shopper(browser, sandbox)
    tried = []
    for number in range(11):
        form = {"csrf_token": thief.csrf_token(), "current": "", "password": "", "email": f"{number}@example.com"}
        came_from = {"REMOTE_ADDR": f"198.51.100.{number}"}
        tried.append(browser.post("/account/password", data=form, environ_overrides=came_from).status_code)

    assert tried == [400] * 10 + [429]


def test_whoever_has_to_wait_is_told_how_long_really(throttled_shop: Shop, sandbox: Sandbox) -> None:
    """By the longest of the limits that hold them up, and not longer: then they may go on."""
    visitor = throttled_shop.browser()
    visitor.get("/language/en")
    shopper = Shopper(visitor, sandbox)

    def guess() -> Any:
        return shopper.post("/login", {"email": "nobody@example.com", "password": ""})

    with time_machine.travel(1_800_000_000, tick=False) as time:
        assert {guess().status_code for _ in range(10)} == {400}
        time.shift(15)
        reply = guess()
        assert (reply.status_code, reply.headers["Retry-After"]) == (429, "46")
        assert "Wait 46 seconds and try again." in reply.text
        time.shift(44)
        assert guess().status_code == 429
        time.shift(2)
        for _ in range(9):  # ten a minute, until the hour's hundred are through as well
            assert {guess().status_code for _ in range(10)} == {400}
            time.shift(61)
        time.shift(-61)
        reply = guess()
        assert (reply.status_code, reply.headers["Retry-After"]) == (429, str(3601 - 61 - 8 * 61))
        assert "Wait 51 minutes and try again." in reply.text
        time.shift(3599 - 61 - 8 * 61)
        assert guess().status_code == 429
        time.shift(2)
        assert guess().status_code == 400


@contextmanager
def silent_redis() -> Iterator[str]:
    """An address where somebody listens and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"redis://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("kind", ["down", "silent"])
def test_a_redis_that_does_not_answer_takes_nobody_down(
    settings: Settings, shop: Shop, sandbox: Sandbox, kind: str, monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Each process counts for itself then, and the log says so, once."""
    monkeypatch.setattr(limiter, "_storage_dead", False)
    with silent_redis() as silent:
        url = silent if kind == "silent" else "redis://127.0.0.1:1"
        app = create_app(
            replace(settings, rate_limits=True, rate_limit_storage=url), clock=shop.clock, gateway=shop.billing.gateway
        )
        with caplog.at_level(logging.WARNING, "flask-limiter"):
            cut_off = Shop(app, shop.clock, sandbox)
            tried = [
                try_password(cut_off, sandbox, "198.51.100.7", "nobody@example.com").status_code for _ in range(11)
            ]
    limiter.enabled = False
    app.extensions["billing"].database.close()

    assert tried == [400] * 10 + [429]
    assert [record.message for record in caplog.records] == [
        "Rate limit storage unreachable - falling back to in-memory storage"
    ]
