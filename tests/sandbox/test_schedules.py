"""Scheduled charges: the sandbox runs them when they are due, and tells whoever scheduled them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from storefront.sandbox import SandboxSettings, create_sandbox
from tests.people import Sandbox
from tests.wsgi import SANDBOX_URL, session_for

SCHEDULE = "/subscribe/payments/schedule"
DAY_S = 86_400
DECLINED_LATER = "4000-0000-0000-0341"
CARD = {"card_number": "4242-4242-4242-4242", "expiry": "2040-12", "birth": "900101", "pwd_2digit": "12"}


@pytest.fixture
def customer(sandbox: Sandbox) -> str:
    """Somebody with a stored card that works."""
    sandbox.issue_key("customer-1")
    return "customer-1"


def now(sandbox: Sandbox) -> int:
    """The sandbox's time."""
    return int(sandbox.session.get(f"{SANDBOX_URL}/_sandbox/clock").json()["now"])


def planned(sandbox: Sandbox, merchant_uid: str, *, days: float = 30, amount: int = 14_900) -> dict[str, Any]:
    """One charge in some days."""
    at = now(sandbox) + int(days * DAY_S)
    return {
        "merchant_uid": merchant_uid,
        "schedule_at": at,
        "amount": amount,
        "name": "아침 정기구독",
        "currency": "KRW",
    }


