"""The calendar of a subscription, in days of Seoul.

A period is computed from the day the subscription is anchored to and from its number, never from the period before:
31 January, 28 February, 31 March. Moments are aware and in UTC, as everywhere; a day becomes one only here.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from storefront.clock import SEOUL
from storefront.states import Every

DUE_TIME = time(9)
"""When on its first day a period is charged: people are awake, and so is who answers them."""
_MIDNIGHT = time(0)


@dataclass(frozen=True)
class Interval:
    """The days `[begins_on, ends_on)` of one period, counted from number 0."""

    number: int
    begins_on: date
    ends_on: date

    @property
    def due_at(self) -> datetime:
        """When it falls due."""
        return nine_of(self.begins_on)

    @property
    def ends_at(self) -> datetime:
        """The first moment that is no longer in it."""
        return midnight_of(self.ends_on)


def interval(anchor: date, every: Every, number: int) -> Interval:
    """One period of a subscription.

    Args:
        anchor: the day period 0 begins on.
        every: a month or a year.
        number: which period, from 0.
    """
    months = every.months
    return Interval(number, _months_later(anchor, months * number), _months_later(anchor, months * (number + 1)))


def number_on(anchor: date, every: Every, day: date) -> int:
    """The number of the period that contains a day; negative before the first.

    Args:
        anchor: the day period 0 begins on.
        every: a month or a year.
        day: a day of Seoul.
    """
    months = (day.year - anchor.year) * 12 + day.month - anchor.month
    number = months // every.months
    # In the month it begins in, a period has begun once its own day is reached.
    return number if interval(anchor, every, number).begins_on <= day else number - 1


def seoul_day(moment: datetime) -> date:
    """The day it is in Seoul."""
    return moment.astimezone(SEOUL).date()


def nine_of(day: date) -> datetime:
    """09:00 in Seoul on a day."""
    return datetime.combine(day, DUE_TIME, SEOUL).astimezone(UTC)


def midnight_of(day: date) -> datetime:
    """00:00 in Seoul on a day: its first moment."""
    return datetime.combine(day, _MIDNIGHT, SEOUL).astimezone(UTC)


def nine_from(moment: datetime) -> datetime:
    """The first 09:00 in Seoul that is not before a moment."""
    nine = nine_of(seoul_day(moment))
    return nine if nine >= moment else nine_of(seoul_day(moment) + timedelta(days=1))


def _months_later(day: date, months: int) -> date:
    """The same day of a later month, or that month's last one if it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
