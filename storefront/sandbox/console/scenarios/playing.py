"""Playing a scenario: its steps in turn, each held against what it must lead to, and the ledger in the end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from flask import Flask

from storefront.sandbox.books.ledger import ledger
from storefront.sandbox.console.scenarios.acts import Stage, done
from storefront.sandbox.console.scenarios.filling import INBOX, RUN, Names, filled
from storefront.sandbox.console.scenarios.reading import SUMS, Scenario, Step
from storefront.sandbox.parts import Sandbox
from storefront.sandbox.wire.masking import masked_value

NO_PAYMENT = "no-payment"
"""What the name of a payment stands for that was never made."""


def play(app: Flask, sandbox: Sandbox, scenario: Scenario, inbox: str) -> dict[str, Any]:
    """Play a scenario.

    The faults it has set are cleared in the end. Its orders and keys have the run's number in their names, so that it can be
    played again, and its clock stays where it was moved to.

    Args:
        app: the sandbox's application.
        sandbox: its books.
        scenario: the story.
        inbox: an address that takes every webhook.

    Returns:
        The run, as it is kept: `{id, name, at, ok, steps: [{act, asked, answer, missing}], ledger: [{of, must, is, ok}]}`.
    """
    at = sandbox.clock.seconds()
    run_id = sandbox.store.insert("scenario_run", name=scenario.name, at=at, result="null")
    known = {RUN: str(run_id), INBOX: inbox}
    stage = Stage(app, sandbox)
    try:
        steps = [_play(stage, step, known) for step in scenario.steps]
    finally:
        for fault_id in stage.faults:
            sandbox.faults.remove(fault_id)
    books = list(_look(sandbox, scenario, Names(sandbox.clock.seconds(), known)))
    ok = not any(step["missing"] for step in steps) and all(line["ok"] for line in books)
    run = {"id": run_id, "name": scenario.name, "at": at, "ok": ok, "steps": steps, "ledger": books}
    sandbox.store.write("UPDATE scenario_run SET result = ? WHERE id = ?", json.dumps(run), run_id)
    return run


def _play(stage: Stage, step: Step, known: dict[str, str]) -> dict[str, Any]:
    names = Names(stage.sandbox.clock.seconds(), known)
    asked = filled(step.body, names)
    answer = done(stage, step.act, asked)
    if step.name is not None:
        imp_uid = (answer.get("response") or answer).get("imp_uid")
        known[step.name] = str(imp_uid or NO_PAYMENT)
    missing = list(_missing(filled(step.expect, Names(names.now, known)), answer, "answer"))
    return {"act": step.act, "asked": masked_value(asked), "answer": masked_value(answer), "missing": missing}


def _look(sandbox: Sandbox, scenario: Scenario, names: Names) -> Iterator[dict[str, Any]]:
    for order, must in filled(scenario.orders, names).items():
        said = ledger(sandbox.store, order)
        found = {name: said[name] for name in SUMS}
        yield {"of": order, "must": must, "is": found, "ok": found == must}
    for key, must in filled(scenario.keys, names).items():
        is_stored = sandbox.keys.row(key) is not None
        yield {"of": key, "must": {"stored": must}, "is": {"stored": is_stored}, "ok": is_stored == must}


def _missing(must: Any, found: Any, at: str) -> Iterator[str]:
    """What is not as it must be; fields that nobody expects may be there."""
    if isinstance(must, dict) and isinstance(found, dict):
        for name, value in must.items():
            yield from _missing(value, found.get(name), f"{at}.{name}")
    elif must != found:
        told = (json.dumps(value, ensure_ascii=False) for value in (must, found))
        yield "{} must be {}, and is {}".format(at, *told)
