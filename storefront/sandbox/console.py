"""The console: what the sandbox knows, and what a tester can do to it, on pages for people.

Everything here is also there as JSON (`control`); each request shows the `curl` that would repeat it.
"""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from flask import Response as FlaskResponse

from storefront.sandbox import cards, faults, objects
from storefront.sandbox.ledger import ledger
from storefront.sandbox.rest import sandbox
from storefront.sandbox.store import Row

blueprint = Blueprint("console", __name__, url_prefix="/_sandbox", template_folder="templates")

TABS = ("payments", "keys", "schedules", "requests", "webhooks", "faults")
PAGE_SIZE = 50
_DAY_S, _MONTH_S = 86_400, 30 * 86_400
_FAULT_PATHS = (
    "/subscribe/payments/again",
    "/payments/cancel",
    "/payments/prepare",
    "/payments/*",
    "/subscribe/customers/*",
)


@blueprint.get("/")
def overview() -> FlaskResponse:
    """The payments, first of all."""
    return show("payments")


@blueprint.get("/console/<tab>")
def show(tab: str) -> FlaskResponse:
    """One list, newest first, filtered by a word."""
    if tab not in TABS:
        abort(404)
    word = request.args.get("q", "")[:100]
    books = sandbox()
    page = render_template(
        "console.html",
        language="ko",
        t={"title": "콘솔"},
        tab=tab,
        tabs=TABS,
        word=word,
        rows=[row for row in _ROWS[tab]() if word in row["text"]][:PAGE_SIZE],
        now=_time(books.clock.seconds()),
        ledger=ledger(books.store),
        fault_paths=_FAULT_PATHS,
        fault_kinds=faults.BEFORE + faults.AFTER,
        webhook_faults=faults.OF_WEBHOOKS,
    )
    answer = make_response(page)
    answer.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.post("/console/<action>")
def act(action: str) -> Any:
    """What the console's buttons do; then back to the list they were on."""
    books = sandbox()
    if action == "day":
        books.advance(_DAY_S)
    elif action == "month":
        books.advance(_MONTH_S)
    elif action == "break":
        books.faults.add(faults.read({name: request.form.get(name) for name in ("path", "kind")}))
    elif action == "mend":
        books.faults.clear()
    elif action == "send" and request.form.get("id", "").isdecimal():
        books.webhooks.deliver(int(request.form["id"]))
    elif action == "reset":
        books.reset()
    else:
        abort(404)
    back = request.form.get("tab", "payments")
    return redirect(url_for("console.show", tab=back if back in TABS else "payments"), 303)


def _payments() -> list[dict[str, Any]]:
    books = sandbox()
    rows = books.store.all("SELECT * FROM payment ORDER BY id DESC LIMIT 500")
    return [
        {
            "at": _time(row["started_at"]),
            "title": row["imp_uid"],
            "about": row["merchant_uid"],
            "how": row["channel"],
            "value": f"{row['amount'] - row['cancel_amount']:,}원",
            "state": row["status"],
            "tone": {"paid": "ok", "failed": "bad"}.get(row["status"], "wait"),
            **_details(
                objects.payment(
                    books.settings, row, books.store.all("SELECT * FROM cancel WHERE imp_uid = ?", row["imp_uid"])
                ),
                f"/payments/{row['imp_uid']}?include_sandbox=true",
            ),
        }
        for row in rows
    ]


def _keys() -> list[dict[str, Any]]:
    books = sandbox()
    return [
        {
            "at": _time(row["inserted"]),
            "title": row["customer_uid"],
            "about": row["card_number"],
            "how": cards.behaviour_named(row["behaviour"]).korean,
            "value": row["card_name"],
            "state": "deleted" if row["deleted_at"] else "stored",
            "tone": "wait" if row["deleted_at"] else "ok",
            **_details(objects.customer(books.settings, row), f"/subscribe/customers/{row['customer_uid']}"),
        }
        for row in books.store.all("SELECT * FROM billing_key ORDER BY id DESC LIMIT 500")
    ]


def _schedules() -> list[dict[str, Any]]:
    books = sandbox()
    rows = books.store.all("SELECT * FROM schedule ORDER BY id DESC LIMIT 500")
    found = []
    for row in rows:
        schedule = objects.schedule(books.settings, row)
        state = schedule["payment_status"] or schedule["schedule_status"]
        found.append(
            {
                "at": _time(row["schedule_at"]),
                "title": row["merchant_uid"],
                "about": row["customer_uid"],
                "how": row["fail_reason"] or "",
                "value": f"{row['amount']:,}원",
                "state": state,
                "tone": {"paid": "ok", "failed": "bad"}.get(state, "wait"),
                **_details(schedule, f"/subscribe/payments/schedule/{row['merchant_uid']}"),
            }
        )
    return found


def _requests() -> list[dict[str, Any]]:
    return [
        {
            "at": _time(row["at"]),
            "title": f"{row['method']} {row['path']}",
            "about": row["fault"] or "",
            "how": row["peer"],
            "value": f"{row['ms']:.0f} ms",
            "state": str(row["status"]),
            "tone": "ok" if row["status"] < 400 and not row["code"] else "bad",  # noqa: PLR2004
            **_details(_row_facts(row), row["path"], row["method"], row["body"]),
        }
        for row in sandbox().store.all("SELECT * FROM request ORDER BY id DESC LIMIT 500")
    ]


def _webhooks() -> list[dict[str, Any]]:
    rows = sandbox().store.all("SELECT * FROM webhook ORDER BY id DESC LIMIT 500")
    return [
        {
            "at": _time(row["at"]),
            "title": row["url"],
            "about": row["body"],
            "how": f"{len(json.loads(row['attempts']))} ×",
            "value": "",
            "state": row["state"],
            "tone": {"delivered": "ok", "failed": "bad"}.get(row["state"], "wait"),
            "webhook": row["id"],
            **_details(sandbox().webhooks.show(row), row["url"], "POST", row["body"]),
        }
        for row in rows
    ]


def _faults() -> list[dict[str, Any]]:
    return [
        {
            "at": "",
            "title": f"{fault['method'] or '*'} {fault['path']}",
            "about": fault["kind"],
            "how": f"{fault['left']} / {fault['times'] or '∞'}",
            "value": "",
            "state": "set" if fault["left"] or not fault["times"] else "used",
            "tone": "bad" if fault["left"] or not fault["times"] else "wait",
            **_details(fault, "/_sandbox/faults"),
        }
        for fault in reversed(sandbox().faults.shown())
    ]


_ROWS = {
    "payments": _payments,
    "keys": _keys,
    "schedules": _schedules,
    "requests": _requests,
    "webhooks": _webhooks,
    "faults": _faults,
}


def _row_facts(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("id", "method", "path", "body", "status", "code", "fault", "ms", "peer")}


def _details(facts: dict[str, Any], path: str, method: str = "GET", body: str = "") -> dict[str, Any]:
    """A row opened: the whole object, and the command that asks for it."""
    text = json.dumps(facts, ensure_ascii=False, indent=2)
    address = path if path.startswith("http") else request.host_url.rstrip("/") + path
    parts = ["curl", "-X", method, "-H", "Authorization: $TOKEN"]
    if body and body != "{}":
        parts += ["-H", "Content-Type: application/json", "-d", body]
    return {"json": text, "text": text, "curl": shlex.join([*parts, address])}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone(cards.SEOUL).strftime("%Y-%m-%d %H:%M:%S")
