"""The time machine: time passes beside the sandbox, and everything that falls due on the way is done at its time."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from storefront.billing import timemachine
from storefront.billing.payments import charges
from storefront.billing.subscriptions import calendar
from storefront.clock import Clock, LentClock, SandboxClock, TimeStandsStillError
from storefront.config import Settings
from storefront.iamport import Iamport
from tests.conftest import Shop, shop_beside
from tests.people import Sandbox, Shopper
from tests.serving_here import served

AGAIN = "/subscribe/payments/again"
NOBODY: dict[str, list[str]] = {"charged": [], "declined": [], "unknown": []}


@pytest.fixture
def clock(sandbox_app: Flask) -> Clock:
    """The shop's time is the sandbox's, as in the demo."""
    parts = sandbox_app.extensions["sandbox"]
    return LentClock(parts.clock.now, parts.advance)


def travel(shopper: Shopper, to: Any) -> dict[str, Any]:
    """Move the time as a program does."""
    reply = shopper.post_json("/demo/time", {"to": to})
    assert reply.status_code == 200, reply.text
    return dict(reply.get_json())


def outcomes(journey: dict[str, Any]) -> dict[str, list[str]]:
    """The orders of a journey, by how they ended."""
    return {name: journey[name] for name in NOBODY}


def subscription(shopper: Shopper) -> dict[str, Any]:
    """The shopper's only subscription."""
    [found] = shopper.account()["subscriptions"]
    return dict(found)


def test_time_goes_from_one_due_moment_to_the_next(shop: Shop, subscriber: Shopper, sandbox: Sandbox) -> None:
    """First the notice a week before, then the charge, each at its very time; the mail of each is sent."""
    due = subscription(subscriber)["next"]["at"]

    notice = travel(subscriber, "next")
    charge = travel(subscriber, "next")

    week = timedelta(days=7).total_seconds()
    assert 0 <= notice["now"] - (due - week) <= 3
    assert (outcomes(notice), notice["mails"]) == (NOBODY, 1)
    assert 0 <= charge["now"] - due <= 3
    [merchant_uid] = charge["charged"]
    assert (charge["declined"], charge["unknown"], charge["mails"]) == ([], [], 1)
    assert subscriber.payment(merchant_uid)["net"] == sandbox.net(merchant_uid) == 14_900
    assert abs(sandbox.now() - shop.clock.now().timestamp()) <= 1


def test_the_button_goes_to_the_next_charge_and_tells_what_happened(shop: Shop, subscriber: Shopper) -> None:
    """Past whatever comes before it; in words, once, on the page it was pressed on."""
    subscriber.browser.get("/language/en")
    at = subscription(subscriber)["next"]["at"]

    reply = subscriber.post("/demo/time", {"to": "charge", "next": "/terms"})

    assert (reply.status_code, reply.headers["Location"]) == (303, "/terms")
    page = subscriber.browser.get("/terms").text
    assert "Charges paid: 1, ₩14,900 in all. Mails sent: 2." in page
    assert "Charges paid" not in subscriber.browser.get("/terms").text
    assert 0 <= shop.clock.now().timestamp() - at <= 5


def test_a_month_is_the_same_day_of_the_next_one_and_charges_what_falls_into_it(
    shop: Shop, subscriber: Shopper, another_shopper: Shopper, sandbox: Sandbox
) -> None:
    """Everybody's charges, each on its own day, also when somebody else moves the time."""
    another_shopper.subscribe("noon", mode="register")
    today = calendar.seoul_day(shop.clock.now())

    journey = travel(another_shopper, "month")

    arrived = calendar.seoul_day(datetime.fromtimestamp(journey["now"], UTC))
    assert arrived == calendar.interval(today, calendar.Every.MONTH, 1).begins_on
    assert len(journey["charged"]) == len(set(journey["charged"])) in (1, 2)  # after nine o'clock mine is due tomorrow
    assert another_shopper.agrees_with_ledger()
    assert subscriber.agrees_with_ledger()
    [paid] = [payment for payment in another_shopper.account()["payments"] if payment["purpose"] == "renewal"]
    [captured] = sandbox.ledger(paid["merchant_uid"])["payments"]
    assert captured["paid_at"] < journey["now"] - timedelta(days=20).total_seconds()


def test_a_day_is_a_day(shop: Shop, subscriber: Shopper) -> None:
    """Nothing is due on it."""
    before = shop.clock.now()
    journey = travel(subscriber, "day")

    assert 0 <= journey["now"] - int(before.timestamp()) - 86_400 <= 3
    assert outcomes(journey) == NOBODY


def test_whoever_has_nothing_that_falls_due_stays_where_they_are(shop: Shop, shopper: Shopper) -> None:
    """No move, no work."""
    shopper.order()
    before = shop.clock.now()
    journey = travel(shopper, "next")

    assert (outcomes(journey), journey["mails"]) == (NOBODY, 0)
    assert shop.clock.now() - before < timedelta(seconds=5)


