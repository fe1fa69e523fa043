"""What a shopper who owes a period reads and does about it: pay at once, choose another card, or nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from storefront.billing.mailing import sending
from storefront.billing.renewing import asking
from storefront.billing.renewing.asking import TooLateError
from storefront.billing.subscriptions import dunning
from storefront.billing.subscriptions.standing import MovedOnError
from storefront.models import Payment
from tests.conftest import Shop
from tests.integration.calendars import go_to_next
from tests.integration.debts import WORDS, attempts_of, pay
from tests.people import ENGLISH, Sandbox, Shopper

AGAIN = "/subscribe/payments/again"


def charge_another_sum(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """A renewal that was lost on the way, and that somebody charged for 100 won under its number: it goes back."""
    shopper.subscribe(mode="register")
    go_to_next(shop, shopper)
    sandbox.fault(AGAIN, "cut_before")
    [attempt] = shop.renew().sent
    order = {"customer_uid": shopper.payment(attempt)["customer_uid"], "merchant_uid": attempt}
    sandbox.call("POST", AGAIN, amount=100, name="another sum", **order)
    shop.reconcile()
    assert shopper.payment(attempt)["status"] == "refused"


def test_what_is_owed_is_paid_at_once_with_any_card(owing: Shopper, sandbox: Sandbox) -> None:
    """It pays the same period; the subscription's card and its dates stay what they are."""
    before = owing.subscription()
    card = owing.register_card()

    reply = pay(owing, card)

    after = owing.subscription()
    assert reply.status_code == 303
    assert reply.headers["Location"].endswith(f"/account/subscriptions/{before['id']}")
    assert (after["status"], after["period"]["status"], after["card"]) == ("active", "paid", before["card"])
    assert [payment["attempt"] for payment in attempts_of(owing)] == [1, 2]
    assert after["period"]["begins_on"] == before["period"]["begins_on"]
    assert sandbox.net() == 14_900
    assert owing.agrees_with_ledger()


@pytest.mark.parametrize(
    ("card", "said"), [("decline-later", "The payment did not go through"), ("approve", "You paid ₩14,900")]
)
def test_the_page_says_how_paying_at_once_went(owing: Shopper, card: str, said: str) -> None:
    """Of this press, once; and the card that was refused is not the one that is offered first."""
    given = owing.register_card(card)
    path = f"/account/subscriptions/{owing.subscription()['id']}"
    offered = owing.browser.get(path, headers=ENGLISH).text
    [first] = re.findall(r'<input[^>]*id="pay-1"[^>]*>', offered)
    assert f'value="{given["id"]}"' in first
    assert offered.count("checked") == 2  # one of each form

    another = owing.register_card()
    owing.browser.get("/language/en")
    pay(owing, given)

    assert "did not go through" not in owing.browser.get("/account").text
    page = owing.browser.get(path).text
    assert said in page
    if card == "decline-later":
        [first] = re.findall(r'<input[^>]*id="pay-1"[^>]*>', page)
        assert f'value="{another["id"]}"' in first
    assert said not in owing.browser.get(path).text


def test_the_page_says_what_is_known_by_the_time_it_is_shown(shop: Shop, owing: Shopper, sandbox: Sandbox) -> None:
    """The answer to the press was lost; a moment later the page has asked."""
    card, path = owing.register_card(), f"/account/subscriptions/{owing.subscription()['id']}"
    owing.browser.get("/language/en")
    sandbox.fault(AGAIN, "cut_after")
    pay(owing, card)
    shop.pass_time(minutes=1)

    page = owing.browser.get(path).text
    assert "You paid ₩14,900" in page
    assert "We are checking" not in page


def test_two_clicks_pay_once_and_a_paid_period_is_not_paid_again(owing: Shopper, sandbox: Sandbox) -> None:
    """The same token is the same attempt; another one comes too late."""
    card = owing.register_card()
    clicks = [pay(owing, card, token="one-press").status_code for _ in range(2)]

    assert clicks == [303, 303]
    assert len(attempts_of(owing)) == 2
    assert pay(owing, card).status_code == 409
    assert sandbox.net() == 14_900


def test_nobody_pays_while_an_attempt_is_open(shop: Shop, owing: Shopper, sandbox: Sandbox) -> None:
    """Its outcome is unknown; it never arrived, and is sent again under the same number."""
    card = owing.register_card()
    sandbox.fault(AGAIN, "cut_before")
    assert pay(owing, card).status_code == 303
    assert owing.subscription()["next"] is None

    assert pay(owing, card).status_code == 409
    assert owing.ask("card", card=card["id"]).status_code == 409
    shop.pass_time(minutes=12)
    shop.reconcile()

    assert owing.subscription()["status"] == "active"
    assert sandbox.net() == 14_900


