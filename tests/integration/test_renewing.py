"""Subscriptions renew by themselves: each period is charged once, when it is due, by the calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from storefront.billing.renewing import forecast
from storefront.billing.subscriptions import calendar
from storefront.models import Checkout
from storefront.states import Every
from tests.conftest import Shop
from tests.integration.calendars import go_to, go_to_next
from tests.integration.renewals import AGAIN, payments_of
from tests.people import Sandbox, Shopper


@pytest.mark.parametrize("card", ["approve", "decline-later"])
def test_what_is_over_is_not_foreseen(shop: Shop, shopper: Shopper, card: str) -> None:
    """The worker was off for months: as many charges are foreseen as are made then."""
    shopper.subscribe(mode="register", card=card)
    go_to_next(shop, shopper)
    if card == "decline-later":
        shop.renew()
    go_to(shop, shop.clock.now() + timedelta(days=100))

    foreseen = list(forecast.foresee(shop.billing, shop.clock.now()))

    sent = []
    for _ in range(5):
        sent += shop.renew().sent
        shop.pass_time(minutes=2)
    assert len(foreseen) == len(sent) == (card == "approve")


def test_what_a_program_sees_of_a_new_subscription(shop: Shop, subscriber: Shopper) -> None:
    """The contract's shape, with the first payment as attempt 1 at period 0."""
    today = calendar.seoul_day(shop.clock.now())
    running, coming = (calendar.interval(today, Every.MONTH, number) for number in (0, 1))
    account = subscriber.account()
    [card], [payment] = account["cards"], account["payments"]

    assert account["subscriptions"] == [subscriber.subscription()]
    assert subscriber.subscription() == {
        "id": payment["subscription"],
        "plan": "morning",
        "every": "month",
        "price": 14_900,
        "status": "active",
        "reason": None,
        "card": card["id"],
        "period": {
            "number": 0,
            "begins_on": f"{running.begins_on}",
            "ends_on": f"{running.ends_on}",
            "status": "paid",
            "attempts": [payment["merchant_uid"]],
        },
        "next": {
            "at": int(coming.due_at.timestamp()),
            "on": f"{coming.begins_on}",
            "amount": 14_900,
            "plan": "morning",
            "card": card["id"],
        },
        "leaves_on": None,
        "skips_next": False,
    }
    assert (payment["period"], payment["attempt"]) == (0, 1)


def test_a_period_is_charged_when_it_is_due_and_once(shop: Shop, subscriber: Shopper, sandbox: Sandbox) -> None:
    """Not before nine o'clock in Seoul; with the stored key, under a number of its own."""
    due = datetime.fromtimestamp(subscriber.subscription()["next"]["at"], UTC)
    go_to(shop, due - timedelta(seconds=30))
    assert shop.renew().sent == []

    go_to(shop, due)
    [merchant_uid] = shop.renew().sent
    assert shop.renew().sent == []

    [payment] = payments_of(subscriber)
    assert (payment["purpose"], payment["status"], payment["net"]) == ("renewal", "paid", 14_900)
    assert (payment["period"], payment["attempt"]) == (1, 1)
    assert sandbox.net(merchant_uid) == 14_900
    assert len(sandbox.requests(AGAIN)) == 1
    assert sandbox.net() == 2 * 14_900
    assert subscriber.subscription()["period"]["status"] == "paid"


def test_a_year_of_months_is_twelve_captures(shop: Shop, subscriber: Shopper, sandbox: Sandbox) -> None:
    """Each in its own month, whatever day the anchor is."""
    for _ in range(12):
        go_to_next(shop, subscriber)
        shop.renew()

    assert sandbox.net() == 13 * 14_900
    assert subscriber.subscription()["period"]["number"] == 12
    assert subscriber.agrees_with_ledger()


def test_a_registered_card_is_charged_on_the_day_that_was_chosen(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Period 0 is a decision of its own; the 0 won have paid for nothing."""
    shopper.subscribe(mode="register")
    waiting = shopper.subscription()
    assert (waiting["period"]["number"], waiting["period"]["status"]) == (0, "due")
    assert (waiting["period"]["attempts"], sandbox.net()) == ([], 0)

    go_to_next(shop, shopper)
    shop.renew()

    [payment] = payments_of(shopper)
    assert (payment["period"], payment["attempt"], payment["status"]) == (0, 1, "paid")
    assert sandbox.net() == 14_900


def test_a_period_that_is_over_is_missed_and_the_running_one_charged(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """The shop was down for ten weeks: nobody is charged for the past, and never for two at once."""
    go_to_next(shop, subscriber)
    shop.pass_time(days=70)
    assert shop.renew().sent == []
    assert sandbox.net() == 14_900
    assert subscriber.subscription()["period"]["status"] == "due"

    shop.pass_time(minutes=2)
    shop.renew()

    [payment] = payments_of(subscriber)
    assert payment["period"] >= 2
    assert sandbox.net() == 2 * 14_900


def test_the_timeline_of_a_renewal_tells_it_from_the_beginning(shop: Shop, subscriber: Shopper) -> None:
    """Written down, sent, answered, paid, and what that means for the subscription."""
    go_to_next(shop, subscriber)
    [merchant_uid] = shop.renew().sent

    told = [line["event"] for line in subscriber.payment(merchant_uid)["events"]]
    assert told == ["ordered", "charge_sent", "charge_answered", "paid", "period_paid"]


def test_another_shoppers_subscription_does_not_exist(subscriber: Shopper, another_shopper: Shopper) -> None:
    """404, as for one that nobody has."""
    own = f"/account/subscriptions/{subscriber.subscription()['id']}"
    for path in (own, "/account/subscriptions/999999999", "/account/subscriptions/x"):
        assert another_shopper.browser.get(path).status_code == 404
    assert subscriber.browser.get(own).status_code == 200


def test_whoever_reads_sees_what_time_has_decided_although_nobody_renewed(shop: Shop, subscriber: Shopper) -> None:
    """A period was missed; no charge is made by reading."""
    go_to_next(shop, subscriber)
    shop.pass_time(days=40)

    read = subscriber.subscription()

    assert (read["period"]["number"] >= 2, read["period"]["status"]) == (True, "due")
    with shop.billing.database.reading() as session:
        statuses = session.scalars(select(Checkout.period_status).order_by(Checkout.number)).all()
    assert statuses[:2] == ["paid", "missed"]


def test_a_charge_whose_outcome_is_unknown_hides_none_of_those_after_it(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """The dry run takes it to be paid, like those that it foresees."""
    shopper.subscribe()
    go_to_next(shop, shopper)
    sandbox.fault(AGAIN, "cut_before")
    shop.renew()

    foreseen = forecast.foresee(shop.billing, shop.clock.now() + timedelta(days=95))
    assert [each.upcoming.interval.number for each in foreseen] == [2, 3, 4]
