"""What testers ask the sandbox under `/_sandbox/`: JSON, without a token on this machine."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, abort, current_app, jsonify, request

from storefront.sandbox.books import cards, faults, history
from storefront.sandbox.books.faults import BadFault
from storefront.sandbox.books.ledger import ledger
from storefront.sandbox.books.state import BadState
from storefront.sandbox.books.store import LARGEST_ID, Row
from storefront.sandbox.console import asked, back_office, description, resending
from storefront.sandbox.console.asked import BadRequest
from storefront.sandbox.parts import sandbox
from storefront.sandbox.webhooks import RemoteTargetError
from storefront.sandbox.window import paying
from storefront.sandbox.wire.addresses import web_address
from storefront.sandbox.wire.parameters import Parameters
from storefront.sandbox.wire.refusals import Refusal

blueprint = Blueprint("control", __name__, url_prefix="/_sandbox")

LONGEST_DRAIN_S = 60.0
MOST_REQUESTS = 20_000
MOST_HAPPENED = 1_000
"""Requests, webhooks and steps of windows, of each."""
MOST_THINGS = 20
LARGEST_STATE = 64 * 1024 * 1024
"""Bytes of a state that is loaded: some fifty thousand payments."""


@blueprint.errorhandler(BadRequest)
@blueprint.errorhandler(BadFault)
@blueprint.errorhandler(BadState)
@blueprint.errorhandler(paying.InvalidCard)
@blueprint.errorhandler(back_office.NotPossible)
@blueprint.errorhandler(Refusal)
def explain(error: Exception) -> tuple[Response, int]:
    """A mistake is HTTP 400 and a text."""
    return jsonify({"error": str(error)}), 400


@blueprint.get("/openapi.json")
def describe() -> Response:
    """This sandbox's own description: its REST operations and the addresses for testers, as OpenAPI."""
    return jsonify(description.document(current_app))


@blueprint.get("/ledger")
def show_ledger() -> Response:
    """What was really captured and cancelled."""
    return jsonify(ledger(sandbox().store, request.args.get("merchant_uid")))


@blueprint.get("/requests")
def show_requests() -> Response:
    """The REST calls it got, oldest first."""
    where, values = "id > ?", list[Any]((_after("request"),))
    path = request.args.get("path")
    if path:
        where, values = f"{where} AND path = ?", [*values, path]
    rows = sandbox().store.all(f"SELECT * FROM request WHERE {where} ORDER BY id LIMIT {MOST_REQUESTS}", *values)  # noqa: S608
    return jsonify({"requests": [dict(row) for row in rows]})


@blueprint.get("/history")
def show_history() -> Response:
    """What happened around some ids, oldest first: requests, webhooks, steps of windows, moves of the clock."""
    things = request.args.getlist("about")
    if not 0 < len(things) <= MOST_THINGS:
        raise BadRequest(f"about: an imp_uid, merchant_uid or customer_uid; up to {MOST_THINGS} of them")
    found = history.about(sandbox().store, things, MOST_HAPPENED)
    return jsonify({"history": [_happened(table, row) for table, row in found]})


def _after(what: str) -> int:
    after = request.args.get("after", "0")
    if not after.isdecimal() or len(after) > 15:  # noqa: PLR2004
        raise BadRequest(f"after: the id of a {what}")
    return int(after)


def _happened(table: str, row: Row) -> dict[str, Any]:
    if table == "request":
        return {"kind": table, **dict(row)}
    if table == "webhook":
        return {"kind": table, **sandbox().webhooks.show(row), "at": row["at"]}
    return {"kind": row["kind"], "at": row["at"], **json.loads(row["facts"])}


@blueprint.get("/webhooks")
def show_webhooks() -> Response:
    """The webhooks and their deliveries, oldest first."""
    return jsonify({"webhooks": sandbox().webhooks.shown(after=_after("webhook"))})


@blueprint.get("/webhooks/target")
def show_target() -> Response:
    """Where webhooks go when a payment names no `notice_url`."""
    return jsonify({"url": sandbox().webhooks.default_url})


