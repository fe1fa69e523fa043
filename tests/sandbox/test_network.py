"""A sandbox for a network (containers, phones): i'mport's own doors stand open, the testers' ask for a token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from flask import Flask

from storefront.sandbox import SandboxSettings, create_sandbox
from storefront.sandbox.testing import SandboxClient, SandboxError
from tests.servers import storefront
from tests.wsgi import SANDBOX_URL, WsgiAdapter

TOKEN = "only-for-us"
SOMEBODY = {"base_url": "http://192.0.2.1:8001", "environ_base": {"REMOTE_ADDR": "192.0.2.7"}}
KEYS = {"imp_key": "sandbox_key", "imp_secret": "sandbox_secret"}


@pytest.fixture
def app() -> Iterator[Flask]:
    """A sandbox that serves a network."""
    app = create_sandbox(SandboxSettings(token=TOKEN))
    yield app
    app.extensions["sandbox"].close()


def test_another_machine_meets_imports_own_doors(app: Flask) -> None:
    """They ask for i'mport's keys, as i'mport's do; pages and scripts ask for nothing."""
    visitor = app.test_client()

    assert visitor.post("/users/getToken", json=KEYS, **SOMEBODY).status_code == 200
    assert (
        visitor.post("/users/getToken", json={"imp_key": "guessed", "imp_secret": "x"}, **SOMEBODY).status_code == 401
    )
    with visitor.get("/v1/iamport.js", **SOMEBODY) as script:
        assert script.status_code == 200


@pytest.mark.parametrize("where", [SOMEBODY, {"base_url": SANDBOX_URL}], ids=["another machine", "this machine"])
@pytest.mark.parametrize("headers", [{}, {"X-Sandbox-Token": "guessed"}, {"X-Sandbox-Token": "\u00e9"}])
def test_without_the_token_nobody_comes_to_the_testers_doors(
    app: Flask, where: dict[str, object], headers: dict[str, str]
) -> None:
    """Not from this machine either: a page elsewhere can make its own name lead here."""
    for path in ("/_sandbox/ledger", "/_sandbox/", "/_sandbox/console/payments"):
        assert app.test_client().get(path, headers=headers, **where).status_code == 401
    refused = app.test_client().post("/_sandbox/reset", headers=headers, **where)
    assert refused.status_code == 401
    assert "X-Sandbox-Token" in refused.get_json()["error"]


def test_with_the_token_a_client_does_everything(app: Flask) -> None:
    """The same words as beside a sandbox on this machine."""
    session = requests.Session()
    session.mount("http://", WsgiAdapter(app))
    client = SandboxClient(SANDBOX_URL, token=TOKEN, session=session)

    client.pay({"pg": "jtnet", "merchant_uid": "order-1", "amount": 1_000, "name": "tea"})

    assert client.ledger().net == 1_000
    with pytest.raises(SandboxError, match="X-Sandbox-Token"):
        SandboxClient(SANDBOX_URL, session=session).ledger()


def test_a_browser_keeps_the_token_and_shows_it_in_no_address(app: Flask) -> None:
    """It comes once in the address, and from then on as a cookie that no script and no other site gets."""
    browser = app.test_client()

    first = browser.get(f"/_sandbox/console/payments?token={TOKEN}&q=tea", **SOMEBODY)

    assert (first.status_code, first.headers["Location"]) == (303, "/_sandbox/console/payments?q=tea")
    cookie = first.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    page = browser.get(first.headers["Location"], **SOMEBODY)
    assert page.status_code == 200
    assert TOKEN not in page.text


def test_with_the_token_another_page_changes_nothing_all_the_same(app: Flask) -> None:
    """The tester's browser would send the cookie along."""
    headers = {"X-Sandbox-Token": TOKEN, "Origin": "http://evil.example"}

    assert app.test_client().post("/_sandbox/reset", headers=headers, **SOMEBODY).status_code == 403


def test_localhost_is_found_by_both_of_its_addresses(tmp_path: Path) -> None:
    """Node asks `::1` first, curl and Python whichever the machine lists first."""
    with storefront(tmp_path, "sandbox", "--port", "0") as beside, requests.Session() as session:
        session.trust_env = False
        port = beside.urls["sandbox"].rpartition(":")[2]
        for host in ("127.0.0.1", "[::1]", "localhost"):
            assert session.get(f"http://{host}:{port}/_sandbox/clock", timeout=10).status_code == 200


def test_a_sandbox_for_a_network_warns_and_says_its_token(tmp_path: Path) -> None:
    """Nobody is to serve one by accident."""
    arguments = ("sandbox", "--port", "0", "--host", "0.0.0.0", "--token", TOKEN)  # noqa: S104 - what is tested
    with storefront(tmp_path, *arguments) as beside, requests.Session() as session:
        session.trust_env = False
        address = f"http://127.0.0.1:{beside.urls['sandbox'].rpartition(':')[2]}/_sandbox/clock"
        assert session.get(address, timeout=10).status_code == 401
        assert session.get(address, headers={"X-Sandbox-Token": TOKEN}, timeout=10).status_code == 200
    said = (tmp_path / "log").read_text()
    assert "warning: whoever reaches 0.0.0.0:" in said
    assert TOKEN in said