def schedule(sandbox: Sandbox, customer_uid: str, *charges: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Ask for charges later."""
    return sandbox.call("POST", SCHEDULE, customer_uid=customer_uid, schedules=list(charges), **more)


def test_a_charge_waits_until_it_is_due_and_is_captured_then(sandbox: Sandbox, customer: str) -> None:
    """With the time it was due, a name of its own kind and a webhook."""
    charge = planned(sandbox, "month-1")
    [asked] = schedule(sandbox, customer, charge)["response"]
    assert (asked["schedule_status"], asked["imp_uid"], asked["payment_status"]) == ("scheduled", None, None)
    sandbox.advance(days=29)
    assert sandbox.ledger()["payments"] == []
    sandbox.advance(days=2)
    [payment] = sandbox.ledger()["payments"]
    assert (payment["merchant_uid"], payment["net"], payment["usage"]) == ("month-1", 14_900, "payment.scheduled")
    assert payment["paid_at"] == charge["schedule_at"]
    assert payment["imp_uid"].startswith("imps_")
    result = sandbox.call("GET", f"{SCHEDULE}/month-1")["response"]
    assert (result["schedule_status"], result["payment_status"]) == ("executed", "paid")
    assert result["imp_uid"] == payment["imp_uid"]
    assert [hook["body"]["status"] for hook in sandbox.webhooks()] == ["paid"]


def test_months_that_are_skipped_run_in_order(sandbox: Sandbox, customer: str) -> None:
    """Whatever order they were scheduled in."""
    months = [planned(sandbox, f"month-{number}", days=30 * number) for number in (3, 1, 2)]
    schedule(sandbox, customer, *months)
    sandbox.advance(days=100)
    paid = sandbox.ledger()["payments"]
    assert [payment["merchant_uid"] for payment in paid] == ["month-1", "month-2", "month-3"]
    assert [payment["paid_at"] for payment in paid] == sorted(month["schedule_at"] for month in months)


@pytest.mark.parametrize("what", ["the card declines", "the key is gone"])
def test_a_scheduled_charge_that_fails_tells_so(sandbox: Sandbox, customer: str, what: str) -> None:
    """Unlike an ordinary decline it sends a webhook."""
    if what == "the card declines":
        sandbox.issue_key(customer, DECLINED_LATER)
    schedule(sandbox, customer, planned(sandbox, "month-1"))
    if what == "the key is gone":
        sandbox.call("DELETE", f"/subscribe/customers/{customer}")
    held = sandbox.net()
    sandbox.advance(days=31)
    assert sandbox.net() == held
    result = sandbox.call("GET", f"{SCHEDULE}/month-1")["response"]
    assert (result["schedule_status"], result["payment_status"]) == ("executed", "failed")
    assert result["fail_reason"]
    assert sandbox.webhooks()[-1]["body"]["status"] == "failed"


def test_a_schedule_whose_number_is_paid_otherwise_makes_no_second_payment(sandbox: Sandbox, customer: str) -> None:
    """It fails, and whoever looks the order up finds what was paid; it cannot be charged again."""
    schedule(sandbox, customer, planned(sandbox, "month-1"))
    order = {"customer_uid": customer, "merchant_uid": "month-1", "amount": 14_900, "name": "아침"}
    paid = sandbox.call("POST", "/subscribe/payments/again", **order)["response"]
    sandbox.advance(days=31)
    result = sandbox.call("GET", f"{SCHEDULE}/month-1")["response"]
    assert (result["schedule_status"], result["payment_status"], result["imp_uid"]) == ("executed", "failed", None)
    assert "이미 주문이 이루어진 건입니다." in result["fail_reason"]
    assert sandbox.call("GET", "/payments/find/month-1")["response"] == paid
    assert sandbox.call("GET", "/payments/findAll/month-1")["response"]["list"] == [paid]
    retried = sandbox.send("POST", f"{SCHEDULE}/month-1/retry")
    assert (retried.status_code, retried.json()["code"]) == (400, -1)
    assert sandbox.net() == 14_900


def test_what_was_revoked_can_be_charged_after_all(sandbox: Sandbox, customer: str) -> None:
    """The description says failed or revoked; it is executed then, once."""
    schedule(sandbox, customer, planned(sandbox, "month-1"))
    sandbox.call("POST", "/subscribe/payments/unschedule", merchant_uid="month-1")
    payment = sandbox.call("POST", f"{SCHEDULE}/month-1/retry")["response"]
    assert (payment["status"], payment["merchant_uid"]) == ("paid", "month-1")
    result = sandbox.call("GET", f"{SCHEDULE}/month-1")["response"]
    assert (result["schedule_status"], result["revoked_at"], result["payment_status"]) == ("executed", 0, "paid")
    assert sandbox.send("POST", f"{SCHEDULE}/month-1/retry").status_code == 400
    sandbox.advance(days=60)
    assert sandbox.net() == 14_900


@pytest.mark.parametrize("spelling", ["JSON", "form"])
def test_a_time_in_milliseconds_is_taken_with_a_warning_and_never_comes(
    sandbox: Sandbox, customer: str, spelling: str
) -> None:
    """As i'mport takes it, without the warning; the console shows it nevertheless."""
    late = planned(sandbox, "month-1") | {"schedule_at": (now(sandbox) + DAY_S) * 1000}
    body = {"customer_uid": customer, "schedules": [late] if spelling == "JSON" else json.dumps([late])}
    reply = sandbox.send("POST", SCHEDULE, **{"json" if spelling == "JSON" else "data": body})
    [kept] = reply.json()["response"]
    assert (kept["schedule_at"], kept["schedule_status"]) == (late["schedule_at"], "scheduled")
    assert "looks like milliseconds" in reply.headers["X-Sandbox-Warning"]
    assert "looks like milliseconds" in sandbox.requests(SCHEDULE)[-1]["rule"]
    assert sandbox.session.get(f"{SANDBOX_URL}/_sandbox/console/schedules").status_code == 200
    sandbox.advance(days=4_000)
    assert sandbox.net() == 0
    good = sandbox.send("PUT", f"{SCHEDULE}/month-1", json={"schedule_at": now(sandbox) + DAY_S})
    assert (good.json()["code"], good.headers.get("X-Sandbox-Warning")) == (0, None)


def test_what_is_revoked_is_never_charged(sandbox: Sandbox, customer: str) -> None:
    """By order or by customer; a second time there is nothing left to revoke."""
    schedule(sandbox, customer, *(planned(sandbox, f"month-{number}", days=30 * number) for number in (1, 2, 3)))
    unschedule = "/subscribe/payments/unschedule"
    [first] = sandbox.call("POST", unschedule, merchant_uid="month-1")["response"]
    assert (first["merchant_uid"], first["schedule_status"]) == ("month-1", "revoked")
    assert len(sandbox.call("POST", unschedule, customer_uid=customer)["response"]) == 2
    again = sandbox.call("POST", unschedule, customer_uid=customer)
    assert (again["code"], again["message"]) == (1, "취소할 예약결제 기록이 존재하지 않습니다.")
    sandbox.advance(days=120)
    assert sandbox.ledger()["captured"] == 0


def test_a_schedule_can_be_moved_while_it_waits(sandbox: Sandbox, customer: str) -> None:
    """And not into the past, and not when it has run."""
    schedule(sandbox, customer, planned(sandbox, "month-1"))
    later = now(sandbox) + 60 * DAY_S
    assert sandbox.call("PUT", f"{SCHEDULE}/month-1", schedule_at=later)["response"]["schedule_at"] == later
    assert sandbox.call("PUT", f"{SCHEDULE}/month-1", schedule_at=1)["code"] != 0
    assert sandbox.call("PUT", f"{SCHEDULE}/month-1")["code"] != 0
    assert sandbox.call("PUT", f"{SCHEDULE}/nobodys", schedule_at=later)["code"] == -1
    sandbox.advance(days=31)
    assert sandbox.ledger()["captured"] == 0
    sandbox.advance(days=31)
    assert sandbox.net() == 14_900
    assert sandbox.call("PUT", f"{SCHEDULE}/month-1", schedule_at=now(sandbox) + 60)["code"] != 0


def test_what_failed_can_be_charged_again_now_or_later(sandbox: Sandbox, customer: str) -> None:
    """`retry` answers with a payment, `reschedule` with a schedule; what was paid cannot be repeated."""
    sandbox.issue_key(customer, DECLINED_LATER)
    schedule(sandbox, customer, planned(sandbox, "month-1"), planned(sandbox, "month-2"))
    assert sandbox.call("POST", f"{SCHEDULE}/month-1/retry")["code"] != 0
    sandbox.advance(days=31)
    assert sandbox.call("POST", f"{SCHEDULE}/month-1/retry")["response"]["status"] == "failed"
    sandbox.issue_key(customer)
    assert sandbox.call("POST", f"{SCHEDULE}/month-1/retry")["response"]["status"] == "paid"
    assert sandbox.call("POST", f"{SCHEDULE}/month-1/retry")["code"] != 0
    assert sandbox.net("month-1") == 14_900
    at = now(sandbox) + DAY_S
    assert sandbox.call("POST", f"{SCHEDULE}/month-2/reschedule", schedule_at=at)["response"]["schedule_at"] == at
    sandbox.advance(days=2)
    assert sandbox.net() == 29_800
    assert sandbox.call("POST", f"{SCHEDULE}/month-2/reschedule", schedule_at=at + 5 * DAY_S)["code"] != 0


def test_a_failed_charge_whose_key_is_gone_cannot_be_charged_again(sandbox: Sandbox, customer: str) -> None:
    """404, with the text of an unknown key."""
    sandbox.issue_key(customer, DECLINED_LATER)
    schedule(sandbox, customer, planned(sandbox, "month-1"))
    sandbox.advance(days=31)
    sandbox.call("DELETE", f"/subscribe/customers/{customer}")
    reply = sandbox.send("POST", f"{SCHEDULE}/month-1/retry")
    message = f"요청하신 customer_uid({customer})로 등록된 정보를 찾을 수 없습니다."
    assert (reply.status_code, reply.json()["message"]) == (404, message)
    assert sandbox.net() == 0


def test_nothing_is_scheduled_unless_everything_can_be(sandbox: Sandbox, customer: str) -> None:
    """One bad charge among good ones."""
    past = planned(sandbox, "month-2", days=-1)
    good = planned(sandbox, "month-1")
    for bad in (past, good, {**good, "amount": 0}, {"merchant_uid": "x"}, {**good, "merchant_uid": "y" * 41}):
        assert schedule(sandbox, customer, good, bad)["code"] != 0, bad
    assert schedule(sandbox, "nobody", good)["message"] == "등록된 고객정보가 없습니다."
    expired = schedule(sandbox, "nobody", good, **{**CARD, "expiry": "2019-03"})
    assert (expired["code"], expired["message"].startswith("카드정보 확인에 실패하였습니다.")) == (1, True)
    sandbox.advance(days=60)
    assert sandbox.ledger()["payments"] == []


def test_a_card_that_comes_with_the_schedule_is_stored_and_checked(sandbox: Sandbox) -> None:
    """The test charge is given back at once."""
    charge = planned(sandbox, "month-1")
    assert schedule(sandbox, "customer-2", charge, checking_amount=100, **CARD)["code"] == 0
    ledger = sandbox.ledger()
    assert (ledger["captured"], ledger["net"]) == (100, 0)
    assert sandbox.stored_keys() == ["customer-2"]


def test_a_schedule_keeps_the_merchants_own_number_of_the_customer(sandbox: Sandbox, customer: str) -> None:
    """As it was sent, in every look."""
    [asked] = schedule(sandbox, customer, planned(sandbox, "month-1"), customer_id="member-7")["response"]

    assert asked["customer_id"] == "member-7"
    assert sandbox.call("GET", f"{SCHEDULE}/month-1")["response"]["customer_id"] == "member-7"


def test_a_form_spells_schedules_with_brackets(sandbox: Sandbox, customer: str) -> None:
    """As older clients and PHP do."""
    token = sandbox.call("POST", "/users/getToken", imp_key="sandbox_key", imp_secret="sandbox_secret")
    fields = {f"schedules[0][{name}]": value for name, value in planned(sandbox, "month-1").items()}
    reply = sandbox.session.post(
        f"{SANDBOX_URL}{SCHEDULE}",
        data={"customer_uid": customer, **fields},
        headers={"Authorization": token["response"]["access_token"]},
    )
    assert [one["merchant_uid"] for one in reply.json()["response"]] == ["month-1"]


@pytest.mark.parametrize(
    "path", [SCHEDULE, f"{SCHEDULE}/customers/customer-1", "/subscribe/customers/customer-1/schedules"]
)
@pytest.mark.parametrize("spelling", ["schedule_", ""])
def test_schedules_are_searched_by_time_and_state(sandbox: Sandbox, customer: str, path: str, spelling: str) -> None:
    """Newest first, paged, the end left out."""
    charges = [planned(sandbox, f"month-{number}", days=30 * number) for number in (1, 2)]
    schedule(sandbox, customer, *charges)
    sandbox.advance(days=31)
    begin, end = charges[0]["schedule_at"], charges[1]["schedule_at"] + 1

    def found(**more: Any) -> list[str]:
        window = {f"{spelling}from": begin, f"{spelling}to": end, **more}
        reply = sandbox.call("GET", path, **window)
        assert reply["code"] == 0, reply
        return [one["merchant_uid"] for one in reply["response"]["list"]]

    assert found() == ["month-2", "month-1"]
    assert found(sorting="scheduled") == ["month-1", "month-2"]
    assert found(schedule_status="executed") == ["month-1"]
    assert found(**{"schedule-status": "scheduled"}) == ["month-2"]
    assert found(**{f"{spelling}to": end - 1}) == ["month-1"]
    assert found(limit=1, page=2) == ["month-1"]
    for bad in ({}, {f"{spelling}from": end, f"{spelling}to": begin}):
        assert sandbox.call("GET", path, **bad)["code"] != 0


@pytest.mark.usefixtures("customer")
@pytest.mark.parametrize(
    "path", [SCHEDULE, f"{SCHEDULE}/customers/customer-1", "/subscribe/customers/customer-1/schedules"]
)
def test_a_search_that_cannot_be_answered_is_a_400(sandbox: Sandbox, path: str) -> None:
    """No window, half of one, one of more than three months, or a word that nobody knows."""
    begin = now(sandbox)
    window = {"from": begin, "to": begin + 92 * DAY_S}
    assert sandbox.send("GET", path, params=window).status_code == 200
    for bad in (
        {"from": None},
        {"to": None},
        {"to": begin + 92 * DAY_S + 1},
        {"to": begin - 1},
        {"from": "now"},
        {"schedule-status": "lost"},
        {"schedule_status": "paid"},
        {"sorting": "name"},
        {"page": -1},
        {"limit": 1001},
    ):
        reply = sandbox.send("GET", path, params=window | bad)
        assert (reply.status_code, reply.json()["code"]) == (400, 1), bad


def test_a_schedule_shows_what_became_of_its_payment(sandbox: Sandbox, customer: str) -> None:
    """Cancelled, the cancel undone, or approved after all; what was approved late is not charged again."""
    schedule(sandbox, customer, planned(sandbox, "month-1"))
    sandbox.issue_key("customer-2", DECLINED_LATER)
    schedule(sandbox, "customer-2", planned(sandbox, "month-2"))
    sandbox.advance(days=31)

    def status(merchant_uid: str) -> str:
        return str(sandbox.call("GET", f"{SCHEDULE}/{merchant_uid}")["response"]["payment_status"])

    imp_uid = sandbox.call("POST", "/payments/cancel", merchant_uid="month-1", amount=100)["response"]["imp_uid"]
    assert status("month-1") == "cancelled"
    sandbox.undo_cancel(imp_uid)
    assert status("month-1") == "paid"
    assert status("month-2") == "failed"
    sandbox.approve_late(sandbox.call("GET", f"{SCHEDULE}/month-2")["response"]["imp_uid"])
    assert status("month-2") == "paid"
    assert sandbox.send("POST", f"{SCHEDULE}/month-2/retry").status_code == 400
    assert sandbox.net("month-2") == 14_900


def test_a_schedule_survives_a_restart(tmp_path: Path) -> None:
    """Due while nobody was there, it is charged as of the time it was due."""
    settings = SandboxSettings(background=False, state=str(tmp_path / "sandbox.sqlite"))
    first = create_sandbox(settings)
    before = Sandbox(session_for(first), SANDBOX_URL)
    before.issue_key("customer-1")
    charge = planned(before, "month-1")
    schedule(before, "customer-1", charge)
    books = first.extensions["sandbox"]
    books.clock.advance(40 * DAY_S)  # time passes without the sandbox being told to do anything
    books.close()
    second = create_sandbox(settings)
    after = Sandbox(session_for(second), SANDBOX_URL)
    assert after.call("GET", f"{SCHEDULE}/month-1")["response"]["payment_status"] == "paid"
    [payment] = after.ledger()["payments"]
    assert payment["paid_at"] == charge["schedule_at"]
    second.extensions["sandbox"].close()
