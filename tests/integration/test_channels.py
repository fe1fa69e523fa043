"""Test payments: i'mport hides them from who does not ask, and a test shop works with them as with any other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from storefront.sandbox import SandboxSettings, create_sandbox
from tests.conftest import SHOP_URL, Shop
from tests.people import Sandbox, Shopper


@pytest.fixture(params=[False, True], ids=["no test channel", "test channel"])
def sandbox_app(request: pytest.FixtureRequest) -> Iterator[Flask]:
    """A sandbox of either kind."""
    channel = bool(request.param)
    app = create_sandbox(
        SandboxSettings(background=False, webhook_url=f"{SHOP_URL}/webhooks/iamport", test_channel=channel)
    )
    yield app
    app.extensions["sandbox"].close()


def test_a_shop_that_is_not_live_works_with_either_channel(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """Bought, ordered again with the stored card, paid by a phone that never came back, and given back."""
    bought = shopper.buy("pay")
    [card] = shopper.active_cards()
    charged = shopper.charged(card["id"])
    params = shopper.order("pay")
    sandbox.pay(params, outcome="lose_callback")
    shop.deliver_webhooks()

    assert [bought["status"], charged["status"], shopper.payment(params["merchant_uid"])["status"]] == ["paid"] * 3
    assert shop.reconcile().needs_person == []
    assert [call["path"] for call in sandbox.requests() if call["status"] == 404] == []
    assert shopper.agrees_with_ledger()
    assert sandbox.net() == 14_900 + 16_900 + 14_900
