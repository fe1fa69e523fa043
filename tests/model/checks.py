"""What must be true whenever everything has come to rest: shop and ledger say the same, and nobody was wronged."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from tests.model.players import Player
from tests.model.stage import AGAIN, GRACE_S, Stage

Account = dict[str, Any]
"""What an account page says."""

MOST_ATTEMPTS, REST_H = 4, 19.999
NOTHING_HELD = ("ready", "failed", "expired", "refused")


def money_agrees(stage: Stage, accounts: Iterable[Account]) -> None:
    """Captured minus cancelled, for each order; and nothing was captured that no order knows."""
    theirs: Counter[str] = Counter()
    for payment in stage.ledger()["payments"]:
        theirs[payment["merchant_uid"]] += payment["net"]
    ours = {order["merchant_uid"]: order["net"] for order in _orders(accounts)}
    assert {uid: net for uid, net in ours.items() if net} == {uid: net for uid, net in theirs.items() if net}


def states_make_sense(stage: Stage, accounts: Iterable[Account], undone: Mapping[str, int]) -> None:
    """What a state promises about the money, and each decision at most as often as it can happen."""
    timelines = _timelines(stage)
    for order in _orders(accounts):
        events = timelines[order["merchant_uid"]]
        if order["status"] == "paid":
            assert order["net"] == order["amount"], order
        if order["status"] in NOTHING_HELD:
            assert order["net"] == 0, order
        assert order["status"] != "refusing", order
        assert events["paid"] + events["approved_late"] + events["refused"] <= 1, (order, events)
        assert events["cancel_undone"] <= undone[order["merchant_uid"]], (order, events)


def payments_are_their_own(stage: Stage, accounts: Iterable[Account]) -> None:
    """An order is paid by a payment that names it, and no two orders by the same one."""
    payments = stage.imports("SELECT imp_uid, merchant_uid FROM payment")
    named = {payment["imp_uid"]: payment["merchant_uid"] for payment in payments}
    for order in _orders(accounts):
        assert order["imp_uid"] is None or named[order["imp_uid"]] == order["merchant_uid"], order


def cancels_have_their_reasons(
    stage: Stage, accounts: Iterable[Account], wanted_back: set[str], left: Mapping[int, set[str]]
) -> None:
    """The shop gives back what a shopper wants back or has left, what it refuses, and a second capture; nothing else."""
    orders = {order["merchant_uid"]: order for order in _orders(accounts)}
    for payment in stage.ledger()["payments"]:
        order, reasons = orders[payment["merchant_uid"]], {cancel["reason"] for cancel in payment["cancels"]}
        if "구매자 요청" in reasons:
            assert payment["merchant_uid"] in wanted_back, payment
        if "구독 해지" in reasons:
            assert order["subscription"] in left, payment
        if "주문과 다른 결제" in reasons:
            assert order["status"] == "refused", (order, payment)
        if "중복 결제" in reasons:
            assert order["imp_uid"] != payment["imp_uid"], (order, payment)


def keys_agree(stage: Stage, accounts: Iterable[Account]) -> None:
    """No key is left behind a card that is removed, or behind an order that is not paid."""
    kept: set[str] = set()
    for account in accounts:
        kept |= {card["customer_uid"] for card in account["cards"] if card["status"] in ("active", "suspended")}
        kept |= {order["customer_uid"] for order in account["payments"] if order["status"] == "ready"}
    left = {key["customer_uid"] for key in stage.ledger()["billing_keys"] if not key["deleted_at"]} - kept
    assert not left, [order for order in _orders(accounts) if order["customer_uid"] in left] or left


def removed_cards_are_charged_no_more(stage: Stage, removed: Mapping[str, set[str]]) -> None:
    """What was captured with a card after the shop had said that it is removed was given back, and no key is left.

    Args:
        stage: shop and sandbox.
        removed: the customer_uids of these cards, each with the imp_uids that were captured before.
    """
    ledger = stage.ledger()
    for payment in ledger["payments"]:
        before = removed.get(payment["customer_uid"])
        assert before is None or payment["imp_uid"] in before or payment["net"] == 0, (
            f"charged after removal: {payment}"
        )
    stored = {key["customer_uid"] for key in ledger["billing_keys"] if not key["deleted_at"]}
    assert not stored & set(removed), "a removed card has a key"


def charges_were_sent_once(stage: Stage) -> None:
    """A charge is repeated by reconcile alone, never before its grace time is over, and captured once."""
    sent: dict[str, list[float]] = {}
    for call in stage.imports("SELECT body, at FROM request WHERE path = ? AND status <> 401 ORDER BY id", AGAIN):
        sent.setdefault(json.loads(call["body"])["merchant_uid"], []).append(call["at"])
    for times in sent.values():
        assert all(later - earlier >= GRACE_S for earlier, later in pairwise(times)), times
    captured = Counter(payment["merchant_uid"] for payment in stage.ledger()["payments"])
    assert all(captured[merchant_uid] <= 1 for merchant_uid in sent), captured


def periods_are_paid_once(accounts: Iterable[Account], undone: Mapping[str, int]) -> None:
    """Whatever was tried for a period, at most one payment of it is kept, and at most four begin by themselves."""
    kept: Counter[tuple[int, int]] = Counter()
    for order in _orders(accounts):
        if order["subscription"] is not None and order["period"] is not None and not undone[order["merchant_uid"]]:
            kept[order["subscription"], order["period"]] += order["net"] > 0
    assert all(times <= 1 for times in kept.values()), kept


def dunning_has_an_end(stage: Stage) -> None:
    """At most four charges of a period begin by themselves, and never two within twenty hours."""
    begun: dict[tuple[int, int], list[float]] = defaultdict(list)
    for subscription_id, period, began in stage.shop(
        "SELECT payment.subscription_id, number, julianday(created_at) * 24 FROM payment"
        " JOIN checkout ON checkout.id = checkout_id WHERE automatic ORDER BY payment.id"
    ):
        begun[subscription_id, period].append(began)
    for times in begun.values():
        assert len(times) <= MOST_ATTEMPTS, begun
        assert all(later - earlier >= REST_H for earlier, later in pairwise(times)), begun


def who_has_left_is_charged_no_more(
    stage: Stage, captured: Mapping[int, set[str]], left: Mapping[int, set[str]]
) -> None:
    """What was captured for a subscription after it had ended, or while it was being left, was given back.

    Args:
        stage: shop and sandbox.
        captured: for each such subscription the imp_uids of all that was captured for it.
        left: of these, what was captured before.
    """
    net = {payment["imp_uid"]: payment["net"] for payment in stage.ledger()["payments"]}
    for subscription_id, before in left.items():
        late = captured[subscription_id] - before
        assert not any(net[imp_uid] for imp_uid in late), f"subscription {subscription_id} was charged after leaving"


def subscriptions_make_sense(stage: Stage, accounts: Iterable[Account]) -> None:
    """What goes on has a next moment later than now, and is charged next unless its page says why not."""
    now = stage.clock.now().strftime("%Y-%m-%d %H:%M:%S")
    assert not stage.shop("SELECT id FROM subscription WHERE status <> 'ended' AND wake_at <= ?", now)
    for one in (one for account in accounts for one in account["subscriptions"]):
        assert (one["status"] == "ended") == (one["reason"] is not None), one
        if one["status"] == "active" and one["card"] and not one["leaves_on"]:
            assert one["next"] is not None, one
        if one["status"] == "ended" or one["leaves_on"]:
            assert one["next"] is None, one


def news_is_told(stage: Stage) -> None:
    """No mail waits, and every charge of a subscription that stands paid has its receipt."""
    assert not stage.shop("SELECT key FROM mail WHERE sent_at IS NULL AND dropped_at IS NULL")
    untold = stage.shop(
        "SELECT merchant_uid FROM payment WHERE purpose = 'renewal' AND status = 'paid'"
        " AND NOT EXISTS (SELECT 1 FROM mail WHERE mail.payment_id = payment.id AND mail.kind = 'receipt')"
    )
    assert not untold, untold


def nobody_sees_anothers(people: list[Player], accounts: list[Account]) -> None:
    """No account names what is another's, and nobody can open another's order."""
    for player, account in zip(people, accounts, strict=True):
        seen = json.dumps(account)
        others = [order for other in accounts if other is not account for order in other["payments"]]
        assert not any(order["merchant_uid"] in seen or order["customer_uid"] in seen for order in others)
        for order in others:
            reply = player.browser.get(f"/payments/{order['merchant_uid']}", headers={"Accept": "application/json"})
            assert reply.status_code == 404, (player.email, order)


def _orders(accounts: Iterable[Account]) -> list[dict[str, Any]]:
    return [order for account in accounts for order in account["payments"]]


def _timelines(stage: Stage) -> dict[str, Counter[str]]:
    """How often each event happened to each order."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    rows = stage.shop(
        "SELECT merchant_uid, event FROM event JOIN payment ON payment.id = payment_id WHERE kind = 'decided'"
    )
    for merchant_uid, event in rows:
        found[merchant_uid][event] += 1
    return found
