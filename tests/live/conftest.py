"""The account of a merchant: the sandbox's in this process, or with `--live` the one whose keys are in the environment.

So the very expectations that a real account is held to are tried in every run.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from storefront import config
from storefront.sandbox import SandboxSettings, create_sandbox
from tests.contract.checking import CONTRACT
from tests.people import Sandbox
from tests.wsgi import SANDBOX_URL, session_for

TIMEOUT_S = 30


@dataclass
class Account:
    """What a merchant's server can do with its keys.

    Attributes:
        customer_uid: a stored card that may be charged 100 won, if there is one.
    """

    session: requests.Session
    url: str
    key: str = field(repr=False)
    secret: str = field(repr=False)
    customer_uid: str | None

    def token(self, **keys: str) -> requests.Response:
        """Ask for a token, with the right keys unless told."""
        keys = keys or {"imp_key": self.key, "imp_secret": self.secret}
        return self.session.post(f"{self.url}/users/getToken", json=keys, timeout=TIMEOUT_S)

    def send(self, method: str, path: str, query: dict[str, Any] | None = None, **body: Any) -> requests.Response:
        """Call an operation."""
        headers = {"Authorization": self.token().json()["response"]["access_token"]}
        return self.session.request(
            method, self.url + path, params=query, json=body or None, headers=headers, timeout=TIMEOUT_S
        )

    def done(self, method: str, path: str, query: dict[str, Any] | None = None, **body: Any) -> Any:
        """Call an operation that succeeds: its response."""
        reply = self.send(method, path, query, **body)
        assert (reply.status_code, reply.json()["code"]) == (200, 0), reply.text
        return reply.json()["response"]


@pytest.fixture(scope="session")
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    """The account; every reply it gives is held against the contract."""
    if request.config.getoption("--live"):
        yield from _account_of_the_environment()
        return
    app = create_sandbox(SandboxSettings(background=False))
    sandbox = Sandbox(session_for(app), SANDBOX_URL)
    sandbox.issue_key("customer-1")
    sandbox.pay(
        {"pg": "jtnet", "merchant_uid": "somebody_elses", "amount": 1_000, "name": "tea", "customer_uid": "theirs"}
    )
    yield Account(sandbox.session, sandbox.url, "sandbox_key", "sandbox_secret", "customer-1")
    left = (sandbox.net(), sandbox.stored_keys(), sandbox.ledger("somebody_elses")["cancelled"])
    assert left == (1_000, ["customer-1", "theirs"], 0), "these tests give back what is theirs, and touch nothing else"
    app.extensions["sandbox"].close()


@pytest.fixture
def merchant_uid() -> str:
    """An order number that nobody has ever used."""
    return f"contract_{secrets.token_hex(12)}"


def _account_of_the_environment() -> Iterator[Account]:
    values = config.environment()
    key, secret = values.get("IMP_KEY"), values.get("IMP_SECRET")
    if not key or not secret:
        pytest.skip("IMP_KEY and IMP_SECRET are not set")
    if values.get("IMP_LIVE", "").lower() in ("1", "true", "yes", "on"):
        pytest.skip("IMP_LIVE is on: this is for test accounts")
    with requests.Session() as session:
        session.trust_env = False
        session.hooks["response"].append(CONTRACT.see_leniently)
        url = (values.get("IMP_API_URL") or config.IAMPORT_API_URL).rstrip("/")
        yield Account(session, url, key, secret, values.get("IMP_TEST_CUSTOMER_UID"))
