"""The clients of npm: `iamport` (the official one), `iamport-rest-client-nodejs` and `iamporter`."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.clients.conftest import NpmClient
from tests.clients.driven import Client, Raised
from tests.people import Sandbox

CARD = {"card_number": "4242-4242-4242-4242", "expiry": "2040-12", "birth": "900101", "pwd_2digit": "12"}
ACHIM = {"customer_uid": "achim"}
TOKEN = "/users/getToken"
FULLY_CANCELLED = "이미 전액취소된 주문입니다."
UNKNOWN_BUYER = "등록되지 않은 구매자입니다."


@pytest.fixture
def rest_client(npm_client: NpmClient) -> Client:
    """It sends `Bearer`, and arrays as `imp_uid[]=…`."""
    return npm_client("iamport-rest-client-nodejs")


@pytest.fixture
def official(npm_client: NpmClient) -> Client:
    """It reads no body of HTTP 400, 401 and 404, and the token's from the first piece that arrives."""
    return npm_client("iamport")


@pytest.fixture
def iamporter(npm_client: NpmClient) -> Client:
    """It takes HTTP 404 for an answer, and checks amount and status of a charge itself."""
    return npm_client("iamporter")


def order(merchant_uid: str, amount: int = 14_900) -> dict[str, Any]:
    """A charge of a stored key."""
    return {**ACHIM, "merchant_uid": merchant_uid, "amount": amount, "name": "아침 커피"}


def bag(now: int, number: int) -> dict[str, Any]:
    """A scheduled charge, so many times ten minutes from now: a token lasts for half an hour."""
    return {"merchant_uid": f"bag-{number}", "schedule_at": now + number * 600, "amount": 14_900, "name": "아침 커피"}


def response(reply: dict[str, Any]) -> Any:
    """What is in an envelope of success."""
    assert (reply["code"], reply["message"]) == (0, None)
    return reply["response"]


def test_rest_client_charges_a_key_and_gives_the_money_back(rest_client: Client, sandbox: Sandbox) -> None:
    """With one token from beginning to end."""
    made = response(rest_client.call("Customers.postBillingKey", **ACHIM, **CARD))
    assert response(rest_client.call("Customers.getBillingKey", **ACHIM)) == made
    paid = response(rest_client.call("Subscribe.again", **order("order-1", 10_000)))
    assert (paid["status"], sandbox.net("order-1")) == ("paid", 10_000)

    part = response(rest_client.call("Payments.cancel", imp_uid=paid["imp_uid"], amount=3_000, checksum=10_000))
    assert (part["status"], part["cancel_amount"], sandbox.net("order-1")) == ("cancelled", 3_000, 7_000)
    rest = response(rest_client.call("Payments.cancel", merchant_uid="order-1"))
    assert (rest["cancel_amount"], sandbox.net("order-1")) == (10_000, 0)
    with pytest.raises(Raised) as again:
        rest_client.call("Payments.cancel", merchant_uid="order-1")
    assert again.value.facts["body"] == {"code": 1, "message": FULLY_CANCELLED, "response": None}

    assert response(rest_client.call("Customers.deleteBillingKey", **ACHIM)) == made
    assert sandbox.stored_keys() == []
    with pytest.raises(Raised) as refused:
        rest_client.call("Subscribe.again", **order("order-2"))
    assert refused.value.facts["body"] == {"code": 1, "message": UNKNOWN_BUYER, "response": None}
    with pytest.raises(Raised) as duplicate:
        rest_client.call("Subscribe.again", **order("order-1"))
    assert duplicate.value.facts["body"]["code"] == -1
    assert len(sandbox.requests(TOKEN)) == 1


def test_rest_client_looks_payments_up_in_every_way(rest_client: Client) -> None:
    """Of several ids it names itself the ones that HTTP 207 left out."""
    paid = response(rest_client.call("Payments.getByMerchantUid", merchant_uid="1234qwer", status="paid"))
    imp_uid = paid["imp_uid"]

    assert response(rest_client.call("Payments.getByImpUid", imp_uid=imp_uid)) == paid
    several = rest_client.call("Payments.getByImpUids", imp_uid=[imp_uid, "imp_unknown"])
    assert (response(several), several["failed"]) == ([paid], ["imp_unknown"])
    assert "failed" not in rest_client.call("Payments.getByImpUids", imp_uid=[imp_uid])
    for found in (
        rest_client.call("Payments.getByMerchantUids", merchant_uid="1234qwer", status="paid", page=1),
        rest_client.call("Payments.getByStatus", status="paid", page=1),
    ):
        assert response(found) == {"total": 1, "previous": 0, "next": 0, "list": [paid]}
    for unknown in (
        ("Payments.getByImpUid", {"imp_uid": "imp_unknown"}),
        ("Payments.getByImpUids", {"imp_uid": ["imp_unknown"]}),
        ("Payments.getByMerchantUid", {"merchant_uid": "1234qwer", "status": "cancelled"}),
    ):
        with pytest.raises(Raised) as missing:
            rest_client.call(unknown[0], **unknown[1])
        assert (missing.value.facts["status"], missing.value.facts["body"]["code"]) == (404, -1)


