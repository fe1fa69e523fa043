"""Billing keys and charges with a typed-in card over the sandbox's REST API, in i'mport's words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.people import Sandbox

CUSTOMERS, ONETIME = "/subscribe/customers", "/subscribe/payments/onetime"
SCHEDULE, AGAIN = "/subscribe/payments/schedule", "/subscribe/payments/again"
CARD = {
    "channel_key": "channel-key-1",
    "card_number": "4242-4242-4242-4242",
    "expiry": "2040-12",
    "birth": "900101",
    "pwd_2digit": "12",
}
NO_CARD = {**CARD, "card_number": "4242-4242"}
OVER_LIMIT = {**CARD, "card_number": "4000-0000-0000-9995"}
PAST = {**CARD, "expiry": "2019-03"}
NOT_A_NUMBER = "유효하지않은 카드번호를 입력하셨습니다."
NO_KEY_IN = "비인증결제모듈 사용정보를 찾을 수 없습니다."
DAY_S = 86_400


@pytest.mark.parametrize(
    ("card", "code", "message"),
    [
        (NO_CARD, -1, NOT_A_NUMBER),
        (OVER_LIMIT, -1, "카드정보 인증 및 빌키 발급에 실패하였습니다."),
        (PAST, -1, "카드정보 인증 및 빌키 발급에 실패하였습니다."),
        ({**CARD, "pg": "inicis"}, 1, NO_KEY_IN),
        ({**CARD, "card_number": None}, 1, "card_number"),
        ({**CARD, "expiry": ""}, 1, "expiry"),
    ],
    ids=str,
)
def test_a_card_that_cannot_be_stored_is_refused(
    sandbox: Sandbox, card: dict[str, Any], code: int, message: str
) -> None:
    """HTTP 200, and no key."""
    reply = sandbox.send("POST", f"{CUSTOMERS}/customer-1", json=card)
    assert (reply.status_code, reply.json()["code"], reply.json()["response"]) == (200, code, None)
    assert message in reply.json()["message"]
    assert sandbox.keys() == {}


@pytest.mark.parametrize("pg", ["jtnet", "jtnet.tpaytest2m"])
def test_a_card_is_stored_with_what_the_shop_says_of_its_owner(sandbox: Sandbox, pg: str) -> None:
    """The number is masked; another card under the same name keeps when it was first there."""
    owner = {f"customer_{name}": name for name in ("id", "name", "tel", "email", "addr", "postcode")}
    first = sandbox.call("POST", f"{CUSTOMERS}/customer-1", **CARD, **owner, pg=pg)["response"]
    assert {name: first[name] for name in owner} == owner | {"customer_postcode": "postcode"}
    assert (first["card_number"], first["pg_provider"]) == ("42424242****4242", "jtnet")
    assert sandbox.call("GET", f"{CUSTOMERS}/customer-1")["response"] == first
    sandbox.advance(days=1)
    second = sandbox.call("POST", f"{CUSTOMERS}/customer-1", **{**CARD, "card_number": "4000-0000-0000-3220"})
    assert second["response"]["card_number"] == "40000000****3220"
    assert second["response"]["inserted"] == first["inserted"]
    assert second["response"]["updated"] >= first["updated"] + DAY_S


def test_a_deleted_card_comes_back_in_the_answer_and_is_gone(sandbox: Sandbox) -> None:
    """With a reason and who asked for it, which i'mport takes in the query."""
    stored = sandbox.call("POST", f"{CUSTOMERS}/customer-1", **CARD)["response"]
    query = {"reason": "no longer needed", "extra[requester]": "customer"}
    deleted = sandbox.send("DELETE", f"{CUSTOMERS}/customer-1", params=query)
    assert (deleted.status_code, deleted.json()["response"]) == (200, stored)
    for method in ("GET", "DELETE"):
        reply = sandbox.send(method, f"{CUSTOMERS}/customer-1")
        message = "요청하신 customer_uid(customer-1)로 등록된 정보를 찾을 수 없습니다."
        assert (reply.status_code, reply.json()["code"], reply.json()["message"]) == (200, 1, message)


@pytest.mark.parametrize(
    ("card", "code", "message"),
    [
        (NO_CARD, -1, NOT_A_NUMBER),
        (PAST, -1, "카드정보 인증에 실패하였습니다."),
        ({**CARD, "pg": "inicis"}, 1, NO_KEY_IN),
        ({**CARD, "card_number": ""}, 1, "card_number"),
    ],
    ids=str,
)
def test_a_charge_of_a_card_that_cannot_be_read_is_refused(
    sandbox: Sandbox, card: dict[str, Any], code: int, message: str
) -> None:
    """HTTP 200, and no payment."""
    reply = sandbox.send("POST", ONETIME, json={**card, "merchant_uid": "order-1", "amount": 1_000})
    assert (reply.status_code, reply.json()["code"]) == (200, code)
    assert message in reply.json()["message"]
    assert sandbox.ledger()["payments"] == []


