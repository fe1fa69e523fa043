"""What people type, paste and let their browser fill into the window is read as they mean it."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from storefront.sandbox import SandboxSettings, create_sandbox
from tests.people import Sandbox
from tests.sandbox.test_returning import CARD, ORDER, open_on_phone
from tests.wsgi import SANDBOX_URL, session_for

LUHN_OFF_BY_ONE = "4242424242424241"


@pytest.fixture
def careful() -> Iterator[Sandbox]:
    """A sandbox with `luhn`."""
    app = create_sandbox(SandboxSettings(background=False, luhn=True))
    yield Sandbox(session_for(app), SANDBOX_URL)
    app.extensions["sandbox"].close()


def pay(sandbox: Sandbox, **typed: str) -> str | None:
    """Pay in the window; the payment's status, or None if the form came back."""
    window = open_on_phone(sandbox, ORDER)
    reply = sandbox.session.post(sandbox.url + window, data={**CARD, **typed, "action": "pay"})
    if reply.status_code == 400:
        return None
    return str(sandbox.call("GET", "/payments/find/order-1")["response"]["status"])


@pytest.mark.parametrize("expiry", ["12/40", "12/2040", "1240", "122040", "12 / 2040", "12 40"])
def test_an_expiry_in_either_spelling_is_december_2040(sandbox: Sandbox, expiry: str) -> None:
    """The second is what browsers fill in."""
    assert pay(sandbox, expiry=expiry) == "paid"


@pytest.mark.parametrize(
    ("expiry", "status"), [("12/2020", "failed"), ("12/20", "failed"), ("13/40", None), ("12/3040", None)]
)
def test_an_expiry_that_is_past_or_none_is_not_taken_for_another(
    sandbox: Sandbox, expiry: str, status: str | None
) -> None:
    """Declined, or not understood."""
    assert pay(sandbox, expiry=expiry) == status


@pytest.mark.parametrize(
    "number",
    [
        "4000-0000-0000-9995",
        "\u200b4000 0000\u00a00000 9995\u2060",
        "4000\u20110000\u20110000\u20119995",
        "\ufeff4000000000009995",
    ],
)
def test_a_pasted_number_is_the_number_without_its_marks(sandbox: Sandbox, number: str) -> None:
    """The card that is over its limit, and none that begins alike."""
    assert pay(sandbox, card_number=number) == "failed"


def test_more_than_sixteen_digits_are_cut(sandbox: Sandbox) -> None:
    """As i'mport does; in the window and by a server."""
    assert pay(sandbox, card_number="4000000000009995" + "7") == "failed"
    sandbox.issue_key("customer-1", "4000-0000-0000-0341-99")
    assert sandbox.call("GET", "/subscribe/customers/customer-1")["response"]["card_number"] == "40000000****0341"


def test_a_check_digit_matters_only_when_it_is_asked_for(
    sandbox: Sandbox, careful: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every test card has the right one; one of them takes its time."""
    monkeypatch.setattr("storefront.sandbox.window.paying.time", SimpleNamespace(sleep=lambda _seconds: None))
    assert pay(sandbox, card_number=LUHN_OFF_BY_ONE) == "paid"
    assert pay(careful, card_number=LUHN_OFF_BY_ONE) is None
    body = {"channel_key": "channel-key-1", "card_number": LUHN_OFF_BY_ONE, "expiry": "2040-12"}
    assert (
        careful.call("POST", "/subscribe/customers/customer-1", **body)["message"]
        == "유효하지않은 카드번호를 입력하셨습니다."
    )
    for card in careful.session.get(f"{careful.url}/_sandbox/cards").json():
        assert careful.pay({**ORDER, "merchant_uid": card["name"]}, card["name"])["imp_uid"]
