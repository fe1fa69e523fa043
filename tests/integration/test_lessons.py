"""The lessons: each does what it says to an order of the shopper's own, and the ledger agrees in the end."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from storefront.clock import Clock, LentClock
from storefront.config import Settings
from storefront.demo_sandbox import DemoSandbox
from storefront.web.lessons import page as lessons_page
from storefront.web.lessons.table import LESSONS
from tests.conftest import Shop, shop_beside
from tests.people import ENGLISH, Sandbox, Shopper

PRICE = 14_900
PAID, RETURNED = (PRICE, 0, PRICE), (PRICE, PRICE, 0)
ENDS: dict[str, tuple[str, tuple[int, int, int]]] = {
    "callback-lost": ("paid", PAID),
    "webhook-twice": ("paid", PAID),
    "webhook-first": ("paid", PAID),
    "webhook-late": ("cancelled", RETURNED),
    "amount-forged": ("refused", (100, 100, 0)),
    "answer-lost": ("paid", PAID),
    "two-clicks": ("paid", PAID),
    "two-tabs": ("paid", (2 * PRICE, PRICE, PRICE)),
    "renewal-declined": ("paid", PAID),
    "another-browser": ("paid", PAID),
    "key-replaced": ("refused", RETURNED),
}
"""How each order ends, and what i'mport has captured, cancelled and kept for it."""


@pytest.fixture
def clock(sandbox_app: Flask) -> Clock:
    """The shop's time is the sandbox's, as in the demo."""
    parts = sandbox_app.extensions["sandbox"]
    return LentClock(parts.clock.now, parts.advance)


def play(shopper: Shopper, name: str) -> str:
    """Press a lesson's button; the order it ends at."""
    reply = shopper.post(f"/lessons/{name}", {})
    assert reply.status_code == 303, reply.text
    page, _, order = str(reply.headers["Location"]).partition("?order=")
    assert page == f"/lessons/{name}"
    return order.partition("#")[0]


def faults(sandbox: Sandbox) -> list[Any]:
    """What is broken at the sandbox."""
    return list(sandbox.session.get(f"{sandbox.url}/_sandbox/faults", timeout=30).json()["faults"])


def events(facts: dict[str, Any]) -> list[str]:
    """A payment's timeline, in its own names."""
    return [event["event"] for event in facts["events"]]


@pytest.mark.parametrize("name", [lesson.name for lesson in LESSONS])
def test_every_lesson_ends_as_it_says_and_leaves_nothing_broken(
    shop: Shop, shopper: Shopper, another_shopper: Shopper, sandbox: Sandbox, name: str
) -> None:
    """Shop and ledger agree to the won about everything that was bought on the way, and nobody else is touched."""
    order = another_shopper.buy()["merchant_uid"]
    shop.deliver_webhooks()
    bystander = another_shopper.payment(order)
    status, (captured, cancelled, net) = ENDS[name]

    order = play(shopper, name)

    ledger, facts = sandbox.ledger(order), shopper.payment(order)
    assert (ledger["captured"], ledger["cancelled"], ledger["net"]) == (captured, cancelled, net)
    assert (facts["status"], facts["net"]) == (status, net)
    assert shopper.agrees_with_ledger()
    assert another_shopper.payment(bystander["merchant_uid"]) == bystander
    assert faults(sandbox) == []
    assert not [hook for hook in sandbox.webhooks() if hook["state"] == "held"]


def test_a_lost_callback_is_never_heard(shopper: Shopper) -> None:
    """The webhook alone settles it."""
    told = events(shopper.payment(play(shopper, "callback-lost")))

    assert "webhook" in told
    assert "callback" not in told


def test_two_webhooks_and_one_decision(shopper: Shopper) -> None:
    """Both are in the timeline; it is paid once."""
    told = events(shopper.payment(play(shopper, "webhook-twice")))

    assert (told.count("webhook"), told.count("paid")) == (2, 1)


def test_the_webhook_is_there_before_the_browser(shopper: Shopper) -> None:
    """And its question to i'mport decides."""
    told = events(shopper.payment(play(shopper, "webhook-first")))

    assert told.index("webhook") < told.index("paid") < told.index("callback")


def test_a_webhook_says_paid_after_the_refund(shopper: Shopper) -> None:
    """It comes last, and changes nothing."""
    told = events(shopper.payment(play(shopper, "webhook-late")))

    assert told.index("refund_done") < told.index("webhook")


def test_the_answer_of_a_charge_does_not_come(shopper: Shopper, sandbox: Sandbox) -> None:
    """It was sent once, and the look-up tells that it was captured."""
    order = play(shopper, "answer-lost")

    assert "charge_unanswered" in events(shopper.payment(order))
    assert len(sandbox.requests("/subscribe/payments/again")) == 1


