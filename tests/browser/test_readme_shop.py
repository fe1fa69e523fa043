"""The shop that the README shows, used by people: its page, the SDK and the window."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Servers
from tests.browser.pages import Window
from tests.examples.readme import write
from tests.examples.shops import FLASK, running
from tests.people import Sandbox


@pytest.fixture(scope="session")
def small_shop(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the README's shop in Flask, beside the demo's sandbox."""
    folder = tmp_path_factory.mktemp("small-shop")
    write(folder, "flask_shop.py")
    with running(folder, servers.sandbox_url, FLASK) as url:
        yield url


def test_a_bag_is_paid_in_the_small_shop(small_shop: str, page: Page, device: str, sandbox: Sandbox) -> None:
    """On a desktop by the callback, on a phone by the way back."""
    page.goto(small_shop)
    merchant_uid = page.evaluate("params.merchant_uid")
    page.get_by_role("button", name="Pay ₩9,900 and keep the card").click()
    Window(page, device).pick("approve").pay()
    expect(page.get_by_text('"status":"paid"')).to_be_visible()
    assert sandbox.net(merchant_uid) == 9_900


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
