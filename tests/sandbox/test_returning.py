"""Whatever address a shop gave to return to, its own parser finds the answer there."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.people import Sandbox
from tests.sandbox.test_service_host import CODE

ADDRESSES = {
    "https://shop.example/done": "https://shop.example/done",
    "https://shop.example/done?": "https://shop.example/done",
    "https://shop.example/done?a=1&b=%2F": "https://shop.example/done",
    "https://shop.example/done?a=1&": "https://shop.example/done",
    "https://shop.example/done#part": "https://shop.example/done",
    "https://shop.example/done?a=1#part": "https://shop.example/done",
    "https://shop.example/#/orders/1": "https://shop.example/",
    "https://shop.example/#/orders?tab=2": "https://shop.example/",
    "https://shop.example": "https://shop.example",
    "http://127.0.0.1:3000/done?next=https://shop.example/?x": "http://127.0.0.1:3000/done",
    "exampleapp://result": "exampleapp://result",
    "exampleapp:///result?a=1#part": "exampleapp:///result",
    "intent://result#Intent;scheme=exampleapp;end": "intent://result",
    "/done": "https://shop.example/done",
    "done?a=1": "https://shop.example/shop/done",
    "?a=1": "https://shop.example/shop/pay",
    "//other.example/done": "https://other.example/done",
}
"""Each with where it leads, but for query and fragment."""
ORDER = {"merchant_uid": "order-1", "amount": 100, "name": "원두", "customer_uid": "customer-1"}
CARD = {"card_number": "4242-4242-4242-4242", "expiry": "12/40", "birth": "900101", "pwd_2digit": "12", "agree": "y"}


def told_at(address: str) -> dict[str, str]:
    """What a parser of addresses finds in the query."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query, keep_blank_values=True).items()}


@pytest.mark.parametrize("sdk", ["new", "old"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_a_phone_returns_with_its_answer_where_a_parser_finds_it(sandbox: Sandbox, address: str, sdk: Any) -> None:
    """Approved, declined, left and refused; what the shop's own query and fragment say stays."""
    page = {"page": "https://shop.example/shop/pay"}
    order = {**ORDER, "m_redirect_url": address}

    def end(**how: Any) -> str:
        body = {"params": order, "device": "mobile", "sdk": sdk, **page, **how}
        return str(sandbox.session.post(f"{sandbox.url}/_sandbox/pay", json=body).json()["redirect"])

    ways = [end(card="decline-limit"), end(outcome="cancel"), end(card="approve"), end(card="approve")]

    for way in ways:
        before = way.partition("#")[0].partition("?")[0]
        assert before == ADDRESSES[address]
        assert way.partition("#")[2] == address.partition("#")[2]
        assert told_at(address).items() <= told_at(way).items()
        assert told_at(way)["merchant_uid"] == "order-1"
    kept = {payment["imp_uid"] for payment in sandbox.call("GET", "/payments/findAll/order-1")["response"]["list"]}
    assert {told_at(way)["imp_uid"] for way in ways} == {*kept, ""}
    assert ["error_msg" in told_at(way) for way in ways] == [True, True, False, True]
    said = [told_at(way).get("imp_success") for way in ways]
    assert said == (["false", "false", "true", "false"] if sdk == "old" else [None] * 4)


@pytest.mark.parametrize("address", ["exampleapp://result", "/done", "https://shop.example/#/done"])
def test_the_windows_own_page_leads_there_too(sandbox: Sandbox, address: str) -> None:
    """Its policy allows the form to be answered with a redirect to just there."""
    order = {**ORDER, "m_redirect_url": address}
    window = open_on_phone(sandbox, order)
    page = sandbox.session.get(sandbox.url + window)
    reply = sandbox.session.post(sandbox.url + window, data={**CARD, "action": "pay"}, allow_redirects=False)

    leads = reply.headers["Location"]
    source = "exampleapp:" if address.startswith("exampleapp") else "https://shop.example"
    assert f"form-action 'self' {source};" in page.headers["Content-Security-Policy"]
    assert reply.status_code == 303
    assert leads.startswith(source)
    assert told_at(leads)["imp_uid"].startswith("imp_")


@pytest.mark.parametrize("action", ["pay", "cancel"])
def test_nobody_is_stranded_without_an_address_to_return_to(sandbox: Sandbox, action: str) -> None:
    """The window's last page has a link to the page that asked."""
    window = open_on_phone(sandbox, ORDER)
    last = sandbox.session.post(sandbox.url + window, data={**CARD, "action": action})

    assert 'href="https://shop.example/shop/pay"' in last.text


def test_who_may_not_open_a_window_is_told_before_leaving_the_page(sandbox: Sandbox) -> None:
    """On a phone as on a desktop, so that the page's callback is called."""
    sandbox.pay(ORDER)
    for device in ("pc", "mobile"):
        refused = asked(sandbox, {**ORDER, "m_redirect_url": "https://shop.example/done"}, device)
        assert set(refused) == {"told"}
        assert (refused["told"]["request_id"], refused["told"]["success"]) == ("req_1", False)
        assert refused["told"]["error_msg"] == "이미 결제가 이루어진 거래건입니다."


def asked(sandbox: Sandbox, order: dict[str, Any], device: str) -> dict[str, Any]:
    """What the frame's script is told to do."""
    query = {"code": CODE, "params": json.dumps(order), "device": device, "sdk": "old", "request_id": "req_1"}
    query |= {"parent": "https://shop.example", "page": "https://shop.example/shop/pay#top"}
    reply = sandbox.session.get(f"{sandbox.url}/payments/open", params=query, headers={"Accept": "application/json"})
    return dict(reply.json())


def open_on_phone(sandbox: Sandbox, order: dict[str, Any]) -> str:
    """The address of a window that a phone has opened."""
    return str(asked(sandbox, order, "mobile")["window"])
