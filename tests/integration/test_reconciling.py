"""`storefront reconcile`: what a crash, a silence or a lost message left open is finished, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask

from storefront.billing.reconciling import reconciliation
from tests.conftest import Shop
from tests.people import Sandbox, Shopper

AGAIN = "/subscribe/payments/again"


def unknown_charge(shopper: Shopper, sandbox: Sandbox, *, done: bool = False) -> dict[str, Any]:
    """A charge whose outcome nobody told: cut after the work, or before it."""
    card = shopper.register_card()
    sandbox.fault("webhook", "drop")
    sandbox.fault(AGAIN, "cut_after" if done else "cut_before")
    sandbox.fault("/payments/findAll/*", "error", times=0)
    payment = shopper.charged(card["id"])
    sandbox.mend()
    assert payment["status"] == "requested"
    return payment


def how_it_stands(shopper: Shopper, merchant_uid: str) -> tuple[str, int]:
    """State and won, as the shop's own page tells it."""
    payment = shopper.payment(merchant_uid)
    return payment["status"], payment["net"]


@pytest.mark.parametrize("news", ["the page", "the webhook", "reconcile"])
def test_a_charge_cut_after_the_work_ends_paid_once_whoever_finds_out(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, news: str
) -> None:
    """It is found and never sent a second time."""
    payment = unknown_charge(shopper, sandbox, done=True)
    [captured] = sandbox.ledger(payment["merchant_uid"])["payments"]

    if news == "reconcile":
        assert shop.reconcile().changed == [payment["merchant_uid"]]
    elif news == "the webhook":
        shop.webhook({"imp_uid": captured["imp_uid"], "merchant_uid": payment["merchant_uid"], "status": "paid"})

    assert how_it_stands(shopper, payment["merchant_uid"]) == ("paid", 16_900)
    assert len(sandbox.requests(AGAIN)) == 1
    assert sandbox.net() == 16_900


