"""How clients that cannot be installed here ask: PHP, Go, Java, Ruby, and hand-written code."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

import pytest

from storefront.sandbox import SandboxSettings, create_sandbox
from tests.clients.conftest import SEED
from tests.clients.wire import FORM, KEYS, Wire, body
from tests.people import Sandbox

every_content_type = pytest.mark.parametrize(
    "content_type", ["application/json", "application/json;charset=utf-8", FORM, "multipart/form-data"]
)


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"Authorization": "{token}"}, ""),
        ({"Authorization": "Bearer {token}"}, ""),
        ({"X-ImpTokenHeader": "{token}"}, ""),
        ({}, "?_token={token}"),
        ({"Authorization": "{token}", "X-ImpTokenHeader": "stale"}, "?_token=stale"),
        ({"Authorization": "{token}", "Tier": "AB1"}, ""),
    ],
)
def test_a_token_is_taken_in_every_way_it_was_ever_presented(wire: Wire, headers: dict[str, str], query: str) -> None:
    """On reading and on writing; the Authorization header wins over the older ways."""
    shown = {"Authorization": None} | {name: value.format(token=wire.token) for name, value in headers.items()}
    query = query.format(token=wire.token)

    assert wire.send("GET", f"/payments/find/1234qwer{query}", headers=shown).status_code == 200
    nothing = wire.send("POST", f"/payments/cancel{query}", headers=shown, json={"imp_uid": "nothing"})
    assert (nothing.status_code, nothing.json()["code"]) == (200, 1)


@pytest.mark.parametrize("headers", [{"Authorization": "stale", "X-ImpTokenHeader": "{token}"}, {}])
def test_without_a_good_token_nothing_is_answered(wire: Wire, headers: dict[str, str]) -> None:
    """A stale one in the header that wins is no token either."""
    shown = {"Authorization": None} | {name: value.format(token=wire.token) for name, value in headers.items()}

    reply = wire.send("GET", "/payments/find/1234qwer", headers=shown)

    assert (reply.status_code, reply.json()) == (401, {"code": -1, "message": "Unauthorized", "response": None})


@every_content_type
def test_a_token_is_given_for_a_body_of_any_kind(wire: Wire, content_type: str) -> None:
    """Go and iamporter send a form. The same token for everybody, with the moment it runs out."""
    got = wire.answer("POST", "/users/getToken/", **body(KEYS, content_type))

    assert (set(got), got["access_token"]) == ({"access_token", "now", "expired_at"}, wire.token)
    assert 0 < got["expired_at"] - got["now"] <= 1_800


@every_content_type
def test_a_charge_may_come_as_a_body_of_any_kind(wire: Wire, sandbox: Sandbox, content_type: str) -> None:
    """Amounts as texts, and Korean letters in all of them."""
    sandbox.issue_key("achim")
    charge = {"customer_uid": "achim", "merchant_uid": "order-1", "amount": 9_000, "name": "아침 커피"}

    paid = wire.answer("POST", "/subscribe/payments/again", **body(charge, content_type))

    assert (paid["status"], paid["amount"], paid["name"]) == ("paid", 9_000, "아침 커피")
    assert sandbox.net("order-1") == 9_000


def test_go_writes_forms_of_its_own(wire: Wire, sandbox: Sandbox) -> None:
    """It makes them out of JSON by replacing characters: spaces before names, and nothing is escaped."""
    sandbox.issue_key("achim")
    form = "customer_uid=achim& merchant_uid=order-1& amount=9000& name=아침 커피& card_quota=0& notice_url="

    sent = {"data": form.encode(), "headers": {"Content-Type": FORM}}
    paid = wire.answer("POST", "/subscribe/payments/again", **sent)

    assert (paid["customer_uid"], paid["amount"], paid["name"]) == ("achim", 9_000, "아침 커피")
    assert sandbox.net("order-1") == 9_000


def test_go_asks_for_page_0_when_it_is_told_no_page(wire: Wire, sandbox: Sandbox) -> None:
    """Of what belongs to a customer; it is the first one, and a status that is empty is any."""
    sandbox.issue_key("achim")
    charge = {"customer_uid": "achim", "merchant_uid": "order-1", "amount": 1_000}
    wire.answer("POST", "/subscribe/payments/again", json=charge)
    now = int(time.time())

    payments = wire.answer("GET", "/subscribe/customers/achim/payments?page=0")
    query = f"page=0&from={now - 100_000}&to={now}&schedule-status="
    schedules = wire.answer("GET", f"/subscribe/customers/achim/schedules?{query}")

    assert (payments["total"], payments["previous"], payments["next"]) == (1, 0, 0)
    assert [payment["merchant_uid"] for payment in payments["list"]] == ["order-1"]
    assert schedules == {"total": 0, "previous": 0, "next": 0, "list": []}
    assert wire.send("GET", "/payments/status/all?page=0").status_code == 400


def test_java_names_no_order_to_revoke_with_an_empty_list(wire: Wire, sandbox: Sandbox) -> None:
    """Every schedule of the customer is meant, and of nobody else."""
    at = int(time.time()) + 600
    for customer_uid in ("achim", "geunyeong"):
        sandbox.issue_key(customer_uid)
        bags = [{"merchant_uid": f"{customer_uid}-{n}", "schedule_at": at, "amount": 1} for n in (1, 2)]
        wire.answer("POST", "/subscribe/payments/schedule", json={"customer_uid": customer_uid, "schedules": bags})

    revoked = wire.answer("POST", "/subscribe/payments/unschedule", json={"customer_uid": "achim", "merchant_uid": []})

    assert {one["merchant_uid"] for one in revoked} == {"achim-1", "achim-2"}


def test_ids_may_be_numbers_and_come_back_as_texts(wire: Wire, sandbox: Sandbox) -> None:
    """A shop's own number of a customer or an order."""
    sandbox.issue_key("20261124")
    charge = {"customer_uid": 20261124, "merchant_uid": 17634912345678901, "amount": "9000", "name": "아침 커피"}

    paid = wire.answer("POST", "/subscribe/payments/again", json=charge)

    assert (paid["customer_uid"], paid["merchant_uid"], paid["amount"]) == ("20261124", "17634912345678901", 9_000)
    assert wire.answer("GET", "/payments/find/17634912345678901") == paid
    bag = {"merchant_uid": 7, "schedule_at": int(time.time()) + 600, "amount": 1, "name": "아침 커피"}
    wire.answer("POST", "/subscribe/payments/schedule", json={"customer_uid": 20261124, "schedules": [bag]})
    [revoked] = wire.answer("POST", "/subscribe/payments/unschedule", json={"merchant_uid": [7]})
    assert (revoked["merchant_uid"], revoked["customer_uid"]) == ("7", "20261124")
    assert wire.answer("POST", "/payments/cancel", json={"merchant_uid": 17634912345678901})["status"] == "cancelled"
    assert sandbox.net("17634912345678901") == 0


