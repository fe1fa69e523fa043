"""Every allowed move and every forbidden one, of payments, cards, refunds, subscriptions and periods."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from itertools import product
from typing import Any

import pytest

from storefront.models import Card, Checkout, Event, Payment, Refund, Subscription
from storefront.states import (
    CARD_MOVES,
    PAYMENT_MOVES,
    PERIOD_MOVES,
    REFUND_MOVES,
    SUBSCRIPTION_MOVES,
    CardStatus,
    IllegalMoveError,
    PaymentStatus,
    PeriodStatus,
    RefundReason,
    RefundStatus,
    SubscriptionStatus,
)
from storefront.web import timeline
from tests.conftest import Shop

BOOKS: list[tuple[type[Any], type[StrEnum], Any]] = [
    (Payment, PaymentStatus, PAYMENT_MOVES),
    (Card, CardStatus, CARD_MOVES),
    (Refund, RefundStatus, REFUND_MOVES),
    (Subscription, SubscriptionStatus, SUBSCRIPTION_MOVES),
    (Checkout, PeriodStatus, PERIOD_MOVES),
]
BEGINS: dict[type[Any], set[StrEnum]] = {
    Payment: {PaymentStatus.READY, PaymentStatus.REQUESTED},
    Card: {CardStatus.PENDING},
    Refund: {RefundStatus.REQUESTED},
    Subscription: {SubscriptionStatus.ACTIVE},
    Checkout: {PeriodStatus.DUE},
}
COLUMN = {Checkout: "period_status"}
"""Where a row keeps its state, if not in `status`."""

MOVES = [(model, moves, old, new) for model, states, moves in BOOKS for old, new in product(states, states)]


@pytest.mark.parametrize(
    ("model", "moves", "old", "new"), MOVES, ids=lambda value: str(value) if isinstance(value, StrEnum) else ""
)
def test_a_move_is_in_the_table_or_changes_nothing(model: type[Any], moves: Any, old: StrEnum, new: StrEnum) -> None:
    """All pairs of states: the table alone decides."""
    column = COLUMN.get(model, "status")
    row = model(**{column: old})
    if (old, new) in moves:
        assert row.move(new) == moves[old, new]
        assert getattr(row, column) == new
    else:
        with pytest.raises(IllegalMoveError, match=f"{old} to {new}"):
            row.move(new)
        assert getattr(row, column) == old


@pytest.mark.parametrize(("model", "states", "moves"), BOOKS)
def test_every_state_can_be_reached_or_is_where_a_row_begins(
    model: type[Any], states: type[StrEnum], moves: Any
) -> None:
    """No state stands in the table for nothing."""
    assert set(states) == {new for _, new in moves} | BEGINS[model]


@pytest.mark.parametrize(
    ("moves", "never"),
    [
        (PAYMENT_MOVES, {("paid", "failed"), ("paid", "ready"), ("failed", "requested"), ("refused", "paid")}),
        (CARD_MOVES, {("removed", "active"), ("removing", "active"), ("suspended", "active")}),
        (REFUND_MOVES, {("done", "requested"), ("done", "failed")}),
        (SUBSCRIPTION_MOVES, {("ended", "active"), ("ended", "past_due")}),
        (
            PERIOD_MOVES,
            {("paid", "unpaid"), ("paid", "due"), ("missed", "unpaid"), ("lapsed", "paid"), ("refunded", "unpaid")},
        ),
    ],
)
def test_no_table_allows_what_would_take_money_twice_or_forget_it(moves: Any, never: set[tuple[str, str]]) -> None:
    """What was charged, given back, removed or left does not come to be charged again."""
    assert never & {(str(old), str(new)) for old, new in moves} == set()


def test_every_reason_of_a_refund_has_words_on_the_timeline(shop: Shop) -> None:
    """And none is shown by the name that it has in the database."""
    now = datetime.now(UTC)
    asked = [Event(event="refund_asked", kind="decided", at=now, detail={"reason": reason}) for reason in RefundReason]

    with shop.app.test_request_context():
        said = [line.text for line in timeline.lines_of(Payment(events=asked))]

    assert [text for text in said if text in set(RefundReason)] == []


def test_every_edge_has_words_on_the_timeline(shop: Shop) -> None:
    """A shopper can read what happened."""
    events = sorted({event for _, _, moves in BOOKS for event in moves.values()})
    now = datetime.now(UTC)
    payment = Payment(events=[Event(event=event, kind="decided", at=now, detail={}) for event in events])

    with shop.app.test_request_context():
        titles = [line.title for line in timeline.lines_of(payment)]

    assert [title for title in titles if title in events] == []