def test_a_charge_of_a_typed_in_card_keeps_the_card_only_when_told_and_paid(sandbox: Sandbox) -> None:
    """Code 0 says no more than that the card company was asked."""
    declined = sandbox.call("POST", ONETIME, **OVER_LIMIT, merchant_uid="order-1", amount=100, customer_uid="c-1")
    assert (declined["code"], declined["response"]["status"]) == (0, "failed")
    assert sandbox.keys() == {}
    paid = sandbox.call("POST", ONETIME, **CARD, merchant_uid="order-1", amount=100)["response"]
    assert (paid["status"], paid["customer_uid"], paid["customer_uid_usage"]) == ("paid", None, None)
    assert (paid["channel"], paid["imp_uid"].startswith("imps_")) == ("api", True)
    assert sandbox.keys() == {}
    sandbox.call("POST", ONETIME, **CARD, merchant_uid="order-2", amount=100, customer_uid="c-1")
    assert sandbox.keys() == {"c-1": True}
    duplicate = sandbox.call("POST", ONETIME, **CARD, merchant_uid="order-2", amount=100)
    assert (duplicate["code"], duplicate["message"].startswith("이미 주문이 이루어진 건입니다.")) == (-1, True)


def test_a_charge_of_an_unknown_key_is_refused_after_the_order_was_looked_at(sandbox: Sandbox) -> None:
    """Code 1 for the key, -1 for an order paid before; an order that only failed may be tried again."""
    order = {"merchant_uid": "order-1", "amount": 100, "name": "원두"}
    unknown = sandbox.send("POST", AGAIN, json={**order, "customer_uid": "nobody"})
    assert (unknown.status_code, unknown.json()["code"]) == (200, 1)
    assert unknown.json()["message"] == "등록되지 않은 구매자입니다."
    sandbox.issue_key("declines", "4000-0000-0000-0341")
    sandbox.issue_key("pays")
    declined = sandbox.call("POST", AGAIN, **order, customer_uid="declines")["response"]
    assert (declined["status"], declined["paid_at"], declined["failed_at"] > 0) == ("failed", 0, True)
    assert declined["fail_reason"]
    assert sandbox.call("POST", AGAIN, **order, customer_uid="pays")["response"]["status"] == "paid"
    assert sandbox.call("POST", AGAIN, **order, customer_uid="nobody")["code"] == -1
    assert sandbox.net() == 100


def test_a_schedule_names_the_owner_of_the_card_unless_it_names_a_buyer(sandbox: Sandbox) -> None:
    """Each field by itself, as long as a buyer's may be; so does the payment it leads to."""
    owner = {
        "customer_name": "김아침 그리고 아주 긴 이름 하나",
        "customer_tel": "010-1234-5678",
        "customer_addr": "서울",
    }
    sandbox.call("POST", f"{CUSTOMERS}/customer-1", **CARD, **owner)
    charge = {
        "merchant_uid": "month-1",
        "schedule_at": sandbox.now() + DAY_S,
        "amount": 100,
        "name": "원두",
        "currency": "KRW",
    }
    charges = [{**charge, "buyer_tel": "02-123-4567"}]
    [result] = sandbox.call("POST", SCHEDULE, customer_uid="customer-1", schedules=charges)["response"]
    buyer = {
        "buyer_name": owner["customer_name"][:16],
        "buyer_tel": "02-123-4567",
        "buyer_addr": "서울",
        "buyer_email": None,
    }
    assert {name: result[name] for name in buyer} == buyer
    sandbox.advance(days=2)
    payment = sandbox.call("GET", "/payments/find/month-1")["response"]
    assert {name: payment[name] for name in buyer} == buyer


@pytest.mark.parametrize("card", [NO_CARD, OVER_LIMIT, PAST], ids=["no number", "over the limit", "past"])
def test_a_schedule_with_a_bad_card_is_refused_with_code_1(sandbox: Sandbox, card: dict[str, Any]) -> None:
    """Whatever is bad about it."""
    charge = {
        "merchant_uid": "month-1",
        "schedule_at": sandbox.now() + DAY_S,
        "amount": 100,
        "name": "원두",
        "currency": "KRW",
    }
    reply = sandbox.send("POST", SCHEDULE, json={"customer_uid": "c-1", "schedules": [charge], **card})
    assert (reply.status_code, reply.json()["code"]) == (200, 1)
    assert reply.json()["message"].startswith("카드정보 확인에 실패하였습니다.")
    assert sandbox.keys() == {}
