"""Two clocks: i'mport's moments are judged by i'mport's, and what a clock wrote that was ahead silences nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from storefront.billing import attention
from storefront.billing.reconciling import reconciliation
from storefront.billing.subscriptions import calendar
from storefront.clock import Clock
from storefront.config import Settings
from storefront.models import Payment
from tests.conftest import Shop, gateway_of
from tests.integration.calendars import go_to
from tests.integration.news import facts, tell
from tests.people import Sandbox, Shopper
from tests.wsgi import session_for

AGAIN = "/subscribe/payments/again"


@pytest.fixture
def ahead(clock: Clock) -> Callable[[timedelta], None]:
    """Our own clock goes wrong."""

    def move(by: timedelta) -> None:
        clock._offset += by

    return move


@contextmanager
def wrong_clock(clock: Clock, by: timedelta) -> Iterator[None]:
    """Our own clock is ahead until the block ends."""
    clock._offset += by
    yield
    clock._offset -= by


def due(shop: Shop) -> reconciliation.Report:
    """What the shop does by itself."""
    return reconciliation.reconcile(shop.billing, only_due=True, sweep=False)


@pytest.mark.parametrize("by", [timedelta(minutes=2), timedelta(minutes=-2)])
def test_a_charge_approved_after_its_cards_removal_goes_back_whatever_our_clock_says(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, ahead: Callable[[timedelta], None], by: timedelta
) -> None:
    """Two minutes wrong, and the approval a minute after the removal."""
    ahead(by)
    card = shopper.register_card("decline-later")
    declined = shopper.charged(card["id"])
    shopper.remove_card(card["id"])
    shop.pass_time(minutes=1)
    sandbox.approve_late(declined["imp_uid"])

    tell(shop, declined["imp_uid"], declined["merchant_uid"])

    assert facts(shopper, declined["merchant_uid"]) == ("refused", True, 0)
    assert sandbox.net() == 0


def test_a_charge_approved_before_its_cards_removal_is_kept_by_a_clock_that_is_behind(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, ahead: Callable[[timedelta], None]
) -> None:
    """By our clock it would have been approved after."""
    ahead(timedelta(minutes=-2))
    card = shopper.register_card("decline-later")
    declined = shopper.charged(card["id"])
    sandbox.fault("webhook", "drop", times=0)
    sandbox.approve_late(declined["imp_uid"])
    shop.pass_time(minutes=1)
    shopper.remove_card(card["id"])

    tell(shop, declined["imp_uid"], declined["merchant_uid"])

    assert facts(shopper, declined["merchant_uid"]) == ("paid", True, 16_900)


def test_clocks_that_differ_are_a_persons_matter_until_they_agree(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, ahead: Callable[[timedelta], None]
) -> None:
    """Said once in the log, and by every reconcile."""
    ahead(timedelta(minutes=2))
    shopper.order("pay")
    shop.reconcile()
    [item] = attention.open_items(shop.billing)
    assert (item.reason, item.detail) == ("clocks", {"minutes": -2})

    ahead(timedelta(minutes=-2))
    sandbox.lose_token()

    assert shop.reconcile().needs_person == []


def test_what_happened_by_imports_clock_is_swept_whatever_ours_says(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, ahead: Callable[[timedelta], None]
) -> None:
    """Ours is three hours behind, so by it the cancel lies in the future."""
    ahead(timedelta(hours=-3))
    paid = shopper.buy("pay")
    sandbox.fault("webhook", "drop", times=0)
    sandbox.cancel_in_console(paid["imp_uid"])

    shop.pass_time(seconds=10)  # i'mport tells its time in whole seconds
    shop.reconcile()

    assert facts(shopper, paid["merchant_uid"]) == ("cancelled", True, 0)


@pytest.mark.parametrize(
    ("checks", "ahead_by"), [(0, timedelta(minutes=30)), (20, timedelta(hours=20)), (40, timedelta(days=3))]
)
def test_a_look_is_never_further_ahead_than_was_ever_planned(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, clock: Clock, checks: int, ahead_by: timedelta
) -> None:
    """Soon, hourly or daily: the clock that was ahead gains no more than that."""
    params = shopper.order("pay")
    with shop.billing.database.writing() as session:
        session.execute(update(Payment).values(checks=checks))
    sandbox.fault("/payments/*", "error", times=0)
    with wrong_clock(clock, ahead_by):
        assert due(shop).looked_at == [params["merchant_uid"]]

    assert due(shop).looked_at == [params["merchant_uid"]]


def test_a_look_planned_by_a_clock_that_was_ahead_is_made_all_the_same(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, clock: Clock
) -> None:
    """At what is open, what is at rest, and what waits for a person."""
    stray = sandbox.pay({"pg": "jtnet", "merchant_uid": "nobodys", "amount": 700, "name": "tea"})
    tell(shop, stray["imp_uid"], "nobodys")
    waiting, paid = shopper.order("pay"), shopper.buy("pay")
    shopper.refund(paid["merchant_uid"])
    with wrong_clock(clock, timedelta(hours=20)):
        sandbox.fault("/payments/findAll/*", "error", times=0)
        due(shop)
        sandbox.mend()
    sandbox.fault("webhook", "drop", times=0)
    sandbox.pay(waiting, outcome="lose_callback")
    sandbox.cancel_in_console(stray["imp_uid"])
    sandbox.undo_cancel(paid["imp_uid"])
    shop.pass_time(hours=2)

    report = due(shop)

    assert waiting["merchant_uid"] in report.changed
    assert [(item.reason, item.subject) for item in attention.open_items(shop.billing)] == [
        ("refund_undone", paid["merchant_uid"])
    ]
    with wrong_clock(clock, timedelta(days=400)):
        due(shop)
    shop.pass_time(hours=2)
    due(shop)
    assert facts(shopper, paid["merchant_uid"]) == ("paid", True, 14_900)


def test_an_order_of_a_clock_that_was_ahead_expires_and_its_card_is_forgotten(
    shop: Shop, shopper: Shopper, clock: Clock
) -> None:
    """Nobody knows how old it is, and a late approval is honoured all the same."""
    with wrong_clock(clock, timedelta(days=365)):
        params = shopper.order("pay")
    shop.reconcile()
    assert facts(shopper, params["merchant_uid"]) == ("expired", False, 0)
    assert shopper.account()["cards"] == []

    shopper.tell(shopper.sandbox.pay(params))

    assert facts(shopper, params["merchant_uid"]) == ("paid", True, 14_900)


def test_a_charge_sent_by_a_clock_that_was_ahead_is_sent_again_after_a_grace_of_its_own(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, clock: Clock
) -> None:
    """The grace begins when the mistake is noticed."""
    card = shopper.register_card()
    sandbox.fault(AGAIN, "cut_before")
    with wrong_clock(clock, timedelta(days=365)):
        payment = shopper.charged(card["id"])
    assert payment["status"] == "requested"

    shop.reconcile()
    shop.pass_time(seconds=599)
    shop.reconcile()
    assert len(sandbox.requests(AGAIN)) == 1
    shop.pass_time(seconds=2)
    shop.reconcile()

    assert facts(shopper, payment["merchant_uid"]) == ("paid", True, 16_900)
    assert len(sandbox.requests(AGAIN)) == 2
    with shop.billing.database.reading() as session:
        first = session.scalar(select(Payment.first_sent_at).where(Payment.merchant_uid == payment["merchant_uid"]))
    assert first is not None
    assert first <= shop.clock.now()


@pytest.mark.parametrize("way", ["leave", "refund"])
@pytest.mark.parametrize("is_imports_ahead", [True, False])
def test_the_day_of_paying_is_i_mports_day(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, clock: Clock, is_imports_ahead: bool, way: str
) -> None:
    """Five minutes around midnight, and clocks that are ten apart: whoever has just paid gets all of it back."""
    midnight = calendar.midnight_of(calendar.seoul_day(clock.now()) + timedelta(days=2))
    go_to(shop, midnight - timedelta(minutes=5))
    if is_imports_ahead:
        sandbox.advance(minutes=10)
    else:
        clock.advance(timedelta(minutes=10))
    sandbox.lose_token()
    shopper.subscribe()
    [paid] = shopper.subscription()["period"]["attempts"]

    if way == "leave":
        page = f"/account/subscriptions/{shopper.subscription()['id']}/leave"
        assert shopper.ask("leave", when="now", refund_krw=shopper.see(page)["refund_krw"]).status_code == 303
    else:
        assert "refund" in shopper.browser.get(f"/payments/{paid}").text
        assert shopper.refund(paid).status_code == 303
    assert sandbox.net() == 0


def test_the_first_sweep_of_a_process_knows_imports_time(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, sandbox_app: Flask, settings: Settings, clock: Clock
) -> None:
    """`storefront reconcile` each hour, on a machine that takes Seoul's time for UTC: nine hours ahead."""

    def reconcile_anew() -> None:
        fresh = gateway_of(settings, session_for(sandbox_app), clock)
        reconciliation.reconcile(replace(shop.billing, gateway=fresh))

    clock.advance(timedelta(hours=9))
    declined = shopper.charged(shopper.register_card("decline-later")["id"])
    reconcile_anew()
    sandbox.fault("webhook", "drop", times=0)
    shop.pass_time(minutes=30)
    sandbox.approve_late(declined["imp_uid"])
    for _ in range(3):
        shop.pass_time(hours=1)
        reconcile_anew()

    assert sandbox.net() == 16_900
    assert facts(shopper, declined["merchant_uid"]) == ("paid", True, 16_900)
