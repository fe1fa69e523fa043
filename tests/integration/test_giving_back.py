"""Refunds and card removal."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from storefront import iamport
from storefront.billing.attention import open_items
from storefront.billing.errands import PLACES, Errands
from storefront.billing.reconciling import desk, reconciliation
from storefront.iamport import Iamport, RejectedError
from tests.conftest import Shop
from tests.integration.news import tell
from tests.people import ENGLISH, Sandbox, Shopper

CANCEL = "/payments/cancel"


def test_a_refund_returns_everything_and_the_card_stays(shopper: Shopper, sandbox: Sandbox) -> None:
    """Cancelled in full, at the shop and at i'mport."""
    payment = shopper.buy("pay")

    reply = shopper.refund(payment["merchant_uid"])
    after = shopper.payment(payment["merchant_uid"])

    assert reply.status_code == 303
    assert (after["status"], after["cancelled"], after["net"], after["captured"]) == ("cancelled", 14_900, 0, True)
    assert sandbox.net() == 0
    assert len(shopper.active_cards()) == 1


def test_a_refund_names_the_payment_the_amount_and_the_checksum(shopper: Shopper, sandbox: Sandbox) -> None:
    """imp_uid and never an order number alone; the checksum makes a repeat harmless."""
    payment = shopper.buy("pay")
    shopper.refund(payment["merchant_uid"])

    [call] = sandbox.requests(CANCEL)

    assert payment["imp_uid"] in str(call["body"])
    assert "checksum" in str(call["body"])


def test_a_repeated_refund_returns_the_money_once(shopper: Shopper, sandbox: Sandbox) -> None:
    """The same button pressed twice is one refund."""
    payment = shopper.buy("pay")

    replies = [shopper.refund(payment["merchant_uid"], token="once") for _ in range(2)]

    assert [reply.status_code for reply in replies] == [303, 303]
    assert len(sandbox.requests(CANCEL)) == 1
    assert sandbox.net() == 0


@pytest.mark.parametrize("kind", ["cut_after", "error_after", "garbage", "cut_before", "error"])
def test_a_refund_whose_answer_is_lost_is_finished_on_the_next_look(
    shopper: Shopper, sandbox: Sandbox, kind: str
) -> None:
    """The money goes back exactly once, whether the work was done or not."""
    payment = shopper.buy("pay")
    sandbox.fault(CANCEL, kind)

    shopper.refund(payment["merchant_uid"])
    after = shopper.payment(payment["merchant_uid"])

    assert (after["status"], after["net"]) == ("cancelled", 0)
    assert sandbox.ledger()["cancelled"] == 14_900


def test_a_refused_refund_whose_payment_cannot_be_read_is_in_the_timeline(shopper: Shopper, sandbox: Sandbox) -> None:
    """What was asked and answered is written down, although nothing follows from it yet."""
    payment = shopper.buy("pay")
    sandbox.cancel_in_console(payment["imp_uid"])
    sandbox.fault(f"/payments/{payment['imp_uid']}", "error", times=2)  # before the refund is asked for, and after it

    shopper.refund(payment["merchant_uid"])
    after = shopper.payment(payment["merchant_uid"])

    events = [event["event"] for event in after["events"]]
    begun = events.index("refund_asked")
    assert events[begun : begun + 4] == ["refund_asked", "cancel_sent", "cancel_refused", "unanswered"]
    assert (after["status"], after["net"]) == ("cancelled", 0)
    assert sandbox.ledger()["cancelled"] == 14_900


