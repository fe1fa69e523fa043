"""The sandbox asks nobody for a password, so it keeps to its own machine."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from flask import Flask

from tests.people import Sandbox
from tests.wsgi import SANDBOX_URL

KEYS = {"imp_key": "sandbox_key", "imp_secret": "sandbox_secret"}
ORDER = {"pg": "jtnet", "merchant_uid": "order-1", "amount": 1_000, "name": "tea"}


def post(app: Flask, path: str, body: dict[str, Any], **how: Any) -> int:
    """POST JSON from somewhere; the status."""
    return app.test_client().post(path, json=body, **{"base_url": SANDBOX_URL, **how}).status_code


@pytest.mark.parametrize(
    ("path", "body"), [("/users/getToken", KEYS), ("/_sandbox/clock", {"advance": 60}), ("/_sandbox/reset", {})]
)
def test_another_machine_is_refused(sandbox_app: Flask, sandbox: Sandbox, path: str, body: dict[str, Any]) -> None:
    """Whatever it asks for."""
    sandbox.pay(ORDER)
    for address in ("192.0.2.7", "10.0.0.1", "2001:db8::1", ""):
        assert post(sandbox_app, path, body, environ_base={"REMOTE_ADDR": address}) == 403
    assert sandbox.net() == 1_000
    assert post(sandbox_app, path, body, environ_base={"REMOTE_ADDR": "::1"}) == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "192.0.2.7:8001", "127.0.0.1.evil.example"])
def test_another_name_is_refused(sandbox_app: Flask, host: str) -> None:
    """A page elsewhere can make its own name lead to this machine, and then it would be of the same origin."""
    assert post(sandbox_app, "/users/getToken", KEYS, base_url=f"http://{host}") == 403
    assert post(sandbox_app, "/_sandbox/reset", {}, base_url=f"http://{host}") == 403


@pytest.mark.parametrize("path", ["/_sandbox/reset", "/_sandbox/faults", "/_sandbox/console/reset"])
@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:8000", "null"])
def test_another_page_changes_nothing(sandbox_app: Flask, sandbox: Sandbox, path: str, origin: str) -> None:
    """A form anywhere on the web could be sent here by the tester's own browser."""
    sandbox.pay(ORDER)

    assert post(sandbox_app, path, {"path": "/payments/*", "kind": "error"}, headers={"Origin": origin}) == 403

    assert sandbox.net() == 1_000
    assert sandbox.session.get(f"{SANDBOX_URL}/_sandbox/faults").json() == {"faults": []}


@pytest.mark.parametrize(
    "target",
    [
        "http://192.0.2.7/hook",
        "https://shop.example.com/hook",
        "http://localhost.evil.example/hook",
        "http://127.0.0.1@evil.example/hook",
        "ftp://127.0.0.1/hook",
        "file:///etc/passwd",
        "http://[::ffff:192.0.2.7]/hook",
    ],
)
def test_a_webhook_goes_to_no_other_machine(sandbox_app: Flask, sandbox: Sandbox, target: str) -> None:
    """It is written down as dropped, and never sent."""
    opened: list[requests.Session] = []
    sandbox_app.extensions["sandbox"].webhooks.open_session = lambda: opened.append(requests.Session()) or opened[-1]

    sandbox.pay({**ORDER, "notice_url": target})
    sandbox.drain()

    [hook] = sandbox.webhooks()
    assert (hook["url"], hook["state"], hook["attempts"]) == (target, "dropped", [])
    assert opened == []
