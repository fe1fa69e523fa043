"""What the sandbox keeps: across a restart, from run to run with a seed, through a reset, and with many callers at once."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import time_machine
from flask import Flask

from storefront.sandbox import SandboxSettings, create_sandbox
from storefront.sandbox.books import tally
from storefront.sandbox.books.store import Store
from tests.people import HttpBrowser, Sandbox
from tests.servers import storefront
from tests.wsgi import SANDBOX_URL, session_for

AGAIN = "/subscribe/payments/again"
ORDER = {"customer_uid": "customer-1", "amount": 14_900, "name": "아침"}
KEYS = {"imp_key": "sandbox_key", "imp_secret": "sandbox_secret"}
FROZEN = "2026-11-02T03:00:00Z"

Open = Callable[..., Sandbox]


@pytest.fixture
def open_sandbox(tmp_path: Path) -> Iterator[Open]:
    """Opens a sandbox over a file, ending the one before it: a restart if it is the same file."""
    apps: list[Flask] = []

    def begin(state: str = "state.sqlite", **settings: Any) -> Sandbox:
        if apps:
            apps.pop().extensions["sandbox"].close()
        apps.append(create_sandbox(SandboxSettings(background=False, state=str(tmp_path / state), **settings)))
        return Sandbox(session_for(apps[0]), SANDBOX_URL)

    yield begin
    apps.pop().extensions["sandbox"].close()


def token(sandbox: Sandbox) -> str:
    """The access token everybody gets."""
    return str(sandbox.session.post(f"{sandbox.url}/users/getToken", json=KEYS).json()["response"]["access_token"])


def reset(sandbox: Sandbox) -> None:
    """Forget everything."""
    sandbox.session.post(f"{sandbox.url}/_sandbox/reset").raise_for_status()


def told(sandbox: Sandbox, path: str) -> Any:
    """What one of the testers' addresses says."""
    return sandbox.session.get(f"{sandbox.url}/_sandbox/{path}").json()


def test_a_file_of_the_version_before_is_taken_over_with_its_counts(tmp_path: Path) -> None:
    """The columns that came since are added, and nothing is counted twice."""
    path = str(tmp_path / "sandbox.sqlite")
    store = Store(path)
    fields = {"status": "paid", "amount": 1, "currency": "KRW", "channel": "api", "started_at": 7, "paid_at": 7}
    store.insert("payment", imp_uid="imp_1", merchant_uid="m1", updated_at=7, details="{}", **fields)
    store.write("ALTER TABLE webhook DROP COLUMN reason")
    store.write("PRAGMA user_version = 1")
    store.close()
    store = Store(path)
    assert tally.count(store.number, "paid", 0, 10) == 1
    assert store.all("SELECT reason FROM webhook") == []
    store.close()


@time_machine.travel(FROZEN, tick=False)
def test_everything_survives_a_restart(open_sandbox: Open) -> None:
    """Payments, cancels, keys, registered amounts, schedules, webhooks, faults, the log, the token and the clock."""
    before = open_sandbox(webhook_url="http://localhost:9/hook")
    before.advance(days=40)
    before.issue_key("customer-1")
    before.fault("webhook", "hold", times=2)
    before.call("POST", AGAIN, **ORDER, merchant_uid="order-1")
    before.call("POST", "/payments/cancel", merchant_uid="order-1", amount=900)
    before.call("POST", "/payments/prepare", merchant_uid="order-2", amount=500)
    later = {
        "merchant_uid": "order-3",
        "schedule_at": told(before, "clock")["now"] + 60,
        "amount": 700,
        "name": "점심",
        "currency": "KRW",
    }
    before.call("POST", "/subscribe/payments/schedule", customer_uid="customer-1", schedules=[later])
    reads = (
        "/payments/find/order-1",
        "/payments/status/cancelled",
        "/payments/prepare/order-2",
        "/subscribe/customers/customer-1",
        "/subscribe/payments/schedule/order-3",
    )
    kept = ("ledger", "webhooks", "faults", "clock", "requests")
    held_token, answers = token(before), [before.call("GET", path) for path in reads]
    known = {path: told(before, path) for path in kept}
    assert all(answer["code"] == 0 for answer in answers)
    assert [hook["state"] for hook in known["webhooks"]["webhooks"]] == ["held"]

    after = open_sandbox(webhook_url="http://localhost:9/hook")

    assert {path: told(after, path) for path in kept} == known
    assert token(after) == held_token
    assert [after.call("GET", path) for path in reads] == answers


