"""Ids with any character in an address, bodies where none is needed, and data that are kept whole."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.people import Sandbox
from tests.wsgi import SANDBOX_URL

UIDS = ["a/b", "a/paid", "/", "a//b/", "100%", "%2F", "a b", "a?b#c", "주문/1", "a+b&c=d", "a.b", "a\\b", ";,:@"]
MIME = "application/json"
BODIES = [b"", b"{}", b"[]", b"null", b"0", b'"text"', b"{", b"[" * 30_000]


@pytest.fixture(params=UIDS)
def uid(request: pytest.FixtureRequest) -> str:
    """An id that has to be escaped in an address."""
    return str(request.param)


def test_an_id_is_found_where_it_was_accepted(sandbox: Sandbox, uid: str) -> None:
    """By every operation that has it in its address, and under no other address."""
    path, later = quote(uid, safe=""), sandbox.now() + 86_400
    order = {"merchant_uid": uid, "amount": 100, "name": "원두", "currency": "KRW"}
    sandbox.issue_key(path)
    sandbox.call("POST", "/payments/prepare", merchant_uid=uid, amount=100)
    sandbox.call("POST", "/subscribe/payments/schedule", customer_uid=uid, schedules=[order | {"schedule_at": later}])

    assert sandbox.call("POST", "/subscribe/payments/again", customer_uid=uid, **order)["response"]["status"] == "paid"

    assert sandbox.call("GET", f"/subscribe/customers/{path}")["response"]["customer_uid"] == uid
    assert sandbox.call("GET", f"/payments/prepare/{path}")["response"]["merchant_uid"] == uid
    assert sandbox.call("GET", f"/payments/find/{path}")["response"]["merchant_uid"] == uid
    assert sandbox.call("GET", f"/payments/find/{path}/paid/")["response"]["merchant_uid"] == uid
    assert sandbox.call("GET", f"/payments/findAll/{path}")["response"]["total"] == 1
    assert sandbox.call("GET", f"/subscribe/payments/schedule/{path}")["response"]["merchant_uid"] == uid
    assert sandbox.call("GET", f"/subscribe/customers/{path}/payments")["response"]["total"] == 1
    moved = sandbox.call("PUT", f"/subscribe/payments/schedule/{path}", schedule_at=later + 1)
    assert moved["response"]["schedule_at"] == later + 1
    assert sandbox.call("DELETE", f"/subscribe/customers/{path}")["code"] == 0
    assert sandbox.stored_keys() == []
    assert sandbox.session.get(f"{SANDBOX_URL}/_sandbox/requests").json()["requests"][-1]["path"].endswith(uid)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.decode()[:8])
def test_what_only_reads_takes_any_body(sandbox: Sandbox, body: bytes) -> None:
    """As clients that always send one need, and so does what deletes."""
    sandbox.issue_key("customer-1")
    order = {"customer_uid": "customer-1", "merchant_uid": "order-1", "amount": 100, "name": "원두"}
    paid = sandbox.call("POST", "/subscribe/payments/again", **order)["response"]
    now = sandbox.now()
    window = {"from": now, "to": now, "schedule_from": now, "schedule_to": now}

    def code(method: str, path: str, **query: Any) -> int:
        reply = sandbox.send(method, path, params=query, data=body, headers={"Content-Type": MIME})
        assert reply.status_code == 200, path
        return int(reply.json()["code"])

    reading = (
        *(
            f"/payments/{paid['imp_uid']}",
            "/payments/find/order-1",
            "/payments/findAll/order-1",
            "/payments/status/all",
        ),
        *("/users/pg", "/subscribe/customers/customer-1", "/subscribe/customers/customer-1/payments"),
        *("/subscribe/payments/schedule", "/subscribe/payments/schedule/customers/customer-1"),
    )
    assert [code("GET", path, **window) for path in reading] == [0] * len(reading)
    assert code("GET", "/payments", **{"merchant_uid[]": "order-1"}) == 0
    assert code("GET", "/subscribe/customers", **{"customer_uid[]": "customer-1"}) == 0
    assert code("DELETE", "/subscribe/customers/customer-1") == 0


@pytest.mark.parametrize("length", [3_988, 3_989])
def test_custom_data_are_kept_whole_or_refused(sandbox: Sandbox, length: int) -> None:
    """4,000 characters of JSON, in the window as by a server; nothing is cut in two."""
    data = {"note": "가" * length}
    fits = len(json.dumps(data, ensure_ascii=False)) <= 4_000
    order = {"merchant_uid": "order-1", "amount": 100, "name": "원두", "customer_uid": "customer-1"}

    window = sandbox.pay({**order, "custom_data": data})
    sandbox.issue_key("customer-1")
    again = {**order, "merchant_uid": "order-2", "custom_data": json.dumps(data, ensure_ascii=False)}
    server = sandbox.call("POST", "/subscribe/payments/again", **again)

    assert (window["status"], server["code"]) == (("paid", 0) if fits else (None, 1))
    kept = sandbox.call("GET", "/payments/status/all")["response"]["list"]
    assert [json.loads(payment["custom_data"]) for payment in kept] == [data] * (2 if fits else 0)
    if not fits:
        assert "custom_data" in window["callback"]["error_msg"]
