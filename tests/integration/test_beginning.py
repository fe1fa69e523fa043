"""A subscription begins when its checkout is won, on the terms of the payment that won it, and never twice."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from storefront.billing.subscriptions import calendar
from storefront.billing.subscriptions.calendar import interval, seoul_day
from storefront.clock import SEOUL
from storefront.models import Event, Subscription
from storefront.states import Every
from tests.conftest import Shop
from tests.integration.calendars import go_to
from tests.integration.news import tell
from tests.people import BUYER, ENGLISH, Sandbox, Shopper


def stored(shop: Shop) -> Any:
    """The only subscription there is."""
    with shop.billing.database.reading() as session:
        return session.scalars(select(Subscription)).one()


def count(shop: Shop) -> int:
    """How many there are."""
    with shop.billing.database.reading() as session:
        return len(session.scalars(select(Subscription)).all())


def today(shop: Shop) -> date:
    """In Seoul."""
    return seoul_day(shop.clock.now())


@pytest.mark.parametrize(("every", "price"), [("month", 14_900), ("year", 149_000)])
def test_a_first_payment_is_period_0_of_its_subscription(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, every: str, price: int
) -> None:
    """It begins today, and a year costs ten months."""
    payment = shopper.subscribe(every=every)

    begun = stored(shop)
    assert (payment["status"], payment["amount"], sandbox.net()) == ("paid", price, price)
    assert (payment["subscription"], payment["period"], payment["attempt"]) == (begun.id, 0, 1)
    assert (begun.every, begun.price_krw, begun.plan, begun.number) == (every, price, "morning", 0)
    assert begun.anchor_on == today(shop)
    assert begun.wake_at == interval(begun.anchor_on, Every(every), 1).due_at - timedelta(days=7)


@pytest.mark.parametrize(("chosen", "first"), [(None, 7), (1, 1), (60, 60)])
def test_a_registered_card_begins_a_subscription_that_is_charged_later(
    shop: Shop, shopper: Shopper, chosen: int | None, first: int
) -> None:
    """On the day that was chosen, in a week if none was; the 0 won pay for nothing."""
    fields = {} if chosen is None else {"first_on": f"{today(shop) + timedelta(days=chosen)}"}

    payment = shopper.subscribe(mode="register", **fields)

    begun = stored(shop)
    assert (payment["subscription"], payment["period"], payment["attempt"]) == (None, None, None)
    assert (begun.number, begun.anchor_on) == (None, today(shop) + timedelta(days=first))
    assert begun.consent_first_on == begun.anchor_on


def test_the_day_that_is_agreed_to_is_shown_before_and_after(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """The form names the day that counts if nobody chooses another, and between which ones; then every page names it."""
    form = shopper.browser.get("/checkout/morning?every=month&mode=register", headers=ENGLISH).text
    [field] = re.findall(r'<input[^>]*id="first_on"[^>]*>', form)
    usual, first, last = (f"{today(shop) + timedelta(days=days)}" for days in (7, 1, 60))
    assert all(f'{name}="{value}"' in field for name, value in (("value", usual), ("min", first), ("max", last)))

    chosen = today(shop) + timedelta(days=9)
    said = f"{chosen.day}\xa0{chosen:%b\xa0%Y}"
    params = shopper.order("register", every="month", first_on=f"{chosen}")
    assert said in shopper.browser.get(f"/checkout/morning/{params['merchant_uid']}", headers=ENGLISH).text
    shopper.tell(sandbox.pay(params))
    assert said in shopper.browser.get(f"/payments/{params['merchant_uid']}", headers=ENGLISH).text


def test_the_receipt_of_a_subscription_says_what_comes_next_and_does_not_say_once(shop: Shop, shopper: Shopper) -> None:
    """The next sum and its day, as the account page has them, however old the receipt is."""
    payment = shopper.subscribe()
    page = shopper.browser.get(f"/payments/{payment['merchant_uid']}", headers=ENGLISH).text
    due = shopper.subscription()["next"]["on"]

    assert "₩14,900 left your card." in page
    assert f"₩14,900 is charged automatically on {date.fromisoformat(due).day}\xa0" in page
    assert f"on the morning of {(today(shop) + timedelta(days=1)).day}\xa0" in page


def test_the_days_of_a_subscription_are_seouls(shop: Shop, shopper: Shopper) -> None:
    """Half past midnight there is still yesterday in London."""
    midnight = calendar.midnight_of(today(shop) + timedelta(days=1))
    go_to(shop, midnight + timedelta(minutes=30))

    shopper.subscribe()

    assert stored(shop).anchor_on == midnight.astimezone(SEOUL).date()


def test_a_day_that_has_passed_while_the_window_was_open_becomes_the_next_one(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Nobody is charged on the day the card is stored."""
    params = shopper.order("register", every="month", first_on=f"{today(shop) + timedelta(days=1)}")
    shop.pass_time(hours=23)
    shopper.tell(sandbox.pay(params))

    assert stored(shop).anchor_on == today(shop) + timedelta(days=1)


