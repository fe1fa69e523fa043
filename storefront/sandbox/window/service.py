"""The service host: the frame the SDK loads, and the payment window's pages.

Source: the protocol between the official SDK 1.1.5 and its service host. What the real window looks like, and how it is
driven on a phone, is in no document: that part is ours.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urldefrag

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

from storefront.sandbox.books import cards, pg_settings
from storefront.sandbox.books.faults import OF_WEBHOOKS, Fault
from storefront.sandbox.parts import sandbox
from storefront.sandbox.window import opened, paying
from storefront.sandbox.window.opened import Ending, OpenedWindow, Opening
from storefront.sandbox.window.paying import CardInput, InvalidCard, WindowResult
from storefront.sandbox.window.returning import source_of, way_back
from storefront.sandbox.window.sdk import STATIC
from storefront.sandbox.window.texts import texts_for
from storefront.sandbox.wire.addresses import web_address
from storefront.sandbox.wire.parameters import read_json, whole

blueprint = Blueprint("service", __name__)

FORGED_AMOUNT = 100
"""Won that are captured when a tester asks for a forged amount."""
WEBHOOK_DELAY_S = 10.0
_INPUTS = ("card_number", "expiry", "birth", "pwd_2digit")
_LONGEST_INPUT = 100
_CALLBACK_NAME = re.compile(r"[\w.$]{1,100}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9.\-\[\]:]+")
_BOOTSTRAP = f"{flask_bootstrap.__path__[0]}/static/bootstrap5/css"


@blueprint.get("/")
def home() -> Any:
    """People who open the origin want the console."""
    return redirect(url_for("console.overview"))


@blueprint.get("/static/<path:name>")
def static(name: str) -> Response:
    """Scripts, styles, and Bootstrap's stylesheet from its package."""
    return send_from_directory(_BOOTSTRAP if name == "bootstrap.min.css" else STATIC, name)


@blueprint.get("/users/pg/<code>")
def settings_of(code: str) -> Response:
    """Which PG settings a merchant has: JSONP for browsers, JSON for apps."""
    settings = sandbox().settings
    if code != settings.code:
        answer: dict[str, Any] = {"code": 1, "msg": paying.UNKNOWN_MERCHANT[1], "data": []}
    else:
        same = {"pg_provider": "jtnet", "type": "payment", "sandbox": settings.test_channel}
        every = [{**same, "pg_id": one.pg_id} for one in pg_settings.listed(settings)]
        answer = {"code": 0, "msg": None, "data": every}
    callback = request.args.get("callback")
    if callback is None:
        return jsonify(answer)
    if not _CALLBACK_NAME.fullmatch(callback):
        abort(400)
    # The comment keeps a chosen name from being the first bytes of the reply.
    return Response(f"/**/{callback}({json.dumps(answer)});", mimetype="text/javascript")


@blueprint.get("/payments/ready/<code>")
@blueprint.get("/payments/ready/<code>/<pg>")
@blueprint.get("/payments/ready/<code>/<pg>/<mid>")
def ready(code: str, pg: str = "", mid: str = "") -> Response:  # noqa: ARG001 - the request names it again
    """The frame: it waits to be told what to pay, and loading it makes no payment."""
    if not code.isprintable():
        abort(400, "the identification code should be text")
    return _page("ready.html", None, code=code, sdk=_style())


@blueprint.get("/payments/open")
def open_window() -> Any:
    """Open a window for what the page asked for, or end it at once if it must not open.

    A script is told in JSON what to do: `{window}` is the address to show, `{told}` what to tell the page around.
    """
    opening = Opening(
        code=request.args.get("code", "")[:100],
        params=_params(request.args.get("params", "")),
        device="mobile" if request.args.get("device") == "mobile" else "pc",
        sdk=_style(),
        request_id=request.args.get("request_id", "")[:100],
        parent=_origin(request.args.get("parent")),
        page=_page_address(request.args.get("page")),
    )
    one = opened.remember(sandbox(), opening)
    error = _opening_error(opening)
    is_script = request.accept_mimetypes.best == "application/json"
    if error is None:
        window = url_for("service.show_window", window_id=one.id)
        return jsonify({"window": window}) if is_script else redirect(window, 303)
    # Nothing has left its page yet: whoever waits around the frame is told, and a phone's page decides by itself.
    device = "pc" if opening.parent else opening.device
    result = paying.refuse(opening.params, device=device, sdk=opening.sdk, error=error, page=opening.page)
    answer = _end(one, result)
    return jsonify({"told": _told(opening, result.callback or {})}) if is_script else answer


