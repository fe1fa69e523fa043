"""Whatever i'mport does, every page answers soon and says what is not known; afterwards everything is found out.

I'mport stands behind a real socket here, and hangs, drips, cuts or talks nonsense at it. A page's time is cut down
to a tenth of a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from storefront.billing.errands import Errands
from storefront.billing.payments import charges
from storefront.billing.payments.settlement import Door, settle
from storefront.clock import Clock
from storefront.config import Settings
from storefront.iamport import Iamport, NotAskedError
from storefront.iamport.restraint import SILENCES, Breaker
from storefront.models import Event, Payment
from tests.conftest import SHOP_URL, Shop, shop_beside
from tests.moody import MOODS, Moody, moody, took_s
from tests.people import BUYER, ENGLISH, HttpBrowser, Sandbox, Shopper
from tests.serving_here import served

PAGE_S, CALL_S = 0.1, 3.0
GENEROUS_S = PAGE_S + 2.0
TOKEN = "/users/getToken"
AGAIN = "/subscribe/payments/again"
SILENT = "does not answer at the moment."


@pytest.fixture
def imports(sandbox_app: Flask) -> Iterator[Moody]:
    """The sandbox behind a socket."""
    with moody(sandbox_app) as server:
        yield server


@pytest.fixture
def shop(settings: Settings, sandbox_app: Flask, sandbox: Sandbox, clock: Clock, imports: Moody) -> Iterator[Shop]:
    """A shop that asks there, and has little time."""
    breaker = Breaker(lambda: clock.now().timestamp())
    gateway = Iamport(imports.url, "sandbox_key", "sandbox_secret", timeout_s=CALL_S, clock=clock, breaker=breaker)
    with shop_beside(settings, sandbox_app, sandbox, clock, gateway=gateway) as shop:
        shop.app.config["PAGE_BUDGET_S"] = PAGE_S
        yield shop


@dataclass
class Life:
    """What a shopper has begun before i'mport falls silent."""

    paid: str
    left: dict[str, Any]
    card: dict[str, Any]
    other: dict[str, Any]


