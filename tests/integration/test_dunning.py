"""A period that could not be charged: tried again as the table of refusals says, mended by its shopper, or given up."""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from storefront.billing.mailing import sending
from storefront.billing.subscriptions import calendar, dunning
from storefront.clock import Clock
from storefront.config import Settings
from storefront.models import Payment
from storefront.sandbox import SandboxSettings, create_sandbox
from tests.conftest import Shop, shop_beside
from tests.integration.calendars import go_to_next
from tests.integration.news import tell
from tests.people import ENGLISH, Sandbox, Shopper
from tests.wsgi import SANDBOX_URL, session_for

ROOT = Path(__file__).resolve().parents[2]
AGAIN = "/subscribe/payments/again"


@pytest.fixture
def owing(shop: Shop, shopper: Shopper) -> Shopper:
    """Somebody whose first charge was declined on the day it fell due: the card is over its limit."""
    shopper.subscribe(mode="register", card="decline-later")
    go_to_next(shop, shopper)
    shop.renew()
    return shopper


def attempts_of(shopper: Shopper) -> list[dict[str, Any]]:
    """At the present period, oldest first."""
    return [shopper.payment(merchant_uid) for merchant_uid in shopper.subscription()["period"]["attempts"]]


def pay(shopper: Shopper, card: dict[str, Any], token: str | None = None) -> Any:
    """Press the button that pays at once."""
    return shopper.ask("pay", card=card["id"], token=token or secrets.token_hex(8))


def kinds_of_mail(shop: Shop) -> list[str]:
    """Every mail that was ever written, by what it tells."""
    return [str(mail.kind) for mail in sending.outbox(shop.billing)]


def test_a_decline_makes_it_past_due_and_tries_again_tomorrow(shop: Shop, owing: Shopper, sandbox: Sandbox) -> None:
    """The same period, at nine, with the same card."""
    found = owing.subscription()
    [declined] = attempts_of(owing)
    tomorrow = calendar.seoul_day(shop.clock.now()) + timedelta(days=1)

    assert (found["status"], found["period"]["status"], declined["status"]) == ("past_due", "unpaid", "failed")
    assert found["next"]["at"] == int(calendar.nine_of(tomorrow).timestamp())
    assert found["next"]["on"] == found["period"]["begins_on"]
    assert WORDS["limit"] in owing.browser.get(f"/account/subscriptions/{found['id']}", headers=ENGLISH).text
    assert sandbox.net() == 0


def test_four_attempts_in_ten_days_and_then_the_end(shop: Shop, owing: Shopper, sandbox: Sandbox) -> None:
    """One, three and seven days after the first; nothing is charged, and nothing is tried afterwards."""
    began_at = shop.clock.now()
    while owing.subscription()["next"]:
        go_to_next(shop, owing)
        shop.renew()
    shop.pass_time(days=4)
    shop.renew()

    tried = [
        round((datetime.fromisoformat(line["events"][0]["at"]) - began_at) / timedelta(days=1))
        for line in attempts_of(owing)
    ]
    ended = owing.subscription()
    assert tried == [0, 1, 3, 7]
    assert (ended["status"], ended["reason"], ended["period"]["status"]) == ("ended", "unpaid", "lapsed")
    shop.pass_time(days=60)
    assert shop.renew().sent == []
    assert sandbox.net() == 0


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


