"""Registering a card through the payment window, with or without a first payment."""

from __future__ import annotations

import re

import pytest

from storefront.billing import shoppers
from tests.conftest import Shop
from tests.people import Sandbox, Shopper


def test_a_card_registered_alone_costs_nothing_and_is_stored(shopper: Shopper, sandbox: Sandbox) -> None:
    """Amount 0 issues a key and captures no won."""
    payment = shopper.buy("register")

    assert payment["purpose"] == "register"
    assert (payment["status"], payment["captured"], payment["amount"], payment["net"]) == ("paid", True, 0, 0)
    assert [card["customer_uid"] for card in shopper.active_cards()] == [payment["customer_uid"]]
    assert sandbox.keys() == {payment["customer_uid"]: True}
    assert sandbox.ledger()["captured"] == 0


def test_a_card_registered_with_the_first_bag_is_charged_its_price_once(shopper: Shopper, sandbox: Sandbox) -> None:
    """The catalogue's price is captured, and the key is there for the next time."""
    payment = shopper.buy("pay", "daybreak")

    assert (payment["purpose"], payment["status"], payment["net"]) == ("first", "paid", 18_900)
    ledger = sandbox.ledger(payment["merchant_uid"])
    assert (ledger["captured"], ledger["net"]) == (18_900, 18_900)
    assert [row["imp_uid"] for row in ledger["payments"]] == [payment["imp_uid"]]
    assert sandbox.keys()[payment["customer_uid"]]


def test_the_window_gets_exactly_the_parameters_of_the_guide(shopper: Shopper) -> None:
    """Nothing is missing, nothing is added, and the amount is a number."""
    params = shopper.order("pay", "noon")

    assert set(params) == {
        "pg",
        "pay_method",
        "merchant_uid",
        "name",
        "amount",
        "customer_uid",
        "buyer_email",
        "buyer_name",
        "buyer_tel",
        "m_redirect_url",
        "notice_url",
    }
    assert (params["pg"], params["pay_method"], params["amount"]) == ("jtnet", "card", 16_900)
    assert "?" not in params["m_redirect_url"]
    assert len(params["merchant_uid"]) <= 40
    assert len(params["customer_uid"]) <= 80


def test_an_amount_is_registered_before_the_window_opens_and_zero_is_not(shopper: Shopper, sandbox: Sandbox) -> None:
    """`POST /payments/prepare` comes first for real amounts only."""
    shopper.order("register")
    assert sandbox.requests("/payments/prepare") == []

    shopper.order("pay")
    assert [call["method"] for call in sandbox.requests("/payments/prepare")] == ["POST"]


def test_every_attempt_has_an_order_number_and_a_key_name_of_its_own(shopper: Shopper) -> None:
    """Neither is ever used twice."""
    orders = [shopper.order("register") for _ in range(5)]

    assert len({order["merchant_uid"] for order in orders}) == 5
    assert len({order["customer_uid"] for order in orders}) == 5


@pytest.mark.parametrize("card", ["decline-limit", "decline-stolen", "decline-expired"])
def test_a_declined_card_is_neither_charged_nor_stored(shopper: Shopper, sandbox: Sandbox, card: str) -> None:
    """The reason is shown, no won moves, no key stays."""
    payment = shopper.buy("pay", card=card)

    assert (payment["status"], payment["captured"], payment["net"]) == ("failed", False, 0)
    assert payment["fail_reason"]
    assert shopper.active_cards() == []
    assert sandbox.net() == 0
    assert not any(sandbox.keys().values())


@pytest.mark.parametrize("mode", ["register", "pay"])
def test_leaving_the_window_costs_nothing(shopper: Shopper, sandbox: Sandbox, mode: str) -> None:
    """A cancelled window is a failed attempt; the checkout can be tried again."""
    payment = shopper.buy(mode, outcome="cancel")

    assert (payment["status"], payment["net"]) == ("failed", 0)
    assert sandbox.net() == 0
    assert shopper.active_cards() == []


@pytest.mark.parametrize("sdk", ["new", "old"])
def test_both_sdk_styles_lead_to_the_same_end(shopper: Shopper, sandbox: Sandbox, sdk: str) -> None:
    """The old SDK says `success`, the new one does not; neither is believed."""
    assert shopper.buy("pay", sdk=sdk)["status"] == "paid"
    assert shopper.buy("pay", card="decline-limit", sdk=sdk)["status"] == "failed"
    assert sandbox.net() == 14_900


def test_a_lost_callback_is_caught_up_when_the_page_is_opened(shopper: Shopper, sandbox: Sandbox) -> None:
    """Nobody told the shop anything; reading the order settles it."""
    params = shopper.order("pay")
    sandbox.pay(params, outcome="lose_callback")

    payment = shopper.payment(params["merchant_uid"])

    assert (payment["status"], payment["net"]) == ("paid", sandbox.net(params["merchant_uid"]))


def test_a_second_attempt_of_a_paid_checkout_leads_to_the_payment(shopper: Shopper, sandbox: Sandbox) -> None:
    """The form sent again after paying buys nothing more."""
    form = {"mode": "pay", "token": "one-checkout"}
    params = shopper.order(**form)
    shopper.tell(sandbox.pay(params))

    reply = shopper.post("/checkout/morning", {**_buyer(), **form})

    assert reply.status_code == 303
    assert reply.headers["Location"].endswith(f"/payments/{params['merchant_uid']}")
    assert sandbox.net() == 14_900


def _buyer() -> dict[str, str]:
    return {"name": "김아침", "email": "achim@example.com", "phone": "010-1234-5678", "consent": "y"}


@pytest.mark.parametrize("seeded", ["now", "before shoppers had phones"])
def test_the_demo_shopper_only_has_to_agree(shop: Shop, sandbox: Sandbox, seeded: str) -> None:
    """Everything else is filled in, also in a database that was begun with an earlier release."""
    if seeded != "now":
        shoppers.sign_up(shop.billing, name="김", email=shoppers.DEMO_EMAIL, password="x")
    demo = Shopper(shop.browser(), sandbox)
    demo.post("/login/demo", {})

    page = demo.browser.get("/checkout/morning").text
    fields = re.findall(r'<input[^>]* name="(name|email|phone)"[^>]* value="([^"]+)"', page)
    assert {name for name, _value in fields} == {"name", "email", "phone"}
    assert demo.post("/checkout/morning", {**dict(fields), "mode": "pay", "consent": "y"}).status_code == 303