@pytest.mark.parametrize("spelling", ["{name}[]={0}&{name}[]={1}", "{name}[0]={0}&{name}[1]={1}"])
@pytest.mark.parametrize("path", ["/payments", "/payments/"])
def test_several_are_asked_for_as_javascript_or_php_spells_an_array(
    wire: Wire, sandbox: Sandbox, spelling: str, path: str
) -> None:
    """HTTP 207 only when some of them are missing, 404 when all are."""
    sandbox.issue_key("achim")
    sandbox.issue_key("geunyeong")
    paid, failed = (wire.answer("GET", f"/payments/find/{uid}") for uid in ("1234qwer", "qwer1234"))

    def ask(path: str, name: str, first: str, second: str) -> tuple[int, Any]:
        reply = wire.send("GET", f"{path}?{spelling.format(first, second, name=name)}")
        return reply.status_code, reply.json()["response"]

    by_imp_uid, by_merchant_uid = (path, "imp_uid"), (path, "merchant_uid")
    assert ask(*by_imp_uid, paid["imp_uid"], failed["imp_uid"]) == (200, [paid, failed])
    assert ask(*by_imp_uid, "imp_unknown", paid["imp_uid"]) == (207, [paid])
    assert ask(*by_imp_uid, "imp_unknown", "imp_nowhere") == (404, None)
    assert ask(*by_merchant_uid, "1234qwer", "qwer1234") == (200, [paid, failed])
    assert ask(*by_merchant_uid, "nowhere", "qwer1234") == (207, [failed])
    status, keys = ask("/subscribe/customers", "customer_uid", "achim", "geunyeong")
    assert (status, [key["customer_uid"] for key in keys]) == (200, ["achim", "geunyeong"])
    status, keys = ask("/subscribe/customers", "customer_uid", "achim", "nobody")
    assert (status, [key["customer_uid"] for key in keys]) == (207, ["achim"])
    assert ask("/subscribe/customers", "customer_uid", "nobody", "nobody else") == (404, None)


def test_a_revocation_names_its_schedules_in_a_form_as_well(wire: Wire, sandbox: Sandbox) -> None:
    """Both spellings of an array, in a body; an array that is overlooked would revoke everything of the customer."""
    sandbox.issue_key("achim")
    at = int(time.time()) + 600
    bags = [{"merchant_uid": f"bag-{n}", "schedule_at": at, "amount": 1, "name": "아침 커피"} for n in range(5)]
    wire.answer("POST", "/subscribe/payments/schedule", json={"customer_uid": "achim", "schedules": bags})

    for fields, expected in (
        ({"merchant_uid[]": ["bag-0", "bag-1"]}, {"bag-0", "bag-1"}),
        ({"merchant_uid[0]": "bag-2", "merchant_uid[1]": "bag-3"}, {"bag-2", "bag-3"}),
        ({"merchant_uid": "bag-4"}, {"bag-4"}),
    ):
        revoked = wire.answer("POST", "/subscribe/payments/unschedule", data={"customer_uid": "achim", **fields})
        assert {one["merchant_uid"] for one in revoked} == expected