def test_rest_client_schedules_and_revokes(rest_client: Client, sandbox: Sandbox) -> None:
    """Dates are UNIX seconds on the wire."""
    now = int(time.time())
    response(rest_client.call("Customers.postBillingKey", **ACHIM, **CARD))
    planned = rest_client.call("Subscribe.schedule", **ACHIM, schedules=[bag(now, 1), bag(now, 2)])
    assert [one["schedule_status"] for one in response(planned)] == ["scheduled", "scheduled"]
    [revoked] = response(rest_client.call("Subscribe.unschedule", **ACHIM, merchant_uid=["bag-2"]))
    assert revoked["schedule_status"] == "revoked"
    sandbox.advance(minutes=25)

    run = response(rest_client.call("Subscribe.getScheduled", merchant_uid="bag-1"))
    assert (run["schedule_status"], run["payment_status"]) == ("executed", "paid")
    window = {**ACHIM, "page": 1, "from": now, "to": now + 86_400}
    for method in ("Subscribe.getScheduleds", "Customers.getScheduleds"):
        listed = response(rest_client.call(method, **window))
        assert [one["merchant_uid"] for one in listed["list"]] == ["bag-2", "bag-1"]
    [revoked] = response(rest_client.call("Subscribe.getScheduleds", **window, **{"schedule-status": "revoked"}))[
        "list"
    ]
    assert revoked["merchant_uid"] == "bag-2"
    [charged] = response(rest_client.call("Customers.getPayments", **ACHIM, page=1))["list"]
    assert (charged["imp_uid"], charged["status"]) == (run["imp_uid"], "paid")
    assert (sandbox.net("bag-1"), sandbox.net("bag-2")) == (14_900, 0)


def test_rest_client_locks_an_amount_once(rest_client: Client) -> None:
    """The second time is refused, and the first amount stays."""
    lock = {"merchant_uid": "order-1", "amount": 14_900}
    assert response(rest_client.call("Prepare.postAmount", **lock)) == lock

    with pytest.raises(Raised) as twice:
        rest_client.call("Prepare.postAmount", **lock | {"amount": 100})
    assert twice.value.facts["body"]["code"] == 1
    assert response(rest_client.call("Prepare.getAmount", merchant_uid="order-1")) == lock


def test_official_charges_a_key_and_gives_the_money_back(official: Client, sandbox: Sandbox) -> None:
    """Its errors are HTTP statuses or codes."""
    made = official.call("subscribe_customer.create", **ACHIM, **CARD)
    assert official.call("subscribe_customer.get", **ACHIM) == made
    paid = official.call("subscribe.again", **order("order-1"))
    assert official.call("payment.getByImpUid", imp_uid=paid["imp_uid"]) == paid
    assert official.call("payment.getByMerchant", merchant_uid="order-1") == paid
    assert official.call("payment.getByStatus", payment_status="paid", limit=1)["list"] == [paid]
    assert sandbox.net("order-1") == 14_900

    official.call("payment.cancel", imp_uid=paid["imp_uid"], amount=900)
    assert sandbox.net("order-1") == 14_000
    official.call("payment.cancel", merchant_uid="order-1")
    with pytest.raises(Raised, match=FULLY_CANCELLED) as again:
        official.call("payment.cancel", merchant_uid="order-1")
    assert again.value.facts["code"] == "IAMPORT_1"
    with pytest.raises(Raised) as missing:
        official.call("payment.getByImpUid", imp_uid="imp_unknown")
    assert missing.value.facts["code"] == "HTTP_404"

    official.call("subscribe_customer.delete", **ACHIM)
    assert (sandbox.net("order-1"), sandbox.stored_keys()) == (0, [])
    assert len(sandbox.requests(TOKEN)) == 1


