"""An unpaid period: when it is tried again, and when it is given up. At the very edges, where a comparison decides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from storefront.billing.subscriptions import calendar, dunning
from storefront.billing.subscriptions.dunning import ENDS_AFTER, MOST_ASKED_FOR, Retry
from storefront.models import Checkout, Payment

BEGAN = datetime(2026, 12, 1, 0, 0, tzinfo=UTC)
"""09:00 in Seoul."""
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
CARD, ANOTHER_CARD = 1, 2


def attempt(at: datetime = BEGAN, *, card: int = CARD, automatic: bool = True) -> Payment:
    """One that was declined."""
    return Payment(card_id=card, created_at=at, automatic=automatic, given_up=False)


@pytest.mark.parametrize(
    ("trouble_at", "closes_at", "ends_at"),
    [
        (None, BEGAN + 30 * DAY, BEGAN + ENDS_AFTER),
        (BEGAN + 2 * DAY, BEGAN + 30 * DAY, BEGAN + 2 * DAY + ENDS_AFTER),
        (BEGAN + 2 * DAY, BEGAN + 9 * DAY, BEGAN + 9 * DAY),
    ],
)
def test_a_period_is_given_up_ten_days_after_its_trouble_began_or_when_it_is_over(
    trouble_at: datetime | None, closes_at: datetime, ends_at: datetime
) -> None:
    """Without a card there was trouble from the beginning."""
    assert dunning.ends_at(Checkout(began_at=BEGAN, trouble_at=trouble_at, closes_at=closes_at)) == ends_at


def test_a_card_that_was_tried_in_the_moment_it_was_chosen_has_been_tried() -> None:
    """So it rests like any other; chosen after the attempt, it is tried at once."""
    tried = [attempt()]

    assert dunning.retry(tried, CARD, BEGAN, None, None) == Retry(BEGAN + DAY, automatic=True)
    later = BEGAN + timedelta(seconds=1)
    assert dunning.retry(tried, CARD, later, None, None) == Retry(later, automatic=False)
    assert dunning.retry(tried, ANOTHER_CARD, BEGAN, None, None) == Retry(BEGAN, automatic=False)


def test_another_card_is_tried_at_once_until_its_shopper_has_asked_too_often() -> None:
    """What went before by itself does not count; afterwards it waits for the next rung, like the card before it."""
    asked = [attempt(), *(attempt(BEGAN + number * HOUR, automatic=False) for number in range(MOST_ASKED_FOR - 1))]

    assert dunning.retry(asked, ANOTHER_CARD, BEGAN, None, None) == Retry(BEGAN, automatic=False)
    asked.append(attempt(BEGAN + 10 * HOUR, automatic=False))
    assert dunning.retry(asked, ANOTHER_CARD, BEGAN + 11 * HOUR, None, None) == Retry(BEGAN + 2 * DAY, automatic=True)
    chosen = BEGAN + 5 * DAY + HOUR
    assert dunning.retry(asked, ANOTHER_CARD, chosen, None, None) == Retry(BEGAN + 6 * DAY, automatic=True), (
        "not in the press"
    )


def test_no_next_attempt_begins_on_a_day_that_was_over_when_its_shop_heard_of_the_last() -> None:
    """An answer was lost, and i'mport silent until after the next rung: the next nine o'clock it is."""
    tried = [attempt()]

    assert dunning.retry(tried, CARD, BEGAN, None, BEGAN + HOUR) == Retry(BEGAN + DAY, automatic=True)
    assert dunning.retry(tried, CARD, BEGAN, None, BEGAN + 2 * DAY - HOUR) == Retry(BEGAN + 2 * DAY, automatic=True)
    later = BEGAN + timedelta(seconds=1)
    assert dunning.retry(tried, CARD, later, None, BEGAN + 2 * DAY) == Retry(later, automatic=False), "another card"


def test_whatever_was_charged_by_itself_before_makes_the_next_attempt_rest() -> None:
    """An attempt at another period as well as one at this: the first nine o'clock that is twenty hours later."""
    tried, late = [attempt()], BEGAN + DAY - 2 * HOUR

    assert dunning.retry(tried, CARD, BEGAN, late, None) == Retry(calendar.nine_from(late + 20 * HOUR), automatic=True)
    assert dunning.retry(tried, CARD, BEGAN, late, None) == Retry(BEGAN + 2 * DAY, automatic=True)
    assert dunning.retry([attempt(), attempt(late, automatic=False)], CARD, BEGAN, None, None) == Retry(
        BEGAN + 2 * DAY, automatic=True
    )
