"""A stored card is offered first: one form, one press, one charge, and what was bought begins with it."""

from __future__ import annotations

import re
import secrets
from typing import Any

import pytest
from sqlalchemy import func, select

from storefront.models import Checkout, Mail, Payment
from tests.conftest import Shop
from tests.integration.news import tell
from tests.people import BUYER, ENGLISH, Sandbox, Shopper

AGAIN = "/subscribe/payments/again"


def press(shopper: Shopper, stored: Any, every: str = "month", **fields: Any) -> Any:
    """Press the button of the checkout's page with a stored card."""
    form = {"card": stored["id"], "every": every, "consent": "y", "token": secrets.token_hex(8), **fields}
    return shopper.post("/checkout/morning", form)


def buy(shopper: Shopper, stored: Any, every: str = "month", **fields: Any) -> dict[str, Any]:
    """Press it, and look at the order it led to."""
    reply = press(shopper, stored, every, **fields)
    assert reply.status_code == 303, reply.text
    return shopper.see(reply.headers["Location"])


def sent(sandbox: Sandbox) -> int:
    """How many charges i'mport was asked for."""
    return len(sandbox.requests(AGAIN))


@pytest.fixture
def card(shopper: Shopper) -> dict[str, Any]:
    """A card that the shopper has stored for nothing."""
    return shopper.register_card()


@pytest.mark.parametrize(("every", "price"), [("month", 14_900), ("year", 149_000)])
def test_one_press_with_a_stored_card_begins_a_subscription(
    shopper: Shopper, sandbox: Sandbox, card: dict[str, Any], every: str, price: int
) -> None:
    """The charge is its period 0, and the card is the one that is charged from then on."""
    payment = buy(shopper, card, every)

    begun = shopper.subscription()
    assert (payment["purpose"], payment["status"], payment["net"]) == ("extra", "paid", price)
    assert (payment["subscription"], payment["period"], payment["attempt"]) == (begun["id"], 0, 1)
    assert (begun["status"], begun["every"], begun["card"]) == ("active", every, card["id"])
    assert begun["period"]["attempts"] == [payment["merchant_uid"]]
    assert begun["next"]["amount"] == price
    assert sandbox.net() == price
    assert sandbox.stored_keys() == [card["customer_uid"]]


def test_one_press_buys_one_bag(shopper: Shopper, sandbox: Sandbox, card: dict[str, Any]) -> None:
    """The button says how much, so there is no box to tick; nothing begins."""
    payment = buy(shopper, card, "once", consent="")

    assert (payment["purpose"], payment["status"], payment["subscription"]) == ("extra", "paid", None)
    assert sandbox.net() == 14_900
    assert shopper.account()["subscriptions"] == []


def test_two_clicks_are_one_charge_and_one_subscription(
    shopper: Shopper, sandbox: Sandbox, card: dict[str, Any]
) -> None:
    """The same token leads to the same payment, also from a page so old that its checkout is over."""
    orders = {buy(shopper, card, token="one-press", checkout="one-checkout")["merchant_uid"] for _ in range(2)}

    assert len(orders) == 1
    assert (sent(sandbox), sandbox.net()) == (1, 14_900)
    assert len(shopper.account()["subscriptions"]) == 1


def test_two_forms_of_one_checkout_charge_once(shopper: Shopper, sandbox: Sandbox, card: dict[str, Any]) -> None:
    """Two tabs: the second one is led to the payment that has won."""
    first, second = (buy(shopper, card, checkout="two-tabs") for _ in range(2))

    assert second["merchant_uid"] == first["merchant_uid"]
    assert (sent(sandbox), sandbox.net()) == (1, 14_900)


def test_a_press_that_was_declined_leads_to_its_own_order_whoever_has_won_since(
    shopper: Shopper, sandbox: Sandbox, card: dict[str, Any]
) -> None:
    """The same token is the same charge, for good."""
    bad = shopper.register_card("decline-later")
    declined = buy(shopper, bad, token="first-press", checkout="one-checkout")
    buy(shopper, card, token="second-press", checkout="one-checkout")

    again = buy(shopper, bad, token="first-press", checkout="one-checkout")

    assert (again["merchant_uid"], again["status"]) == (declined["merchant_uid"], "failed")
    assert (sent(sandbox), sandbox.net()) == (2, 14_900)


def test_a_window_that_is_paid_after_the_stored_card_goes_back(
    shopper: Shopper, sandbox: Sandbox, card: dict[str, Any]
) -> None:
    """Both belong to one checkout, and the first one paid wins; the stored card stays, the window's key goes."""
    params = shopper.order("pay", every="month", token="both-ways")
    won = buy(shopper, card, checkout="both-ways")
    shopper.tell(sandbox.pay(params))

    lost = shopper.payment(params["merchant_uid"])
    assert (won["net"], lost["status"], lost["net"], sandbox.net()) == (14_900, "refused", 0, 14_900)
    assert len(shopper.account()["subscriptions"]) == 1
    assert sandbox.stored_keys() == [card["customer_uid"]]


