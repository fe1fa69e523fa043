"""Whatever way a client spells its parameters, the sandbox's REST API reads it; and what it cannot use is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.people import Sandbox

AGAIN, ONETIME = "/subscribe/payments/again", "/subscribe/payments/onetime"
SCHEDULE, CUSTOMERS = "/subscribe/payments/schedule", "/subscribe/customers"
CARD = {
    "channel_key": "channel-key-1",
    "card_number": "4242-4242-4242-4242",
    "expiry": "2040-12",
    "birth": "900101",
    "pwd_2digit": "12",
}
DAY_S = 86_400


@pytest.fixture(autouse=True)
def customer(sandbox: Sandbox) -> str:
    """Somebody with a stored card that works."""
    sandbox.issue_key("customer-1")
    return "customer-1"


def order(merchant_uid: str, **more: Any) -> dict[str, Any]:
    """A charge of the stored card."""
    return {
        "customer_uid": "customer-1",
        "merchant_uid": merchant_uid,
        "amount": 1_000,
        "name": "원두",
        "currency": "KRW",
        **more,
    }


def as_multipart(fields: dict[str, Any]) -> dict[str, Any]:
    """How `requests` is told to send a multipart form."""
    return {"files": {name: (None, str(value)) for name, value in fields.items()}}


@pytest.mark.parametrize("spelling", ["JSON", "form", "multipart", "form, charset named"])
def test_a_body_may_be_json_or_a_form_of_either_kind(sandbox: Sandbox, spelling: str) -> None:
    """Numbers of a form are texts."""
    body = order("order-1", custom_data='{"a": 1}')
    options: dict[str, Any] = {"data": body}
    if spelling == "JSON":
        options = {"json": body}
    if spelling == "multipart":
        options = as_multipart(body)
    if spelling == "form, charset named":
        options["headers"] = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    payment = sandbox.send("POST", AGAIN, **options).json()["response"]
    assert (payment["amount"], payment["name"], payment["custom_data"]) == (1_000, "원두", '{"a": 1}')
    assert sandbox.net() == 1_000


def test_ids_that_come_as_numbers_go_back_as_texts(sandbox: Sandbox) -> None:
    """To the last digit."""
    sandbox.issue_key("77")
    body = {"customer_uid": 77, "merchant_uid": 12345678901234567}
    payment = sandbox.call("POST", AGAIN, **order("order-1") | body)["response"]
    assert (payment["customer_uid"], payment["merchant_uid"]) == ("77", "12345678901234567")


@pytest.mark.parametrize(
    "path",
    [
        "/payments/{imp_uid}",
        "/payments/find/order-1",
        "/payments/find/order-1/paid",
        "/payments/findAll/order-1",
        "/payments/status/paid",
        "/payments",
        CUSTOMERS,
        f"{CUSTOMERS}/customer-1",
        f"{CUSTOMERS}/customer-1/payments",
        "/payments/prepare/order-1",
        "/users/pg",
    ],
)
def test_a_slash_at_the_end_changes_nothing(sandbox: Sandbox, path: str) -> None:
    """Clients write it both ways."""
    sandbox.call("POST", "/payments/prepare", merchant_uid="order-1", amount=1_000)
    imp_uid = sandbox.call("POST", AGAIN, **order("order-1"))["response"]["imp_uid"]
    query = {"include_sandbox": "true", "merchant_uid[]": "order-1", "customer_uid[]": "customer-1"}
    path = path.format(imp_uid=imp_uid)
    without, with_slash = (sandbox.send("GET", path + end, params=query, allow_redirects=False) for end in ("", "/"))
    assert without.status_code == with_slash.status_code == 200
    assert without.json() == with_slash.json()


def test_a_post_may_end_in_a_slash_too(sandbox: Sandbox) -> None:
    """It is not turned into a GET by a redirect on the way."""
    assert sandbox.send("POST", f"{AGAIN}/", json=order("order-1"), allow_redirects=False).json()["code"] == 0
    assert sandbox.net() == 1_000


@pytest.mark.parametrize("spelling", ["imp_uid[]", "imp_uid[{}]", "JSON"])
def test_arrays_have_three_spellings(sandbox: Sandbox, spelling: str) -> None:
    """Brackets, brackets with numbers as PHP builds them, and JSON."""
    ids = [sandbox.call("POST", AGAIN, **order(f"order-{number}"))["response"]["imp_uid"] for number in range(3)]
    query = [(spelling.format(number), imp_uid) for number, imp_uid in enumerate(ids)]
    options: dict[str, Any] = {"json": {"imp_uid": ids}} if spelling == "JSON" else {"params": query}
    reply = sandbox.send("GET", "/payments", **options)
    assert (reply.status_code, {payment["imp_uid"] for payment in reply.json()["response"]}) == (200, set(ids))


@pytest.mark.parametrize("way", ["raw", "Bearer", "older header", "query", "query of a POST"])
def test_a_token_may_be_shown_in_four_ways(sandbox: Sandbox, way: str) -> None:
    """As clients of ten years have done."""
    token = sandbox.token()
    headers = {"raw": {"Authorization": token}, "Bearer": {"Authorization": f"Bearer {token}"}}.get(way, {})
    if way == "older header":
        headers = {"X-ImpTokenHeader": token}
    query = {"_token": token} if way.startswith("query") else {}
    method, path = ("POST", AGAIN) if "POST" in way else ("GET", "/users/pg")
    body = order("order-1") if method == "POST" else None
    reply = sandbox.session.request(method, sandbox.url + path, json=body, headers=headers, params=query)
    assert (reply.status_code, reply.json()["code"]) == (200, 0)


def test_the_authorization_header_decides_over_the_older_one(sandbox: Sandbox) -> None:
    """In both directions."""
    token = sandbox.token()

    def status(authorization: str, older: str) -> int:
        headers = {"Authorization": authorization, "X-ImpTokenHeader": older}
        return sandbox.session.get(f"{sandbox.url}/users/pg", headers=headers).status_code

    assert status("wrong", token) == 401
    assert status(token, "wrong") == 200


def test_a_token_is_shared_for_half_an_hour_and_stretched_in_its_last_minute(sandbox: Sandbox) -> None:
    """By five minutes; afterwards there is another one, and the old one is worth nothing."""
    keys = {"imp_key": "sandbox_key", "imp_secret": "sandbox_secret"}

    def ask() -> tuple[str, int, int]:
        got = sandbox.session.post(f"{sandbox.url}/users/getToken", data=keys).json()["response"]
        return got["access_token"], got["expired_at"], got["expired_at"] - got["now"]

    token, expired_at, left = ask()
    assert (len(token), left) == (40, 1_800)
    sandbox.advance(minutes=28)
    assert ask()[:2] == (token, expired_at)
    sandbox.advance(seconds=90)
    assert ask()[:2] == (token, expired_at + 300)
    sandbox.advance(minutes=6)
    status = sandbox.session.get(f"{sandbox.url}/users/pg", headers={"Authorization": token}).status_code
    assert status == 401
    another, _, left = ask()
    assert (another != token, left) == (True, 1_800)


@pytest.mark.parametrize(
    ("keys", "status", "message"),
    [
        ({}, 400, "imp_key, imp_secret 파라메터가 누락되었습니다."),
        ({"imp_key": "sandbox_key"}, 400, "imp_key, imp_secret 파라메터가 누락되었습니다."),
        ({"imp_key": "", "imp_secret": ""}, 400, "imp_key, imp_secret 파라메터가 누락되었습니다."),
        ({"imp_key": "sandbox_key", "imp_secret": "no"}, 401, "인증에 실패하였습니다. API키와 secret을 확인하세요."),
        ({"imp_key": 5, "imp_secret": "no"}, 401, "인증에 실패하였습니다. API키와 secret을 확인하세요."),
        ({"imp_key": "가", "imp_secret": "no"}, 401, "인증에 실패하였습니다. API키와 secret을 확인하세요."),
        ({"imp_key": {"$ne": ""}, "imp_secret": "no"}, 400, "파라메터 값이 올바르지 않습니다: imp_key"),
        ({"imp_key": "k" * 5_000, "imp_secret": "no"}, 400, "파라메터 값이 올바르지 않습니다: imp_key"),
    ],
)
def test_keys_that_are_missing_or_wrong_get_no_token(
    sandbox: Sandbox, keys: dict[str, Any], status: int, message: str
) -> None:
    """400 for what cannot be read, 401 for what is somebody else's."""
    reply = sandbox.session.post(f"{sandbox.url}/users/getToken", json=keys)
    assert (reply.status_code, reply.json()["message"], reply.json()["response"]) == (status, message, None)
    assert reply.json()["code"] != 0


