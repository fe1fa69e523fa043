"""Changing the next bag: leaving it out, wanting it after all, having another coffee."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from storefront.billing.mailing import sending
from storefront.models import Subscription
from tests.conftest import Shop
from tests.integration.calendars import go_to, go_to_next
from tests.integration.test_mails import outbox
from tests.people import ENGLISH, Sandbox, Shopper

MORNING, NOON = 14_900, 16_900
TO_NOON = {"plan": "noon", "price_krw": NOON, "consent": "y"}


def row_of(shop: Shop, shopper: Shopper) -> Subscription:
    """The subscription as it is stored."""
    with shop.billing.database.reading() as session:
        return session.get_one(Subscription, shopper.subscription()["id"])


def pay_next(shop: Shop, shopper: Shopper) -> None:
    """Time passes, and the next bag is charged."""
    go_to_next(shop, shopper)
    assert len(shop.renew().sent) == 1


def test_the_pages_name_the_coffee_of_the_next_charge(subscriber: Shopper) -> None:
    """Else another sum beside the present coffee would look like a mistake."""
    subscriber.ask("plan", **TO_NOON)

    for path in ("/account", f"/account/subscriptions/{subscriber.subscription()['id']}"):
        page = subscriber.browser.get(path, headers=ENGLISH).text
        summary = page[page.index("<h1") : page.index("This period" if path == "/account" else "Your next bag")]
        assert "Noon" in summary
        assert "₩16,900" in summary


def let_it_pass(shop: Shop) -> None:
    """A month goes by in which nothing is charged."""
    go_to(shop, shop.clock.now() + timedelta(days=32))
    assert shop.renew().sent == []


def test_a_skipped_bag_is_not_charged_and_the_one_after_it_is(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """`next` shows that one at once; a second press skips no second bag."""
    before = subscriber.subscription()
    assert [subscriber.ask("skip").status_code for _ in range(2)] == [303, 303]

    found = subscriber.subscription()
    assert (found["skips_next"], found["next"]["on"] > before["next"]["on"]) == (True, True)
    let_it_pass(shop)
    skipped = subscriber.subscription()
    assert (skipped["period"]["status"], skipped["period"]["attempts"], skipped["skips_next"]) == ("skipped", [], False)
    assert skipped["next"] == found["next"]
    pay_next(shop, subscriber)
    assert sandbox.net() == 2 * MORNING
    assert subscriber.subscription()["period"]["number"] == 2


def test_the_last_mail_before_a_charge_names_what_is_charged(shop: Shop, subscriber: Shopper) -> None:
    """Whoever chooses another coffee and the first one again after the notice reads of that again."""
    go_to(shop, datetime.fromtimestamp(subscriber.subscription()["next"]["at"], UTC) - timedelta(days=6))
    told = []
    for wanted in (None, TO_NOON, {"plan": "morning", "price_krw": MORNING, "consent": "y"}):
        if wanted:
            assert subscriber.ask("plan", **wanted).status_code == 303
        shop.pass_time(minutes=2)
        shop.renew()
        sending.send_waiting(shop.billing)
        sent = [mail for mail in sending.outbox(shop.billing) if mail.kind == "renewal_notice" and mail.sent_at]
        told.append(sent[-1].payload["amount_krw"])

    assert told == [MORNING, NOON, MORNING]


def test_a_bag_that_is_wanted_after_all_is_charged(shop: Shop, subscriber: Shopper, sandbox: Sandbox) -> None:
    """As if nothing had been said."""
    before = subscriber.subscription()
    subscriber.ask("skip")
    assert [subscriber.ask("unskip").status_code for _ in range(2)] == [303, 303]

    assert subscriber.subscription() == before
    pay_next(shop, subscriber)
    assert sandbox.net() == 2 * MORNING


def test_a_bag_that_was_skipped_is_past_wanting(shop: Shop, subscriber: Shopper, sandbox: Sandbox) -> None:
    """From nine o'clock on; before that it was not too late."""
    subscriber.ask("skip")
    let_it_pass(shop)

    assert subscriber.ask("unskip").status_code == 409
    assert sandbox.net() == MORNING


def test_the_bag_of_today_can_be_skipped_until_it_is_claimed(shop: Shop, subscriber: Shopper, sandbox: Sandbox) -> None:
    """It is past nine, and nobody has charged it yet."""
    go_to_next(shop, subscriber)
    assert subscriber.ask("skip").status_code == 303

    assert subscriber.subscription()["period"]["status"] == "skipped"
    assert shop.renew().sent == []
    assert sandbox.net() == MORNING


