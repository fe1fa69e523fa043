"""News that comes late or contradicts what was known: each has a decided end, the same whoever brings it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from storefront.clock import Clock
from storefront.config import Settings
from storefront.models import Event, Payment
from storefront.sandbox import SandboxSettings, create_sandbox
from tests.conftest import Shop, shop_beside
from tests.integration.calendars import go_to_next
from tests.integration.news import facts, tell
from tests.people import Sandbox, Shopper
from tests.wsgi import SANDBOX_URL, session_for


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


def test_what_goes_back_is_written_down_with_its_sum_and_once_however_often_it_is_told(
    shop: Shop, shopper: Shopper
) -> None:
    """The timeline is what a person has, who is asked about money that came and went."""
    params = shopper.order("pay")
    shopper.tell(shop.sandbox.pay(params))
    extra = shop.sandbox.pay(params, late=True)
    for _ in range(3):
        tell(shop, extra["imp_uid"], params["merchant_uid"])
    refused, declined = shopper.buy("pay", charge_amount=1), shopper.buy("pay", card="decline-limit")

    for event in ("extra_capture", "cancelled"):
        [told] = details(shop, params["merchant_uid"], event)
        assert (told["imp_uid"], told.get("amount", told.get("cancelled"))) == (extra["imp_uid"], 14_900)
    assert details(shop, params["merchant_uid"], "refund_asked") == [{"amount": 14_900, "reason": "extra"}]
    assert details(shop, params["merchant_uid"], "refund_done") == [{"amount": 14_900}]
    wrong = [{"reason": "amount", "ordered": 14_900, "captured": 1}]
    assert details(shop, refused["merchant_uid"], "refused") == wrong
    assert details(shop, refused["merchant_uid"], "refund_asked") == [{"amount": 1, "reason": "refused"}]
    why = [{"reason": declined["fail_reason"], "imp_uid": declined["imp_uid"]}]
    assert details(shop, declined["merchant_uid"], "declined") == why
    for stored in (params, shopper.buy("register")):
        assert details(shop, stored["merchant_uid"], "key_issued") == [{"card": "42424242****4242"}]
    assert shop.sandbox.net() == 14_900


def details(shop: Shop, merchant_uid: str, name: str) -> list[dict[str, Any]]:
    """What an order's timeline says of each event of that name."""
    query = select(Event.detail).join(Payment, Payment.id == Event.payment_id).order_by(Event.id)
    with shop.billing.database.reading() as session:
        return list(session.scalars(query.where(Payment.merchant_uid == merchant_uid, Event.event == name)))


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
    monkeypatch.setattr(gateway, "payments_of", lambda _merchant_uid: [contradicting(paid["imp_uid"])])
    tell(shop, paid["imp_uid"], paid["merchant_uid"])

    assert facts(shopper, paid["merchant_uid"]) == ("paid", True, 14_900)
    assert paid["merchant_uid"] in shop.reconcile().needs_person[0]

    monkeypatch.setattr(gateway, "payment", real)
    tell(shop, paid["imp_uid"], paid["merchant_uid"])

    assert shop.reconcile().needs_person == [], "i'mport agrees again, so nobody has to look"


def test_a_reason_that_no_column_holds_is_cut(settings: Settings, clock: Clock) -> None:
    """The order has failed, its page is there, and nobody else's order waits for it."""
    app = create_sandbox(SandboxSettings(background=False, decline_reason="한도초과 " * 200))
    sandbox = Sandbox(session_for(app), SANDBOX_URL)
    with shop_beside(settings, app, sandbox, clock) as shop:
        unlucky, lucky = (Shopper(shop.browser(), sandbox).sign_up() for _ in range(2))
        declined, paid = unlucky.order("pay"), lucky.order("pay")
        sandbox.pay(declined, "decline-limit", outcome="lose_callback")
        sandbox.pay(paid, outcome="lose_callback")

        shop.reconcile()

        assert facts(unlucky, declined["merchant_uid"]) == ("failed", False, 0)
        assert unlucky.browser.get("/account").status_code == 200
        assert facts(lucky, paid["merchant_uid"]) == ("paid", True, sandbox.net())
    app.extensions["sandbox"].close()


def test_every_capture_of_an_order_is_looked_at_at_once(shopper: Shopper, sandbox: Sandbox) -> None:
    """Two windows of one order were paid and no message came: the page keeps one payment and returns the other."""
    params = shopper.order("pay")
    sandbox.fault("webhook", "drop", times=0)
    for late in (False, True):
        sandbox.pay(params, outcome="lose_callback", late=late)
    assert sandbox.net() == 2 * 14_900

    assert facts(shopper, params["merchant_uid"]) == ("paid", True, 14_900)
    assert sandbox.net() == 14_900


@pytest.mark.parametrize("is_written", [True, False])
def test_time_decides_whether_a_late_approval_is_wanted_not_whether_somebody_has_written_the_end(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, is_written: bool
) -> None:
    """Declined, owed for eleven days and so given up; no worker and nobody else has looked since, or somebody has."""
    shopper.subscribe()
    shopper.ask("card", card=shopper.register_card("decline-later")["id"])
    go_to_next(shop, shopper)
    shop.renew()
    [attempt] = shopper.subscription()["period"]["attempts"]
    assert shopper.payment(attempt)["status"] == "failed"
    imp_uid = shopper.payment(attempt)["imp_uid"]
    shop.pass_time(days=11)
    if is_written:
        assert shopper.subscription()["status"] == "ended"
    sandbox.approve_late(imp_uid)

    tell(shop, imp_uid, attempt)

    assert facts(shopper, attempt) == ("refused", True, 0)
    assert (sandbox.net(), shopper.subscription()["reason"]) == (14_900, "unpaid")
