"""Lists by status: what they hold and how many there are, compared with looking at every payment."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

import pytest
from flask import Flask

from storefront.sandbox.books import tally
from storefront.sandbox.books.payments import FEW, SORTINGS, Draft
from tests.people import Sandbox

MOMENTS = {
    "all": "started_at",
    "ready": "started_at",
    "paid": "paid_at",
    "cancelled": "cancelled_at",
    "failed": "failed_at",
}
CHANCE = random.Random(7)
SPAN_S = 70 * 86_400
"""More than one bucket of the largest kind."""


@pytest.fixture
def times(sandbox_app: Flask) -> list[int]:
    """Payments of every status, many in the same second, some approved or cancelled long after; when they happened."""
    books = sandbox_app.extensions["sandbox"]
    begin = books.clock.seconds() - SPAN_S
    moments = sorted(begin + CHANCE.randrange(SPAN_S) for _ in range(3 * FEW)) + [begin + 256 * 300] * 20
    with books.store.transaction():
        for number, at in enumerate(moments):
            draft = Draft(f"order-{number}", 1_000, None, "api", at=at)
            if number % 5 == 0:
                imp_uid = books.payments.decline(draft, "한도초과")
                if number % 4 == 0:
                    books.payments.approve_late(imp_uid)
            elif number % 13 == 0:
                books.payments.leave_ready(draft)
            else:
                imp_uid = books.payments.approve(draft)
                if number % 11 == 0:
                    books.payments.write_cancel(imp_uid, 100, "일부")
    return moments


def of_status(rows: list[Any], status: str, begin: int, end: int) -> list[Any]:
    """Those that entered a status within a window."""
    moment = MOMENTS[status]
    return [row for row in rows if status in ("all", row["status"]) and begin <= row[moment] <= end]


def test_the_count_of_a_window_is_exact_at_every_edge(sandbox_app: Flask, times: list[int]) -> None:
    """Windows of a second, of a bucket's size, and of weeks."""
    books = sandbox_app.extensions["sandbox"]
    rows = books.store.all("SELECT * FROM payment")
    spans = [0, 1, 254, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 20 * 86_400, 90 * 86_400]
    for status in MOMENTS:
        for at in CHANCE.sample(times, 10):
            for span in spans:
                for begin in (at, at - span, at - span // 2, at // 256 * 256, at // 65_536 * 65_536):
                    expected = len(of_status(rows, status, begin, begin + span))
                    counted = tally.count(books.store.number, status, begin, begin + span)
                    assert counted == expected, (status, begin, span)


@pytest.mark.parametrize("status", MOMENTS)
def test_a_list_holds_what_entered_the_status_in_the_order_asked_for(
    sandbox_app: Flask, sandbox: Sandbox, times: list[int], status: str
) -> None:
    """Whether the window holds everything, much or little, and whatever it is sorted by."""
    rows = sandbox_app.extensions["sandbox"].store.all("SELECT * FROM payment")
    now = times[0] + SPAN_S + 60
    for sorting, (begin, end) in product(SORTINGS, ((times[0], now), (times[100], now), (times[50], times[60]))):
        found = of_status(rows, status, begin, end)
        found.sort(key=lambda row: (row[f"{sorting.lstrip('-')}_at"], row["id"]), reverse=sorting.startswith("-"))
        window = {"from": begin, "to": end, "sorting": sorting, "limit": 30}
        for page in range(1, 3 if len(found) > 30 else 2):
            reply = sandbox.call("GET", f"/payments/status/{status}", **window, page=page)["response"]
            assert reply["total"] == len(found)
            expected = [row["imp_uid"] for row in found[(page - 1) * 30 : page * 30]]
            assert [payment["imp_uid"] for payment in reply["list"]] == expected, sorting
