"""The sandbox as a WSGI application on its own origin."""

from __future__ import annotations

from typing import Any

from flask import Flask, jsonify, redirect, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from storefront.sandbox import doorkeeper
from storefront.sandbox.console import control, pages
from storefront.sandbox.console.scenarios import shelf
from storefront.sandbox.console.scenarios import views as scenarios
from storefront.sandbox.parts import Sandbox
from storefront.sandbox.rest import operations
from storefront.sandbox.rest.addresses import IdConverter
from storefront.sandbox.rest.envelope import refused
from storefront.sandbox.rest.front import LARGEST_BODY, REST, Front
from storefront.sandbox.settings import SandboxSettings
from storefront.sandbox.window import sdk, service
from storefront.sandbox.wire.refusals import NOT_SIMULATED, Refusal


class _AsWritten(DefaultJSONProvider):
    """JSON with its fields in the order they are written in, which is the official description's; sorting takes time."""

    sort_keys = False


def create_sandbox(settings: SandboxSettings | None = None) -> Flask:
    """An i'mport of its own.

    Args:
        settings: the merchant it serves and the file it keeps its state in.

    Returns:
        The application; `app.extensions["sandbox"]` holds its books and has to be closed in the end.

    Raises:
        BadSeedError: the settings' seed file cannot be used.
        BadScenario: the settings' scenario cannot be played.
    """
    settings = settings or SandboxSettings()
    if settings.scenario:
        shelf.of_file(settings.scenario)
    sandbox = Sandbox(settings)
    app = Flask(__name__, static_folder=None)
    app.url_map.strict_slashes = False
    app.url_map.converters["id"] = IdConverter
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.json = _AsWritten(app)
    app.extensions["sandbox"] = sandbox
    app.before_request(doorkeeper.check)
    for part in (operations, service, sdk, control, pages, scenarios):
        app.register_blueprint(part.blueprint)
    app.register_error_handler(HTTPException, _answer_error)
    app.wsgi_app = Front(app.wsgi_app, sandbox)  # type: ignore[method-assign]
    return app


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
