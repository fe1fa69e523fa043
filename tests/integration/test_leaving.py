"""Leaving a subscription: one page, two choices, and not a charge afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storefront.billing.attention import open_items
from storefront.billing.changing.leaving import refundable_krw
from storefront.billing.reconciling import desk
from storefront.billing.subscriptions import calendar
from storefront.iamport import Iamport, RejectedError
from storefront.models import Checkout, Payment, Refund
from storefront.states import RefundStatus
from tests.conftest import Shop
from tests.integration.calendars import go_to, go_to_next
from tests.integration.news import tell
from tests.integration.test_mails import outbox
from tests.people import ENGLISH, Sandbox, Shopper

AGAIN = "/subscribe/payments/again"
CANCEL = "/payments/cancel"
PRICE = 14_900


def choices(shopper: Shopper) -> dict[str, Any]:
    """What the page offers."""
    return shopper.see(f"/account/subscriptions/{shopper.subscription()['id']}/leave")


def leave_now(shopper: Shopper) -> Any:
    """Leave with the sum that is shown."""
    return shopper.ask("leave", when="now", refund_krw=choices(shopper)["refund_krw"])


def live_a_year(shop: Shop) -> None:
    """Nobody does anything for a year."""
    for _ in range(12):
        go_to(shop, shop.clock.now() + timedelta(days=31))
        shop.renew()


def test_leaving_at_the_end_keeps_the_period_and_charges_nothing_for_a_year(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """It is active until its day, and ended from then on; no money comes back."""
    ends_on = subscriber.subscription()["period"]["ends_on"]
    assert choices(subscriber) == {"refund_krw": PRICE, "leaves_on": ends_on}

    replies = [subscriber.ask("leave", when="period_end").status_code for _ in range(2)]

    found = subscriber.subscription()
    assert replies == [303, 303]
    assert (found["status"], found["leaves_on"], found["next"]) == ("active", ends_on, None)
    live_a_year(shop)
    assert (subscriber.subscription()["status"], subscriber.subscription()["reason"]) == ("ended", "left")
    assert sandbox.net() == PRICE
    assert subscriber.ask("stay").status_code == 409


@pytest.mark.parametrize("when", ["now", "period_end"])
def test_who_leaves_while_a_charge_is_unknown_reads_that_it_goes_back(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox, when: str
) -> None:
    """On the page and in the mail; "nothing more is charged" alone would be a surprise on the card's bill."""
    subscriber.browser.get("/language/en")
    sandbox.fault("webhook", "drop", times=0)
    sandbox.fault(AGAIN, "cut_after")
    sandbox.fault("/payments/*", "error", times=0)
    go_to_next(shop, subscriber)
    shop.renew()
    asked = {"refund_krw": choices(subscriber)["refund_krw"]} if when == "now" else {}

    assert subscriber.ask("leave", when=when, **asked).status_code == 303

    words = "still checking a charge that was on its way. If it went through, it goes back."
    path = f"/account/subscriptions/{subscriber.subscription()['id']}"
    assert words in subscriber.browser.get(path).text
    [mail] = [mail for mail in outbox(shop) if mail["kind"] == "left"]
    assert "아직 확인하고 있어요. 결제되었다면 되돌려드려요." in mail["text"]
    assert sandbox.net() == 2 * PRICE
    sandbox.mend()
    shop.pass_time(hours=1)
    shop.reconcile()
    assert sandbox.net() == PRICE
    assert words not in subscriber.browser.get(path).text


def test_who_leaves_later_is_offered_what_can_still_be_done(subscriber: Shopper) -> None:
    """The day stands where "active" stood; no card for a charge that does not come, and no second time the same choice."""
    subscriber.ask("leave", when="period_end")
    path = f"/account/subscriptions/{subscriber.subscription()['id']}"
    on = date.fromisoformat(subscriber.subscription()["leaves_on"])

    page = subscriber.browser.get(path, headers=ENGLISH).text
    assert f"Ends on {on.day}\xa0{on:%b\xa0%Y}" in page
    assert "Charge another card" not in page
    again = subscriber.browser.get(f"{path}/leave", headers=ENGLISH).text
    assert [when for when in ("period_end", "now") if f'value="{when}"' in again] == ["now"]
    assert "It ends on" in again
    assert "Whichever" not in again