def test_a_charge_of_a_checkout_that_a_window_has_paid_meanwhile_goes_back_and_keeps_its_key(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, card: dict[str, Any]
) -> None:
    """Its answer was lost, the shopper took another card: the late capture is refused, but its card was not issued by it."""
    sandbox.fault(AGAIN, "cut_after")
    sandbox.fault("/payments/findAll/*", "error", times=0)
    sandbox.fault("webhook", "drop")
    unknown = buy(shopper, card, checkout="hurry")
    assert unknown["status"] == "requested"
    params = shopper.order("pay", every="month", token="hurry")
    window = sandbox.pay(params)
    sandbox.mend()
    shopper.tell(window)
    shop.pass_time(minutes=2)
    shop.reconcile()

    first = shopper.payment(unknown["merchant_uid"])
    winner = shopper.payment(params["merchant_uid"])
    assert {first["status"], winner["status"]} == {"refused", "paid"}
    assert sandbox.net() == 14_900
    assert shopper.agrees_with_ledger()
    assert card["customer_uid"] in sandbox.stored_keys()
    assert len(shopper.account()["subscriptions"]) == 1


@pytest.mark.parametrize("kind", ["cut_after", "error_after", "garbage"])
def test_a_lost_answer_is_found_and_the_subscription_begins_once(
    shopper: Shopper, sandbox: Sandbox, card: dict[str, Any], kind: str
) -> None:
    """It stays `requested` until i'mport is found to have captured it."""
    sandbox.fault(AGAIN, kind)

    payment = buy(shopper, card)

    assert (payment["status"], payment["net"], sandbox.net()) == ("paid", 14_900, 14_900)
    assert sent(sandbox) == 1
    assert shopper.subscription()["status"] == "active"


@pytest.mark.parametrize(
    ("hours", "every", "with_a_window"), [(23.2, "month", False), (0, "year", False), (23.2, "month", True)]
)
def test_nobody_buys_a_second_time_while_the_first_charge_is_unknown(
    shop: Shop,
    shopper: Shopper,
    sandbox: Sandbox,
    card: dict[str, Any],
    hours: float,
    every: str,
    with_a_window: bool,
) -> None:
    """Not from a page whose checkout is nearly over, not on other terms, not through a window: it leads to that charge."""
    sandbox.fault(AGAIN, "cut_before")
    sandbox.fault("/payments/findAll/*", "error", times=0)
    first = buy(shopper, card, checkout="one-decision")
    assert first["status"] == "requested"
    shop.pass_time(hours=hours)
    sandbox.mend()

    if with_a_window:
        reply = shopper.post("/checkout/morning", {**BUYER, "mode": "pay", "every": every, "token": "one-decision"})
        assert first["merchant_uid"] in reply.headers["Location"]
        with shop.billing.database.reading() as session:
            assert session.scalar(select(func.count(Checkout.id)).where(Checkout.token.contains("one-decision"))) == 1
    else:
        assert buy(shopper, card, every, checkout="one-decision")["merchant_uid"] == first["merchant_uid"]
    shop.pass_time(minutes=15)
    shop.reconcile()
    assert sandbox.net() == 14_900
    assert len(shopper.account()["subscriptions"]) == 1


def test_whatever_a_declined_checkout_is_tried_again_as_is_bought_once(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, card: dict[str, Any]
) -> None:
    """Other terms begin another checkout of the same form: while its charge is unknown, and when it is paid."""
    declining = shopper.register_card("decline-later")
    assert buy(shopper, declining, "month", checkout="one-decision")["status"] == "failed"
    sandbox.fault(AGAIN, "cut_before")
    unknown = buy(shopper, card, "year", checkout="one-decision")
    assert unknown["status"] == "requested"

    orders = {buy(shopper, card, every, checkout="one-decision")["merchant_uid"] for every in ("year", "month")}
    assert orders == {unknown["merchant_uid"]}
    shop.pass_time(minutes=15)
    shop.reconcile()
    assert buy(shopper, card, "year", checkout="one-decision")["merchant_uid"] == unknown["merchant_uid"]
    assert (sandbox.net(), len(shopper.account()["subscriptions"])) == (149_000, 1)


