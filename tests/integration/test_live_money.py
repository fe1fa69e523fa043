"""A shop with real money takes nothing that was paid through a test channel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from storefront.config import Settings
from storefront.sandbox import SandboxSettings, create_sandbox
from tests.conftest import SHOP_URL, Shop
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
