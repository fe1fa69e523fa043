"""Looking payments up over the sandbox's REST API: one, several, of an order, of a card, of a time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.people import Sandbox

AGAIN = "/subscribe/payments/again"
NOT_FOUND = "존재하지 않는 결제정보입니다."
DAY_S = 86_400


@pytest.fixture(autouse=True)
def customer(sandbox: Sandbox) -> str:
    """Somebody with a stored card that works."""
    sandbox.issue_key("customer-1")
    return "customer-1"


def paid(sandbox: Sandbox, merchant_uid: str, customer_uid: str = "customer-1") -> dict[str, Any]:
    """A payment with a stored card."""
    order = {"customer_uid": customer_uid, "merchant_uid": merchant_uid, "amount": 1_000, "name": "원두"}
    return dict(sandbox.call("POST", AGAIN, **order)["response"])


def listed(sandbox: Sandbox, path: str, **query: Any) -> list[str]:
    """The orders of a list, as they come."""
    reply = sandbox.send("GET", path, params=query).json()
    assert reply["code"] == 0, reply
    found = reply["response"]
    return [payment["merchant_uid"] for payment in (found if isinstance(found, list) else found["list"])]


@pytest.mark.parametrize("unknown", ["imp_404", "i" * 41, "i" * 300, "가", "%00", "a b"])
def test_an_id_that_nobody_knows_is_a_404_whatever_it_looks_like(sandbox: Sandbox, unknown: str) -> None:
    """Code -1, the one text, null."""
    for path in ("/payments/{}", "/payments/find/{}", "/payments/findAll/{}", "/payments/{}/balance"):
        reply = sandbox.send("GET", path.format(unknown))
        assert (reply.status_code, reply.json()) == (404, {"code": -1, "message": NOT_FOUND, "response": None}), path


def test_of_several_the_found_ones_come_and_the_status_says_whether_all_are_there(sandbox: Sandbox) -> None:
    """200, 207 or 404; by both kinds of ids together, each payment once."""
    one, two = paid(sandbox, "order-1"), paid(sandbox, "order-2")

    def looked_up(**ids: list[str]) -> tuple[int, int]:
        reply = sandbox.send("GET", "/payments", params={f"{name}[]": values for name, values in ids.items()})
        return reply.status_code, len(reply.json()["response"] or [])

    assert looked_up(imp_uid=[one["imp_uid"], two["imp_uid"]]) == (200, 2)
    assert looked_up(imp_uid=[one["imp_uid"]], merchant_uid=["order-1", "order-2"]) == (200, 2)
    assert looked_up(imp_uid=[one["imp_uid"], "imp_404"]) == (207, 1)
    assert looked_up(merchant_uid=["order-1", "x" * 41]) == (207, 1)
    assert looked_up(imp_uid=["imp_404"], merchant_uid=["x" * 41]) == (404, 0)
    many = [f"imp_{number}" for number in range(99)]
    assert looked_up(imp_uid=[*many, one["imp_uid"]]) == (207, 1)
    assert looked_up(imp_uid=[*many, one["imp_uid"], two["imp_uid"]]) == (400, 0)
    assert sandbox.send("GET", "/payments").status_code == 400


@pytest.fixture
def three_tries(sandbox: Sandbox) -> list[str]:
    """An order that failed twice, a day apart, before it was paid; the imp_uids in that order."""
    sandbox.issue_key("customer-2", "4000-0000-0000-0341")
    tries = []
    for customer_uid in ("customer-2", "customer-2", "customer-1"):
        tries.append(paid(sandbox, "order-1", customer_uid)["imp_uid"])
        sandbox.advance(days=1)
    return tries


@pytest.mark.parametrize(
    ("sorting", "order"),
    [
        (None, [2, 1, 0]),
        ("-started", [2, 1, 0]),
        ("started", [0, 1, 2]),
        ("-paid", [2, 1, 0]),
        ("paid", [0, 1, 2]),
        ("updated", [0, 1, 2]),
        ("-updated", [2, 1, 0]),
    ],
)
def test_payments_of_an_order_come_sorted(
    sandbox: Sandbox, three_tries: list[str], sorting: str | None, order: list[int]
) -> None:
    """`find` gives the first of the same sorting."""
    query = {"sorting": sorting} if sorting else {}
    expected = [three_tries[position] for position in order]
    found = sandbox.send("GET", "/payments/findAll/order-1", params=query).json()["response"]
    assert [payment["imp_uid"] for payment in found["list"]] == expected
    assert sandbox.send("GET", "/payments/find/order-1", params=query).json()["response"]["imp_uid"] == expected[0]


def test_a_cancel_moves_what_was_updated_last(sandbox: Sandbox) -> None:
    """The oldest payment comes first then."""
    for number in (1, 2):
        paid(sandbox, f"order-{number}")
        sandbox.advance(seconds=5)
    sandbox.call("POST", "/payments/cancel", merchant_uid="order-1")
    assert listed(sandbox, "/payments/status/all", sorting="-updated") == ["order-1", "order-2"]


def test_a_status_in_the_address_narrows_the_search(sandbox: Sandbox, three_tries: list[str]) -> None:
    """A word that is no status is a 400, one that no payment has a 404."""
    assert listed(sandbox, "/payments/findAll/order-1/failed") == ["order-1", "order-1"]
    assert sandbox.call("GET", "/payments/find/order-1/paid")["response"]["imp_uid"] == three_tries[2]
    for operation in ("find", "findAll"):
        assert sandbox.send("GET", f"/payments/{operation}/order-1/cancelled").status_code == 404
        bad = sandbox.send("GET", f"/payments/{operation}/order-1/lost")
        assert (bad.status_code, bad.json()["message"]) == (400, "지원되지 않는 상태값입니다.")


def test_lists_have_pages(sandbox: Sandbox) -> None:
    """20 unless told and 1,000 at most; `previous` and `next` are numbers of pages, 0 when there is none."""
    for number in range(45):
        paid(sandbox, f"order-{number}")

    def page(**query: int) -> tuple[int, int, int, int]:
        found = sandbox.send("GET", "/payments/status/paid", params=query).json()["response"]
        return found["total"], found["previous"], found["next"], len(found["list"])

    assert page() == (45, 0, 2, 20)
    assert page(page=2) == (45, 1, 3, 20)
    assert page(page=3) == (45, 2, 0, 5)
    assert page(limit=1000) == (45, 0, 0, 45)
    assert page(limit=15, page=3) == (45, 2, 0, 15)
    for bad in ({"page": 4}, {"page": 0}, {"page": "x"}, {"limit": 0}, {"limit": 1001}, {"sorting": "name"}):
        assert sandbox.send("GET", "/payments/status/paid", params=bad).status_code == 400, bad


def test_the_first_page_of_nothing_is_empty(sandbox: Sandbox) -> None:
    """And no error."""
    reply = sandbox.send("GET", "/payments/status/ready")
    assert reply.json()["response"] == {"total": 0, "previous": 0, "next": 0, "list": []}


@pytest.mark.parametrize("status", ["lost", "PAID", "ready,paid"])
def test_a_status_that_nobody_knows_is_a_400(sandbox: Sandbox, status: str) -> None:
    """With its own text."""
    reply = sandbox.send("GET", f"/payments/status/{status}")
    assert (reply.status_code, reply.json()["message"]) == (400, "지원되지 않는 상태값입니다.")


def test_a_payment_is_found_at_the_time_it_entered_its_status(sandbox: Sandbox) -> None:
    """Not when it began; both ends belong to the time."""
    begun = paid(sandbox, "order-1")["paid_at"]
    sandbox.advance(days=10)
    sandbox.call("POST", "/payments/cancel", merchant_uid="order-1")
    cancelled = begun + 10 * DAY_S
    status = "/payments/status/cancelled"
    assert listed(sandbox, status, **{"from": cancelled, "to": cancelled + 9}) == ["order-1"]
    assert listed(sandbox, status, **{"from": begun - 9, "to": begun + 9}) == []
    assert listed(sandbox, "/payments/status/all", **{"from": begun, "to": begun}) == ["order-1"]
    assert listed(sandbox, "/payments/status/paid") == []


def test_ninety_days_can_be_searched_at_once(sandbox: Sandbox) -> None:
    """Unless told, the ones before `to`, and `to` is now."""
    begun = paid(sandbox, "order-1")["started_at"]
    sandbox.advance(days=91)
    status = "/payments/status/all"
    assert listed(sandbox, status) == []
    assert listed(sandbox, status, to=begun + 90 * DAY_S) == ["order-1"]
    assert listed(sandbox, status, to=begun + 90 * DAY_S + 1) == []
    assert sandbox.send("GET", status, params={"from": begun, "to": begun + 90 * DAY_S + 1}).status_code == 400
    assert sandbox.send("GET", status, params={"from": begun}).status_code == 400


def test_a_card_without_payments_has_an_empty_list_and_no_card_has_none(sandbox: Sandbox) -> None:
    """The payments of a key that was deleted stay to be seen."""
    path = "/subscribe/customers/customer-1/payments"
    assert listed(sandbox, path) == []
    paid(sandbox, "order-1")
    assert listed(sandbox, path) == ["order-1"]
    sandbox.call("DELETE", "/subscribe/customers/customer-1")
    assert listed(sandbox, path) == ["order-1"]
    reply = sandbox.send("GET", "/subscribe/customers/nobody/payments")
    message = "요청하신 customer_uid(nobody)로 등록된 정보를 찾을 수 없습니다."
    assert (reply.status_code, reply.json()["message"]) == (404, message)


def test_a_balance_is_for_other_gateways(sandbox: Sandbox) -> None:
    """What i'mport says to everybody else."""
    imp_uid = paid(sandbox, "order-1")["imp_uid"]
    reply = sandbox.send("GET", f"/payments/{imp_uid}/balance")
    assert (reply.status_code, reply.json()["code"]) == (404, 1)
    assert reply.json()["message"].startswith("(현재는 PAYCO, KCP만 지원됩니다)")


