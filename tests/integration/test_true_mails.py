"""A mail is true when it goes out, and what a mail has promised, or a charge needs, is told after all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from storefront.billing.mailing import sending
from storefront.models import Mail
from tests.conftest import Shop
from tests.integration.calendars import go_to
from tests.integration.news import tell
from tests.people import Sandbox, Shopper

AGAIN = "/subscribe/payments/again"
PRICE = 14_900


def send(shop: Shop) -> None:
    """What waits goes out."""
    sending.send_waiting(shop.billing)


def sent(shop: Shop, kind: str) -> list[Mail]:
    """What has gone out."""
    return [mail for mail in sending.outbox(shop.billing) if mail.kind == kind and mail.sent_at]


def read(shop: Shop, mail: Mail) -> str:
    """What an English reader has."""
    mail.language = "en"
    return sending.letter_of(shop.billing, mail).text


def leave_now(shopper: Shopper) -> None:
    """With the sum that is shown."""
    shown = shopper.see(f"/account/subscriptions/{shopper.subscription()['id']}/leave")["refund_krw"]
    assert shopper.ask("leave", when="now", refund_krw=shown).status_code == 303


@pytest.mark.parametrize(("away", "back"), [("skip", "unskip"), ("leave", "stay")])
def test_a_charge_whose_notice_was_kept_back_for_a_choice_is_told_of_when_that_is_taken_back(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, away: str, back: str
) -> None:
    """Nobody is charged without having been told."""
    shopper.subscribe()
    send(shop)
    due = datetime.fromtimestamp(shopper.subscription()["next"]["at"], UTC)
    go_to(shop, due - timedelta(days=6))
    shop.renew()
    assert sending.outbox(shop.billing)[-1].kind == "renewal_notice"
    shopper.ask(away, **({"when": "period_end"} if away == "leave" else {}))
    send(shop)
    assert sent(shop, "renewal_notice") == []

    shopper.ask(back)
    shop.pass_time(minutes=2)
    shop.renew()
    send(shop)

    assert len(sent(shop, "renewal_notice")) == 1
    go_to(shop, due)
    shop.renew()
    assert sandbox.net() == 2 * PRICE


def test_money_that_came_back_at_last_is_told_although_an_earlier_cancel_was_undone(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """The first news was not true any more when it was to go out."""
    payment = shopper.buy()
    for _ in range(2):
        sandbox.cancel_in_console(payment["imp_uid"])
        tell(shop, payment["imp_uid"], payment["merchant_uid"])
        if sandbox.net() == 0 and not sent(shop, "receipt"):
            sandbox.undo_cancel(payment["imp_uid"])
            tell(shop, payment["imp_uid"], payment["merchant_uid"])
        send(shop)

    assert (sandbox.net(), len(sent(shop, "refunded"))) == (0, 1)


def test_what_leaving_promised_to_tell_is_told_although_that_sum_went_back_before(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Given back in the console, told, and undone; then its shopper leaves and gets as much."""
    shopper.subscribe()
    [paid] = shopper.subscription()["period"]["attempts"]
    imp_uid = shopper.payment(paid)["imp_uid"]
    shop.pass_time(days=10)
    back = shopper.see(f"/account/subscriptions/{shopper.subscription()['id']}/leave")["refund_krw"]
    sandbox.cancel_in_console(imp_uid, back)
    tell(shop, imp_uid, paid)
    send(shop)
    sandbox.undo_cancel(imp_uid)
    tell(shop, imp_uid, paid)

    leave_now(shopper)
    send(shop)

    assert "We write again when it has arrived" in read(shop, sent(shop, "left")[0])
    assert (sandbox.net(), len(sent(shop, "refunded"))) == (PRICE - back, 2)


@pytest.mark.parametrize("is_told_between", [True, False])
def test_who_leaves_now_after_all_does_not_read_that_it_runs_on(
    shop: Shop, shopper: Shopper, is_told_between: bool
) -> None:
    """The first choice was the end of the period."""
    shopper.subscribe()
    shopper.ask("leave", when="period_end")
    if is_told_between:
        send(shop)

    leave_now(shopper)
    send(shop)

    assert len(sent(shop, "left")) == (2 if is_told_between else 1)
    last = read(shop, sent(shop, "left")[-1])
    assert "is on its way back" in last
    assert "Until then you can stay after all" not in last


def test_a_decline_says_when_the_card_that_was_chosen_meanwhile_is_tried(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """While the charge was unknown its shopper registered another card for the subscription; it is tried at once."""
    shopper.subscribe()
    shopper.ask("card", card=shopper.register_card("decline-later")["id"])
    found = shopper.subscription()
    go_to(shop, datetime.fromtimestamp(found["next"]["at"], UTC))
    sandbox.fault(AGAIN, "cut_after")
    sandbox.fault("/payments/findAll/*", "error", times=0)
    shop.renew()
    shopper.tell(sandbox.pay(shopper.order("register", subscription=str(found["id"]))))
    sandbox.mend()
    shop.pass_time(minutes=2)
    shop.reconcile()
    send(shop)

    [declined] = sent(shop, "declined")
    assert "You have chosen another card since; we try it in a moment." in read(shop, declined)
    shop.pass_time(minutes=2)
    shop.renew()
    assert sandbox.net() == 2 * PRICE


def test_whoever_removes_the_card_that_was_to_be_tried_again_is_told_that_another_is_needed(
    shop: Shop, shopper: Shopper
) -> None:
    """The last mail had said when it would be tried."""
    shopper.subscribe(mode="register", card="decline-later")
    go_to(shop, datetime.fromtimestamp(shopper.subscription()["next"]["at"], UTC))
    shop.renew()
    assert sending.outbox(shop.billing)[-1].kind == "declined"

    shopper.remove_card(shopper.subscription()["card"])
    send(shop)

    assert len(sent(shop, "card_needed")) == 1


def test_who_leaves_stays_and_leaves_again_before_mails_go_out_reads_of_it_once(
    shop: Shop, subscriber: Shopper
) -> None:
    """Nothing was carried for a while."""
    for what, form in (("leave", {"when": "period_end"}), ("stay", {}), ("leave", {"when": "period_end"})):
        assert subscriber.ask(what, **form).status_code == 303

    send(shop)

    assert len(sent(shop, "left")) == 1


def test_a_notice_that_is_dropped_for_another_choice_does_not_have_that_one_told_twice(
    shop: Shop, subscriber: Shopper
) -> None:
    """Both wait; the first is no longer true, the second goes out once."""
    due_at = datetime.fromtimestamp(subscriber.subscription()["next"]["at"], UTC)
    go_to(shop, due_at - timedelta(days=3))
    shop.renew()
    assert subscriber.ask("plan", plan="daybreak", price_krw=18_900, consent="y").status_code == 303
    shop.renew()
    for _ in range(2):
        send(shop)
        shop.pass_time(minutes=2)
        shop.renew()

    assert [mail.payload["amount_krw"] for mail in sent(shop, "renewal_notice")] == [18_900]
