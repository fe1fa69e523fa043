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


@pytest.mark.parametrize(("states", "moves"), [(states, moves) for _, states, moves in BOOKS])
def test_every_state_can_be_reached_or_is_where_a_row_begins(states: type[StrEnum], moves: Any) -> None:
    """No state stands in the table for nothing."""
    begin = {"ready", "requested", "pending", "active", "due"}
    reached = {str(new) for _, new in moves} | begin

    assert {str(state) for state in states} == reached & {str(state) for state in states}


def test_every_edge_has_words_on_the_timeline(shop: Shop) -> None:
    """A shopper can read what happened."""
    events = sorted({event for _, _, moves in BOOKS for event in moves.values()})
    now = datetime.now(UTC)
    payment = Payment(events=[Event(event=event, kind="decided", at=now, detail={}) for event in events])

    with shop.app.test_request_context():
        titles = [line.title for line in timeline.lines_of(payment)]

    assert [title for title in titles if title in events] == []
