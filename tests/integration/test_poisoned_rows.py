"""One bad row stops nobody else: each loop contains what one order raises, and a person hears of it."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError

from storefront import background
from storefront.billing import attention
from storefront.billing.orders import records
from storefront.billing.orders.records import Seen, StaleAnswerError
from storefront.billing.payments import settlement
from storefront.billing.reconciling import desk, reconciliation
from storefront.iamport import Iamport
from storefront.models import Payment
from tests.conftest import Shop
from tests.integration.news import facts, tell
from tests.people import Sandbox, Shopper


def needed(shop: Shop) -> list[tuple[str, str]]:
    """What needs a person: reason and subject."""
    return [(item.reason, item.subject) for item in attention.open_items(shop.billing)]


@pytest.fixture
def given_out_twice(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> dict[str, Any]:
    """A paid order whose imp_uid the shop has in its books for another order already."""
    other = shopper.order("pay")
    params = shopper.order("pay")
    sandbox.fault("webhook", "drop", times=0)
    result = sandbox.pay(params, outcome="lose_callback")
    with shop.billing.database.writing() as session:
        mine = Payment.merchant_uid == other["merchant_uid"]
        session.execute(update(Payment).where(mine).values(imp_uid=result["imp_uid"], status="failed"))
    return {**result, "owner": other["merchant_uid"]}


def test_an_imp_uid_that_belongs_to_another_order_is_a_contradiction_at_every_door(
    shop: Shop, shopper: Shopper, another_shopper: Shopper, sandbox: Sandbox, given_out_twice: dict[str, Any]
) -> None:
    """No page and no webhook breaks, and everybody else's order is found."""
    theirs = another_shopper.order("pay")
    sandbox.pay(theirs, outcome="lose_callback")
    merchant_uid = given_out_twice["merchant_uid"]

    tell(shop, given_out_twice["imp_uid"], merchant_uid)
    assert shopper.tell({**given_out_twice, "callback": {}}).status_code == 200
    assert shopper.payment(merchant_uid)["status"] == "ready"
    assert shopper.account()["payments"]
    report = shop.reconcile()

    assert theirs["merchant_uid"] in report.changed
    assert ("contradiction", merchant_uid) in needed(shop)
    [line] = [line for line in report.needs_person if merchant_uid in line]
    assert given_out_twice["owner"] in line


def test_nothing_is_closed_over_money_that_is_in_no_book(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, given_out_twice: dict[str, Any]
) -> None:
    """It is cancelled in the console first; then the order comes to its end."""
    merchant_uid = given_out_twice["merchant_uid"]
    shop.reconcile()
    [item] = [item for item in attention.open_items(shop.billing) if item.subject == merchant_uid]

    for given_back in (0, 4_900):
        if given_back:
            sandbox.cancel_in_console(given_out_twice["imp_uid"], given_back)
        with pytest.raises(desk.StillHeldError) as refused:
            desk.close(shop.billing, item.id, "the sandbox was restarted")
        assert refused.value.held == 14_900 - given_back

    sandbox.cancel_in_console(given_out_twice["imp_uid"])
    desk.close(shop.billing, item.id, "the sandbox was restarted")

    shop.reconcile()
    assert facts(shopper, merchant_uid) == ("expired", False, 0)
    assert merchant_uid not in [subject for _reason, subject in needed(shop)], "the same news opens nothing again"


