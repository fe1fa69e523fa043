"""Renewals whose outcome is not known, is known late, or comes for a subscription that has ended meanwhile."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from storefront.billing import attention
from storefront.billing.attention import open_items
from storefront.billing.identifiers import SEOUL
from storefront.billing.mailing import sending
from storefront.billing.reconciling import desk
from storefront.billing.subscriptions import calendar
from tests.conftest import Shop
from tests.integration.calendars import go_to, go_to_next
from tests.integration.news import tell
from tests.integration.renewals import AGAIN, end, payments_of
from tests.people import ENGLISH, Sandbox, Shopper


def test_an_unknown_outcome_blocks_everything_until_it_is_found(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """The answer was cut after the work: it was paid, and nobody charges again."""
    go_to_next(shop, subscriber)
    sandbox.fault(AGAIN, "cut_after")
    sandbox.fault("/payments/findAll/*", "error", status=500, times=0)
    shop.renew()
    open_period = subscriber.subscription()
    assert (open_period["period"]["status"], open_period["next"]) == ("unpaid", None)
    page = subscriber.browser.get(f"/account/subscriptions/{open_period['id']}", headers=ENGLISH).text
    assert "Should it fail, ₩14,900 is charged to the new card at once" in page
    assert shop.renew().sent == []

    sandbox.mend()

    assert subscriber.subscription()["period"]["status"] == "paid"
    assert sandbox.net() == 2 * 14_900


def test_a_charge_that_never_arrived_is_sent_again_under_the_same_number(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """By reconcile alone, after the grace time."""
    go_to_next(shop, subscriber)
    sandbox.fault(AGAIN, "cut_before")
    [merchant_uid] = shop.renew().sent
    shop.pass_time(minutes=12)
    shop.reconcile()

    assert [payment["merchant_uid"] for payment in payments_of(subscriber)] == [merchant_uid]
    assert sandbox.net(merchant_uid) == 14_900


def test_an_ended_subscription_is_not_sent_again(shop: Shop, subscriber: Shopper, sandbox: Sandbox) -> None:
    """The charge of its last period never arrived; it is given up once the grace is over."""
    first = subscriber.subscription()["period"]["attempts"][0]
    go_to_next(shop, subscriber)
    sandbox.fault(AGAIN, "cut_before")
    [merchant_uid] = shop.renew().sent
    end(shop)
    shop.pass_time(minutes=12)
    shop.reconcile()

    assert subscriber.payment(merchant_uid)["status"] == "failed"
    assert len(sandbox.requests(AGAIN)) == 1
    assert sandbox.net() == sandbox.net(first)


def test_what_was_captured_for_a_subscription_that_ended_meanwhile_goes_back(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """The answer was cut; when it is found the subscription has ended."""
    go_to_next(shop, subscriber)
    sandbox.fault(AGAIN, "cut_after")
    [merchant_uid] = shop.renew().sent
    end(shop)
    shop.reconcile()

    assert subscriber.payment(merchant_uid)["status"] == "refused"
    assert (sandbox.net(merchant_uid), sandbox.net()) == (0, 14_900)
    assert subscriber.subscription()["status"] == "ended"


def test_a_renewal_that_is_captured_for_another_sum_goes_back_and_is_owed(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """Whoever took the number took the wrong sum: the period is not paid by it, and is tried again."""
    customer_uid = subscriber.account()["cards"][0]["customer_uid"]
    go_to_next(shop, subscriber)
    sandbox.fault(AGAIN, "cut_before")
    [merchant_uid] = shop.renew().sent
    sandbox.call("POST", AGAIN, customer_uid=customer_uid, merchant_uid=merchant_uid, amount=100, name="another sum")
    shop.reconcile()

    owing = subscriber.subscription()
    assert subscriber.payment(merchant_uid)["status"] == "refused"
    assert sandbox.net(merchant_uid) == 0
    assert (owing["status"], owing["period"]["status"]) == ("past_due", "unpaid")

    go_to_next(shop, subscriber)
    shop.renew()
    paid = subscriber.subscription()
    assert (paid["status"], paid["period"]["status"]) == ("active", "paid")
    assert sandbox.net() == 2 * 14_900


def test_a_late_approval_of_a_declined_attempt_pays_the_period(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """It was declined, and the card company approves it after all: nothing is owed any more."""
    shopper.subscribe(card="decline-later", mode="register")
    go_to_next(shop, shopper)
    [merchant_uid] = shop.renew().sent
    declined = shopper.payment(merchant_uid)
    assert shopper.subscription()["status"] == "past_due"

    sandbox.approve_late(declined["imp_uid"])
    tell(shop, declined["imp_uid"], merchant_uid)

    paid = shopper.subscription()
    assert (paid["status"], paid["period"]["status"]) == ("active", "paid")
    assert sandbox.net() == 14_900


def test_an_attempt_that_waits_for_a_person_blocks_the_next_period_until_it_is_closed(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Its period was paid by a late approval meanwhile. Nobody makes another attempt, and none is in trouble for it."""
    shopper.subscribe(mode="register", card="decline-later")
    go_to_next(shop, shopper)
    [first] = shop.renew().sent
    good = shopper.register_card()
    sandbox.fault(AGAIN, "cut_before")
    shopper.ask("pay", card=good["id"], token="one-press")
    second = shopper.subscription()["period"]["attempts"][-1]
    with shop.billing.database.writing() as session:
        attention.call(session, attention.Reason.CONTRADICTION, second, shop.clock.now())
    sandbox.approve_late(shopper.payment(first)["imp_uid"])
    tell(shop, shopper.payment(first)["imp_uid"], first)
    shopper.ask("card", card=good["id"])
    assert (shopper.payment(first)["status"], shopper.payment(second)["status"]) == ("paid", "requested")
    go_to(shop, shop.clock.now() + timedelta(days=32))

    report = shop.renew()

    assert (report.troubled, report.sent) == ([], [])
    [item] = open_items(shop.billing)
    assert item.reason == "contradiction"
    desk.close(shop.billing, item.id, "it never arrived")
    assert shopper.payment(second)["status"] == "failed"
    shopper.ask("card", card=good["id"])
    shop.pass_time(minutes=2)
    assert len(shop.renew().sent) == 1
    assert sandbox.net() == 2 * 14_900