def test_the_first_bag_of_a_registered_card_can_be_skipped(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """Then the second one is the first that is charged."""
    shopper.subscribe(mode="register")
    shopper.ask("skip")
    let_it_pass(shop)
    pay_next(shop, shopper)

    assert (shopper.subscription()["period"]["number"], sandbox.net()) == (1, MORNING)


def test_a_year_cannot_be_skipped(shopper: Shopper) -> None:
    """Only months can."""
    shopper.subscribe(every="year")
    assert shopper.ask("skip").status_code == 409
    assert shopper.subscription()["skips_next"] is False


def test_another_coffee_comes_from_the_next_bag_on(shop: Shop, subscriber: Shopper, sandbox: Sandbox) -> None:
    """The present period stays what was paid; name, price and consent are those of the choice."""
    before = subscriber.subscription()
    assert [subscriber.ask("plan", **TO_NOON).status_code for _ in range(2)] == [303, 303]

    found = subscriber.subscription()
    assert found == before | {"next": before["next"] | {"plan": "noon", "amount": NOON}}
    pay_next(shop, subscriber)
    [sent] = sandbox.requests("/subscribe/payments/again")
    body = json.loads(sent["body"])
    assert (body["amount"], body["name"]) == (NOON, "한낮 원두 200g")
    assert (subscriber.subscription()["plan"], subscriber.subscription()["price"]) == ("noon", NOON)
    row = row_of(shop, subscriber)
    assert (row.consent_version, row.consent_price_krw, row.next_plan) == ("plan-2026-11-27", NOON, None)
    pay_next(shop, subscriber)
    assert sandbox.net() == MORNING + 2 * NOON
    assert subscriber.agrees_with_ledger()


def test_a_choice_can_be_taken_back(shop: Shop, subscriber: Shopper, sandbox: Sandbox) -> None:
    """By choosing the present coffee, for the price that was agreed."""
    before = subscriber.subscription()
    subscriber.ask("plan", **TO_NOON)
    assert subscriber.ask("plan", plan="morning", price_krw=MORNING, consent="y").status_code == 303

    assert subscriber.subscription() == before
    pay_next(shop, subscriber)
    assert sandbox.net() == 2 * MORNING


def test_a_skip_keeps_the_choice_for_the_bag_after(shop: Shop, subscriber: Shopper, sandbox: Sandbox) -> None:
    """Both may be said, in any order."""
    subscriber.ask("plan", **TO_NOON)
    subscriber.ask("skip")
    let_it_pass(shop)
    pay_next(shop, subscriber)

    assert sandbox.net() == MORNING + NOON


def test_a_year_of_another_coffee_costs_ten_months(shopper: Shopper) -> None:
    """How often stays what it was."""
    shopper.subscribe(every="year")
    assert shopper.ask("plan", **TO_NOON).status_code == 409
    assert shopper.ask("plan", **TO_NOON | {"price_krw": 10 * NOON}).status_code == 303
    assert shopper.subscription()["next"]["amount"] == 10 * NOON


def test_leaving_gives_back_what_was_paid_and_not_what_was_chosen(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """A dearer plan for later makes the running period no dearer."""
    shop.pass_time(days=10)
    path = f"/account/subscriptions/{subscriber.subscription()['id']}/leave"
    before = subscriber.see(path)
    subscriber.ask("plan", **TO_NOON)

    assert subscriber.see(path) == before
    assert subscriber.ask("leave", when="now", refund_krw=before["refund_krw"]).status_code == 303
    assert sandbox.net() == MORNING - before["refund_krw"]


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({}, 400),
        (TO_NOON | {"plan": "midnight"}, 400),
        (TO_NOON | {"price_krw": "16,900"}, 400),
        (TO_NOON | {"price_krw": "-1"}, 400),
        (TO_NOON | {"consent": ""}, 400),
        ({"plan": "noon", "price_krw": NOON}, 400),
        (TO_NOON | {"price_krw": NOON - 1}, 409),
    ],
)
def test_what_was_not_shown_or_not_agreed_to_changes_nothing(
    subscriber: Shopper, form: dict[str, Any], status: int
) -> None:
    """The page says so, and leads back."""
    before = subscriber.subscription()
    reply = subscriber.ask("plan", **form)

    assert reply.status_code == status
    assert f'href="/account/subscriptions/{before["id"]}"' in reply.text
    assert subscriber.subscription() == before


