"""Addresses that are none: whoever names one pays all the same, and nobody is called or sent there."""

from __future__ import annotations

import pytest

from tests.people import Sandbox

NONE = ["http://[", "http://[::1", "http://]/", "//", "http://", "\\", "javascript:alert(1)"]


@pytest.mark.parametrize("address", NONE)
def test_a_notice_url_that_is_none_gets_no_webhook_and_stops_nothing(sandbox: Sandbox, address: str) -> None:
    """From a window and from a server."""
    order = {"pg": "jtnet", "merchant_uid": "order-1", "amount": 100, "name": "원두", "notice_url": address}
    assert sandbox.pay(order)["status"] == "paid"
    sandbox.issue_key("customer-1")
    again = {**order, "customer_uid": "customer-1", "merchant_uid": "order-2"}
    assert sandbox.call("POST", "/subscribe/payments/again", **again)["code"] == 0
    assert {hook["state"] for hook in sandbox.webhooks()} == {"dropped"}
    assert sandbox.net() == 200


@pytest.mark.parametrize("address", NONE)
def test_a_phone_is_not_sent_to_an_address_that_is_none(sandbox: Sandbox, address: str) -> None:
    """It stays in the window, its payment done."""
    order = {"pg": "jtnet", "merchant_uid": "order-1", "amount": 100, "name": "원두", "m_redirect_url": address}
    result = sandbox.pay(order, device="mobile")
    assert (result["status"], result["redirect"]) == ("paid", None)
