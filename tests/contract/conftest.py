"""A walk through every operation, which the tests of the table look at."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from storefront.sandbox.rest.table import OPERATIONS, operation_of
from tests.people import Sandbox

CARD = {
    "channel_key": "channel-key-1",
    "card_number": "4242-4242-4242-4242",
    "expiry": "2040-12",
    "birth": "900101",
    "pwd_2digit": "12",
}
DECLINED_LATER = {**CARD, "card_number": "4000-0000-0000-0341"}
DAY_S = 86_400
SCHEDULE = "/subscribe/payments/schedule"
CUSTOMERS = "/subscribe/customers"


class Walk:
    """Calls operations and keeps what they answered.

    Attributes:
        replies: the last successful reply of each operation, by its name.
        refused: the operations that have refused something.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.replies: dict[str, requests.Response] = {}
        self.refused: set[str] = set()

    def done(self, method: str, path: str, status: int = 200, **body: Any) -> Any:
        """Something that succeeds: its response."""
        name, reply = self._call(method, path, body)
        assert (reply.status_code, reply.json()["code"]) == (status, 0), reply.text
        self.replies[name] = reply
        return reply.json()["response"]

    def not_done(self, method: str, path: str, status: int, code: int, **body: Any) -> str:
        """Something that is refused: what it says."""
        name, reply = self._call(method, path, body)
        assert (reply.status_code, reply.json()["code"]) == (status, code), reply.text
        self.refused.add(name)
        return str(reply.json()["message"])

    def _call(self, method: str, path: str, body: dict[str, Any]) -> tuple[str, requests.Response]:
        operation = operation_of(method, path)
        assert operation in OPERATIONS, f"{method} {path} is in no table"
        return operation.name, self._sandbox.send(method, path, json=body or None)


@pytest.fixture
def walk(sandbox: Sandbox) -> Walk:
    """Somebody who tries everything, with nothing tried yet."""
    return Walk(sandbox)


@pytest.fixture
def walked(walk: Walk, sandbox: Sandbox) -> Walk:
    """The walk through every operation."""
    walk.done("POST", "/users/getToken", imp_key="sandbox_key", imp_secret="sandbox_secret")
    walk.done("GET", "/users/pg")
    _prepare(walk)
    _keep_cards(walk)
    imp_uid = _charge(walk)
    _look_up(walk, imp_uid)
    _cancel(walk, imp_uid)
    _schedule(walk, sandbox)
    walk.done("DELETE", f"{CUSTOMERS}/customer-1")
    return walk


def _prepare(walk: Walk) -> None:
    walk.done("POST", "/payments/prepare", merchant_uid="order-1", amount=14_900)
    walk.done("PUT", "/payments/prepare", merchant_uid="order-1", amount=9_900)
    assert walk.done("GET", "/payments/prepare/order-1")["amount"] == 9_900
    walk.not_done("POST", "/payments/prepare", 200, 1, merchant_uid="order-1", amount=1)
    walk.not_done("PUT", "/payments/prepare", 404, 1, merchant_uid="order-2", amount=1)
    walk.not_done("GET", "/payments/prepare/order-2", 404, 1)


def _keep_cards(walk: Walk) -> None:
    walk.done("POST", f"{CUSTOMERS}/customer-1", **CARD, customer_name="김아침", customer_email="achim@example.com")
    walk.done("GET", f"{CUSTOMERS}/customer-1")
    walk.done("GET", CUSTOMERS, customer_uid=["customer-1"])
    assert len(walk.done("GET", CUSTOMERS, 207, customer_uid=["customer-1", "nobody"])) == 1
    walk.not_done("POST", f"{CUSTOMERS}/customer-2", 200, -1, **{**CARD, "card_number": "1"})
    walk.not_done("GET", f"{CUSTOMERS}/nobody", 200, 1)
    walk.not_done("DELETE", f"{CUSTOMERS}/nobody", 200, 1)
    walk.not_done("GET", CUSTOMERS, 404, 1, customer_uid=["nobody"])
    walk.not_done("GET", f"{CUSTOMERS}/nobody/payments", 404, 1)