@pytest.mark.parametrize(("what", "form"), [("skip", {}), ("unskip", {}), ("plan", TO_NOON), ("plan", {})])
def test_nobody_changes_somebody_elses_bag(
    subscriber: Shopper, another_shopper: Shopper, what: str, form: dict[str, Any]
) -> None:
    """As if it were not there."""
    path = f"/account/subscriptions/{subscriber.subscription()['id']}/{what}"
    assert another_shopper.post(path, form).status_code == 404


@pytest.mark.parametrize(("what", "form"), [("skip", {}), ("plan", TO_NOON)])
def test_there_is_nothing_to_change_about_a_bag_that_will_not_come(
    subscriber: Shopper, what: str, form: dict[str, Any]
) -> None:
    """Who is leaving stays first; who has left begins anew."""
    subscriber.ask("leave", when="period_end")
    assert subscriber.ask(what, **form).status_code == 409
    subscriber.ask("leave", when="now", refund_krw=MORNING)
    assert subscriber.ask(what, **form).status_code == 409


@pytest.mark.parametrize(("what", "form"), [("skip", {}), ("plan", TO_NOON)])
def test_what_is_owed_is_no_bag_to_change(shop: Shop, shopper: Shopper, what: str, form: dict[str, Any]) -> None:
    """It has been claimed; `next` shows when it is tried again."""
    shopper.subscribe(mode="register", card="decline-later")
    go_to_next(shop, shopper)
    shop.renew()
    before = shopper.subscription()

    assert (before["status"], shopper.ask(what, **form).status_code) == ("past_due", 409)
    assert shopper.subscription() == before


def test_a_notice_is_written_anew_when_the_bag_is_another_one(shop: Shop, subscriber: Shopper) -> None:
    """What was told and is not so any more is not sent."""
    go_to(shop, shop.clock.now() + timedelta(days=28))
    shop.renew()
    subscriber.ask("plan", **TO_NOON)
    shop.renew()

    notices = [mail for mail in outbox(shop) if mail["kind"] == "renewal_notice"]
    assert ["14,900" in mail["subject"] for mail in notices] == [True, False]
    assert "16,900" in notices[1]["subject"]


def test_the_page_offers_what_can_be_chosen(subscriber: Shopper) -> None:
    """With the sum in the form, and the box not ticked."""
    number = subscriber.subscription()["id"]
    page = subscriber.browser.get(f"/account/subscriptions/{number}", headers=ENGLISH).text

    assert f'action="/account/subscriptions/{number}/skip"' in page
    assert 'name="price_krw" value="16900"' in page
    assert 'name="price_krw" value="14900"' not in page
    assert " checked" not in page.partition('id="bag"')[2].partition("</section>")[0]