def test_a_charge_cut_before_the_work_is_sent_again_after_its_grace(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Under the same order number, by reconcile alone."""
    payment = unknown_charge(shopper, sandbox)

    assert shop.reconcile().undecided == [payment["merchant_uid"]]
    assert len(sandbox.requests(AGAIN)) == 1

    shop.pass_time(seconds=601)
    assert how_it_stands(shopper, payment["merchant_uid"]) == ("requested", 0)
    assert shop.reconcile().changed == [payment["merchant_uid"]]

    first, second = sandbox.requests(AGAIN)
    assert first["body"] == second["body"]
    assert how_it_stands(shopper, payment["merchant_uid"]) == ("paid", 16_900)
    assert sandbox.net() == 16_900


def test_a_first_capture_that_shows_up_after_the_second_send_is_returned(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """The order keeps one payment; the extra one goes back to the won."""
    payment = unknown_charge(shopper, sandbox)
    shop.pass_time(seconds=601)
    shop.reconcile()
    merchant_uid = payment["merchant_uid"]
    late = sandbox.pay({"pg": "jtnet", "merchant_uid": merchant_uid, "amount": 16_900, "name": "late"}, late=True)
    assert sandbox.net(merchant_uid) == 2 * 16_900

    shop.webhook({"imp_uid": late["imp_uid"], "merchant_uid": merchant_uid})

    assert how_it_stands(shopper, merchant_uid) == ("paid", 16_900)
    assert sandbox.net(merchant_uid) == 16_900
    assert len(shopper.active_cards()) == 1


def test_a_charge_that_stays_missing_for_a_day_is_given_up(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """Failed, and said so; what is captured after that goes back."""
    payment = unknown_charge(shopper, sandbox)
    sandbox.fault(AGAIN, "cut_before", times=0)
    shop.pass_time(hours=24, seconds=601)

    assert shop.reconcile().changed == [payment["merchant_uid"]]

    assert how_it_stands(shopper, payment["merchant_uid"]) == ("failed", 0)
    assert len(sandbox.requests(AGAIN)) == 1
    sandbox.mend()
    sandbox.call(
        "POST",
        AGAIN,
        customer_uid=payment["customer_uid"],
        merchant_uid=payment["merchant_uid"],
        amount=16900,
        name="x",
    )
    shop.reconcile()
    assert how_it_stands(shopper, payment["merchant_uid"]) == ("refused", 0)
    assert sandbox.net() == 0
    assert len(shopper.active_cards()) == 1


def test_a_charge_on_a_card_that_is_being_removed_is_not_sent_again(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """It is given up after its grace, and then the removal is confirmed."""
    payment = unknown_charge(shopper, sandbox)
    [card] = shopper.active_cards()
    shopper.remove_card(card["id"])
    shop.pass_time(seconds=601)

    shop.reconcile()
    shop.reconcile()

    assert how_it_stands(shopper, payment["merchant_uid"]) == ("failed", 0)
    assert [stored["status"] for stored in shopper.account()["cards"]] == ["removed"]
    assert sandbox.keys() == {card["customer_uid"]: False}
    assert len(sandbox.requests(AGAIN)) == 1


def test_a_rejected_second_send_is_no_proof_and_goes_to_a_person(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """It may say "exists already" of a first send that nobody can see yet."""
    payment = unknown_charge(shopper, sandbox)
    sandbox.call("DELETE", f"/subscribe/customers/{payment['customer_uid']}")
    shop.pass_time(seconds=601)

    report = shop.reconcile()
    shop.pass_time(hours=30)
    later = shop.reconcile()

    assert payment["merchant_uid"] in report.needs_person[0]
    assert payment["merchant_uid"] in later.needs_person[0]
    assert how_it_stands(shopper, payment["merchant_uid"])[0] == "requested"
    assert len(sandbox.requests(AGAIN)) == 2


def test_a_contradiction_does_not_take_the_place_of_a_rejected_second_send(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the charge would be sent a third time, or given up."""
    payment = unknown_charge(shopper, sandbox)
    sandbox.call("DELETE", f"/subscribe/customers/{payment['customer_uid']}")
    shop.pass_time(seconds=601)
    shop.reconcile()
    window = sandbox.pay({"pg": "jtnet", "merchant_uid": payment["merchant_uid"], "amount": 16_900, "name": "late"})
    gateway, look = shop.billing.gateway, shop.billing.gateway.payment
    monkeypatch.setattr(gateway, "payment", lambda imp_uid: replace(look(imp_uid), paid_at=None))
    monkeypatch.setattr(gateway, "payments_of", lambda _merchant_uid: [])
    shop.webhook({"imp_uid": window["imp_uid"], "merchant_uid": payment["merchant_uid"]})

    shop.pass_time(hours=30)
    shop.reconcile()

    assert how_it_stands(shopper, payment["merchant_uid"])[0] == "requested"
    assert len(sandbox.requests(AGAIN)) == 2


def test_a_charge_with_a_silent_imports_is_left_as_it_is(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """Not sent, not given up, however long it takes."""
    payment = unknown_charge(shopper, sandbox)
    sandbox.fault("/payments/*", "error", times=0)
    shop.pass_time(days=3)

    assert payment["merchant_uid"] in shop.reconcile().undecided

    assert how_it_stands(shopper, payment["merchant_uid"])[0] == "requested"
    assert len(sandbox.requests(AGAIN)) == 1


def test_looks_become_rarer(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """Soon, then hourly, then daily, for as long as it takes."""
    shopper.order("pay")
    looks = 0
    sandbox.fault("/payments/*", "error", times=0)
    for _ in range(24 * 60):
        looks += len(reconciliation.reconcile(shop.billing, only_due=True, sweep=False).looked_at)
        shop.clock.advance(timedelta(minutes=1))

    assert 10 < looks < 40


def test_an_order_nobody_pays_expires_after_a_day(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """And its card is forgotten; no key was left behind."""
    params = shopper.order("pay")
    shop.pass_time(hours=23, minutes=59)
    shop.reconcile()
    assert how_it_stands(shopper, params["merchant_uid"])[0] == "ready"

    shop.pass_time(minutes=2)
    shop.reconcile()

    assert how_it_stands(shopper, params["merchant_uid"]) == ("expired", 0)
    assert shopper.account()["cards"] == []
    assert sandbox.keys() == {}


def test_a_registration_whose_browser_never_came_back_is_found(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """No callback, no webhook: reconcile looks the order up."""
    params = shopper.order("register")
    sandbox.fault("webhook", "drop")
    sandbox.pay(params, outcome="lose_callback")

    assert params["merchant_uid"] in shop.reconcile().changed

    assert how_it_stands(shopper, params["merchant_uid"]) == ("paid", 0)
    assert len(shopper.active_cards()) == 1


def test_what_nobody_told_us_is_found_by_the_sweep(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """A late approval of a payment that had failed, and a cancel in the console, both without a webhook."""
    failed = shopper.buy("pay", card="decline-limit")
    paid = shopper.buy("pay")
    shop.reconcile()
    sandbox.fault("webhook", "drop", times=0)
    sandbox.approve_late(failed["imp_uid"])
    sandbox.cancel_in_console(paid["imp_uid"], 900)

    changed = shop.reconcile().changed

    assert set(changed) == {failed["merchant_uid"], paid["merchant_uid"]}
    assert how_it_stands(shopper, failed["merchant_uid"]) == ("paid", 14_900)
    assert how_it_stands(shopper, paid["merchant_uid"]) == ("cancelled", 14_000)
    assert sandbox.net() == 14_900 + 14_000


def test_a_sweep_that_was_cut_off_begins_again_where_the_last_good_one_did(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """A month of silence loses nothing."""
    paid = shopper.buy("pay")
    shop.reconcile()
    sandbox.fault("webhook", "drop", times=0)
    sandbox.cancel_in_console(paid["imp_uid"])
    sandbox.fault("/payments/status/*", "error", times=0)
    shop.reconcile()
    shop.pass_time(days=100)
    sandbox.mend()

    shop.reconcile()

    assert how_it_stands(shopper, paid["merchant_uid"]) == ("cancelled", 0)


def test_a_payment_that_cannot_be_read_does_not_hide_the_others(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, sandbox_app: Flask
) -> None:
    """Another shop of the account sells in dollars and cents: a person hears of it, and the sweep goes on."""
    stray = sandbox.pay({"pg": "jtnet", "merchant_uid": "in_dollars", "amount": 12, "name": "tea"})
    books = sandbox_app.extensions["sandbox"].store
    books.write("UPDATE payment SET amount = 12.5, currency = 'USD' WHERE imp_uid = ?", stray["imp_uid"])
    paid = shopper.buy("pay")
    sandbox.fault("webhook", "drop", times=0)
    sandbox.cancel_in_console(paid["imp_uid"])

    report = shop.reconcile()

    assert report.changed == [paid["merchant_uid"]]
    assert [line for line in report.needs_person if stray["imp_uid"] in line]
    assert how_it_stands(shopper, paid["merchant_uid"]) == ("cancelled", 0)


def test_a_captured_payment_without_an_order_is_a_stray(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """On a person's list until it is closed, never cancelled."""
    shopper.order("pay")
    stray = sandbox.pay({"pg": "jtnet", "merchant_uid": "mr_20990101_nobody", "amount": 700, "name": "?"})

    first, second = shop.reconcile(), shop.reconcile()

    assert stray["imp_uid"] in first.needs_person[0]
    assert second.needs_person == first.needs_person
    assert sandbox.net() == 700


def test_a_refund_that_imports_refuses_goes_to_a_person(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """The shopper sees that it did not work, and the money is where i'mport says."""
    paid = shopper.buy("pay")
    sandbox.fault("/payments/cancel", "error", times=0)
    shopper.refund(paid["merchant_uid"])
    sandbox.cancel_in_console(paid["imp_uid"], 4_900)
    sandbox.mend()

    report = shop.reconcile()

    assert paid["merchant_uid"] in report.needs_person[0]
    assert how_it_stands(shopper, paid["merchant_uid"]) == ("cancelled", 10_000)
    assert sandbox.net() == 10_000


def test_a_refused_payment_whose_refund_was_cut_is_returned_by_reconcile(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Until then it is `refusing`, and nobody thinks the money is theirs."""
    params = shopper.order("pay")
    sandbox.fault("/payments/cancel", "cut_before", times=0)
    result = sandbox.pay(params, charge_amount=100)
    shopper.tell(result)
    assert how_it_stands(shopper, params["merchant_uid"]) == ("refusing", 100)
    sandbox.mend()

    shop.reconcile()

    assert how_it_stands(shopper, params["merchant_uid"]) == ("refused", 0)
    assert sandbox.net() == 0
    assert not any(sandbox.keys().values())


def test_a_report_names_what_was_looked_at_and_a_clean_shop_needs_nobody(shop: Shop, shopper: Shopper) -> None:
    """Everything at rest: nothing to look at."""
    shopper.buy("pay")
    report = shop.reconcile()

    assert (report.looked_at, report.changed, report.undecided, report.needs_person) == ([], [], [], [])


def test_silence_about_one_payment_does_not_hide_the_others(
    shop: Shop, shopper: Shopper, another_shopper: Shopper, sandbox: Sandbox
) -> None:
    """What can be compared is, and the sweep begins at the same place again."""
    theirs = another_shopper.buy("pay")
    shop.reconcile()
    params = shopper.order("register")
    sandbox.fault(f"/subscribe/customers/{params['customer_uid']}", "error", times=0)
    sandbox.pay(params, outcome="lose_callback")
    sandbox.cancel_in_console(theirs["imp_uid"])

    shop.pass_time(hours=1)
    report = shop.reconcile()

    assert how_it_stands(another_shopper, theirs["merchant_uid"]) == ("cancelled", 0)
    assert params["merchant_uid"] in report.undecided
    sandbox.mend()
    shop.pass_time(hours=3)
    shop.reconcile()
    assert [card["status"] for card in shopper.account()["cards"]] == ["active"]


def test_a_sweep_of_a_clock_that_was_ahead_hides_nothing_once_it_is_right(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """It begins at the last sweep that lies in the past."""
    paid = shopper.buy("pay")
    shop.reconcile()
    right = shop.clock.now()
    with time_machine.travel(right + timedelta(hours=5)):
        shop.reconcile()
    sandbox.cancel_in_console(paid["imp_uid"])

    shop.pass_time(hours=2)
    shop.reconcile()

    assert how_it_stands(shopper, paid["merchant_uid"]) == ("cancelled", 0)
    assert sandbox.net() == 0
