"""Refunds and card removal."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from storefront import iamport
from storefront.billing.errands import PLACES, Errands
from storefront.billing.reconciling import reconciliation
from storefront.iamport import Iamport
from tests.conftest import Shop
from tests.people import Sandbox, Shopper

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
    sandbox.fault(f"/payments/{payment['imp_uid']}", "error")

    shopper.refund(payment["merchant_uid"])
    after = shopper.payment(payment["merchant_uid"])

    events = [event["event"] for event in after["events"]]
    begun = events.index("refund_asked")
    assert events[begun : begun + 4] == ["refund_asked", "cancel_sent", "cancel_refused", "unanswered"]
    assert (after["status"], after["net"]) == ("cancelled", 0)
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
