"""The sandbox's clock: moved by hand, it moves everything; real time stands still in these tests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine

from tests.people import Sandbox
from tests.wsgi import SANDBOX_URL

DAY_S = 86_400
ORDER = {"customer_uid": "customer-1", "amount": 14_900, "name": "아침"}
AGAIN = "/subscribe/payments/again"


@pytest.fixture(autouse=True)
def _real_time_stands_still() -> Iterator[None]:
    """Whatever moves here was moved by the sandbox's clock."""
    with time_machine.travel("2026-01-31T03:00:00Z", tick=False):
        yield


def now(sandbox: Sandbox) -> int:
    """The sandbox's time."""
    return int(sandbox.session.get(f"{SANDBOX_URL}/_sandbox/clock").json()["now"])


def press(sandbox: Sandbox, button: str) -> None:
    """Press a button of the console."""
    page = sandbox.session.post(f"{SANDBOX_URL}/_sandbox/console/{button}", allow_redirects=False)
    assert page.status_code == 303


def token(sandbox: Sandbox) -> dict[str, object]:
    """What getToken gives."""
    keys = {"imp_key": "sandbox_key", "imp_secret": "sandbox_secret"}
    return dict(sandbox.session.post(f"{SANDBOX_URL}/users/getToken", json=keys).json()["response"])


def is_let_in(sandbox: Sandbox, access_token: object) -> bool:
    """Whether a token opens the door; 401 if not."""
    reply = sandbox.session.get(f"{SANDBOX_URL}/users/pg", headers={"Authorization": str(access_token)})
    assert reply.status_code in (200, 401)
    return reply.status_code == 200


def test_every_time_that_is_written_down_follows_the_clock(sandbox: Sandbox) -> None:
    """Payments, their ids, cancels, keys, webhooks, deliveries and the log of requests."""
    moved = now(sandbox) + 40 * DAY_S
    sandbox.advance(days=40)
    sandbox.issue_key("customer-1")
    payment = sandbox.call("POST", AGAIN, **ORDER, merchant_uid="order-1")["response"]
    cancelled = sandbox.call("POST", "/payments/cancel", merchant_uid="order-1")["response"]
    sandbox.drain()
    [key] = sandbox.ledger()["billing_keys"]
    [hook] = sandbox.webhooks()
    assert {payment["started_at"], payment["paid_at"], cancelled["cancelled_at"], key["inserted"]} == {moved}
    assert {cancelled["cancel_history"][0]["cancelled_at"], hook["at"], hook["attempts"][0]["at"]} == {moved}
    assert payment["pg_tid"].startswith("tpaytest2m0124260312120000")
    assert {call["at"] for call in sandbox.requests()} == {moved}


def test_a_token_runs_out_by_the_clock(sandbox: Sandbox) -> None:
    """After half an hour; until then everybody gets the same one."""
    first = token(sandbox)
    assert first["expired_at"] == now(sandbox) + 1800
    sandbox.advance(seconds=1700)
    assert token(sandbox)["access_token"] == first["access_token"]
    assert is_let_in(sandbox, first["access_token"])
    sandbox.advance(seconds=100)
    assert not is_let_in(sandbox, first["access_token"])
    assert token(sandbox)["access_token"] != first["access_token"]


def test_a_token_about_to_run_out_is_extended(sandbox: Sandbox) -> None:
    """By five minutes when somebody asks in its last one."""
    first = token(sandbox)
    sandbox.advance(seconds=1750)
    again = token(sandbox)
    assert again["access_token"] == first["access_token"]
    assert again["expired_at"] == now(sandbox) + 50 + 300
    sandbox.advance(seconds=349)
    assert is_let_in(sandbox, first["access_token"])


@pytest.mark.parametrize(
    ("today", "next_month"),
    [
        ("2026-01-31T03:00:00", "2026-02-28T03:00:00"),
        ("2026-11-15T03:00:00", "2026-12-15T03:00:00"),
        ("2026-12-31T03:00:00", "2027-01-31T03:00:00"),
        ("2028-01-30T20:00:00", "2028-02-28T20:00:00"),  # already the 31st in Seoul
    ],
)
def test_the_button_for_a_month_goes_to_the_same_day_of_the_next(sandbox: Sandbox, today: str, next_month: str) -> None:
    """As a subscription counts, in Seoul; the last day where the month is shorter."""
    sandbox.advance(seconds=datetime.fromisoformat(today).replace(tzinfo=UTC).timestamp() - now(sandbox))
    press(sandbox, "month")
    assert datetime.fromtimestamp(now(sandbox), UTC).replace(tzinfo=None).isoformat() == next_month


def test_the_button_for_a_month_runs_what_is_due_within_it(sandbox: Sandbox) -> None:
    """In order, and each tells the shop."""
    sandbox.issue_key("customer-1")
    charges = [
        {
            "merchant_uid": f"day-{day}",
            "schedule_at": now(sandbox) + day * DAY_S,
            "amount": 1_000,
            "name": "아침",
            "currency": "KRW",
        }
        for day in (20, 10, 40)
    ]
    sandbox.call("POST", "/subscribe/payments/schedule", customer_uid="customer-1", schedules=charges)
    press(sandbox, "month")
    assert [payment["merchant_uid"] for payment in sandbox.ledger()["payments"]] == ["day-10", "day-20"]
    assert [hook["body"]["merchant_uid"] for hook in sandbox.webhooks()] == ["day-10", "day-20"]
    press(sandbox, "day")
    assert sandbox.net() == 2_000