@blueprint.get("/payments/fail")
def fail() -> Response:
    """Where a phone's page ends that gave neither a callback nor a way back, and whose window did not open."""
    page = _page_address(request.args.get("page"))
    opening = Opening("", {}, "mobile", "old", "", None, page)
    return _page("finish.html", opening, state="stays", reason=request.args.get("error_msg", "")[:200])


@blueprint.get("/payments/window/<window_id>")
def show_window(window_id: str) -> Any:
    """The payment window, or how it ended."""
    one = _find(window_id)
    if one.ending:
        return _tell(one, one.ending)
    return _page("finish.html", one.opening, state="at_work", told={"reload": True}) if one.is_at_work else _form(one)


@blueprint.post("/payments/window/<window_id>")
def use_window(window_id: str) -> Any:
    """Pay or cancel, once: whoever presses again is shown what the first press led to."""
    one = _find(window_id)
    is_cancel = request.form.get("action") == "cancel"
    card = CardInput(*(request.form.get(name, "")[:_LONGEST_INPUT] for name in _INPUTS))
    problems = [] if is_cancel else _problems(card)
    if problems and one.ending is None:
        return _form(one, problems), 400
    if not opened.begin(sandbox(), one.id):
        return redirect(url_for("service.show_window", window_id=one.id), 303)
    opened.step(sandbox(), one.opening.params, "cancel pressed" if is_cancel else "pay pressed")
    try:
        result = _cancel(one) if is_cancel else _pay(one, card)
    except BaseException:
        opened.give_back(sandbox(), one.id)
        raise
    return _end(one, result, is_lost="lose_callback" in request.form and not is_cancel)


def _opening_error(opening: Opening) -> tuple[str, str] | None:
    if opening.code != sandbox().settings.code:
        return paying.UNKNOWN_MERCHANT
    return paying.opening_error(sandbox(), opening.params)


def _problems(card: CardInput) -> list[str]:
    """The names of the inputs that have to be mended, in the order of the form."""
    wrong = {} if request.form.get("agree") else {"agree": ""}
    try:
        cards.check(card, sandbox().clock.now(), luhn=sandbox().settings.luhn)
    except InvalidCard as invalid:
        wrong |= invalid.fields
    return [name for name in ("card_number", "expiry", "pwd_2digit", "birth", "agree") if name in wrong]


def _cancel(one: OpenedWindow) -> WindowResult:
    return paying.pay(
        sandbox(),
        one.opening.params,
        device=one.opening.device,
        sdk=one.opening.sdk,
        card=None,
        outcome="cancel",
        late=True,
        opened_at=one.at,
        page=one.opening.page,
    )


def _pay(one: OpenedWindow, card: CardInput) -> WindowResult:
    """Pay as the drawer of outcomes says.

    Whether the order may be paid was checked when the window opened; another window may have paid it since, which is why
    the payment is `late`.
    """
    books, kind = sandbox(), request.form.get("webhook")
    fault = Fault("webhook", kind, seconds=WEBHOOK_DELAY_S) if kind in OF_WEBHOOKS else None
    fault_id = books.faults.add(fault) if fault else None
    try:
        return paying.pay(
            books,
            one.opening.params,
            device=one.opening.device,
            sdk=one.opening.sdk,
            card=card,
            outcome="lose_callback" if "lose_callback" in request.form else "card",
            charge_amount=FORGED_AMOUNT if "forge" in request.form else None,
            late=True,
            user_agent=request.headers.get("User-Agent"),
            opened_at=one.at,
            page=one.opening.page,
        )
    finally:
        if fault_id is not None:
            # A declined card sends no webhook; the next payment's shall not suffer for it.
            books.faults.withdraw(fault_id)


