"""News of billing keys that nobody expected: each stored card ends chargeable by its owner alone, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from storefront.billing.attention import open_items
from storefront.iamport import Iamport
from tests.conftest import Shop
from tests.integration.news import facts, tell
from tests.people import Sandbox, Shopper


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
    [registered] = shopper.account()["payments"]
    assert shopper.payment(registered["merchant_uid"])["events"][-1]["event"] == "key_replaced"
    assert sandbox.net() == 700
    assert stray["imp_uid"] in shop.reconcile().needs_person[0]


def test_a_strays_key_under_a_name_that_is_nobodys_here_is_left_alone(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Perhaps another shop's of the same account: a person hears of the payment, and nothing is touched."""
    card = shopper.register_card()
    stray = sandbox.pay({"pg": "jtnet", "merchant_uid": "nobodys", "amount": 700, "customer_uid": "another_shops"})
    tell(shop, stray["imp_uid"], "nobodys")

    assert stray["imp_uid"] in shop.reconcile().needs_person[0]
    assert (sandbox.net(), sandbox.stored_keys()) == (700, [card["customer_uid"], "another_shops"])
    assert [one["status"] for one in shopper.account()["cards"]] == ["active"]


def test_an_orders_window_that_stored_a_key_under_a_name_that_is_nobodys_here_needs_a_person(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """The money of our own order goes back; the key is not ours to delete."""
    params = shopper.order("pay")
    shopper.tell(sandbox.pay({**params, "customer_uid": "another_shops"}))

    assert facts(shopper, params["merchant_uid"]) == ("refused", True, 0)
    assert (sandbox.net(), sandbox.stored_keys()) == (0, ["another_shops"])
    [asked] = shop.reconcile().needs_person
    assert params["merchant_uid"] in asked
    assert "foreign_key" in asked
    assert [item.detail for item in open_items(shop.billing)] == [{"customer_uid": "another_shops"}]


def test_a_stray_that_uses_the_name_of_an_open_order_takes_nothing_from_it(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Its own window is paid afterwards, and the card that this one stores is the card of the account."""
    params = shopper.order("pay")
    stray = sandbox.pay({**params, "merchant_uid": "nobodys", "amount": 700}, "approve-2")
    tell(shop, stray["imp_uid"], "nobodys")
    shopper.tell(sandbox.pay(params))

    assert facts(shopper, params["merchant_uid"]) == ("paid", True, 14_900)
    assert sandbox.stored_keys() == [params["customer_uid"]]
    assert [one["status"] for one in shopper.account()["cards"]] == ["active"]


def test_a_stray_charge_with_a_stored_key_says_whose_it_is(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """After a restored backup it is a renewal that the shop has forgotten: its person has to find the subscription."""
    shopper.subscribe()
    [card] = shopper.active_cards()
    lost = {"customer_uid": card["customer_uid"], "merchant_uid": "mr_lost", "amount": 14_900, "name": "Morning"}
    sandbox.call("POST", "/subscribe/payments/again", **lost)

    shop.reconcile()

    [item] = open_items(shop.billing)
    assert item.reason == "stray"
    assert item.detail["card"] == card["id"]
    assert item.detail["subscriptions"] == [shopper.subscription()["id"]]


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


def window_of(payment: dict[str, Any]) -> dict[str, Any]:
    """A payment window that somebody opens with a charge's own number."""
    return {
        "pg": "jtnet",
        "merchant_uid": payment["merchant_uid"],
        "amount": payment["amount"],
        "name": "Coffee",
        "customer_uid": payment["customer_uid"],
    }


@pytest.mark.parametrize(("card", "net"), [("decline-later", 0), ("approve", 16_900)])
def test_a_charge_that_is_paid_in_a_window_after_its_card_was_removed_leaves_no_key(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, card: str, net: int
) -> None:
    """The window goes back, whether the charge itself had failed or not, and the key it stored is deleted."""
    stored = shopper.register_card(card)
    charge = shopper.charged(stored["id"])
    shopper.remove_card(stored["id"])

    window = sandbox.pay(window_of(charge), late=True)
    tell(shop, window["imp_uid"], charge["merchant_uid"])
    shop.reconcile()

    assert sandbox.net(charge["merchant_uid"]) == net
    assert shopper.payment(charge["merchant_uid"])["net"] == net
    assert sandbox.stored_keys() == []
    assert [one["status"] for one in shopper.account()["cards"]] == ["removed"]


def test_a_charge_that_is_paid_in_a_window_suspends_the_card_whose_key_the_window_replaced(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """The order is paid, but the account does not show one card and charge another."""
    stored = shopper.register_card("decline-later")
    charge = shopper.charged(stored["id"])

    window = sandbox.pay(window_of(charge), "approve-2")
    tell(shop, window["imp_uid"], charge["merchant_uid"])

    assert facts(shopper, charge["merchant_uid"]) == ("paid", True, 16_900)
    assert [one["status"] for one in shopper.account()["cards"]] == ["suspended"]
    assert shopper.charge(stored["id"]).status_code == 400


@pytest.mark.parametrize("whose", ["the same order's", "nobody's"])
def test_a_key_that_is_issued_while_the_shop_looks_whether_it_is_gone_is_deleted_too(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, whose: str
) -> None:
    """The look that found nothing is stale when the news of another window has come meanwhile."""
    params = shopper.order("pay")
    shopper.tell(sandbox.pay(params))
    [card] = shopper.active_cards()
    gateway, look = shop.billing.gateway, shop.billing.gateway.billing_key

    def look_and_be_overtaken(customer_uid: str) -> Any:
        found = look(customer_uid)
        monkeypatch.setattr(gateway, "billing_key", look)
        sandbox.fault("/subscribe/payments/unschedule", "error")  # so that whoever is told does not finish the removal
        merchant_uid = params["merchant_uid"] if whose == "the same order's" else "nobodys_order"
        window = sandbox.pay({**params, "merchant_uid": merchant_uid}, "approve-2", late=True)
        tell(shop, window["imp_uid"], merchant_uid)
        return found

    monkeypatch.setattr(gateway, "billing_key", look_and_be_overtaken)
    shopper.remove_card(card["id"])
    sandbox.mend()
    shop.reconcile()

    assert sandbox.stored_keys() == []
    assert [one["status"] for one in shopper.account()["cards"]] == ["removed"]
    assert sandbox.net(params["merchant_uid"]) == 14_900


def test_what_a_shopper_was_told_of_a_removal_holds_from_the_first_time_on(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """A key appears under the card's name and is deleted as well; a charge approved between the two goes back."""
    card = shopper.register_card("decline-later")
    declined = shopper.charged(card["id"])
    shopper.remove_card(card["id"])
    sandbox.fault("webhook", "drop", times=0)
    shop.pass_time(minutes=1)
    sandbox.approve_late(declined["imp_uid"])
    shop.pass_time(minutes=1)
    order = {"pg": "jtnet", "merchant_uid": "nobodys", "amount": 700, "customer_uid": card["customer_uid"]}
    tell(shop, sandbox.pay(order)["imp_uid"], "nobodys")
    assert shopper.account()["cards"][0]["status"] == "removed"
    assert not sandbox.keys()[card["customer_uid"]]

    tell(shop, declined["imp_uid"], declined["merchant_uid"])

    assert shopper.payment(declined["merchant_uid"])["status"] == "refused"
    assert sandbox.net(declined["merchant_uid"]) == 0


def test_a_key_that_imports_does_not_delete_is_a_persons_matter_until_it_is_gone(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its shopper waits for the removal to be confirmed, and no look would ever do that."""
    card = shopper.register_card()
    with monkeypatch.context() as refusing:
        refusing.setattr(Iamport, "delete_billing_key", lambda _gateway, _customer_uid: None)
        shopper.remove_card(card["id"])
        shop.pass_time(days=1)
        shop.reconcile()
        [item] = open_items(shop.billing)
        assert (item.reason, item.detail) == ("key_kept", {"customer_uid": card["customer_uid"]})
    shop.pass_time(days=1)

    shop.reconcile()

    assert sandbox.stored_keys() == []
    assert open_items(shop.billing) == []


def test_a_strangers_card_does_not_become_one_that_was_never_stored(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Paid without a key; then a stray window stores somebody's card under the name that was meant for it."""
    params = shopper.order("pay", every="month")
    shopper.tell(sandbox.pay({name: value for name, value in params.items() if name != "customer_uid"}))
    stray = sandbox.pay({**params, "merchant_uid": "lured", "amount": 0}, "approve-2")
    tell(shop, stray["imp_uid"], "lured")

    shop.reconcile()

    assert shopper.active_cards() == []
    assert sandbox.stored_keys() == []
    assert shopper.subscription()["next"] is None


@pytest.mark.parametrize("by", ["a stray payment", "another shopper's order"])
def test_a_strangers_card_is_not_stored_whichever_news_comes_first(
    shop: Shop, shopper: Shopper, another_shopper: Shopper, sandbox: Sandbox, by: str
) -> None:
    """Paid without a key, and the window that stored somebody's card under that name was heard of while it was open."""
    params = shopper.order("pay", every="month")
    own = sandbox.pay({name: value for name, value in params.items() if name != "customer_uid"})
    order = {**params, "merchant_uid": "lured", "amount": 0}
    if by != "a stray payment":
        order = {**another_shopper.order("pay"), "customer_uid": params["customer_uid"]}
    lured = sandbox.pay(order, "approve-2")
    tell(shop, lured["imp_uid"], order["merchant_uid"])
    shopper.tell(own)

    shop.reconcile()

    assert (shopper.active_cards(), sandbox.stored_keys()) == ([], [])
    assert shopper.subscription()["next"] is None
    assert sandbox.net(params["merchant_uid"]) == 14_900
