"""Charging a stored card again from the account page: one press, one charge, whatever happens on the way."""

from __future__ import annotations

import pytest

from tests.people import Sandbox, Shopper

AGAIN = "/subscribe/payments/again"


def test_another_bag_is_charged_with_the_stored_key(shopper: Shopper, sandbox: Sandbox) -> None:
    """A new order number, the catalogue's price, the same key."""
    card = shopper.register_card()

    payment = shopper.charged(card["id"], "noon")

    assert (payment["purpose"], payment["status"], payment["net"]) == ("extra", "paid", 16_900)
    [captured] = sandbox.ledger(payment["merchant_uid"])["payments"]
    assert (captured["customer_uid"], captured["amount"]) == (card["customer_uid"], 16_900)


def test_the_charge_carries_the_order_and_the_buyer(shopper: Shopper, sandbox: Sandbox) -> None:
    """customer_uid, merchant_uid, amount, name and the buyer's fields go to i'mport."""
    card = shopper.register_card()
    payment = shopper.charged(card["id"], "noon")

    [call] = sandbox.requests(AGAIN)

    for expected in (card["customer_uid"], payment["merchant_uid"], "16900", "achim@example.com", "010-1234-5678"):
        assert expected in str(call["body"])


def test_two_clicks_of_one_button_are_one_charge(shopper: Shopper, sandbox: Sandbox) -> None:
    """The same token leads to the same payment and is sent once."""
    card = shopper.register_card()

    first = shopper.charged(card["id"], token="one-press")
    second = shopper.charged(card["id"], token="one-press")

    assert first["merchant_uid"] == second["merchant_uid"]
    assert len(sandbox.requests(AGAIN)) == 1
    assert sandbox.net() == 16_900


def test_a_charge_makes_one_request_and_no_second_look(shopper: Shopper, sandbox: Sandbox) -> None:
    """The reply of `again` is i'mport's own answer."""
    card = shopper.register_card()
    shopper.charged(card["id"])
    before = len(sandbox.requests())

    shopper.charge(card["id"])

    assert [call["path"] for call in sandbox.requests()[before:]] == [AGAIN]


def test_a_charge_whose_webhook_is_faster_than_its_reply_is_in_the_timeline(shopper: Shopper, sandbox: Sandbox) -> None:
    """Both the request and its answer are told, although the webhook has settled the order before."""
    card = shopper.register_card()
    sandbox.fault("webhook", "first")

    payment = shopper.charged(card["id"])

    events = [event["event"] for event in payment["events"]]
    assert {"webhook", "charge_sent", "charge_answered"} <= set(events)
    assert events.index("charge_sent") < events.index("webhook")
    assert (payment["status"], payment["net"]) == ("paid", sandbox.net(payment["merchant_uid"]))


def test_a_decline_shows_its_reason_and_keeps_the_card(shopper: Shopper, sandbox: Sandbox) -> None:
    """A declined repeat charge leaves the key alone."""
    card = shopper.register_card("decline-later")

    payment = shopper.charged(card["id"])

    assert (payment["status"], payment["net"]) == ("failed", 0)
    assert payment["fail_reason"]
    assert sandbox.net() == 0
    assert sandbox.keys()[card["customer_uid"]]
    assert [stored["id"] for stored in shopper.active_cards()] == [card["id"]]


def test_a_card_good_for_two_captures_declines_the_third(shopper: Shopper, sandbox: Sandbox) -> None:
    """The first bag counts as the first capture of the key."""
    shopper.buy("pay", card="approve-2")
    [card] = shopper.active_cards()

    assert [shopper.charged(card["id"])["status"] for _ in range(2)] == ["paid", "failed"]
    assert sandbox.net() == 14_900 + 16_900


@pytest.mark.parametrize("kind", ["cut_after", "error_after", "garbage"])
def test_an_answer_lost_after_the_work_ends_paid_exactly_once(shopper: Shopper, sandbox: Sandbox, kind: str) -> None:
    """The charge stays `requested` until i'mport is found to have captured it, and is not sent again."""
    card = shopper.register_card()
    sandbox.fault(AGAIN, kind)

    reply = shopper.charge(card["id"], token="unlucky")
    payment = shopper.charged(card["id"], token="unlucky")

    assert reply.status_code == 303
    assert (payment["status"], payment["net"]) == ("paid", 16_900)
    assert sandbox.net(payment["merchant_uid"]) == 16_900
    assert len(sandbox.requests(AGAIN)) == 1


@pytest.mark.parametrize("kind", ["cut_before", "error"])
def test_a_charge_lost_before_the_work_stays_unknown(shopper: Shopper, sandbox: Sandbox, kind: str) -> None:
    """Opening a page never sends it again: only reconcile may, after its grace time."""
    card = shopper.register_card()
    sandbox.fault(AGAIN, kind)

    payment = shopper.charged(card["id"])
    again = shopper.payment(payment["merchant_uid"])

    assert (payment["status"], again["status"], again["net"]) == ("requested", "requested", 0)
    assert sandbox.net() == 0
    assert len(sandbox.requests(AGAIN)) == 1


def test_a_lost_token_is_renewed_and_the_charge_goes_through_once(shopper: Shopper, sandbox: Sandbox) -> None:
    """A 401 comes before the work, so one replay with a fresh token is safe."""
    card = shopper.register_card()
    sandbox.fault(AGAIN, "unauthorized")

    payment = shopper.charged(card["id"])

    assert payment["status"] == "paid"
    assert sandbox.net() == 16_900


def test_a_rejected_charge_fails_only_after_nothing_was_found(shopper: Shopper, sandbox: Sandbox) -> None:
    """A key that i'mport no longer knows is a rejection; the look-up comes before the verdict."""
    card = shopper.register_card()
    sandbox.call("DELETE", f"/subscribe/customers/{card['customer_uid']}")

    payment = shopper.charged(card["id"])

    assert (payment["status"], payment["net"]) == ("failed", 0)
    assert sandbox.requests()[-1]["path"].startswith("/payments/findAll/")


def test_a_charge_needs_a_card_a_plan_and_a_token(shopper: Shopper, sandbox: Sandbox) -> None:
    """Bad input is a 400, and nothing is sent."""
    card = shopper.register_card()

    assert shopper.charge(card["id"], plan="midnight").status_code == 400
    assert shopper.charge("all", plan="noon").status_code == 400
    assert shopper.charge(card["id"], token="no spaces, please").status_code == 400
    assert shopper.charge(10**6).status_code == 404
    assert sandbox.net() == 0


def test_somebody_elses_card_does_not_exist(shopper: Shopper, another_shopper: Shopper, sandbox: Sandbox) -> None:
    """404, whether it exists or not, and no charge."""
    card = another_shopper.register_card()

    assert shopper.charge(card["id"]).status_code == 404
    assert shopper.remove_card(card["id"]).status_code == 404
    assert sandbox.net() == 0
    assert sandbox.keys()[card["customer_uid"]]