def test_several_cards_are_looked_up_at_once(sandbox: Sandbox) -> None:
    """200, 207 or 404."""
    sandbox.issue_key("customer-2")

    def looked_up(*customer_uids: str) -> tuple[int, int]:
        reply = sandbox.send("GET", "/subscribe/customers", params={"customer_uid[]": customer_uids})
        return reply.status_code, len(reply.json()["response"] or [])

    assert looked_up("customer-1", "customer-2") == (200, 2)
    assert looked_up("customer-1", "nobody") == (207, 1)
    assert looked_up("customer-1", "x" * 81) == (207, 1)
    assert looked_up("nobody") == (404, 0)
    assert looked_up() == (404, 0)


def test_an_amount_is_registered_once_and_changed_later(sandbox: Sandbox) -> None:
    """Its currency too."""
    prepare = "/payments/prepare"
    order = {"merchant_uid": "order-9", "amount": 1_000}
    assert sandbox.call("POST", prepare, **order)["response"] == {**order, "currency": "KRW"}
    again = sandbox.call("POST", prepare, **order)
    assert again["message"] == "결제정보 사전등록에 실패하였습니다(이미 등록된 merchant_uid입니다)."
    changed = {"merchant_uid": "order-9", "amount": 0, "currency": "USD"}
    assert sandbox.call("PUT", prepare, **changed)["response"] == changed
    assert sandbox.call("GET", f"{prepare}/order-9")["response"] == changed
    assert sandbox.call("PUT", prepare, **order)["response"] == {**order, "currency": "USD"}
    for reply in (
        sandbox.send("PUT", prepare, json={**order, "merchant_uid": "nobodys"}),
        sandbox.send("GET", f"{prepare}/x"),
    ):
        assert (reply.status_code, reply.json()["message"]) == (404, "사전등록된 결제정보가 존재하지 않습니다.")
