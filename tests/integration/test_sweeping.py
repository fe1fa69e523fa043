"""The sweep misses nothing: neither what was slow to show, nor what could not be compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from storefront.billing.payments import settlement
from storefront.billing.reconciling import reconciliation, sweeping
from storefront.models import Sweep
from tests.conftest import Shop
from tests.integration.news import facts
from tests.people import Sandbox, Shopper


@pytest.fixture
def cancelled(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> dict[str, Any]:
    """A paid order that the last sweep has seen, cancelled in the console since; the webhook was lost."""
    paid = shopper.buy("pay")
    shop.reconcile()
    sandbox.fault("webhook", "drop", times=0)
    shop.pass_time(hours=3)
    sandbox.cancel_in_console(paid["imp_uid"])
    return paid


def test_what_was_slow_to_show_is_found_within_the_hour(
    shop: Shop, shopper: Shopper, cancelled: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each sweep looks an hour further back than the last one began."""

    def nothing_yet(*_window: Any) -> Iterator[Any]:
        return iter(())

    shop.pass_time(minutes=10)
    with monkeypatch.context() as slow:
        slow.setattr(shop.billing.gateway, "payments_by_status", nothing_yet)
        shop.reconcile()
    shop.pass_time(hours=5)

    shop.reconcile()

    assert facts(shopper, cancelled["merchant_uid"]) == ("cancelled", True, 0)


def test_a_second_capture_of_an_order_is_found_by_the_sweep_alone(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Its webhook was lost, and the order is at rest: it goes back."""
    params = shopper.order("pay")
    sandbox.fault("webhook", "drop", times=0)
    shopper.tell(sandbox.pay(params))
    sandbox.pay(params, "approve-2", late=True)
    assert sandbox.net() == 2 * 14_900
    shop.pass_time(minutes=5)

    shop.reconcile()

    assert sandbox.net() == 14_900
    assert shopper.agrees_with_ledger()


def test_a_sweep_that_could_not_compare_one_payment_does_not_count(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, cancelled: dict[str, Any]
) -> None:
    """The next one begins where that one did."""
    shop.pass_time(hours=2)
    sandbox.fault(f"/payments/{cancelled['imp_uid']}", "error", times=0)
    assert shop.reconcile().unheard == [f"{cancelled['imp_uid']}: HTTP 500"]
    sandbox.mend()
    sandbox.fault("webhook", "drop", times=0)
    shop.pass_time(hours=5)

    shop.reconcile()

    assert facts(shopper, cancelled["merchant_uid"]) == ("cancelled", True, 0)


def test_what_is_remembered_of_sweeps_does_not_grow_for_ever(shop: Shop) -> None:
    """A day of them, of which the newest is read."""
    for _ in range(12):
        shop.pass_time(hours=7)
        shop.reconcile()

    with shop.billing.database.reading() as session:
        moments = session.scalars(select(Sweep.started_at).order_by(Sweep.id)).all()
    assert len(moments) == 5
    assert sweeping.last_success(shop.billing) == moments[-1]


def test_what_a_busy_database_could_not_take_is_swept_again(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A capture of a day ago that nobody told us of, met by a sweep while the database is locked."""
    shop.reconcile()
    window = sandbox.pay(shopper.order("pay"), "decline-limit")
    shopper.tell(window)
    sandbox.fault("webhook", "drop", times=0)
    sandbox.approve_late(window["imp_uid"])
    shop.pass_time(days=1)

    def locked(*_arguments: Any, **_options: Any) -> None:
        raise OperationalError("UPDATE payment", {}, Exception("database is locked"))

    with monkeypatch.context() as busy:
        busy.setattr(settlement, "settle", locked)
        shop.reconcile()
    for _ in range(3):
        shop.pass_time(minutes=5)
        shop.reconcile()

    assert (sandbox.net(), facts(shopper, window["merchant_uid"])) == (14_900, ("paid", True, 14_900))


def test_another_shops_payment_of_which_nothing_is_held_needs_nobody(shop: Shop, sandbox: Sandbox) -> None:
    """It was cancelled before the sweep met it."""
    stray = sandbox.pay({"pg": "jtnet", "merchant_uid": "nobodys", "amount": 700, "name": "tea"})
    sandbox.cancel_in_console(stray["imp_uid"])

    assert shop.reconcile().needs_person == []


def test_a_sweep_that_could_not_compare_its_first_payment_does_not_count(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Although it could compare the last one."""
    first, second = shopper.buy(), shopper.buy()
    shop.reconcile()
    before = sweeping.last_success(shop.billing)
    sandbox.fault("webhook", "drop", times=0)
    for paid in (first, second):
        sandbox.cancel_in_console(paid["imp_uid"])
    sandbox.fault(f"/payments/{first['imp_uid']}", "error", times=0)
    shop.pass_time(minutes=5)
    shop.reconcile()

    assert facts(shopper, second["merchant_uid"]) == ("cancelled", True, 0)
    assert sweeping.last_success(shop.billing) == before


def test_the_first_sweep_of_all_goes_back_to_the_first_order(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """Twelve hours, if nobody has swept before."""
    window = sandbox.pay(shopper.order("pay"), "decline-limit")
    shopper.tell(window)
    sandbox.fault("webhook", "drop", times=0)
    sandbox.approve_late(window["imp_uid"])
    shop.pass_time(hours=12)
    shop.reconcile()

    assert facts(shopper, window["merchant_uid"]) == ("paid", True, 14_900)


def test_a_cancel_that_is_undone_within_the_hour_is_found_by_the_sweep(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Long before its order has its next look."""
    paid = shopper.buy("pay")
    shopper.refund(paid["merchant_uid"])
    shop.reconcile()
    sandbox.fault("webhook", "drop", times=0)
    sandbox.undo_cancel(paid["imp_uid"])
    shop.pass_time(minutes=5)

    reconciliation.reconcile(shop.billing, only_due=True)

    assert facts(shopper, paid["merchant_uid"]) == ("paid", True, 14_900)
