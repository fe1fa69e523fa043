"""What the official Python client's own tests expect of i'mport, said in our words and asked through that client.

They know two orders: `1234qwer` is paid, `qwer1234` is there and not paid. None of their refusals may move money.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.driven import Client, Raised
from tests.people import Sandbox

EXPIRED = {"card_number": "4092-0230-1234-1234", "expiry": "2019-03", "birth": "500203", "pwd_2digit": "19"}
NOTHING_TO_CANCEL = "취소할 결제건이 존재하지 않습니다."


@pytest.fixture
def official(official_client: Client, sandbox: Sandbox) -> Iterator[Client]:
    """The official client; in the end the one paid order is all the money there is."""
    yield official_client
    assert [(one["merchant_uid"], one["net"]) for one in sandbox.ledger()["payments"]] == [("1234qwer", 1_000)]
    assert sandbox.stored_keys() == []


def without(fields: dict[str, Any], name: str) -> dict[str, Any]:
    """All but one of some fields."""
    return {key: value for key, value in fields.items() if key != name}


def refusal(client: Client, method: str, *arguments: Any, **named: Any) -> tuple[int, str]:
    """The code and the text with which i'mport refuses a call, HTTP status 200."""
    with pytest.raises(Raised, match="ResponseError") as refused:
        client.call(method, *arguments, **named)
    return refused.value.facts["code"], refused.value.facts["message"]


def http_status(client: Client, method: str, *arguments: Any, **named: Any) -> int:
    """The HTTP status with which i'mport refuses a call."""
    with pytest.raises(Raised, match="HttpError") as refused:
        client.call(method, *arguments, **named)
    return int(refused.value.facts["code"])


@pytest.mark.parametrize("uid", [{"imp_uid": "nothing"}, {"merchant_uid": "any-merchant_uid"}])
@pytest.mark.parametrize("part", [{}, {"amount": 100}])
def test_what_is_not_there_cannot_be_cancelled(official: Client, uid: dict[str, Any], part: dict[str, Any]) -> None:
    """By either id, in full or in part: code 1."""
    assert refusal(official, "cancel", "any-reason", **uid, **part) == (1, NOTHING_TO_CANCEL)


def test_what_is_not_paid_cannot_be_cancelled(official: Client) -> None:
    """A failed payment is none to cancel either."""
    assert refusal(official, "cancel", "any-reason", merchant_uid="qwer1234") == (1, NOTHING_TO_CANCEL)


def test_the_client_itself_asks_for_what_is_missing(official: Client, sandbox: Sandbox) -> None:
    """So nothing reaches i'mport but, for schedules, the request for a token."""
    charge = {"customer_uid": "00000000", "merchant_uid": "order-1", "amount": 5_000}
    typed = charge | EXPIRED
    plan = {"customer_uid": "00000000", "schedules": [{"schedule_at": 1, "amount": 1}]}
    for method, arguments, named, error in (
        ("cancel", (), {"imp_uid": "nothing"}, "TypeError"),
        ("cancel", ("any-reason",), {"merchant_uid": None}, "KeyError"),
        ("find", (), {}, "KeyError"),
        ("pay_again", (), without(charge, "customer_uid"), "KeyError"),
        ("pay_onetime", (), without(typed, "card_number"), "KeyError"),
        ("pay_foreign", (), without(typed, "expiry"), "KeyError"),
        ("customer_create", (), without(typed, "card_number"), "KeyError"),
        ("pay_schedule", (), without(plan, "customer_uid"), "KeyError"),
        ("pay_schedule", (), plan, "KeyError"),
        ("pay_unschedule", (), {"merchant_uid": "order-1"}, "KeyError"),
    ):
        with pytest.raises(Raised) as refused:
            official.call(method, *arguments, **named)
        assert refused.value.kind == error, method
    assert {call["path"] for call in sandbox.requests()} == {"/users/getToken"}


def test_what_is_not_there_is_not_found(official: Client) -> None:
    """Also under letters that no ASCII has."""
    assert http_status(official, "find", imp_uid="test") == 404
    assert http_status(official, "find", merchant_uid="âàáaā") == 404


def test_an_order_is_found_by_its_number_alone_or_with_its_status(official: Client, sandbox: Sandbox) -> None:
    """The released client leaves the status out, its successor puts it behind the number."""
    assert official.call("find_by_merchant_uid", "1234qwer")["status"] == "paid"
    assert sandbox.call("GET", "/payments/find/1234qwer/paid")["response"]["merchant_uid"] == "1234qwer"
    assert sandbox.call("GET", "/payments/find/1234qwer/cancelled")["code"] == -1
    assert [call["status"] for call in sandbox.requests() if "/find/" in call["path"]] == [200, 200, 404]