@pytest.fixture
def life(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> Life:
    """Two cards, a bag that was paid, and one that was paid in a window that never came back."""
    shop.app.config["PAGE_BUDGET_S"] = 10
    card, other = shopper.register_card(), shopper.register_card()
    paid = shopper.buy("pay")["merchant_uid"]
    left = sandbox.pay(shopper.order("pay"), outcome="lose_callback")
    shop.app.config["PAGE_BUDGET_S"] = PAGE_S
    return Life(paid, left, card, other)


def everything_at_once(shop: Shop, shopper: Shopper, life: Life) -> dict[str, Callable[[], Any]]:
    """Every page and message that asks i'mport."""
    ids = {"imp_uid": life.left["imp_uid"], "merchant_uid": life.left["merchant_uid"]}
    return {
        "webhook": lambda: shop.webhook(ids),
        "return": lambda: shopper.browser.get("/payments/complete/mobile", query_string=ids),
        "callback": lambda: shopper.post_json("/payments/complete", ids),
        "account": lambda: shopper.browser.get("/account"),
        "payment": lambda: shopper.browser.get(f"/payments/{life.left['merchant_uid']}"),
        "order": lambda: shopper.browser.get(
            shopper.post("/checkout/morning", {**BUYER, "mode": "pay"}).headers["Location"]
        ),
        "charge": lambda: shopper.charge(life.card["id"]),
        "refund": lambda: shopper.refund(life.paid),
        "removal": lambda: shopper.remove_card(life.other["id"]),
    }


ANSWERS = {
    "webhook": {503},
    "return": {303},
    "callback": {200},
    "account": {200},
    "payment": {200},
    "order": {503},
    "charge": {303},
    "refund": {303},
    "removal": {303},
}


@pytest.mark.parametrize(
    ("mood", "path"),
    [*((mood, "/") for mood in MOODS), *((mood, TOKEN) for mood in ("hangs", "drips its body", "forbids"))],
)
def test_every_page_answers_soon_and_everything_is_found_out_afterwards(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, imports: Moody, life: Life, mood: str, path: str
) -> None:
    """At getToken, which comes first, or at every operation; nothing is believed, nothing is lost, nothing is twice."""
    if path != "/":
        sandbox.lose_token()
    imports.be(mood, path)
    for name, ask in everything_at_once(shop, shopper, life).items():
        began: list[Any] = []
        assert took_s(lambda: began.append(ask())) < GENEROUS_S, name  # noqa: B023
        assert {reply.status_code for reply in began} <= ANSWERS[name], name
    assert SILENT in shopper.browser.get("/account", headers=ENGLISH).text
    imports.mend()
    shop.billing.errands.finish()

    for _ in range(3):
        shop.pass_time(seconds=700)
        shop.reconcile()

    shop.app.config["PAGE_BUDGET_S"] = 10
    assert SILENT not in shopper.browser.get("/account", headers=ENGLISH).text
    assert shopper.agrees_with_ledger()
    assert sandbox.net() == 14_900 + 16_900  # the bag that was left, and the one that was charged; the paid one is back
    assert sorted(sandbox.stored_keys()) == sorted(card["customer_uid"] for card in shopper.active_cards())
    assert life.other["customer_uid"] not in sandbox.stored_keys()
    captures = [payment["merchant_uid"] for payment in sandbox.ledger()["payments"]]
    assert len(captures) == len(set(captures))


@pytest.mark.parametrize("path", ["/subscribe/customers/", "/payments/cancel", AGAIN])
def test_one_operation_that_hangs_is_made_up_for(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, imports: Moody, life: Life, path: str
) -> None:
    """Everything else goes on."""
    imports.be("hangs", path)
    for name, ask in everything_at_once(shop, shopper, life).items():
        assert took_s(ask) < GENEROUS_S, name
    imports.mend()
    shop.billing.errands.finish()

    for _ in range(3):
        shop.pass_time(seconds=700)
        shop.reconcile()

    shop.app.config["PAGE_BUDGET_S"] = 10
    assert shopper.agrees_with_ledger()
    assert sandbox.net() == 14_900 + 16_900


def test_what_a_page_left_open_the_background_finishes_soon(
    shop: Shop, shopper: Shopper, imports: Moody, life: Life
) -> None:
    """Not in the hour when it would have been its turn."""
    order = life.left["merchant_uid"]
    with shop.billing.database.writing() as session:
        row = session.scalars(select(Payment).where(Payment.merchant_uid == order)).one()
        row.next_check_at, row.checks = shop.clock.now() + timedelta(minutes=50), 30
    imports.be("hangs")
    page = shopper.browser.get(f"/payments/{order}", headers=ENGLISH).text
    assert SILENT in page
    imports.mend()

    assert shop.reconcile_what_is_due().changed == [order]


def test_what_was_not_asked_is_not_in_the_timeline(shop: Shop, life: Life, shopper: Shopper) -> None:
    """A page that polls while i'mport is left alone would fill it."""
    order = life.left["merchant_uid"]
    before = events_of(shop, order)

    with pytest.raises(NotAskedError):
        settle(shop.billing.within(0), Door.READ, merchant_uid=order)
    assert events_of(shop, order) == before
    with pytest.raises(NotAskedError):
        settle(shop.billing.within(0), Door.WEBHOOK, merchant_uid=order)

    assert events_of(shop, order) == [*before, "webhook", "unanswered"]
    assert shopper.payment(order)["status"] == "paid"


def events_of(shop: Shop, order: str) -> list[str]:
    """An order's timeline, without the look at i'mport that its page takes."""
    with shop.billing.database.reading() as session:
        query = (
            select(Event.event)
            .join(Payment, Payment.id == Event.payment_id)
            .where(Payment.merchant_uid == order)
            .order_by(Event.id)
        )
        return list(session.scalars(query))


def test_no_page_asks_one_order_after_the_other_without_end(shopper: Shopper, imports: Moody) -> None:
    """Ten open orders take no longer than one, and i'mport is left alone once it has been silent."""
    for _ in range(SILENCES * 2):
        shopper.order("register")
    imports.be("hangs")

    assert took_s(lambda: shopper.browser.get("/account")) < GENEROUS_S

    asked = sum(count for path, count in imports.asked.items() if path.startswith("/payments/findAll"))
    assert asked <= 1
    events = [len(shopper.payment(payment["merchant_uid"])["events"]) for payment in shopper.account()["payments"]]
    assert max(events) <= 3


def test_a_charge_for_which_there_is_nobody_is_not_begun(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, life: Life
) -> None:
    """503, nothing written down, nothing charged; a minute later the same press goes through."""
    before = len(shopper.account()["payments"])
    nobody_is_there(shop)
    reply = shopper.post("/account/charge", {"card": life.card["id"], "plan": "noon", "token": "one-press"})

    assert reply.status_code == 503
    assert len(shopper.account()["payments"]) == before
    object.__setattr__(shop.billing, "errands", Errands())
    assert shopper.charged(life.card["id"], token="one-press")["merchant_uid"]
    shop.billing.errands.finish()
    assert sandbox.net() == 2 * 14_900 + 16_900


def test_a_refund_for_which_there_is_nobody_is_sent_by_the_background(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, life: Life
) -> None:
    """It was written down, so it is not lost; and so it is with a removal."""
    nobody_is_there(shop)
    assert shopper.refund(life.paid).status_code == 303
    assert shopper.remove_card(life.other["id"]).status_code == 303
    assert sandbox.net(life.paid) == 14_900

    shop.reconcile_what_is_due()

    assert sandbox.net(life.paid) == 0
    assert life.other["customer_uid"] not in sandbox.stored_keys()


def test_a_charge_that_begins_late_says_when_it_began(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The grace time after which it may be sent again counts from there."""
    sent = charges.send

    def send_at_last(billing: Any, payment: Payment) -> None:
        assert payment.sent_at == shop.clock.now().replace(microsecond=payment.sent_at.microsecond)  # type: ignore[union-attr]
        sent(billing, payment)

    monkeypatch.setattr(charges, "send_in_time", delayed(shop, charges.send_in_time, seconds=90))
    monkeypatch.setattr(charges, "send", send_at_last)

    payment = charged_in_the_end(shop, shopper, life)

    assert (payment["status"], sandbox.net(payment["merchant_uid"])) == ("paid", 16_900)


@pytest.mark.parametrize("meanwhile", ["the card is removed", "reconcile sends it", "reconcile sends it in vain"])
def test_a_charge_that_has_ceased_to_be_ours_is_not_sent_late(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, life: Life, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    """By then its card is being removed, or somebody else has sent it."""

    def go_on() -> None:
        if meanwhile == "the card is removed":
            shopper.remove_card(life.card["id"])
            return
        if meanwhile.endswith("in vain"):
            sandbox.fault(AGAIN, "cut_before")
        shop.reconcile()

    monkeypatch.setattr(charges, "send_in_time", delayed(shop, charges.send_in_time, seconds=700, then=go_on))
    payment = charged_in_the_end(shop, shopper, life)
    shop.pass_time(hours=25)
    shop.reconcile()

    assert len(sandbox.requests(AGAIN)) == (0 if meanwhile == "the card is removed" else 1)
    assert sandbox.net(payment["merchant_uid"]) == (16_900 if meanwhile == "reconcile sends it" else 0)
    assert shopper.agrees_with_ledger()


def nobody_is_there(shop: Shop) -> None:
    """Nobody to run errands."""
    shop.billing.errands.close()


def delayed(
    shop: Shop, send: Callable[..., None], *, seconds: float, then: Callable[[], object] = lambda: None
) -> Callable[..., None]:
    """The errand's thread gets its turn late."""

    def send_late(*arguments: Any) -> None:
        shop.pass_time(seconds=seconds)
        then()
        send(*arguments)

    return send_late


def charged_in_the_end(shop: Shop, shopper: Shopper, life: Life) -> dict[str, Any]:
    """Press the button, wait for the errand, and look."""
    address = shopper.charge(life.card["id"]).headers["Location"]
    shop.billing.errands.finish()
    return shopper.see(address)


def test_forty_pages_that_ask_a_hanging_imports_leave_the_home_page_alone(
    shop: Shop, shopper: Shopper, imports: Moody
) -> None:
    """Over real sockets, with the threads that really serve: half of them wait at most."""
    for _ in range(3):
        shopper.order("register")
    shop.app.config["PAGE_BUDGET_S"] = 1.0
    session = {
        "Host": SHOP_URL.partition("//")[2],
        "Cookie": f"morning_roast={shopper.browser.cookie('morning_roast')}",
    }
    with served(shop.app) as url, ThreadPoolExecutor(40) as crowd:
        imports.be("hangs")
        pages = [crowd.submit(HttpBrowser(url).get, "/account", headers=session) for _ in range(40)]
        home = [took_s(lambda: HttpBrowser(url).get("/", headers=session)) for _ in range(10)]
        replies = [page.result() for page in pages]
        imports.mend()

    assert {reply.status_code for reply in replies} == {200}
    assert max(reply.elapsed.total_seconds() for reply in replies) < 8
    assert sorted(home)[5] < 0.7
