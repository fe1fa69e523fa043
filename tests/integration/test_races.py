"""Everything at once: one transition, one set of side effects, on SQLite and on PostgreSQL."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Barrier
from typing import Any
from urllib.parse import urlencode

import pytest

from storefront.models import Card
from storefront.states import CardStatus
from tests.conftest import Shop
from tests.integration.calendars import go_to_next
from tests.people import Sandbox, Shopper

AGAIN = "/subscribe/payments/again"
ROUNDS, WORKERS = 25, 8
PRICE = 14_900
LEAVING = [{"when": "period_end"}, {"when": "now", "refund_krw": 0}]
TO_NOON = {"plan": "noon", "price_krw": 16_900, "consent": "y"}


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Do everything at the same moment; what came of each."""
    barrier = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        barrier.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def same_session(shopper: Shopper, shop: Shop) -> Shopper:
    """The same shopper in another tab."""
    tab = Shopper(shop.browser(), shopper.sandbox, shopper.email)
    tab.post("/login", {"email": shopper.email, "password": "good-morning-coffee"})
    return tab


def decisions(payment: dict[str, Any]) -> Counter[str]:
    """How often each thing happened."""
    return Counter(event["event"] for event in payment["events"])


def ways_to_bring_news(shop: Shop, shopper: Shopper, ids: dict[str, str]) -> list[Callable[[], Any]]:
    """Callback, redirect, two webhooks, a page being opened, and reconcile."""
    token, query = shopper.csrf_token(), urlencode(ids)
    tab = same_session(shopper, shop)
    return [
        lambda: shopper.browser.post("/payments/complete", json=ids, headers={"X-CSRFToken": token}).status_code,
        lambda: shop.browser().get(f"/payments/complete/mobile?{query}").status_code,
        lambda: shop.webhook(ids).status_code,
        lambda: shop.browser().post("/webhooks/iamport", data=ids).status_code,
        lambda: tab.browser.get(f"/payments/{ids['merchant_uid']}").status_code,
        lambda: 200 if shop.reconcile() else 0,
    ]


@pytest.mark.parametrize("chunk", range(5))
def test_all_doors_at_once_make_one_transition(shop: Shop, shopper: Shopper, sandbox: Sandbox, chunk: int) -> None:
    """Fifty orders in all, six doors each."""
    for _ in range(10):
        result = sandbox.pay(shopper.order("pay"))
        ids = {"imp_uid": result["imp_uid"], "merchant_uid": result["merchant_uid"]}

        replies = at_once(*ways_to_bring_news(shop, shopper, ids))

        assert set(replies) == {200}, chunk
        payment = shopper.payment(result["merchant_uid"])
        assert (payment["status"], payment["net"]) == ("paid", 14_900)
        happened = decisions(payment)
        assert (happened["paid"], happened["key_issued"]) == (1, 1)
        assert sandbox.net(result["merchant_uid"]) == 14_900


