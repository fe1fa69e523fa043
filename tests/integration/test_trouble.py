"""Trouble of our own: shown until it is over, told again when it comes again, and never without a way out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from storefront.billing.attention import open_items
from storefront.billing.payments import settlement
from storefront.billing.reconciling import desk
from storefront.billing.subscriptions.standing import Standing
from storefront.clock import Clock
from storefront.models import Payment
from tests.conftest import Shop
from tests.integration.calendars import go_to, go_to_next
from tests.people import Sandbox, Shopper

PRICE = 14_900


def reasons(shop: Shop) -> list[str]:
    """Why a person is needed."""
    return [item.reason for item in open_items(shop.billing)]


@contextmanager
def poisoned() -> Iterator[None]:
    """No subscription can be decided about while the block runs."""

    def raise_something(_found: Standing, _now: datetime) -> Any:
        raise ZeroDivisionError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Standing, "decide", raise_something)
        yield


@pytest.fixture
def due(shop: Shop, shopper: Shopper) -> Shopper:
    """Somebody whose second bag has fallen due."""
    shopper.subscribe()
    go_to_next(shop, shopper)
    return shopper


@pytest.mark.usefixtures("due")
def test_the_trouble_of_a_subscription_is_shown_until_it_is_decided_about(shop: Shop) -> None:
    """A look at i'mport tells nothing about it."""
    with poisoned():
        assert shop.renew().troubled
        assert shop.reconcile().needs_person != []
    shop.pass_time(hours=2)
    assert len(shop.renew().sent) == 1

    shop.reconcile()

    assert reasons(shop) == []


@pytest.mark.usefixtures("due")
def test_the_trouble_of_a_subscription_can_be_looked_at_while_imports_is_silent(shop: Shop, sandbox: Sandbox) -> None:
    """There is nothing that i'mport could say about it."""
    with poisoned():
        shop.renew()
    [item] = open_items(shop.billing)
    sandbox.fault("/*", "error", times=0)
    before = len(sandbox.requests())

    assert desk.show(shop.billing, item.id).says == ["it is about no payment, so i'mport was not asked"]
    assert len(sandbox.requests()) == before


def test_trouble_that_comes_again_after_a_person_has_closed_it_is_told_again(shop: Shop, due: Shopper) -> None:
    """It was mended, charges went through, and now there is another mistake of the same kind."""
    with poisoned():
        shop.renew()
    [item] = open_items(shop.billing)
    desk.close(shop.billing, item.id, "mended in 1.2")
    shop.pass_time(hours=1)
    assert len(shop.renew().sent) == 1
    go_to_next(shop, due)

    with poisoned():
        assert shop.renew().troubled

    assert reasons(shop) == ["trouble"]


def test_an_order_whose_look_ends_in_an_error_can_be_closed_all_the_same(
    shop: Shop, shopper: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is what the person closes; the log has the error once more."""
    params = shopper.order("pay")
    settle = settlement.settle

    def break_down(*arguments: Any, **options: Any) -> Payment | None:
        if options.get("merchant_uid") == params["merchant_uid"]:
            raise LookupError
        return settle(*arguments, **options)

    monkeypatch.setattr(settlement, "settle", break_down)
    shop.reconcile()
    [item] = open_items(shop.billing)

    desk.close(shop.billing, item.id, "reported to the developers")

    assert reasons(shop) == []


@pytest.mark.usefixtures("due")
def test_a_period_that_was_missed_is_told_to_the_operator(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody tried to charge it while the shop was down, and nobody will."""
    shop.pass_time(days=70)
    caplog.clear()
    shop.renew()

    [told] = [record for record in caplog.records if record.getMessage() == "period_missed"]
    assert told.levelno == logging.WARNING
    assert told.fields["periods"] == [1, 2]  # type: ignore[attr-defined]


def test_a_subscription_that_was_changed_by_a_clock_that_was_ahead_waits_for_a_person(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, clock: Clock
) -> None:
    """One machine was forty days ahead for one press. Closing it says that today's clock is right."""
    shopper.subscribe()
    due = datetime.fromtimestamp(shopper.subscription()["next"]["at"], UTC)
    clock._offset += timedelta(days=40)
    shopper.ask("plan", plan="noon", price_krw=16_900, consent="y")
    clock._offset -= timedelta(days=40)
    go_to(shop, due)

    assert shop.renew().sent == []
    [item] = open_items(shop.billing)
    assert item.reason == "clocks"
    shop.reconcile()
    assert reasons(shop) == ["clocks"]
    desk.close(shop.billing, item.id, "the other machine's clock was wrong")
    assert len(shop.renew().sent) == 1
    assert (sandbox.net(), reasons(shop)) == (PRICE + 16_900, [])
