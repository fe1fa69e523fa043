"""One form is one decision: however often it is sent, on whichever terms and by whichever way, it does not buy twice."""

from __future__ import annotations

import re
import secrets
from typing import Any

import pytest

from tests.conftest import Shop
from tests.integration.news import facts, tell
from tests.people import BUYER, Sandbox, Shopper

AGAIN = "/subscribe/payments/again"
PRICE = 14_900


def press(shopper: Shopper, stored: Any, every: str, form: str) -> dict[str, Any]:
    """Buy with a stored card; the charge as its page shows it."""
    fields = {"card": stored["id"], "every": every, "consent": "y", "token": secrets.token_hex(8), "checkout": form}
    return shopper.see(shopper.post("/checkout/morning", fields).headers["Location"])


def send(shopper: Shopper, every: str, form: str) -> str:
    """Send a checkout's form; where it leads to."""
    fields = {**BUYER, "mode": "pay", "every": every, "token": form}
    return str(shopper.post("/checkout/morning", fields).headers["Location"])


def test_a_window_of_other_terms_that_was_opened_before_does_not_buy_while_a_charge_is_unknown(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Opened for once and closed again; then the stored card was pressed for each month, and its answer was lost."""
    card = shopper.register_card()
    shopper.order("pay", every="once", token="one-decision")
    sandbox.fault(AGAIN, "cut_before")
    sandbox.fault("/payments/findAll/*", "error", times=0)
    unknown = press(shopper, card, "month", "one-decision")
    assert unknown["status"] == "requested"
    sandbox.mend()

    assert unknown["merchant_uid"] in send(shopper, "once", "one-decision")

    shop.pass_time(minutes=15)
    shop.reconcile()
    assert sandbox.net() == PRICE


def test_anothers_unknown_charge_is_no_matter_of_ones_own_form(
    shopper: Shopper, another_shopper: Shopper, sandbox: Sandbox
) -> None:
    """Both browsers happened to write the same token."""
    sandbox.fault(AGAIN, "cut_before")
    press(shopper, shopper.register_card(), "month", "one-decision")

    another_shopper.tell(sandbox.pay(another_shopper.order("pay", token="one-decision")))

    assert sandbox.net() == PRICE


def test_a_form_that_has_bought_leads_to_what_it_bought_for_as_long_as_it_is_kept(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Also in the last hour of its day, in which nothing is begun any more, and after it."""
    params = shopper.order("pay", token="one-decision")
    shopper.tell(sandbox.pay(params))

    for hours in (0, 23.5, 24):
        shop.pass_time(hours=hours)
        assert params["merchant_uid"] in send(shopper, "once", "one-decision")
    assert sandbox.net() == PRICE


@pytest.mark.parametrize("length", [24, 39, 40, 64])
def test_a_form_that_is_tried_again_is_the_same_decision_however_long_its_token(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, length: int
) -> None:
    """Declined, tried again by the page's own link and paid; then the first one is approved after all."""
    first = shopper.order("pay", token="x" * length)
    declined = sandbox.pay(first, "decline-limit")
    shopper.tell(declined)
    page = shopper.browser.get(f"/payments/{first['merchant_uid']}").text
    [again] = set(re.findall(r"/checkout/morning\?[^\"]*token=([A-Za-z0-9_.-]+)", page))
    shopper.tell(sandbox.pay(shopper.order("pay", token=again)))
    sandbox.approve_late(declined["imp_uid"])

    tell(shop, declined["imp_uid"], first["merchant_uid"])

    assert sandbox.net() == PRICE
    assert facts(shopper, first["merchant_uid"]) == ("refused", True, 0)


@pytest.mark.parametrize(("one", "other"), [("x" * 39 + "-1", "x" * 39 + "-2"), ("a-form-token", "A-form-token")])
def test_forms_whose_tokens_are_nearly_alike_are_two(shopper: Shopper, sandbox: Sandbox, one: str, other: str) -> None:
    """Long ones that begin alike, and small and capital letters."""
    shopper.order("pay", every="once", token=one)
    first = shopper.order("pay", every="month", token=one)
    shopper.tell(sandbox.pay(first))
    shopper.order("pay", every="once", token=other)

    assert first["merchant_uid"] not in send(shopper, "month", other)
