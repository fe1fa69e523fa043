"""The clients of PyPI: the official `iamport-rest-client`, and `iamporter`."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.clients.conftest import PythonClient
from tests.clients.driven import Client, Raised
from tests.people import Sandbox
from tests.servers import storefront

KEYS = {"imp_key": "sandbox_key", "imp_secret": "sandbox_secret"}
CARD = {"card_number": "4242-4242-4242-4242", "expiry": "2040-12", "birth": "900101", "pwd_2digit": "12"}
LATER_DECLINED = CARD | {"card_number": "4000-0000-0000-0341"}
TOKEN = "/users/getToken"


@pytest.fixture
def official(official_client: Client, sandbox: Sandbox) -> Client:  # noqa: ARG001 - it is used through its address
    """The official client, and a sandbox as it was at first."""
    return official_client


@pytest.fixture
def iamporter(python_client: PythonClient, sandbox: Sandbox) -> Client:
    """The other client; of its base address it keeps scheme, host and port only."""
    return python_client("iamporter", "Iamporter", imp_url=f"{sandbox.url}/some/where", **KEYS)


def order(merchant_uid: str, amount: int = 14_900) -> dict[str, object]:
    """A charge of a stored key."""
    return {"customer_uid": "achim", "merchant_uid": merchant_uid, "amount": amount, "name": "아침 커피"}


def test_a_key_is_made_charged_and_deleted(official: Client, sandbox: Sandbox) -> None:
    """And nothing can be charged to it afterwards."""
    before = sandbox.net()
    made = official.call("customer_create", customer_uid="achim", customer_name="김아침", **CARD)
    assert (made["customer_uid"], made["customer_name"]) == ("achim", "김아침")
    assert made["card_number"] == "42424242****4242"
    assert official.call("customer_get", "achim") == made
    assert sandbox.stored_keys() == ["achim"]

    paid = official.call("pay_again", **order("order-1"))
    assert (paid["status"], paid["amount"], paid["customer_uid_usage"]) == ("paid", 14_900, "payment")
    assert sandbox.net("order-1") == 14_900

    assert official.call("customer_delete", "achim") == made
    assert sandbox.stored_keys() == []
    with pytest.raises(Raised, match="ResponseError") as gone:
        official.call("customer_get", "achim")
    assert gone.value.facts == {"code": 1, "message": "요청하신 customer_uid(achim)로 등록된 정보를 찾을 수 없습니다."}
    with pytest.raises(Raised, match="ResponseError") as refused:
        official.call("pay_again", **order("order-2"))
    assert refused.value.facts == {"code": 1, "message": "등록되지 않은 구매자입니다."}
    assert sandbox.net() == before + 14_900


def test_a_declined_card_is_no_error_and_no_money(official: Client, sandbox: Sandbox) -> None:
    """Code 0 says that the card company was asked; the status says what it answered."""
    official.call("customer_create", customer_uid="achim", **LATER_DECLINED)

    declined = official.call("pay_again", **order("order-1"))

    assert (declined["status"], declined["paid_at"]) == ("failed", 0)
    assert declined["fail_reason"]
    assert official.call("is_paid", 14_900, merchant_uid="order-1") is False
    assert sandbox.net("order-1") == 0


def test_a_payment_is_looked_up_by_either_id(official: Client) -> None:
    """Paid means: that status and that amount."""
    paid = official.call("find", merchant_uid="1234qwer")

    assert official.call("find", imp_uid=paid["imp_uid"]) == paid
    assert official.call("is_paid", 1_000, imp_uid=paid["imp_uid"]) is True
    assert official.call("is_paid", 999, imp_uid=paid["imp_uid"]) is False


def test_a_payment_is_cancelled_in_part_and_then_the_rest(official: Client, sandbox: Sandbox) -> None:
    """A cancel too many gives nothing back."""
    official.call("customer_create", customer_uid="achim", **CARD)
    paid = official.call("pay_again", **order("order-1", 10_000))

    part = official.call("cancel", "조금만", imp_uid=paid["imp_uid"], amount=3_000, checksum=10_000)
    assert (part["status"], part["amount"], part["cancel_amount"]) == ("cancelled", 10_000, 3_000)
    assert sandbox.net("order-1") == 7_000
    with pytest.raises(Raised, match="ResponseError") as stale:
        official.call("cancel", "다시", imp_uid=paid["imp_uid"], amount=3_000, checksum=10_000)
    assert stale.value.facts["code"] == 1
    assert sandbox.net("order-1") == 7_000

    rest = official.call("cancel", "모두", merchant_uid="order-1")
    assert [row["amount"] for row in rest["cancel_history"]] == [3_000, 7_000]
    assert rest["cancel_reason"] == "모두"
    with pytest.raises(Raised, match="ResponseError") as again:
        official.call("cancel", "또", merchant_uid="order-1")
    assert again.value.facts == {"code": 1, "message": "이미 전액취소된 주문입니다."}
    assert (sandbox.net("order-1"), sandbox.ledger("order-1")["cancelled"]) == (0, 10_000)


def test_a_card_typed_in_at_the_shop_pays_and_leaves_its_key(official: Client, sandbox: Sandbox) -> None:
    """With a customer_uid; the same order number pays once."""
    paid = official.call("pay_onetime", **order("order-1", 5_000), **CARD)

    assert (paid["status"], paid["card_number"]) == ("paid", "42424242****4242")
    assert sandbox.stored_keys() == ["achim"]
    with pytest.raises(Raised, match="ResponseError") as twice:
        official.call("pay_onetime", **order("order-1", 5_000), **CARD)
    assert twice.value.facts["code"] == -1
    assert sandbox.net("order-1") == 5_000


def test_a_schedule_charges_when_it_is_due_and_a_revoked_one_never(official: Client, sandbox: Sandbox) -> None:
    """The next month's bag."""
    now = int(time.time())
    official.call("customer_create", customer_uid="achim", **CARD)
    bags = [{"merchant_uid": f"bag-{n}", "schedule_at": now + n * 3600, "amount": 14_900} for n in (1, 2, 3)]
    planned = official.call("pay_schedule", customer_uid="achim", schedules=bags)
    assert [(one["merchant_uid"], one["schedule_status"]) for one in planned] == [
        (bag["merchant_uid"], "scheduled") for bag in bags
    ]
    with pytest.raises(Raised, match="ResponseError") as twice:
        official.call("pay_schedule", customer_uid="achim", schedules=bags[:1])
    assert twice.value.facts["code"] == 1

    [revoked] = official.call("pay_unschedule", customer_uid="achim", merchant_uid="bag-2")
    assert (revoked["merchant_uid"], revoked["schedule_status"]) == ("bag-2", "revoked")
    sandbox.advance(hours=2.5)

    run = official.call("pay_schedule_get", "bag-1")
    assert (run["schedule_status"], run["payment_status"]) == ("executed", "paid")
    assert official.call("find", imp_uid=run["imp_uid"])["customer_uid_usage"] == "payment.scheduled"
    found = official.call("pay_schedule_get_between", schedule_from=now, schedule_to=now + 86_400)
    assert [one["merchant_uid"] for one in found["list"]] == ["bag-3", "bag-2", "bag-1"]
    assert [sandbox.net(bag["merchant_uid"]) for bag in bags] == [14_900, 0, 0]


