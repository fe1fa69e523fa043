"""The console: what the sandbox knows, and what a tester can do to it, on pages for people.

Everything here is also there as JSON (`control`); each line shows the `curl` that asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, abort, current_app, make_response, redirect, render_template, request, url_for

from storefront.sandbox.books import faults
from storefront.sandbox.books.faults import BadFault, Fault
from storefront.sandbox.console import resending, timeline
from storefront.sandbox.console.lists import Lists, clock_time
from storefront.sandbox.console.searching import PAGE_SIZE
from storefront.sandbox.console.texts import texts_for
from storefront.sandbox.parts import Sandbox, sandbox

blueprint = Blueprint("console", __name__, url_prefix="/_sandbox")

TABS = ("payments", "keys", "schedules", "requests", "webhooks", "faults")
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
_PRESETS = {
    "answer_lost": Fault("/subscribe/payments/again", "cut_after"),
    "charge_lost": Fault("/subscribe/payments/again", "cut_before"),
    "imports_down": Fault("/*", "error", status=503, times=0),
    "slow": Fault("/*", "delay", seconds=10.0, times=0),
    "token_lost": Fault("/*", "unauthorized"),
    "webhook_lost": Fault("webhook", "drop"),
    "webhook_twice": Fault("webhook", "repeat"),
    "webhook_first": Fault("webhook", "first"),
}
"""What most people want to see go wrong, one press each."""
_LONGEST_PAGE = 7
_SUMS = (
    "SELECT coalesce(sum(amount), 0) AS paid, coalesce(sum(cancel_amount), 0) AS gone"
    " FROM payment WHERE paid_at > 0 AND amount > 0"
)
_FAULT_KINDS = {"before": faults.BEFORE, "after": faults.AFTER, "webhook": faults.OF_WEBHOOKS}


@blueprint.get("/")
@blueprint.get("/console/")
def overview() -> Response:
    """The payments, first of all."""
    return show("payments")


@blueprint.get("/console/<tab>")
def show(tab: str) -> Response:
    """One list, newest first, filtered by a word and by where things stand."""
    if tab not in TABS:
        abort(404)
    return _page(tab)


@blueprint.get("/console/<tab>/<path:name>")
def show_thing(tab: str, name: str) -> Response:
    """One payment, key or schedule with everything that belongs to it."""
    if tab not in ("payments", "keys", "schedules"):
        abort(404)
    language, texts = texts_for(request)
    found = timeline.thing(sandbox(), _lists(language, texts), tab, name)
    if found is None:
        abort(404)
    now = clock_time(sandbox().clock.seconds())
    values = {"language": language, "t": texts, "now": now, "replies": timeline.replies}
    return answer(render_template("thing.html", tab=tab, name=name, thing=found, **values))


@blueprint.post("/console/send-again")
def send_again() -> Any:
    """Send a request or a webhook once more, as it was or as somebody has changed it."""
    method, target, body = (request.form.get(name, "") for name in ("method", "target", "body"))
    if method == "WEBHOOK":
        try:
            sandbox().webhooks.send_as(target, body)
        except ValueError:
            abort(400, "a webhook's body is JSON")
        return _back_to("webhooks")
    if method not in resending.METHODS or not target.startswith("/") or target.startswith("//"):
        abort(400, "a method and a path of the REST API")
    resending.send(current_app, sandbox(), method, target, body)
    return _back_to("requests")


@blueprint.post("/console/break")
def break_something() -> Any:
    """Set a fault; one that cannot be set, or will never be met, comes back with what is wrong and what was typed."""
    typed = {name: _printable(request.form.get(name, "").strip()[:_LONGEST_INPUT]) for name in faults.FIELDS}
    wrong = None
    try:
        fault = faults.read({name: _value(name, text) for name, text in typed.items()})
        if request.form.get("sure") or resending.is_known(current_app, fault.path, fault.method):
            sandbox().faults.add(fault)
        else:
            wrong = "unknown"
    except BadFault as problem:
        wrong = problem.field
    if wrong is None:
        return _back_to("faults")
    page = _page("faults", typed=typed, wrong=wrong)
    page.status_code = 400
    return page


@blueprint.post("/console/preset")
def break_as_usual() -> Any:
    """Set one of the faults that most people want."""
    fault = _PRESETS.get(request.form.get("preset", ""))
    if fault is None:
        abort(404)
    sandbox().faults.add(fault)
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
    word, state = (_printable(request.args.get(name, "").strip()[:_LONGEST_INPUT]) for name in ("q", "state"))
    asked = request.args.get("page", "")
    page = max(int(asked), 1) if asked.isdecimal() and len(asked) < _LONGEST_PAGE else 1
    listed = _lists(language, texts).of(tab, word, state, page)
    sums = books.store.all(_SUMS)[0]
    return answer(
        render_template(
            "console.html",
            language=language,
            t=texts,
            tab=tab,
            tabs=TABS,
            word=word,
            state=state,
            states=sorted({*listed.states, state} - {""}),
            lines=listed.lines,
            found=listed.total,
            page=page,
            has_more=tab != "faults" and page * PAGE_SIZE < listed.total,
            now=clock_time(books.clock.seconds()),
            ledger={"captured": sums["paid"], "cancelled": sums["gone"], "net": sums["paid"] - sums["gone"]},
            presets=_PRESETS,
            fault_paths=_FAULT_PATHS,
            fault_kinds=_FAULT_KINDS,
            typed=typed or {},
            wrong=wrong,
        )
    )


def _lists(language: str, texts: Mapping[str, str]) -> Lists:
    return Lists(sandbox(), request.host_url.rstrip("/"), language, texts)


def answer(page: str) -> Response:
    """A page of the console, which asks and shows nothing but the sandbox."""
    reply = make_response(page)
    reply.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    reply.headers["Cache-Control"] = "no-store"
    return reply


def _back_to(tab: str) -> Any:
    return redirect(url_for("console.show", tab=tab if tab in TABS else "payments"), 303)


def _printable(text: str) -> str:
    """What a page may repeat."""
    return "".join(letter for letter in text if letter.isprintable())


def _value(name: str, text: str) -> Any:
    """What was typed as a fault's JSON has it; what is no number stays a text, and is refused as such."""
    if not text:
        return None
    if name not in ("status", "seconds", "times", "probability"):
        return text
    try:
        return float(text)
    except ValueError:
        return text
