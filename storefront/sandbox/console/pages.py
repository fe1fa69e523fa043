"""The console: what the sandbox knows, and what a tester can do to it, on pages for people.

Everything here is also there as JSON (`control`); each line shows the `curl` that asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for

from storefront.sandbox.books import faults
from storefront.sandbox.books.faults import BadFault
from storefront.sandbox.books.ledger import ledger
from storefront.sandbox.console.lists import Lists, clock_time
from storefront.sandbox.console.texts import texts_for
from storefront.sandbox.parts import Sandbox, sandbox

blueprint = Blueprint("console", __name__, url_prefix="/_sandbox")

TABS = ("payments", "keys", "schedules", "requests", "webhooks", "faults")
PAGE_SIZE = 50
_DAY_S = 86_400
_LONGEST_INPUT = 200
_FAULT_PATHS = (
    "/subscribe/payments/again",
    "/subscribe/payments/*",
    "/subscribe/customers/*",
    "/payments/cancel",
    "/payments/prepare",
    "/payments/findAll/*",
    "/payments/*",
    "/users/getToken",
    "webhook",
)
_FAULT_FIELDS = ("path", "method", "kind", "status", "seconds", "times")
_FAULT_KINDS = {"before": faults.BEFORE, "after": faults.AFTER, "webhook": faults.OF_WEBHOOKS}


@blueprint.get("/")
def overview() -> Response:
    """The payments, first of all."""
    return show("payments")


@blueprint.get("/console/<tab>")
def show(tab: str) -> Response:
    """One list, newest first, filtered by a word and by where things stand."""
    if tab not in TABS:
        abort(404)
    return _page(tab)


@blueprint.post("/console/break")
def break_something() -> Any:
    """Set a fault; one that cannot be set comes back with what is wrong, and what was typed."""
    typed = {name: _printable(request.form.get(name, "").strip()[:_LONGEST_INPUT]) for name in _FAULT_FIELDS}
    try:
        sandbox().faults.add(faults.read({name: _value(name, text) for name, text in typed.items()}))
    except BadFault as problem:
        answer = _page("faults", typed=typed, wrong=problem.field)
        answer.status_code = 400
        return answer
    return _back_to("faults")


@blueprint.post("/console/<act>")
def press(act: str) -> Any:
    """What the console's buttons do; then back to the list they were on."""
    done = _ACTS.get(act)
    named = request.form.get("id", "0")
    if done is None or not named.isdecimal() or len(named) > 15:  # noqa: PLR2004
        abort(404)
    done(sandbox(), int(named))
    return _back_to(request.form.get("tab", ""))


def _repeat(books: Sandbox, webhook_id: int) -> None:
    for _ in range(2):
        books.webhooks.deliver(webhook_id)


_ACTS: Mapping[str, Callable[[Sandbox, int], None]] = {
    "day": lambda books, _: books.advance(_DAY_S),
    "month": lambda books, _: books.advance(books.clock.seconds_to_next_month()),
    "reset": lambda books, _: books.reset(),
    "mend": lambda books, _: books.faults.clear(),
    "clear": lambda books, fault_id: books.faults.remove(fault_id),
    "hold": lambda books, webhook_id: books.webhooks.hold(webhook_id),
    "release": lambda books, webhook_id: books.webhooks.deliver(webhook_id),
    "send": lambda books, webhook_id: books.webhooks.deliver(webhook_id),
    "repeat": _repeat,
}


def _page(tab: str, typed: Mapping[str, str] | None = None, wrong: str | None = None) -> Response:
    books = sandbox()
    language, texts = texts_for(request)
    word, state = (_printable(request.args.get(name, "")[:100]) for name in ("q", "state"))
    lines = Lists(books, request.host_url.rstrip("/"), language, texts).of(tab)
    found = [line for line in lines if word.lower() in line.json.lower() and state in ("", line.state)]
    page = render_template(
        "console.html",
        language=language,
        t=texts,
        tab=tab,
        tabs=TABS,
        word=word,
        state=state,
        states=sorted({line.state for line in lines} | ({state} - {""})),
        lines=found[:PAGE_SIZE],
        found=len(found),
        now=clock_time(books.clock.seconds()),
        ledger=ledger(books.store),
        fault_paths=_FAULT_PATHS,
        fault_kinds=_FAULT_KINDS,
        typed=typed or {},
        wrong=wrong,
    )
    answer = make_response(page)
    answer.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _back_to(tab: str) -> Any:
    return redirect(url_for("console.show", tab=tab if tab in TABS else "payments"), 303)


def _printable(text: str) -> str:
    """What a page may repeat."""
    return "".join(letter for letter in text if letter.isprintable())


def _value(name: str, text: str) -> Any:
    """What was typed as a fault's JSON has it; what is no number stays a text, and is refused as such."""
    if not text:
        return None
    if name not in ("status", "seconds", "times"):
        return text
    try:
        return float(text)
    except ValueError:
        return text
