"""`POST /payments/cancel`: in full, in part, guarded by a checksum, and refused in i'mport's words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.people import Sandbox

CANCEL = "/payments/cancel"


@pytest.fixture
def payment(sandbox: Sandbox) -> dict[str, Any]:
    """100 won, captured with a stored card."""
    sandbox.issue_key("customer-1")
    order = {"customer_uid": "customer-1", "merchant_uid": "order-1", "amount": 100, "name": "원두"}
    return dict(sandbox.call("POST", "/subscribe/payments/again", **order)["response"])


@pytest.mark.parametrize("amount", [{}, {"amount": 0}, {"amount": None}, {"amount": "0"}, {"amount": ""}], ids=str)
@pytest.mark.parametrize("by", ["imp_uid", "merchant_uid"])
def test_no_amount_or_zero_cancels_what_is_left(
    sandbox: Sandbox, payment: dict[str, Any], by: str, amount: dict[str, Any]
) -> None:
    """Also after a part has gone back."""
    sandbox.call("POST", CANCEL, imp_uid=payment["imp_uid"], amount=30)
    cancelled = sandbox.call("POST", CANCEL, **{by: payment[by]}, **amount)["response"]
    assert (cancelled["status"], cancelled["amount"], cancelled["cancel_amount"]) == ("cancelled", 100, 100)
    assert [row["amount"] for row in cancelled["cancel_history"]] == [30, 70]
    assert sandbox.net() == 0


def test_a_part_leaves_the_status_cancelled_and_a_row_of_history(sandbox: Sandbox, payment: dict[str, Any]) -> None:
    """The reason is the caller's, or i'mport's own word for none."""
    cancelled = sandbox.call("POST", CANCEL, imp_uid=payment["imp_uid"], amount=50, checksum=100)["response"]
    [row] = cancelled["cancel_history"]
    assert (cancelled["status"], cancelled["cancel_amount"], cancelled["cancelled_at"] > 0) == ("cancelled", 50, True)
    assert (row["amount"], row["reason"], row["pg_tid"]) == (50, "취소요청api", payment["pg_tid"])
    assert cancelled["cancel_reason"] == "취소요청api"
    assert cancelled["cancel_receipt_urls"] == [row["receipt_url"]]
    more = {"reason": "맛이 없어요", "tax_free": 10, "vat_amount": "2", "checksum": "50"}
    cancelled = sandbox.call("POST", CANCEL, imp_uid=payment["imp_uid"], amount="20", **more)["response"]
    assert (cancelled["cancel_amount"], cancelled["cancel_reason"]) == (70, "맛이 없어요")
    assert len({row["cancellation_id"] for row in cancelled["cancel_history"]}) == 2
    assert sandbox.net() == 30


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "지정해주셔야합니다."),
        ({"imp_uid": "imp_404"}, "취소할 결제건이 존재하지 않습니다."),
        ({"merchant_uid": "nobodys"}, "취소할 결제건이 존재하지 않습니다."),
        ({"imp_uid": "imp_404", "merchant_uid": "order-1"}, "취소할 결제건이 존재하지 않습니다."),
        ({"merchant_uid": "order-1", "amount": 101}, "취소요청금액이 취소가능금액보다 큽니다."),
        ({"merchant_uid": "order-1", "amount": 10, "checksum": 90}, "취소가능금액이 checksum과 일치하지 않습니다."),
        ({"merchant_uid": "order-1", "checksum": 0}, "취소가능금액이 checksum과 일치하지 않습니다."),
        ({"merchant_uid": "order-1", "amount": -1}, "파라메터 값이 올바르지 않습니다: amount"),
        ({"merchant_uid": "order-1", "amount": 0.5}, "파라메터 값이 올바르지 않습니다: amount"),
        ({"merchant_uid": "order-1", "checksum": "all"}, "파라메터 값이 올바르지 않습니다: checksum"),
        ({"merchant_uid": "order-1", "tax_free": "all"}, "파라메터 값이 올바르지 않습니다: tax_free"),
        ({"merchant_uid": "order-1", "vat_amount": -1}, "파라메터 값이 올바르지 않습니다: vat_amount"),
    ],
    ids=str,
)
@pytest.mark.usefixtures("payment")
def test_a_refused_cancel_is_http_200_with_code_1_and_changes_nothing(
    sandbox: Sandbox, asked: dict[str, Any], message: str
) -> None:
    """An imp_uid decides, even beside a right merchant_uid."""
    reply = sandbox.send("POST", CANCEL, json=asked)
    assert (reply.status_code, reply.json()["code"], reply.json()["response"]) == (200, 1, None)
    assert message in reply.json()["message"]
    assert sandbox.net() == 100


def test_what_is_cancelled_in_full_cannot_be_cancelled_again(sandbox: Sandbox, payment: dict[str, Any]) -> None:
    """And never more than was captured goes back."""
    for _ in range(2):
        reply = sandbox.call("POST", CANCEL, imp_uid=payment["imp_uid"])
    assert (reply["code"], reply["message"]) == (1, "이미 전액취소된 주문입니다.")
    assert sandbox.ledger()["cancelled"] == 100


def test_an_order_is_cancelled_by_its_captured_payment(sandbox: Sandbox) -> None:
    """Not by an attempt that failed before or after it."""
    sandbox.issue_key("declines", "4000-0000-0000-0341")
    sandbox.issue_key("pays")
    order = {"merchant_uid": "order-1", "amount": 100, "name": "원두"}
    for customer_uid in ("declines", "pays"):
        sandbox.call("POST", "/subscribe/payments/again", customer_uid=customer_uid, **order)
    assert sandbox.call("POST", CANCEL, merchant_uid="order-1")["response"]["customer_uid"] == "pays"
    assert sandbox.net() == 0


@pytest.mark.parametrize(("flag", "told"), [({}, 0), ({"enable_webhook": False}, 0), ({"enable_webhook": "true"}, 1)])
def test_a_cancel_sends_a_webhook_only_when_asked(
    sandbox: Sandbox, payment: dict[str, Any], flag: dict[str, Any], told: int
) -> None:
    """With the id of that cancel."""
    cancelled = sandbox.call("POST", CANCEL, imp_uid=payment["imp_uid"], amount=10, **flag)["response"]
    hooks = [hook["body"] for hook in sandbox.webhooks() if hook["body"]["status"] == "cancelled"]
    assert len(hooks) == told
    for body in hooks:
        assert body["cancellation_id"] == cancelled["cancel_history"][0]["cancellation_id"]