def test_a_declined_charge_is_tried_again_on_its_days_and_ends_unpaid(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Four attempts in ten days, and then it is over: a journey to the end meets all of them."""
    shopper.subscribe(card="decline-later")
    journey = travel(shopper, int((shop.clock.now() + timedelta(days=45)).timestamp()))

    assert len(journey["declined"]) == 4
    assert (journey["charged"], journey["unknown"]) == ([], [])
    found = subscription(shopper)
    assert (found["status"], found["reason"]) == ("ended", "unpaid")
    assert sandbox.net() == 14_900


def test_an_unknown_charge_is_told_as_such_and_found_out_at_the_next_moment(
    subscriber: Shopper, sandbox: Sandbox
) -> None:
    """Its answer was cut, and i'mport is silent for a while; the order is told again by how it ended."""
    at = subscription(subscriber)["next"]["at"]
    travel(subscriber, at - 60)
    sandbox.fault(AGAIN, "cut_after")
    sandbox.fault("/payments/*", "error", status=500, times=0)

    journey = travel(subscriber, at)
    [merchant_uid] = journey["unknown"]
    assert (journey["charged"], journey["declined"]) == ([], [])
    sandbox.mend()

    assert outcomes(travel(subscriber, "next")) == {**NOBODY, "charged": [merchant_uid]}
    assert len(sandbox.ledger(merchant_uid)["payments"]) == 1


def test_a_charge_that_never_arrived_is_sent_again_on_the_way(subscriber: Shopper, sandbox: Sandbox) -> None:
    """Once, under its number, soon after the grace time and not when time has come to its end."""
    at = subscription(subscriber)["next"]["at"]
    sandbox.fault(AGAIN, "cut_before")

    journey = travel(subscriber, at + 3600)

    [merchant_uid] = journey["charged"]
    [captured] = sandbox.ledger(merchant_uid)["payments"]
    assert 600 <= captured["paid_at"] - at <= 700
    assert sandbox.net(merchant_uid) == 14_900
    assert sandbox.net() == 2 * 14_900


def test_time_waits_for_a_charge_that_somebody_else_has_sent(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker beside it has claimed it a moment before: time goes on when its answer is there."""
    at = subscription(subscriber)["next"]["at"]
    claimed, journeys = threading.Event(), []
    send = charges.send_in_time

    def send_slowly(*arguments: Any) -> None:
        claimed.set()
        traveller.start()
        while traveller.is_alive() and not is_waiting.wait(0.05):
            pass
        send(*arguments)

    is_waiting = threading.Event()
    look = timemachine._is_sending
    monkeypatch.setattr(timemachine, "_is_sending", lambda billing: (look(billing), is_waiting.set())[0])
    monkeypatch.setattr(charges, "send_in_time", send_slowly)
    traveller = threading.Thread(target=lambda: journeys.append(timemachine.travel(shop.billing, shop.clock.now())))
    shop.clock.advance(datetime.fromtimestamp(at, UTC) - shop.clock.now())
    shop.renew()
    traveller.join()

    assert claimed.is_set()
    [journey] = journeys
    assert [order.status for order in journey.charged] == ["paid"]
    assert (journey.unknown, sandbox.net()) == ([], 2 * 14_900)


def test_orders_that_nobody_pays_keep_nobody_waiting_on_the_way(
    subscriber: Shopper, another_shopper: Shopper, sandbox: Sandbox
) -> None:
    """A month is a few looks at each, however often it is looked for a lost charge; one was paid, and is found."""
    waiting = [another_shopper.order()["merchant_uid"] for _ in range(5)]
    lost = another_shopper.order()
    sandbox.fault("webhook", "drop")
    sandbox.pay(lost)
    before = len(sandbox.requests())
    sandbox.fault(AGAIN, "cut_before")

    travel(subscriber, subscription(subscriber)["next"]["at"] + 86_400)

    asked = [call["path"] for call in sandbox.requests()[before:]]
    assert all(sum(merchant_uid in path for path in asked) <= 5 for merchant_uid in waiting)
    assert asked.count(AGAIN) == 2
    # Sweeps: at most one a day, though the lost charge makes many more stops.
    assert asked.count("/payments/status/paid") <= 8
    assert another_shopper.payment(lost["merchant_uid"])["net"] == sandbox.net(lost["merchant_uid"]) == 14_900


def test_one_at_a_time(subscriber: Shopper, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second one is told so, and changes nothing."""
    replies = []

    def meanwhile(*_arguments: object) -> None:
        replies.append(subscriber.post_json("/demo/time", {"to": "month"}))

    monkeypatch.setattr(timemachine, "_go", meanwhile)
    travel(subscriber, "day")

    [reply] = replies
    assert reply.status_code == 409
    assert travel(subscriber, "next")["charged"] == []


def test_what_is_no_moment_of_the_near_future_is_a_400(shop: Shop, shopper: Shopper) -> None:
    """As JSON and as a form; and time stays where it is."""
    before = shop.clock.now()
    now = int(before.timestamp())
    bad = (
        "",
        None,
        "year",
        "-1",
        "1e9",
        "१२३",
        "9" * 30,
        "\ud800",
        1.5,
        True,
        [],
        {},
        0,
        -1,
        10**30,
        now - 5,
        now + 401 * 86_400,
    )

    assert {shopper.post_json("/demo/time", {"to": to}).status_code for to in bad} == {400}
    forms = ({}, {"to": "year"}, {"to": f"{now - 5}"}, {"to": f"{now + 401 * 86_400}"})
    assert {shopper.post("/demo/time", form).status_code for form in forms} == {400}
    assert shop.clock.now() - before < timedelta(seconds=10)
    assert shopper.post_json("/demo/time", {"to": now + 86_400}).status_code == 200


def test_only_who_is_signed_in_and_has_the_forms_token(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """Nobody else's page can move the time."""
    stranger = Shopper(shop.browser(), sandbox)

    assert stranger.post_json("/demo/time", {"to": "day"}).status_code == 401
    assert shopper.browser.post("/demo/time", json={"to": "day"}).status_code == 400
    assert shopper.browser.post("/demo/time", data={"to": "day"}).status_code == 400


def test_there_is_no_time_machine_where_real_money_moves(
    settings: Settings, sandbox_app: Flask, sandbox: Sandbox, clock: Clock
) -> None:
    """Nor beside i'mport itself; and no bar offers one."""
    real = replace(settings, imp_api_url="https://api.iamport.kr", imp_sdk_url="https://cdn.iamport.kr/v1/iamport.js")
    silent = Iamport("http://127.0.0.1:9", "key", "secret")
    with shop_beside(real, sandbox_app, sandbox, clock, gateway=silent) as shop:
        shopper = Shopper(shop.browser(), sandbox).sign_up()

        assert shopper.post_json("/demo/time", {"to": "day"}).status_code == 404
        assert "/demo/time" not in shopper.browser.get("/account").text


def test_a_clock_that_was_set_back_charges_nothing(subscriber: Shopper, sandbox: Sandbox) -> None:
    """The sandbox's console has shown the real time again: what is stored is a month ahead."""
    travel(subscriber, "charge")
    held = sandbox.net()
    sandbox.session.post(f"{sandbox.url}/_sandbox/reset", timeout=10)

    assert held == 2 * 14_900
    assert outcomes(travel(subscriber, "day")) == NOBODY
    assert sandbox.net() == 0


def test_a_sandbox_in_another_process_is_moved_by_its_address(sandbox_app: Flask, sandbox: Sandbox) -> None:
    """The move counts at once; and whoever cannot be asked is not moved, and the last time known goes on."""
    with served(sandbox_app) as url:
        clock, before = SandboxClock(url), sandbox.now()
        clock.advance(timedelta(days=30, microseconds=1))
        assert 0 <= sandbox.now() - before - 30 * 86_400 <= 3
        assert abs(clock.now().timestamp() - sandbox.now()) <= 1.5

    with pytest.raises(TimeStandsStillError):
        clock.advance(timedelta(days=30))
    assert abs(clock.now().timestamp() - sandbox.now()) <= 3
    with pytest.raises(ValueError, match="forward"):
        clock.advance(timedelta(seconds=-1))


def test_asking_the_time_takes_one_connection_for_as_long_as_there_is_one(sandbox_app: Flask, sandbox: Sandbox) -> None:
    """It is asked five times a second. A sandbox that was started anew takes a new one."""
    peers: list[str] = []

    def seen(environ: Any, start_response: Any) -> Any:
        peers.append(environ["REMOTE_PORT"])
        return sandbox_app(environ, start_response)

    with served(seen) as url:
        port = int(url.rpartition(":")[2])
        clock = SandboxClock(url)
        clock.now()
        for _ in range(3):
            clock._ask()
    assert len(peers) >= 4
    assert len(set(peers)) == 1

    clock._ask()
    sandbox.advance(days=30)
    with served(seen, port):
        clock._ask()
        assert abs(clock.now().timestamp() - sandbox.now()) <= 1.5
    assert len(set(peers)) == 2


def test_a_sandbox_that_is_silent_stops_the_journey(
    shop: Shop, subscriber: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an answer that says where to look."""

    def silent(_by: timedelta) -> None:
        raise TimeStandsStillError

    monkeypatch.setattr(shop.clock, "advance", silent)

    assert subscriber.post_json("/demo/time", {"to": "day"}).status_code == 503