@blueprint.put("/webhooks/target")
def aim_webhooks() -> Response:
    """Send them somewhere else from now on, or nowhere."""
    url = asked.body_of(request).get("url")
    if url is not None and (not isinstance(url, str) or web_address(url) is None):
        raise BadRequest("url: an http(s) address, or null for nowhere")
    try:
        sandbox().webhooks.aim(url)
    except RemoteTargetError as error:
        raise BadRequest(f"url: {error}; --allow-remote-webhooks allows it") from None
    return jsonify({"url": url})


@blueprint.post("/webhooks/<int:webhook_id>/resend")
@blueprint.post("/webhooks/<int:webhook_id>/release")
def send_webhook(webhook_id: int) -> Response:
    """Deliver one now, whether it was held, dropped or delivered before; it, after delivery."""
    hooks = sandbox().webhooks
    if hooks.find(webhook_id) is None:
        raise BadRequest(f"webhook {webhook_id}: there is none of that id")
    hooks.deliver(webhook_id)
    row = hooks.find(webhook_id)
    return jsonify(hooks.show(row) if row else None)


@blueprint.post("/webhooks/drain")
def drain_webhooks() -> Response:
    """Wait until none is pending."""
    timeout = asked.number(asked.body_of(request), "timeout", 5, least=0, most=LONGEST_DRAIN_S)
    return jsonify(sandbox().webhooks.drain(timeout))


@blueprint.post("/payments/<imp_uid>/<act>")
def act_in_console(imp_uid: str, act: str) -> Response:
    """What the merchant's or i'mport's people can do to a payment, and the shop only hears of: the payment after it."""
    if act not in back_office.ACTS:
        abort(404)
    amount = Parameters(asked.body_of(request)).won("amount") if act == "cancel" else None
    answer = jsonify(back_office.act(sandbox(), act, imp_uid, amount))
    sandbox().webhooks.deliver_first()
    answer.call_on_close(sandbox().webhooks.wake)
    return answer


@blueprint.get("/faults")
def show_faults() -> Response:
    """The faults that are set."""
    return jsonify({"faults": sandbox().faults.shown()})


@blueprint.post("/faults")
def add_fault() -> tuple[Response, int]:
    """Set a fault; one that waits for an address where no operation is set too, and says so."""
    fault = faults.read(asked.body_of(request))
    answer: dict[str, Any] = {"id": sandbox().faults.add(fault)}
    if not resending.is_known(current_app, fault.path, fault.method):
        there = f"{fault.method} {fault.path}" if fault.method else fault.path
        answer["warning"] = f"path: no operation answers at {there}, so this fault will not happen"
    return jsonify(answer), 201


@blueprint.delete("/faults")
def clear_faults() -> Response:
    """Clear every fault."""
    sandbox().faults.clear()
    return jsonify({"ok": True})


@blueprint.delete(f"/faults/<int(max={LARGEST_ID}):fault_id>")
def clear_fault(fault_id: int) -> Response:
    """Clear one fault."""
    sandbox().faults.remove(fault_id)
    return jsonify({"ok": True})


@blueprint.get("/clock")
def show_clock() -> Response:
    """The sandbox's time."""
    return jsonify({"now": sandbox().clock.seconds()})


@blueprint.post("/clock")
def advance_clock() -> Response:
    """Move time forward."""
    sandbox().advance(asked.move(asked.body_of(request)))
    return jsonify({"now": sandbox().clock.seconds()})


@blueprint.get("/state")
def save_state() -> Response:
    """All the books as one document."""
    return jsonify(sandbox().saved())


@blueprint.put("/state")
def load_state() -> Response:
    """Put such a document in the place of everything."""
    request.max_content_length = LARGEST_STATE
    sandbox().load(asked.body_of(request))
    return jsonify({"now": sandbox().clock.seconds()})


@blueprint.post("/reset")
def reset() -> Response:
    """Forget everything."""
    sandbox().reset()
    return jsonify({"ok": True})


@blueprint.get("/cards")
def show_cards() -> Response:
    """The test cards."""
    return jsonify([{"name": card.name, "number": card.number} for card in cards.BEHAVIOURS])


@blueprint.post("/pay")
def pay() -> Response:
    """Go through a payment window without a browser."""
    result = asked.go_through(sandbox(), asked.body_of(request), request.headers.get("User-Agent"))
    answer = jsonify(vars(result))
    answer.call_on_close(sandbox().webhooks.wake)
    return answer
