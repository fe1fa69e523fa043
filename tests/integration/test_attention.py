"""The list of what needs a person: what is on it, until when, and the ways out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest
from flask import Flask
from sqlalchemy import select

from storefront.billing import attention
from storefront.billing.attention import Reason
from storefront.billing.orders import records
from storefront.billing.orders.records import StaleAnswerError
from storefront.billing.reconciling import desk, open_orders
from storefront.billing.reconciling.report import Report
from storefront.billing.subscriptions.standing import MovedOnError
from storefront.iamport import RejectedError, SilenceError
from storefront.models import Attention, Refund
from storefront.states import RefundStatus
from tests.conftest import Shop
from tests.integration.news import facts, tell
from tests.people import ENGLISH, Sandbox, Shopper

AGAIN = "/subscribe/payments/again"


def needed(shop: Shop) -> list[tuple[str, str]]:
    """What needs a person: reason and subject."""
    return [(item.reason, item.subject) for item in attention.open_items(shop.billing)]


def the_item(shop: Shop) -> int:
    """The number of the only thing that needs a person."""
    [item] = attention.open_items(shop.billing)
    return item.id


def spoil(sandbox_app: Flask, imp_uid: str, **fields: Any) -> None:
    """I'mport says something of a payment that it does not describe."""
    books = sandbox_app.extensions["sandbox"].store
    for field, value in fields.items():
        books.write(f"UPDATE payment SET {field} = ? WHERE imp_uid = ?", value, imp_uid)  # noqa: S608


def events(shopper: Shopper, merchant_uid: str) -> list[str]:
    """The names in an order's timeline."""
    return [event["event"] for event in shopper.payment(merchant_uid)["events"]]


