"""A period that could not be charged: tried again as the table of refusals says, mended by its shopper, or given up."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from storefront.billing.subscriptions import calendar, dunning
from storefront.clock import Clock
from storefront.config import Settings
from storefront.models import Payment
from storefront.sandbox import SandboxSettings, create_sandbox
from tests.conftest import Shop, shop_beside
from tests.integration.calendars import go_to_next
from tests.integration.debts import WORDS, attempts_of, kinds_of_mail, pay
from tests.integration.news import tell
from tests.people import ENGLISH, Sandbox, Shopper
from tests.wsgi import SANDBOX_URL, session_for

ROOT = Path(__file__).resolve().parents[2]
AGAIN = "/subscribe/payments/again"


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


def test_another_card_chosen_after_too_many_tries_is_charged_by_the_next_rung(
    shop: Shop, owing: Shopper, sandbox: Sandbox
) -> None:
    """Ten asked for is the most, but what begins by itself goes on, with the card that stands there now."""
    [declining] = owing.active_cards()
    for _ in range(dunning.MOST_ASKED_FOR):
        assert pay(owing, declining).status_code == 303
    good = owing.register_card()

    path = f"/account/subscriptions/{owing.subscription()['id']}"
    page = owing.browser.get(path, headers=ENGLISH).text
    assert "Pay now" not in page
    assert "at once" not in page

    assert owing.ask("card", card=good["id"]).status_code == 303
    assert sandbox.net() == 0
    assert owing.subscription()["next"]["card"] == good["id"]
    go_to_next(shop, owing)
    shop.renew()
    assert (owing.subscription()["status"], sandbox.net()) == ("active", 14_900)


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
