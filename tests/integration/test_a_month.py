"""A month's figures are i'mport's own: what it captured and cancelled, and when, of second captures too."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from storefront.billing import monthly
from storefront.billing.subscriptions import calendar
from storefront.clock import SEOUL
from tests.conftest import Shop
from tests.integration.calendars import go_to
from tests.integration.news import facts, tell
from tests.people import Sandbox, Shopper

PRICE = 14_900


@pytest.fixture
def last_day(shop: Shop) -> date:
    """Nine in the morning of the last day of a month."""
    first = calendar.seoul_day(shop.clock.now()).replace(day=1)
    while True:
        first = (first + timedelta(days=32)).replace(day=1)
        last = first - timedelta(days=1)
        if last > calendar.seoul_day(shop.clock.now()):
            go_to(shop, calendar.nine_of(last))
            return last


def figures(shop: Shop, day: date) -> tuple[int, int]:
    """What was charged and given back in the month of a day."""
    month = monthly.month(shop.billing, day.replace(day=1))
    return month.charged_krw, month.refunded_krw


def pay_again(sandbox: Sandbox, paid: str) -> str:
    """Somebody pays an order's number a second time; i'mport's id of that."""
    order = {"pg": "jtnet", "merchant_uid": paid, "amount": PRICE, "name": "again"}
    return str(sandbox.pay(order, late=True)["imp_uid"])


@pytest.mark.parametrize(
    "way",
    [
        "by the shop",
        "in the console before it was seen",
        "twice, for the first cancel was undone",
        "in part in the console, the rest by the shop",
        "in part in the console while the shop's cancel was not answered",
    ],
)
def test_what_went_back_of_a_second_capture_is_counted_once(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, way: str
) -> None:
    """Whoever gave it back."""
    paid = shopper.buy("pay")["merchant_uid"]
    extra = pay_again(sandbox, paid)
    if "before" in way:
        sandbox.cancel_in_console(extra)
    elif "rest" in way:
        sandbox.cancel_in_console(extra, 5_000)
    elif "not answered" in way:
        sandbox.fault("/payments/cancel", "cut_before", times=0)
    tell(shop, extra, paid)
    if "twice" in way:
        sandbox.undo_cancel(extra)
        tell(shop, extra, paid)
    if "not answered" in way:
        sandbox.cancel_in_console(extra, 5_000)
        tell(shop, extra, paid)
        sandbox.mend()
    shop.pass_time(minutes=2)
    shop.reconcile()

    ledger = sandbox.ledger()
    assert ledger["net"] == PRICE
    today = shop.clock.now().astimezone(SEOUL).date()
    assert figures(shop, today) == (ledger["captured"], ledger["cancelled"])


def test_what_goes_back_in_parts_counts_in_the_month_of_each_part(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, last_day: date
) -> None:
    """Two parts on the last day of a month, the rest on the next one."""
    paid = shopper.buy("pay")
    for part in (5_000, 1_000):
        sandbox.cancel_in_console(paid["imp_uid"], part)
        tell(shop, paid["imp_uid"], paid["merchant_uid"])
    shop.pass_time(days=1)
    sandbox.cancel_in_console(paid["imp_uid"])
    tell(shop, paid["imp_uid"], paid["merchant_uid"])

    assert figures(shop, last_day) == (PRICE, 6_000)
    assert figures(shop, last_day + timedelta(days=1)) == (0, PRICE - 6_000)


def test_a_cancel_that_was_undone_in_the_next_month_has_not_been(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, last_day: date
) -> None:
    """What is cancelled again counts when it is."""
    paid = shopper.buy("pay")
    sandbox.cancel_in_console(paid["imp_uid"], 5_000)
    tell(shop, paid["imp_uid"], paid["merchant_uid"])
    shop.pass_time(days=1)
    sandbox.undo_cancel(paid["imp_uid"])
    tell(shop, paid["imp_uid"], paid["merchant_uid"])
    assert figures(shop, last_day) == (PRICE, 0)

    sandbox.cancel_in_console(paid["imp_uid"], 2_000)
    tell(shop, paid["imp_uid"], paid["merchant_uid"])
    assert figures(shop, last_day) == (PRICE, 0)
    assert figures(shop, last_day + timedelta(days=1)) == (0, 2_000)


def test_a_second_capture_belongs_to_the_month_in_which_i_mport_captured_and_cancelled_it(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, last_day: date
) -> None:
    """Not to the one in which the shop heard of it."""
    paid = shopper.buy("pay")["merchant_uid"]
    extra = pay_again(sandbox, paid)
    sandbox.cancel_in_console(extra)
    shop.pass_time(days=1)
    tell(shop, extra, paid)

    assert figures(shop, last_day) == (2 * PRICE, PRICE)
    assert figures(shop, last_day + timedelta(days=1)) == (0, 0)


def test_what_was_refused_and_cancelled_before_it_was_seen_went_back_when_it_was_cancelled(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, last_day: date
) -> None:
    """Captured on the last day of a month with a won too many, cancelled in the console on the next one."""
    params = shopper.order("pay")
    window = sandbox.pay(params, outcome="lose_callback", charge_amount=PRICE + 1)
    shop.pass_time(days=1)
    sandbox.cancel_in_console(window["imp_uid"])
    tell(shop, window["imp_uid"], params["merchant_uid"])
    assert facts(shopper, params["merchant_uid"]) == ("refused", True, 0)

    assert figures(shop, last_day) == (PRICE + 1, 0)
    assert figures(shop, last_day + timedelta(days=1)) == (0, PRICE + 1)
