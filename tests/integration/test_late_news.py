"""News that comes late or contradicts what was known: each has a decided end, the same whoever brings it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import Shop
from tests.people import Sandbox, Shopper


def tell(shop: Shop, imp_uid: str, merchant_uid: str) -> None:
    """A webhook, which anybody could have sent."""
    assert shop.webhook({"imp_uid": imp_uid, "merchant_uid": merchant_uid, "status": "whatever"}).status_code == 200


def facts(shopper: Shopper, merchant_uid: str) -> tuple[str, bool, int]:
    """State, whether captured, and won held."""
    payment = shopper.payment(merchant_uid)
    return payment["status"], payment["captured"], payment["net"]


def test_a_failed_payment_that_is_approved_after_all_is_paid(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """Its checkout is unpaid and it is in time: the shopper gets the coffee."""
    failed = shopper.buy("pay", card="decline-limit")
    assert failed["status"] == "failed"
    sandbox.approve_late(failed["imp_uid"])

    tell(shop, failed["imp_uid"], failed["merchant_uid"])

    assert facts(shopper, failed["merchant_uid"]) == ("paid", True, 14_900)
    assert shopper.payment(failed["merchant_uid"])["fail_reason"] is None
    assert sandbox.net() == 14_900


def test_a_failed_payment_approved_after_another_attempt_was_paid_is_returned(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """One checkout, one payment."""
    first = shopper.order("pay", token="one-checkout")
    declined = sandbox.pay(first, "decline-limit")
    shopper.tell(declined)
    second = shopper.order("pay", token="one-checkout")
    shopper.tell(sandbox.pay(second))
    sandbox.approve_late(declined["imp_uid"])

    tell(shop, declined["imp_uid"], first["merchant_uid"])

    assert facts(shopper, first["merchant_uid"]) == ("refused", True, 0)
    assert facts(shopper, second["merchant_uid"]) == ("paid", True, 14_900)
    assert sandbox.net() == 14_900


@pytest.mark.parametrize(("hours", "status", "net"), [(23, "paid", 14_900), (24, "refused", 0), (48, "refused", 0)])
def test_an_abandoned_checkout_may_be_paid_for_a_day(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, hours: int, status: str, net: int
) -> None:
    """The hour of payment counts, and what is paid later goes back with its key."""
    params = shopper.order("pay")
    shop.pass_time(hours=hours, minutes=1 if hours != 23 else 0)
    shop.reconcile()
    result = sandbox.pay(params)

    tell(shop, result["imp_uid"], params["merchant_uid"])

    assert facts(shopper, params["merchant_uid"]) == (status, True, net)
    assert sandbox.net() == net
    assert sandbox.keys()[params["customer_uid"]] == (net > 0)


def test_a_payment_in_time_that_we_hear_of_days_later_is_honoured(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """The row had expired meanwhile, for i'mport was silent about it."""
    params = shopper.order("pay")
    shop.pass_time(hours=2)
    result = sandbox.pay(params, outcome="lose_callback")
    sandbox.fault("/payments/findAll/*", "error", status=500, times=0)
    shop.pass_time(days=3)
    shop.reconcile()
    sandbox.mend()

    tell(shop, result["imp_uid"], params["merchant_uid"])

    assert facts(shopper, params["merchant_uid"]) == ("paid", True, 14_900)
    assert len(shopper.active_cards()) == 1


def test_two_windows_of_one_checkout_pay_once(shopper: Shopper, sandbox: Sandbox) -> None:
    """The first paid one wins; the other is returned, with its key."""
    one = shopper.order("pay", token="one-checkout")
    two = shopper.order("pay", token="one-checkout")
    second = sandbox.pay(two)
    first = sandbox.pay(one)
    shopper.tell(first)
    shopper.tell(second)

    assert facts(shopper, one["merchant_uid"]) == ("paid", True, 14_900)
    assert facts(shopper, two["merchant_uid"]) == ("refused", True, 0)
    assert sandbox.net() == 14_900
    assert sandbox.keys() == {one["customer_uid"]: True, two["customer_uid"]: False}


def test_two_captures_of_one_order_leave_one(shopper: Shopper, sandbox: Sandbox) -> None:
    """A window in another tab; the card stored now is the second one's."""
    params = shopper.order("pay")
    first = sandbox.pay(params)
    second = sandbox.pay(params, "approve-2", late=True)
    shopper.tell(first)
    shopper.tell(second)

    assert facts(shopper, params["merchant_uid"]) == ("paid", True, 14_900)
    assert (sandbox.ledger()["captured"], sandbox.net()) == (2 * 14_900, 14_900)
    [card] = shopper.active_cards()
    assert card["card_number"].endswith("3220")