def test_another_card_is_tried_at_once_and_kept(shop: Shop, owing: Shopper, sandbox: Sandbox) -> None:
    """The next period is charged to it too."""
    card = owing.register_card()

    assert owing.ask("card", card=card["id"]).status_code == 303

    assert (owing.subscription()["status"], owing.subscription()["card"]) == ("active", card["id"])
    go_to_next(shop, owing)
    shop.renew()
    assert [payment["customer_uid"] for payment in attempts_of(owing)] == [card["customer_uid"]]
    assert sandbox.net() == 2 * 14_900


def test_the_same_card_is_not_tried_again_by_choosing_it(owing: Shopper, sandbox: Sandbox) -> None:
    """It changes nothing."""
    before = owing.subscription()

    assert owing.ask("card", card=before["card"]).status_code == 303

    assert owing.subscription() == before
    assert sandbox.net() == 0


def test_a_card_may_be_changed_while_nothing_is_owed(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """Nothing is charged now; the next charge goes to it."""
    shopper.subscribe()
    card = shopper.register_card()

    assert shopper.ask("card", card=card["id"]).status_code == 303

    assert shopper.subscription()["next"]["card"] == card["id"]
    assert sandbox.net() == 14_900
    go_to_next(shop, shopper)
    shop.renew()
    assert attempts_of(shopper)[0]["customer_uid"] == card["customer_uid"]


def test_a_card_that_is_registered_for_a_subscription_is_tried_at_the_next_look(
    shop: Shop, owing: Shopper, sandbox: Sandbox
) -> None:
    """Its page leads there; no second subscription begins."""
    found = owing.subscription()
    params = owing.order("register", subscription=str(found["id"]))
    owing.tell(sandbox.pay(params))
    assert owing.subscription()["card"] != found["card"]

    shop.renew()

    assert owing.subscription()["status"] == "active"
    assert sandbox.net() == 14_900


def test_ten_attempts_of_ones_own_are_enough(owing: Shopper, sandbox: Sandbox) -> None:
    """The eleventh is refused, and charges nothing."""
    [card] = owing.active_cards()
    replies = [pay(owing, card).status_code for _ in range(dunning.MOST_ASKED_FOR + 1)]

    assert replies == [303] * dunning.MOST_ASKED_FOR + [409]
    assert len(sandbox.requests(AGAIN)) <= 2 + dunning.MOST_ASKED_FOR


@pytest.mark.parametrize("what", ["pay", "card"])
def test_bad_input_is_answered_and_changes_nothing(
    what: str, owing: Shopper, another_shopper: Shopper, sandbox: Sandbox
) -> None:
    """No card, no such card, somebody else's, one that is gone, somebody else's subscription, a bad token."""
    others = another_shopper.register_card()
    gone = owing.register_card()
    owing.remove_card(gone["id"])
    number = owing.subscription()["id"]

    def answer(**form: Any) -> int:
        return owing.ask(what, **{"token": "t0ken", **form}).status_code

    assert [answer(), answer(card="x"), answer(card="999999999"), answer(card=others["id"])] == [400, 400, 404, 404]
    assert answer(card=gone["id"]) == 400
    assert pay(owing, gone, token="no spaces, please").status_code == 400
    assert owing.browser.post(f"/account/subscriptions/{number}/{what}", data={"card": gone["id"]}).status_code == 400
    stranger = another_shopper.post(f"/account/subscriptions/{number}/{what}", {"card": others["id"], "token": "t"})
    assert stranger.status_code == 404
    assert len(attempts_of(owing)) == 1
    assert sandbox.net() == 0


def test_the_mail_of_a_charge_that_was_captured_otherwise_does_not_say_that_nothing_was(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """It says that it goes back."""
    charge_another_sum(shop, shopper, sandbox)

    [declined] = [mail for mail in sending.outbox(shop.billing) if mail.kind == "declined"]
    text = sending.letter_of(shop.billing, declined).text
    assert "나간 금액은 돌려드려요" in text
    assert "결제된 금액이 없어요" not in text


def test_a_form_of_a_period_that_has_been_paid_does_not_pay_another_one(
    shop: Shop, owing: Shopper, sandbox: Sandbox
) -> None:
    """A month later another coffee is owed, for another sum than that page has shown."""
    card, path = owing.register_card(), f"/account/subscriptions/{owing.subscription()['id']}"
    [number] = re.findall(r'name="period" value="(\d+)"', owing.browser.get(path).text)
    pay(owing, card)
    owing.ask("plan", plan="noon", price_krw=16_900, consent="y")
    go_to_next(shop, owing)
    shop.renew()
    assert owing.subscription()["status"] == "past_due"
    before = sandbox.net()

    of_the_old_page = owing.post(f"{path}/pay", {"card": card["id"], "token": "of-the-old-page", "period": number})
    assert (of_the_old_page.status_code, sandbox.net()) == (409, before)
    [number] = re.findall(r'name="period" value="(\d+)"', owing.browser.get(path).text)
    of_the_new_page = owing.post(f"{path}/pay", {"card": card["id"], "token": "of-the-new-page", "period": number})
    assert (of_the_new_page.status_code, sandbox.net()) == (303, before + 16_900)
    nonsense = owing.post(f"{path}/pay", {"card": card["id"], "token": "nonsense", "period": "abc"})
    assert (nonsense.status_code, sandbox.net()) == (400, before + 16_900)


def test_a_form_that_is_late_by_a_recovery_charges_nothing(owing: Shopper, sandbox: Sandbox) -> None:
    """The retry was paid a moment before the button was pressed."""
    card = owing.register_card()
    assert owing.ask("card", card=card["id"]).status_code == 303

    assert pay(owing, card).status_code == 409
    assert sandbox.net() == 14_900


@pytest.mark.parametrize("refusal", dunning.REFUSALS, ids=lambda refusal: refusal.kind)
def test_each_refusal_is_shown_to_its_shopper(shop: Shop, owing: Shopper, refusal: dunning.Refusal) -> None:
    """On the subscription's page, in words of its own."""
    [declined] = attempts_of(owing)
    with shop.billing.database.writing() as session:
        row = update(Payment).where(Payment.merchant_uid == declined["merchant_uid"])
        session.execute(row.values(declined_as=refusal.kind))

    page = owing.browser.get(f"/account/subscriptions/{owing.subscription()['id']}", headers=ENGLISH).text

    assert "The last charge was not approved." in page
    assert WORDS[refusal.kind] in page


def test_the_page_of_a_declined_renewal_leads_to_where_it_is_paid(owing: Shopper) -> None:
    """And not to a second subscription."""
    [attempt] = attempts_of(owing)
    page = owing.browser.get(f"/payments/{attempt['merchant_uid']}").text

    main = page[page.index("<main") : page.index("</main>")]
    assert f'href="/account/subscriptions/{owing.subscription()["id"]}"' in main
    assert 'href="/checkout/' not in main


def test_a_charge_that_goes_back_was_not_declined_by_the_card_company(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """It approved the charge; it is we who send it back, because it was for another sum."""
    charge_another_sum(shop, shopper, sandbox)

    [mail] = [mail for mail in sending.outbox(shop.billing) if mail.kind == "declined"]
    mail.language = "en"
    page = shopper.browser.get(f"/account/subscriptions/{shopper.subscription()['id']}", headers=ENGLISH).text
    for text in (sending.letter_of(shop.billing, mail).text, page):
        assert "The card company did not approve it." not in text
        assert "was not approved" not in text
    assert "Another amount was charged than you ordered." in page


def test_a_card_that_is_being_charged_for_a_subscription_is_not_said_to_wait_for_a_button(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """While its charge is unknown nothing is planned, and yet it is charged automatically."""
    shopper.subscribe()
    go_to_next(shop, shopper)
    sandbox.fault("webhook", "drop", times=0)
    sandbox.fault(AGAIN, "cut_after")
    sandbox.fault("/payments/findAll/*", "error", times=0)
    shop.renew()

    page = shopper.browser.get("/account", headers=ENGLISH).text
    assert "Charged automatically for a subscription" in page
    assert "Charged only when you press a button" not in page


def test_an_open_charge_is_what_its_subscriptions_pages_say_first(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """The subscription's own, and the account's."""
    shopper.subscribe()
    go_to_next(shop, shopper)
    sandbox.fault(AGAIN, "cut_before")
    sandbox.fault("/payments/findAll/*", "error", times=0)
    shop.renew()

    for path in (f"/account/subscriptions/{shopper.account()['subscriptions'][0]['id']}", "/account"):
        assert "Nobody charges again meanwhile." in shopper.browser.get(path, headers=ENGLISH).text


class _ServerError(Exception):
    """What PostgreSQL's driver raises, with the server's code."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__()
        self.sqlstate = sqlstate


@pytest.mark.parametrize("lost", [MovedOnError(1), OperationalError("UPDATE card", {}, _ServerError("40P01"))])
def test_whoever_loses_a_race_for_the_rows_of_a_subscription_comes_too_late(lost: Exception) -> None:
    """Another form of the shopper's was faster, or PostgreSQL let somebody else go on."""
    with pytest.raises(TooLateError), asking.losing_is_too_late(1):
        raise lost


def test_a_database_that_is_gone_is_not_taken_for_a_race() -> None:
    """Nobody is told to look again where nothing can be read."""
    with pytest.raises(OperationalError), asking.losing_is_too_late(1):
        raise OperationalError("UPDATE card", {}, _ServerError("57P01"))
