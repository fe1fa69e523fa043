"""A merchant with a JTNet setting for ordinary payments before the one for recurring ones: `IMP_PG` decides which is opened."""

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
def sandbox_app() -> Iterator[Flask]:
    """A sandbox with both."""
    told = SandboxSettings(background=False, webhook_url=f"{SHOP_URL}/webhooks/iamport", general_pg_id="general1m")
    app = create_sandbox(told)
    yield app
    app.extensions["sandbox"].close()


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    """The same shop with another `IMP_PG`."""
    return replace(settings, imp_pg=request.param)


@pytest.mark.parametrize("settings", ["jtnet"], indirect=True)
def test_the_wrong_setting_takes_the_money_and_the_shop_knows_of_no_card(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """What was ordered was paid, so it stays paid; nobody is offered a card that cannot be charged."""
    payment = shopper.buy("pay")
    shop.deliver_webhooks()

    assert (payment["status"], payment["net"], sandbox.net()) == ("paid", 14_900, 14_900)
    assert (shopper.active_cards(), sandbox.stored_keys()) == ([], [])
    assert shop.reconcile().needs_person == []
    assert shopper.agrees_with_ledger()


@pytest.mark.parametrize("settings", ["jtnet"], indirect=True)
def test_the_wrong_setting_registers_no_card_and_moves_no_money(shopper: Shopper, sandbox: Sandbox) -> None:
    """The window says so, and so does the shop."""
    params = shopper.order("register")
    ended = sandbox.pay(params)
    shopper.tell(ended)

    assert (ended["status"], sandbox.net(), shopper.active_cards()) == (None, 0, [])


@pytest.mark.parametrize("settings", ["jtnet.tpaytest2m"], indirect=True)
def test_the_right_setting_stores_the_card_and_charges_it_again(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """As anywhere else."""
    card = shopper.register_card()
    assert shopper.charged(card["id"])["status"] == "paid"
    shop.deliver_webhooks()
    assert shopper.agrees_with_ledger()
    assert sandbox.net() == 16_900