def test_who_stays_after_all_is_charged_again(shop: Shop, subscriber: Shopper, sandbox: Sandbox) -> None:
    """As if nothing had been said."""
    before = subscriber.subscription()
    subscriber.ask("leave", when="period_end")
    assert [subscriber.ask("stay").status_code for _ in range(2)] == [303, 303]

    assert subscriber.subscription() == before
    go_to_next(shop, subscriber)
    shop.renew()
    assert sandbox.net() == 2 * PRICE


def test_leaving_on_the_day_of_paying_gives_everything_back(shop: Shop, subscriber: Shopper, sandbox: Sandbox) -> None:
    """And charges nothing for a year; a second press changes nothing."""
    assert leave_now(subscriber).status_code == 303
    assert subscriber.ask("leave", when="now", refund_krw=PRICE).status_code == 303

    found = subscriber.subscription()
    assert (found["status"], found["reason"], found["next"]) == ("ended", "left", None)
    assert sandbox.net() == 0
    assert len(sandbox.requests(CANCEL)) == 1
    live_a_year(shop)
    assert (sandbox.net(), subscriber.agrees_with_ledger()) == (0, True)


def test_leaving_later_gives_back_the_days_that_are_not_used(shop: Shop, subscriber: Shopper, sandbox: Sandbox) -> None:
    """Counted from tomorrow."""
    shop.pass_time(days=10)
    period = subscriber.subscription()["period"]
    begins_on, ends_on = (date.fromisoformat(period[name]) for name in ("begins_on", "ends_on"))
    days, unused = (ends_on - begins_on).days, (ends_on - calendar.seoul_day(shop.clock.now())).days - 1
    left_krw = PRICE * unused // days

    assert choices(subscriber)["refund_krw"] == left_krw
    assert leave_now(subscriber).status_code == 303
    assert sandbox.net() == PRICE - left_krw
    assert subscriber.agrees_with_ledger()


def test_another_sum_than_shown_changes_nothing(shop: Shop, subscriber: Shopper, sandbox: Sandbox) -> None:
    """The page comes again with the sum of today."""
    before = subscriber.subscription()
    shop.pass_time(days=3)
    reply = subscriber.ask("leave", when="now", refund_krw=PRICE)

    assert reply.status_code == 409
    assert f'value="{choices(subscriber)["refund_krw"]}"' in reply.text
    assert subscriber.subscription() == before
    assert sandbox.requests(CANCEL) == []


@pytest.mark.parametrize(
    "form",
    [{}, {"when": "later"}, {"when": "now"}, {"when": "now", "refund_krw": "-1"}, {"when": "now", "refund_krw": "x"}],
)
def test_a_form_that_says_nothing_is_refused(subscriber: Shopper, form: dict[str, str]) -> None:
    """With 400, and it goes on."""
    assert subscriber.ask("leave", **form).status_code == 400
    assert subscriber.subscription()["status"] == "active"


def test_nobody_leaves_for_somebody_else(subscriber: Shopper, another_shopper: Shopper) -> None:
    """As if it were not there."""
    path = f"/account/subscriptions/{subscriber.subscription()['id']}"
    assert another_shopper.post(f"{path}/leave", {"when": "period_end"}).status_code == 404
    assert another_shopper.post(f"{path}/stay", {}).status_code == 404
    assert another_shopper.browser.get(f"{path}/leave").status_code == 404


