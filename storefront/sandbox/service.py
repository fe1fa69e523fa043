"""The service host: the frame the SDK loads, and the payment window's pages.

In a frame on another origin no cookie is kept, so a window's state stands behind an address nobody can guess.
Source: the protocol between the official SDK 1.1.5 and its service host.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

import flask_bootstrap
from flask import (
    Blueprint,
    Response,
    abort,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    send_from_directory,
    url_for,
)

from storefront.sandbox import cards, window
from storefront.sandbox.faults import Fault
from storefront.sandbox.parts import Sandbox
from storefront.sandbox.rest import sandbox
from storefront.sandbox.sdk import STATIC
from storefront.sandbox.texts import texts_for
from storefront.sandbox.window import CardInput, InvalidCard, WindowResult

blueprint = Blueprint("service", __name__, template_folder="templates")

FORGED_AMOUNT = 100
TEST_EXPIRY = "12/40"
_CALLBACK_NAME = re.compile(r"[\w.$]{1,100}")
_BOOTSTRAP = f"{flask_bootstrap.__path__[0]}/static/bootstrap5/css"
_WEBHOOK_FAULTS = ("first", "delay", "repeat", "hold", "drop")


@blueprint.get("/")
def home() -> Any:
    """People who open the origin want the console."""
    return redirect(url_for("console.overview"))


@blueprint.get("/static/<path:name>")
def static(name: str) -> Response:
    """Scripts, styles, and Bootstrap's stylesheet from its package."""
    return send_from_directory(_BOOTSTRAP if name == "bootstrap.min.css" else STATIC, name)


@blueprint.get("/users/pg/<code>")
def pg_settings(code: str) -> Response:
    """Which PG settings a merchant has: JSONP for browsers, JSON for apps."""
    settings = sandbox().settings
    if code != settings.code:
        answer: dict[str, Any] = {"code": 1, "msg": "등록되지 않은 가맹점 식별코드입니다.", "data": []}
    else:
        setting = {"pg_provider": "jtnet", "pg_id": settings.pg_id, "type": "payment", "sandbox": settings.test_channel}
        answer = {"code": 0, "msg": None, "data": [setting]}
    callback = request.args.get("callback")
    if callback is None:
        return jsonify(answer)
    if not _CALLBACK_NAME.fullmatch(callback):
        abort(400)
    return Response(f"/**/{callback}({json.dumps(answer)});", mimetype="text/javascript")


@blueprint.get("/payments/ready/<code>")
@blueprint.get("/payments/ready/<code>/<pg>")
@blueprint.get("/payments/ready/<code>/<pg>/<mid>")
def ready(code: str, pg: str = "", mid: str = "") -> Response:  # noqa: ARG001
    """The frame: it waits to be told what to pay, and loading it makes no payment."""
    sdk = "new" if request.args.get("sdk") == "new" else "old"
    return _page("ready.html", sdk=sdk)


@blueprint.get("/payments/open")
def open_window() -> Any:
    """Open a window for what the page asked for, or end it at once if it must not open."""
    opened: dict[str, Any] = {
        "params": _params(request.args.get("params", "")),
        "device": "mobile" if request.args.get("device") == "mobile" else "pc",
        "sdk": "new" if request.args.get("sdk") == "new" else "old",
        "request_id": request.args.get("request_id", "")[:100],
        "parent": _origin(request.args.get("parent")),
    }
    books = sandbox()
    window_id = books.identifiers.window()
    books.store.insert("opened_window", id=window_id, at=books.clock.seconds(), request=json.dumps(opened))
    if window.opening_error(books, opened["params"]):
        return _end(books, window_id, opened, _walk(books, opened, card=None, outcome="card", late=False))
    return redirect(url_for("service.show_window", window_id=window_id), 303)


@blueprint.get("/payments/window/<window_id>")
def show_window(window_id: str) -> Any:
    """The payment window."""
    opened, result = _opened(window_id)
    return _again(opened, result) if result else _form(opened)


