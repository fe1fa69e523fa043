"""When a charge that i'mport does not know may be sent again: never while an earlier send may still be on its way."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from storefront.billing.payments import charges
from storefront.models import Payment
from tests.conftest import Shop
from tests.people import Sandbox, Shopper

AGAIN = "/subscribe/payments/again"
GRACE, TIMEOUT = 600, 30


def sends(sandbox: Sandbox) -> int:
    """How often i'mport was asked to charge."""
    return len(sandbox.requests(AGAIN))


@pytest.fixture
def unknown(shopper: Shopper, sandbox: Sandbox) -> dict[str, Any]:
    """A charge that was cut before the work."""
    card = shopper.register_card()
    sandbox.fault(AGAIN, "cut_before")
    payment = shopper.charged(card["id"])
    assert payment["status"] == "requested"
    return payment


def test_a_send_whose_process_died_may_be_on_its_way_for_as_long_as_it_would_have_waited(
    shop: Shop, sandbox: Sandbox, unknown: dict[str, Any]
) -> None:
    """Nobody wrote down its end, so the wait for an answer comes before the grace."""
    with shop.billing.database.writing() as session:
        mine = Payment.merchant_uid == unknown["merchant_uid"]
        session.execute(update(Payment).where(mine).values(send_ended_at=None))

    shop.pass_time(seconds=GRACE + TIMEOUT - 5)
    shop.reconcile()
    assert sends(sandbox) == 1

    shop.pass_time(seconds=5)
    shop.reconcile()
    assert sends(sandbox) == 2
    assert sandbox.net() == 16_900


def test_the_grace_of_a_second_send_is_its_own(
    shop: Shop, sandbox: Sandbox, unknown: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process died in it; that the first one ended long ago says nothing."""
    shop.pass_time(seconds=GRACE + 1)

    def died(*_arguments: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr(charges, "send", died)
        with pytest.raises(SystemExit):
            shop.reconcile()
    shop.reconcile()
    shop.pass_time(seconds=GRACE + TIMEOUT - 5)
    shop.reconcile()
    assert sends(sandbox) == 1

    shop.pass_time(seconds=10)
    shop.reconcile()
    assert sends(sandbox) == 2
    assert sandbox.net(unknown["merchant_uid"]) == 16_900