def played(sandbox: Sandbox, rounds: int = 10) -> str:
    """Charges, declines, cancels and windows, and every object they led to; called again, it goes on from there."""
    sandbox.issue_key("customer-1")
    sandbox.issue_key("declined", "4000-0000-0000-0341")
    begin, answers = len(sandbox.ledger()["payments"]), list[Any]()
    for number in range(begin, begin + rounds):
        answers += [
            sandbox.call("POST", AGAIN, **ORDER, merchant_uid=f"order-{number}"),
            sandbox.call("POST", AGAIN, **{**ORDER, "customer_uid": "declined"}, merchant_uid=f"no-{number}"),
            sandbox.call("POST", "/payments/cancel", merchant_uid=f"order-{number}", amount=number + 1),
            sandbox.pay({"pg": "jtnet", "merchant_uid": f"window-{number}", "amount": 100, "name": "차"}),
        ]
    return json.dumps([answers, sandbox.ledger()])


@time_machine.travel(FROZEN, tick=False)
def test_a_seed_gives_the_same_objects_in_every_run(open_sandbox: Open) -> None:
    """To the byte while time stands still; another seed gives others. The token is never the same."""
    first = open_sandbox("one", seed=7)
    once, its_token = played(first), token(first)
    second = open_sandbox("two", seed=7)
    assert played(second) == once
    assert token(second) != its_token
    assert played(open_sandbox("three", seed=8)) != once


@time_machine.travel(FROZEN, tick=False)
def test_a_seed_goes_on_after_a_restart_and_begins_anew_after_a_reset(open_sandbox: Open) -> None:
    """A restart in the middle of a run changes nothing of it."""
    whole = open_sandbox("whole", seed=7)
    played(whole, 3)
    rest = played(whole, 3)
    interrupted = open_sandbox("interrupted", seed=7)
    begun = played(interrupted, 3)
    assert played(open_sandbox("interrupted", seed=7), 3) == rest
    again = open_sandbox("interrupted", seed=7)
    reset(again)
    assert played(again, 3) == begun


def test_twenty_charges_of_one_order_at_once_are_one_capture(tmp_path: Path) -> None:
    """Over HTTP: one is paid, and nineteen hear that the order exists."""
    with (
        storefront(tmp_path, "sandbox", "--port", "0", "--state", "state.sqlite") as running,
        requests.Session() as session,
    ):
        session.trust_env = False
        sandbox = Sandbox(session, running.urls["sandbox"])
        sandbox.issue_key("customer-1")
        headers = {"Authorization": token(sandbox)}
        together = threading.Barrier(20)

        def charge(_number: int) -> tuple[int, int]:
            caller = HttpBrowser(sandbox.url)
            together.wait()
            reply = caller.post(AGAIN, json={**ORDER, "merchant_uid": "order-1"}, headers=headers)
            return reply.status_code, reply.json()["code"]

        with ThreadPoolExecutor(20) as pool:
            answers = Counter(pool.map(charge, range(20)))
        assert answers == {(200, 0): 1, (200, -1): 19}
        [payment] = sandbox.ledger()["payments"]
        assert (payment["merchant_uid"], sandbox.net()) == ("order-1", 14_900)


def test_a_reset_in_the_middle_of_everything_leaves_consistent_books(open_sandbox: Open) -> None:
    """Whoever is at work then is answered, and what is left adds up."""
    sandbox = open_sandbox()
    statuses: set[int] = set()
    stop = threading.Event()

    def shop(name: str) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            caller = Sandbox(session_for(sandbox.session.get_adapter("http://").app), SANDBOX_URL)  # type: ignore[attr-defined]
            headers = {"Authorization": token(caller)}
            body = {**ORDER, "merchant_uid": f"{name}-{number}"}
            statuses.add(caller.session.post(SANDBOX_URL + AGAIN, json=body, headers=headers).status_code)

    with ThreadPoolExecutor(4) as pool:
        shops = [pool.submit(shop, f"shop-{number}") for number in range(4)]
        for _ in range(15):
            reset(sandbox)
            sandbox.issue_key("customer-1")
            sandbox.call("POST", AGAIN, **ORDER, merchant_uid="own")
        stop.set()
        for one in shops:
            one.result()
    assert statuses <= {200, 401}, "a token may be forgotten under a caller's hands"
    ledger = sandbox.ledger()
    listed = sandbox.call("GET", "/payments/status/paid", limit=1000)["response"]
    assert listed["total"] == len(listed["list"]) == len(ledger["payments"])
    assert ledger["captured"] == 14_900 * len(ledger["payments"])
    reset(sandbox)
    assert sandbox.ledger() == {"captured": 0, "cancelled": 0, "net": 0, "payments": [], "billing_keys": []}