LONGEST = {
    AGAIN: {
        "customer_uid": 80,
        "merchant_uid": 40,
        "name": 40,
        "buyer_name": 16,
        "buyer_email": 64,
        "buyer_tel": 16,
        "buyer_addr": 128,
        "buyer_postcode": 8,
        "channel_key": 55,
    },
    ONETIME: {"merchant_uid": 40, "customer_uid": 80, "name": 40, "buyer_name": 16, "pg": 80, "channelGroupId": 55},
    f"{CUSTOMERS}/customer-2": {
        "channel_key": 55,
        "channel_group_id": 55,
        "pg": 80,
        "customer_name": 20,
        "customer_tel": 20,
        "customer_email": 200,
        "customer_addr": 200,
        "customer_postcode": 8,
    },
    "/payments/prepare": {"merchant_uid": 40},
}


@pytest.mark.parametrize(
    ("path", "field", "longest"),
    [(path, field, longest) for path, fields in LONGEST.items() for field, longest in fields.items()],
)
def test_a_text_may_be_as_long_as_the_description_says(sandbox: Sandbox, path: str, field: str, longest: int) -> None:
    """And one character more is refused, with nothing charged or stored."""
    body = order("order-1") if path == AGAIN else {**CARD, "merchant_uid": "order-1", "amount": 1_000}
    text = "jtnet.".ljust(longest, "x") if field == "pg" else "x" * longest
    if field == "customer_uid":
        sandbox.issue_key(text)
    before = sandbox.ledger()
    reply = sandbox.send("POST", path, json=body | {field: text + "x"})
    assert (reply.status_code, reply.json()["code"]) == (200, 1)
    assert field in reply.headers["X-Sandbox-Rule"]
    assert sandbox.ledger() == before
    assert sandbox.call("POST", path, **body | {field: text})["code"] == 0