@pytest.mark.parametrize("mode", ["pay", "register"])
def test_what_is_bought_once_begins_nothing(shop: Shop, shopper: Shopper, mode: str) -> None:
    """Without the word, and with it."""
    shopper.buy(mode)
    shopper.subscribe(mode=mode, every="once")

    assert count(shop) == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"every": "week"},
        {"every": ""},
        {"mode": "register", "every": "month", "first_on": ""},
        {"mode": "register", "every": "month", "first_on": "soon"},
        {"mode": "register", "every": "month", "first_on": "20261231"},
        {"mode": "register", "every": "month", "first_on": "2026-02-30"},
        {"mode": "register", "every": "month", "first_on": "{today}"},
        {"mode": "register", "every": "year", "first_on": "{61}"},
        {"mode": "register", "every": "month", "first_on": "0001-01-01"},
    ],
)
def test_terms_that_make_no_sense_are_refused_before_anything_is_ordered(
    shop: Shop, shopper: Shopper, fields: dict[str, str]
) -> None:
    """400, and no order."""
    days = {"{today}": today(shop), "{61}": today(shop) + timedelta(days=61)}
    given = {name: f"{days.get(value, value)}" for name, value in fields.items()}

    reply = shopper.post("/checkout/morning", {**BUYER, "mode": "pay", **given})

    assert reply.status_code == 400
    assert shopper.account()["payments"] == []


def test_whoever_has_one_of_the_plan_is_asked_before_a_second_one_begins(shop: Shop, shopper: Shopper) -> None:
    """On the page; whoever goes on wants both. Another plan, or one bag, is no second one."""

    def is_asked(path: str) -> bool:
        page = shopper.browser.get(path, headers=ENGLISH)
        return "You have a subscription to Morning already" in page.text

    assert not is_asked("/checkout/morning?every=month")
    shopper.subscribe()
    asked = [is_asked(f"/checkout/{path}") for path in ("morning?every=year", "morning?every=once", "noon?every=month")]
    shopper.subscribe()

    assert asked == [True, False, False]
    assert count(shop) == 2


def test_a_declined_window_begins_nothing(shop: Shop, shopper: Shopper) -> None:
    """Nothing is a subscription before its checkout is won."""
    shopper.subscribe(card="decline-limit")

    assert count(shop) == 0


def test_two_paid_attempts_of_one_checkout_begin_one(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """The first one wins; the other's money and key go back."""
    one = shopper.order("pay", every="month", token="one-checkout")
    two = shopper.order("pay", every="month", token="one-checkout")
    results = [sandbox.pay(one), sandbox.pay(two)]
    for result in results:
        shopper.tell(result)

    assert count(shop) == 1
    assert shopper.payment(two["merchant_uid"])["status"] == "refused"
    assert sandbox.net() == 14_900


@pytest.mark.parametrize("other", [{"every": "year"}, {"every": "once"}, {"plan": "noon"}])
def test_a_form_that_comes_again_with_other_terms_is_another_checkout(
    shopper: Shopper, sandbox: Sandbox, other: dict[str, str]
) -> None:
    """Both are wanted: they are two decisions."""
    one = shopper.order(every="month", token="one-form")
    two = shopper.order(**{"every": "month", **other}, token="one-form")
    for order in (one, two):
        shopper.tell(sandbox.pay(order))

    assert [shopper.payment(order["merchant_uid"])["status"] for order in (one, two)] == ["paid", "paid"]


def test_news_of_a_payment_that_was_cancelled_in_full_begins_nothing(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """It was paid and given back before anybody told us."""
    params = shopper.order("pay", every="month")
    result = sandbox.pay(params, outcome="lose_callback")
    sandbox.cancel_in_console(result["imp_uid"])

    tell(shop, result["imp_uid"], params["merchant_uid"])

    assert count(shop) == 0
    assert shopper.payment(params["merchant_uid"])["net"] == 0


def test_news_of_a_payment_that_was_cancelled_in_part_begins_it(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """Something of it is held, so something was bought."""
    params = shopper.order("pay", every="month")
    result = sandbox.pay(params, outcome="lose_callback")
    sandbox.cancel_in_console(result["imp_uid"], 900)

    tell(shop, result["imp_uid"], params["merchant_uid"])

    assert count(shop) == 1


def test_a_late_approval_begins_it_on_the_day_we_hear_of_it(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """The day of the transaction is the anchor."""
    failed = shopper.subscribe(card="decline-limit")
    sandbox.approve_late(failed["imp_uid"])
    shop.pass_time(days=2)

    tell(shop, failed["imp_uid"], failed["merchant_uid"])

    assert stored(shop).anchor_on == today(shop)


def test_the_money_of_the_present_period_given_back_from_outside_ends_it(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """In full; a part of it changes nothing. What has ended stays ended when the cancel is undone."""
    payment = shopper.subscribe()
    sandbox.cancel_in_console(payment["imp_uid"], 900)
    tell(shop, payment["imp_uid"], payment["merchant_uid"])
    assert stored(shop).status == "active"

    sandbox.cancel_in_console(payment["imp_uid"])
    tell(shop, payment["imp_uid"], payment["merchant_uid"])
    assert (stored(shop).status, stored(shop).reason, stored(shop).wake_at) == ("ended", "refunded", None)

    sandbox.undo_cancel(payment["imp_uid"])
    tell(shop, payment["imp_uid"], payment["merchant_uid"])
    assert (stored(shop).status, stored(shop).reason) == ("ended", "refunded")
    with shop.billing.database.reading() as session:
        events = session.scalars(select(Event.event).where(Event.kind == "decided")).all()
    assert events.count("cancel_undone") == 1


def test_no_further_charges_is_said_where_none_can_follow(shopper: Shopper, sandbox: Sandbox) -> None:
    """Not where a subscription goes on whose key may still come; and to whoever has none and has removed the card."""
    promise = "There are no further charges."
    shopper.remove_card(shopper.register_card()["id"])
    assert promise in shopper.browser.get("/account", headers=ENGLISH).text

    sandbox.fault("/subscribe/customers/*", "error", times=0)
    params = shopper.order("pay", every="month")
    shopper.tell(sandbox.pay(params))

    assert promise not in shopper.browser.get("/account", headers=ENGLISH).text
