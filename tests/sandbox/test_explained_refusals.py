"""Every refusal says which rule was broken and where it is written, beside a body that stays i'mport's."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
import requests
from flask import Flask

from storefront.sandbox import SandboxSettings, create_sandbox
from tests.people import Sandbox
from tests.wsgi import SANDBOX_URL, session_for

DOCUMENT = re.compile(r"V1 API description, ([A-Z]+) (/\S*)")


@pytest.fixture
def headers(sandbox: Sandbox) -> dict[str, str]:
    """The merchant's token."""
    keys = {"imp_key": "sandbox_key", "imp_secret": "sandbox_secret"}
    got = sandbox.session.post(f"{sandbox.url}/users/getToken", json=keys, timeout=30).json()
    return {"Authorization": got["response"]["access_token"]}


REFUSED = [
    ("POST", "/payments/cancel", {"imp_uid": "imp_none"}, "POST /payments/cancel"),
    ("GET", "/payments/imp_none", None, "GET /payments/{imp_uid}"),
    ("GET", "/payments/find/nothing", None, "GET /payments/find/{merchant_uid}/{payment_status}"),
    ("GET", "/payments?imp_uid[]=imp_none", None, "GET /payments"),
    ("POST", "/subscribe/payments/again", {}, "POST /subscribe/payments/again"),
    ("POST", "/payments/prepare", {}, "POST /payments/prepare"),
    ("GET", "/subscribe/customers/nobody", None, "GET /subscribe/customers/{customer_uid}"),
    ("POST", "/subscribe/payments/unschedule", {"customer_uid": "nobody"}, "POST /subscribe/payments/unschedule"),
]


@pytest.mark.parametrize(("method", "path", "body", "operation"), REFUSED)
def test_a_refusal_names_its_rule_and_the_official_document(
    sandbox: Sandbox, headers: dict[str, str], method: str, path: str, body: dict[str, str] | None, operation: str
) -> None:
    """In headers, and in the log of requests; the body has i'mport's three fields and no other."""
    reply: requests.Response = sandbox.session.request(method, sandbox.url + path, json=body, headers=headers)

    assert reply.headers["X-Sandbox-Rule"]
    assert reply.headers["X-Sandbox-Document"] == f"V1 API description, {operation}"
    assert set(reply.json()) == {"code", "message", "response"}
    logged = sandbox.requests()[-1]
    assert logged["rule"] == reply.headers["X-Sandbox-Rule"]
    assert logged["document"] == reply.headers["X-Sandbox-Document"]


def test_a_call_without_a_token_is_explained_too(sandbox: Sandbox) -> None:
    """By the operation that was asked for."""
    reply = sandbox.session.get(f"{sandbox.url}/payments/imp_1")

    assert reply.status_code == 401
    assert reply.headers["X-Sandbox-Rule"]
    assert reply.headers["X-Sandbox-Document"] == "V1 API description, GET /payments/{imp_uid}"


def test_what_imports_does_not_describe_names_no_document(sandbox: Sandbox, headers: dict[str, str]) -> None:
    """And an answer that is no refusal explains nothing."""
    for path in ("/certifications/1", "/escrows/logis/imp_1"):
        reply = sandbox.session.get(sandbox.url + path, headers=headers)
        assert reply.headers["X-Sandbox-Rule"]
        assert "X-Sandbox-Document" not in reply.headers
    sandbox.session.get(f"{sandbox.url}/users/pg", headers=headers)
    assert (sandbox.requests()[-1]["rule"], sandbox.requests()[-1]["document"]) == (None, None)


def test_every_operation_names_the_one_it_plays(sandbox_app: Flask) -> None:
    """The name in a view's docstring is the address it answers at."""
    rules = [rule for rule in sandbox_app.url_map.iter_rules() if rule.endpoint.startswith("rest.")]
    played = 0
    for rule in rules:
        named = re.findall(r"`([A-Z]+) (/[^`?]*)", sandbox_app.view_functions[rule.endpoint].__doc__ or "")
        if not named:
            assert rule.endpoint in ("rest.foreign", "rest.certification")
            continue
        address = re.sub(r"<[^>]+>", "*", rule.rule)
        names = {(method, re.sub(r"\{[^}]+\}", "*", path)) for method, path in named}
        # The last segment may be left out where the description calls it optional.
        assert any(method in (rule.methods or ()) and path in (address, f"{address}/*") for method, path in names), rule
        played += 1
    assert played > 25


def test_a_state_file_of_an_older_version_still_opens(tmp_path: Path) -> None:
    """Its requests have no rule; the next ones have."""
    path = tmp_path / "sandbox.sqlite"
    with sqlite3.connect(path) as old:
        old.execute(
            "CREATE TABLE request (id INTEGER PRIMARY KEY, at REAL NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, "
            "body TEXT NOT NULL, status INTEGER NOT NULL, code INTEGER, fault TEXT, ms REAL NOT NULL, peer TEXT NOT NULL)"
        )
        old.execute(
            "INSERT INTO request VALUES (1, 0, 'GET', '/payments/imp_1', '{}', 404, -1, NULL, 1, '127.0.0.1:1')"
        )
    old.close()
    for _ in range(2):
        app = create_sandbox(SandboxSettings(background=False, state=str(path)))
        sandbox = Sandbox(session_for(app), SANDBOX_URL)
        sandbox.call("POST", "/payments/cancel", imp_uid="imp_none")
        first, *_, last = sandbox.requests()
        assert (first["path"], first["rule"]) == ("/payments/imp_1", None)
        assert last["rule"]
        app.extensions["sandbox"].close()
