"""Combinations of three: each of them alone is told of elsewhere."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import Mock

import pytest
from flask import Flask

from storefront.billing import Billing, attention
from storefront.billing.catalogue import PLANS
from storefront.billing.changing import pricing
from storefront.billing.mailing import sending
from storefront.billing.reconciling import desk
from storefront.billing.renewing import asking
from storefront.billing.subscriptions import calendar, overview
from storefront.iamport import RejectedError
from storefront.models import Mail, Subscription
from storefront.states import Every
from tests.conftest import Shop
from tests.integration.calendars import go_to, go_to_next
from tests.integration.debts import kinds_of_mail, pay
from tests.integration.news import tell
from tests.people import Sandbox, Shopper

PRICE = 14_900
[MORNING] = [plan for plan in PLANS if plan.code == "morning"]
CANCEL = "/payments/cancel"
AGAIN = "/subscribe/payments/again"


def sent(shop: Shop, kind: str) -> list[Mail]:
    """What has gone out."""
    return [mail for mail in sending.outbox(shop.billing) if mail.kind == kind and mail.sent_at]


@pytest.mark.parametrize("kind", ["refused", "extra"])
def test_what_goes_back_goes_back_again_although_its_first_words_once_did_not_fit(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, kind: str
) -> None:
    """I'mport was silent, a part was cancelled in the console meanwhile; and when all was back, all of it was undone."""
    params = shopper.order("pay")
    if kind == "extra":
        shopper.tell(sandbox.pay(params))
    keeps = sandbox.net()
    sandbox.fault(CANCEL, "cut_before")
    unwanted = sandbox.pay(params, late=True) if kind == "extra" else sandbox.pay(params, charge_amount=10_000)
    tell(shop, unwanted["imp_uid"], params["merchant_uid"])
    assert sandbox.net() > keeps
    sandbox.cancel_in_console(unwanted["imp_uid"], 3_000)
    for _ in range(3):
        shop.reconcile()
    assert sandbox.net() == keeps

    sandbox.undo_cancel(unwanted["imp_uid"])
    assert sandbox.net() > keeps
    for _ in range(4):
        shop.pass_time(hours=2)
        tell(shop, unwanted["imp_uid"], params["merchant_uid"])
        shop.reconcile()

    assert sandbox.net() == keeps
    assert attention.open_items(shop.billing) == []


