"""What the objects say of where they come from: ids, channel, what the key was used for, approval, receipt."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.people import Sandbox

ORDER = {"pg": "jtnet", "merchant_uid": "order-1", "amount": 14_900, "name": "아침 원두"}
BUYER = {
    "buyer_name": "김아침",
    "buyer_email": "achim@example.com",
    "buyer_tel": "010-1234-5678",
    "buyer_addr": "서울",
    "buyer_postcode": "04524",
}
CARD = {"card_number": "4242-4242-4242-4242", "expiry": "2040-12", "birth": "900101", "pwd_2digit": "12"}
DAY_S = 86_400


def found(sandbox: Sandbox, merchant_uid: str = "order-1") -> dict[str, Any]:
    """The newest payment of an order."""
    return dict(sandbox.call("GET", f"/payments/find/{merchant_uid}")["response"])


@pytest.mark.parametrize("device", ["pc", "mobile"])
@pytest.mark.parametrize(
    ("customer_uid", "amount", "usage"),
    [("customer-1", 0, "issue"), ("customer-1", 14_900, "issue"), (None, 14_900, None)],
)
def test_a_windows_payment_tells_device_and_what_its_key_was_for(
    sandbox: Sandbox, device: str, customer_uid: str | None, amount: int, usage: str | None
) -> None:
    """`issue` also where the window charged."""
    sandbox.pay({**ORDER, **BUYER, "amount": amount, "customer_uid": customer_uid}, device=device)
    payment = found(sandbox)
    assert (payment["channel"], payment["customer_uid"], payment["customer_uid_usage"]) == (device, customer_uid, usage)
    assert re.fullmatch(r"imp_[0-9]{12}", payment["imp_uid"])
    assert payment["status"] == "paid"
    assert {name: payment[name] for name in BUYER} == BUYER


def test_a_key_for_no_won_is_paid_without_an_approval(sandbox: Sandbox) -> None:
    """No number, no receipt; but a time, and a card."""
    sandbox.pay({**ORDER, "amount": 0, "customer_uid": "customer-1"})
    payment = found(sandbox)
    assert (payment["status"], payment["amount"], payment["apply_num"], payment["receipt_url"]) == ("paid", 0, "", None)
    assert payment["paid_at"] > 0
    assert payment["card_number"] == "42424242****4242"


def test_an_approval_has_a_number_a_receipt_and_the_time_in_seoul(sandbox: Sandbox) -> None:
    """As the one JTNet payment that was ever published has them."""
    sandbox.pay(ORDER)
    payment = found(sandbox)
    at = datetime.fromtimestamp(payment["paid_at"], ZoneInfo("Asia/Seoul"))
    assert re.fullmatch(r"[0-9]{8}", payment["apply_num"])
    assert re.fullmatch(rf"tpaytest2m0124{at:%y%m%d%H%M%S}[0-9]{{4}}", payment["pg_tid"])
    assert len(payment["pg_tid"]) == 30
    receipt = f"https://www.tpay.co.kr/issue/ChkIssueLoader.jsp?TID={payment['pg_tid']}&type=0"
    assert payment["receipt_url"] == receipt
    assert (payment["failed_at"], payment["cancelled_at"], payment["cancel_amount"]) == (0, 0, 0)
    assert (payment["cancel_history"], payment["cancel_receipt_urls"], payment["deposit_history"]) == ([], [], [])
    assert (payment["pg_provider"], payment["pg_id"], payment["currency"]) == ("jtnet", "tpaytest2m", "KRW")


def test_a_servers_payments_are_the_apis_and_tell_what_the_key_was_for(sandbox: Sandbox) -> None:
    """With an id of their own kind."""
    sandbox.issue_key("customer-1")
    order = {"amount": 100, "name": "원두", "currency": "KRW"}
    sandbox.call("POST", "/subscribe/payments/again", merchant_uid="again", customer_uid="customer-1", **order)
    sandbox.call("POST", "/subscribe/payments/onetime", merchant_uid="onetime", **order, **CARD)
    charge = {"merchant_uid": "month-1", "schedule_at": sandbox.now() + DAY_S, **order}
    sandbox.call("POST", "/subscribe/payments/schedule", customer_uid="customer-1", schedules=[charge])
    sandbox.advance(days=2)
    for merchant_uid, usage in (("again", "payment"), ("onetime", None), ("month-1", "payment.scheduled")):
        payment = found(sandbox, merchant_uid)
        assert (payment["channel"], payment["customer_uid_usage"]) == ("api", usage), merchant_uid
        assert re.fullmatch(r"imps_[0-9]{12}", payment["imp_uid"])
    assert found(sandbox, "month-1")["user_agent"] is None


def test_what_did_not_happen_is_zero_or_null(sandbox: Sandbox) -> None:
    """A declined payment has neither approval nor receipt."""
    sandbox.pay(ORDER, card="decline-limit")
    payment = found(sandbox)
    assert (payment["status"], payment["paid_at"], payment["failed_at"] > 0) == ("failed", 0, True)
    nothing = ("apply_num", "receipt_url", "cancel_reason", "buyer_name", "custom_data", "promotion", "bank_code")
    assert {payment[name] for name in nothing} == {None}
    assert (payment["card_quota"], payment["escrow"], payment["cash_receipt_issued"]) == (0, False, False)


def test_a_schedule_has_no_payment_until_it_has_run(sandbox: Sandbox) -> None:
    """And is executed, or revoked, at a time."""
    sandbox.issue_key("customer-1")
    at = sandbox.now() + DAY_S
    charges = [
        {
            "merchant_uid": f"month-{number}",
            "schedule_at": at,
            "amount": 100,
            "name": "원두",
            "currency": "KRW",
            "custom_data": "mine",
        }
        for number in (1, 2)
    ]
    path = "/subscribe/payments/schedule"
    for one in sandbox.call("POST", path, customer_uid="customer-1", schedules=charges)["response"]:
        assert (one["imp_uid"], one["payment_status"], one["executed_at"], one["revoked_at"]) == (None, None, 0, 0)
        assert (one["schedule_status"], one["schedule_at"], one["custom_data"]) == ("scheduled", at, "mine")
    [revoked] = sandbox.call("POST", "/subscribe/payments/unschedule", merchant_uid=["month-2"])["response"]
    assert (revoked["schedule_status"], revoked["revoked_at"] > 0, revoked["executed_at"]) == ("revoked", True, 0)
    sandbox.advance(days=2)
    run = sandbox.call("GET", f"{path}/month-1")["response"]
    assert (run["schedule_status"], run["executed_at"], run["payment_status"]) == ("executed", at, "paid")
    assert run["imp_uid"] == found(sandbox, "month-1")["imp_uid"]