def test_before_a_card_is_removed_its_subscriptions_are_shown_with_both_ways_on(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """Another card or leaving, for each; who removes it all the same runs on without a card."""
    [card], number = subscriber.active_cards(), subscriber.subscription()["id"]
    path, page = f"/account/cards/{card['id']}/remove", f"/account/subscriptions/{number}"
    assert f'href="{path}"' in subscriber.browser.get("/account").text
    shown = subscriber.browser.get(path).text
    assert f'href="{page}#card"' in shown
    assert f'href="{page}/leave"' in shown
    assert f'action="{path}"' in shown

    assert subscriber.remove_card(card["id"]).status_code == 303
    go_to(shop, shop.clock.now() + timedelta(days=32))
    shop.renew()

    found = subscriber.subscription()
    assert (found["status"], found["card"], found["next"]) == ("past_due", None, None)
    assert [mail["kind"] for mail in outbox(shop)][-1] == "card_needed"
    assert sandbox.net() == MORNING


def test_a_card_that_nothing_is_charged_to_is_removed_at_once(shopper: Shopper, another_shopper: Shopper) -> None:
    """And the page of somebody else's card is not there."""
    path = f"/account/cards/{shopper.register_card()['id']}/remove"

    assert f'action="{path}"' in shopper.browser.get("/account").text
    assert another_shopper.browser.get(path).status_code == 404
    assert another_shopper.browser.get("/account/cards/x/remove").status_code == 404


def forms(shopper: Shopper, to: str) -> list[dict[str, str]]:
    """The fields of the subscription page's forms that go to an address, as a browser would send them."""
    page = shopper.browser.get(f"/account/subscriptions/{shopper.subscription()['id']}").text
    found = re.findall(rf'<form[^>]*action="[^"]*/{to}"[^>]*>(.*?)</form>', page, re.DOTALL)
    fields = [dict(re.findall(r'<input[^>]*?name="([^"]*)"[^>]*?value="([^"]*)"', form)) for form in found]
    assert all("next" in form for form in fields)
    return fields


@pytest.mark.parametrize("what", ["skip", "plan"])
def test_an_old_page_changes_the_bag_it_showed_or_none(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox, what: str
) -> None:
    """Between page and press that bag was charged: another one is not left out, and a text that named a day is not agreed to."""
    due = datetime.fromtimestamp(subscriber.subscription()["next"]["at"], UTC)
    go_to(shop, due - timedelta(minutes=5))
    form = forms(subscriber, what)[0]
    go_to(shop, due)
    assert shop.renew().sent
    before = subscriber.subscription()

    assert subscriber.ask(what, **{"consent": "y", **form}).status_code == 409

    assert (subscriber.subscription(), sandbox.net()) == (before, 2 * MORNING)
    assert subscriber.ask(what, **{"consent": "y", **forms(subscriber, what)[0]}).status_code == 303
    assert subscriber.ask(what, **{"consent": "y", **form, "next": "one"}).status_code == 400


def test_an_old_page_that_says_that_nothing_is_charged_now_charges_nothing(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Between page and press the bag fell due and was declined: another card would be tried at once."""
    shopper.subscribe(mode="register", card="decline-later")
    shopper.register_card()
    [form] = forms(shopper, "card")
    go_to_next(shop, shopper)
    shop.renew()
    assert shopper.subscription()["status"] == "past_due"

    assert shopper.ask("card", **form).status_code == 409

    assert sandbox.net() == 0
    [form] = forms(shopper, "card")
    assert shopper.ask("card", **form).status_code == 303
    assert sandbox.net() == MORNING


def test_another_card_for_a_bag_that_has_just_fallen_due_is_charged_by_the_worker(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """The press charges nothing at once: nothing is owed yet."""
    another = subscriber.register_card("approve-2")
    go_to_next(shop, subscriber)

    subscriber.ask("card", card=another["id"])
    assert sandbox.net() == MORNING

    shop.pass_time(minutes=2)
    assert len(shop.renew().sent) == 1
    assert sandbox.ledger()["payments"][-1]["customer_uid"] == another["customer_uid"]


@pytest.mark.parametrize(
    ("what", "form", "done"),
    [
        ("skip", {}, "The next bag is skipped."),
        ("plan", TO_NOON, "From the next charge on you get Noon."),
        ("leave", {"when": "period_end"}, "You have left."),
        ("leave", {"when": "now", "refund_krw": MORNING}, "You have left."),
    ],
)
def test_the_page_says_once_what_was_done(subscriber: Shopper, what: str, form: dict[str, Any], done: str) -> None:
    """It is the page on which the button was: without that, who listens to it hears what they have heard before."""
    path = f"/account/subscriptions/{subscriber.subscription()['id']}"
    assert subscriber.post(f"{path}/{what}", form, headers=ENGLISH).status_code == 303

    assert subscriber.account()["subscriptions"], "what programs read has no part in it"
    shown = [
        re.findall(r'role="status">([^<]+)<', subscriber.browser.get(path, headers=ENGLISH).text) for _ in range(2)
    ]

    assert shown == [[done], []]


@pytest.mark.parametrize(("before", "what", "done"), [("skip", "unskip", "after all"), ("leave", "stay", "as before")])
def test_the_page_says_what_was_taken_back(subscriber: Shopper, before: str, what: str, done: str) -> None:
    """And nothing of what a program has done."""
    program = {"Accept": "application/json"}
    path = f"/account/subscriptions/{subscriber.subscription()['id']}"
    assert subscriber.post(f"{path}/{before}", {"when": "period_end"}, headers=program).status_code == 303
    assert 'role="status"' not in subscriber.browser.get(path, headers=ENGLISH).text

    subscriber.post(f"{path}/{what}", {}, headers=ENGLISH)

    assert done in subscriber.browser.get(path, headers=ENGLISH).text


def test_after_the_end_no_coffee_can_be_chosen_not_even_the_present_one(subscriber: Shopper) -> None:
    """Like every other change: who reads that it was done takes it for going on."""
    shown = subscriber.see(f"/account/subscriptions/{subscriber.subscription()['id']}/leave")["refund_krw"]
    subscriber.ask("leave", when="now", refund_krw=shown)

    assert subscriber.ask("plan", plan="morning", price_krw=MORNING, consent="y").status_code == 409
