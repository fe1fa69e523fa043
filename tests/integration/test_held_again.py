"""Given back, and held again: somebody has undone a cancel of which a shopper was told."""

from __future__ import annotations

import pytest
from flask import Flask

from storefront.billing.attention import open_items
from tests.conftest import Shop
from tests.integration.calendars import go_to_next
from tests.integration.news import facts, tell
from tests.integration.test_mails import outbox
from tests.people import ENGLISH, Sandbox, Shopper

PRICE = 14_900


def waiting(shop: Shop) -> list[tuple[str, dict[str, object]]]:
    """What waits for a person, and what it tells."""
    return [(item.reason, item.detail) for item in open_items(shop.billing)]


def test_what_leaving_gave_back_and_is_held_again_is_a_persons_matter(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """Somebody has undone the cancel. It is over when it is cancelled again."""
    [paid] = subscriber.subscription()["period"]["attempts"]
    shop.pass_time(days=10)
    back = subscriber.see(f"/account/subscriptions/{subscriber.subscription()['id']}/leave")["refund_krw"]
    subscriber.ask("leave", when="now", refund_krw=back)
    assert sandbox.net() == PRICE - back
    sandbox.undo_cancel(subscriber.payment(paid)["imp_uid"])
    shop.pass_time(days=1)

    shop.reconcile()

    [item] = open_items(shop.billing)
    assert (item.reason, item.subject, item.detail) == ("refund_undone", paid, {"amount": back})
    assert "a person has to look" in subscriber.browser.get(f"/payments/{paid}", headers=ENGLISH).text
    sandbox.cancel_in_console(subscriber.payment(paid)["imp_uid"], back)
    shop.pass_time(days=1)
    shop.reconcile()
    assert open_items(shop.billing) == []
    assert subscriber.agrees_with_ledger()


def test_a_whole_refund_that_is_undone_after_the_end_is_a_persons_matter(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """Its shopper has no button any more: not the refund's, and not the leaving's."""
    [paid] = subscriber.subscription()["period"]["attempts"]
    subscriber.refund(paid)
    assert subscriber.subscription()["status"] == "ended"
    shop.pass_time(days=2)
    sandbox.undo_cancel(subscriber.payment(paid)["imp_uid"])
    shop.pass_time(days=1)

    shop.reconcile()

    assert waiting(shop) == [("refund_undone", {"amount": PRICE})]
    assert (sandbox.net(), subscriber.refund(paid).status_code) == (PRICE, 409)


def test_a_subscription_that_a_cancel_has_ended_and_whose_money_is_held_again_is_a_persons_matter(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """Cancelled in the console, and undone two days later: nobody asked for it, and no button is left."""
    [paid] = subscriber.subscription()["period"]["attempts"]
    imp_uid = subscriber.payment(paid)["imp_uid"]
    sandbox.cancel_in_console(imp_uid)
    tell(shop, imp_uid, paid)
    assert subscriber.subscription()["reason"] == "refunded"
    shop.pass_time(days=2)
    sandbox.undo_cancel(imp_uid)

    tell(shop, imp_uid, paid)

    assert waiting(shop) == [("refund_undone", {"amount": PRICE})]
    sandbox.cancel_in_console(imp_uid)
    tell(shop, imp_uid, paid)
    assert open_items(shop.billing) == []


@pytest.mark.parametrize("first", ["the console's", "the shop's"])
def test_what_is_held_again_is_a_persons_matter_until_all_of_it_is_back(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox, first: str
) -> None:
    """Given back in two parts, one by the shop and one in the console; undone; and then a part of it is cancelled again."""
    [paid] = subscriber.subscription()["period"]["attempts"]
    imp_uid = subscriber.payment(paid)["imp_uid"]
    if first == "the console's":
        sandbox.cancel_in_console(imp_uid, 5_000)
        tell(shop, imp_uid, paid)
        subscriber.refund(paid)
    else:
        shop.pass_time(days=10)
        back = subscriber.see(f"/account/subscriptions/{subscriber.subscription()['id']}/leave")["refund_krw"]
        subscriber.ask("leave", when="now", refund_krw=back)
        sandbox.cancel_in_console(imp_uid)
        tell(shop, imp_uid, paid)
    assert (subscriber.subscription()["status"], sandbox.net()) == ("ended", 0)
    shop.pass_time(days=2)
    sandbox.undo_cancel(imp_uid)
    tell(shop, imp_uid, paid)
    assert waiting(shop) == [("refund_undone", {"amount": PRICE})]

    sandbox.cancel_in_console(imp_uid, 9_900)
    tell(shop, imp_uid, paid)

    assert waiting(shop) == [("refund_undone", {"amount": sandbox.net()})]
    sandbox.cancel_in_console(imp_uid)
    tell(shop, imp_uid, paid)
    assert waiting(shop) == []


def test_what_is_undone_twice_is_missed_once(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """Refunded, undone, refunded, undone: it is one sum."""
    payment = shopper.buy()
    paid, imp_uid = payment["merchant_uid"], payment["imp_uid"]
    for _ in range(2):
        shopper.refund(paid)
        assert sandbox.net() == 0
        sandbox.undo_cancel(imp_uid)
        tell(shop, imp_uid, paid)

    assert waiting(shop) == [("refund_undone", {"amount": PRICE})]
    sandbox.cancel_in_console(imp_uid)
    tell(shop, imp_uid, paid)
    assert waiting(shop) == []


def test_a_first_payment_that_was_cancelled_before_it_was_seen_and_is_held_again_is_a_persons_matter(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """No subscription has begun with it, and its shopper has read that the money went back."""
    params = shopper.order("pay", every="month")
    window = sandbox.pay(params, outcome="lose_callback")
    sandbox.cancel_in_console(window["imp_uid"])
    tell(shop, window["imp_uid"], params["merchant_uid"])
    assert facts(shopper, params["merchant_uid"]) == ("cancelled", True, 0)

    sandbox.undo_cancel(window["imp_uid"])
    tell(shop, window["imp_uid"], params["merchant_uid"])

    assert (sandbox.net(), shopper.account()["subscriptions"]) == (PRICE, [])
    assert waiting(shop) == [("refund_undone", {"amount": PRICE})]


def test_a_cancel_that_the_console_undoes_is_no_persons_matter_while_its_shopper_has_the_bag(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Nobody but the console gave it back, and the button for a refund is there."""
    payment = shopper.buy()
    sandbox.cancel_in_console(payment["imp_uid"])
    tell(shop, payment["imp_uid"], payment["merchant_uid"])
    sandbox.undo_cancel(payment["imp_uid"])

    tell(shop, payment["imp_uid"], payment["merchant_uid"])

    assert (facts(shopper, payment["merchant_uid"]), waiting(shop)) == (("paid", True, PRICE), [])


def test_what_is_refused_and_held_again_goes_back_without_a_person(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Also if it was for a subscription that has ended: the shop gives it back by itself."""
    shopper.subscribe(mode="register", card="decline-later")
    go_to_next(shop, shopper)
    shop.renew()
    [declined] = shopper.subscription()["period"]["attempts"]
    imp_uid = shopper.payment(declined)["imp_uid"]
    shopper.ask("leave", when="period_end")
    sandbox.approve_late(imp_uid)
    tell(shop, imp_uid, declined)
    assert facts(shopper, declined) == ("refused", True, 0)
    sandbox.undo_cancel(imp_uid)

    tell(shop, imp_uid, declined)

    assert (facts(shopper, declined), waiting(shop)) == (("refused", True, 0), [])
    assert "refund_undone" not in {line["event"] for line in shopper.payment(declined)["events"]}


@pytest.mark.parametrize("back", [5_000, PRICE])
def test_the_page_of_a_subscription_whose_payment_was_given_back_is_there(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox, back: int
) -> None:
    """In part or whole; the payment is told of on it."""
    [paid] = subscriber.subscription()["period"]["attempts"]
    imp_uid = subscriber.payment(paid)["imp_uid"]
    sandbox.cancel_in_console(imp_uid, back)
    tell(shop, imp_uid, paid)

    page = subscriber.browser.get(f"/account/subscriptions/{subscriber.subscription()['id']}", headers=ENGLISH)

    assert page.status_code == 200
    assert "Refunded" in page.text


def test_what_was_given_back_and_is_held_again_in_part_is_not_told_as_given_back_once_more(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, sandbox_app: Flask
) -> None:
    """8,000 won came back, of which i'mport's support has taken 5,000 again: that is no news of 3,000 that came back."""
    paid = shopper.buy("pay")
    sandbox.cancel_in_console(paid["imp_uid"], 8_000)
    tell(shop, paid["imp_uid"], paid["merchant_uid"])
    books = sandbox_app.extensions["sandbox"].store
    books.write("UPDATE payment SET cancel_amount = 3000 WHERE imp_uid = ?", paid["imp_uid"])

    tell(shop, paid["imp_uid"], paid["merchant_uid"])

    assert facts(shopper, paid["merchant_uid"]) == ("cancelled", True, 11_900)
    events = [event["event"] for event in shopper.payment(paid["merchant_uid"])["events"]]
    assert events[-1] == "cancel_undone"
    assert [mail["kind"] for mail in outbox(shop)].count("refunded") == 1


def test_what_went_back_of_a_second_capture_is_not_missed_of_the_first(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """All of the one, later a part of the other: nothing is held again."""
    [paid] = subscriber.subscription()["period"]["attempts"]
    order = {"pg": "jtnet", "merchant_uid": paid, "amount": PRICE, "name": "again"}
    tell(shop, sandbox.pay(order, late=True)["imp_uid"], paid)
    shop.pass_time(days=10)
    shop.reconcile()
    back = subscriber.see(f"/account/subscriptions/{subscriber.subscription()['id']}/leave")["refund_krw"]

    subscriber.ask("leave", when="now", refund_krw=back)

    assert sandbox.net() == PRICE - back
    assert waiting(shop) == []