def test_a_forged_amount_at_all_doors_at_once_is_returned_once(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """One refusal, one refund, one key deleted."""
    for _ in range(5):
        result = sandbox.pay(shopper.order("pay"), charge_amount=100)
        ids = {"imp_uid": result["imp_uid"], "merchant_uid": result["merchant_uid"]}

        at_once(*ways_to_bring_news(shop, shopper, ids))
        shop.reconcile()

        payment = shopper.payment(result["merchant_uid"])
        happened = decisions(payment)
        assert (payment["status"], payment["net"]) == ("refused", 0)
        assert (happened["refused"], happened["refund_asked"], happened["refund_done"]) == (1, 1, 1)
        ledger = sandbox.ledger(result["merchant_uid"])
        assert [len(row["cancels"]) for row in ledger["payments"]] == [1]
        assert not any(sandbox.keys().values())


def test_two_captures_of_one_order_at_all_doors_at_once_leave_one(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """Whichever is seen first stays; the other goes back once."""
    for _ in range(5):
        params = shopper.order("pay")
        both = [sandbox.pay(params), sandbox.pay(params, late=True)]
        ids = [{"imp_uid": result["imp_uid"], "merchant_uid": params["merchant_uid"]} for result in both]

        at_once(*(act for one in ids for act in ways_to_bring_news(shop, shopper, one)))
        shop.reconcile()

        assert shopper.payment(params["merchant_uid"])["net"] == 14_900
        ledger = sandbox.ledger(params["merchant_uid"])
        assert (ledger["captured"], ledger["net"]) == (2 * 14_900, 14_900)


def test_twenty_clicks_at_once_are_one_charge(shopper: Shopper, sandbox: Sandbox) -> None:
    """One capture, and everybody is led to the same order."""
    card = shopper.register_card()
    token = shopper.csrf_token()
    form = {"csrf_token": token, "card": card["id"], "plan": "noon", "token": "one-press"}

    def press() -> str:
        reply = shopper.browser.post("/account/charge", data=form)
        assert reply.status_code == 303
        return str(reply.headers["Location"])

    assert len(set(at_once(*[press] * 20))) == 1
    assert len(sandbox.requests(AGAIN)) == 1
    assert sandbox.net() == 16_900


def test_twenty_windows_of_one_form_belong_to_one_checkout(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """However they are paid, one payment stays."""
    token = shopper.csrf_token()
    form = {
        "csrf_token": token,
        "mode": "pay",
        "name": "김아침",
        "email": "achim@example.com",
        "phone": "010-1234-5678",
        "consent": "y",
        "token": "one-form",
    }
    replies = at_once(*[lambda: shopper.browser.post("/checkout/morning", data=form)] * 6)
    assert {reply.status_code for reply in replies} == {303}
    orders = {reply.headers["Location"].rsplit("/", 1)[1] for reply in replies}
    customer_uids = {order: shopper.payment(order)["customer_uid"] for order in orders}
    for order in orders:
        params = {"pg": "jtnet", "merchant_uid": order, "amount": 14_900, "customer_uid": customer_uids[order]}
        result = sandbox.pay({**params, "name": "x"})
        shop.webhook({"imp_uid": result["imp_uid"], "merchant_uid": order})

    assert sandbox.net() == 14_900
    assert sorted(shopper.payment(order)["net"] for order in orders) == [0] * (len(orders) - 1) + [14_900]


def test_twenty_presses_with_a_stored_card_begin_one_subscription(shopper: Shopper, sandbox: Sandbox) -> None:
    """Ten of one form and ten of others of the same checkout: one of them is sent, and wins."""
    card, token = shopper.register_card(), shopper.csrf_token()

    def press(name: str) -> str:
        form = {"csrf_token": token, "card": card["id"], "every": "month", "consent": "y", "token": name}
        reply = shopper.browser.post("/checkout/morning", data={**form, "checkout": "one-checkout"})
        assert reply.status_code == 303
        return str(reply.headers["Location"])

    same, others = [partial(press, "one-press")] * 10, [partial(press, f"press-{number}") for number in range(10)]

    assert len(set(at_once(*same, *others))) == 1
    assert len(sandbox.requests(AGAIN)) == 1
    assert sandbox.net() == 14_900
    assert len(shopper.account()["subscriptions"]) == 1


def test_two_cards_at_once_for_a_checkout_that_was_declined_charge_one(shop: Shop, sandbox: Sandbox) -> None:
    """The checkout exists, so nothing but its lock keeps the presses apart. Several rounds: one may be too slow to meet."""
    for _ in range(6):
        shopper = Shopper(shop.browser(), sandbox).sign_up()
        declining, cards = shopper.register_card("decline-later"), [shopper.register_card() for _ in range(4)]
        form = {"every": "month", "consent": "y", "checkout": "one-decision"}
        shopper.post("/checkout/morning", {**form, "card": declining["id"], "token": "declined"})
        tabs = [same_session(shopper, shop) for _ in cards]
        for tab in tabs:
            tab.csrf_token()

        before = sandbox.ledger()["captured"]
        at_once(
            *(
                partial(tab.post, "/checkout/morning", {**form, "card": card["id"], "token": f"press-{card['id']}"})
                for tab, card in zip(tabs, cards, strict=True)
            )
        )
        assert sandbox.ledger()["captured"] == before + PRICE


def test_a_refund_beside_its_own_webhooks_loses_nothing(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """Two refunds pressed, a cancel in the console told, a page opened: the money goes back once."""
    for number in range(5):
        paid = shopper.buy("pay")
        merchant_uid, token = paid["merchant_uid"], shopper.csrf_token()
        ids = {"imp_uid": paid["imp_uid"], "merchant_uid": merchant_uid, "status": "cancelled"}

        def press(name: str, merchant_uid: str = merchant_uid, token: str = token) -> int:
            form = {"csrf_token": token, "token": name}
            return int(shopper.browser.post(f"/payments/{merchant_uid}/refund", data=form).status_code)

        at_once(
            lambda: press(f"one-{number}"),  # noqa: B023
            lambda: press(f"two-{number}"),  # noqa: B023
            lambda: shop.webhook(ids),  # noqa: B023
            shop.reconcile,
        )
        shop.reconcile()

        payment = shopper.payment(merchant_uid)
        assert (payment["status"], payment["cancelled"], payment["net"]) == ("cancelled", 14_900, 0)
        assert decisions(payment)["refund_done"] == 1
        assert [len(row["cancels"]) for row in sandbox.ledger(merchant_uid)["payments"]] == [1]


def test_a_removal_beside_a_charge_loses_nothing(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """Either the charge was first, and is told; or the removal was, and nothing is charged after it."""
    for number in range(8):
        card = shopper.register_card()
        token = shopper.csrf_token()
        form = {"csrf_token": token, "card": card["id"], "plan": "noon", "token": f"press-{number}"}
        removal, charge = at_once(
            lambda: shopper.browser.post(f"/account/cards/{card['id']}/remove", data={"csrf_token": token}),  # noqa: B023
            lambda: shopper.browser.post("/account/charge", data=form),  # noqa: B023
        )
        shop.pass_time(hours=1)
        shop.reconcile()
        shop.reconcile()

        assert removal.status_code == 303
        assert charge.status_code in (303, 400, 404)
        captured = [row for row in sandbox.ledger()["payments"] if row["customer_uid"] == card["customer_uid"]]
        told = [row for row in shopper.account()["payments"] if row["customer_uid"] == card["customer_uid"]]
        assert sum(row["net"] for row in told) == sum(row["net"] for row in captured)
        assert not sandbox.keys()[card["customer_uid"]]
        [stored] = [row for row in shopper.account()["cards"] if row["id"] == card["id"]]
        assert stored["status"] == "removed"


def test_a_charge_waits_for_the_removal_of_its_card_that_began_before_it(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """It is being written at this moment: whoever took the card for active now would charge a removed one."""
    card = shopper.register_card()
    token, session_token = secrets.token_hex(8), shopper.csrf_token()
    form = {"csrf_token": session_token, "card": card["id"], "plan": "noon", "token": token}
    with ThreadPoolExecutor(1) as pool:
        with shop.billing.database.writing() as session:
            session.get_one(Card, int(card["id"])).move(CardStatus.REMOVING)
            session.flush()
            pressed = pool.submit(shopper.browser.post, "/account/charge", data=form)
            with suppress(TimeoutError):  # a charge that does not wait has gone wrong by then
                pressed.result(timeout=1)
        reply = pressed.result()

    assert reply.status_code == 400
    assert sandbox.requests(AGAIN) == []
    assert sandbox.net() == 0


def test_an_owed_period_is_not_paid_with_a_card_whose_removal_has_begun(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """The same of the button that pays at once, with any card."""
    shopper.subscribe(mode="register", card="decline-later")
    go_to_next(shop, shopper)
    shop.renew()
    card, sent_before = shopper.register_card(), len(sandbox.requests(AGAIN))
    with ThreadPoolExecutor(1) as pool:
        with shop.billing.database.writing() as session:
            session.get_one(Card, int(card["id"])).move(CardStatus.REMOVING)
            session.flush()
            pressed = pool.submit(shopper.ask, "pay", card=card["id"], token=secrets.token_hex(8))
            with suppress(TimeoutError):  # an attempt that does not wait has gone wrong by then
                pressed.result(timeout=1)
        reply = pressed.result()

    assert reply.status_code == 400
    assert len(sandbox.requests(AGAIN)) == sent_before
    assert sandbox.net() == 0


def test_two_reconciles_at_once_send_a_missing_charge_once(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """The second send is claimed before it is made."""
    card = shopper.register_card()
    sandbox.fault(AGAIN, "cut_before")
    payment = shopper.charged(card["id"])
    assert payment["status"] == "requested"
    shop.pass_time(seconds=700)

    at_once(*[shop.reconcile] * 5)

    assert len(sandbox.requests(AGAIN)) == 2
    assert sandbox.net() == 16_900
    assert shopper.payment(payment["merchant_uid"])["net"] == 16_900


def test_a_stray_at_many_doors_at_once_is_remembered_once(shop: Shop, sandbox: Sandbox) -> None:
    """Each webhook is answered, and a person hears of it once."""
    for number in range(5):
        result = sandbox.pay({"pg": "jtnet", "merchant_uid": f"other_shop_{number}", "amount": 5000, "name": "tea"})
        body = {"imp_uid": result["imp_uid"], "merchant_uid": result["merchant_uid"]}

        replies = at_once(*[partial(shop.webhook, body)] * 8)

        assert {reply.status_code for reply in replies} == {200}
        [line] = [line for line in shop.reconcile().needs_person if result["imp_uid"] in line]
        assert line.startswith("stray")


def subscribers_on_the_day(shop: Shop, sandbox: Sandbox, count: int) -> list[Shopper]:
    """People who paid for their first bag a month ago; the second one falls due now, and nobody has charged it yet."""
    people = [Shopper(shop.browser(), sandbox).sign_up() for _ in range(count)]
    for shopper in people:
        shopper.subscribe()
    go_to_next(shop, people[-1])
    return people


def race_with_a_claim(shop: Shop, people: list[Shopper], what: str, forms: list[dict[str, Any]]) -> list[int]:
    """Everybody sends a form while workers charge what is due; the answers, once all outcomes are known."""

    def press(shopper: Shopper, number: int, csrf_token: str, form: dict[str, Any]) -> int:
        path = f"/account/subscriptions/{number}/{what}"
        return int(shopper.browser.post(path, data=form | {"csrf_token": csrf_token}).status_code)

    numbers = [shopper.account()["subscriptions"][0]["id"] for shopper in people]
    tokens = [shopper.csrf_token() for shopper in people]
    presses = [partial(press, *each) for each in zip(people, numbers, tokens, forms, strict=True)]
    replies = at_once(*[shop.renew] * WORKERS, *presses)[WORKERS:]
    shop.reconcile()
    return replies


def test_leaving_against_a_claim_of_the_same_moment(shop: Shop, sandbox: Sandbox) -> None:
    """Fifty times: the charge was first, or there is none; and from the answer on there never is one."""
    people = subscribers_on_the_day(shop, sandbox, 2 * ROUNDS)
    replies = race_with_a_claim(shop, people, "leave", LEAVING * ROUNDS)

    assert set(replies) <= {303, 409}
    charged = sandbox.net()
    for shopper, reply in zip(people, replies, strict=True):
        found = shopper.subscription()
        assert (reply == 303) == (found["next"] is None), found
        assert [shopper.payment(uid)["net"] for uid in found["period"]["attempts"]] in ([], [0], [PRICE]), found
        assert shopper.agrees_with_ledger()
        if reply == 409:
            assert shopper.ask("leave", when="period_end").status_code == 303
    shop.pass_time(days=40)
    shop.renew()
    assert sandbox.net() == charged
    assert {shopper.subscription()["status"] for shopper in people} == {"ended"}


def test_skipping_against_a_claim_of_the_same_moment(shop: Shop, sandbox: Sandbox) -> None:
    """Either the bag is skipped and nothing is charged, or it is paid; who was charged first may have skipped the next."""
    people = subscribers_on_the_day(shop, sandbox, ROUNDS)
    replies = race_with_a_claim(shop, people, "skip", [{}] * ROUNDS)

    assert set(replies) <= {303, 409}
    for shopper, reply in zip(people, replies, strict=True):
        found = shopper.subscription()
        outcome = found["period"]["status"], len(found["period"]["attempts"]), found["skips_next"]
        assert outcome in ([("skipped", 0, False), ("paid", 1, True)] if reply == 303 else [("paid", 1, False)])
        assert shopper.agrees_with_ledger()


def test_another_plan_against_a_claim_of_the_same_moment(shop: Shop, sandbox: Sandbox) -> None:
    """What is charged is what the period was begun as; a choice that came too late for it counts for the next one."""
    people = subscribers_on_the_day(shop, sandbox, ROUNDS)
    replies = race_with_a_claim(shop, people, "plan", [TO_NOON] * ROUNDS)

    assert set(replies) <= {303, 409}
    for shopper, reply in zip(people, replies, strict=True):
        found = shopper.subscription()
        [paid] = [shopper.payment(uid)["net"] for uid in found["period"]["attempts"]] or [None]
        outcome = found["plan"], paid, found["next"]["plan"]
        chosen = [("noon", 16_900, "noon"), ("morning", PRICE, "noon"), ("morning", None, "noon")]
        assert outcome in (chosen if reply == 303 else [("morning", PRICE, "morning")])
        assert shopper.agrees_with_ledger()
