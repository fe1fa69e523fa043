"""When a charge that i'mport does not know may be sent again: never while an earlier send may still be on its way."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from storefront.billing import Billing, attention
from storefront.billing.attention import Reason
from storefront.billing.catalogue import PLANS
from storefront.billing.orders import records
from storefront.billing.payments import charges
from storefront.billing.reconciling import desk, open_orders, reconciliation
from storefront.billing.sends import Send
from storefront.iamport import Iamport
from storefront.models import Card, Payment
from tests.conftest import Shop
from tests.integration.calendars import go_to_next
from tests.people import Sandbox, Shopper

AGAIN = "/subscribe/payments/again"
GRACE, TIMEOUT = 600, 30


def sends(sandbox: Sandbox) -> int:
    """How often i'mport was asked to charge."""
    return len(sandbox.requests(AGAIN))


@pytest.fixture
def unknown(shopper: Shopper, sandbox: Sandbox) -> dict[str, Any]:
    """A charge that was cut before the work."""
    card = shopper.register_card()
    sandbox.fault(AGAIN, "cut_before")
    payment = shopper.charged(card["id"])
    assert payment["status"] == "requested"
    return payment


def test_a_send_whose_process_died_may_be_on_its_way_for_as_long_as_it_would_have_waited(
    shop: Shop, sandbox: Sandbox, unknown: dict[str, Any]
) -> None:
    """Nobody wrote down its end, so the wait for an answer comes before the grace."""
    with shop.billing.database.writing() as session:
        mine = Payment.merchant_uid == unknown["merchant_uid"]
        session.execute(update(Payment).where(mine).values(send_ended_at=None))

    shop.pass_time(seconds=GRACE + TIMEOUT - 5)
    shop.reconcile()
    assert sends(sandbox) == 1

    shop.pass_time(seconds=5)
    shop.reconcile()
    assert sends(sandbox) == 2
    assert sandbox.net() == 16_900


