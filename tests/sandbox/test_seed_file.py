"""A sandbox that begins with payments, for test suites that expect them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from storefront.sandbox import SandboxSettings, create_sandbox
from storefront.sandbox.books.seed import BadSeedError
from tests.people import Sandbox
from tests.wsgi import SANDBOX_URL, session_for

SEED = {
    "payments": [
        {"merchant_uid": "1234qwer", "amount": 1_000},
        {"merchant_uid": "qwer1234", "amount": 1_000, "status": "failed"},
        {"merchant_uid": "given-back", "amount": 500, "status": "cancelled"},
    ],
    "billing_keys": [{"customer_uid": "customer-1", "card": "decline-later"}],
}


def begin(tmp_path: Path, seed: Any) -> Any:
    """A sandbox with a seed file."""
    path = tmp_path / "seed.json"
    path.write_text(seed if isinstance(seed, str) else json.dumps(seed))
    return create_sandbox(
        SandboxSettings(background=False, state=str(tmp_path / "sandbox.sqlite"), seed_file=str(path))
    )


def test_what_the_file_names_is_there_once_and_again_after_a_reset(tmp_path: Path) -> None:
    """A restart with the same state adds nothing."""
    for _ in range(2):
        app = begin(tmp_path, SEED)
        sandbox = Sandbox(session_for(app), SANDBOX_URL)
        assert (sandbox.ledger()["captured"], sandbox.net()) == (1_500, 1_000)
        assert sandbox.stored_keys() == ["customer-1"]
        assert sandbox.call("GET", "/payments/find/qwer1234")["response"]["status"] == "failed"
        app.extensions["sandbox"].close()
    app = begin(tmp_path, SEED)
    sandbox = Sandbox(session_for(app), SANDBOX_URL)
    sandbox.session.post(f"{SANDBOX_URL}/_sandbox/reset").raise_for_status()
    assert sandbox.net("1234qwer") == 1_000
    app.extensions["sandbox"].close()


def test_a_payment_may_have_the_id_that_a_test_suite_expects(tmp_path: Path) -> None:
    """It is found by it; two of one id are none."""
    one = {"merchant_uid": "order-1", "amount": 1_000, "imp_uid": "imp_448280090638"}
    app = begin(tmp_path, {"payments": [one]})
    found = Sandbox(session_for(app), SANDBOX_URL).call("GET", "/payments/imp_448280090638")["response"]
    app.extensions["sandbox"].close()
    (tmp_path / "sandbox.sqlite").unlink()
    assert (found["merchant_uid"], found["status"]) == ("order-1", "paid")
    with pytest.raises(BadSeedError, match="two payments cannot both be imp_448280090638"):
        begin(tmp_path, {"payments": [one, {**one, "merchant_uid": "order-2"}]})


def test_an_order_paid_already_is_judged_before_the_key(tmp_path: Path) -> None:
    """As the official client's own test expects."""
    app = begin(tmp_path, SEED)
    order = {"customer_uid": "nobody", "merchant_uid": "1234qwer", "amount": 1_000, "name": "아침"}
    reply = Sandbox(session_for(app), SANDBOX_URL).call("POST", "/subscribe/payments/again", **order)
    assert (reply["code"], reply["message"].startswith("이미 주문이 이루어진 건입니다.")) == (-1, True)
    app.extensions["sandbox"].close()


@pytest.mark.parametrize(
    "seed",
    [
        "not JSON",
        [],
        {"payments": [{"merchant_uid": "no amount"}]},
        {"payments": [{"merchant_uid": "x", "amount": 1, "status": "lost"}]},
        {"payments": [7]},
        {"billing_keys": [{"customer_uid": "x", "card": "none"}]},
        {"billing_keys": [{}]},
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_name(tmp_path: Path, seed: Any) -> None:
    """Before anything is served."""
    with pytest.raises(BadSeedError, match=r"seed\.json"):
        begin(tmp_path, seed)
