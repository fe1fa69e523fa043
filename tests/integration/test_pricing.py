"""Another price: told a month ahead, charged of nobody who has not agreed, and lower without a word."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest

from storefront.billing import prices
from storefront.billing.catalogue import PLANS
from storefront.billing.changing import pricing
from storefront.billing.changing.pricing import Announced, TooSoonError
from storefront.billing.mailing import sending
from storefront.billing.subscriptions import calendar
from storefront.models import Mail, Subscription
from tests.conftest import Shop
from tests.integration.calendars import go_to, go_to_next
from tests.integration.test_mails import outbox
from tests.people import BUYER, ENGLISH, Sandbox, Shopper

[MORNING] = [plan for plan in PLANS if plan.code == "morning"]
PRICE, DEARER, CHEAPER = 14_900, 15_900, 13_900
AGREE = {"price_krw": DEARER, "consent": "y"}


def in_days(shop: Shop, days: int) -> date:
    """A day of Seoul's, from today."""
    return calendar.seoul_day(shop.clock.now()) + timedelta(days=days)


def set_price(shop: Shop, price_krw: int = DEARER, days: int = 31) -> Announced:
    """The merchant sets another price for Morning, and the mails go out."""
    announced = pricing.set_price(shop.billing, MORNING, price_krw, in_days(shop, days))
    sending.send_waiting(shop.billing)
    return announced


def pay_next(shop: Shop, shopper: Shopper) -> None:
    """Time passes, and the next bag is charged."""
    go_to_next(shop, shopper)
    assert len(shop.renew().sent) == 1


def live_on(shop: Shop, days: int) -> None:
    """Time passes day by day, and what is due is done."""
    for _ in range(days):
        go_to(shop, shop.clock.now() + timedelta(days=1))
        shop.renew()


def announcements(shop: Shop) -> list[dict[str, Any]]:
    """The mails that tell of a higher price."""
    return [mail for mail in outbox(shop) if mail["kind"] == "price_change"]


