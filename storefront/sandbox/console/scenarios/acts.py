"""What a step of a scenario can do, each by the code that does it under `/_sandbox/` and at the REST door."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Flask

from storefront.sandbox.books import faults
from storefront.sandbox.console import asked, back_office, resending
from storefront.sandbox.console.asked import BadRequest
from storefront.sandbox.parts import Sandbox
from storefront.sandbox.rest.front import FAULT
from storefront.sandbox.window.paying import InvalidCard
from storefront.sandbox.wire.parameters import Parameters
from storefront.sandbox.wire.refusals import Refusal

LONGEST_DRAIN_S = 10.0
_LOST = ("cut_before", "cut_after")
_NOT_DONE = (BadRequest, InvalidCard, back_office.NotPossible, Refusal)

Body = Mapping[str, Any]


@dataclass
class Stage:
    """Where a scenario is played.

    Attributes:
        app: the sandbox's application.
        sandbox: its books.
        faults: those that the scenario has set.
    """

    app: Flask
    sandbox: Sandbox
    faults: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Act:
    """Something a step can do.

    Attributes:
        fields: what may be said of it.
        check: refuses what cannot be done, with `BadRequest` or one of its kind.
        do: does it; what came of it, as JSON.
    """

    fields: tuple[str, ...]
    check: Callable[[Body], Any]
    do: Callable[[Stage, Body], dict[str, Any]]


def done(stage: Stage, act: str, body: Body) -> dict[str, Any]:
    """Do a step; what came of it, or `{refused}` with the reason why nothing did."""
    try:
        return ACTS[act].do(stage, body)
    except _NOT_DONE as refusal:
        return {"refused": str(refusal)}


def _pay(stage: Stage, body: Body) -> dict[str, Any]:
    result = asked.go_through(stage.sandbox, body)
    stage.sandbox.webhooks.wake()
    return vars(result)


def _check_call(body: Body) -> None:
    asked.choice(body, "method", *resending.METHODS)
    if not isinstance(body.get("path"), str) or not body["path"].startswith("/") or body["path"].startswith("//"):
        raise BadRequest("path: an address of the REST API, which begins with /")
    if not isinstance(body.get("body", {}), dict):
        raise BadRequest("body: an object")


def _call(stage: Stage, body: Body) -> dict[str, Any]:
    sent = json.dumps(body.get("body", {}), ensure_ascii=False)
    reply = resending.send(
        stage.app, stage.sandbox, asked.choice(body, "method", *resending.METHODS), body["path"], sent
    )
    if reply.headers.get(FAULT) in _LOST:
        return {"lost": True}
    try:
        return {"http": reply.status_code, **json.loads(reply.data)}
    except ValueError:
        return {"http": reply.status_code, "unreadable": reply.get_data(as_text=True)}


def _set_fault(stage: Stage, body: Body) -> dict[str, Any]:
    fault_id = stage.sandbox.faults.add(faults.read(dict(body)))
    stage.faults.append(fault_id)
    return {"id": fault_id}


def _mend(stage: Stage, _body: Body) -> dict[str, Any]:
    for fault_id in stage.faults:
        stage.sandbox.faults.remove(fault_id)
    return {"cleared": len(stage.faults)}


def _move_clock(stage: Stage, body: Body) -> dict[str, Any]:
    stage.sandbox.advance(asked.move(body))
    return {"now": stage.sandbox.clock.seconds()}


def _check_console(body: Body) -> None:
    asked.choice(body, "act", *back_office.ACTS)
    _imp_uid(body)
    Parameters(body).won("amount")


def _act_in_console(stage: Stage, body: Body) -> dict[str, Any]:
    act, amount = asked.choice(body, "act", *back_office.ACTS), Parameters(body).won("amount")
    payment = back_office.act(stage.sandbox, act, _imp_uid(body), amount)
    stage.sandbox.webhooks.deliver_first()
    stage.sandbox.webhooks.wake()
    return payment


def _check_webhooks(body: Body) -> None:
    _imp_uid(body)
    if not isinstance(body.get("release", False), bool):
        raise BadRequest("release: true to deliver what is held, or false")


def _look_at_webhooks(stage: Stage, body: Body) -> dict[str, Any]:
    hooks, imp_uid = stage.sandbox.webhooks, _imp_uid(body)
    hooks.drain(LONGEST_DRAIN_S)
    if body.get("release"):
        for one in _of(stage.sandbox, imp_uid):
            if one["state"] == "held":
                hooks.deliver(one["id"])
    found = _of(stage.sandbox, imp_uid)
    told = [one["body"]["status"] for one in found]
    return {"states": [one["state"] for one in found], "told": told, "tries": [len(one["attempts"]) for one in found]}


def _of(sandbox: Sandbox, imp_uid: str) -> list[dict[str, Any]]:
    query = (
        "SELECT * FROM webhook WHERE id IN (SELECT row FROM mention WHERE kind = 'webhook' AND thing = ?) ORDER BY id"
    )
    return [sandbox.webhooks.show(row) for row in sandbox.store.all(query, imp_uid)]


def _imp_uid(body: Body) -> str:
    value = body.get("imp_uid")
    if not isinstance(value, str) or not value:
        raise BadRequest("imp_uid: the payment, as a step before has named it: ${name}")
    return value


_PAY = ("params", "card", "outcome", "device", "sdk", "charge_amount", "late", "page")
ACTS: Mapping[str, Act] = {
    "pay": Act(_PAY, asked.visit, _pay),
    "call": Act(("method", "path", "body"), _check_call, _call),
    "fault": Act(faults.FIELDS, lambda body: faults.read(dict(body)), _set_fault),
    "mend": Act((), lambda _: None, _mend),
    "clock": Act(("advance",), asked.move, _move_clock),
    "console": Act(("act", "imp_uid", "amount"), _check_console, _act_in_console),
    "webhooks": Act(("imp_uid", "release"), _check_webhooks, _look_at_webhooks),
}