@pytest.mark.parametrize(
    "bad",
    [
        {"amount": None},
        {"amount": "a lot"},
        {"amount": -1},
        {"amount": 0.5},
        {"amount": {"total": 1_000}},
        {"amount": True},
        {"amount": 0},
        {"customer_uid": None},
        {"merchant_uid": ""},
        {"name": ["원두"]},
        {"tax_free": "some"},
        {"vat_amount": -1},
        {"card_quota": "three"},
        {"card_quota": -1},
        {"card_quota": 1, "amount": 60_000},
        {"card_quota": 2, "amount": 49_999},
    ],
    ids=str,
)
def test_a_charge_with_a_value_that_cannot_be_used_is_a_refusal_with_http_200(
    sandbox: Sandbox, bad: dict[str, Any]
) -> None:
    """Code 1, by `again` and for a schedule alike."""
    charge = order("order-1") | bad
    reply = sandbox.send("POST", AGAIN, json=charge)
    assert (reply.status_code, reply.json()["code"]) == (200, 1)
    at = sandbox.now() + DAY_S
    later = {"customer_uid": "customer-1", "schedules": [{**charge, "schedule_at": at}]}
    if "customer_uid" not in bad:
        reply = sandbox.send("POST", SCHEDULE, json=later)
        assert (reply.status_code, reply.json()["code"]) == (200, 1)
    assert sandbox.ledger()["payments"] == []


@pytest.mark.parametrize("spell", [int, str, float, lambda number: f"{number}.0"], ids=["5", "'5'", "5.0", "'5.0'"])
def test_a_whole_number_is_one_however_it_is_spelled(sandbox: Sandbox, spell: Callable[[int], Any]) -> None:
    """Amounts, times, instalments and pages alike."""
    charge = order("order-1", amount=spell(50_000), card_quota=spell(3))
    assert sandbox.call("POST", AGAIN, **charge)["response"]["card_quota"] == 3
    at = sandbox.now() + DAY_S
    later = {**order("month-1"), "schedule_at": spell(at)}
    [kept] = sandbox.call("POST", SCHEDULE, customer_uid="customer-1", schedules=[later])["response"]
    assert kept["schedule_at"] == at
    assert sandbox.call("PUT", f"{SCHEDULE}/month-1", schedule_at=spell(at + 1))["response"]["schedule_at"] == at + 1
    window = {"from": spell(at), "to": spell(at + 9), "page": spell(1), "limit": spell(20)}
    listed = sandbox.send("GET", f"{SCHEDULE}/customers/customer-1", params=window).json()["response"]
    assert listed["total"] == 1