def test_two_captures_found_by_nobody_but_reconcile_leave_one(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """No callback and no webhook for either."""
    params = shopper.order("pay")
    sandbox.fault("webhook", "drop", times=0)
    sandbox.pay(params, outcome="lose_callback")
    sandbox.pay(params, outcome="lose_callback", late=True)

    shop.reconcile()

    assert facts(shopper, params["merchant_uid"]) == ("paid", True, 14_900)
    assert sandbox.net() == 14_900


def test_a_registration_captured_twice_is_recorded_and_nothing_is_sent(shopper: Shopper, sandbox: Sandbox) -> None:
    """0 won have nothing to give back, and the card is the newest one."""
    params = shopper.order("register")
    shopper.tell(sandbox.pay(params))
    shopper.tell(sandbox.pay(params, "approve-2", late=True))

    assert facts(shopper, params["merchant_uid"]) == ("paid", True, 0)
    assert sandbox.requests("/payments/cancel") == []
    [card] = shopper.active_cards()
    assert card["card_number"].endswith("3220")


@pytest.mark.parametrize("amount", [None, 4_900])
def test_a_cancel_in_the_console_is_taken_over(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, amount: int | None
) -> None:
    """In full or in part; what is left is what the page says, and can be refunded."""
    paid = shopper.buy("pay")
    sandbox.cancel_in_console(paid["imp_uid"], amount)

    assert 200 in shop.deliver_webhooks()

    left = 14_900 - (amount or 14_900)
    assert facts(shopper, paid["merchant_uid"]) == ("cancelled", True, left)
    assert sandbox.net() == left
    assert shopper.refund(paid["merchant_uid"]).status_code == (303 if left else 400)
    assert facts(shopper, paid["merchant_uid"]) == ("cancelled", True, 0)
    assert sandbox.net() == 0


def test_a_cancel_in_the_console_may_be_told_before_the_console_answers(shopper: Shopper, sandbox: Sandbox) -> None:
    """Its webhook is not kept for the reply to somebody else's call, which might be the one to this webhook."""
    paid = shopper.buy("pay")
    sandbox.fault("webhook", "first")
    sandbox.cancel_in_console(paid["imp_uid"])

    assert [attempt["status"] for attempt in sandbox.webhooks()[-1]["attempts"]] == [200]
    assert facts(shopper, paid["merchant_uid"]) == ("cancelled", True, 0)


def test_a_second_partial_cancel_is_taken_over_too(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """The sum grows, to the end."""
    paid = shopper.buy("pay")
    for amount, left in ((900, 14_000), (4_000, 10_000), (10_000, 0)):
        sandbox.cancel_in_console(paid["imp_uid"], amount)
        shop.deliver_webhooks()
        assert facts(shopper, paid["merchant_uid"]) == ("cancelled", True, left)


def test_a_cancel_that_is_undone_makes_the_payment_paid_again(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """The shop says what i'mport says."""
    paid = shopper.buy("pay")
    shopper.refund(paid["merchant_uid"])
    assert facts(shopper, paid["merchant_uid"]) == ("cancelled", True, 0)
    sandbox.undo_cancel(paid["imp_uid"])

    tell(shop, paid["imp_uid"], paid["merchant_uid"])

    assert facts(shopper, paid["merchant_uid"]) == ("paid", True, 14_900)
    assert sandbox.net() == 14_900


def test_a_refused_payment_whose_cancel_is_undone_goes_back_again(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """It is still not what was ordered."""
    refused = shopper.buy("pay", charge_amount=100)
    sandbox.undo_cancel(refused["imp_uid"])
    assert sandbox.net() == 100

    tell(shop, refused["imp_uid"], refused["merchant_uid"])
    shop.reconcile()

    assert facts(shopper, refused["merchant_uid"]) == ("refused", True, 0)
    assert sandbox.net() == 0


def test_an_extra_capture_whose_cancel_is_undone_goes_back_again(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """The order has its one payment."""
    params = shopper.order("pay")
    shopper.tell(sandbox.pay(params))
    extra = sandbox.pay(params, late=True)
    shopper.tell(extra)
    assert sandbox.net() == 14_900
    sandbox.undo_cancel(extra["imp_uid"])

    tell(shop, extra["imp_uid"], params["merchant_uid"])
    shop.reconcile()

    assert facts(shopper, params["merchant_uid"]) == ("paid", True, 14_900)
    assert sandbox.net() == 14_900


def test_a_key_issued_although_its_payment_failed_is_deleted(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """Nobody may charge a card whose registration the shopper saw fail."""
    params = shopper.order("pay")
    sandbox.issue_key(params["customer_uid"])
    shopper.tell(sandbox.pay(params, "decline-limit"))

    shop.reconcile()

    assert facts(shopper, params["merchant_uid"]) == ("failed", False, 0)
    assert sandbox.keys() == {params["customer_uid"]: False}
    assert shopper.active_cards() == []


def test_a_key_that_shows_up_after_an_order_expired_is_deleted(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """A registration without a payment."""
    params = shopper.order("register")
    sandbox.issue_key(params["customer_uid"])
    shop.pass_time(hours=25)

    shop.reconcile()
    shop.reconcile()

    assert facts(shopper, params["merchant_uid"]) == ("expired", False, 0)
    assert sandbox.keys() == {params["customer_uid"]: False}


def test_paid_without_a_key_stays_paid_and_the_shopper_registers_again(shopper: Shopper, sandbox: Sandbox) -> None:
    """A key only decides whether a card is stored."""
    params = shopper.order("pay")
    result = sandbox.pay({name: value for name, value in params.items() if name != "customer_uid"})
    shopper.tell(result)

    assert facts(shopper, params["merchant_uid"]) == ("paid", True, 14_900)
    assert shopper.active_cards() == []
    assert sandbox.net() == 14_900
    assert shopper.register_card()


def test_a_registration_for_nothing_without_a_key_has_failed(shopper: Shopper, sandbox: Sandbox) -> None:
    """I'mport says paid, and that there is no key: nothing was registered."""
    params = shopper.order("register")
    result = sandbox.pay(params)
    sandbox.call("DELETE", f"/subscribe/customers/{params['customer_uid']}")
    shopper.tell(result)

    assert facts(shopper, params["merchant_uid"]) == ("failed", True, 0)
    assert shopper.active_cards() == []
    assert sandbox.requests("/payments/cancel") == []


def test_a_stored_cards_name_used_for_another_card_suspends_it(shopper: Shopper, sandbox: Sandbox) -> None:
    """I'mport has silently replaced its key: it is never charged again, and the payment goes back."""
    card = shopper.register_card()
    params = shopper.order("pay")
    shopper.tell(sandbox.pay({**params, "customer_uid": card["customer_uid"]}, "approve-2"))

    assert facts(shopper, params["merchant_uid"]) == ("refused", True, 0)
    assert sandbox.net() == 0
    [stored] = shopper.account()["cards"]
    assert (stored["customer_uid"], stored["status"]) == (card["customer_uid"], "suspended")
    assert shopper.charge(card["id"]).status_code == 400

    assert shopper.remove_card(card["id"]).status_code == 303
    assert sandbox.keys() == {card["customer_uid"]: False}


def test_another_shoppers_card_put_behind_ones_own_order_harms_neither(
    shopper: Shopper, another_shopper: Shopper, sandbox: Sandbox
) -> None:
    """The thief's money goes back; the victim's card is suspended rather than charged to a stranger."""
    card = another_shopper.register_card()
    params = shopper.order("register")
    shopper.tell(sandbox.pay({**params, "customer_uid": card["customer_uid"]}, "approve-2"))

    assert shopper.active_cards() == []
    [stored] = another_shopper.account()["cards"]
    assert stored["status"] == "suspended"
    assert another_shopper.charge(card["id"]).status_code == 400
    assert sandbox.net() == 0


def test_a_contradiction_goes_to_a_person_and_changes_nothing(
    shop: Shop, shopper: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I'mport says failed of what it said was paid."""
    paid = shopper.buy("pay")
    gateway = shop.billing.gateway
    real = gateway.payment

    def contradicting(imp_uid: str) -> Any:
        answer = real(imp_uid)
        return answer and replace(answer, status="failed", paid_at=None)

    monkeypatch.setattr(gateway, "payment", contradicting)
    tell(shop, paid["imp_uid"], paid["merchant_uid"])

    assert facts(shopper, paid["merchant_uid"]) == ("paid", True, 14_900)
    assert paid["merchant_uid"] in shop.reconcile().needs_person[0]


def test_a_window_paid_after_its_card_was_removed_leaves_no_key(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """The page has said that there are no further charges: the money goes back, and the new key is deleted."""
    params = shopper.order("pay")
    shopper.tell(sandbox.pay(params))
    [card] = shopper.active_cards()
    shopper.remove_card(card["id"])
    assert sandbox.keys() == {card["customer_uid"]: False}

    extra = sandbox.pay(params, "approve-2", late=True)
    tell(shop, extra["imp_uid"], params["merchant_uid"])
    shop.reconcile()

    assert facts(shopper, params["merchant_uid"]) == ("paid", True, 14_900)
    assert sandbox.net() == 14_900
    assert not any(sandbox.stored_keys())


def test_a_removed_cards_name_used_again_leaves_no_key(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """Another order's window stores a card under it: the payment goes back, and so does the key."""
    card = shopper.register_card()
    shopper.remove_card(card["id"])
    params = shopper.order("pay")
    shopper.tell(sandbox.pay({**params, "customer_uid": card["customer_uid"]}, "approve-2"))
    shop.reconcile()

    assert facts(shopper, params["merchant_uid"]) == ("refused", True, 0)
    assert sandbox.net() == 0
    assert not any(sandbox.stored_keys())


@pytest.mark.parametrize("forged", [None, 100])
@pytest.mark.parametrize("before", ["its own window", "nothing"])
def test_a_card_whose_key_was_replaced_is_suspended_whatever_else_is_wrong(
    shopper: Shopper, another_shopper: Shopper, sandbox: Sandbox, before: str, forged: int | None
) -> None:
    """Another amount as well, or a second window of an order that is paid: the key is another card's all the same."""
    theirs = another_shopper.register_card()
    params = shopper.order("pay")
    if before == "its own window":
        shopper.tell(sandbox.pay(params))
    kept = sandbox.net()

    shopper.tell(
        sandbox.pay({**params, "customer_uid": theirs["customer_uid"]}, "approve-2", charge_amount=forged, late=True)
    )

    assert sandbox.net() == kept
    [stored] = another_shopper.account()["cards"]
    assert (stored["customer_uid"], stored["status"]) == (theirs["customer_uid"], "suspended")
    assert another_shopper.charge(theirs["id"]).status_code == 400


def test_a_stray_that_replaced_a_stored_cards_key_suspends_the_card(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """No order of ours, so its money is left alone; but the card is not charged to a stranger any more."""
    card = shopper.register_card()
    stray = sandbox.pay(
        {"pg": "jtnet", "merchant_uid": "nobodys", "amount": 700, "customer_uid": card["customer_uid"]}, "approve-2"
    )
    tell(shop, stray["imp_uid"], "nobodys")

    [stored] = shopper.account()["cards"]
    assert stored["status"] == "suspended"
    assert sandbox.net() == 700
    assert stray["imp_uid"] in shop.reconcile().needs_person[0]


def test_a_stray_charge_with_a_stored_key_leaves_the_card_alone(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """Somebody charges the key from elsewhere: the card behind it is still the shopper's."""
    card = shopper.register_card()
    order = {"customer_uid": card["customer_uid"], "merchant_uid": "nobodys", "amount": 700, "name": "?"}
    [charged] = [sandbox.call("POST", "/subscribe/payments/again", **order)["response"]]
    tell(shop, charged["imp_uid"], "nobodys")

    assert [stored["status"] for stored in shopper.account()["cards"]] == ["active"]
    assert charged["imp_uid"] in shop.reconcile().needs_person[0]


def test_a_charge_approved_after_its_card_was_removed_goes_back(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """The page has said that there are no further charges, so a late approval is none either."""
    card = shopper.register_card("decline-later")
    declined = shopper.charged(card["id"])
    assert declined["status"] == "failed"
    shopper.remove_card(card["id"])
    assert shopper.account()["cards"][0]["status"] == "removed"

    sandbox.approve_late(declined["imp_uid"])
    tell(shop, declined["imp_uid"], declined["merchant_uid"])

    assert facts(shopper, declined["merchant_uid"]) == ("refused", True, 0)
    assert sandbox.net() == 0


def test_a_charge_approved_late_while_its_card_is_stored_is_paid(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Nobody was told anything else; the order stands, also when the card is removed afterwards."""
    card = shopper.register_card("decline-later")
    declined = shopper.charged(card["id"])
    sandbox.approve_late(declined["imp_uid"])
    shop.pass_time(minutes=1)
    shopper.remove_card(card["id"])
    tell(shop, declined["imp_uid"], declined["merchant_uid"])

    assert facts(shopper, declined["merchant_uid"])[0] == "paid"
    assert sandbox.net() == declined["amount"]