def test_the_grace_of_a_second_send_is_its_own(
    shop: Shop, sandbox: Sandbox, unknown: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process died in it; that the first one ended long ago says nothing."""
    shop.pass_time(seconds=GRACE + 1)

    def died(*_arguments: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr(charges, "send", died)
        with pytest.raises(SystemExit):
            shop.reconcile()
    shop.reconcile()
    shop.pass_time(seconds=GRACE + TIMEOUT - 5)
    shop.reconcile()
    assert sends(sandbox) == 1

    shop.pass_time(seconds=10)
    shop.reconcile()
    assert sends(sandbox) == 2
    assert sandbox.net(unknown["merchant_uid"]) == 16_900


def written_down(shop: Shop, card: dict[str, Any]) -> Send:
    """A charge as a button leaves it, whose sender falls asleep."""
    with shop.billing.database.writing() as session:
        shopper_id = session.get_one(Card, card["id"]).shopper_id
        payer = charges.claim_card(session, shopper_id, card["id"])
        return charges.open_charge(session, payer, PLANS[0], PLANS[0].price_krw, "asleep", shop.billing.clock.now())


def test_a_sender_that_slept_for_days_sends_nothing(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """What reconcile would not send any more is not sent by whoever was to send it first either."""
    charge = written_down(shop, shopper.register_card())
    shop.pass_time(days=3)

    charges.send_in_time(shop.billing, charge)

    assert sends(sandbox) == 0
    shop.reconcile()
    assert shopper.payment(charge.merchant_uid)["status"] == "failed"


def test_a_sender_that_slept_until_its_period_was_over_sends_nothing(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be captured, and sent back."""
    shopper.subscribe(mode="register")
    go_to_next(shop, shopper)
    asleep: list[Send] = []
    with monkeypatch.context() as sleeping:
        sleeping.setattr(charges, "send_in_time", lambda _billing, charge: asleep.append(charge))
        shop.renew()
    shop.pass_time(days=40)

    charges.send_in_time(shop.billing, asleep[0])

    assert (sends(sandbox), sandbox.ledger()["captured"]) == (0, 0)


def test_a_sender_that_slept_until_its_order_was_given_up_sends_nothing(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """By a person, within the minute in which it woke up; its shopper has been told."""
    charge = written_down(shop, shopper.register_card())
    shop.pass_time(seconds=5)
    records.call_person(shop.billing, charge.merchant_uid, Reason.CONTRADICTION, {})
    [item] = attention.open_items(shop.billing)
    desk.close(shop.billing, item.id, "nobody ordered this")
    assert shopper.payment(charge.merchant_uid)["status"] == "failed"

    charges.send_in_time(shop.billing, charge)

    assert sends(sandbox) == 0


def test_a_sender_that_slept_while_reconcile_sent_it_sends_nothing(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """That send may be on its way."""
    charge = written_down(shop, shopper.register_card())
    shop.pass_time(minutes=12)
    sandbox.fault(AGAIN, "cut_before")
    shop.reconcile()
    assert sends(sandbox) == 1
    shop.pass_time(seconds=5)

    charges.send_in_time(shop.billing, charge)

    assert sends(sandbox) == 1


def test_a_list_with_another_orders_payment_is_no_proof_that_nothing_was_captured(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is looked at while the charge could be sent again, or when it would be given up."""
    card, theirs = shopper.register_card(), shopper.buy("pay")
    another = shop.billing.gateway.payment(theirs["imp_uid"])
    honest = Iamport.payments_of
    sandbox.fault("webhook", "drop", times=0)
    sandbox.fault(AGAIN, "cut_after")
    with monkeypatch.context() as mixing:
        mixing.setattr(Iamport, "payments_of", lambda gateway, order: [*honest(gateway, order), another])
        charge = shopper.charged(card["id"])["merchant_uid"]
        for hours in (1, 25):
            shop.pass_time(hours=hours)
            reconciliation.reconcile(shop.billing, sweep=False)
            assert (sends(sandbox), shopper.payment(charge)["status"]) == (1, "requested")
    sandbox.mend()
    shop.reconcile()

    assert shopper.payment(charge)["status"] == "paid"
    assert shopper.agrees_with_ledger()


def test_the_reply_of_a_charge_that_names_another_order_is_not_believed(
    shop: Shop, shopper: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it enters the books; the order is looked up, and i'mport does not know it."""
    card, theirs = shopper.register_card(), shopper.buy("pay", "noon")
    known = shop.billing.gateway.payment(theirs["imp_uid"])
    assert known is not None
    mixed_up = replace(known, imp_uid="imp_of_another_shop", merchant_uid="another_shops", customer_uid=None)
    monkeypatch.setattr(Iamport, "charge_again", lambda _gateway, **_charge: mixed_up)

    charge = shopper.charged(card["id"])

    assert (charge["status"], charge["imp_uid"], charge["net"]) == ("requested", None, 0)


def test_a_charge_whose_card_is_removed_between_the_look_and_the_send_is_not_sent_again(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, unknown: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim looks once more, under its lock."""
    grace_ends = open_orders._grace_ends

    def remove_first(billing: Billing, row: Payment) -> datetime:
        with billing.database.writing() as session:
            session.execute(update(Card).where(Card.id == row.card_id).values(status="removing"))
        return grace_ends(billing, row)

    monkeypatch.setattr(open_orders, "_grace_ends", remove_first)
    shop.pass_time(seconds=GRACE + TIMEOUT)

    shop.reconcile()

    assert (sends(sandbox), sandbox.net()) == (1, 0)
    assert shopper.payment(unknown["merchant_uid"])["status"] == "failed"


def test_the_day_of_a_charge_counts_from_its_first_send_whatever_a_clock_wrote_since(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, unknown: dict[str, Any]
) -> None:
    """A second send was written down by a machine that was days ahead; the day does not begin anew for that."""
    with shop.billing.database.writing() as session:
        mine = Payment.merchant_uid == unknown["merchant_uid"]
        ahead = shop.clock.now() + timedelta(days=3)
        session.execute(update(Payment).where(mine).values(sent_at=ahead, send_ended_at=ahead))
    sandbox.fault(AGAIN, "cut_before", times=0)
    shop.pass_time(hours=2)
    shop.reconcile()
    assert shopper.payment(unknown["merchant_uid"])["status"] == "requested"

    shop.pass_time(hours=22, minutes=30)
    shop.reconcile()

    assert shopper.payment(unknown["merchant_uid"])["status"] == "failed"
