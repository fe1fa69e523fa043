"""The names the shop answers to. A stranger's page that points its own name here finds nobody at home."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from storefront import create_app, schema
from storefront.config import Settings
from tests.conftest import SHOP_URL, Shop
from tests.people import BUYER, Sandbox, Shopper


@contextmanager
def visiting(settings: Settings, **changes: Any) -> Iterator[Any]:
    """A client of a shop with other settings."""
    app = create_app(replace(settings, **changes))
    schema.create(app.extensions["billing"].database)
    yield app.test_client()
    app.extensions["billing"].database.close()


@pytest.mark.parametrize("name", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "10.0.0.7", "["])
def test_a_foreign_name_is_refused_whatever_it_asks_for(shop: Shop, name: str) -> None:
    """Before a session, a token or a form is looked at; the answer gives nothing but the shop's own address."""
    for path in ("/", "/account", "/account/charge", "/webhooks/iamport", "/static/css/theme.css", "/nowhere"):
        for method in ("GET", "POST"):
            reply = shop.app.test_client().open(path, method=method, headers={"Host": name})

            assert reply.status_code == 400, path
            assert SHOP_URL in reply.text
            assert "Set-Cookie" not in reply.headers
            assert "evil" not in f"{reply.headers}{reply.text}"


def test_a_page_that_rebinds_its_name_charges_no_card(shopper: Shopper, sandbox: Sandbox) -> None:
    """Not even with a shopper's session and token."""
    card = shopper.register_card()
    form = {"csrf_token": shopper.csrf_token(), "card": card["id"], "plan": "noon", "token": "a-strangers-token"}

    assert shopper.browser.post("/account/charge", data=form, headers={"Host": "evil.example"}).status_code == 400
    assert sandbox.net() == 0
    assert shopper.browser.post("/account/charge", data=form).status_code == 303
    assert sandbox.net() == 16_900


def test_a_browser_that_came_as_localhost_is_sent_to_the_shops_own_address(shop: Shop) -> None:
    """Cookies are shared by every port of a host, and the sandbox is on localhost."""
    reply = shop.app.test_client().get("/account?x=1", base_url="http://localhost:8000")

    assert (reply.status_code, reply.headers["Location"]) == (302, "http://127.0.0.1:8000/account?x=1")


@pytest.mark.parametrize("path", ["/%0d%0aX:y", "/account%0a", "/checkout/morning%0d"])
def test_an_address_with_a_line_break_leads_nowhere(shop: Shop, path: str) -> None:
    """The way to the shop's own name is a header, which takes none."""
    assert shop.app.test_client().get(path, base_url="http://localhost:8000").status_code == 404


def test_a_webhook_may_come_to_the_bound_address_of_a_public_shop(settings: Settings) -> None:
    """The sandbox beside it knows no other, and a machine follows no redirect."""
    with visiting(settings, public_url="https://shop.example.com", bound_host="10.0.0.7") as client:
        for name in ("10.0.0.7:8000", "localhost:8000", "shop.example.com"):
            reply = client.post("/webhooks/iamport", json={}, headers={"Host": name})
            assert "https://" not in reply.text, name  # it was read, and names no payment
        page = client.get("/terms", headers={"Host": "10.0.0.7:8000"})
        assert page.headers["Location"] == "https://shop.example.com/terms"


@pytest.mark.parametrize(
    ("public_url", "name"),
    [
        ("https://shop.example.com", "shop.example.com"),
        ("https://Shop.Example.com:443", "shop.example.com"),
        ("https://shop.example.com:8443", "shop.example.com:8443"),
        ("https://커피.example.com", "xn--ve7b29i.example.com"),
        ("http://[::1]:8000", "[::1]:8000"),
    ],
)
def test_the_public_name_is_answered_however_it_is_spelled(settings: Settings, public_url: str, name: str) -> None:
    """As a browser writes it, and as a proxy passes it on without TLS."""
    with visiting(settings, public_url=public_url) as client:
        assert client.get("/terms", headers={"Host": name}).status_code == 200


def test_a_load_balancer_may_ask_for_health_by_any_address(shop: Shop) -> None:
    """It knows no name, and an address cannot be somebody else's page; a name can."""
    client = shop.app.test_client()
    for host, status in (("10.0.0.7:8000", 200), ("[fd00::7]", 200), ("evil.example", 400), ("localhost", 200)):
        assert client.get("/healthz", headers={"Host": host}).status_code == status, host


def test_no_address_that_is_given_away_comes_from_a_request(shopper: Shopper) -> None:
    """Where the phone comes back to, and where webhooks go, is the public address whoever forwards what."""
    forged = {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example", "X-Host": "evil.example"}
    form = {**BUYER, "mode": "pay", "csrf_token": shopper.csrf_token()}

    ordered = shopper.browser.post("/checkout/morning", data=form, headers=forged)
    page = shopper.browser.get(ordered.headers["Location"], headers=forged)

    assert f"{SHOP_URL}/payments/complete/mobile" in page.text
    for reply in (ordered, page):
        assert "evil.example" not in f"{reply.headers}{reply.text}"


@pytest.mark.parametrize("host", ["127.0.0.1:99999", "127.0.0.1:abc", "a..b", "[::1", ""])
def test_what_is_no_host_at_all_breaks_nothing(shop: Shop, host: str) -> None:
    """It is refused like a stranger's, or is nobody's."""
    assert shop.app.test_client().get("/terms", headers={"Host": host}).status_code in (302, 400)