def test_two_clicks_send_one_charge(shopper: Shopper, sandbox: Sandbox) -> None:
    """However close they are."""
    play(shopper, "two-clicks")

    assert len(sandbox.requests("/subscribe/payments/again")) == 1


def test_a_renewal_is_declined_first_and_its_subscription_is_left_afterwards(shopper: Shopper) -> None:
    """The second attempt pays the same period; nothing is charged after it."""
    order = play(shopper, "renewal-declined")
    found = shopper.subscription()

    assert [shopper.payment(one)["status"] for one in found["period"]["attempts"]] == ["failed", "paid"]
    assert (found["period"]["attempts"][-1], found["next"]) == (order, None)


def test_a_phone_comes_back_without_a_session(shopper: Shopper) -> None:
    """Only the address that it came back to tells the shop."""
    told = events(shopper.payment(play(shopper, "another-browser")))

    assert "redirect" in told
    assert "callback" not in told


def test_the_stored_card_is_suspended_when_its_key_was_replaced(shopper: Shopper) -> None:
    """Nobody is charged by its name any more."""
    play(shopper, "key-replaced")

    assert [card["status"] for card in shopper.account()["cards"]] == ["suspended"]


def test_the_page_shows_the_order_with_the_books_and_leads_to_how_it_went(shopper: Shopper) -> None:
    """In words, with the lines of code, each of which is there."""
    for lesson in LESSONS:
        before = shopper.browser.get(f"/lessons/{lesson.name}", headers=ENGLISH).text
        assert "What the button does" in before
    order = play(shopper, "amount-forged")
    page = shopper.browser.get(f"/lessons/amount-forged?order={order}", headers=ENGLISH).text

    assert "We did not accept this payment" in page
    assert "They agree:" in page
    assert f"/payments/{order}/how" in page


def test_a_lesson_that_stops_half_way_leaves_nothing_broken(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The webhook that was held back arrives, the fault is gone, and the page says what to do."""
    monkeypatch.setattr("storefront.web.payments.settlement.settle", _fail)
    shop.app.config["PROPAGATE_EXCEPTIONS"] = False

    reply = shopper.post("/lessons/webhook-late", {})

    assert reply.status_code == 503
    assert faults(sandbox) == []
    assert not [hook for hook in sandbox.webhooks() if hook["state"] == "held"]


def _fail(*_arguments: Any, **_options: Any) -> None:
    raise RuntimeError("out of order")


def test_without_a_sandbox_that_answers_nothing_is_played(shop: Shop, shopper: Shopper) -> None:
    """It says so, and an order that nobody paid is all that is left."""
    shop.app.extensions["demo_sandbox"] = DemoSandbox("http://127.0.0.1:1")

    assert shopper.post("/lessons/two-tabs", {}).status_code == 503
    assert [payment["status"] for payment in shopper.account()["payments"]] == ["ready"]


def test_one_lesson_at_a_time(shopper: Shopper, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one has broken must not hit another; nothing is done meanwhile."""
    monkeypatch.setattr(lessons_page, "PAGE_BUDGET_S", 0)
    with lessons_page._playing:
        reply = shopper.post("/lessons/two-tabs", {})

    assert reply.status_code == 409
    assert shopper.account()["payments"] == []


def test_nobody_sees_the_order_of_anybody_elses_lesson(
    shop: Shop, shopper: Shopper, another_shopper: Shopper, sandbox: Sandbox
) -> None:
    """Not signed in, somebody else, a name that is none."""
    order = play(shopper, "callback-lost")
    stranger = Shopper(shop.browser(), sandbox)

    for visitor in (stranger, another_shopper):
        assert visitor.browser.get(f"/lessons/callback-lost?order={order}").status_code == 404
    assert stranger.browser.get("/lessons/callback-lost").status_code == 200
    assert stranger.browser.get("/lessons/no-such-lesson").status_code == 404


@pytest.mark.parametrize("change", [{"imp_api_url": "https://api.iamport.kr"}, {"imp_live": True}])
def test_there_are_no_lessons_where_real_money_moves(
    settings: Settings, sandbox_app: Flask, sandbox: Sandbox, clock: Clock, change: dict[str, Any]
) -> None:
    """Neither beside i'mport, nor in live mode beside whatever."""
    with shop_beside(replace(settings, **change), sandbox_app, sandbox, clock) as shop:
        shopper = Shopper(shop.browser(), sandbox).sign_up()

        for path in ("/lessons", "/lessons/two-tabs", "/guide", "/demo/outbox"):
            assert shopper.browser.get(path).status_code == 404, path
        assert shopper.post("/lessons/two-tabs", {}).status_code == 404
        assert Shopper(shop.browser(), sandbox).post("/login/demo", {}).status_code == 404
        assert not re.search("/lessons|/guide|/demo|_sandbox|DEMO", shopper.browser.get("/").text)
