"""Claiming what is due: one look, one claim, one sender, whatever else goes wrong, and few statements."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import pytest
from sqlalchemy import event

from storefront.billing import Billing
from storefront.billing.attention import open_items
from storefront.billing.payments import charges
from storefront.billing.reconciling import desk, reconciliation
from storefront.billing.renewing import claiming, renewal
from storefront.billing.renewing.claiming import Claimed, RacedError
from storefront.billing.subscriptions.standing import Standing
from storefront.clock import Clock
from storefront.iamport import Iamport, SilenceError
from tests.conftest import Shop
from tests.integration.calendars import go_to_next
from tests.integration.renewals import AGAIN, end, payments_of
from tests.people import Sandbox, Shopper

LOOKING = 3
"""Statements of each look, whether it finds one that is due or a thousand: the newest order, what is ahead, how much there is."""


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


def test_what_is_about_to_be_sent_is_left_to_its_sender_for_a_minute(
    shop: Shop, subscriber: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The background asks nothing about it while it is being sent."""
    go_to_next(shop, subscriber)
    looked_at: list[list[str]] = []

    def look_meanwhile(*_arguments: Any, **_options: Any) -> NoReturn:
        for _ in range(2):
            looked_at.append(reconciliation.reconcile(shop.billing, only_due=True, sweep=False).looked_at)
            shop.clock.advance(timedelta(minutes=1))
        raise SilenceError("charge_again", "cut")

    monkeypatch.setattr(Iamport, "charge_again", look_meanwhile)
    report = renewal.renew(shop.billing)

    assert looked_at == [[], report.sent]


def test_whoever_loses_a_race_goes_on_with_what_else_is_due(
    shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it lost is the winner's, or the next look's."""
    subscribers = [Shopper(shop.browser(), sandbox).sign_up() for _ in range(2)]
    for subscriber in subscribers:
        subscriber.subscribe()
    go_to_next(shop, subscribers[1])
    claim, lost = claiming.claim, [RacedError()]

    def lose_first(billing: Billing) -> Claimed | None:
        if lost:
            raise lost.pop()
        return claim(billing)

    monkeypatch.setattr(claiming, "claim", lose_first)
    assert len(renewal.renew(shop.billing, senders=1).sent) == 2
    assert sandbox.net() == 4 * 14_900


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


def test_a_clock_that_is_behind_charges_nothing(
    shop: Shop, subscriber: Shopper, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says so."""
    go_to_next(shop, subscriber)
    subscriber.order("pay")
    monkeypatch.setattr(shop.clock, "now", lambda: datetime.now(UTC))

    assert shop.renew().is_behind
    assert sandbox.net() == 14_900


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