def _end(one: OpenedWindow, result: WindowResult, *, is_lost: bool = False) -> Any:
    """Write down how the window ended, tell it, and let the webhook go once the answer is out."""
    ending = Ending(result.status, result.callback, result.redirect, is_lost)
    opened.end(sandbox(), one.id, ending)
    opened.step(sandbox(), one.opening.params, "ended", imp_uid=result.imp_uid, **vars(ending))
    answer = make_response(_tell(one, ending))
    answer.call_on_close(sandbox().webhooks.wake)
    return answer


def _tell(one: OpenedWindow, ending: Ending) -> Any:
    """Take the browser back (phone), or tell the page around the frame (desktop)."""
    if ending.redirect:
        return redirect(ending.redirect, 303)
    if ending.callback is None:
        return _page("finish.html", one.opening, state="lost" if ending.is_lost else "stays", status=ending.status)
    told = {"parent": one.opening.parent, "data": _told(one.opening, ending.callback)}
    return _page("finish.html", one.opening, state="told", told=told)


def _told(opening: Opening, callback: dict[str, Any]) -> dict[str, Any]:
    """What the page around the frame hears, with the id by which it finds its callback."""
    return {"request_id": opening.request_id, **callback}


def _form(one: OpenedWindow, problems: list[str] | None = None) -> Response:
    params = one.opening.params
    amount = whole(params.get("amount")) or 0
    return _page(
        "window.html",
        one.opening,
        window_id=one.id,
        params=params,
        amount=amount,
        kind=("first" if amount else "key") if paying.customer_uid_of(sandbox(), params) else "once",
        problems=problems or [],
        typed={name: value for name, value in request.form.items() if value.isprintable()},
        test_cards=[(behaviour, cards.named(behaviour.name)) for behaviour in cards.BEHAVIOURS],
        forged=FORGED_AMOUNT,
        webhook_faults=OF_WEBHOOKS,
        target="_top" if one.opening.device == "mobile" else None,
    )


def _page(template: str, opening: Opening | None, **values: Any) -> Response:
    params = opening.params if opening else {}
    page_address = opening.page if opening else None
    back = source_of(way_back(params.get("m_redirect_url"), page_address))
    language, texts = texts_for(request, params.get("language"))
    shop = page_address or (opening.parent if opening else None) or _origin(params.get("m_redirect_url"))
    page = make_response(render_template(template, language=language, t=texts, shop=shop, **values))
    # A form's redirect is judged by form-action as well, and the phone's leads back to the shop.
    page.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
        f"form-action 'self' {back or ''}; base-uri 'none'; frame-ancestors *"
    )
    page.headers["Referrer-Policy"] = "no-referrer"
    page.headers["X-Content-Type-Options"] = "nosniff"
    page.headers["Cache-Control"] = "no-store"
    return page


def _find(window_id: str) -> OpenedWindow:
    one = opened.find(sandbox(), window_id)
    if one is None:
        abort(404)
    return one


def _style() -> Any:
    return "new" if request.args.get("sdk") == "new" else "old"


def _params(text: str) -> dict[str, Any]:
    try:
        params = read_json(text)
    except ValueError:
        abort(400, "params should be JSON")
    if not isinstance(params, dict):
        abort(400, "params should be an object")
    return params


def _page_address(address: str | None) -> str | None:
    """Where the page is that asked, without what its own fragment says; None if that is no web address."""
    return urldefrag(address).url if address and web_address(address) else None


def _origin(address: object) -> str | None:
    """The origin of an http(s) address, or None; nothing else is ever posted to or allowed."""
    if not isinstance(address, str):
        return None
    parts = web_address(address)
    if parts is None or not _HOST.fullmatch(parts.netloc):
        return None
    return f"{parts.scheme}://{parts.netloc}"