@pytest.mark.parametrize("amount", ["१००", "１００", "1_000", "", "0x10", "NaN", "1e999", "100.5", True, [100], None])
def test_what_is_no_amount_moves_no_money(sandbox: Sandbox, amount: Any) -> None:
    """By a server and in the window."""
    assert sandbox.call("POST", AGAIN, **order("order-1", amount=amount))["code"] == 1
    params = {"merchant_uid": "order-1", "name": "원두", "amount": amount, "customer_uid": "customer-9"}
    assert sandbox.pay(params)["imp_uid"] is None
    assert sandbox.ledger()["payments"] == []


@pytest.mark.parametrize("quota", [0, 2, "12"])
def test_instalments_begin_at_fifty_thousand_won(sandbox: Sandbox, quota: int | str) -> None:
    """0 is a single payment."""
    payment = sandbox.call("POST", AGAIN, **order("order-1", amount=50_000, card_quota=quota))["response"]
    assert payment["card_quota"] == int(quota)


@pytest.mark.parametrize("at", [None, "tomorrow", -5, 1])
def test_a_schedule_whose_time_cannot_be_used_is_refused_with_http_200(sandbox: Sandbox, at: Any) -> None:
    """Moving one to such a time is HTTP 400, as the description says."""
    reply = sandbox.send(
        "POST", SCHEDULE, json={"customer_uid": "customer-1", "schedules": [{**order("month-1"), "schedule_at": at}]}
    )
    assert (reply.status_code, reply.json()["code"]) == (200, 1)
    good = {**order("month-1"), "schedule_at": sandbox.now() + DAY_S}
    sandbox.call("POST", SCHEDULE, customer_uid="customer-1", schedules=[good])
    assert sandbox.send("PUT", f"{SCHEDULE}/month-1", json={"schedule_at": at}).status_code == 400


def test_a_body_that_cannot_be_read_is_a_400(sandbox: Sandbox) -> None:
    """In the envelope."""
    headers = {"Content-Type": "application/json"}
    for body in (b"{", b"[]", b"null", b"[" * 30_000):
        reply = sandbox.send("POST", AGAIN, data=body, headers=headers)
        assert (reply.status_code, reply.json()["response"]) == (400, None)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", [AGAIN, "/payments/cancel", "/users/getToken", "/payments/imp_1/balance"])
def test_a_method_that_an_operation_does_not_have_is_a_405(sandbox: Sandbox, method: str, path: str) -> None:
    """In the envelope too."""
    reply: requests.Response = sandbox.send(method, path)
    assert (reply.status_code, reply.json()["code"], reply.json()["response"]) == (405, -1, None)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/payments/imp_1/unheard-of"),
        ("POST", "/vbanks"),
        ("GET", "/escrows/logis/imp_1"),
        ("POST", "/receipts/imp_1"),
        ("GET", "/kakao/payment/orders"),
        ("GET", "/codes/category"),
        ("POST", "/subscribe/payments/unheard-of"),
        ("GET", "/tiers/abc"),
    ],
)
def test_what_is_not_simulated_says_its_name(sandbox: Sandbox, method: str, path: str) -> None:
    """501, in the envelope."""
    reply = sandbox.send(method, path)
    assert (reply.status_code, reply.json()["code"]) == (501, -1)
    assert f"{method} {path}" in reply.json()["message"]


def test_two_operations_that_are_not_simulated_answer_as_old_clients_expect(sandbox: Sandbox) -> None:
    """Foreign cards with HTTP 200 and -1, identity checks with 404."""
    foreign = sandbox.send("POST", "/subscribe/payments/foreign", json={"merchant_uid": "order-1"})
    assert (foreign.status_code, foreign.json()["code"]) == (200, -1)
    for method, path in (("GET", "/certifications/imp_1"), ("DELETE", "/certifications/imp_1")):
        assert sandbox.send(method, path).status_code == 404