def test_it_asks_for_a_token_before_every_call_and_gets_the_same_one(official: Client, sandbox: Sandbox) -> None:
    """A shop's servers share one token."""
    for _ in range(3):
        official.call("find", merchant_uid="1234qwer")

    calls = [call["path"] for call in sandbox.requests()]
    assert calls == [TOKEN, "/payments/find/1234qwer"] * 3
    assert official.call("_get_token") == official.call("_get_token")


def test_a_wrong_secret_opens_nothing(python_client: PythonClient, sandbox: Sandbox) -> None:
    """Both clients make an error of HTTP 401."""
    wrong = KEYS | {"imp_secret": "guessed"}
    official = python_client("iamport", "Iamport", imp_url=f"{sandbox.url}/", **wrong)
    iamporter = python_client("iamporter", "Iamporter", imp_url=sandbox.url, **wrong)

    with pytest.raises(Raised, match="HttpError") as refused:
        official.call("find", merchant_uid="1234qwer")
    assert refused.value.facts["code"] == 401
    with pytest.raises(Raised, match="ImpUnAuthorized") as unauthorized:
        iamporter.call("find_payment", merchant_uid="1234qwer")
    assert unauthorized.value.facts["message"] == "인증에 실패하였습니다. API키와 secret을 확인하세요."
    assert {call["path"] for call in sandbox.requests()} == {TOKEN}


def test_an_old_client_does_not_see_a_test_channels_payment(python_client: PythonClient, tmp_path: Path) -> None:
    """Unless it knows the order number: that is the rule of 2026, and why no test channel is played unless it is asked for."""
    (tmp_path / "seed.json").write_text(json.dumps({"payments": [{"merchant_uid": "1234qwer", "amount": 1_000}]}))
    with storefront(tmp_path, "sandbox", "--port", "0", "--test-channel", "--seed-file", "seed.json") as running:
        official = python_client("iamport", "Iamport", imp_url=f"{running.urls['sandbox']}/", **KEYS)
        paid = official.call("find", merchant_uid="1234qwer")

        with pytest.raises(Raised, match="HttpError") as hidden:
            official.call("find", imp_uid=paid["imp_uid"])
        assert hidden.value.facts["code"] == 404
        assert paid["sandbox"] is True


def test_iamporter_sends_forms_and_needs_the_api_at_the_root_of_its_host(iamporter: Client, sandbox: Sandbox) -> None:
    """Amounts arrive as texts, and the token is asked for once."""
    before = sandbox.net()
    iamporter.call("create_billkey", "achim", customer_info={"name": "김아침"}, **CARD)
    assert iamporter.call("find_billkey", "achim")["customer_name"] == "김아침"

    paid = iamporter.call("create_payment", **order("order-1", 9_000), buyer_info={"name": "김아침"})
    assert (paid["status"], paid["amount"], paid["buyer_name"]) == ("paid", 9_000, "김아침")
    part = iamporter.call("cancel_payment", imp_uid=paid["imp_uid"], amount=4_000, reason="조금만")
    assert (part["cancel_amount"], sandbox.net("order-1")) == (4_000, 5_000)
    iamporter.call("cancel_payment", merchant_uid="order-1")
    with pytest.raises(Raised, match="ImpApiError") as again:
        iamporter.call("cancel_payment", merchant_uid="order-1")
    assert again.value.said.endswith("(status=200, message=이미 전액취소된 주문입니다.)")

    typed_in = iamporter.call("create_payment", merchant_uid="order-2", name="오후 커피", amount=6_000, **CARD)
    assert iamporter.call("find_payment", imp_uid=typed_in["imp_uid"]) == typed_in
    with pytest.raises(Raised, match="ImpApiError") as missing:
        iamporter.call("find_payment", merchant_uid="nowhere")
    assert missing.value.said.endswith("(status=404, message=존재하지 않는 결제정보입니다.)")

    iamporter.call("delete_billkey", "achim")
    assert (sandbox.net() - before, sandbox.stored_keys()) == (6_000, [])
    assert len(sandbox.requests(TOKEN)) == 1
