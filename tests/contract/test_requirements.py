"""What i'mport requires of a request is required here, parameter by parameter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from storefront.sandbox import SandboxSettings, create_sandbox
from storefront.sandbox.rest.table import OPERATIONS, REQUIRED_OF_SCHEDULE, Operation
from tests.contract import official
from tests.contract.conftest import CARD, DAY_S
from tests.people import Sandbox
from tests.wsgi import SANDBOX_URL, session_for

ORDER = {"merchant_uid": "order-1", "amount": 1_000, "name": "원두"}
EVERYTHING: dict[str, Any] = {
    **ORDER,
    **CARD,
    "customer_uid": "customer-1",
    "imp_key": "sandbox_key",
    "imp_secret": "sandbox_secret",
}
"""What every operation would be content with, but for times and lists."""
LEFT_OUT = [
    ("POST /subscribe/payments/again", "name"),
    ("POST /subscribe/customers/{customer_uid}", "channel_key"),
    ("POST /subscribe/payments/schedule", "name"),
    ("POST /subscribe/payments/schedule", "currency"),
]
"""What clients older than the description leave out."""


def send(sandbox: Sandbox, operation: Operation, request: dict[str, Any]) -> Any:
    """Ask for an operation; what reads has its parameters in the query."""
    path = operation.path.replace("{customer_uid}", "customer-1").replace("{merchant_uid}", "month-1")
    return sandbox.send(operation.method, path, **{"params" if operation.method == "GET" else "json": request})


def request_for(sandbox: Sandbox, operation: Operation) -> dict[str, Any]:
    """A request that has what is required and nothing else."""
    tomorrow = sandbox.now() + DAY_S
    times = dict.fromkeys(("schedule_at", "from", "to", "schedule_from", "schedule_to"), tomorrow)
    charge = {**ORDER, "schedule_at": tomorrow, "currency": "KRW"}
    values = {**EVERYTHING, **times, "customer_uid[]": ["customer-1"], "schedules": [charge]}
    return {name: values[name] for name in operation.required}


def without(request: dict[str, Any], name: str) -> dict[str, Any]:
    """The same request without one parameter, its own or its schedules'."""
    rest = {key: value for key, value in request.items() if key != name}
    if "schedules" in rest and name != "customer_uid":
        rest["schedules"] = [without(charge, name) for charge in rest["schedules"]]
    return rest


def required() -> list[tuple[Operation, str]]:
    """Every parameter that an operation requires, with the operation."""
    return [
        (one, name)
        for one in OPERATIONS
        for name in (*one.required, *(REQUIRED_OF_SCHEDULE if "schedules" in one.required else ()))
    ]


@pytest.fixture
def older() -> Iterator[Sandbox]:
    """A sandbox for clients that are older than some of these rules."""
    app = create_sandbox(SandboxSettings(background=False, older_clients=True))
    yield Sandbox(session_for(app), SANDBOX_URL)
    app.extensions["sandbox"].close()


@pytest.mark.parametrize(("operation", "name"), required(), ids=lambda one: getattr(one, "name", one))
def test_what_the_description_requires_is_required(sandbox: Sandbox, operation: Operation, name: str) -> None:
    """Without it nothing is done, and the header says which one; with it the request is understood."""
    sandbox.issue_key("customer-1")
    charge = {**ORDER, "merchant_uid": "month-1", "schedule_at": sandbox.now() + DAY_S, "currency": "KRW"}
    sandbox.call("POST", "/subscribe/payments/schedule", customer_uid="customer-1", schedules=[charge])
    if operation.name == "PUT /payments/prepare":
        sandbox.call("POST", "/payments/prepare", merchant_uid="order-1", amount=500)
    if operation.path.endswith("reschedule"):
        sandbox.call("POST", "/subscribe/payments/unschedule", customer_uid="customer-1")
    before, whole = sandbox.ledger(), request_for(sandbox, operation)

    refused = send(sandbox, operation, without(whole, name))

    assert refused.json()["code"] != 0
    assert refused.json()["response"] is None
    if name not in ("imp_key", "imp_secret", "customer_uid[]"):  # these have texts of their own
        assert refused.headers["X-Sandbox-Rule"].startswith(f"{name} is required")
    assert sandbox.ledger() == before
    assert send(sandbox, operation, whole).json()["code"] == 0


@pytest.mark.skipif(not official.IS_THERE, reason="the official description is not beside the checkout")
def test_our_list_of_what_is_required_is_the_descriptions() -> None:
    """Bodies and queries of every operation, and each schedule of a list."""
    described = {
        f"{method.upper()} {path}": {
            one["name"] for one in operation.get("parameters", []) if one.get("required") and one["in"] != "path"
        }
        for path, methods in official.description()["paths"].items()
        for method, operation in methods.items()
    }
    assert {operation.name: set(operation.required) for operation in OPERATIONS} == described
    assert set(REQUIRED_OF_SCHEDULE) == set(official.description()["definitions"]["ScheduleAnnotation"]["required"])


@pytest.mark.parametrize(("asked", "name"), LEFT_OUT)
def test_older_clients_may_leave_out_what_they_never_sent(
    sandbox: Sandbox, older: Sandbox, asked: str, name: str
) -> None:
    """When the sandbox is told so; else the refusal tells of the switch."""
    [operation] = [one for one in OPERATIONS if one.name == asked]
    for one in (sandbox, older):
        one.issue_key("customer-1")

    refused = send(sandbox, operation, without(request_for(sandbox, operation), name))
    done = send(older, operation, without(request_for(older, operation), name))

    assert refused.headers["X-Sandbox-Rule"] == f"{name} is required; --older-clients does without it"
    assert done.json()["code"] == 0


def test_a_charge_of_an_older_client_is_in_won_and_has_no_name(older: Sandbox) -> None:
    """Rather than one that nobody sent; a sub-merchant's header does no harm."""
    older.issue_key("customer-1")
    order = {"customer_uid": "customer-1", "merchant_uid": "order-1", "amount": 1_000}
    again = older.send("POST", "/subscribe/payments/again", json=order, headers={"Tier": "ABC"}).json()["response"]
    later = {"merchant_uid": "month-1", "amount": 1_000, "schedule_at": older.now() + DAY_S}
    [kept] = older.call("POST", "/subscribe/payments/schedule", customer_uid="customer-1", schedules=[later])[
        "response"
    ]
    assert (again["status"], again["name"], again["currency"]) == ("paid", None, "KRW")
    assert (kept["name"], kept["currency"]) == (None, "KRW")
