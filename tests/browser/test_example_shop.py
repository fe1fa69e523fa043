"""The shops of `examples/`, used by people: their pages, the SDK and the window."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Servers
from tests.browser.pages import Window
from tests.examples.processes import SHOPS
from tests.people import Sandbox


@pytest.fixture(scope="session", params=SHOPS)
def small_shop(
    request: pytest.FixtureRequest, servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of one of them, beside the demo's sandbox."""
    with SHOPS[request.param](tmp_path_factory.mktemp(request.param), servers.sandbox_url) as url:
        yield url


def test_a_bag_is_paid_in_the_small_shop(small_shop: str, page: Page, device: str, sandbox: Sandbox) -> None:
    """On a desktop by the callback, on a phone by the way back."""
    page.goto(small_shop)
    merchant_uid = page.evaluate("params.merchant_uid")
    page.get_by_role("button", name="Pay ₩9,900 and keep the card").click()
    Window(page, device).pick("approve").pay()
    expect(page.get_by_text('"status":"paid"')).to_be_visible()
    assert sandbox.net(merchant_uid) == 9_900


def test_a_card_is_kept_for_nothing_in_the_small_shop(
    small_shop: str, page: Page, device: str, sandbox: Sandbox
) -> None:
    """`amount: 0`: the key alone."""
    page.goto(f"{small_shop}/register")
    customer_uid = page.evaluate("params.customer_uid")
    page.get_by_role("button", name="Keep the card for ₩0").click()
    Window(page, device).pick("approve").pay()
    expect(page.get_by_text('"status":"paid"')).to_be_visible()
    assert customer_uid in sandbox.stored_keys()


def test_leaving_the_window_costs_nothing_in_the_small_shop(
    small_shop: str, page: Page, device: str, sandbox: Sandbox
) -> None:
    """The page says so."""
    page.goto(small_shop)
    merchant_uid = page.evaluate("params.merchant_uid")
    page.get_by_role("button", name="Pay ₩9,900 and keep the card").click()
    Window(page, device).cancel()
    expect(page.get_by_text('"status":"failed"')).to_be_visible()
    assert sandbox.net(merchant_uid) == 0
