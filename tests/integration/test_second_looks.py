"""Second looks: what seems to be over is looked at again, ever more seldom."""

from __future__ import annotations

import pytest

from storefront.billing.reconciling import reconciliation
from tests.conftest import Shop
from tests.integration.news import facts, tell
from tests.people import Sandbox, Shopper

FIND_ALL = "/payments/findAll/"


def answers_to(sandbox: Sandbox, path: str) -> int:
    """How often i'mport has told what is asked for there; a token that ran out on the way is no answer."""
    return len([request for request in sandbox.requests(path) if request["status"] == 200])


@pytest.fixture
def lost_webhooks(sandbox: Sandbox) -> None:
    """None arrives from here on."""
    sandbox.fault("webhook", "drop", times=0)


@pytest.mark.usefixtures("lost_webhooks")
@pytest.mark.parametrize("by", ["the shopper", "somebody in the console"])
def test_a_cancel_that_is_undone_is_found(shop: Shop, shopper: Shopper, sandbox: Sandbox, by: str) -> None:
    """Nobody tells the shop, and no sweep shows a payment that is older than an hour."""
    paid = shopper.buy("pay")
    if by == "the shopper":
        shopper.refund(paid["merchant_uid"])
    else:
        sandbox.cancel_in_console(paid["imp_uid"])
        tell(shop, paid["imp_uid"], paid["merchant_uid"])
    assert facts(shopper, paid["merchant_uid"]) == ("cancelled", True, 0)
    shop.pass_time(hours=3)
    shop.reconcile()
    sandbox.undo_cancel(paid["imp_uid"])

    assert shop.reconcile().changed == [paid["merchant_uid"]]

    assert facts(shopper, paid["merchant_uid"]) == ("paid", True, 14_900)
    assert shopper.agrees_with_ledger()


@pytest.mark.usefixtures("lost_webhooks")
@pytest.mark.parametrize("by", ["the shop", "somebody in the console, before the shop hears of it"])
def test_what_was_refused_and_comes_back_is_given_back_again(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, by: str
) -> None:
    """Nobody ordered it, however often it returns."""
    params = shopper.order("pay")
    result = sandbox.pay(params, charge_amount=100)
    if by != "the shop":
        sandbox.cancel_in_console(result["imp_uid"])
    shopper.tell(result)
    assert facts(shopper, params["merchant_uid"]) == ("refused", True, 0)
    shop.pass_time(hours=3)
    shop.reconcile()
    sandbox.undo_cancel(result["imp_uid"])
    assert sandbox.net() == 100

    shop.reconcile()

    assert facts(shopper, params["merchant_uid"]) == ("refused", True, 0)
    assert sandbox.net() == 0


@pytest.mark.usefixtures("lost_webhooks")
@pytest.mark.parametrize("by", ["the shop", "somebody in the console, before the shop hears of it"])
def test_a_second_capture_that_comes_back_is_given_back_again(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, by: str
) -> None:
    """The order's own payment is at rest all the while."""
    paid = shopper.buy("pay")
    order = {"pg": "jtnet", "merchant_uid": paid["merchant_uid"], "amount": 14_900, "name": "again"}
    extra = sandbox.pay(order, late=True)
    if by != "the shop":
        sandbox.cancel_in_console(extra["imp_uid"])
    tell(shop, extra["imp_uid"], paid["merchant_uid"])
    assert sandbox.net() == 14_900
    shop.pass_time(hours=3)
    shop.reconcile()
    sandbox.undo_cancel(extra["imp_uid"])
    assert sandbox.net() == 2 * 14_900

    shop.reconcile()

    assert facts(shopper, paid["merchant_uid"]) == ("paid", True, 14_900)
    assert sandbox.net() == 14_900


@pytest.mark.usefixtures("lost_webhooks")
def test_what_went_back_late_is_looked_at_for_ninety_days_from_then_on(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """I'mport took no cancel of a second capture for a month; it is undone eleven weeks after it took one."""
    paid = shopper.buy("pay")
    order = {"pg": "jtnet", "merchant_uid": paid["merchant_uid"], "amount": 14_900, "name": "again"}
    sandbox.fault("/payments/cancel", "error", times=0)
    extra = sandbox.pay(order, late=True)
    tell(shop, extra["imp_uid"], paid["merchant_uid"])
    shop.pass_time(days=30)
    sandbox.mend()
    sandbox.fault("webhook", "drop", times=0)
    shop.reconcile()
    assert sandbox.net() == 14_900
    shop.pass_time(days=77)
    sandbox.undo_cancel(extra["imp_uid"])
    assert sandbox.net() == 2 * 14_900

    shop.reconcile()

    assert sandbox.net() == 14_900


def test_by_itself_the_shop_looks_ever_more_seldom_for_ninety_days(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Some twenty looks in all, most of them soon, and none after that."""
    paid = shopper.buy("pay")
    shopper.refund(paid["merchant_uid"])
    by_day = [answers_to(sandbox, FIND_ALL + paid["merchant_uid"])]
    for _ in range(100):
        for _ in range(4):
            shop.pass_time(hours=6)
            reconciliation.reconcile(shop.billing, only_due=True, sweep=False)
        by_day.append(answers_to(sandbox, FIND_ALL + paid["merchant_uid"]))

    assert 8 <= by_day[90] - by_day[0] <= 25
    assert by_day[3] - by_day[0] > by_day[90] - by_day[60]
    assert by_day[100] == by_day[91]


def test_what_waits_for_a_person_is_looked_at_ever_more_seldom_too(shop: Shop, sandbox: Sandbox) -> None:
    """But for as long as it waits."""
    stray = sandbox.pay({"pg": "jtnet", "merchant_uid": "nobodys", "amount": 700, "name": "tea"})
    tell(shop, stray["imp_uid"], "nobodys")
    asked = f"/payments/{stray['imp_uid']}"
    before = answers_to(sandbox, asked)
    for _ in range(100):
        shop.pass_time(days=1)
        reconciliation.reconcile(shop.billing, only_due=True, sweep=False)

    assert 5 <= answers_to(sandbox, asked) - before <= 20

    sandbox.fault("webhook", "drop", times=0)
    sandbox.cancel_in_console(stray["imp_uid"])
    shop.pass_time(days=60)
    assert reconciliation.reconcile(shop.billing, only_due=True, sweep=False).needs_person == []