@pytest.mark.parametrize(("silent", "rung"), [(timedelta(hours=40), 1), (timedelta(hours=64), 2)])
def test_a_decline_that_is_heard_of_days_later_is_tried_again_at_nine_of_a_day_to_come(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, silent: timedelta, rung: int
) -> None:
    """Its answer was lost and i'mport silent until after the next rung: nobody is charged at night, nor told of a day that is past."""
    shopper.subscribe(mode="register", card="decline-later")
    for _ in range(rung - 1):
        go_to_next(shop, shopper)
        shop.renew()
    go_to_next(shop, shopper)
    sandbox.fault("webhook", "drop", times=0)
    sandbox.fault(AGAIN, "cut_after")
    sandbox.fault("/payments/*", "error", times=0)
    shop.renew()
    go_to(shop, shop.clock.now() + silent)
    sandbox.mend()
    for _ in range(3):
        shop.pass_time(minutes=10)
        shop.reconcile()

    found = shopper.subscription()
    assert len(found["period"]["attempts"]) == rung
    upcoming = datetime.fromtimestamp(found["next"]["at"], SEOUL)
    assert upcoming == calendar.nine_from(shop.clock.now())
    sending.send_waiting(shop.billing)
    told = [mail.payload["retry_on"] for mail in sending.outbox(shop.billing) if mail.sent_at]
    assert told[-1] == upcoming.date().isoformat()
    assert shop.renew().sent == []