def test_a_charge_that_never_arrived_is_sent_again_by_reconcile_only(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, card: dict[str, Any]
) -> None:
    """After the grace; and meanwhile another press of the checkout leads to the same order, whichever card it names."""
    other = shopper.register_card()
    sandbox.fault(AGAIN, "cut_before")
    unknown = buy(shopper, card, checkout="patience")
    again = buy(shopper, other, checkout="patience")
    assert (unknown["status"], again["merchant_uid"], sent(sandbox)) == ("requested", unknown["merchant_uid"], 1)
    assert shopper.account()["subscriptions"] == []

    shop.pass_time(minutes=11)
    shop.reconcile()

    assert shopper.payment(unknown["merchant_uid"])["status"] == "paid"
    assert (sent(sandbox), sandbox.net()) == (2, 14_900)
    assert shopper.subscription()["period"]["attempts"] == [unknown["merchant_uid"]]


def test_a_charge_that_never_arrived_is_not_sent_for_a_checkout_that_is_paid(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, card: dict[str, Any]
) -> None:
    """It would only come back; it is given up."""
    sandbox.fault(AGAIN, "cut_before")
    unknown = buy(shopper, card, checkout="changed-my-mind")
    shopper.tell(sandbox.pay(shopper.order("pay", every="month", token="changed-my-mind")))

    shop.pass_time(minutes=11)
    shop.reconcile()

    assert shopper.payment(unknown["merchant_uid"])["status"] == "failed"
    assert (sent(sandbox), sandbox.net()) == (1, 14_900)


def test_a_charge_that_never_arrived_is_not_sent_for_a_checkout_that_is_over(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, card: dict[str, Any]
) -> None:
    """What is captured after a day would only come back, however late in that day it was asked for."""
    declining = shopper.register_card("decline-later")
    buy(shopper, declining, checkout="a-long-day")
    shop.pass_time(hours=22)
    sandbox.fault(AGAIN, "cut_before")
    unknown = buy(shopper, card, checkout="a-long-day")

    shop.pass_time(hours=3)
    shop.reconcile()

    assert shopper.payment(unknown["merchant_uid"])["status"] == "failed"
    assert (sent(sandbox), sandbox.net()) == (2, 0)


def test_a_declined_card_begins_nothing_and_stays(shopper: Shopper, sandbox: Sandbox) -> None:
    """The reason is shown, and the way to another card leads to the same checkout without the declined one."""
    good, bad = shopper.register_card(), shopper.register_card("decline-later")
    declined = buy(shopper, bad, checkout="second-try")
    assert (declined["status"], declined["net"], bool(declined["fail_reason"])) == ("failed", 0, True)
    assert shopper.account()["subscriptions"] == []
    assert bad["customer_uid"] in sandbox.stored_keys()

    page = shopper.browser.get(f"/payments/{declined['merchant_uid']}", headers=ENGLISH).text
    found = re.search(r'href="(/checkout/morning\?[^"]*)"', page)
    assert found
    offered = shopper.browser.get(found[1].replace("&amp;", "&"), headers=ENGLISH).text
    assert f'value="{good["id"]}"' in offered
    assert f'value="{bad["id"]}"' not in offered
    assert 'name="every" value="month"' in offered

    assert buy(shopper, good, checkout="second-try")["status"] == "paid"
    assert sandbox.net() == 14_900
    assert shopper.subscription()["card"] == good["id"]


@pytest.mark.usefixtures("card")
def test_a_registration_that_failed_is_tried_again_as_one(shopper: Shopper) -> None:
    """Whoever wanted to pay nothing today is not led to the button that pays with the card there is."""
    declined = shopper.subscribe(mode="register", card="decline-limit")
    page = shopper.browser.get(f"/payments/{declined['merchant_uid']}", headers=ENGLISH).text
    found = re.search(r'href="(/checkout/morning\?[^"]*)"', page)
    assert found

    again = shopper.browser.get(found[1].replace("&amp;", "&"), headers=ENGLISH).text

    assert re.search(r'value="register"[^>]*checked', again)
    assert 'name="every" value="month"' in again
    assert 'name="phone"' in again
    assert "=&" not in found[1]


@pytest.mark.parametrize("every", ["month", "once"])
def test_a_late_approval_after_a_decline_is_honoured_while_the_checkout_is_unpaid(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, every: str
) -> None:
    """And a subscription begins with it then."""
    declined = buy(shopper, shopper.register_card("decline-later"), every)
    sandbox.approve_late(declined["imp_uid"])
    tell(shop, imp_uid=declined["imp_uid"], merchant_uid=declined["merchant_uid"])

    payment = shopper.payment(declined["merchant_uid"])
    assert (payment["status"], payment["net"], sandbox.net()) == ("paid", 14_900, 14_900)
    assert len(shopper.account()["subscriptions"]) == (every == "month")