def test_a_slow_card_keeps_its_answer_back_when_the_work_is_done(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The books are free meanwhile, and show the capture."""
    waits: list[tuple[float, int]] = []
    its_own = SimpleNamespace(monotonic=time.monotonic, sleep=lambda seconds: waits.append((seconds, held())))
    monkeypatch.setattr("storefront.sandbox.rest.front.time", its_own)

    def held() -> int:
        with ThreadPoolExecutor(1) as somebody_else:
            return somebody_else.submit(sandbox.net).result(timeout=5)

    sandbox.issue_key("customer-1", "4000-0000-0000-0259")
    sandbox.call("POST", AGAIN, **ORDER, merchant_uid="order-1")
    sandbox.fault(AGAIN, "delay_after", seconds=3)
    sandbox.call("POST", AGAIN, **ORDER, merchant_uid="order-2")
    assert waits == [(10.0, 14_900), (13.0, 29_800)]
    assert [call["ms"] >= 10_000 for call in sandbox.requests(AGAIN)] == [True, True]


def test_a_webhook_under_way_during_a_reset_is_not_written_over_another_one(
    sandbox: Sandbox, sandbox_app: Flask
) -> None:
    """Ids begin anew, so the next webhook has the number of the one that is just being delivered."""

    def charge() -> None:
        sandbox.issue_key("customer-1")
        sandbox.fault("webhook", "hold")
        sandbox.call("POST", AGAIN, **ORDER, merchant_uid="order-1")

    def hear(_environ: Any, start_response: Any) -> list[bytes]:
        reset(sandbox)
        charge()
        start_response("200 OK", [])
        return [b"OK"]

    sandbox_app.extensions["sandbox"].webhooks.open_session = lambda: session_for(hear)
    charge()
    [held] = sandbox.webhooks()
    sandbox.session.post(f"{SANDBOX_URL}/_sandbox/webhooks/{held['id']}/release").raise_for_status()
    [hook] = sandbox.webhooks()
    assert (hook["id"], hook["state"], hook["attempts"]) == (held["id"], "held", [])


EARLIER = """
CREATE TABLE payment (
  id INTEGER PRIMARY KEY, imp_uid TEXT NOT NULL UNIQUE, merchant_uid TEXT NOT NULL, customer_uid TEXT, name TEXT,
  status TEXT NOT NULL, amount INTEGER NOT NULL, cancel_amount INTEGER NOT NULL DEFAULT 0, currency TEXT NOT NULL,
  channel TEXT NOT NULL, usage TEXT, started_at INTEGER NOT NULL, paid_at INTEGER NOT NULL DEFAULT 0,
  failed_at INTEGER NOT NULL DEFAULT 0, cancelled_at INTEGER NOT NULL DEFAULT 0, updated_at INTEGER NOT NULL,
  details TEXT NOT NULL
);
CREATE TABLE request (
  id INTEGER PRIMARY KEY, at REAL NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, body TEXT NOT NULL,
  status INTEGER NOT NULL, code INTEGER, fault TEXT, ms REAL NOT NULL, peer TEXT NOT NULL
);
CREATE INDEX payment_status_paid ON payment (status, paid_at, id);
INSERT INTO payment VALUES (1, 'imps_1', 'order-1', NULL, NULL, 'paid', 500, 0, 'KRW', 'api', NULL, 90, 100, 0, 0, 100, '{}');
INSERT INTO payment VALUES (2, 'imps_2', 'order-2', NULL, NULL, 'failed', 500, 0, 'KRW', 'api', NULL, 110, 0, 110, 0, 110, '{}');
"""


def test_a_file_of_an_earlier_version_opens_with_everything_in_it(open_sandbox: Open, tmp_path: Path) -> None:
    """Its payments are listed and counted, and new ones join them."""
    earlier = sqlite3.connect(tmp_path / "earlier.sqlite")
    earlier.executescript(EARLIER)
    earlier.close()
    for _ in range(2):  # what has been upgraded is left alone the next time
        sandbox = open_sandbox("earlier.sqlite")
        counts = {
            status: sandbox.call("GET", f"/payments/status/{status}", **{"from": 0, "to": 1000})["response"]["total"]
            for status in ("all", "paid", "failed", "cancelled")
        }
        assert counts == {"all": 2, "paid": 1, "failed": 1, "cancelled": 0}
        assert sandbox.net() == 500
    sandbox.issue_key("customer-1")
    assert sandbox.call("POST", AGAIN, **ORDER, merchant_uid="order-2")["response"]["status"] == "paid"


def test_a_part_of_a_transaction_that_fails_is_undone_alone() -> None:
    """Whoever began the whole can go on."""
    store = Store(":memory:")
    with store.transaction():
        store.set("kept", "1")
        with pytest.raises(ValueError, match="no"), store.transaction():  # noqa: PT012
            store.set("undone", "1")
            raise ValueError("no")
    assert (store.setting("kept", ""), store.setting("undone", "")) == ("1", "")
    store.close()
