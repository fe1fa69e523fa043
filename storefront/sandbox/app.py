"""The sandbox as a WSGI application on its own origin."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, abort, jsonify, redirect, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from storefront.sandbox.console import control, pages
from storefront.sandbox.parts import Sandbox
from storefront.sandbox.rest import operations
from storefront.sandbox.rest.addresses import IdConverter
from storefront.sandbox.rest.envelope import refused
from storefront.sandbox.rest.front import LARGEST_BODY, REST, Front
from storefront.sandbox.settings import SandboxSettings
from storefront.sandbox.window import sdk, service
from storefront.sandbox.wire.refusals import NOT_SIMULATED, Refusal

_OWN_NAMES = ("localhost", "127.0.0.1", "[::1]", "::1")
_PLAYED_NAMES = ("api.iamport.kr", "service.iamport.kr", "cdn.iamport.kr")
"""A machine or a browser may be told that these are here, so that programs which know no other name meet the sandbox."""


class _AsWritten(DefaultJSONProvider):
    """JSON with its fields in the order they are written in, which is the official description's; sorting takes time."""

    sort_keys = False


def create_sandbox(settings: SandboxSettings | None = None) -> Flask:
    """An i'mport of its own.

    Args:
        settings: the merchant it serves and the file it keeps its state in.

    Returns:
        The application; `app.extensions["sandbox"]` holds its books and has to be closed in the end.
    """
    sandbox = Sandbox(settings or SandboxSettings())
    app = Flask(__name__, static_folder=None)
    app.url_map.strict_slashes = False
    app.url_map.converters["id"] = IdConverter
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.json = _AsWritten(app)
    app.extensions["sandbox"] = sandbox
    app.before_request(_keep_to_this_machine)
    for part in (operations, service, sdk, control, pages):
        app.register_blueprint(part.blueprint)
    app.register_error_handler(HTTPException, _answer_error)
    app.wsgi_app = Front(app.wsgi_app, sandbox)  # type: ignore[method-assign]
    return app


def _keep_to_this_machine() -> None:
    """Other machines, other names and other pages' scripts stay outside: none of this asks for a password."""
    host = urlsplit(f"//{request.host}").hostname
    is_own = request.path.startswith("/_sandbox")
    if host not in (_OWN_NAMES if is_own else _OWN_NAMES + _PLAYED_NAMES):
        abort(403, "the sandbox answers to localhost only")
    if not _is_loopback(request.remote_addr):
        abort(403, "the sandbox is for this machine only")
    if not is_own:
        return
    origin = request.headers.get("Origin")
    if request.method not in ("GET", "HEAD") and origin not in (None, request.host_url.rstrip("/")):
        abort(403, "another page may not change the sandbox")


def _is_loopback(address: str | None) -> bool:
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False


def _answer_error(error: HTTPException) -> Any:
    status = error.code or 500
    if isinstance(error, RequestRedirect):
        return redirect(error.new_url, status)
    if request.path.startswith("/_sandbox"):
        return jsonify({"error": error.description or error.name}), status
    if status == 404 and REST.fullmatch(request.path):  # noqa: PLR2004
        asked = f"{request.method} {request.path}"
        refusal = Refusal(f"{NOT_SIMULATED}: {asked}", code=-1, status=501, rule=f"{asked} is not simulated")
        return refused(refusal)
    return refused(Refusal(error.name, code=-1, status=status, rule=error.description or ""))
