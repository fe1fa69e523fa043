"""Every fault of the sandbox at every call the shop makes: in the end shop and ledger say the same, and once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from storefront.sandbox.books.faults import AFTER, BEFORE, OF_WEBHOOKS
from tests.conftest import Shop
from tests.people import BUYER, ENGLISH, Sandbox, Shopper

AGAIN, CANCEL = "/subscribe/payments/again", "/payments/cancel"
KINDS = BEFORE + AFTER
LOST = ("delay_after", "error_after", "cut_after", "garbage")
"""Kinds that come when the work is done; all but the first lose the answer."""

Journey = Callable[[Shopper, Sandbox], str]


def checkout(shopper: Shopper, sandbox: Sandbox) -> str:
    """Order, pay, come back; whoever meets an error page loads it again."""
    reply = shopper.post("/checkout/morning", {**BUYER, "mode": "pay"})
    address = reply.headers["Location"]
    for _ in range(4):
        if 'id="request-pay"' in shopper.browser.get(address).text:
            break
    params = shopper.order_page(address)
    shopper.tell(sandbox.pay(params))
    return str(params["merchant_uid"])


def registration(shopper: Shopper, sandbox: Sandbox) -> str:
    """A card for nothing."""
    params = shopper.order("register")
    shopper.tell(sandbox.pay(params))
    return str(params["merchant_uid"])


def charge(shopper: Shopper, _sandbox: Sandbox) -> str:
    """Another bag with the card that is stored."""
    [card] = shopper.active_cards()
    return str(shopper.charge(card["id"]).headers["Location"].rsplit("/", 1)[1])


def refund(shopper: Shopper, sandbox: Sandbox) -> str:
    """What was paid comes back."""
    [paid] = sandbox.ledger()["payments"]
    shopper.refund(paid["merchant_uid"])
    return str(paid["merchant_uid"])


def refusal(shopper: Shopper, sandbox: Sandbox) -> str:
    """Another amount is captured than was ordered."""
    params = shopper.order("pay")
    shopper.tell(sandbox.pay(params, charge_amount=100))
    return str(params["merchant_uid"])


def removal(shopper: Shopper, _sandbox: Sandbox) -> str:
    """The stored card goes."""
    [card] = shopper.active_cards()
    shopper.remove_card(card["id"])
    return ""


CALLS: list[tuple[str, Journey, int]] = [
    ("/payments/prepare", checkout, 14_900),
    ("/payments/imp_*", checkout, 14_900),
    ("/payments/findAll/*", checkout, 14_900),
    ("/subscribe/customers/*", checkout, 14_900),
    ("/payments/imp_*", registration, 0),
    ("/subscribe/customers/*", registration, 0),
    (AGAIN, charge, 16_900),
    ("/payments/findAll/*", charge, 16_900),
    (CANCEL, refund, 0),
    (CANCEL, refusal, 0),
    ("/payments/imp_*", refusal, 0),
    ("/subscribe/customers/*", refusal, 0),
    ("/subscribe/payments/unschedule", removal, 0),
    ("/subscribe/customers/*", removal, 0),
    ("/users/getToken", checkout, 14_900),
]


def prepare(journey: Journey, shopper: Shopper) -> None:
    """What a journey needs to begin with."""
    if journey in (charge, removal):
        shopper.register_card()
    if journey is refund:
        shopper.buy("pay")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "delay" not in kind])
@pytest.mark.parametrize(("path", "journey", "net"), CALLS, ids=lambda value: getattr(value, "__name__", str(value)))
def test_whatever_breaks_shop_and_ledger_agree_in_the_end(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, path: str, journey: Journey, net: int, kind: str
) -> None:
    """Twice in a row, so that the second try fails as well: the right won, one capture, and no key too many."""
    prepare(journey, shopper)
    if path == "/users/getToken":
        sandbox.lose_token()
    sandbox.fault(path, kind, times=2)

    order = journey(shopper, sandbox)
    for _ in range(3):
        shop.pass_time(seconds=601)
        shop.reconcile()

    assert shopper.agrees_with_ledger()
    assert sandbox.net(order) == net if order else sandbox.net() == 0
    captures = Counter(payment["merchant_uid"] for payment in sandbox.ledger()["payments"])
    assert set(captures.values()) <= {1}
    assert sorted(sandbox.stored_keys()) == sorted(card["customer_uid"] for card in shopper.active_cards())
    assert bool(sandbox.stored_keys()) == (journey not in (refusal, removal))
    assert shop.reconcile().needs_person == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_charge_is_shown_as_what_is_known_of_it(shopper: Shopper, sandbox: Sandbox, kind: str) -> None:
    """Done and answered: paid. Done and looked up: paid. Never arrived: still being checked, and no second charge."""
    card = shopper.register_card()
    sandbox.fault(AGAIN, kind, seconds=0)

    payment = shopper.charged(card["id"])

    arrived = kind in ("delay", "unauthorized", *LOST)
    assert (payment["status"], payment["net"]) == (("paid", 16_900) if arrived else ("requested", 0))
    assert sandbox.net() == payment["net"]
    page = shopper.browser.get(f"/payments/{payment['merchant_uid']}", headers=ENGLISH).text
    said = "You paid" if arrived else "You do not need to pay again."
    assert said in page


@pytest.mark.parametrize("kind", OF_WEBHOOKS)
@pytest.mark.parametrize("journey", [checkout, registration, charge, refusal])
def test_a_webhook_that_goes_astray_changes_nothing_about_the_money(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, journey: Journey, kind: str
) -> None:
    """Lost, late, twice, held back or faster than the answer."""
    prepare(journey, shopper)
    sandbox.fault("webhook", kind, seconds=30)

    order = journey(shopper, sandbox)
    before = shopper.payment(order)
    shop.deliver_webhooks()
    for hook in sandbox.webhooks():
        sandbox.resend(hook["id"])

    assert facts(shopper.payment(order)) == facts(before)
    assert shopper.agrees_with_ledger()
    assert Counter(event["event"] for event in shopper.payment(order)["events"])["paid"] <= 1


def facts(payment: dict[str, Any]) -> dict[str, Any]:
    """Everything but the timeline, to which each webhook adds what it said."""
    return {name: value for name, value in payment.items() if name != "events"}