def test_who_agrees_pays_the_higher_price_from_its_first_period_on(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """The period before it costs what was agreed; consent and its text are stored."""
    assert set_price(shop) == Announced(asked=1)
    assert subscriber.subscription()["next"]["amount"] == PRICE
    pay_next(shop, subscriber)
    assert subscriber.subscription()["next"] is None

    assert [subscriber.ask("price", **AGREE).status_code for _ in range(2)] == [303, 303]

    assert subscriber.subscription()["next"]["amount"] == DEARER
    pay_next(shop, subscriber)
    found = subscriber.subscription()
    assert (found["price"], found["next"]["amount"]) == (DEARER, DEARER)
    assert sandbox.net() == 2 * PRICE + DEARER
    with shop.billing.database.reading() as session:
        row = session.get_one(Subscription, found["id"])
    assert (row.consent_price_krw, row.consent_version) == (DEARER, "price-2026-11-27")
    assert subscriber.ask("price", **AGREE).status_code == 409


def test_who_does_not_agree_has_subscribed_until_then(shop: Shop, subscriber: Shopper, sandbox: Sandbox) -> None:
    """It ends with the last period at the old price, and is told so; nothing is charged afterwards."""
    set_price(shop)
    pay_next(shop, subscriber)
    ends_on = subscriber.subscription()["period"]["ends_on"]
    live_on(shop, 40)

    found = subscriber.subscription()
    assert (found["status"], found["reason"], found["period"]["ends_on"]) == ("ended", "price", ends_on)
    assert sandbox.net() == 2 * PRICE
    assert outbox(shop)[-1]["kind"] == "ended"
    assert subscriber.ask("price", **AGREE).status_code == 409


def test_from_midnight_on_it_is_too_late_to_agree(shop: Shop, subscriber: Shopper, sandbox: Sandbox) -> None:
    """Time decides, not whether a worker has written the end yet."""
    set_price(shop)
    pay_next(shop, subscriber)
    ends_on = date.fromisoformat(subscriber.subscription()["period"]["ends_on"])
    go_to(shop, calendar.midnight_of(ends_on))

    assert subscriber.ask("price", **AGREE).status_code == 409
    assert subscriber.subscription()["reason"] == "price"
    assert sandbox.net() == 2 * PRICE


def test_a_skipped_bag_puts_the_question_off(shop: Shop, subscriber: Shopper, sandbox: Sandbox) -> None:
    """It ends when the skipped period is not followed by one that was agreed to."""
    set_price(shop, days=40)
    subscriber.ask("skip")
    page = subscriber.browser.get(f"/account/subscriptions/{subscriber.subscription()['id']}", headers=ENGLISH).text
    assert "unless you agree to the new price" in page
    live_on(shop, 70)

    assert subscriber.subscription()["reason"] == "price"
    assert sandbox.net() == PRICE


def test_a_skipped_bag_that_would_be_the_first_dearer_one_names_the_day_on_which_it_ends(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """Set on the first day of a month of 31: the question and the end name the same day, and it is that one."""
    pay_next(shop, subscriber)
    subscriber.ask("skip")
    set_price(shop, days=31)
    ends_on = date.fromisoformat(subscriber.subscription()["period"]["ends_on"])

    page = subscriber.browser.get(f"/account/subscriptions/{subscriber.subscription()['id']}", headers=ENGLISH).text
    assert f"It ends on {ends_on.day}\xa0{ends_on:%b\xa0%Y} unless you agree to the new price." in page
    go_to(shop, calendar.midnight_of(ends_on))
    shop.renew()

    assert (subscriber.subscription()["status"], subscriber.subscription()["reason"]) == ("ended", "price")
    assert sandbox.net() == 2 * PRICE


def test_a_cut_is_charged_without_a_question(shop: Shop, subscriber: Shopper, sandbox: Sandbox) -> None:
    """From the first period that begins on its day or later."""
    assert set_price(shop, CHEAPER, days=31) == Announced(lowered=1)
    assert subscriber.ask("price", price_krw=CHEAPER, consent="y").status_code == 409
    pay_next(shop, subscriber)
    pay_next(shop, subscriber)

    assert sandbox.net() == 2 * PRICE + CHEAPER
    assert announcements(shop) == []


def test_the_thirty_days_are_counted_from_when_the_mail_was_sent(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """While nobody carries it the price stays; the mail names the day that counts as it goes out."""
    pricing.set_price(shop.billing, MORNING, DEARER, in_days(shop, 31))
    pay_next(shop, subscriber)
    assert subscriber.subscription()["next"]["amount"] == PRICE
    assert subscriber.ask("price", **AGREE).status_code == 409

    sending.send_waiting(shop.billing)

    [told] = [mail for mail in sending.outbox(shop.billing) if mail.kind == "price_change"]
    begins_on = date.fromisoformat(told.payload["on"])
    assert told.sent_at is not None
    assert calendar.midnight_of(begins_on) >= told.sent_at + timedelta(days=30)
    while subscriber.subscription()["next"]:
        pay_next(shop, subscriber)
    assert subscriber.subscription()["period"]["ends_on"] == f"{begins_on}"
    assert sandbox.net() == PRICE * (1 + subscriber.subscription()["period"]["number"])


def test_another_plan_settles_the_question(shop: Shop, subscriber: Shopper, sandbox: Sandbox) -> None:
    """Taking that back asks it again."""
    set_price(shop)
    pay_next(shop, subscriber)
    noon = {"plan": "noon", "price_krw": 16_900, "consent": "y"}
    assert subscriber.ask("plan", **noon).status_code == 303
    assert subscriber.ask("price", **AGREE).status_code == 409
    assert subscriber.subscription()["next"]["amount"] == 16_900
    subscriber.ask("plan", plan="morning", price_krw=PRICE, consent="y")
    assert subscriber.subscription()["next"] is None
    subscriber.ask("plan", **noon)
    pay_next(shop, subscriber)
    pay_next(shop, subscriber)

    assert sandbox.net() == 2 * PRICE + 2 * 16_900


def test_who_chooses_another_plan_and_back_is_asked_anew(shop: Shop, subscriber: Shopper, sandbox: Sandbox) -> None:
    """Choosing has settled the question, so no agreement from before it counts: the form said what is charged."""
    set_price(shop)
    pay_next(shop, subscriber)
    assert subscriber.ask("price", **AGREE).status_code == 303
    assert subscriber.ask("plan", plan="noon", price_krw=16_900, consent="y").status_code == 303
    assert subscriber.ask("plan", plan="morning", price_krw=MORNING.price_krw, consent="y").status_code == 303

    asked = subscriber.subscription()["next"]
    assert asked is None or asked["amount"] == MORNING.price_krw
    assert subscriber.ask("price", **AGREE).status_code == 303
    before = sandbox.net()
    pay_next(shop, subscriber)
    assert sandbox.net() - before == DEARER


def test_a_price_that_is_corrected_while_its_mail_is_carried_has_a_mail_of_its_own(
    shop: Shop, subscriber: Shopper
) -> None:
    """The mail of the first one announces nothing but itself."""
    sending.send_waiting(shop.billing)
    from_then_on = in_days(shop, 31)
    pricing.set_price(shop.billing, MORNING, 15_900, from_then_on)
    told: list[int] = []

    class Carrier:
        """While it carries the first mail, the operator sets another price."""

        def carry(self, mail: Mail, _letter: object) -> None:
            told.append(mail.payload["new_price_krw"])
            if len(told) == 1:
                pricing.set_price(shop.billing, MORNING, 19_900, from_then_on)

    for _ in range(3):
        sending.send_waiting(shop.billing, Carrier())
        shop.pass_time(minutes=10)

    assert told == [15_900, 19_900]
    path = f"/account/subscriptions/{subscriber.subscription()['id']}"
    assert "19,900" in subscriber.browser.get(path).text


def test_a_rise_whose_mail_goes_out_after_its_day_is_asked_about_all_the_same(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """Until it was told nothing is charged otherwise, and nothing is forgotten."""
    pricing.set_price(shop.billing, MORNING, DEARER, in_days(shop, 31))
    pay_next(shop, subscriber)
    pay_next(shop, subscriber)
    assert sandbox.net() == 3 * MORNING.price_krw

    sending.send_waiting(shop.billing)

    assert len(announcements(shop)) == 1
    assert subscriber.ask("price", **AGREE).status_code == 303


@pytest.mark.parametrize("what", ["plan", "leave"])
def test_a_rise_whose_mail_was_dropped_for_a_choice_is_announced_when_that_is_taken_back(
    shop: Shop, subscriber: Shopper, what: str
) -> None:
    """Else the old price would be charged for good, and nobody asked."""
    pricing.set_price(shop.billing, MORNING, DEARER, in_days(shop, 31))
    if what == "plan":
        subscriber.ask("plan", plan="noon", price_krw=16_900, consent="y")
    else:
        subscriber.ask("leave", when="period_end")
    sending.send_waiting(shop.billing)
    assert [mail["sent_at"] for mail in announcements(shop)] == [None]
    if what == "plan":
        subscriber.ask("plan", plan="morning", price_krw=MORNING.price_krw, consent="y")
    else:
        subscriber.ask("stay")

    sending.send_waiting(shop.billing)

    [told] = [mail for mail in sending.outbox(shop.billing) if mail.kind == "price_change" and mail.sent_at]
    assert told.payload["new_price_krw"] == DEARER
    assert subscriber.ask("price", **AGREE).status_code == 303


def test_setting_it_again_tells_nobody_twice_and_reaches_who_came_later(
    shop: Shop, subscriber: Shopper, another_shopper: Shopper
) -> None:
    """Also if the command was killed half-way."""
    begins_on = in_days(shop, 40)
    for _ in range(2):
        pricing.set_price(shop.billing, MORNING, DEARER, begins_on)
    sending.send_waiting(shop.billing)
    another_shopper.subscribe()

    again = pricing.set_price(shop.billing, MORNING, DEARER, begins_on)
    sending.send_waiting(shop.billing)

    assert again == Announced(asked=1, unchanged=1)
    told = [mail["to"] for mail in announcements(shop) if mail["sent_at"]]
    assert sorted(told) == sorted([subscriber.email, another_shopper.email])


def test_setting_the_old_price_again_takes_the_question_back(shop: Shop, subscriber: Shopper, sandbox: Sandbox) -> None:
    """And the subscription goes on as it was."""
    set_price(shop)
    set_price(shop, PRICE, days=31)
    pay_next(shop, subscriber)
    pay_next(shop, subscriber)

    assert sandbox.net() == 3 * PRICE


def test_who_comes_from_that_day_on_pays_the_new_price(shop: Shop, shopper: Shopper) -> None:
    """And who came before does not, whatever they buy later."""
    set_price(shop)
    before = [plan.price_krw for plan in prices.on_sale(shop.billing) if plan.code == "morning"]
    shop.pass_time(days=31)

    assert before == [PRICE]
    assert "15,900" in shop.browser().get("/").text
    assert shopper.order("pay")["amount"] == DEARER
    assert shopper.subscribe(every="year")["amount"] == 10 * DEARER


def test_less_than_thirty_one_days_ahead_is_too_soon(shop: Shop, subscriber: Shopper) -> None:
    """Nothing is set, and nobody is told."""
    with pytest.raises(TooSoonError):
        set_price(shop, days=30)
    assert announcements(shop) == []
    assert subscriber.subscription()["status"] == "active"


def test_who_is_leaving_is_not_asked(shop: Shop, subscriber: Shopper) -> None:
    """Not a single period of theirs will cost it."""
    subscriber.ask("leave", when="period_end")
    assert set_price(shop) == Announced(unchanged=1)


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({}, 400),
        ({"price_krw": DEARER}, 400),
        (AGREE | {"consent": "n"}, 400),
        (AGREE | {"price_krw": "x"}, 400),
        (AGREE | {"price_krw": PRICE}, 409),
    ],
)
def test_what_is_no_consent_changes_nothing(
    shop: Shop, subscriber: Shopper, another_shopper: Shopper, form: dict[str, Any], status: int
) -> None:
    """And is nobody else's to give."""
    set_price(shop)
    before = subscriber.subscription()

    assert subscriber.ask("price", **form).status_code == status
    assert another_shopper.post(f"/account/subscriptions/{before['id']}/price", form).status_code == 404
    assert subscriber.subscription() == before


def test_without_a_rise_there_is_nothing_to_agree_to(subscriber: Shopper) -> None:
    """With 409."""
    assert subscriber.ask("price", price_krw=PRICE, consent="y").status_code == 409


def test_the_page_asks_in_words_of_its_own(shop: Shop, subscriber: Shopper) -> None:
    """The sum is in the form, the box is not ticked, and the page says when it ends without."""
    set_price(shop)
    pay_next(shop, subscriber)
    path = f"/account/subscriptions/{subscriber.subscription()['id']}"
    page = subscriber.browser.get(path, headers=ENGLISH).text
    asked = page.partition('id="price"')[2].partition("</section>")[0]

    assert f'action="{path}/price"' in asked
    assert f'name="price_krw" value="{DEARER}"' in asked
    assert " checked" not in asked
    assert "unless you agree to the new price" in page


@pytest.mark.parametrize("page", ["/account", "/checkout/morning", "/checkout/morning?card=new"])
def test_nobody_is_charged_another_price_than_the_page_showed(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, page: str
) -> None:
    """Whoever opened it the day before is told to look again; nothing is charged."""
    card = shopper.register_card()
    form = {"card": card["id"], "plan": "morning", "token": "a-press", "checkout": "a-form", **BUYER, "mode": "pay"}
    if "card=new" in page:
        form["card"] = "new"
    shown = dict(re.findall(r'name="(shown_\w+)" value="(\d+)"', shopper.browser.get(page).text))
    assert shown["shown_morning"] == f"{PRICE}"
    set_price(shop)
    shop.pass_time(days=31)
    action = "/account/charge" if page == "/account" else page

    assert shopper.post(action, form | shown).status_code == 409
    assert (sandbox.net(), len(shopper.account()["payments"])) == (0, 1)
    assert shopper.post(action, form | shown | {"shown_morning": DEARER}).status_code == 303


@pytest.mark.parametrize(("price_krw", "is_told"), [(DEARER, True), (CHEAPER, False)])
@pytest.mark.parametrize("choice", ["another coffee", "leaving"])
def test_a_price_that_is_set_while_its_shopper_has_chosen_otherwise_counts_once_that_is_taken_back(
    shop: Shop, subscriber: Shopper, choice: str, price_krw: int, is_told: bool
) -> None:
    """Meanwhile nobody is told of a price that would not concern them."""
    if choice == "leaving":
        subscriber.ask("leave", when="period_end")
    else:
        subscriber.ask("plan", plan="noon", price_krw=16_900, consent="y")
    assert set_price(shop, price_krw) == (Announced(unchanged=1) if is_told else Announced(lowered=1))
    assert announcements(shop) == []

    if choice == "leaving":
        subscriber.ask("stay")
    else:
        subscriber.ask("plan", plan="morning", price_krw=PRICE, consent="y")
    sending.send_waiting(shop.billing)

    assert [bool(mail["sent_at"]) for mail in announcements(shop)] == ([True] if is_told else [])
    if is_told:
        assert subscriber.ask("price", **AGREE).status_code == 303
    pay_next(shop, subscriber)
    pay_next(shop, subscriber)
    assert subscriber.subscription()["price"] == price_krw


def test_the_first_of_two_mails_that_went_out_at_once_says_from_when_a_rise_counts(
    shop: Shop, subscriber: Shopper
) -> None:
    """Two senders had claimed one each."""
    set_price(shop)
    before = subscriber.subscription()["next"]
    with shop.billing.database.writing() as session:
        later = shop.clock.now() + timedelta(days=45)
        pricing.was_told(session, subscriber.subscription()["id"], DEARER, later)

    pay_next(shop, subscriber)
    assert before is not None
    assert subscriber.subscription()["next"] is None


def test_who_chooses_the_first_coffee_again_is_shown_the_lower_price_that_is_charged(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """Another one was chosen after a cut, and is given up for it."""
    set_price(shop, CHEAPER)
    pay_next(shop, subscriber)
    before = sandbox.net()
    assert subscriber.ask("plan", plan="daybreak", price_krw=18_900, consent="y").status_code == 303
    page = subscriber.browser.get(f"/account/subscriptions/{subscriber.subscription()['id']}", headers=ENGLISH).text
    assert re.findall(r"Morning · ₩([\d,]+)", page) == ["13,900"]
    assert subscriber.ask("plan", plan="morning", price_krw=PRICE, consent="y").status_code == 409

    assert subscriber.ask("plan", plan="morning", price_krw=CHEAPER, consent="y").status_code == 303

    pay_next(shop, subscriber)
    assert sandbox.net() == before + CHEAPER


def test_who_did_not_agree_has_ended_with_the_last_agreed_period_although_nobody_looked(
    shop: Shop, subscriber: Shopper
) -> None:
    """The machine was off for months: a period that was never agreed to is not one that was missed."""
    set_price(shop)
    sending.send_waiting(shop.billing)
    go_to_next(shop, subscriber)
    go_to(shop, shop.clock.now() + timedelta(days=100))

    found = subscriber.subscription()

    assert (found["status"], found["reason"], found["period"]["number"]) == ("ended", "price", 1)
