"""All the books as one document, put back into the same sandbox or another one; and what is drawn by chance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from flask import Flask

from storefront.sandbox import SandboxSettings, create_sandbox
from storefront.sandbox.testing import SandboxClient, SandboxError
from tests.people import Sandbox
from tests.wsgi import SANDBOX_URL, session_for

AGAIN = "/subscribe/payments/again"
ORDER = {"customer_uid": "customer-1", "amount": 14_900, "name": "아침"}
FROZEN = "2026-11-02T03:00:00Z"

Another = Callable[..., Sandbox]


@pytest.fixture
def another() -> Iterator[Another]:
    """Opens a sandbox that has never seen a payment."""
    apps: list[Flask] = []

    def begin(**settings: Any) -> Sandbox:
        apps.append(create_sandbox(SandboxSettings(background=False, **settings)))
        return Sandbox(session_for(apps[-1]), SANDBOX_URL)

    yield begin
    for app in apps:
        app.extensions["sandbox"].close()


def client(sandbox: Sandbox) -> SandboxClient:
    """The sandbox as other projects' tests see it."""
    return SandboxClient(sandbox.url, session=sandbox.session)


def live_a_little(sandbox: Sandbox) -> None:
    """A payment cancelled in part, a key, a schedule, a held webhook, a fault, a window, a refused look."""
    sandbox.advance(days=40)
    sandbox.issue_key("customer-1", "4000-0000-0000-3220")
    sandbox.fault("webhook", "hold", times=1)
    sandbox.call("POST", AGAIN, **ORDER, merchant_uid="order-1")
    sandbox.call("POST", "/payments/cancel", merchant_uid="order-1", amount=900)
    sandbox.call("POST", "/payments/prepare", merchant_uid="order-2", amount=500)
    charge = {
        "merchant_uid": "order-3",
        "schedule_at": sandbox.now() + 60,
        "amount": 700,
        "name": "점심",
        "currency": "KRW",
    }
    sandbox.call("POST", "/subscribe/payments/schedule", customer_uid="customer-1", schedules=[charge])
    sandbox.fault("/payments/*", "error", times=3, probability=0.5)
    sandbox.pay({"merchant_uid": "order-4", "amount": 100, "name": "차"}, card="decline-limit")


@time_machine.travel(FROZEN, tick=False)
def test_what_was_saved_is_what_is_loaded(sandbox: Sandbox, another: Another) -> None:
    """To the last field, in the same sandbox after a reset and in another one."""
    live_a_little(sandbox)
    saved, ledger = client(sandbox).books.save(), sandbox.ledger()
    empty = another()
    client(empty).books.load(saved)
    sandbox.session.post(f"{sandbox.url}/_sandbox/reset").raise_for_status()
    client(sandbox).books.load(saved)
    for one in (sandbox, empty):
        assert client(one).books.save() == saved
        assert one.ledger() == ledger
        assert one.now() == saved["now"]


@time_machine.travel(FROZEN, tick=False)
def test_life_goes_on_in_what_was_loaded(sandbox: Sandbox, another: Another) -> None:
    """The schedule is charged, the key's second capture is its last, and lists count what came with the document."""
    live_a_little(sandbox)
    empty = another()
    client(empty).books.load(client(sandbox).books.save())
    client(empty).faults.clear()
    empty.advance(seconds=60)
    assert empty.net("order-3") == 700
    third = empty.call("POST", AGAIN, **ORDER, merchant_uid="order-5")["response"]
    assert third["status"] == "failed"
    assert empty.call("GET", "/payments/status/all")["response"]["total"] == 4
    assert empty.call("GET", "/payments/status/cancelled")["response"]["total"] == 1


def test_a_state_has_neither_tokens_nor_card_numbers(sandbox: Sandbox) -> None:
    """What opens a door stays outside, and cards are masked as everywhere."""
    live_a_little(sandbox)
    text = sandbox.session.get(f"{sandbox.url}/_sandbox/state").text
    assert sandbox.token() not in text
    assert "4000000000003220" not in text.replace("-", "")
    assert "40000000****3220" in text