def test_a_card_refused_for_good_is_never_charged_again_for_it(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """I'mport says that there is no key behind it: neither by itself, nor by a button; another one mends it."""
    shopper.subscribe(mode="register")
    go_to_next(shop, shopper)
    [first] = shopper.active_cards()
    assert sandbox.call("DELETE", f"/subscribe/customers/{first['customer_uid']}")["code"] == 0
    shop.renew()

    assert (shopper.subscription()["status"], shopper.subscription()["next"]) == ("past_due", None)
    assert pay(shopper, first).status_code == 400
    card = shopper.register_card()
    assert shopper.ask("card", card=card["id"]).status_code == 303
    assert shopper.subscription()["status"] == "active"
    assert shopper.ask("card", card=first["id"]).status_code == 400
    assert sandbox.net() == 14_900


def test_another_card_that_is_refused_for_good_leaves_the_subscriptions_own_as_it_was(
    owing: Shopper, sandbox: Sandbox
) -> None:
    """That one is over its limit, and is tried again."""
    before = owing.subscription()["next"]
    other = owing.register_card()
    assert sandbox.call("DELETE", f"/subscribe/customers/{other['customer_uid']}")["code"] == 0

    pay(owing, other)

    assert attempts_of(owing)[-1]["status"] == "failed"
    assert owing.subscription()["next"]["card"] == before["card"]


@pytest.mark.parametrize("reason", ["도난·분실 신고된 카드", "해지된 카드입니다", "유효기간 경과"])
def test_a_card_that_is_declined_for_good_is_never_charged_again_for_it(
    settings: Settings, clock: Clock, reason: str
) -> None:
    """Its company says so in the answer to the charge: neither by itself in the days after, nor by a button."""
    app = create_sandbox(SandboxSettings(background=False, decline_reason=reason))
    sandbox = Sandbox(session_for(app), SANDBOX_URL)
    with shop_beside(settings, app, sandbox, clock) as shop:
        shopper = Shopper(shop.browser(), sandbox).sign_up()
        shopper.subscribe(mode="register", card="decline-later")
        [card] = shopper.active_cards()
        go_to_next(shop, shopper)
        shop.renew()
        [declined] = attempts_of(shopper)
        assert (declined["status"], declined["fail_reason"]) == ("failed", reason)
        assert (shopper.subscription()["status"], shopper.subscription()["next"]) == ("past_due", None)

        for _ in range(8):
            shop.pass_time(days=1)
            assert shop.renew().sent == []
        assert pay(shopper, card).status_code == 400

        assert [call["path"] for call in sandbox.requests(AGAIN)] == [AGAIN]
    app.extensions["sandbox"].close()


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


def test_whoever_paid_without_a_key_is_asked_for_a_card_when_it_is_needed(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """It began; when it falls due there is no card; the one that is registered then is tried at once."""
    params = shopper.order("pay", every="month")
    result = sandbox.pay(params, outcome="lose_callback")
    assert sandbox.call("DELETE", f"/subscribe/customers/{params['customer_uid']}")["code"] == 0
    shopper.tell(result | {"callback": {}})
    begun = shopper.subscription()
    assert (begun["status"], begun["card"], begun["next"]) == ("active", None, None)

    shop.pass_time(days=32)
    shop.renew()
    owed = shopper.subscription()
    assert (owed["status"], owed["period"]["status"], owed["period"]["attempts"]) == ("past_due", "unpaid", [])
    shopper.tell(sandbox.pay(shopper.order("register", subscription=str(owed["id"]))))
    shop.renew()

    assert shopper.subscription()["status"] == "active"
    assert sandbox.net() == 2 * 14_900


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


def test_after_the_end_nothing_can_be_paid_or_changed(shop: Shop, owing: Shopper, sandbox: Sandbox) -> None:
    """Also when nobody has written the end yet: time decides."""
    card = owing.register_card()
    shop.pass_time(days=11)

    assert [pay(owing, card).status_code, owing.ask("card", card=card["id"]).status_code] == [409, 409]
    assert owing.subscription()["reason"] == "unpaid"
    assert owing.browser.get(f"/checkout/morning?subscription={owing.subscription()['id']}").status_code == 409
    assert sandbox.net() == 0


@pytest.mark.parametrize("end", ["never_arrived", "captured", "declined"])
def test_what_a_late_approval_has_paid_is_not_owed_again_when_another_attempt_ends(
    shop: Shop, owing: Shopper, sandbox: Sandbox, end: str
) -> None:
    """However that ends: given up, captured and sent back, declined. Nobody is asked, told or charged once more."""
    [first] = attempts_of(owing)
    card = owing.register_card("decline-later" if end == "declined" else "approve")
    sandbox.fault("webhook", "drop", times=0)
    sandbox.fault(AGAIN, "cut_before" if end == "never_arrived" else "cut_after")
    pay(owing, card)
    sandbox.approve_late(first["imp_uid"])
    tell(shop, first["imp_uid"], first["merchant_uid"])
    sandbox.mend()
    shop.pass_time(minutes=20)
    shop.reconcile()

    found = owing.subscription()
    assert (found["status"], found["period"]["status"]) == ("active", "paid")
    assert attempts_of(owing)[0]["status"] == "paid"
    assert pay(owing, owing.register_card()).status_code == 409
    assert kinds_of_mail(shop).count("declined") == 1  # of the first attempt, when it was
    shop.pass_time(days=11)
    shop.renew()
    assert owing.subscription()["status"] == "active"
    assert sandbox.net() == 14_900
    assert owing.agrees_with_ledger()


def test_a_charge_that_was_given_up_and_captured_late_goes_back_without_another_word(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Its shopper has been told that it did not go through; it is the same attempt, and no second failure."""
    shopper.subscribe(mode="register")
    go_to_next(shop, shopper)
    sandbox.fault("webhook", "drop", times=0)
    sandbox.fault(AGAIN, "cut_before", times=0)
    shop.renew()
    shop.pass_time(hours=25)
    shop.reconcile()
    [given_up] = attempts_of(shopper)[:1]
    sandbox.mend()
    order = {"customer_uid": given_up["customer_uid"], "merchant_uid": given_up["merchant_uid"]}
    captured = sandbox.call("POST", AGAIN, amount=given_up["amount"], name="late", **order)["response"]
    assert kinds_of_mail(shop).count("declined") == 1

    tell(shop, captured["imp_uid"], given_up["merchant_uid"])

    assert shopper.payment(given_up["merchant_uid"])["status"] == "refused"
    assert kinds_of_mail(shop).count("declined") == 1
    assert sandbox.net() == 0
    with shop.billing.database.reading() as session:
        stored = session.scalars(select(Payment).where(Payment.merchant_uid == given_up["merchant_uid"])).one()
        assert stored.declined_as == "given_up"


def test_the_mail_of_a_charge_that_was_captured_otherwise_does_not_say_that_nothing_was(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """It says that it goes back."""
    shopper.subscribe(mode="register")
    go_to_next(shop, shopper)
    sandbox.fault(AGAIN, "cut_before")
    [merchant_uid] = shop.renew().sent
    order = {"customer_uid": shopper.payment(merchant_uid)["customer_uid"], "merchant_uid": merchant_uid}
    sandbox.call("POST", AGAIN, amount=100, name="another sum", **order)
    shop.reconcile()

    [declined] = [mail for mail in sending.outbox(shop.billing) if mail.kind == "declined"]
    text = sending.letter_of(shop.billing, declined).text
    assert "나간 금액은 돌려드려요" in text
    assert "결제된 금액이 없어요" not in text


def test_an_attempt_that_is_approved_late_after_another_has_paid_leaves_its_subscription_alone(
    shop: Shop, owing: Shopper, sandbox: Sandbox
) -> None:
    """It goes back, and that is all."""
    [first] = attempts_of(owing)
    pay(owing, owing.register_card())
    sandbox.approve_late(first["imp_uid"])

    tell(shop, first["imp_uid"], first["merchant_uid"])

    assert owing.payment(first["merchant_uid"])["status"] == "refused"
    assert (owing.subscription()["status"], sandbox.net()) == ("active", 14_900)


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


WORDS = {
    "limit": "limit is used up",
    "balance": "does not hold enough",
    "stolen": "reported lost or stolen",
    "closed": "has been closed",
    "expired": "has expired",
    "no_key": "not registered any more",
    "given_up": "never arrived",
    "unknown": "did not approve it",
}


def test_the_readers_table_is_the_codes() -> None:
    """Each kind with whether it is tried again and who can mend it, as it is in the documents."""
    page = (ROOT / "docs" / "dunning.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| .*? \| (yes|no)[^|]* \| ([^|]+) \|", page, re.M)

    menders = {"time": "time", "shopper": "the shopper, with the card company", "another_card": "another card"}
    assert [(kind, again == "no", mender) for kind, again, mender in rows] == [
        (refusal.kind, refusal.hard, menders[refusal.mended_by]) for refusal in dunning.REFUSALS
    ]


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("[8381] 한도초과", "limit"),
        ("[8350] 도난·분실 카드", "stolen"),
        ("[8322] 유효기간 만료", "expired"),
        ("해지된 카드", "closed"),
        ("잔액부족", "balance"),
        ("something nobody has seen", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_reason_is_read_by_the_table(reason: str | None, kind: str) -> None:
    """What it does not know is soft."""
    assert dunning.kind_of(reason) == kind
    assert not dunning.is_hard("unknown")


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
    shopper.subscribe(mode="register")
    go_to_next(shop, shopper)
    sandbox.fault(AGAIN, "cut_before")
    [attempt] = shop.renew().sent
    order = {"customer_uid": shopper.payment(attempt)["customer_uid"], "merchant_uid": attempt}
    sandbox.call("POST", AGAIN, amount=100, name="another sum", **order)
    shop.reconcile()
    assert shopper.payment(attempt)["status"] == "refused"

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