def every_operation() -> list[tuple[str, str]]:
    """The method and a path of everything under the REST addresses."""
    app = create_sandbox(SandboxSettings(background=False))
    app.extensions["sandbox"].close()
    names = {
        "status": "paid",
        "merchant_uid": "1234qwer",
        "imp_uid": "imp_1",
        "customer_uid": "achim",
        "_rest": "imp_1",
        "code": "361",
    }
    with app.test_request_context():
        adapter = app.url_map.bind("localhost")
    return sorted(
        (method, adapter.build(rule.endpoint, {name: names[name] for name in rule.arguments}, method))
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("rest.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    )


@pytest.mark.parametrize(("method", "path"), every_operation())
def test_a_slash_at_the_end_of_a_path_makes_no_difference(wire: Wire, method: str, path: str) -> None:
    """The Go client always writes one, and follows no redirect with a body."""

    def answer(path: str) -> tuple[int, Any, str | None]:
        reply = wire.send(method, path)
        return reply.status_code, reply.json()["code"], reply.headers.get("X-Sandbox-Rule")

    assert answer(f"{path}/") == answer(path)
    assert answer(path)[0] in (200, 400, 404)


@pytest.mark.parametrize("name", ["schedule_status", "schedule-status"])
def test_schedules_are_searched_in_either_spelling(wire: Wire, sandbox: Sandbox, name: str) -> None:
    """The description has a hyphen, the clients an underscore."""
    sandbox.issue_key("achim")
    at = int(time.time()) + 600
    bags = [{"merchant_uid": uid, "schedule_at": at, "amount": 1} for uid in ("bag-1", "bag-2")]
    wire.answer("POST", "/subscribe/payments/schedule", json={"customer_uid": "achim", "schedules": bags})
    wire.answer("POST", "/subscribe/payments/unschedule", json={"merchant_uid": "bag-1"})

    for window in (f"from={at}&to={at + 1}", f"schedule_from={at}&schedule_to={at + 1}"):
        found = wire.answer("GET", f"/subscribe/payments/schedule/customers/achim?{window}&{name}=revoked")
        assert [one["merchant_uid"] for one in found["list"]] == ["bag-1"]


@pytest.mark.parametrize("merchant_uid", ["what?", "a#b", "50%", "one two", "아침-1", "a&b=c", "a+b", "âàáaā"])
def test_an_order_number_may_need_escaping(wire: Wire, sandbox: Sandbox, merchant_uid: str) -> None:
    """Escaped it is found, and another like it is not."""
    sandbox.issue_key("achim")
    path = f"/payments/find/{quote(merchant_uid, safe='')}"
    assert wire.send("GET", path).status_code == 404

    charge = {"customer_uid": "achim", "merchant_uid": merchant_uid, "amount": 1_000}
    paid = wire.answer("POST", "/subscribe/payments/again", json=charge)

    assert wire.answer("GET", path) == wire.answer("GET", f"{path}/paid/") == paid
    assert wire.send("GET", f"{path}{quote('?')}").status_code == 404


def test_a_newer_client_may_say_more_than_is_needed(wire: Wire, sandbox: Sandbox) -> None:
    """Java sends `include_sandbox` on any channel, others a requester; none of it is in the way."""
    paid = wire.answer("GET", "/payments/find/1234qwer")
    sandbox.issue_key("achim")

    for value in ("true", "false"):
        assert wire.answer("GET", f"/payments/{paid['imp_uid']}?include_sandbox={value}") == paid
    wire.answer("DELETE", "/subscribe/customers/achim?reason=moved&extra[requester]=customer")
    assert sandbox.stored_keys() == []


@pytest.mark.parametrize("amount", [{"total": 1_000}, [1_000], True, "much", -1, 0.5, None])
def test_an_amount_that_is_no_number_charges_nothing(wire: Wire, sandbox: Sandbox, amount: Any) -> None:
    """Published samples send an object; the answer is a refusal of business, HTTP 200."""
    sandbox.issue_key("achim")
    charge = {"customer_uid": "achim", "merchant_uid": "order-1", "amount": amount}

    reply = wire.send("POST", "/subscribe/payments/again", json=charge)

    assert (reply.status_code, reply.json()["code"], reply.json()["response"]) == (200, 1, None)
    assert sandbox.net() == sum(order["amount"] for order in SEED["payments"] if "status" not in order)
