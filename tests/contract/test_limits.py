"""The lengths that the official description names are the lengths that the sandbox allows."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract import official
from tests.contract.conftest import CARD, DAY_S
from tests.people import Sandbox

if not official.IS_THERE:
    pytest.skip("the official description is not beside the checkout", allow_module_level=True)

ORDER = {"merchant_uid": "order-1", "amount": 1_000, "name": "원두", "currency": "KRW"}
BODIES: dict[str, dict[str, Any]] = {
    "/payments/prepare": {"merchant_uid": "order-1", "amount": 1_000},
    "/subscribe/customers/{customer_uid}": CARD,
    "/subscribe/payments/again": {**ORDER, "customer_uid": "customer-1"},
    "/subscribe/payments/onetime": {**ORDER, **CARD},
    "/subscribe/payments/schedule": {"customer_uid": "customer-1", "schedules": []},
}
"""Something that each operation would do."""


def limits() -> list[tuple[str, str, str, int]]:
    """Every field of a body whose length is limited: method, path, name and length."""
    return [
        (method.upper(), path, parameter["name"], int(parameter["maxLength"]))
        for path, methods in official.description()["paths"].items()
        for method, operation in methods.items()
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "formData" and "maxLength" in parameter
    ]


@pytest.mark.parametrize(("method", "path", "name", "longest"), limits())
def test_a_field_of_a_body_is_as_long_as_it_may_be(
    sandbox: Sandbox, method: str, path: str, name: str, longest: int
) -> None:
    """One character more is refused by its name, in HTTP 200."""
    sandbox.issue_key("customer-1")
    body = dict(BODIES[path])
    if "schedules" in body:
        body["schedules"] = [{**ORDER, "schedule_at": sandbox.now() + DAY_S}]
    reply = sandbox.send(method, path.replace("{customer_uid}", "customer-2"), json=body | {name: "x" * (longest + 1)})
    assert (reply.status_code, reply.json()["code"]) == (200, 1)
    assert reply.headers["X-Sandbox-Rule"] == f"{name}: is longer than {longest} characters"
    assert sandbox.ledger()["payments"] == []


@pytest.mark.parametrize(
    ("name", "longest"),
    [
        (name, int(field["maxLength"]))
        for name, field in official.description()["definitions"]["ScheduleAnnotation"]["properties"].items()
        if "maxLength" in field
    ],
)
def test_a_field_of_a_schedule_is_as_long_as_it_may_be(sandbox: Sandbox, name: str, longest: int) -> None:
    """And nothing is scheduled."""
    sandbox.issue_key("customer-1")
    charge = {**ORDER, "schedule_at": sandbox.now() + DAY_S, name: "x" * (longest + 1)}
    body = {"customer_uid": "customer-1", "schedules": [charge]}
    reply = sandbox.send("POST", "/subscribe/payments/schedule", json=body)
    assert (reply.status_code, reply.json()["code"]) == (200, 1)
    assert reply.headers["X-Sandbox-Rule"] == f"{name}: is longer than {longest} characters"
    charge[name] = "x" * longest
    assert sandbox.call("POST", "/subscribe/payments/schedule", **body)["code"] == 0
