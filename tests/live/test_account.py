"""What we expect of i'mport itself. `make test-live` asks a real test account; every other run asks the sandbox.

Only what these tests have made is changed: an amount registered for an order number of our own, and, where a stored card
is named for it (`IMP_TEST_CUSTOMER_UID`), a charge of 100 won that goes back at once and a schedule that is revoked.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.live.conftest import Account

DAY_S = 86_400
NOT_FOUND = "존재하지 않는 결제정보입니다."


def test_a_token_lives_for_half_an_hour_and_is_given_again(account: Account) -> None:
    """The same to whoever asks, and no less than it has left."""
    first, second = (account.token().json()["response"] for _ in range(2))
    is_same = first["access_token"] == second["access_token"]
    assert is_same  # told by itself, so that no token is printed
    assert first["expired_at"] <= second["expired_at"]
    assert 0 < second["expired_at"] - second["now"] <= 1_800 + 300


def test_wrong_keys_get_no_token(account: Account) -> None:
    """401 for another pair, 400 for half of one."""
    wrong = account.token(imp_key=account.key, imp_secret=secrets.token_hex(20))
    assert (wrong.status_code, wrong.json()["code"]) == (401, -1)
    half = account.token(imp_key=account.key)
    assert (half.status_code, half.json()["code"] != 0) == (400, True)


@pytest.mark.parametrize("token", [None, "f" * 40, "Bearer " + "f" * 40])
def test_nothing_works_without_a_token(account: Account, token: str | None) -> None:
    """401."""
    headers = {"Authorization": token} if token else {}
    reply = account.session.get(f"{account.url}/payments/status/all", headers=headers, timeout=30)
    assert (reply.status_code, reply.json()["code"] != 0) == (401, True)


def test_a_token_may_be_called_bearer(account: Account) -> None:
    """As the newer documentation does."""
    headers = {"Authorization": f"Bearer {account.token().json()['response']['access_token']}"}
    reply = account.session.get(f"{account.url}/users/pg", headers=headers, timeout=30)
    assert (reply.status_code, reply.json()["code"]) == (200, 0)


@pytest.mark.parametrize(
    "path", ["/payments/imp_{}", "/payments/find/{}", "/payments/find/{}/paid", "/payments/findAll/{}"]
)
def test_an_unknown_payment_is_a_404(account: Account, merchant_uid: str, path: str) -> None:
    """Code -1 and the one text."""
    reply = account.send("GET", path.format(merchant_uid), {"include_sandbox": "true"})
    assert (reply.status_code, reply.json()) == (404, {"code": -1, "message": NOT_FOUND, "response": None})


def test_of_several_unknown_payments_none_is_found(account: Account, merchant_uid: str) -> None:
    """404 as well."""
    assert account.send("GET", "/payments", {"merchant_uid[]": [merchant_uid, f"{merchant_uid}_2"]}).status_code == 404


@pytest.mark.parametrize("status", ["all", "ready", "paid", "cancelled", "failed"])
def test_payments_are_listed_by_status(account: Account, status: str) -> None:
    """A page of the size that was asked for, newest first."""
    listed = account.done("GET", f"/payments/status/{status}", {"limit": 3, "page": 1})
    assert listed["previous"] == 0
    assert listed["next"] == (2 if listed["total"] > 3 else 0)
    assert len(listed["list"]) == min(listed["total"], 3)
    started = [payment["started_at"] for payment in listed["list"]]
    assert started == sorted(started, reverse=True)
    if status != "all":
        assert {payment["status"] for payment in listed["list"]} <= {status}


def test_a_status_that_nobody_knows_is_a_400(account: Account) -> None:
    """With its own text."""
    reply = account.send("GET", "/payments/status/lost")
    assert (reply.status_code, reply.json()["message"]) == (400, "지원되지 않는 상태값입니다.")


def test_an_amount_is_registered_once_read_and_changed(account: Account, merchant_uid: str) -> None:
    """For an order number of our own, which is never paid."""
    prepare = "/payments/prepare"
    unknown = account.send("GET", f"{prepare}/{merchant_uid}").json()
    assert (unknown["code"] != 0, unknown["message"]) == (True, "사전등록된 결제정보가 존재하지 않습니다.")
    assert account.done("POST", prepare, merchant_uid=merchant_uid, amount=100)["amount"] == 100
    again = account.send("POST", prepare, merchant_uid=merchant_uid, amount=100)
    assert (again.json()["code"], "이미 등록된 merchant_uid" in again.json()["message"]) == (1, True)
    assert account.done("PUT", prepare, merchant_uid=merchant_uid, amount=200)["amount"] == 200
    assert account.done("GET", f"{prepare}/{merchant_uid}")["amount"] == 200


def test_an_unknown_key_says_so(account: Account, merchant_uid: str) -> None:
    """HTTP 200 in what clients have published, 404 in the description; several at once are a 404."""
    path = "/subscribe/customers"
    reply = account.send("GET", f"{path}/{merchant_uid}")
    assert reply.status_code in (200, 404)
    message = f"요청하신 customer_uid({merchant_uid})로 등록된 정보를 찾을 수 없습니다."
    assert (reply.json()["code"], reply.json()["message"]) == (1, message)
    assert account.send("GET", path, {"customer_uid[]": [merchant_uid]}).status_code == 404


def test_an_unknown_key_cannot_be_charged(account: Account, merchant_uid: str) -> None:
    """Code 1, and there is no payment."""
    body = {"customer_uid": f"{merchant_uid}_nobody", "merchant_uid": merchant_uid, "amount": 100, "name": "contract"}
    reply = account.send("POST", "/subscribe/payments/again", **body).json()
    assert (reply["code"], reply["message"], reply["response"]) == (1, "등록되지 않은 구매자입니다.", None)
    assert account.send("GET", f"/payments/find/{merchant_uid}").status_code == 404


def test_an_unknown_payment_cannot_be_cancelled(account: Account, merchant_uid: str) -> None:
    """HTTP 200, code 1, by either id."""
    for name, value in (("imp_uid", f"imp_{merchant_uid}"[:32]), ("merchant_uid", merchant_uid)):
        reply = account.send("POST", "/payments/cancel", **{name: value})
        assert (reply.status_code, reply.json()["code"]) == (200, 1)
        assert reply.json()["message"] == "취소할 결제건이 존재하지 않습니다."


def test_an_unknown_schedule_is_a_404_and_cannot_be_revoked(account: Account, merchant_uid: str) -> None:
    """Revoking it is a refusal of business."""
    assert account.send("GET", f"/subscribe/payments/schedule/{merchant_uid}").status_code == 404
    customer = {"customer_uid": f"{merchant_uid}_nobody", "merchant_uid": merchant_uid}
    reply = account.send("POST", "/subscribe/payments/unschedule", **customer)
    assert (reply.status_code, reply.json()["code"]) == (200, 1)
    assert reply.json()["message"] == "취소할 예약결제 기록이 존재하지 않습니다."


def test_schedules_are_searched_by_time(account: Account, merchant_uid: str) -> None:
    """A page or an array; without a window it is a 400."""
    now = account.token().json()["response"]["now"]
    window = {"schedule_from": now - 30 * DAY_S, "schedule_to": now + 30 * DAY_S, "limit": 3}
    account.done("GET", "/subscribe/payments/schedule", window)
    assert account.send("GET", "/subscribe/payments/schedule").status_code == 400
    nobody = f"/subscribe/payments/schedule/customers/{merchant_uid}"
    found = account.done("GET", nobody, {"from": now, "to": now + DAY_S})
    assert (found if isinstance(found, list) else found["list"]) == []


def test_the_settings_of_the_account_are_listed(account: Account) -> None:
    """At least one, or nothing could be paid."""
    assert account.done("GET", "/users/pg")


@pytest.fixture
def order(account: Account, merchant_uid: str) -> dict[str, Any]:
    """A charge of the stored card that may be charged."""
    if not account.customer_uid:
        pytest.skip("IMP_TEST_CUSTOMER_UID names no stored card that may be charged")
    return {"customer_uid": account.customer_uid, "merchant_uid": merchant_uid, "amount": 100, "name": "contract"}


@pytest.fixture
def payment(account: Account, order: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """100 won captured by `again`; whatever happens, they go back."""
    paid = account.done("POST", "/subscribe/payments/again", **order)
    yield paid
    account.send("POST", "/payments/cancel", imp_uid=paid["imp_uid"], reason="contract")


def test_a_charge_is_paid_found_and_given_back(account: Account, payment: dict[str, Any]) -> None:
    """In two parts, each guarded; then nothing is left, and the order number is used up."""
    assert (payment["status"], payment["amount"], payment["customer_uid_usage"]) == ("paid", 100, "payment")
    imp_uid, merchant_uid = payment["imp_uid"], payment["merchant_uid"]
    alone = account.done("GET", f"/payments/{imp_uid}", {"include_sandbox": "true"})
    assert (alone["merchant_uid"], alone["amount"], alone["status"]) == (merchant_uid, 100, "paid")
    assert account.done("GET", f"/payments/find/{merchant_uid}")["imp_uid"] == imp_uid
    assert account.send("GET", "/payments", {"imp_uid[]": [imp_uid, "imp_404"]}).status_code == 207
    wrong = account.send("POST", "/payments/cancel", imp_uid=imp_uid, amount=30, checksum=99)
    assert (wrong.status_code, wrong.json()["code"] != 0) == (200, True)
    part = account.done("POST", "/payments/cancel", imp_uid=imp_uid, amount=30, checksum=100)
    assert (part["status"], part["cancel_amount"]) == ("cancelled", 30)
    rest = account.done("POST", "/payments/cancel", imp_uid=imp_uid, checksum=70)
    assert (rest["cancel_amount"], [row["amount"] for row in rest["cancel_history"]]) == (100, [30, 70])
    again = account.send("POST", "/payments/cancel", imp_uid=imp_uid).json()
    assert (again["code"], again["message"]) == (1, "이미 전액취소된 주문입니다.")
    twice = account.send(
        "POST",
        "/subscribe/payments/again",
        customer_uid=payment["customer_uid"],
        merchant_uid=merchant_uid,
        amount=100,
        name="contract",
    ).json()
    assert (twice["code"] != 0, twice["message"].startswith("이미 주문이 이루어진 건입니다.")) == (True, True)


def test_a_schedule_is_kept_moved_and_revoked(account: Account, order: dict[str, Any]) -> None:
    """Long before it is due."""
    now = account.token().json()["response"]["now"]
    charge = {name: value for name, value in order.items() if name != "customer_uid"}
    body = {
        "customer_uid": order["customer_uid"],
        "schedules": [{**charge, "currency": "KRW", "schedule_at": now + 80 * DAY_S}],
    }
    [kept] = account.done("POST", "/subscribe/payments/schedule", **body)
    path = f"/subscribe/payments/schedule/{order['merchant_uid']}"
    try:
        assert (kept["schedule_status"], kept["imp_uid"]) == ("scheduled", None)
        assert account.done("PUT", path, schedule_at=now + 81 * DAY_S)["schedule_at"] == now + 81 * DAY_S
        assert account.send("PUT", path, schedule_at=now - DAY_S).status_code == 400
    finally:
        [revoked] = account.done("POST", "/subscribe/payments/unschedule", merchant_uid=[order["merchant_uid"]])
    assert revoked["schedule_status"] == "revoked"
    assert account.done("GET", path)["schedule_status"] == "revoked"