def spoiled(document: dict[str, Any], where: str) -> dict[str, Any]:
    """A document with one thing wrong in it."""
    books: dict[str, Any] = document["books"]
    payment = books["payment"][0]
    wrong = {
        "version": lambda: document.update(version=3),
        "now": lambda: document.update(now="today"),
        "books": lambda: books.pop("payment"),
        "books.payment": lambda: books.update(payment={}),
        "books.payment[0]": lambda: payment.pop("amount"),
        "books.payment[0].amount": lambda: payment.update(amount="much"),
        "books.payment[0].merchant_uid": lambda: payment.update(merchant_uid="\ud800"),
        "books.payment[0].details": lambda: payment.update(details="[]"),
        "books.payment: ": lambda: books.update(payment=[payment, payment]),
    }
    wrong[where]()
    return document


@pytest.mark.parametrize(
    "where",
    [
        "version",
        "now",
        "books",
        "books.payment",
        "books.payment[0]",
        "books.payment[0].amount",
        "books.payment[0].merchant_uid",
        "books.payment[0].details",
        "books.payment: ",
    ],
)
def test_what_is_no_state_is_refused_and_changes_nothing(sandbox: Sandbox, where: str) -> None:
    """The text begins with the place that is wrong."""
    live_a_little(sandbox)
    ledger, at = sandbox.ledger(), client(sandbox)
    with pytest.raises(SandboxError) as refused:
        at.books.load(spoiled(at.books.save(), where))
    assert str(refused.value).startswith(where)
    assert sandbox.ledger() == ledger
    assert len(at.at.get("faults")["faults"]) == 2


def struck(sandbox: Sandbox) -> list[int]:
    """How forty looks are answered while every fifth of them fails."""
    sandbox.fault("/payments/*", "error", times=0, probability=0.2)
    return [sandbox.send("GET", "/payments/imp_1").status_code for _ in range(40)]


def test_a_fault_strikes_as_often_as_its_probability_says(another: Another) -> None:
    """The same requests in every run with a seed, and others with another one."""
    once, twice, otherwise = (struck(another(seed=seed)) for seed in (7, 7, 8))
    assert once == twice
    assert once != otherwise
    assert set(once) == {404, 500}
    assert 2 <= once.count(500) <= 16


def test_a_request_that_is_spared_uses_no_fault_up(another: Another) -> None:
    """It strikes as many times as it was told, however many requests that takes."""
    sandbox = another(seed=7)
    sandbox.fault("/payments/*", "error", times=2, probability=0.2)
    answers = [sandbox.send("GET", "/payments/imp_1").status_code for _ in range(60)]
    assert answers.count(500) == 2


def test_ids_are_the_same_whether_faults_are_drawn_or_not(another: Another) -> None:
    """Each kind of draw has a row of its own."""
    ids = []
    for is_drawn in (False, True):
        sandbox = another(seed=7)
        if is_drawn:
            sandbox.fault(AGAIN, "error", probability=0.001)
        sandbox.issue_key("customer-1")
        ids.append(sandbox.call("POST", AGAIN, **ORDER, merchant_uid="order-1")["response"]["imp_uid"])
    assert ids[0] == ids[1]


@pytest.mark.parametrize("probability", [0, -0.1, 1.1, True, "often"])
def test_a_probability_lies_above_zero_and_up_to_one(sandbox: Sandbox, probability: Any) -> None:
    """Anything else is refused."""
    body = {"path": "/payments/*", "kind": "error", "probability": probability}
    reply = sandbox.session.post(f"{sandbox.url}/_sandbox/faults", json=body)
    assert reply.status_code == 400
    assert reply.json()["error"].startswith("probability: a number")


def test_a_command_that_repeats_a_request_keeps_the_slashes_of_an_id(sandbox: Sandbox) -> None:
    """They were escaped, and are escaped in what is copied: of the request, and of the thing itself."""
    sandbox.issue_key("home%2Fmain")
    for tab in ("requests", "keys"):
        page = sandbox.session.get(f"{sandbox.url}/_sandbox/console/{tab}").text
        assert "/subscribe/customers/home%2Fmain" in page
    happened = sandbox.session.get(f"{sandbox.url}/_sandbox/history", params={"about": "home/main"}).json()["history"]
    assert [one["path"] for one in happened] == ["/subscribe/customers/home/main"]
