"""What a page weighs on its way to a browser, counted by the browser itself."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Servers

MOST_BYTES = 60 * 1024
MOST_REQUESTS = 10


@pytest.fixture
def device() -> str:
    """A phone gets the same files."""
    return "desktop"


class Scales:
    """Counts what comes over the wire for a page, from one address."""

    def __init__(self, page: Page, origin: str) -> None:
        self._origin, self._addresses, self._kept = origin, dict[str, str](), set[str]()
        self._weights: dict[str, int] = {}
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.requestWillBeSent", self._sent)
        session.on("Network.requestServedFromCache", lambda event: self._kept.add(event["requestId"]))
        session.on("Network.responseReceived", self._received)
        session.on("Network.loadingFinished", self._finished)

    def weigh(self, page: Page, address: str) -> tuple[list[str], int]:
        """Open a page: the paths that were asked for, and the bytes that came with their headers."""
        self._addresses.clear()
        self._weights.clear()
        self._kept.clear()
        page.goto(address, wait_until="networkidle")
        asked = {key: path for key, path in self._addresses.items() if key not in self._kept}
        return sorted(asked.values()), sum(self._weights.get(key, 0) for key in asked)

    def _sent(self, event: dict[str, Any]) -> None:
        address = event["request"]["url"]
        if address.startswith(self._origin):
            self._addresses[event["requestId"]] = address.removeprefix(self._origin)

    def _received(self, event: dict[str, Any]) -> None:
        if event["response"].get("fromDiskCache"):
            self._kept.add(event["requestId"])

    def _finished(self, event: dict[str, Any]) -> None:
        self._weights[event["requestId"]] = int(event["encodedDataLength"])


@pytest.mark.usefixtures("journey")
@pytest.mark.parametrize("path", ["/", "/checkout/morning"])
def test_a_page_is_light_at_first_and_alone_afterwards(page: Page, servers: Servers, path: str) -> None:
    """At most 60 KB and ten requests; seen again it asks for nothing but itself."""
    scales = Scales(page, servers.shop_url)

    asked, weight = scales.weigh(page, servers.shop_url + path)
    assert path in asked
    assert 3 < len(asked) <= MOST_REQUESTS
    assert 10_000 < weight <= MOST_BYTES

    again, _weight = scales.weigh(page, servers.shop_url + path)
    assert again == [path]


def test_a_browser_that_signs_in_keeps_what_it_has(page: Page, servers: Servers) -> None:
    """Its cookie is another one then; its files are the same."""
    scales = Scales(page, servers.shop_url)
    scales.weigh(page, servers.shop_url)
    page.context.clear_cookies()

    again, _weight = scales.weigh(page, servers.shop_url)
    assert again == ["/"]