def test_paid_is_a_status_and_an_amount(official: Client, sandbox: Sandbox) -> None:
    """Of the payment at hand, or of the one looked up."""
    at_hand = {"status": "paid", "amount": 1_000}
    assert official.call("is_paid", 1_000, response=at_hand, merchant_uid="test") is True
    assert sandbox.requests() == []

    assert official.call("is_paid", 1_000, merchant_uid="1234qwer") is True
    assert official.call("is_paid", 1_001, merchant_uid="1234qwer") is False
    assert official.call("is_paid", 1_000, merchant_uid="qwer1234") is False


def test_an_order_paid_already_is_refused_before_the_key_is_looked_for(official: Client) -> None:
    """Code -1; an order that only failed may try again, and then the key is missed."""
    code, message = refusal(official, "pay_again", customer_uid="00000000", merchant_uid="1234qwer", amount=5_000)
    assert (code, message.startswith("이미 주문이 이루어진 건입니다.")) == (-1, True)
    assert refusal(official, "pay_again", customer_uid="00000000", merchant_uid="qwer1234", amount=5_000) == (
        1,
        "등록되지 않은 구매자입니다.",
    )


@pytest.mark.parametrize("card", [EXPIRED, EXPIRED | {"card_number": "1234"}])
def test_a_bad_card_pays_nothing(official: Client, card: dict[str, Any]) -> None:
    """Code -1, and the text says that it was the card."""
    code, message = refusal(official, "pay_onetime", merchant_uid="order-1", amount=5_000, **card)

    wrong_number = card["card_number"] == "1234"
    assert (code, message.startswith("유효하지않은 카드번호를" if wrong_number else "카드정보 인증에 실패")) == (
        -1,
        True,
    )
    assert http_status(official, "find", merchant_uid="order-1") == 404


def test_a_bad_card_leaves_no_key(official: Client) -> None:
    """Code -1; the password may be left out."""
    code, message = refusal(official, "customer_create", customer_uid="customer_1234", **without(EXPIRED, "pwd_2digit"))

    assert (code, message.startswith("카드정보 인증 및 빌키 발급에 실패하였습니다.")) == (-1, True)


def test_a_key_that_is_not_there_is_refused_by_name(official: Client) -> None:
    """Looked up or deleted: code 1."""
    text = "요청하신 customer_uid(000000)로 등록된 정보를 찾을 수 없습니다."
    assert refusal(official, "customer_get", "000000") == (1, text)
    assert refusal(official, "customer_delete", "000000") == (1, text)


def test_a_foreign_card_is_refused_and_an_identity_check_not_found(official: Client) -> None:
    """Operations of other contracts, refused as the client expects it."""
    code, _ = refusal(official, "pay_foreign", merchant_uid="uid", amount=100, card_number="card", expiry="2016-08")
    assert code == -1
    assert http_status(official, "find_certification", "imp_12341234") == 404
    assert http_status(official, "cancel_certification", "imp_12341234") == 404


def test_nothing_is_scheduled_without_a_key_and_nothing_revoked_without_a_schedule(official: Client) -> None:
    """Code 1 both times."""
    bag = {"merchant_uid": "bag-1", "schedule_at": int(time.time()) + 1_000, "amount": 5_000, "buyer_name": "주문자명"}

    assert refusal(official, "pay_schedule", customer_uid="00000000", schedules=[bag]) == (
        1,
        "등록된 고객정보가 없습니다.",
    )
    assert refusal(official, "pay_unschedule", customer_uid="00000000", merchant_uid="bag-1") == (
        1,
        "취소할 예약결제 기록이 존재하지 않습니다.",
    )


def test_an_amount_is_locked_once(official: Client) -> None:
    """And can be compared afterwards."""
    locked = official.call("prepare", "order-1", 12_000)
    assert (locked["merchant_uid"], locked["amount"]) == ("order-1", 12_000)
    assert refusal(official, "prepare", "order-1", 100) == (
        1,
        "결제정보 사전등록에 실패하였습니다(이미 등록된 merchant_uid입니다).",
    )
    assert official.call("prepare_validate", "order-1", 12_000) is True
    assert official.call("prepare_validate", "order-1", 100) is False
    assert http_status(official, "prepare_validate", "order-2", 1) == 404
