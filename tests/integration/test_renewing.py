"""Subscriptions renew by themselves: each period is charged once, when it is due, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from storefront.billing import Billing, attention
from storefront.billing.attention import open_items
from storefront.billing.payments import charges
from storefront.billing.reconciling import desk
from storefront.billing.renewing import claiming, forecast, renewal
from storefront.billing.subscriptions import calendar, decisions, standing
from storefront.billing.subscriptions.standing import Standing
from storefront.clock import Clock
from storefront.models import Checkout, Subscription
from storefront.states import EndReason, Every
from tests.conftest import Shop
from tests.integration.calendars import go_to, go_to_next
from tests.integration.news import tell
from tests.people import Sandbox, Shopper

LOOKING = 3
"""Statements of each look, whether it finds one that is due or a thousand: the newest order, what is ahead, how much there is."""
AGAIN = "/subscribe/payments/again"


def payments_of(shopper: Shopper) -> list[dict[str, Any]]:
    """Its attempts at the present period."""
    return [shopper.payment(merchant_uid) for merchant_uid in shopper.subscription()["period"]["attempts"]]


@pytest.fixture
def subscriber(shopper: Shopper) -> Shopper:
    """Somebody who pays each month, and has paid the first one today."""
    shopper.subscribe()
    return shopper


@pytest.mark.parametrize("card", ["approve", "decline-later"])
def test_what_is_over_is_not_foreseen(shop: Shop, shopper: Shopper, card: str) -> None:
    """The worker was off for months: as many charges are foreseen as are made then."""
    shopper.subscribe(mode="register", card=card)
    go_to_next(shop, shopper)
    if card == "decline-later":
        shop.renew()
    go_to(shop, shop.clock.now() + timedelta(days=100))

    foreseen = list(forecast.foresee(shop.billing, shop.clock.now()))

    sent = []
    for _ in range(5):
        sent += shop.renew().sent
        shop.pass_time(minutes=2)
    assert len(foreseen) == len(sent) == (card == "approve")


def test_what_a_program_sees_of_a_new_subscription(shop: Shop, subscriber: Shopper) -> None:
    """The contract's shape, with the first payment as attempt 1 at period 0."""
    today = calendar.seoul_day(shop.clock.now())
    running, coming = (calendar.interval(today, Every.MONTH, number) for number in (0, 1))
    account = subscriber.account()
    [card], [payment] = account["cards"], account["payments"]

    assert account["subscriptions"] == [subscriber.subscription()]
    assert subscriber.subscription() == {
        "id": payment["subscription"],
        "plan": "morning",
        "every": "month",
        "price": 14_900,
        "status": "active",
        "reason": None,
        "card": card["id"],
        "period": {
            "number": 0,
            "begins_on": f"{running.begins_on}",
            "ends_on": f"{running.ends_on}",
            "status": "paid",
            "attempts": [payment["merchant_uid"]],
        },
        "next": {
            "at": int(coming.due_at.timestamp()),
            "on": f"{coming.begins_on}",
            "amount": 14_900,
            "plan": "morning",
            "card": card["id"],
        },
        "leaves_on": None,
        "skips_next": False,
    }
    assert (payment["period"], payment["attempt"]) == (0, 1)


def test_a_period_is_charged_when_it_is_due_and_once(shop: Shop, subscriber: Shopper, sandbox: Sandbox) -> None:
    """Not before nine o'clock in Seoul; with the stored key, under a number of its own."""
    due = datetime.fromtimestamp(subscriber.subscription()["next"]["at"], UTC)
    go_to(shop, due - timedelta(seconds=30))
    assert shop.renew().sent == []

    go_to(shop, due)
    [merchant_uid] = shop.renew().sent
    assert shop.renew().sent == []

    [payment] = payments_of(subscriber)
    assert (payment["purpose"], payment["status"], payment["net"]) == ("renewal", "paid", 14_900)
    assert (payment["period"], payment["attempt"]) == (1, 1)
    assert sandbox.net(merchant_uid) == 14_900
    assert len(sandbox.requests(AGAIN)) == 1
    assert sandbox.net() == 2 * 14_900
    assert subscriber.subscription()["period"]["status"] == "paid"


def test_a_year_of_months_is_twelve_captures(shop: Shop, subscriber: Shopper, sandbox: Sandbox) -> None:
    """Each in its own month, whatever day the anchor is."""
    for _ in range(12):
        go_to_next(shop, subscriber)
        shop.renew()

    assert sandbox.net() == 13 * 14_900
    assert subscriber.subscription()["period"]["number"] == 12
    assert subscriber.agrees_with_ledger()