def test_a_refund_that_another_door_has_heard_of_first_is_in_the_timeline_although_imports_is_silent_then(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer is stale by then, and nothing newer is to be had: that it was asked for is true all the same."""
    payment = shopper.buy("pay")
    cancel = Iamport.cancel

    def slowly(gateway: Iamport, **fields: Any) -> Any:
        answer = cancel(gateway, **fields)
        tell(shop, payment["imp_uid"], payment["merchant_uid"])
        sandbox.fault(f"/payments/{payment['imp_uid']}", "error", times=0)
        return answer

    monkeypatch.setattr(Iamport, "cancel", slowly)
    shopper.refund(payment["merchant_uid"])
    sandbox.mend()

    events = [event["event"] for event in shopper.payment(payment["merchant_uid"])["events"]]
    assert events.count("cancel_sent") == events.count("cancelled") == 1
    assert sandbox.ledger()["cancelled"] == 14_900


def test_another_process_leaves_a_refund_to_whoever_sends_it(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sent twice at once, i'mport would refuse one of them, and a person might be called for nothing."""
    payment = shopper.buy("pay")
    worker = replace(shop.billing, errands=Errands())
    cancel, looks = Iamport.cancel, []

    def cancel_while_the_worker_looks(gateway: Iamport, **facts: Any) -> iamport.Payment:
        if not looks:
            looks.append(reconciliation.reconcile(worker, only_due=True, sweep=False))
        return cancel(gateway, **facts)

    monkeypatch.setattr(Iamport, "cancel", cancel_while_the_worker_looks)
    shopper.refund(payment["merchant_uid"])

    assert [report.looked_at for report in looks] == [[]]
    assert len(sandbox.requests(CANCEL)) == 1
    assert sandbox.net() == 0


def test_a_refund_that_nobody_sends_is_sent_by_the_background(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """At its next look if there was no place to send it from; a minute later if its sender is gone."""
    payment = shopper.buy("pay")
    places = [shop.billing.errands.place("something else") for _ in range(PLACES)]
    with ExitStack() as busy:
        for place in places:
            busy.enter_context(place)
        shopper.refund(payment["merchant_uid"])
    assert sandbox.requests(CANCEL) == []

    shop.reconcile_what_is_due()

    assert sandbox.net() == 0


def test_what_was_not_paid_cannot_be_refunded(shopper: Shopper, sandbox: Sandbox) -> None:
    """A declined payment and a 0-won registration have nothing to give back."""
    declined = shopper.buy("pay", card="decline-limit")
    registered = shopper.buy("register")

    assert shopper.refund(declined["merchant_uid"]).status_code == 400
    assert shopper.refund(registered["merchant_uid"]).status_code == 400
    assert sandbox.requests(CANCEL) == []


def test_somebody_elses_payment_cannot_be_seen_or_refunded(
    shopper: Shopper, another_shopper: Shopper, sandbox: Sandbox
) -> None:
    """404 for the page, the JSON and the refund."""
    payment = another_shopper.buy("pay")

    assert shopper.browser.get(f"/payments/{payment['merchant_uid']}").status_code == 404
    assert shopper.refund(payment["merchant_uid"]).status_code == 404
    assert sandbox.net() == 14_900


def test_a_removed_card_is_gone_at_imports_side_too(shopper: Shopper, sandbox: Sandbox) -> None:
    """Unscheduled, deleted, verified; and it cannot be charged any more."""
    card = shopper.register_card()

    assert shopper.remove_card(card["id"]).status_code == 303

    assert shopper.active_cards() == []
    assert sandbox.keys() == {card["customer_uid"]: False}
    assert shopper.charge(card["id"]).status_code in (400, 404)
    assert sandbox.net() == 0


def test_a_removal_that_is_not_answered_goes_on_with_the_next_look(shopper: Shopper, sandbox: Sandbox) -> None:
    """No new charge may start meanwhile."""
    card = shopper.register_card()
    sandbox.fault("/subscribe/customers/*", "error", times=0)

    shopper.remove_card(card["id"])
    [removing] = shopper.account()["cards"]
    assert removing["status"] == "removing"
    assert shopper.charge(card["id"]).status_code == 400

    sandbox.mend()
    shopper.account()
    assert sandbox.keys() == {card["customer_uid"]: False}


def test_a_removal_waits_for_a_charge_whose_outcome_is_unknown(shopper: Shopper, sandbox: Sandbox) -> None:
    """Only when no charge is on its way does the page say that nothing more will be charged."""
    card = shopper.register_card()
    sandbox.fault("/subscribe/payments/again", "cut_before")
    unknown = shopper.charged(card["id"])
    assert unknown["status"] == "requested"

    shopper.remove_card(card["id"])

    assert [stored["status"] for stored in shopper.account()["cards"]] == ["removing"]


def test_one_look_finds_the_charge_and_then_removes_its_card(shopper: Shopper, sandbox: Sandbox) -> None:
    """In this order, although the card was stored first: the page says at once that nothing more will be charged."""
    card = shopper.register_card()
    sandbox.fault("webhook", "drop", times=0)
    sandbox.fault("/subscribe/payments/again", "cut_after")
    sandbox.fault("/payments/*", "error", times=0)
    shopper.charged(card["id"])
    shopper.remove_card(card["id"])
    sandbox.mend()

    account = shopper.account()

    assert [payment["status"] for payment in account["payments"]] == ["paid", "paid"]
    assert [stored["status"] for stored in account["cards"]] == ["removed"]
    assert sandbox.keys() == {card["customer_uid"]: False}


def test_a_cancel_that_is_undone_while_the_money_is_on_its_way_back_is_told_to_nobody(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """A mail that nothing came back would be none; the refusal goes on."""
    sandbox.fault("/payments/cancel", "error", times=0)
    refusing = shopper.buy("pay", charge_amount=100)
    ids = {"imp_uid": refusing["imp_uid"], "merchant_uid": refusing["merchant_uid"]}
    sandbox.cancel_in_console(refusing["imp_uid"], 50)
    assert shop.webhook(ids).status_code == 200
    sandbox.undo_cancel(refusing["imp_uid"])
    assert shop.webhook(ids).status_code == 200
    sandbox.mend()

    shop.reconcile()

    payment = shopper.payment(refusing["merchant_uid"])
    assert (payment["status"], payment["net"], sandbox.net()) == ("refused", 0, 0)


def test_the_button_asks_i_mport_what_it_holds_first(shopper: Shopper, sandbox: Sandbox) -> None:
    """A part was given back in the console, and that news was lost: the rest comes back, at the first press."""
    payment = shopper.buy()
    sandbox.fault("webhook", "drop", times=0)
    sandbox.cancel_in_console(payment["imp_uid"], 1_000)

    assert shopper.refund(payment["merchant_uid"]).status_code == 303

    assert sandbox.net() == 0
    assert shopper.agrees_with_ledger()


@pytest.mark.parametrize("what", ["refused", "captured twice", "left"])
def test_what_is_owed_goes_back_although_a_part_was_cancelled_before_the_refund_arrived(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, what: str
) -> None:
    """I'mport was silent meanwhile; the words that were written down first do not fit any more."""
    kept = 0
    if what == "left":
        shopper.subscribe()
        [order] = shopper.subscription()["period"]["attempts"]
        imp_uid = shopper.payment(order)["imp_uid"]
        shop.pass_time(days=10)
        back = shopper.see(f"/account/subscriptions/{shopper.subscription()['id']}/leave")["refund_krw"]
        kept = 14_900 - back
    sandbox.fault("/payments/cancel", "cut_before", times=0)
    if what == "left":
        shopper.ask("leave", when="now", refund_krw=back)
    elif what == "refused":
        params = shopper.order("pay")
        window = sandbox.pay(params, charge_amount=20_000)
        shopper.tell(window)
        order, imp_uid = params["merchant_uid"], window["imp_uid"]
    else:
        order, kept = shopper.buy("pay")["merchant_uid"], 14_900
        again = {"pg": "jtnet", "merchant_uid": order, "amount": 14_900, "name": "again"}
        imp_uid = sandbox.pay(again, late=True)["imp_uid"]
        tell(shop, imp_uid, order)
    sandbox.cancel_in_console(imp_uid, 1_000)
    tell(shop, imp_uid, order)
    assert shopper.payment(order)["net"] == sandbox.net()
    if what != "left":
        on_its_way = f"₩{sandbox.net() - kept:,}"
        assert on_its_way in shopper.browser.get(f"/payments/{order}", headers=ENGLISH).text
    sandbox.mend()
    for _ in range(3):
        shop.pass_time(days=1)
        shop.reconcile()

    assert (sandbox.net(), shopper.payment(order)["net"]) == (kept, kept)
    assert open_items(shop.billing) == []


@pytest.mark.parametrize("own", ["paid", "refused", "given back"])
def test_a_page_says_what_of_a_second_capture_is_still_on_its_way(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, own: str
) -> None:
    """Whatever has become of the order's own payment; and no more of it when it has arrived."""
    params = shopper.order("pay")
    shopper.tell(sandbox.pay(params, **({"charge_amount": 100} if own == "refused" else {})))
    order = params["merchant_uid"]
    if own == "given back":
        shopper.refund(order)
    sandbox.fault("/payments/cancel", "cut_before", times=0)
    again = {"pg": "jtnet", "merchant_uid": order, "amount": 14_900, "name": "again"}
    tell(shop, sandbox.pay(again, late=True)["imp_uid"], order)

    page = shopper.browser.get(f"/payments/{order}", headers=ENGLISH).text
    assert "is on its way back to your card" in page
    assert "Everything that left your card has been returned" not in page
    sandbox.mend()
    shop.pass_time(minutes=2)
    shop.reconcile()
    page = shopper.browser.get(f"/payments/{order}", headers=ENGLISH).text
    assert "is on its way back" not in page
    assert ("Everything that left your card has been returned" in page) == (own == "refused")


def test_nothing_is_said_to_be_on_its_way_back_when_only_the_key_is_left(shopper: Shopper, sandbox: Sandbox) -> None:
    """Two windows of one checkout were paid; the second one's money is back, and i'mport is silent about its key."""
    one, two = (shopper.order("pay", token="one-decision") for _ in range(2))
    shopper.tell(sandbox.pay(two))
    sandbox.fault("/subscribe/customers/*", "error", times=0)
    shopper.tell(sandbox.pay(one, late=True))
    order = one["merchant_uid"]
    assert (sandbox.net(order), shopper.payment(order)["status"]) == (0, "refusing")

    page = shopper.browser.get(f"/payments/{order}", headers=ENGLISH).text
    assert "is on its way" not in page
    assert "Everything that left your card has been returned" in page


def test_a_page_does_not_say_that_a_removed_card_stays(shopper: Shopper) -> None:
    """Neither beside the button for a refund nor after it."""
    path = f"/payments/{shopper.buy()['merchant_uid']}"
    stays = "Your stored card stays"
    assert stays in shopper.browser.get(path, headers=ENGLISH).text
    shopper.remove_card(shopper.active_cards()[0]["id"])

    assert stays not in shopper.browser.get(path, headers=ENGLISH).text
    shopper.refund(path.rpartition("/")[2])
    assert stays not in shopper.browser.get(path, headers=ENGLISH).text


def test_what_a_person_has_settled_otherwise_is_not_said_to_be_on_its_way(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I'mport refuses the cancel for good; the page does not go on asking either."""

    def refuse(*_arguments: Any, **_order: Any) -> None:
        raise RejectedError("POST /payments/cancel", 1, "취소할 수 없는 결제")

    monkeypatch.setattr(Iamport, "cancel", refuse)
    params = shopper.order("pay")
    shopper.tell(sandbox.pay(params, charge_amount=700))
    path = f"/payments/{params['merchant_uid']}"
    assert "is on its way back to your card" in shopper.browser.get(path, headers=ENGLISH).text
    [item] = open_items(shop.billing)
    desk.close(shop.billing, item.id, "sent back by bank transfer")
    for _ in range(3):
        shop.pass_time(days=1)
        shop.reconcile()

    page = shopper.browser.get(path, headers=ENGLISH).text
    assert (sandbox.net(), open_items(shop.billing)) == (700, [])
    assert "₩700 could not go back to your card. We have settled it otherwise." in page
    assert "is on its way back" not in page
    assert "data-check" not in page


def test_a_charge_that_was_given_up_unread_is_not_said_to_have_taken_nothing(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, sandbox_app: Flask
) -> None:
    """I'mport holds it, and nobody can read what it says."""
    card = shopper.register_card()
    sandbox.fault("/subscribe/payments/again", "cut_after")
    sandbox.fault("/payments/findAll/*", "error")
    order = shopper.charge(card["id"]).headers["Location"].rpartition("/")[2]
    sandbox_app.extensions["sandbox"].store.write("UPDATE payment SET amount = 16900.5 WHERE merchant_uid = ?", order)
    shop.reconcile()
    [item] = open_items(shop.billing)
    desk.close(shop.billing, item.id, "i'mport's support cannot read it either")

    page = shopper.browser.get(f"/payments/{order}", headers=ENGLISH).text.replace("&#39;", "'")
    assert "If it was taken after all, it goes back." in page
    assert "Nothing left your card, as far as i'mport knows." in page


def test_a_second_press_does_not_send_a_refund_that_is_on_its_way(
    shopper: Shopper, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another thread of this process waits for i'mport's answer to it: asked twice at once, one of both is refused."""
    order = shopper.buy()["merchant_uid"]
    sandbox.fault("/payments/cancel", "cut_before")
    shopper.refund(order)
    asked = len(sandbox.requests("/payments/cancel"))
    monkeypatch.setattr(Errands, "are_about", lambda _errands, subject: subject == order)

    assert shopper.refund(order).status_code == 400

    assert len(sandbox.requests("/payments/cancel")) == asked