def test_whoever_owes_is_told_when_the_card_that_was_to_be_tried_again_is_suspended(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """The last mail said that it is tried again; then a stray window stores another card under its name."""
    shopper.subscribe(mode="register", card="decline-later")
    go_to_next(shop, shopper)
    shop.renew()
    assert kinds_of_mail(shop)[-1] == "declined"
    [card] = shopper.active_cards()
    stray = sandbox.pay(
        {**shopper.order("register"), "merchant_uid": "stray-1", "customer_uid": card["customer_uid"]}, "approve-2"
    )
    shop.webhook({"imp_uid": stray["imp_uid"], "merchant_uid": "stray-1"})
    assert shopper.account()["cards"][0]["status"] == "suspended"

    sending.send_waiting(shop.billing)

    assert len(sent(shop, "card_needed")) == 1


def test_a_decline_that_is_told_late_promises_no_try_that_is_over(shop: Shop, shopper: Shopper) -> None:
    """Mails could not go out for two days: the second try was declined meanwhile."""
    shopper.subscribe(mode="register", card="decline-later")
    go_to_next(shop, shopper)
    shop.renew()
    go_to_next(shop, shopper)
    shop.renew()
    sending.send_waiting(shop.billing)

    today = shop.clock.now().date().isoformat()
    assert [mail.payload["retry_on"] > today for mail in sent(shop, "declined")] == [True]


def test_a_decline_that_is_told_late_promises_no_try_with_a_card_that_was_removed(shop: Shop, shopper: Shopper) -> None:
    """Declined; the card is removed before the mail goes out."""
    shopper.subscribe(mode="register", card="decline-later")
    go_to_next(shop, shopper)
    shop.renew()
    shopper.remove_card(shopper.subscription()["card"])
    sending.send_waiting(shop.billing)

    assert len(sent(shop, "card_needed")) == 1
    assert sent(shop, "declined") == []


def test_whoever_was_leaving_when_the_money_was_given_back_does_not_read_that_it_runs_on(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Left for the end of the period, and the payment is cancelled in the console before the mail goes out."""
    paid = shopper.subscribe()
    shopper.ask("leave", when="period_end")
    sandbox.cancel_in_console(paid["imp_uid"])
    tell(shop, paid["imp_uid"], paid["merchant_uid"])
    assert shopper.subscription()["reason"] == "refunded"
    sending.send_waiting(shop.billing)

    assert sent(shop, "left") == []
    assert len(sent(shop, "ended")) == 1


@pytest.mark.parametrize("paid_at", [253_402_300_799, 1e11])
def test_a_moment_that_no_calendar_of_seoul_holds_breaks_no_page(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, sandbox_app: Flask, paid_at: float
) -> None:
    """I'mport says that it was paid in the last second of the year 9999."""
    params = shopper.order("pay", every="month")
    result = sandbox.pay(params, outcome="lose_callback")
    store = sandbox_app.extensions["sandbox"].store
    with store.transaction():
        store.write("UPDATE payment SET paid_at = ? WHERE imp_uid = ?", paid_at, result["imp_uid"])
    shop.webhook({"imp_uid": result["imp_uid"], "merchant_uid": params["merchant_uid"]})
    shop.reconcile()
    page = shopper.browser.get(f"/payments/{params['merchant_uid']}")
    assert page.status_code == 200
    assert shopper.browser.get("/account").status_code == 200


@pytest.mark.parametrize("way", ["removed", "suspended"])
def test_nobody_reads_that_nothing_left_their_card_while_a_charge_is_unknown(
    shop: Shop, owing: Shopper, sandbox: Sandbox, way: str
) -> None:
    """Declined; paid with another card, and the answer is lost; then the subscription's own card is gone."""
    sending.send_waiting(shop.billing)
    own = owing.active_cards()[0]
    other = owing.register_card()
    sandbox.fault(AGAIN, "cut_after")
    sandbox.fault("/payments/findAll/*", "error", times=0)
    assert pay(owing, other).status_code == 303
    assert sandbox.net() == PRICE
    if way == "removed":
        owing.remove_card(own["id"])
    else:
        window = {**owing.order("register"), "merchant_uid": "stray-2", "customer_uid": own["customer_uid"]}
        stray = sandbox.pay(window, "approve-2")
        shop.webhook({"imp_uid": stray["imp_uid"], "merchant_uid": "stray-2"})
    sending.send_waiting(shop.billing)

    assert sent(shop, "card_needed") == []
    sandbox.mend()
    shop.reconcile()
    sending.send_waiting(shop.billing)
    assert (owing.subscription()["status"], len(sent(shop, "receipt"))) == ("active", 1)


def test_what_leaving_gives_back_is_through_when_the_console_has_given_back_more(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """I'mport was silent when its shopper left; somebody cancels the whole payment in the console."""
    paid = shopper.subscribe()
    shop.pass_time(days=10)
    sid = shopper.subscription()["id"]
    back = shopper.see(f"/account/subscriptions/{sid}/leave")["refund_krw"]
    sandbox.fault(CANCEL, "cut_before", times=0)
    shopper.ask("leave", when="now", refund_krw=back)
    sandbox.cancel_in_console(paid["imp_uid"])
    tell(shop, paid["imp_uid"], paid["merchant_uid"])
    sandbox.mend()
    asked = len(sandbox.requests(CANCEL))
    for _ in range(3):
        shop.pass_time(days=1)
        shop.reconcile()

    assert (sandbox.net(), len(sandbox.requests(CANCEL))) == (0, asked)
    assert attention.open_items(shop.billing) == []


def test_a_rise_that_was_told_late_ends_nothing_before_the_thirty_days_are_over(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """No mail went out for some days: the first period of that price is one later, and until it nobody need agree."""
    shopper.subscribe()
    begins_on = calendar.interval(calendar.seoul_day(shop.clock.now()), Every.MONTH, 2).begins_on
    assert pricing.set_price(shop.billing, MORNING, 15_900, begins_on).asked == 1
    go_to(shop, calendar.nine_of(begins_on) - timedelta(days=26))
    for _ in range(2):
        shop.renew()
        shop.pass_time(minutes=2)
    sending.send_waiting(shop.billing)
    assert len(sent(shop, "price_change")) == 1

    go_to(shop, calendar.nine_of(begins_on))
    shop.renew()

    assert shopper.subscription()["status"] == "active"
    assert sandbox.net() == 3 * PRICE


def test_nothing_is_closed_over_money_that_was_given_back_in_the_books(
    shop: Shop, shopper: Shopper, sandbox_app: Flask
) -> None:
    """Cancelled whole; then i'mport says that less had been captured and that all of it is held."""
    paid = shopper.buy()
    shopper.refund(paid["merchant_uid"])
    store = sandbox_app.extensions["sandbox"].store
    with store.transaction():
        changed = "UPDATE payment SET amount = 10000, cancel_amount = 0, status = 'paid' WHERE imp_uid = ?"
        store.write(changed, paid["imp_uid"])
    shop.reconcile()
    shop.pass_time(hours=3)
    shop.reconcile()
    [item] = attention.open_items(shop.billing)

    with pytest.raises(desk.StillHeldError):
        desk.close(shop.billing, item.id, "seen")


def test_a_press_that_waited_until_the_end_charges_nothing(
    shop: Shop, owing: Shopper, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time alone had decided nothing when it was looked at; then the ten days were over."""
    other = owing.register_card()
    sid = owing.account()["subscriptions"][0]["id"]
    with shop.billing.database.reading() as session:
        whose = session.get_one(Subscription, sid).shopper_id
    let_time_pass = overview.let_time_pass

    def slowly(billing: Billing, subscription_id: int) -> None:
        let_time_pass(billing, subscription_id)
        shop.pass_time(days=11)

    monkeypatch.setattr(overview, "let_time_pass", slowly)
    with pytest.raises(asking.TooLateError):
        asking.pay(shop.billing, shopper_id=whose, subscription_id=sid, card_id=int(other["id"]), token="late-press-1")

    assert sandbox.net() == 0


def test_whoever_removes_a_card_after_it_was_charged_otherwise_than_agreed_does_not_read_that_nothing_left_it(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """The mail that told of it waits, and what it says of the next try is over."""
    shopper.subscribe()
    [card] = shopper.active_cards()
    go_to_next(shop, shopper)
    sandbox.fault(AGAIN, "cut_before")
    [merchant_uid] = shop.renew().sent
    body = {"customer_uid": card["customer_uid"], "merchant_uid": merchant_uid, "amount": 100, "name": "another sum"}
    sandbox.call("POST", AGAIN, **body)
    shop.reconcile()
    shopper.remove_card(card["id"])

    sending.send_waiting(shop.billing)

    [told] = sent(shop, "card_needed")
    assert told.payload["captured_krw"] == 100
    assert sent(shop, "declined") == []


def test_what_a_person_has_settled_is_not_asked_for_because_a_part_was_cancelled_since(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I'mport refused to give a second capture back, so it was paid back by bank transfer."""
    paid = shopper.buy("pay")
    refused = RejectedError(CANCEL, 1, "not today")
    order = {"pg": "jtnet", "merchant_uid": paid["merchant_uid"], "amount": PRICE, "name": "again"}
    with monkeypatch.context() as refusing:
        refusing.setattr(shop.billing.gateway, "cancel", Mock(side_effect=refused))
        extra = sandbox.pay(order, late=True)
        tell(shop, extra["imp_uid"], paid["merchant_uid"])
        shop.reconcile()
        [item] = attention.open_items(shop.billing)
        desk.close(shop.billing, item.id, "by bank transfer")
    sandbox.cancel_in_console(extra["imp_uid"], 4_900)

    for _ in range(3):
        tell(shop, extra["imp_uid"], paid["merchant_uid"])
        shop.pass_time(hours=2)
        shop.reconcile()

    assert sandbox.requests(CANCEL) == []
    assert sandbox.net() == 2 * PRICE - 4_900