def test_a_registered_card_is_charged_on_the_day_that_was_chosen(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Period 0 is a decision of its own; the 0 won have paid for nothing."""
    shopper.subscribe(mode="register")
    waiting = shopper.subscription()
    assert (waiting["period"]["number"], waiting["period"]["status"]) == (0, "due")
    assert (waiting["period"]["attempts"], sandbox.net()) == ([], 0)

    go_to_next(shop, shopper)
    shop.renew()

    [payment] = payments_of(shopper)
    assert (payment["period"], payment["attempt"], payment["status"]) == (0, 1, "paid")
    assert sandbox.net() == 14_900


def test_a_renewal_makes_one_request_and_two_transactions_of_few_statements(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """So much a thousand subscribers ask for a thousand times; with the look at what is left there are two more."""
    go_to_next(shop, subscriber)
    shop.renew()
    go_to_next(shop, subscriber)
    before = len(sandbox.requests())

    with counted(shop) as (statements, commits):
        shop.renew()

    assert [call["path"] for call in sandbox.requests()[before:]] == [AGAIN]
    assert len(commits) == 2
    assert len(statements) - LOOKING <= 9, "\n\n".join(statements)


@contextmanager
def counted(shop: Shop) -> Iterator[tuple[list[str], list[object]]]:
    """The statements and the writing transactions of a block."""
    statements: list[str] = []
    commits: list[object] = []
    engines = {shop.billing.database.engine, shop.billing.database.writer}

    def see(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    def see_commit(connection: object) -> None:
        commits.append(connection)

    for engine in engines:
        event.listen(engine, "before_cursor_execute", see)
        event.listen(engine, "commit", see_commit)
    yield statements, commits
    for engine in engines:
        event.remove(engine, "before_cursor_execute", see)
        event.remove(engine, "commit", see_commit)


def test_an_unknown_outcome_blocks_everything_until_it_is_found(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """The answer was cut after the work: it was paid, and nobody charges again."""
    go_to_next(shop, subscriber)
    sandbox.fault(AGAIN, "cut_after")
    sandbox.fault("/payments/findAll/*", "error", status=500, times=0)
    shop.renew()
    open_period = subscriber.subscription()
    assert (open_period["period"]["status"], open_period["next"]) == ("unpaid", None)
    assert shop.renew().sent == []

    sandbox.mend()

    assert subscriber.subscription()["period"]["status"] == "paid"
    assert sandbox.net() == 2 * 14_900


def test_a_charge_that_never_arrived_is_sent_again_under_the_same_number(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """By reconcile alone, after the grace time."""
    go_to_next(shop, subscriber)
    sandbox.fault(AGAIN, "cut_before")
    [merchant_uid] = shop.renew().sent
    shop.pass_time(minutes=12)
    shop.reconcile()

    assert [payment["merchant_uid"] for payment in payments_of(subscriber)] == [merchant_uid]
    assert sandbox.net(merchant_uid) == 14_900


def test_a_period_that_is_over_is_missed_and_the_running_one_charged(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """The shop was down for ten weeks: nobody is charged for the past, and never for two at once."""
    go_to_next(shop, subscriber)
    shop.pass_time(days=70)
    assert shop.renew().sent == []
    assert sandbox.net() == 14_900
    assert subscriber.subscription()["period"]["status"] == "due"

    shop.pass_time(minutes=2)
    shop.renew()

    [payment] = payments_of(subscriber)
    assert payment["period"] >= 2
    assert sandbox.net() == 2 * 14_900


def test_a_clock_that_is_behind_charges_nothing(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says so."""
    go_to_next(shop, subscriber)
    subscriber.order("pay")
    monkeypatch.setattr(shop.clock, "now", lambda: datetime.now(UTC))

    assert shop.renew().is_behind
    assert sandbox.net() == 14_900


def test_many_workers_charge_each_of_many_once(shop: Shop, sandbox: Sandbox) -> None:
    """Four at once, over and over, until nobody finds anything."""
    subscribers = [Shopper(shop.browser(), sandbox).sign_up() for _ in range(6)]
    for subscriber in subscribers:
        subscriber.subscribe()
    go_to_next(shop, subscribers[0])
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: renewal.renew(shop.billing, senders=4), range(8)))

    sent = [merchant_uid for report in reports for merchant_uid in report.sent]
    assert len(sent) == len(set(sent)) == len(subscribers)
    assert sandbox.net() == 2 * 14_900 * len(subscribers)
    assert all(payments_of(subscriber)[0]["status"] == "paid" for subscriber in subscribers)


