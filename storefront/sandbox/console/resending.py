"""Requests that a tester sends by hand, through the same door as any shop's."""

from __future__ import annotations

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.test import Client, TestResponse

from storefront.sandbox.parts import Sandbox
from storefront.sandbox.wire.parameters import Parameters

METHODS = ("GET", "POST", "PUT", "DELETE")
"""Those that the REST API knows."""


def send(app: Flask, sandbox: Sandbox, method: str, target: str, body: str) -> TestResponse:
    """Send a request with a token of the merchant's own; it is written down like every other one.

    Args:
        app: the sandbox's application.
        sandbox: its books.
        method: the HTTP method.
        target: path and query.
        body: JSON; empty or `{}` is none.

    Returns:
        The reply, read to its end.
    """
    keys = {"imp_key": sandbox.settings.key, "imp_secret": sandbox.settings.secret}
    token = str(sandbox.tokens.issue(Parameters(keys))["access_token"])
    data = None if body.strip() in ("", "{}") else body.encode("utf-8", "replace")
    reply = Client(app.wsgi_app).open(
        target,
        method=method,
        data=data,
        content_type="application/json" if data else None,
        headers={"Authorization": token},
        base_url="http://localhost",
        environ_base={"REMOTE_ADDR": "127.0.0.1"},
        buffered=True,
    )
    reply.close()
    return reply


def is_known(app: Flask, path: str, method: str | None) -> bool:
    """Whether a fault can ever happen: an operation is at its path, or begins like that, and has its method if it names one."""
    if path == "webhook":
        return True
    if path.endswith("*"):
        begin = path[:-1]
        rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("rest.")]
        fixed = [rule.rule.partition("<")[0] for rule in rules if method is None or method in (rule.methods or ())]
        return any(one.startswith(begin) or (one.endswith("/") and begin.startswith(one)) for one in fixed)
    adapter = app.url_map.bind("localhost")
    for each in (method,) if method else METHODS:
        try:
            endpoint, _ = adapter.match(path, method=each)
        except RequestRedirect:
            return True
        except HTTPException:
            continue
        if endpoint.startswith("rest."):
            return True
    return False
