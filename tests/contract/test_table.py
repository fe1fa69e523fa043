"""The table itself: it misses nothing, and it agrees with the official description where that is at hand."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from storefront.sandbox.rest.table import OPERATIONS, Operation
from storefront.sandbox.wire import objects
from tests.contract import official, plugin
from tests.contract.checking import CONTRACT, of_body
from tests.contract.conftest import Walk
from tests.people import Sandbox

BEYOND = {
    ("POST", "/users/getToken", 400): "published by two clients",
    ("GET", "/payments", 400): "more ids than the description allows",
    ("GET", "/subscribe/customers", 400): "an id that nobody can store, as everywhere",
    ("GET", "/payments/find/{merchant_uid}/{payment_status}", 400): "the text of a bad status is published",
    ("GET", "/payments/prepare/{merchant_uid}", 404): "the text is published",
    ("GET", "/subscribe/customers/{customer_uid}/payments", 400): "a page that is no number",
}
"""Statuses that the description does not have, and why we answer them all the same; 401, and 400 and 413 for a body that
cannot be read, are understood everywhere."""
BY_NAME = {operation.name: operation for operation in OPERATIONS}
needs_official = pytest.mark.skipif(not official.IS_THERE, reason="the official description is not beside the checkout")


@needs_official
def test_the_table_names_the_operations_of_the_official_description() -> None:
    """No more and no fewer."""
    assert BY_NAME.keys() == official.operations().keys()


@needs_official
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_statuses_are_official_or_have_their_reason(operation: Operation) -> None:
    """Nothing is answered that nobody has ever seen."""
    everywhere = {401, 413} if operation.method == "GET" else {400, 401, 413}
    explained = {status for method, path, status in BEYOND if (method, path) == (operation.method, operation.path)}
    assert set(operation.statuses) - everywhere - explained <= official.operations()[operation.name]


def spoiled(value: Any) -> Iterator[tuple[str, Any]]:
    """Every way to leave a field out, to make it something else, and to add one; with its name."""
    if isinstance(value, list) and value:
        for name, worse in spoiled(value[0]):
            yield name, [worse, *value[1:]]
    if not isinstance(value, dict):
        return
    yield "one more", {**value, "one_more": 1}
    for field, inner in value.items():
        yield f"without {field}", {name: other for name, other in value.items() if name != field}
        yield f"{field} of a wrong type", {**value, field: {"wrong": 1}}
        for name, worse in spoiled(inner):
            yield f"{field}: {name}", {**value, field: worse}


def test_whatever_field_is_lost_or_changes_its_type_is_noticed(walked: Walk) -> None:
    """In every object of every operation, one field at a time."""
    for name, reply in walked.replies.items():
        operation, body = BY_NAME[name], reply.json()
        assert list(of_body(operation, reply.status_code, body)) == []
        ways = list(spoiled(body))
        assert len(ways) > 8, name
        for what, worse in ways:
            assert list(of_body(operation, reply.status_code, worse)), f"{name}: {what}"


@needs_official
def test_the_official_description_notices_what_it_requires(walked: Walk) -> None:
    """Where it says that a field is required, and of which type each is."""
    for name, field in (
        ("GET /payments/{imp_uid}", "imp_uid"),
        ("GET /payments/{imp_uid}", "sandbox"),
        ("GET /subscribe/customers/{customer_uid}", "card_name"),
        ("DELETE /subscribe/customers/{customer_uid}", "inserted"),
        ("POST /users/getToken", "expired_at"),
    ):
        body = copy.deepcopy(walked.replies[name].json())
        operation = BY_NAME[name]

        def found(body: Any, operation: Operation = operation) -> str | None:
            return official.problem(operation.method, operation.path, 200, body)

        assert found(body) is None
        assert found({**body, "response": {**body["response"], field: {}}})
        del body["response"][field]
        assert found(body)
    body = walked.replies["GET /subscribe/payments/schedule"].json()
    body["response"]["list"][0]["amount"] = "14900"
    assert official.problem("GET", "/subscribe/payments/schedule", 200, body)


@pytest.mark.parametrize("spoil", ["lost", "a text"])
def test_a_reply_that_breaks_the_contract_fails_the_test_in_which_it_came(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, spoil: str
) -> None:
    """Whoever asked, and whatever the test was about."""
    told = objects.payment

    def wrong(*arguments: Any) -> dict[str, Any]:
        payment = told(*arguments)
        return payment | {"amount": "500"} if spoil == "a text" else {**payment, "escrow": None}

    monkeypatch.setattr(objects, "payment", wrong)
    sandbox.issue_key("customer-1")
    order = {"customer_uid": "customer-1", "merchant_uid": "order-1", "amount": 500, "name": "원두"}
    sandbox.call("POST", "/subscribe/payments/again", **order)
    with pytest.raises(pytest.fail.Exception, match=r"POST /subscribe/payments/again -> HTTP 200: response\."):
        plugin.fail_if_broken()
    assert CONTRACT.take_broken() == []


@pytest.mark.parametrize("kind", ["error", "garbage", "error_after"])
def test_what_a_fault_has_spoiled_is_no_promise(sandbox: Sandbox, kind: str) -> None:
    """It is marked, so that a real HTTP 500 is still noticed."""
    token = sandbox.token()
    sandbox.fault("/users/pg", kind)
    reply = sandbox.session.get(f"{sandbox.url}/users/pg", headers={"Authorization": token})
    assert reply.headers["X-Sandbox-Fault"] == kind
    assert CONTRACT.take_broken() == []
