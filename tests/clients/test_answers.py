"""What the strict ones among the clients want to read: Go knows no more fields than described, PHP misses every other one."""

from __future__ import annotations

import http.client
import json
import time
from urllib.parse import urlsplit

from tests.clients.wire import KEYS, Wire
from tests.people import Sandbox

PAYMENT = """
    imp_uid merchant_uid pay_method channel pg_provider emb_pg_provider pg_tid pg_id escrow sandbox apply_num bank_code
    bank_name card_code card_name card_issuer_code card_issuer_name card_publisher_code card_publisher_name card_quota
    card_number card_type vbank_code vbank_name vbank_num vbank_holder vbank_date vbank_issued_at name amount
    cancel_amount currency buyer_name buyer_email buyer_tel buyer_addr buyer_postcode custom_data user_agent status
    started_at paid_at failed_at cancelled_at fail_reason cancel_reason receipt_url cancel_history cancel_receipt_urls
    deposit_history cash_receipt_issued customer_uid customer_uid_usage promotion
"""
CANCEL = "pg_tid amount cancelled_at reason receipt_url cancellation_id"
CUSTOMER = """
    customer_uid pg_provider pg_id sandbox customer_id card_code card_name card_issuer_code card_issuer_name
    card_publisher_code card_publisher_name card_number card_type customer_name customer_tel customer_email
    customer_addr customer_postcode inserted updated
"""
SCHEDULE = """
    customer_uid merchant_uid imp_uid pg_provider pg_id customer_id schedule_at executed_at revoked_at amount currency
    name buyer_name buyer_email buyer_tel buyer_addr buyer_postcode custom_data schedule_status payment_status
    fail_reason promotion_id
"""
PAGE = {"total", "previous", "next", "list"}


def test_a_tokens_reply_comes_in_one_piece(sandbox: Sandbox) -> None:
    """The official npm client reads the first piece only: no chunks, and small enough for one packet."""
    connection = http.client.HTTPConnection(urlsplit(sandbox.url).netloc, timeout=30)
    connection.request("POST", "/users/getToken", json.dumps(KEYS), {"Content-Type": "application/json"})
    reply = connection.getresponse()
    content = reply.read()
    connection.close()

    assert reply.getheader("Transfer-Encoding") is None
    assert reply.getheader("Content-Type") == "application/json; charset=UTF-8"
    assert reply.getheader("Content-Length") == str(len(content))
    assert len(content) < 1_000


def test_objects_have_the_described_fields_no_more_and_no_less(wire: Wire, sandbox: Sandbox) -> None:
    """Go stumbles over a field it does not know, PHP over one that it misses."""
    sandbox.issue_key("achim")
    charge = {"customer_uid": "achim", "merchant_uid": "order-1", "amount": 9_000}
    bag = {"merchant_uid": "bag-1", "schedule_at": int(time.time()) + 600, "amount": 1}

    paid = wire.answer("POST", "/subscribe/payments/again", json=charge)
    cancelled = wire.answer("POST", "/payments/cancel", json={"merchant_uid": "order-1", "amount": 4_000})
    failed = wire.answer("GET", "/payments/find/qwer1234")
    [planned] = wire.answer("POST", "/subscribe/payments/schedule", json={"customer_uid": "achim", "schedules": [bag]})

    assert set(paid) == set(cancelled) == set(failed) == set(PAYMENT.split())
    [row] = cancelled["cancel_history"]
    assert set(row) == set(CANCEL.split())
    assert set(wire.answer("GET", "/subscribe/customers/achim")) == set(CUSTOMER.split())
    assert set(planned) == set(SCHEDULE.split())
    assert set(wire.send("GET", "/payments/find/order-1").json()) == {"code", "message", "response"}
    assert [paid[moment] for moment in ("failed_at", "cancelled_at", "vbank_date", "vbank_issued_at")] == [0, 0, 0, 0]


def test_a_list_says_where_it_begins_and_ends(wire: Wire, sandbox: Sandbox) -> None:
    """PHP wants all four of a page's fields; page numbers are 0 where there is no page."""
    sandbox.issue_key("achim")
    for number in range(3):
        charge = {"customer_uid": "achim", "merchant_uid": f"order-{number}", "amount": 1_000}
        wire.answer("POST", "/subscribe/payments/again", json=charge)
    now = int(time.time())
    window = f"from={now - 3600}&to={now + 3600}"

    for path in (
        "/payments/findAll/order-1",
        "/payments/status/all",
        "/subscribe/customers/achim/payments",
        f"/subscribe/customers/achim/schedules?{window}",
        f"/subscribe/payments/schedule/customers/achim?{window}",
        f"/subscribe/payments/schedule?schedule_{window.replace('&', '&schedule_')}",
    ):
        page = wire.answer("GET", path)
        assert (set(page), page["previous"], page["next"]) == (PAGE, 0, 0), path
    pages = [wire.answer("GET", f"/payments/status/paid?limit=2&page={number}") for number in (1, 2)]
    assert [(page["total"], page["previous"], page["next"]) for page in pages] == [(4, 0, 2), (4, 1, 0)]
    orders = [payment["merchant_uid"] for page in pages for payment in page["list"]]
    assert orders == ["order-2", "order-1", "order-0", "1234qwer"]


def test_a_refusal_is_an_object_with_a_text_whatever_its_status(wire: Wire) -> None:
    """Java reads the text of it to make its exception."""
    statuses = []
    for method, path, how in (
        ("GET", "/payments/imp_unknown", {}),
        ("GET", "/payments/imp_unknown", {"headers": {"Authorization": "stale"}}),
        ("GET", "/payments/status/lost", {}),
        ("GET", "/payments/prepare/nowhere", {}),
        ("GET", "/users/pg", {"headers": {"Authorization": None}}),
        ("GET", "/subscribe/payments/schedule", {}),
        ("GET", "/subscribe/customers/nobody", {}),
        ("POST", "/payments/cancel", {"json": {}}),
        ("POST", "/users/getToken", {"json": {}}),
        ("POST", "/users/getToken", {"json": {**KEYS, "imp_secret": "guessed"}}),
        ("POST", "/subscribe/payments/again", {"json": {}}),
        ("POST", "/subscribe/payments/again", {"data": "{", "headers": {"Content-Type": "application/json"}}),
        ("PATCH", "/payments/prepare", {"json": {}}),
        ("POST", "/vbanks", {"json": {}}),
    ):
        reply = wire.send(method, path, **how)
        refusal = reply.json()
        assert (set(refusal), refusal["response"]) == ({"code", "message", "response"}, None), path
        assert refusal["code"] in (1, -1), path
        assert isinstance(refusal["message"], str), path
        assert refusal["message"], path
        assert reply.headers["Content-Type"] == "application/json; charset=UTF-8", path
        statuses.append(reply.status_code)
    assert statuses == [404, 401, 400, 404, 401, 400, 200, 200, 400, 401, 200, 400, 405, 501]