def test_one_that_cannot_be_decided_about_is_in_nobodys_way(
    shop: Shop, subscriber: Shopper, another_shopper: Shopper, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the first that is due; a person is told, and it is left alone for an hour."""
    another_shopper.subscribe()
    go_to_next(shop, another_shopper)
    bad = subscriber.subscription()["id"]
    decide = Standing.decide

    def poisoned(found: Standing, now: datetime) -> Any:
        if found.subscription.id == bad:
            raise ZeroDivisionError
        return decide(found, now)

    monkeypatch.setattr(Standing, "decide", poisoned)
    report = shop.renew()
    monkeypatch.undo()

    assert (report.troubled, len(report.sent)) == ([bad], 1)
    [item] = open_items(shop.billing)
    assert item.subject == f"subscription_{bad}"
    desk.close(shop.billing, item.id, "mended")
    assert open_items(shop.billing) == []
    assert shop.renew().sent == []
    shop.pass_time(hours=1)
    assert len(shop.renew().sent) == 1
    assert sandbox.net() == 4 * 14_900


def test_a_claim_that_was_slept_over_is_looked_at_before_it_is_sent(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The subscription ended between the claim and the sending: nothing is sent, and reconcile gives the charge up."""
    go_to_next(shop, subscriber)
    claim = claiming.claim

    def sleepy(billing: Billing) -> Any:
        claimed = claim(billing)
        if claimed is not None:
            end(shop)
        return claimed

    monkeypatch.setattr(claiming, "claim", sleepy)
    monkeypatch.setattr(charges, "LATE", timedelta())
    [merchant_uid] = shop.renew().sent
    shop.pass_time(minutes=12)
    shop.reconcile()

    assert sandbox.requests(AGAIN) == []
    assert subscriber.payment(merchant_uid)["status"] == "failed"
    assert sandbox.net() == 14_900


def test_a_slow_claim_of_a_running_subscription_is_sent_all_the_same(
    shop: Shop, subscriber: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its grace time begins anew."""
    go_to_next(shop, subscriber)
    monkeypatch.setattr(charges, "LATE", timedelta())
    shop.renew()

    assert [payment["status"] for payment in payments_of(subscriber)] == ["paid"]


def test_the_timeline_of_a_renewal_tells_it_from_the_beginning(shop: Shop, subscriber: Shopper) -> None:
    """Written down, sent, answered, paid, and what that means for the subscription."""
    go_to_next(shop, subscriber)
    [merchant_uid] = shop.renew().sent

    told = [line["event"] for line in subscriber.payment(merchant_uid)["events"]]
    assert told == ["ordered", "charge_sent", "charge_answered", "paid", "period_paid"]


def test_another_shoppers_subscription_does_not_exist(subscriber: Shopper, another_shopper: Shopper) -> None:
    """404, as for one that nobody has."""
    own = f"/account/subscriptions/{subscriber.subscription()['id']}"
    for path in (own, "/account/subscriptions/999999999", "/account/subscriptions/x"):
        assert another_shopper.browser.get(path).status_code == 404
    assert subscriber.browser.get(own).status_code == 200


def test_whoever_reads_sees_what_time_has_decided_although_nobody_renewed(shop: Shop, subscriber: Shopper) -> None:
    """A period was missed; no charge is made by reading."""
    go_to_next(shop, subscriber)
    shop.pass_time(days=40)

    read = subscriber.subscription()

    assert (read["period"]["number"] >= 2, read["period"]["status"]) == (True, "due")
    with shop.billing.database.reading() as session:
        statuses = session.scalars(select(Checkout.period_status).order_by(Checkout.number)).all()
    assert statuses[:2] == ["paid", "missed"]


def test_an_ended_subscription_is_not_sent_again(shop: Shop, subscriber: Shopper, sandbox: Sandbox) -> None:
    """The charge of its last period never arrived; it is given up once the grace is over."""
    first = subscriber.subscription()["period"]["attempts"][0]
    go_to_next(shop, subscriber)
    sandbox.fault(AGAIN, "cut_before")
    [merchant_uid] = shop.renew().sent
    end(shop)
    shop.pass_time(minutes=12)
    shop.reconcile()

    assert subscriber.payment(merchant_uid)["status"] == "failed"
    assert len(sandbox.requests(AGAIN)) == 1
    assert sandbox.net() == sandbox.net(first)


def test_what_was_captured_for_a_subscription_that_ended_meanwhile_goes_back(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """The answer was cut; when it is found the subscription has ended."""
    go_to_next(shop, subscriber)
    sandbox.fault(AGAIN, "cut_after")
    [merchant_uid] = shop.renew().sent
    end(shop)
    shop.reconcile()

    assert subscriber.payment(merchant_uid)["status"] == "refused"
    assert (sandbox.net(merchant_uid), sandbox.net()) == (0, 14_900)
    assert subscriber.subscription()["status"] == "ended"


def test_a_renewal_that_is_captured_for_another_sum_goes_back_and_is_owed(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox
) -> None:
    """Whoever took the number took the wrong sum: the period is not paid by it, and is tried again."""
    customer_uid = subscriber.account()["cards"][0]["customer_uid"]
    go_to_next(shop, subscriber)
    sandbox.fault(AGAIN, "cut_before")
    [merchant_uid] = shop.renew().sent
    sandbox.call("POST", AGAIN, customer_uid=customer_uid, merchant_uid=merchant_uid, amount=100, name="another sum")
    shop.reconcile()

    owing = subscriber.subscription()
    assert subscriber.payment(merchant_uid)["status"] == "refused"
    assert sandbox.net(merchant_uid) == 0
    assert (owing["status"], owing["period"]["status"]) == ("past_due", "unpaid")

    go_to_next(shop, subscriber)
    shop.renew()
    paid = subscriber.subscription()
    assert (paid["status"], paid["period"]["status"]) == ("active", "paid")
    assert sandbox.net() == 2 * 14_900


def end(shop: Shop) -> None:
    """The shopper leaves, as far as the books are concerned; nobody looks at a page."""
    with shop.billing.database.writing() as session:
        found = standing.lock(session, session.scalars(select(Subscription.id)).one())
        decisions.end(found.subscription, found.period, EndReason.LEFT, shop.clock.now())


def test_a_late_approval_of_a_declined_attempt_pays_the_period(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """It was declined, and the card company approves it after all: nothing is owed any more."""
    shopper.subscribe(card="decline-later", mode="register")
    go_to_next(shop, shopper)
    [merchant_uid] = shop.renew().sent
    declined = shopper.payment(merchant_uid)
    assert shopper.subscription()["status"] == "past_due"

    sandbox.approve_late(declined["imp_uid"])
    tell(shop, declined["imp_uid"], merchant_uid)

    paid = shopper.subscription()
    assert (paid["status"], paid["period"]["status"]) == ("active", "paid")
    assert sandbox.net() == 14_900


def test_an_attempt_that_waits_for_a_person_blocks_the_next_period_until_it_is_closed(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Its period was paid by a late approval meanwhile. Nobody makes another attempt, and none is in trouble for it."""
    shopper.subscribe(mode="register", card="decline-later")
    go_to_next(shop, shopper)
    [first] = shop.renew().sent
    good = shopper.register_card()
    sandbox.fault(AGAIN, "cut_before")
    shopper.ask("pay", card=good["id"], token="one-press")
    second = shopper.subscription()["period"]["attempts"][-1]
    with shop.billing.database.writing() as session:
        attention.call(session, attention.Reason.CONTRADICTION, second, shop.clock.now())
    sandbox.approve_late(shopper.payment(first)["imp_uid"])
    tell(shop, shopper.payment(first)["imp_uid"], first)
    shopper.ask("card", card=good["id"])
    assert (shopper.payment(first)["status"], shopper.payment(second)["status"]) == ("paid", "requested")
    go_to(shop, shop.clock.now() + timedelta(days=32))

    report = shop.renew()

    assert (report.troubled, report.sent) == ([], [])
    [item] = open_items(shop.billing)
    assert item.reason == "contradiction"
    desk.close(shop.billing, item.id, "it never arrived")
    assert shopper.payment(second)["status"] == "failed"
    shopper.ask("card", card=good["id"])
    shop.pass_time(minutes=2)
    assert len(shop.renew().sent) == 1
    assert sandbox.net() == 2 * 14_900


def test_a_charge_whose_outcome_is_unknown_hides_none_of_those_after_it(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """The dry run takes it to be paid, like those that it foresees."""
    shopper.subscribe()
    go_to_next(shop, shopper)
    sandbox.fault(AGAIN, "cut_before")
    shop.renew()

    foreseen = forecast.foresee(shop.billing, shop.clock.now() + timedelta(days=95))
    assert [each.upcoming.interval.number for each in foreseen] == [2, 3, 4]


def test_an_order_that_was_written_by_a_machine_a_minute_ahead_stops_no_renewals(
    shop: Shop, shopper: Shopper, another_shopper: Shopper, clock: Clock
) -> None:
    """Machines differ by as much."""
    shopper.subscribe()
    go_to_next(shop, shopper)
    clock._offset += timedelta(minutes=1)
    another_shopper.order("pay")
    clock._offset -= timedelta(minutes=1)

    report = shop.renew()

    assert (report.is_behind, len(report.sent)) == (False, 1)