def test_a_card_that_was_removed_meanwhile_is_not_charged(shopper: Shopper, sandbox: Sandbox) -> None:
    """400, in words, on the page with what is left to pay with: another stored card, else the window's form."""
    last, gone = shopper.register_card(), shopper.register_card()
    shopper.remove_card(gone["id"])
    shopper.browser.get("/language/en")

    refused = press(shopper, gone)
    shopper.remove_card(last["id"])
    none_left = press(shopper, last)

    for reply in (refused, none_left):
        assert reply.status_code == 400
        assert "This card cannot be charged any more" in reply.text
        assert "Nothing has been charged." in reply.text
    assert f'value="{last["id"]}"' in refused.text
    assert 'name="phone"' in none_left.text
    assert (sent(sandbox), sandbox.net()) == (0, 0)


@pytest.mark.parametrize(
    "fields",
    [
        {"consent": ""},
        {"consent": "no"},
        {"every": "week"},
        {"card": "all"},
        {"token": ""},
        {"token": "no spaces, please"},
        {"mode": "register"},
    ],
)
def test_a_press_that_makes_no_sense_is_refused_before_anything_is_ordered(
    shopper: Shopper, sandbox: Sandbox, card: dict[str, Any], fields: dict[str, str]
) -> None:
    """400, and no order; above all not for somebody who wants to pay nothing today."""
    assert press(shopper, card, **fields).status_code == 400
    assert len(shopper.account()["payments"]) == 1
    assert sent(sandbox) == 0


def test_nobody_pays_with_anothers_card(shopper: Shopper, another_shopper: Shopper, sandbox: Sandbox) -> None:
    """404, as if it did not exist."""
    theirs = another_shopper.register_card()

    assert press(shopper, theirs).status_code == 404
    assert sent(sandbox) == 0


def test_the_consent_and_its_price_are_kept(shop: Shop, shopper: Shopper, card: dict[str, Any]) -> None:
    """With the text's version, the language and the time; and a receipt is sent, as for a window's first bag."""
    shopper.browser.get("/language/en")
    payment = buy(shopper, card)

    with shop.billing.database.reading() as session:
        row = session.scalars(select(Payment).where(Payment.merchant_uid == payment["merchant_uid"])).one()
        receipts = session.scalars(select(Mail).where(Mail.payment_id == row.id, Mail.kind == "receipt")).all()
    assert (row.consent_price_krw, row.every, row.language) == (14_900, "month", "en")
    assert row.consent_version
    assert row.consent_at is not None
    assert [mail.language for mail in receipts] == ["en"]


def test_leaving_on_the_first_day_gives_a_stored_cards_payment_back_whole(
    shopper: Shopper, sandbox: Sandbox, card: dict[str, Any]
) -> None:
    """It is period 0 like a window's."""
    payment = buy(shopper, card)

    assert shopper.ask("leave", when="now", refund_krw="14900").status_code == 303

    assert (shopper.payment(payment["merchant_uid"])["net"], sandbox.net()) == (0, 0)
    assert shopper.subscription()["reason"] == "left"
    assert card["customer_uid"] in sandbox.stored_keys()


def test_a_stored_card_is_offered_first_and_a_new_one_is_a_press_away(shopper: Shopper, card: dict[str, Any]) -> None:
    """Its page asks for nothing that is known; the other page is the window's, of the same checkout."""
    page = shopper.browser.get("/checkout/morning?every=month&token=same", headers=ENGLISH).text

    assert f'name="card" value="{card["id"]}"' in re.sub(r"\s+", " ", page)
    assert "Pay ₩14,900 now, and every month" in page
    assert 'name="phone"' not in page
    found = re.search(r'href="(/checkout/morning\?[^"]*card=new[^"]*)"', page)
    assert found
    other = shopper.browser.get(found[1].replace("&amp;", "&"), headers=ENGLISH).text
    assert 'name="phone"' in other
    assert 'name="token" value="same"' in other


def test_nobody_is_offered_another_shoppers_card(shopper: Shopper, another_shopper: Shopper) -> None:
    """Neither at a first checkout, nor by its number where one's own is."""
    theirs = another_shopper.register_card()

    assert 'name="card"' not in shopper.browser.get("/checkout/morning", headers=ENGLISH).text

    own = shopper.register_card("approve-2")
    page = shopper.browser.get("/checkout/morning", headers=ENGLISH).text
    assert f'value="{own["id"]}"' in page
    assert f'value="{theirs["id"]}"' not in page


def test_cards_with_one_number_are_told_apart_by_when_they_were_stored(shop: Shop, shopper: Shopper) -> None:
    """To the minute, and to the second if they were stored in the same one; each has a name of its own."""
    cards = [shopper.register_card()]
    for seconds in (61, 1, 0):
        shop.pass_time(seconds=seconds)
        cards.append(shopper.register_card())

    page = shopper.browser.get("/checkout/morning", headers=ENGLISH).text

    names = re.findall(r"<strong>([^<]+ 4242[^<]*)</strong>", page)
    assert len(set(names)) == len(names) == len(cards)
