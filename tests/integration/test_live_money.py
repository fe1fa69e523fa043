"""A shop with real money takes nothing that was paid through a test channel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from flask import Flask, request

from storefront.clock import Clock
from storefront.config import IAMPORT_API_URL, IAMPORT_SDK_URL, Settings
from storefront.sandbox import SandboxSettings, create_sandbox
from tests.conftest import SHOP_URL, Shop, shop_beside
from tests.people import Sandbox, Shopper


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The same shop with `IMP_LIVE`."""
    return replace(settings, imp_live=True)


@pytest.fixture
def channel(request: pytest.FixtureRequest) -> str:
    """Which channel the payments are made through."""
    return str(getattr(request, "param", "test"))


@pytest.fixture
def sandbox_app(channel: str) -> Iterator[Flask]:
    """A sandbox that plays that channel."""
    app = create_sandbox(
        SandboxSettings(background=False, webhook_url=f"{SHOP_URL}/webhooks/iamport", test_channel=channel == "test")
    )
    yield app
    app.extensions["sandbox"].close()


@pytest.mark.parametrize("mode", ["pay", "register"])
def test_a_payment_of_a_test_channel_is_refused_and_its_key_deleted(
    shopper: Shopper, sandbox: Sandbox, mode: str
) -> None:
    """Whoever has the test card numbers would shop for nothing."""
    payment = shopper.buy(mode)

    assert (payment["status"], payment["captured"], payment["net"]) == ("refused", True, 0)
    assert (sandbox.net(), sandbox.stored_keys(), shopper.active_cards()) == (0, [], [])


@pytest.mark.parametrize("channel", ["real"], indirect=True)
def test_a_payment_of_the_real_channel_is_taken(shop: Shop, shopper: Shopper, sandbox: Sandbox, channel: str) -> None:
    """Without ever asking for test payments."""
    payment = shopper.buy("pay")
    [card] = shopper.active_cards()
    charged = shopper.charged(card["id"])
    shop.deliver_webhooks()

    assert (payment["net"], charged["net"], sandbox.net()) == (14_900, 16_900, 31_800), channel
    asked = [call["path"] for call in sandbox.requests()]
    assert f"/payments/{payment['imp_uid']}" in asked
    assert shop.reconcile().needs_person == []


@pytest.mark.parametrize("channel", ["real"], indirect=True)
def test_a_shop_for_real_money_asks_nothing_of_a_sandbox_and_speaks_of_none(
    settings: Settings, sandbox_app: Flask, sandbox: Sandbox, clock: Clock, channel: str
) -> None:
    """Only what the description has, whatever is bought, looked for and removed; i'mport is where its settings say."""
    asked: list[str] = []

    @sandbox_app.before_request
    def write_down() -> None:
        if request.host == urlsplit(IAMPORT_API_URL).netloc:
            asked.append(request.path)

    real = replace(settings, imp_api_url=IAMPORT_API_URL, imp_sdk_url=IAMPORT_SDK_URL)
    with shop_beside(real, sandbox_app, sandbox, clock) as shop:
        shopper = Shopper(shop.browser(), sandbox).sign_up()
        card, paid = shopper.register_card(), shopper.buy()
        charged = shopper.charged(card["id"])
        shopper.subscribe()
        shopper.remove_card(card["id"])
        shop.reconcile()
        shop.renew()
        order = f"/payments/{charged['merchant_uid']}"
        pages = [shopper.browser.get(path).text for path in ("/", "/terms", "/account", "/checkout/noon", order)]
        pages.append(shop.browser().get("/login").text)

    assert (paid["net"], charged["net"], channel) == (14_900, 16_900, "real")
    assert asked
    assert not [path for path in asked if path.startswith("/_sandbox")]
    assert not [page for page in pages if "sandbox" in page.lower() or "샌드박스" in page]
