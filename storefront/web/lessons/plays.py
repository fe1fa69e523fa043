"""What each lesson's button does: a shopper's browsers at the shop's doors, and the sandbox in i'mport's place.

Every one returns the order it ends at. What it breaks is whole again when it returns, or stops half-way.
"""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from storefront.billing.subscriptions import calendar
from storefront.demo_sandbox import DemoSandbox
from storefront.web.lessons.doors import Browser, DoorClosedError

_AGAIN = "/subscribe/payments/again"
_FORGED_KRW = 100


@dataclass(frozen=True)
class Stage:
    """Who plays: the shopper's browser, and the sandbox."""

    browser: Browser
    sandbox: DemoSandbox


def callback_lost(stage: Stage) -> str:
    """The window ends, and the page never hears of it; the webhook comes."""
    order = stage.browser.order()
    stage.sandbox.pay(order, outcome="lose_callback")
    stage.sandbox.deliver_webhooks()
    return _uid(order)


def webhook_twice(stage: Stage) -> str:
    """Two of the same."""
    order = stage.browser.order()
    with stage.sandbox.fault("webhook", "repeat"):
        stage.browser.tell(stage.sandbox.pay(order))
    stage.sandbox.deliver_webhooks()
    return _uid(order)


def webhook_first(stage: Stage) -> str:
    """It has been there before the browser is back."""
    order = stage.browser.order()
    with stage.sandbox.fault("webhook", "first"):
        ended = stage.sandbox.pay(order)
    stage.browser.tell(ended)
    return _uid(order)


def webhook_late(stage: Stage) -> str:
    """It says "paid" when the money is back with the shopper already."""
    order = stage.browser.order()
    with stage.sandbox.fault("webhook", "hold"):
        ended = stage.sandbox.pay(order)
    try:
        stage.browser.tell(ended)
        stage.browser.refund(_uid(order))
    finally:
        stage.sandbox.release_webhooks(_uid(order))
    return _uid(order)


def amount_forged(stage: Stage) -> str:
    """Another amount is captured than was ordered, behind the page's back."""
    order = stage.browser.order()
    stage.browser.tell(stage.sandbox.pay(order, charge_amount=_FORGED_KRW))
    stage.sandbox.deliver_webhooks()
    return _uid(order)


def answer_lost(stage: Stage) -> str:
    """The stored card is charged, and neither answer nor webhook arrive."""
    card = _store_card(stage)
    with stage.sandbox.fault(_AGAIN, "cut_after"), stage.sandbox.fault("webhook", "drop"):
        return stage.browser.charge(card)


def two_clicks(stage: Stage) -> str:
    """One button, pressed twice at the same moment."""
    press = partial(stage.browser.charge, _store_card(stage), secrets.token_hex(8))
    with ThreadPoolExecutor(2) as threads:
        one, other = (threads.submit(press) for _ in range(2))
    if one.result() != other.result():
        raise DoorClosedError("two orders")
    return one.result()


def two_tabs(stage: Stage) -> str:
    """One order, open in two windows, and both are paid."""
    order = stage.browser.order()
    tabs = (stage.sandbox.pay(order), stage.sandbox.pay(order, late=True))
    for ended in tabs:
        stage.browser.tell(ended)
    stage.sandbox.deliver_webhooks()
    return _uid(order)


def renewal_declined(stage: Stage) -> str:
    """The card of a subscription is declined on the day; another card makes good, and the subscription is left."""
    tomorrow = calendar.seoul_day(stage.sandbox.now()) + timedelta(days=1)
    order = stage.browser.order(mode="register", every="month", first_on=tomorrow.isoformat())
    stage.browser.tell(stage.sandbox.pay(order, "decline-later"))
    subscription = stage.browser.subscription(stage.browser.card(order["customer_uid"]))
    stage.browser.go_to(stage.browser.next_charge(subscription))
    other_card = stage.browser.order(mode="register", subscription=subscription.rpartition("/")[2])
    stage.browser.tell(stage.sandbox.pay(other_card))
    stage.browser.go_to(stage.sandbox.now() + timedelta(seconds=1))  # it is due, and perhaps charged already
    last = stage.browser.last_attempt(subscription)
    stage.browser.press(f"{subscription}/leave", when="period_end")
    return last


def another_browser(stage: Stage) -> str:
    """A phone's window ends in a browser that has no session."""
    order = stage.browser.order()
    ended = stage.sandbox.pay(order, device="mobile")
    stage.browser.another().come_back(ended["redirect"])
    return _uid(order)


def key_replaced(stage: Stage) -> str:
    """A window is opened with the name of a card that is stored already, and paid with another card."""
    first = _register(stage)
    order = stage.browser.order()
    stage.browser.tell(stage.sandbox.pay({**order, "customer_uid": first["customer_uid"]}, "approve-2"))
    stage.sandbox.deliver_webhooks()
    return _uid(order)


def _uid(order: dict[str, Any]) -> str:
    return str(order["merchant_uid"])


def _register(stage: Stage) -> dict[str, Any]:
    order = stage.browser.order(mode="register")
    stage.browser.tell(stage.sandbox.pay(order))
    return order


def _store_card(stage: Stage) -> int:
    return stage.browser.card(_register(stage)["customer_uid"])