@blueprint.post("/payments/window/<window_id>")
def use_window(window_id: str) -> Any:
    """Pay or cancel."""
    books = sandbox()
    opened, ended = _opened(window_id)
    if ended:
        return _again(opened, ended)
    if request.form.get("action") == "cancel":
        return _end(books, window_id, opened, _walk(books, opened, card=None, outcome="cancel"))
    card = CardInput(*(request.form.get(name, "")[:40] for name in ("card_number", "expiry", "birth", "pwd_2digit")))
    try:
        problems = {} if request.form.get("agree") else {"agree": _texts(opened)[1]["not_agreed"]}
        cards.check(card, books.clock.now())
    except InvalidCard as invalid:
        problems = {**invalid.fields, **problems}
    if problems:
        return _form(opened, problems), 400
    if request.form.get("webhook") in _WEBHOOK_FAULTS:
        books.faults.add(Fault("webhook", request.form["webhook"], seconds=10.0))
    outcome = "lose_callback" if request.form.get("lose_callback") else "card"
    forged = FORGED_AMOUNT if request.form.get("forge") else None
    return _end(books, window_id, opened, _walk(books, opened, card=card, outcome=outcome, forged=forged))


def _walk(
    books: Sandbox,
    opened: dict[str, Any],
    *,
    card: CardInput | None,
    outcome: Any,
    forged: int | None = None,
    late: bool = True,
) -> WindowResult:
    # Whether the order may be paid was checked when the window opened; another window may have paid it since.
    return window.pay(
        books,
        opened["params"],
        device=opened["device"],
        sdk=opened["sdk"],
        card=card,
        outcome=outcome,
        charge_amount=forged,
        late=late,
        user_agent=request.headers.get("User-Agent"),
    )


def _end(books: Sandbox, window_id: str, opened: dict[str, Any], result: WindowResult) -> Any:
    """Remember how the window ended, so that a second press or a reload tells the same, and tell it."""
    books.store.write("UPDATE opened_window SET result = ? WHERE id = ?", json.dumps(vars(result)), window_id)
    answer = make_response(_again(opened, vars(result)))
    answer.call_on_close(books.webhooks.wake)
    return answer


def _again(opened: dict[str, Any], result: dict[str, Any]) -> Any:
    """Take the browser back (phone), or tell the page (desktop)."""
    if result["redirect"]:
        return redirect(result["redirect"], 303)
    told = result["callback"]
    data = {"request_id": opened["request_id"], **told} if told is not None else None
    shop = opened["parent"] or _origin(opened["params"].get("m_redirect_url"))
    finished = {"parent": opened["parent"] if data else None, "data": data}
    return _page("finish.html", opened, lost=data is None, finished=finished, shop=shop)


def _form(opened: dict[str, Any], problems: dict[str, str] | None = None) -> Response:
    params = opened["params"]
    amount = int(float(params.get("amount") or 0))
    kind = ("first" if amount else "key") if params.get("customer_uid") else "once"
    return _page(
        "window.html",
        opened,
        params=params,
        amount=amount,
        kind=kind,
        problems=problems or {},
        typed=request.form,
        test_cards=cards.BEHAVIOURS,
        expiry=TEST_EXPIRY,
        forged=FORGED_AMOUNT,
        webhook_faults=_WEBHOOK_FAULTS,
        target="_top" if opened["device"] == "mobile" else None,
    )


def _page(template: str, opened: dict[str, Any] | None = None, **values: Any) -> Response:
    language, texts = _texts(opened)
    page = make_response(render_template(template, language=language, t=texts, **values))
    back = _origin((opened or {}).get("params", {}).get("m_redirect_url"))
    page.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
        # A form's redirect is judged as well: the phone goes back to the shop.
        f"form-action 'self' {back or ''}; base-uri 'none'; frame-ancestors *"
    )
    page.headers["Referrer-Policy"] = "no-referrer"
    page.headers["X-Content-Type-Options"] = "nosniff"
    page.headers["Cache-Control"] = "no-store"
    return page


def _texts(opened: dict[str, Any] | None) -> Any:
    return texts_for(request, (opened or {}).get("params", {}).get("language"))


def _opened(window_id: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    row = sandbox().store.one("SELECT request, result FROM opened_window WHERE id = ?", window_id)
    if row is None:
        abort(404)
    return json.loads(row["request"]), json.loads(row["result"]) if row["result"] else None


def _params(text: str) -> dict[str, Any]:
    try:
        params = json.loads(text)
    except (ValueError, RecursionError):
        abort(400, "params should be JSON")
    if not isinstance(params, dict):
        abort(400, "params should be an object")
    return params


def _origin(address: object) -> str | None:
    """The origin of an http(s) address, or None; nothing else is ever posted to or allowed."""
    if not isinstance(address, str):
        return None
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[A-Za-z0-9.\-\[\]:]+", parts.netloc):
        return None
    return f"{parts.scheme}://{parts.netloc}"
