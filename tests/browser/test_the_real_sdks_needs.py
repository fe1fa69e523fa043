"""The pay page of a shop that talks to i'mport lets the real SDK do what it is known to do, and nothing is blocked.

The SDK itself is not here: a few lines stand in for it that do what the real one does to a page. Every address that is
not this machine's is answered by the test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.servers import storefront

SDK = """
window.IMP = {
  init(code) {
    const looks = document.createElement("style");
    looks.textContent = ".imp-dialog { outline: 7px solid }";
    document.head.append(looks);
    this.dialog = document.createElement("div");
    this.dialog.className = "imp-dialog";
    this.dialog.style.minHeight = "1px";
    const frame = document.createElement("iframe");
    frame.src = `https://service.iamport.kr/payments/ready/${code}`;
    this.dialog.append(frame);
    document.body.append(this.dialog);
    const settings = document.createElement("script");
    settings.src = `https://service.iamport.kr/users/pg/${code}?callback=gotSettings`;
    window.gotSettings = () => { window.IMP.hasSettings = true; };
    document.head.append(settings);
  },
  request_pay(params) {
    const form = document.createElement("form");
    form.method = "post";
    form.action = "https://pg.example/pay";
    form.target = "_top";
    document.body.append(form);
    form.submit();
  },
};
"""
ANSWERS = {
    "https://cdn.iamport.kr/v1/iamport.js": ("text/javascript", SDK),
    "https://service.iamport.kr/payments/ready/imp12345678": ("text/html", "<h1>ready</h1>"),
    "https://service.iamport.kr/users/pg/imp12345678": ("text/javascript", "gotSettings({})"),
    "https://pg.example/pay": ("text/html", "<h1>JTNet</h1>"),
}


@pytest.fixture
def shop_url(tmp_path: Path) -> Iterator[str]:
    """A shop whose settings name i'mport itself."""
    keys = {"IMP_CODE": "imp12345678", "IMP_KEY": "a-key", "IMP_SECRET": "a-secret"}
    with storefront(tmp_path, "run", "--port", "0", **keys) as shop:
        yield shop.urls["shop"]


def answer(route: Route) -> None:
    """What the outside world would say."""
    kind, body = ANSWERS[route.request.url.split("?")[0]]
    route.fulfill(content_type=kind, body=body)


def test_the_pay_page_of_a_real_shop_blocks_nothing_the_sdk_needs(page: Page, shop_url: str) -> None:
    """Styles written into the page, a script, a frame, and a form that leaves for the payment gateway."""
    page.route(re.compile("^https://"), answer)
    page.goto(f"{shop_url}/signup?next=/checkout/morning")
    page.get_by_label("Name").fill("Achim Kim")
    page.get_by_label("E-mail").fill("achim@example.com")
    page.get_by_label("Password").fill("good-morning-coffee")
    page.get_by_role("main").get_by_role("button", name="Sign up").click()
    page.get_by_role("radio", name=re.compile("Only register")).check()
    page.get_by_label("Mobile phone").fill("010-1234-5678")
    page.get_by_role("checkbox", name=re.compile("^I agree")).check()
    page.get_by_role("button", name=re.compile("^Go on to")).click()

    expect(page.frame_locator("iframe").get_by_role("heading", name="ready")).to_be_visible()
    assert page.evaluate("window.IMP.hasSettings")
    assert page.evaluate("getComputedStyle(document.querySelector('.imp-dialog')).outlineWidth") == "7px"

    page.locator("button[data-action=pay]").click()
    expect(page.get_by_role("heading", name="JTNet")).to_be_visible()
    assert page.url == "https://pg.example/pay"