def _charge(walk: Walk) -> str:
    again = {"customer_uid": "customer-1", "merchant_uid": "order-3", "amount": 14_900, "name": "아침 원두"}
    payment = walk.done("POST", "/subscribe/payments/again", **again)
    walk.done("POST", "/subscribe/payments/onetime", **CARD, merchant_uid="order-4", amount=500)
    walk.not_done("POST", "/subscribe/payments/again", 200, -1, **again)
    walk.not_done("POST", "/subscribe/payments/onetime", 200, -1, **CARD, merchant_uid="order-4", amount=500)
    return str(payment["imp_uid"])


def _look_up(walk: Walk, imp_uid: str) -> None:
    walk.done("GET", f"/payments/{imp_uid}", include_sandbox=True)
    walk.done("GET", "/payments", merchant_uid=["order-3"], imp_uid=[imp_uid])
    walk.done("GET", "/payments", 207, merchant_uid=["order-3", "order-2"])
    for suffix in ("", "/", "/paid"):
        walk.done("GET", f"/payments/find/order-3{suffix}")
        walk.done("GET", f"/payments/findAll/order-3{suffix}")
    walk.done("GET", "/payments/status/all")
    walk.done("GET", f"{CUSTOMERS}/customer-1/payments")
    walk.not_done("GET", "/payments/imp_404", 404, -1)
    walk.not_done("GET", "/payments", 404, -1, imp_uid=["imp_404"])
    walk.not_done("GET", "/payments/find/order-2", 404, -1)
    walk.not_done("GET", "/payments/findAll/order-2", 404, -1)
    walk.not_done("GET", "/payments/status/lost", 400, 1)
    assert "PAYCO" in walk.not_done("GET", f"/payments/{imp_uid}/balance", 404, 1)


def _cancel(walk: Walk, imp_uid: str) -> None:
    walk.done("POST", "/payments/cancel", imp_uid=imp_uid, amount=4_900, checksum=14_900)
    assert walk.done("POST", "/payments/cancel", merchant_uid="order-3")["cancel_amount"] == 14_900
    walk.not_done("POST", "/payments/cancel", 200, 1, imp_uid=imp_uid)


def _schedule(walk: Walk, sandbox: Sandbox) -> None:
    now = sandbox.now()
    walk.done("POST", f"{CUSTOMERS}/customer-3", **DECLINED_LATER)
    charges = [
        {
            "merchant_uid": f"month-{number}",
            "schedule_at": now + number * DAY_S,
            "amount": 14_900,
            "name": "원두",
            "currency": "KRW",
        }
        for number in (1, 2, 3)
    ]
    walk.done("POST", SCHEDULE, customer_uid="customer-3", schedules=charges)
    walk.done("GET", SCHEDULE, schedule_from=now, schedule_to=now + 9 * DAY_S)
    window = {"from": now, "to": now + 9 * DAY_S}
    walk.done("GET", f"{SCHEDULE}/customers/customer-3", **window)
    walk.done("GET", f"{CUSTOMERS}/customer-3/schedules", **window)
    walk.done("GET", f"{SCHEDULE}/month-1")
    walk.done("PUT", f"{SCHEDULE}/month-1", schedule_at=now + DAY_S // 2)
    walk.done("POST", "/subscribe/payments/unschedule", customer_uid="customer-3", merchant_uid="month-3")
    sandbox.advance(days=1)
    assert walk.done("POST", f"{SCHEDULE}/month-1/retry")["status"] == "failed"
    walk.done("POST", f"{SCHEDULE}/month-1/reschedule", schedule_at=now + 5 * DAY_S)
    walk.not_done("POST", SCHEDULE, 200, 1, customer_uid="customer-3", schedules=[charges[1]])
    walk.not_done("POST", "/subscribe/payments/unschedule", 200, 1, customer_uid="nobody")
    walk.not_done("GET", SCHEDULE, 400, 1)
    walk.not_done("GET", f"{SCHEDULE}/customers/customer-3", 400, 1)
    walk.not_done("GET", f"{CUSTOMERS}/customer-3/schedules", 400, 1)
    for method, path in (("GET", ""), ("PUT", ""), ("POST", "/reschedule"), ("POST", "/retry")):
        walk.not_done(method, f"{SCHEDULE}/nobodys{path}", 404, -1)
    walk.not_done("PUT", f"{SCHEDULE}/month-1", 400, 1)
    walk.not_done("POST", f"{SCHEDULE}/month-2/reschedule", 400, 1)
    walk.not_done("POST", f"{SCHEDULE}/month-2/retry", 400, 1)
