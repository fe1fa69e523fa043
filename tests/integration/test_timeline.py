"""The timeline of an order, fact by fact: what was told, what was asked, what was decided."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from storefront.models import Event, Payment
from tests.conftest import Shop
from tests.integration.news import tell
from tests.people import Sandbox, Shopper

PRICE, NOON = 14_900, 16_900


def told(shop: Shop, merchant_uid: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Each line's kind, event and facts, in order."""
    query = select(Event.kind, Event.event, Event.detail).join(Payment, Payment.id == Event.payment_id)
    with shop.billing.database.reading() as session:
        lines = session.execute(query.where(Payment.merchant_uid == merchant_uid).order_by(Event.id))
        return [(kind, event, detail) for kind, event, detail in lines]


def test_a_first_payment_and_the_removal_of_its_card(shop: Shop, shopper: Shopper) -> None:
    """From the order to the key that is gone."""
    paid = shopper.buy("pay")
    [card] = shopper.active_cards()
    shopper.remove_card(card["id"])

    assert told(shop, paid["merchant_uid"]) == [
        ("decided", "ordered", {"amount": PRICE}),
        ("asked", "prepared", {"amount": PRICE}),
        ("told", "callback", {"imp_uid": paid["imp_uid"]}),
        ("asked", "looked_up", {"status": "paid", "amount": PRICE}),
        ("decided", "paid", {"amount": PRICE, "imp_uid": paid["imp_uid"]}),
        ("asked", "key_read", {"found": "stored"}),
        ("decided", "key_issued", {"card": card["card_number"]}),
        ("decided", "removal_asked", {}),
        ("asked", "key_delete_sent", {}),
        ("decided", "key_deleted", {}),
    ]


def test_a_charge_with_the_stored_key_and_its_refund(shop: Shop, shopper: Shopper) -> None:
    """What was sent, what the reply said, and what went back."""
    shopper.buy("pay")
    charged = shopper.charged(shopper.active_cards()[0]["id"])
    shopper.refund(charged["merchant_uid"])

    assert told(shop, charged["merchant_uid"]) == [
        ("decided", "ordered", {"amount": NOON}),
        ("asked", "charge_sent", {"amount": NOON}),
        ("asked", "charge_answered", {"status": "paid", "amount": NOON}),
        ("decided", "paid", {"amount": NOON, "imp_uid": charged["imp_uid"]}),
        ("asked", "looked_up", {"status": "paid", "amount": NOON}),
        ("decided", "refund_asked", {"amount": NOON, "reason": "shopper"}),
        ("asked", "cancel_sent", {"amount": NOON, "imp_uid": charged["imp_uid"]}),
        ("decided", "cancelled", {"cancelled": NOON, "held": 0}),
        ("decided", "refund_done", {"amount": NOON}),
    ]


def test_a_charge_that_is_declined(shop: Shop, shopper: Shopper) -> None:
    """With the card company's own words."""
    card = shopper.register_card("decline-later")
    declined = shopper.charged(card["id"])

    assert told(shop, declined["merchant_uid"])[1:] == [
        ("asked", "charge_sent", {"amount": NOON}),
        ("asked", "charge_answered", {"status": "failed", "amount": NOON}),
        ("decided", "declined", {"reason": declined["fail_reason"], "imp_uid": declined["imp_uid"]}),
    ]


def test_a_window_in_which_another_sum_was_paid(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """Refused, given back, and its key deleted."""
    params = shopper.order("pay")
    window = sandbox.pay(params, charge_amount=PRICE + 1)
    tell(shop, window["imp_uid"], params["merchant_uid"])

    lines = told(shop, params["merchant_uid"])
    first = next(at for at, (_, event, _) in enumerate(lines) if event == "looked_up")
    assert lines[first:] == [
        ("asked", "looked_up", {"status": "paid", "amount": PRICE + 1}),
        ("decided", "refused", {"reason": "amount", "ordered": PRICE, "captured": PRICE + 1}),
        ("decided", "refund_asked", {"amount": PRICE + 1, "reason": "refused"}),
        ("decided", "key_unwanted", {}),
        ("asked", "cancel_sent", {"amount": PRICE + 1, "imp_uid": window["imp_uid"]}),
        ("decided", "cancelled", {"cancelled": PRICE + 1, "held": 0}),
        ("decided", "refund_done", {"amount": PRICE + 1}),
        ("asked", "key_delete_sent", {}),
        ("decided", "key_deleted", {}),
        ("decided", "returned", {}),
    ]


def test_a_second_capture_of_an_order(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """It goes back by itself, and every line of it names which one it is."""
    paid = shopper.buy("pay")
    before = len(told(shop, paid["merchant_uid"]))
    order = {"pg": "jtnet", "merchant_uid": paid["merchant_uid"], "amount": PRICE, "name": "again"}
    extra = sandbox.pay(order, late=True)["imp_uid"]
    tell(shop, extra, paid["merchant_uid"])

    said = [(event, detail) for _, event, detail in told(shop, paid["merchant_uid"])[before:] if event != "looked_up"]
    names = [event for event, _ in said]
    assert names == ["webhook", "extra_capture", "refund_asked", "cancel_sent", "cancelled", "refund_done"]
    assert said[1][1].items() >= {"imp_uid": extra, "amount": PRICE}.items()
    assert said[4][1].items() >= {"imp_uid": extra, "cancelled": PRICE, "held": 0}.items()