def rejected_resend(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> dict[str, Any]:
    """A charge whose first send was cut and whose second one was rejected: its key had gone."""
    card = shopper.register_card()
    sandbox.fault(AGAIN, "cut_before")
    payment = shopper.charged(card["id"])
    sandbox.call("DELETE", f"/subscribe/customers/{card['customer_uid']}")
    shop.pass_time(seconds=700)
    shop.reconcile()
    assert needed(shop) == [("rejected_resend", payment["merchant_uid"])]
    return payment


def failed_refund(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> dict[str, Any]:
    """A refund that i'mport refuses: somebody had cancelled a part of the payment meanwhile."""
    paid = shopper.buy("pay")
    sandbox.fault("/payments/cancel", "error", times=0)
    shopper.refund(paid["merchant_uid"])
    sandbox.cancel_in_console(paid["imp_uid"], 4_900)
    sandbox.mend()
    shop.reconcile()
    assert needed(shop) == [("refund_failed", paid["merchant_uid"])]
    return paid


def test_an_order_can_need_a_person_for_several_reasons_at_once(shop: Shop) -> None:
    """Each once, since it was first noticed, and each ends by itself."""
    with shop.billing.database.writing() as session:
        now = shop.clock.now()
        for reason in (Reason.CONTRADICTION, Reason.REFUND_FAILED, Reason.CONTRADICTION):
            attention.call(session, reason, "mr_1", now)
    assert needed(shop) == [("contradiction", "mr_1"), ("refund_failed", "mr_1")]

    with shop.billing.database.writing() as session:
        attention.call_off(session, "mr_1", shop.clock.now(), Reason.CONTRADICTION)

    assert needed(shop) == [("refund_failed", "mr_1")]


def test_what_a_person_has_closed_is_not_opened_by_the_same_news(shop: Shop) -> None:
    """By other news it is; and what was over by itself is opened by any."""
    database, now = shop.billing.database, shop.clock.now()

    def call(**detail: object) -> bool:
        with database.writing() as session:
            return attention.call(session, Reason.STRAY, "imp_1", now, **detail)

    def close(why: str | None) -> None:
        with database.writing() as session:
            item = session.get_one(Attention, the_item(shop))
            item.closed_at, item.closed_why = now, why

    assert [call(amount=1), call(amount=1), call(amount=2)] == [True, False, False]
    close("our other shop's")
    assert [call(amount=1), call(amount=2)] == [False, True]
    close(None)
    assert call(amount=2)


def test_reconcile_names_what_needs_a_person_every_time(shop: Shop, sandbox: Sandbox) -> None:
    """Nothing is ever marked as told, so a report that nobody got loses nothing."""
    stray = sandbox.pay({"pg": "jtnet", "merchant_uid": "nobodys", "amount": 700, "name": "tea"})
    tell(shop, stray["imp_uid"], "nobodys")

    reports = [shop.reconcile().needs_person for _ in range(3)]

    assert reports[0] == reports[1] == reports[2]
    assert stray["imp_uid"] in reports[0][0]


def test_a_stray_is_closed_with_a_reason_and_stays_closed(shop: Shop, sandbox: Sandbox) -> None:
    """Its money is another shop's, and nobody touches it."""
    stray = sandbox.pay({"pg": "jtnet", "merchant_uid": "nobodys", "amount": 700, "name": "tea"})
    tell(shop, stray["imp_uid"], "nobodys")

    closed = desk.close(shop.billing, the_item(shop), "our other shop's")

    assert closed.closed_why == "our other shop's"
    assert shop.reconcile().needs_person == []
    assert sandbox.net() == 700


def test_a_stray_of_which_a_part_was_given_back_stays_on_the_list(shop: Shop, sandbox: Sandbox) -> None:
    """The rest is still held, and nobody's."""
    stray = sandbox.pay({"pg": "jtnet", "merchant_uid": "nobodys", "amount": 700, "name": "tea"})
    tell(shop, stray["imp_uid"], "nobodys")
    sandbox.fault("webhook", "drop", times=0)
    sandbox.cancel_in_console(stray["imp_uid"], 100)

    shop.reconcile()

    assert needed(shop) == [("stray", stray["imp_uid"])]


def test_a_strangers_card_that_was_registered_for_nothing_stays_on_the_list(shop: Shop, sandbox: Sandbox) -> None:
    """It never held a won, so that it holds none now says nothing: its key is still there."""
    stray = sandbox.pay(
        {"pg": "jtnet", "merchant_uid": "nobodys", "amount": 0, "name": "tea", "customer_uid": "nobodys"}
    )
    tell(shop, stray["imp_uid"], "nobodys")
    before = needed(shop)

    shop.reconcile()

    assert before == needed(shop) == [("stray", stray["imp_uid"])]


def test_a_stray_that_was_given_back_is_over_by_itself(shop: Shop, sandbox: Sandbox) -> None:
    """Somebody cancelled it in the console; no webhook said so."""
    stray = sandbox.pay({"pg": "jtnet", "merchant_uid": "nobodys", "amount": 700, "name": "tea"})
    tell(shop, stray["imp_uid"], "nobodys")
    sandbox.fault("webhook", "drop", times=0)
    sandbox.cancel_in_console(stray["imp_uid"])

    assert shop.reconcile().needs_person == []


def test_closing_a_rejected_second_send_lets_the_card_go(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """The charge is given up, with the person's reason in its timeline, and the removal is confirmed."""
    payment = rejected_resend(shop, shopper, sandbox)
    [card] = shopper.account()["cards"]
    shopper.remove_card(card["id"])
    assert shopper.account()["cards"][0]["status"] == "removing"

    desk.close(shop.billing, the_item(shop), "nothing in the console")

    assert facts(shopper, payment["merchant_uid"]) == ("failed", False, 0)
    assert shopper.account()["cards"][0]["status"] == "removed"
    said = shopper.payment(payment["merchant_uid"])["events"]
    assert [event["event"] for event in said][-2:] == ["attention_closed", "given_up"]
    assert needed(shop) == []
    assert shop.reconcile().undecided == []


def test_what_is_captured_after_a_charge_was_given_up_by_a_person_goes_back(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """The first send arrived after all."""
    payment = rejected_resend(shop, shopper, sandbox)
    desk.close(shop.billing, the_item(shop), "nothing in the console")
    sandbox.issue_key(payment["customer_uid"])
    order = {"customer_uid": payment["customer_uid"], "merchant_uid": payment["merchant_uid"]}
    assert sandbox.call("POST", AGAIN, amount=16_900, name="late", **order)["response"]["status"] == "paid"

    shop.reconcile()

    assert facts(shopper, payment["merchant_uid"]) == ("refused", True, 0)
    assert sandbox.net() == 0


def test_a_rejected_second_send_that_was_captured_is_found_when_a_person_closes_it(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """I'mport is asked before the person is believed."""
    payment = rejected_resend(shop, shopper, sandbox)
    sandbox.issue_key(payment["customer_uid"])
    order = {"customer_uid": payment["customer_uid"], "merchant_uid": payment["merchant_uid"]}
    sandbox.fault("webhook", "drop", times=0)
    sandbox.call("POST", AGAIN, amount=16_900, name="late", **order)

    closed = desk.close(shop.billing, the_item(shop), "nothing in the console")

    assert closed.closed_why is None
    assert facts(shopper, payment["merchant_uid"]) == ("paid", True, 16_900)


@pytest.mark.parametrize(
    ("number", "outcome", "net"), [("4242424242424242", "paid", 16_900), ("4000000000000341", "failed", 0)]
)
def test_a_rejected_second_send_is_over_when_its_outcome_is_known(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, number: str, outcome: str, net: int
) -> None:
    """The first send arrived after all: captured or declined, nobody has to look any more."""
    payment = rejected_resend(shop, shopper, sandbox)
    sandbox.issue_key(payment["customer_uid"], number)
    order = {"customer_uid": payment["customer_uid"], "merchant_uid": payment["merchant_uid"]}
    sandbox.fault("webhook", "drop", times=0)
    sandbox.call("POST", AGAIN, amount=16_900, name="late", **order)

    shop.reconcile()

    assert facts(shopper, payment["merchant_uid"])[0] == outcome
    assert needed(shop) == []
    assert sandbox.net() == net


def test_a_rejected_second_send_that_was_written_down_too_late_is_over_at_the_next_look(
    shop: Shop, shopper: Shopper
) -> None:
    """Whoever wrote it down and whoever wrote the payment did not see each other: the order is paid, and nobody has to look."""
    paid = shopper.buy("pay")
    records.call_person(shop.billing, paid["merchant_uid"], Reason.REJECTED_RESEND, {})

    tell(shop, paid["imp_uid"], paid["merchant_uid"])

    assert needed(shop) == []


def test_nothing_is_closed_while_imports_is_silent(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """Nobody knows whether it is over."""
    payment = rejected_resend(shop, shopper, sandbox)
    sandbox.fault("/payments/*", "error", times=0)

    with pytest.raises(SilenceError):
        desk.close(shop.billing, the_item(shop), "I do not want to wait")

    assert needed(shop) == [("rejected_resend", payment["merchant_uid"])]
    assert facts(shopper, payment["merchant_uid"])[0] == "requested"


def test_an_item_that_is_not_open_is_not_closed(shop: Shop) -> None:
    """Nor is one that never was."""
    with pytest.raises(desk.NotOpenError):
        desk.close(shop.billing, 1, "why not")


@pytest.mark.parametrize("webhook", ["arrives", "is lost"])
def test_a_refused_refund_is_over_once_the_console_has_given_the_rest_back(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, webhook: str
) -> None:
    """Found by asking i'mport, whoever did it."""
    paid = failed_refund(shop, shopper, sandbox)
    sandbox.fault("webhook", "drop", times=0)
    sandbox.cancel_in_console(paid["imp_uid"])
    if webhook == "arrives":
        tell(shop, paid["imp_uid"], paid["merchant_uid"])
        assert needed(shop) == []

    assert shop.reconcile().needs_person == []

    assert facts(shopper, paid["merchant_uid"]) == ("cancelled", True, 0)
    assert "refund_done" in events(shopper, paid["merchant_uid"])


def test_a_refused_refund_that_is_not_given_back_stays_on_the_list(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """A part of the money is not all of it."""
    paid = failed_refund(shop, shopper, sandbox)
    sandbox.cancel_in_console(paid["imp_uid"], 1_000)
    shop.deliver_webhooks()

    shop.reconcile()

    assert needed(shop) == [("refund_failed", paid["merchant_uid"])]


def test_a_refused_refund_of_one_payment_is_not_over_because_another_one_came_back(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """The order's own payment is still held while its second capture goes back."""
    paid = failed_refund(shop, shopper, sandbox)
    order = {"pg": "jtnet", "merchant_uid": paid["merchant_uid"], "amount": 14_900, "name": "again"}
    extra = sandbox.pay(order, late=True)

    tell(shop, extra["imp_uid"], paid["merchant_uid"])

    assert sandbox.net(paid["merchant_uid"]) == 10_000
    assert needed(shop) == [("refund_failed", paid["merchant_uid"])]


def test_whose_refund_was_refused_reads_that_somebody_looks_at_it(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Until it came back, or a person has said how it was settled."""
    paid = failed_refund(shop, shopper, sandbox)
    path, words = f"/payments/{paid['merchant_uid']}", "mport has refused to give ₩14,900 back."
    assert words in shopper.browser.get(path, headers=ENGLISH).text

    desk.close(shop.billing, the_item(shop), "by bank transfer")

    assert words not in shopper.browser.get(path, headers=ENGLISH).text


def test_a_shoppers_refused_refund_is_not_asked_again_by_itself(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """What was cancelled meanwhile may have been what the shopper wanted: they decide, or a person does."""
    paid = failed_refund(shop, shopper, sandbox)
    asked = len(sandbox.requests("/payments/cancel"))

    shop.pass_time(hours=2)
    assert shop.reconcile().looked_at == []

    assert len(sandbox.requests("/payments/cancel")) == asked
    assert facts(shopper, paid["merchant_uid"]) == ("cancelled", True, 10_000)


def test_a_shoppers_refused_refund_is_not_asked_again_because_another_one_is(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """The order is looked at for the sake of its second capture, which goes back; its own payment stays."""
    paid = failed_refund(shop, shopper, sandbox)
    order = {"pg": "jtnet", "merchant_uid": paid["merchant_uid"], "amount": 14_900, "name": "again"}
    sandbox.fault("/payments/cancel", "error", times=0)
    extra = sandbox.pay(order, late=True)
    tell(shop, extra["imp_uid"], paid["merchant_uid"])
    sandbox.mend()

    report = Report()
    open_orders.finish_all(shop.billing, report, only_due=False)

    assert report.looked_at == [paid["merchant_uid"]]

    assert sandbox.net(paid["merchant_uid"]) == 10_000
    assert needed(shop) == [("refund_failed", paid["merchant_uid"])]
    assert events(shopper, paid["merchant_uid"]).count("refund_failed") == 1


def test_an_order_whose_payment_cannot_be_read_stays_on_the_list_until_it_can(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, sandbox_app: Flask
) -> None:
    """Long after the sweep's window has passed it by."""
    params = shopper.order("pay")
    result = sandbox.pay(params, outcome="lose_callback")
    spoil(sandbox_app, result["imp_uid"], amount=14_900.5)
    shop.reconcile()
    shop.pass_time(days=3)
    shop.reconcile()
    assert needed(shop) == [("unreadable", params["merchant_uid"])]

    spoil(sandbox_app, result["imp_uid"], amount=14_900)
    shop.pass_time(days=3)

    assert shop.reconcile().needs_person == []
    assert facts(shopper, params["merchant_uid"]) == ("paid", True, 14_900)


@pytest.mark.parametrize("field", [{"amount": 14_900.5}, {"currency": ""}])
def test_a_page_that_reads_the_unreadable_calls_for_a_person(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, sandbox_app: Flask, field: dict[str, Any]
) -> None:
    """Whatever it is that cannot be read; the page itself shows what is known."""
    params = shopper.order("pay")
    result = sandbox.pay(params, outcome="lose_callback")
    spoil(sandbox_app, result["imp_uid"], **field)

    assert facts(shopper, params["merchant_uid"]) == ("ready", False, 0)
    assert needed(shop) == [("unreadable", params["merchant_uid"])]


def test_a_strangers_message_about_an_unreadable_payment_marks_no_order(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, sandbox_app: Flask
) -> None:
    """It pairs an order of ours with another shop's payment."""
    params = shopper.order("pay")
    stray = sandbox.pay({"pg": "jtnet", "merchant_uid": "in_dollars", "amount": 12, "name": "tea"})
    spoil(sandbox_app, stray["imp_uid"], amount=12.5)

    shop.webhook({"imp_uid": stray["imp_uid"], "merchant_uid": params["merchant_uid"]})

    assert needed(shop) == []


def test_another_shops_unreadable_payment_is_closed_by_a_person_and_stays_closed(
    shop: Shop, sandbox: Sandbox, sandbox_app: Flask
) -> None:
    """The sweep meets it again for an hour, with the same news."""
    stray = sandbox.pay({"pg": "jtnet", "merchant_uid": "in_dollars", "amount": 12, "name": "tea"})
    spoil(sandbox_app, stray["imp_uid"], amount=12.5)
    shop.reconcile()
    assert needed(shop) == [("unreadable", stray["imp_uid"])]

    desk.close(shop.billing, the_item(shop), "our shop in dollars")

    assert shop.reconcile().needs_person == []


def test_closing_an_unreadable_charge_gives_it_up(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, sandbox_app: Flask
) -> None:
    """Otherwise its card could never be removed; what turns out to be captured goes back."""
    card = shopper.register_card()
    sandbox.fault(AGAIN, "cut_after")
    sandbox.fault("webhook", "drop", times=0)
    sandbox.fault("/payments/findAll/*", "error")
    charge = shopper.charge(card["id"])
    merchant_uid = charge.headers["Location"].rpartition("/")[2]
    [captured] = sandbox.ledger(merchant_uid)["payments"]
    spoil(sandbox_app, captured["imp_uid"], currency="")
    shop.reconcile()

    desk.close(shop.billing, the_item(shop), "the console says nothing either")
    assert facts(shopper, merchant_uid) == ("failed", False, 0)

    spoil(sandbox_app, captured["imp_uid"], currency="KRW")
    shop.reconcile()
    assert facts(shopper, merchant_uid) == ("refused", True, 0)
    assert sandbox.net() == 0


def forget(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """I'mport knows no payment any more, until it is called back."""
    gateway = shop.billing.gateway
    monkeypatch.setattr(gateway, "payment", lambda _imp_uid: None)
    monkeypatch.setattr(gateway, "payments_of", lambda _merchant_uid: [])

    def remember() -> None:
        monkeypatch.undo()

    return remember


def test_a_refund_of_a_payment_that_imports_no_longer_knows_goes_to_a_person(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits; when i'mport knows the payment again it is sent, and nobody has to look any more."""
    paid = shopper.buy("pay")
    sandbox.fault("/payments/cancel", "cut_before", times=0)
    shopper.refund(paid["merchant_uid"])
    sandbox.mend()
    remember = forget(shop, monkeypatch)
    books_say_unknown = {"code": 1, "message": "존재하지 않는 결제정보입니다."}
    monkeypatch.setattr(shop.billing.gateway, "cancel", refuse_with(books_say_unknown))
    shop.reconcile()
    assert needed(shop) == [("unknown", paid["merchant_uid"])]
    shop.reconcile()
    assert events(shopper, paid["merchant_uid"]).count("unknown") == 1

    remember()
    shop.pass_time(days=2)

    assert shop.reconcile().needs_person == []
    assert facts(shopper, paid["merchant_uid"]) == ("cancelled", True, 0)
    assert sandbox.net() == 0


def test_closing_the_refund_of_an_unknown_payment_gives_it_up(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shopper no longer reads that it is on its way."""
    paid = shopper.buy("pay")
    sandbox.fault("/payments/cancel", "cut_before", times=0)
    shopper.refund(paid["merchant_uid"])
    sandbox.mend()
    forget(shop, monkeypatch)
    monkeypatch.setattr(shop.billing.gateway, "cancel", refuse_with({"code": 1, "message": ""}))
    shop.reconcile()

    desk.close(shop.billing, the_item(shop), "support says it is gone")

    with shop.billing.database.reading() as session:
        [status] = session.scalars(select(Refund.status).join(Refund.payment))
    assert status == RefundStatus.FAILED
    assert shop.reconcile().needs_person == []


def refuse_with(envelope: dict[str, Any]) -> Callable[..., Any]:
    """A cancel that i'mport refuses."""

    def cancel(**_fields: Any) -> Any:
        raise RejectedError("POST /payments/cancel", envelope["code"], envelope["message"])

    return cancel


def test_a_look_says_what_imports_says_now_and_names_the_ways_out(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Each reason has one."""
    paid = failed_refund(shop, shopper, sandbox)

    look = desk.show(shop.billing, the_item(shop))

    assert f"{paid['imp_uid']} of order {paid['merchant_uid']}: cancelled" in look.says[0]
    assert "10000 won held" in look.says[0]
    assert set(desk.WAYS_OUT) == set(Reason)
    assert "console" in look.ways_out


def test_what_cannot_be_closed_because_its_order_keeps_changing_is_not_said_to_be_over(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is still open, and whoever closes it hears so."""
    order = rejected_resend(shop, shopper, sandbox)["merchant_uid"]
    monkeypatch.setattr(records, "amend", Mock(side_effect=StaleAnswerError(order)))

    with pytest.raises(MovedOnError):
        desk.close(shop.billing, the_item(shop), "nobody knows")

    assert needed(shop) == [("rejected_resend", order)]