def test_who_owes_leaves_at_once_and_gets_nothing(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """Nothing is running that was paid, whichever way is chosen."""
    shopper.subscribe(mode="register", card="decline-later")
    go_to_next(shop, shopper)
    shop.renew()

    assert choices(shopper) == {"refund_krw": 0, "leaves_on": None}
    assert shopper.ask("leave", when="period_end").status_code == 303

    found = shopper.subscription()
    assert (found["status"], found["reason"], found["period"]["status"]) == ("ended", "left", "lapsed")
    live_a_year(shop)
    assert sandbox.net() == 0


def test_what_is_owed_is_asked_for_again_until_it_is_confirmed(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """The page says that it is on its way, a person sees it, and it is returned once."""
    sandbox.fault(CANCEL, "error", times=0)
    leave_now(subscriber)
    shop.reconcile()

    [item] = open_items(shop.billing)
    page = subscriber.browser.get(f"/account/subscriptions/{subscriber.subscription()['id']}", headers=ENGLISH)
    assert item.reason == "refund_owed"
    assert "is on its way" in page.text
    assert sandbox.net() == PRICE

    sandbox.mend()
    shop.reconcile()
    assert (sandbox.net(), list(open_items(shop.billing))) == (0, [])


def test_the_button_for_the_whole_is_there_on_the_day_of_paying_only(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """Later it leads to leaving."""
    [merchant_uid] = subscriber.subscription()["period"]["attempts"]
    button = f"/payments/{merchant_uid}/refund"
    assert button in subscriber.browser.get(f"/payments/{merchant_uid}").text
    shop.pass_time(days=1)

    reply = subscriber.refund(merchant_uid)

    assert reply.status_code == 409
    assert f"/account/subscriptions/{subscriber.subscription()['id']}/leave" in reply.text
    assert button not in subscriber.browser.get(f"/payments/{merchant_uid}").text
    assert sandbox.net() == PRICE


def test_the_whole_of_the_present_period_given_back_is_the_end(shop: Shop, subscriber: Shopper) -> None:
    """Cancelled in the console, without the shop."""
    [merchant_uid] = subscriber.subscription()["period"]["attempts"]
    subscriber.sandbox.cancel_in_console(subscriber.payment(merchant_uid)["imp_uid"])
    shop.deliver_webhooks()
    shop.reconcile()

    found = subscriber.subscription()
    assert (found["status"], found["reason"], found["period"]["status"]) == ("ended", "refunded", "refunded")
    assert subscriber.ask("leave", when="period_end").status_code == 409


def test_the_whole_of_an_earlier_period_given_back_is_no_end(shop: Shop, subscriber: Shopper) -> None:
    """It is written down, and the subscription goes on."""
    [earlier] = subscriber.subscription()["period"]["attempts"]
    go_to_next(shop, subscriber)
    shop.renew()
    subscriber.sandbox.cancel_in_console(subscriber.payment(earlier)["imp_uid"])
    shop.deliver_webhooks()
    shop.reconcile()

    found = subscriber.subscription()
    assert (subscriber.payment(earlier)["status"], found["status"], found["period"]["status"]) == (
        "cancelled",
        "active",
        "paid",
    )


DAY_0 = date(2027, 1, 31)


@given(
    days=st.integers(28, 366),
    after=st.integers(0, 400),
    captured=st.integers(1, 10**7),
    cancelled=st.integers(0, 10**7),
    asked=st.integers(0, 10**7),
)
def test_never_more_than_is_held_and_never_less_than_nothing(
    days: int, after: int, captured: int, cancelled: int, asked: int
) -> None:
    """All of it on the day of paying; afterwards ever less, and nothing on the last day."""
    cancelled = min(cancelled, captured)
    noon = datetime.combine(DAY_0, time(3), UTC)
    period = Checkout(begins_on=DAY_0, ends_on=DAY_0 + timedelta(days=days), price_krw=1)
    payment = Payment(imp_uid="imp_1", captured_krw=captured, cancelled_krw=cancelled, paid_at=noon, created_at=noon)
    own = [Refund(imp_uid="imp_1", amount_krw=asked, status=RefundStatus.REQUESTED, reason="shopper")]

    def at(moment: datetime) -> int:
        return refundable_krw(period, payment, own, moment, timedelta())

    left, held = at(noon + timedelta(days=after)), max(captured - cancelled - asked, 0)
    assert 0 <= left <= held
    assert at(noon) == held
    assert at(noon + timedelta(days=after + 1)) <= left
    assert at(noon + timedelta(days=days - 1)) == 0


@contextmanager
def cancels_refused() -> Iterator[None]:
    """I'mport gives nothing back meanwhile: a check card knows no cancel of a part, say."""

    def refuse(_gateway: Iamport, **_call: object) -> None:
        raise RejectedError("POST /payments/cancel", 1, "부분취소 불가")

    with pytest.MonkeyPatch.context() as refusing:
        refusing.setattr(Iamport, "cancel", refuse)
        yield


@pytest.mark.parametrize("in_the_console", [1_000, 4_470])
def test_what_was_given_back_in_the_console_is_known_before_anything_is_given_back_by_leaving(
    subscriber: Shopper, shop: Shop, sandbox: Sandbox, in_the_console: int
) -> None:
    """Its news was lost. The sum is asked about again, and then i'mport holds what both have left."""
    [paid] = subscriber.subscription()["period"]["attempts"]
    shop.pass_time(days=20)
    shown = choices(subscriber)["refund_krw"]
    sandbox.cancel_in_console(subscriber.payment(paid)["imp_uid"], in_the_console)

    leave_now(subscriber)

    assert (sandbox.net(), open_items(shop.billing)) == (PRICE - in_the_console - shown, [])
    assert subscriber.agrees_with_ledger()


def test_who_leaves_now_gets_what_i_mport_says_at_the_press(subscriber: Shopper, sandbox: Sandbox) -> None:
    """A part was given back in the console between the page and its button, and that news was lost."""
    sandbox.fault("webhook", "drop", times=0)
    [paid] = subscriber.subscription()["period"]["attempts"]
    assert choices(subscriber)["refund_krw"] == PRICE
    sandbox.cancel_in_console(subscriber.payment(paid)["imp_uid"], 1_000)

    assert subscriber.ask("leave", when="now", refund_krw=PRICE).status_code == 409

    assert (subscriber.subscription()["status"], sandbox.net()) == ("active", PRICE - 1_000)
    assert leave_now(subscriber).status_code == 303
    assert sandbox.net() == 0


def test_a_second_capture_on_its_way_back_is_no_part_of_what_leaving_gives_back(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """Somebody paid the first order's number again, and i'mport does not answer that cancel."""
    [paid] = subscriber.subscription()["period"]["attempts"]
    sandbox.fault(CANCEL, "cut_before", times=0)
    order = {"pg": "jtnet", "merchant_uid": paid, "amount": PRICE, "name": "again"}
    tell(shop, sandbox.pay(order, late=True)["imp_uid"], paid)

    assert choices(subscriber)["refund_krw"] == PRICE
    leave_now(subscriber)
    sandbox.mend()
    shop.pass_time(minutes=2)
    shop.reconcile()
    assert sandbox.net() == 0


def test_what_a_person_has_given_back_otherwise_is_not_given_back_again(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """I'mport refuses, the merchant pays by bank transfer and closes the item: two days later i'mport would do it."""
    shop.pass_time(days=10)
    with cancels_refused():
        leave_now(subscriber)
        for item in open_items(shop.billing):
            desk.close(shop.billing, item.id, "paid back by bank transfer")
    shop.pass_time(days=2)

    shop.reconcile()

    assert open_items(shop.billing) == []
    assert sandbox.net() == PRICE


def test_what_a_person_has_given_back_otherwise_is_not_sent_again_after_a_silence(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """The refused refund was being asked for again, without an answer, while the person closed the item."""
    shop.pass_time(days=10)
    with cancels_refused():
        leave_now(subscriber)
    sandbox.fault(CANCEL, "cut_before", times=0)
    shop.pass_time(hours=2)
    shop.reconcile()
    [failed] = [item for item in open_items(shop.billing) if item.reason == "refund_failed"]
    desk.close(shop.billing, failed.id, "paid back by bank transfer")
    sandbox.mend()
    shop.pass_time(days=2)

    shop.reconcile()

    assert (sandbox.net(), open_items(shop.billing)) == (PRICE, [])
    page = subscriber.browser.get(f"/account/subscriptions/{subscriber.subscription()['id']}", headers=ENGLISH).text
    assert "is on its way" not in page


def test_what_is_asked_for_again_is_not_asked_for_by_the_button_too(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """Left on the day of paying, refused by i'mport for a while: one refund, and no complaint that stays."""
    [paid] = subscriber.subscription()["period"]["attempts"]
    with cancels_refused():
        leave_now(subscriber)
        assert subscriber.refund(paid).status_code == 400
    for _ in range(3):
        shop.pass_time(hours=2)
        shop.reconcile()

    assert (sandbox.net(), open_items(shop.billing)) == (0, [])
