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


def cancels_have_their_reasons(stage: Stage, accounts: Iterable[Account], wanted_back: set[str]) -> None:
    """The shop gives back what a shopper wants back, what it refuses, and a second capture of one order; nothing else."""
    orders = {order["merchant_uid"]: order for order in _orders(accounts)}
    for payment in stage.ledger()["payments"]:
        order, reasons = orders[payment["merchant_uid"]], {cancel["reason"] for cancel in payment["cancels"]}
        if "구매자 요청" in reasons:
            assert payment["merchant_uid"] in wanted_back, payment
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
