"""The calendar of a subscription: anchored to a day, computed by number, in days of Seoul."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storefront.billing.subscriptions import calendar
from storefront.states import Every

SEOUL = ZoneInfo("Asia/Seoul")
ANCHORS = st.dates(date(2024, 1, 1), date(2034, 12, 31))
INTERVALS = st.sampled_from([Every.MONTH, Every.YEAR])


def walked(anchor: date, every: Every, number: int) -> date:
    """The same by walking: month after month, day by day down from the anchor's day until there is such a day."""
    year, month = anchor.year, anchor.month
    for _ in range(number * (1 if every == Every.MONTH else 12)):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    for day in range(anchor.day, 0, -1):
        try:
            return date(year, month, day)
        except ValueError:
            continue
    raise AssertionError


@given(anchor=ANCHORS, every=INTERVALS, number=st.integers(0, 120))
def test_a_period_is_where_walking_the_months_leads(anchor: date, every: Every, number: int) -> None:
    """Ten years of months and more, against a second computation; periods touch and never overlap."""
    found = calendar.interval(anchor, every, number)

    assert found.begins_on == walked(anchor, every, number)
    assert found.ends_on == walked(anchor, every, number + 1)
    assert found.begins_on < found.ends_on


@given(anchor=ANCHORS, every=INTERVALS, days=st.integers(0, 3_660))
def test_every_day_belongs_to_one_period(anchor: date, every: Every, days: int) -> None:
    """The number of a day's period is the one whose interval contains it, over ten years."""
    day = anchor + timedelta(days=days)

    found = calendar.interval(anchor, every, calendar.number_on(anchor, every, day))

    assert found.begins_on <= day < found.ends_on
    assert found.number == sum(1 for n in range(1, 130) if walked(anchor, every, n) <= day)


def test_a_day_before_the_first_period_has_a_negative_number() -> None:
    """So that nobody takes it for the first."""
    assert calendar.number_on(date(2026, 12, 4), Every.MONTH, date(2026, 12, 3)) == -1
    assert calendar.number_on(date(2026, 12, 4), Every.YEAR, date(2026, 12, 3)) == -1


@pytest.mark.parametrize(
    ("anchor", "every", "days"),
    [
        (date(2027, 1, 31), Every.MONTH, ["01-31", "02-28", "03-31", "04-30", "05-31"]),
        (date(2028, 1, 31), Every.MONTH, ["01-31", "02-29", "03-31"]),
        (date(2027, 11, 30), Every.MONTH, ["11-30", "12-30", "01-30", "02-29", "03-30"]),
        (date(2028, 2, 29), Every.YEAR, ["02-29", "02-28", "02-28", "02-28", "02-29"]),
    ],
)
def test_a_short_month_takes_nothing_from_the_next(anchor: date, every: Every, days: list[str]) -> None:
    """The anchor's day comes back as soon as there is one."""
    begins = [calendar.interval(anchor, every, number).begins_on for number in range(len(days))]

    assert [f"{day:%m-%d}" for day in begins] == days


@given(day=ANCHORS, seconds=st.integers(0, 86_399))
def test_a_moment_has_the_day_that_seoul_has(day: date, seconds: int) -> None:
    """Nine hours ahead of UTC, so that from 15:00 UTC on it is tomorrow."""
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=seconds)

    assert calendar.seoul_day(moment) == (moment + timedelta(hours=9)).date()


@pytest.mark.parametrize(
    ("moment", "day", "nine"),
    [
        # 00:00 to 09:00 in Seoul: in UTC it is still yesterday.
        ("2026-11-30T15:00:00", "2026-12-01", "2026-12-01T00:00:00"),
        ("2026-11-30T23:59:59", "2026-12-01", "2026-12-01T00:00:00"),
        ("2026-12-01T00:00:00", "2026-12-01", "2026-12-01T00:00:00"),
        ("2026-12-01T00:00:01", "2026-12-01", "2026-12-02T00:00:00"),
        ("2026-12-01T14:59:59", "2026-12-01", "2026-12-02T00:00:00"),
    ],
)
def test_nine_o_clock_is_seouls(moment: str, day: str, nine: str) -> None:
    """Which in UTC is midnight; at nine it is now, and a second later tomorrow."""
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)

    assert calendar.seoul_day(at).isoformat() == day
    assert calendar.nine_from(at) == datetime.fromisoformat(nine).replace(tzinfo=UTC)


@pytest.fixture
def machine_in_seoul(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose own zone is not UTC."""
    monkeypatch.setenv("TZ", "Asia/Seoul")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("machine_in_seoul")
def test_a_period_is_due_at_nine_and_over_at_midnight() -> None:
    """In Seoul; the moments are UTC, wherever the machine is."""
    month = calendar.interval(date(2026, 11, 27), Every.MONTH, 1)

    assert month.due_at == datetime(2026, 12, 27, 9, tzinfo=SEOUL)
    assert month.ends_at == datetime(2027, 1, 27, tzinfo=SEOUL)
    assert (month.due_at.utcoffset(), month.ends_at.utcoffset()) == (timedelta(), timedelta())