def test_losing_a_race_is_no_contradiction(shop: Shop, shopper: Shopper, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else has just written the same: the answer is stale, and is asked for again."""
    paid = shopper.buy("pay")
    answer = shop.billing.gateway.payment(paid["imp_uid"])
    assert answer is not None

    def lost(*_arguments: Any, **_options: Any) -> Seen:
        raise IntegrityError("INSERT", {}, Exception("UNIQUE constraint failed"))

    monkeypatch.setattr(records, "amend", lost)

    with pytest.raises(StaleAnswerError):
        records.record(shop.billing, Seen(paid["merchant_uid"], 1), answer)
    assert needed(shop) == []


def poison(monkeypatch: pytest.MonkeyPatch, merchant_uid: str) -> None:
    """Settling this order ends in an error."""
    settle = settlement.settle

    def broken(*arguments: Any, **options: Any) -> Payment | None:
        if options.get("merchant_uid") == merchant_uid:
            raise LookupError(merchant_uid)
        return settle(*arguments, **options)

    monkeypatch.setattr(settlement, "settle", broken)


def test_an_order_that_breaks_the_look_keeps_no_other_order_from_it(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its page shows what is known; a person is told the error's kind; and it is over when a look succeeds."""
    bad, good = shopper.order("pay"), shopper.order("register")
    sandbox.fault("webhook", "drop", times=0)
    for params in (bad, good):
        sandbox.pay(params, outcome="lose_callback")
    with monkeypatch.context() as broken:
        poison(broken, bad["merchant_uid"])

        assert facts(shopper, bad["merchant_uid"])[0] == "ready"
        assert good["merchant_uid"] in shop.reconcile().changed
        assert shopper.account()["cards"]
        [item] = attention.open_items(shop.billing)
    assert (item.reason, item.subject, item.detail) == ("trouble", bad["merchant_uid"], {"kind": "LookupError"})

    shop.pass_time(days=1)

    assert shop.reconcile().needs_person == []
    assert facts(shopper, bad["merchant_uid"]) == ("paid", True, 14_900)


def test_a_payment_that_breaks_the_sweep_hides_no_other_payment(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both were cancelled in the console; the first one's row is poisoned."""
    bad, good = shopper.buy("pay"), shopper.buy("pay")
    sandbox.fault("webhook", "drop", times=0)
    for paid in (bad, good):
        sandbox.cancel_in_console(paid["imp_uid"])
    poison(monkeypatch, bad["merchant_uid"])

    shop.reconcile()

    assert facts(shopper, good["merchant_uid"]) == ("cancelled", True, 0)
    assert needed(shop) == [("trouble", bad["merchant_uid"])]


def test_a_poisoned_order_is_not_looked_at_without_a_pause(
    shop: Shop, shopper: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its turn comes as everybody else's does."""
    poison(monkeypatch, shopper.order("pay")["merchant_uid"])
    shop.pass_time(minutes=6)

    looks = [len(reconciliation.reconcile(shop.billing, only_due=True, sweep=False).looked_at) for _ in range(3)]

    assert looks == [1, 0, 0]


def test_background_work_survives_any_error_and_says_so(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And looks again."""
    looks: list[bool] = []
    stop = threading.Event()

    def look(_billing: Any, *, only_due: bool, sweep: bool) -> reconciliation.Report:
        looks.append(sweep)
        if len(looks) < 3:
            raise LookupError(only_due)
        stop.set()
        return reconciliation.Report(unheard=["the sweep: HTTP 401"])

    monkeypatch.setattr(reconciliation, "reconcile", look)
    background.reconcile_forever(shop.billing, every_s=0.001, stop=stop)

    assert len(looks) == 3
    said = [record.getMessage() for record in caplog.records if record.name == "storefront.background"]
    assert said == ["look_failed", "look_failed", "deaf"]


def test_a_capture_whose_amount_has_changed_is_a_persons_matter(
    shop: Shop, shopper: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was captured stays what it was; more than that cannot have been cancelled of it."""
    paid = shopper.buy("pay")
    known = shop.billing.gateway.payment(paid["imp_uid"])
    assert known is not None
    grown = replace(known, amount=29_800, cancel_amount=20_000, status="cancelled")
    with monkeypatch.context() as lying:
        lying.setattr(Iamport, "payment", lambda _gateway, _imp_uid: grown)
        lying.setattr(Iamport, "payments_of", lambda _gateway, _merchant_uid: [grown])
        tell(shop, paid["imp_uid"], paid["merchant_uid"])
        assert ("contradiction", paid["merchant_uid"]) in needed(shop)

    tell(shop, paid["imp_uid"], paid["merchant_uid"])
    assert needed(shop) == []
    assert shopper.agrees_with_ledger()


def spoil(shop: Shop, merchant_uid: str, **column: str) -> None:
    """A row holds what no code of ours writes, or what a newer version wrote before it was rolled back."""
    [(name, value)] = column.items()
    with shop.billing.database.writing() as session:
        statement = text(f"UPDATE payment SET {name} = :value WHERE merchant_uid = :merchant_uid")  # noqa: S608
        session.execute(statement, {"value": value, "merchant_uid": merchant_uid})


@pytest.mark.parametrize("column", [{"status": "weird"}, {"purpose": "gift"}])
def test_a_row_that_cannot_even_be_read_keeps_nothing_else_from_the_sweep(
    shop: Shop, shopper: Shopper, another_shopper: Shopper, sandbox: Sandbox, column: dict[str, str]
) -> None:
    """A person hears of it; what was cancelled in the console is found."""
    bad, good = another_shopper.buy("pay"), shopper.buy("pay")
    sandbox.fault("webhook", "drop", times=0)
    sandbox.cancel_in_console(good["imp_uid"])
    spoil(shop, bad["merchant_uid"], **column)

    shop.reconcile()

    assert facts(shopper, good["merchant_uid"]) == ("cancelled", True, 0)
    assert ("trouble", bad["merchant_uid"]) in needed(shop)


def test_a_row_that_cannot_be_read_stops_no_renewals(shop: Shop, shopper: Shopper, another_shopper: Shopper) -> None:
    """The newest order's moment only tells whether the clock is behind."""
    if shop.billing.database.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL refuses such a moment")
    shopper.subscribe()
    spoil(shop, another_shopper.buy("pay")["merchant_uid"], created_at="yesterday")
    shop.pass_time(days=32)

    assert len(shop.renew().sent) == 1


def test_a_row_that_cannot_be_read_hides_no_other_order_of_its_shopper(shop: Shop, shopper: Shopper) -> None:
    """The account is shown with those that can be."""
    bad, good = shopper.buy("pay"), shopper.buy("pay")
    spoil(shop, bad["merchant_uid"], status="weird")

    shown = [payment["merchant_uid"] for payment in shopper.account()["payments"]]

    assert shown == [good["merchant_uid"]]
    assert ("trouble", bad["merchant_uid"]) in needed(shop)
