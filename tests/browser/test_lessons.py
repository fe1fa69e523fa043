"""Every lesson, played on a small phone by one shopper: it ends at how its payment went, with the books in agreement."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from storefront.web.lessons.table import LESSONS
from tests.browser.conftest import Servers
from tests.people import Sandbox

LEFT = {"webhook-late": 0, "amount-forged": 0, "key-replaced": 0}
"""What i'mport keeps of the order where that is not the price."""


@pytest.fixture(scope="module")
def reader(browser: Browser, servers: Servers) -> Iterator[Page]:
    """The demo shopper, signed in by the button of the first lesson."""
    with browser.new_context(viewport={"width": 360, "height": 740}, locale="en-GB") as context:
        page = context.new_page()
        page.goto(f"{servers.shop_url}/lessons/{LESSONS[0].name}")
        page.get_by_role("button", name="Continue as the demo shopper").click()
        expect(page.get_by_role("button", name="Play it")).to_be_visible()
        yield page


@pytest.mark.parametrize("name", [lesson.name for lesson in LESSONS])
def test_a_lesson_ends_at_how_its_payment_went(reader: Page, servers: Servers, sandbox: Sandbox, name: str) -> None:
    """One press, the words, one more to the inspector; the ledger has what the page says."""
    reader.goto(f"{servers.shop_url}/lessons/{name}")
    reader.get_by_role("button", name="Play it").click()
    expect(reader.get_by_role("heading", name="How the shop knew")).to_be_visible()
    assert reader.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")

    reader.get_by_role("link", name="See how this payment went").click()

    expect(reader.get_by_role("heading", name="How this payment went", level=1)).to_be_visible()
    expect(reader.get_by_text("They agree:")).to_be_visible()
    merchant_uid = reader.url.split("/")[-2]
    assert sandbox.net(merchant_uid) == LEFT.get(name, 14_900)
