"""The main journeys with the shop set up as for the real service: `IMP_LIVE`, i'mport under names of its own, TLS throughout.

Nothing of it says that it is practice: the shop finds i'mport by its settings alone, and trusts a throw-away authority as
it would the world's. Only the names lead back to this machine, in the browser and in this process.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import trustme
from playwright.sync_api import BrowserContext, Page, expect

from storefront import config, create_app, schema
from storefront.sandbox import SandboxSettings
from storefront.sandbox.doorkeeper import TOKEN_HEADER
from storefront.sandbox.testing import running_sandbox
from tests.browser.pages import Journey
from tests.people import Sandbox
from tests.serving_here import served
from tests.tls import door

SHOP, API, SDK = "shop.test", "api.iamport.test", "cdn.iamport.test"
TOKEN = "for-the-tests-alone"
"""Opens the sandbox's own addresses, under which the shop has nothing to ask; it also lets it play under any name."""


@dataclass
class Live:
    """A shop as for the real service, and i'mport as its people see it."""

    shop_url: str
    sandbox: Sandbox


class LiveJourney(Journey):
    """Somebody who shops there: everything through the browser, which alone knows where the names lead."""

    def facts(self, merchant_uid: str) -> dict[str, Any]:
        """What the shop says about an order, to a script of its page."""
        ask = "path => fetch(path, {headers: {Accept: 'application/json'}}).then(reply => reply.json())"
        return dict(self.page.evaluate(ask, f"/payments/{merchant_uid}"))


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Both, ready; without a test channel."""
    folder, authority = tmp_path_factory.mktemp("live"), trustme.CA()
    with (
        pytest.MonkeyPatch.context() as world,
        running_sandbox(SandboxSettings(allow_remote_webhooks=True, token=TOKEN)) as iamport,
        door(authority, API, SDK) as at_imports,
        door(authority, SHOP) as at_the_shop,
    ):
        _trust(authority, folder, world)
        _lead_home(world)
        at_imports.leads_to = int(urlsplit(iamport.url).port or 0)
        values = {
            "IMP_LIVE": "on",
            "IMP_CODE": iamport.code,
            "IMP_KEY": iamport.key,
            "IMP_SECRET": iamport.secret,
            "IMP_API_URL": f"https://{API}:{at_imports.port}",
            "IMP_SDK_URL": f"https://{SDK}:{at_imports.port}/v1/iamport.js",
            "PUBLIC_URL": f"https://{SHOP}:{at_the_shop.port}",
            "SECRET_KEY": "nobody-has-ever-published-this",
            "RATE_LIMITS": "off",
        }
        app = create_app(config.load(values, public_url="http://127.0.0.1:8000", folder=folder))
        billing = app.extensions["billing"]
        schema.create(billing.database)
        with served(app) as plain, requests.Session() as session:
            session.trust_env = False
            session.headers[TOKEN_HEADER] = TOKEN
            at_the_shop.leads_to = int(urlsplit(plain).port or 0)
            yield Live(billing.settings.public_url, Sandbox(session, iamport.url))
            billing.errands.close()
        billing.database.close()


def _trust(authority: trustme.CA, folder: Path, world: pytest.MonkeyPatch) -> None:
    """Requests of this process are answered by whom this authority vouches for, and by nobody else."""
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    world.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(folder / "authority.pem"))


def _lead_home(world: pytest.MonkeyPatch) -> None:
    """The names lead to this machine, in this process."""
    everywhere = socket.getaddrinfo

    def look_up(host: Any, *arguments: Any, **options: Any) -> Any:
        return everywhere("127.0.0.1" if host in (SHOP, API, SDK) else host, *arguments, **options)

    world.setattr(socket, "getaddrinfo", look_up)


@pytest.fixture
def asked(context: BrowserContext) -> list[str]:
    """Every address that the browser asks."""
    addresses: list[str] = []
    context.on("request", lambda request: addresses.append(request.url))
    return addresses


@pytest.fixture
def journey(page: Page, live: Live, device: str, asked: list[str]) -> Journey:  # noqa: ARG001  # from the first page on
    """Somebody new with a browser, signed up by hand."""
    return LiveJourney(page, live.shop_url, live.sandbox, device).sign_up_by_hand()


def test_register_pay_charge_again_and_remove(journey: Journey, live: Live, asked: list[str]) -> None:
    """The whole way, to the won; no page and no address on it knows of a sandbox."""
    page = journey.page
    stored = journey.buy(only_register=True)
    journey.sees("Your card is stored")
    assert "sandbox" not in page.content().lower()
    customer_uid = journey.agrees_with_ledger(stored, 0)["customer_uid"]

    journey.charge_again("Noon")
    journey.sees("You paid ₩16,900")
    again = page.url.rsplit("/", 1)[1]
    journey.agrees_with_ledger(again, 16_900)

    journey.go_to_account()
    page.get_by_text("Remove a card").click()
    page.get_by_role("button", name=re.compile("^Remove ")).click()
    expect(page.get_by_text("There are no further charges.")).to_be_visible()
    assert live.sandbox.keys()[customer_uid] is False

    paid = journey.buy(plan="Daybreak")
    journey.sees("You paid ₩18,900")
    journey.agrees_with_ledger(paid, 18_900)
    assert {urlsplit(address).hostname for address in asked} == {SHOP, SDK}
    assert not any("/_sandbox" in address for address in asked)


def test_the_webhook_comes_to_the_public_address(journey: Journey, live: Live) -> None:
    """By TLS, when the browser's answer is lost."""
    merchant_uid = journey.order()
    window = journey.open_window().pick("approve").happen("Lose the answer")
    window.pay()
    expect(window.inside.get_by_role("heading", name="The answer to the shop was lost")).to_be_visible()
    live.sandbox.drain()

    journey.page.goto(f"{live.shop_url}/payments/{merchant_uid}")

    journey.sees("You paid ₩14,900")
    facts = journey.agrees_with_ledger(merchant_uid, 14_900)
    assert "webhook" in [event["event"] for event in facts["events"]]


@pytest.mark.parametrize("device", ["desktop"])
def test_what_the_demo_offers_is_not_there(page: Page, live: Live) -> None:
    """No demo shopper, no time machine, no lessons, no guide, and the session's cookie goes by https alone."""
    for path in ("/lessons", "/guide", "/demo/outbox"):
        reply = page.goto(f"{live.shop_url}{path}")
        assert reply is not None
        assert reply.status == 404, path
    page.goto(f"{live.shop_url}/login")
    expect(page.get_by_role("main").get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Continue as the demo shopper")).to_have_count(0)
    assert all(cookie["secure"] for cookie in page.context.cookies())
