"""A list that i'mport gives out cut short says nothing about what is not in it: no order fails and no charge goes out for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from storefront.iamport import Iamport
from tests.conftest import Shop
from tests.people import Sandbox, Shopper


@contextmanager
def cut_short() -> Iterator[None]:
    """Every list of i'mport's loses its captured payments on the way, and keeps its total."""
    whole = Iamport._look_up

    def look_up(self: Iamport, path: str, query: dict[str, str]) -> Any:
        answer = whole(self, path, query)
        if isinstance(answer, dict) and "list" in answer:
            answer["list"] = [item for item in answer["list"] if item["status"] == "failed"]
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Iamport, "_look_up", look_up)
        yield


def test_a_captured_charge_whose_list_comes_empty_is_not_sent_again(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Its reply was lost and `total` says one: it is looked for until the list is whole, and was captured once."""
    card = shopper.register_card()
    sandbox.fault("/subscribe/payments/again", "cut_after")
    merchant_uid = shopper.charge(card["id"]).headers["Location"].rpartition("/")[2]
    with cut_short():
        for _ in range(3):
            shop.pass_time(hours=9)
            shop.reconcile()

        assert shopper.payment(merchant_uid)["status"] == "requested"
    assert len(sandbox.requests("/subscribe/payments/again")) == 1
    assert shopper.payment(merchant_uid)["status"] == "paid"
    assert shopper.agrees_with_ledger()


def test_a_captured_order_is_not_failed_by_the_declined_attempt_beside_it(shopper: Shopper, sandbox: Sandbox) -> None:
    """Two were tried, one came: what the other one was is not known, and is paid when it is."""
    params = shopper.order("pay")
    sandbox.pay(params, "decline-limit")
    sandbox.pay(params, "approve")
    with cut_short():
        assert shopper.payment(params["merchant_uid"])["status"] == "ready"

    assert shopper.payment(params["merchant_uid"])["status"] == "paid"
    assert shopper.agrees_with_ledger()