def test_official_types_cards_in_schedules_and_locks_amounts(official: Client, sandbox: Sandbox) -> None:
    """The rest of what it can do."""
    now = int(time.time())
    paid = official.call("subscribe.onetime", **order("order-1"), **CARD)
    assert (paid["status"], sandbox.net("order-1")) == ("paid", 14_900)
    assert len(official.call("subscribe.schedule", **ACHIM, schedules=[bag(now, 1), bag(now, 2)])) == 2
    assert len(official.call("subscribe.unschedule", **ACHIM)) == 2
    with pytest.raises(Raised, match="취소할 예약결제 기록이 존재하지 않습니다") as nothing:
        official.call("subscribe.unschedule", **ACHIM)
    assert nothing.value.facts["code"] == "IAMPORT_1"

    lock = {"merchant_uid": "order-2", "amount": 100, "currency": "KRW"}
    assert official.call("payment.prepare", **lock) == lock
    assert official.call("payment.getPrepare", merchant_uid="order-2") == lock
    with pytest.raises(Raised) as none:
        official.call("certification.get", imp_uid="imp_unknown")
    assert none.value.facts["code"] == "HTTP_404"


@pytest.mark.parametrize("cause", ["it ran out", "it was forgotten"])
def test_official_takes_a_new_token_when_its_own_is_refused(official: Client, sandbox: Sandbox, cause: str) -> None:
    """Once, and the charge happens once."""
    official.call("subscribe_customer.create", **ACHIM, **CARD)
    if cause == "it ran out":
        sandbox.advance(minutes=31)
    else:
        sandbox.fault("/subscribe/payments/again", "unauthorized")

    assert official.call("subscribe.again", **order("order-1"))["status"] == "paid"

    assert [call["status"] for call in sandbox.requests("/subscribe/payments/again")] == [401, 200]
    assert len(sandbox.requests(TOKEN)) == 2
    assert sandbox.net("order-1") == 14_900


def test_iamporter_charges_a_key_and_gives_the_money_back(iamporter: Client, sandbox: Sandbox) -> None:
    """It answers with the envelope; what does not exist is an answer too."""
    made = response(iamporter.call("createSubscription", **ACHIM, **CARD))
    assert response(iamporter.call("getSubscription", "achim")) == made
    paid = response(iamporter.call("paySubscription", **order("order-1")))
    assert response(iamporter.call("findByImpUid", paid["imp_uid"])) == paid
    assert response(iamporter.call("findByMerchantUid", "order-1")) == paid
    assert response(iamporter.call("findAllByMerchantUid", "order-1"))["list"] == [paid]
    assert response(iamporter.call("findAllByStatus", "paid", limit=1))["list"] == [paid]
    nothing = {"code": -1, "message": "존재하지 않는 결제정보입니다.", "response": None}
    assert iamporter.call("findByImpUid", "imp_unknown") == nothing
    assert sandbox.net("order-1") == 14_900

    response(iamporter.call("cancelByImpUid", paid["imp_uid"], amount=900))
    assert sandbox.net("order-1") == 14_000
    response(iamporter.call("cancelByMerchantUid", "order-1"))
    with pytest.raises(Raised, match=FULLY_CANCELLED):
        iamporter.call("cancelByMerchantUid", "order-1")
    response(iamporter.call("deleteSubscription", "achim"))
    with pytest.raises(Raised, match=UNKNOWN_BUYER):
        iamporter.call("paySubscription", **order("order-2"))
    assert (sandbox.net("order-1"), sandbox.stored_keys()) == (0, [])
    assert len(sandbox.requests(TOKEN)) == 1


def test_iamporter_types_cards_in_and_locks_amounts(iamporter: Client, sandbox: Sandbox) -> None:
    """A declined card is an error to it, with the card company's reason."""
    declined = CARD | {"card_number": "4000-0000-0000-9995"}
    with pytest.raises(Raised, match="한도초과"):
        iamporter.call("payOnetime", merchant_uid="order-1", amount=100, **declined)
    response(iamporter.call("payOnetime", merchant_uid="order-1", amount=100, **CARD))
    assert sandbox.net("order-1") == 100

    lock = {"merchant_uid": "order-2", "amount": 100}
    response(iamporter.call("createPreparedPayment", **lock))
    assert response(iamporter.call("getPreparedPayment", "order-2"))["amount"] == 100


@pytest.mark.parametrize(
    ("package", "method"),
    [
        ("iamport-rest-client-nodejs", "Payments.getByImpUid"),
        ("iamport", "payment.getByImpUid"),
        ("iamporter", "findByImpUid"),
    ],
)
def test_a_wrong_secret_opens_nothing(npm_client: NpmClient, sandbox: Sandbox, package: str, method: str) -> None:
    """Every client makes an error of HTTP 401, and no call gets through."""
    with pytest.raises(Raised) as refused:
        npm_client(package, secret="guessed").call(method, imp_uid="imp_1")

    facts = refused.value.facts
    assert facts.get("status") == 401 or facts["code"] == "HTTP_401"
    assert {(call["path"], call["status"]) for call in sandbox.requests()} == {(TOKEN, 401)}
