"""Scenarios as pages for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, abort, current_app, jsonify, redirect, render_template, request, url_for

from storefront.sandbox.books.store import LARGEST_ID
from storefront.sandbox.console import asked, timeline
from storefront.sandbox.console.lists import Lists, clock_time
from storefront.sandbox.console.pages import TABS, answer
from storefront.sandbox.console.scenarios import shelf
from storefront.sandbox.console.scenarios.filling import INBOX_PATH
from storefront.sandbox.console.scenarios.playing import play
from storefront.sandbox.console.scenarios.reading import BadScenario, Scenario
from storefront.sandbox.console.texts import texts_for
from storefront.sandbox.parts import sandbox

blueprint = Blueprint("scenarios", __name__, url_prefix="/_sandbox")


@blueprint.errorhandler(BadScenario)
@blueprint.errorhandler(asked.BadRequest)
def explain(error: Exception) -> tuple[Response, int]:
    """A mistake is HTTP 400 and a text."""
    return jsonify({"error": str(error)}), 400


@blueprint.post("/inbox")
def take_webhook() -> Response:
    """A merchant that takes every webhook of a scenario."""
    return jsonify({"ok": True})


@blueprint.get("/scenarios")
def list_scenarios() -> Response:
    """Every scenario, with how it went the last time."""
    return jsonify({"scenarios": [_shown(one) for one in shelf.every(sandbox()).values()]})


@blueprint.post("/scenarios")
def add_scenario() -> tuple[Response, int]:
    """Keep one until the next reset."""
    return jsonify({"name": shelf.add(sandbox(), asked.body_of(request)).name}), 201


@blueprint.get("/scenarios/<name>")
def show_scenario(name: str) -> Response:
    """One as a document."""
    return jsonify(_find(name).document)


@blueprint.post("/scenarios/<name>/run")
def run_scenario(name: str) -> Response:
    """Play one; how it went."""
    return jsonify(_run(name))


@blueprint.get(f"/scenarios/runs/<int(max={LARGEST_ID}):run_id>")
def show_run(run_id: int) -> Response:
    """How it went."""
    return jsonify(_run_of(run_id))


@blueprint.get("/console/scenarios")
def page_of_all() -> Response:
    """Every scenario, each with its button."""
    language, texts = texts_for(request)
    scenarios = [(one, _last(one.name)) for one in shelf.every(sandbox()).values()]
    return _page("scenarios.html", language, texts, scenarios=scenarios)


@blueprint.post("/console/scenarios")
def press_play() -> Any:
    """What the button does: play one, then show how it went."""
    run = _run(request.form.get("name", ""))
    return redirect(url_for("scenarios.page_of_run", run_id=run["id"]), 303)


@blueprint.get(f"/console/scenarios/<int(max={LARGEST_ID}):run_id>")
def page_of_run(run_id: int) -> Response:
    """How it went: each step, the ledger, and everything that happened around its orders and keys in time order."""
    language, texts = texts_for(request)
    run = _run_of(run_id)
    lists = Lists(sandbox(), request.host_url.rstrip("/"), language, texts)
    happened = timeline.happened(sandbox(), lists, [line["of"] for line in run["ledger"]])
    scenario = shelf.every(sandbox()).get(run["name"])
    values = {"run": run, "scenario": scenario, "happened": happened, "replies": timeline.replies, "as_json": _as_json}
    return _page("scenario_run.html", language, texts, **values)


def inbox(port: object) -> str:
    """The address that takes every webhook of a scenario."""
    return f"http://127.0.0.1:{port}{INBOX_PATH}"


def _run(name: str) -> dict[str, Any]:
    return play(current_app, sandbox(), _find(name), inbox(request.environ["SERVER_PORT"]))


def _find(name: str) -> Scenario:
    found = shelf.every(sandbox()).get(name)
    if found is None:
        abort(404, f"there is no scenario named {name[:40]!r}")
    return found


def _run_of(run_id: int) -> dict[str, Any]:
    text = sandbox().store.text("SELECT result FROM scenario_run WHERE id = ?", run_id)
    run: dict[str, Any] | None = json.loads(text) if text else None
    if run is None:
        abort(404, f"there is no run {run_id}, or it has not ended")
    return run


def _last(name: str) -> dict[str, Any] | None:
    query = "SELECT result FROM scenario_run WHERE name = ? ORDER BY id DESC LIMIT 1"
    text = sandbox().store.text(query, name)
    last: dict[str, Any] | None = json.loads(text) if text else None
    return last


def _shown(one: Scenario) -> dict[str, Any]:
    last = _last(one.name)
    facts = last and {name: last[name] for name in ("id", "at", "ok")}
    return {"name": one.name, "about": one.about["en"], "steps": len(one.steps), "last": facts}


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _page(template: str, language: str, texts: Mapping[str, str], **values: Any) -> Response:
    now = clock_time(sandbox().clock.seconds())
    return answer(render_template(template, language=language, t=texts, now=now, tabs=TABS, **values))
