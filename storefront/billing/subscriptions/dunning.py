"""What follows a period that could not be charged: which refusals are tried again, when, and when it is over.

JTNet documents no list of its reasons, and i'mport passes on the card company's text. `REFUSALS` is therefore a
merchant's own table: complete it with what your declined payments really say. Whatever it does not know is soft.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from storefront.billing.subscriptions import calendar
from storefront.models import Checkout, Payment

RETRY_AFTER_DAYS = (1, 3, 7)
"""Days after the first attempt on which a soft refusal is tried again, at 09:00 in Seoul."""
MOST_ASKED_FOR = 10
"""Attempts at one period that its shopper asks for."""
REST = timedelta(hours=20)
"""Between any attempt and the next one that begins by itself."""
ENDS_AFTER = timedelta(days=10)
"""After the first failure, or after no card was found; sooner if the period is over sooner."""

UNKNOWN = "unknown"
NO_KEY = "no_key"
GIVEN_UP = "given_up"


@dataclass(frozen=True)
class Refusal:
    """One kind of refusal.

    Attributes:
        kind: its name in the database and in texts.
        pattern: what i'mport's reason looks like; None for kinds that are not told by a text.
        hard: never again this card for this subscription.
        mended_by: who can mend it: `time`, `shopper` (with the card company) or `another_card`.
        invented: whether the pattern is the sandbox's invention and not seen at a card company.
    """

    kind: str
    pattern: re.Pattern[str] | None
    hard: bool
    mended_by: str
    invented: bool = False


REFUSALS = (
    Refusal("limit", re.compile("한도"), hard=False, mended_by="shopper", invented=True),
    Refusal("balance", re.compile("잔액"), hard=False, mended_by="shopper", invented=True),
    Refusal("stolen", re.compile("도난|분실"), hard=True, mended_by="another_card", invented=True),
    Refusal("closed", re.compile("해지|정지|폐기"), hard=True, mended_by="another_card", invented=True),
    Refusal("expired", re.compile("유효기간"), hard=True, mended_by="another_card", invented=True),
    Refusal(NO_KEY, None, hard=True, mended_by="another_card"),
    Refusal(GIVEN_UP, None, hard=False, mended_by="time"),
    Refusal(UNKNOWN, None, hard=False, mended_by="shopper"),
)
"""Read from above: the first pattern that is found in the reason names the kind."""

_BY_KIND = {refusal.kind: refusal for refusal in REFUSALS}


@dataclass(frozen=True)
class Retry:
    """The next attempt at an unpaid period."""

    at: datetime
    automatic: bool


def kind_of(reason: str | None) -> str:
    """The kind of a refusal by i'mport's reason; `unknown` for what the table does not know."""
    found = (refusal.kind for refusal in REFUSALS if refusal.pattern and refusal.pattern.search(reason or ""))
    return next(found, UNKNOWN)


def is_hard(kind: str | None) -> bool:
    """Whether a card that was refused like this is never charged again for the subscription."""
    return kind in _BY_KIND and _BY_KIND[kind].hard


def ends_at(period: Checkout) -> datetime:
    """When an unpaid period is given up, and its subscription with it."""
    return min(period.closes_at, (period.trouble_at or period.began_at) + ENDS_AFTER)


def retry(
    attempts: Sequence[Payment],
    card_id: int,
    card_since: datetime,
    attempted_at: datetime | None,
    heard_at: datetime | None,
) -> Retry | None:
    """The next attempt at an unpaid period with a card that may be charged, or None if none is left.

    Args:
        attempts: at the period, none of them open, oldest first.
        card_id: the subscription's card.
        card_since: since when it is.
        attempted_at: when a charge of this subscription last began by itself.
        heard_at: when the shop heard of the last failure; None for one of an earlier version of the shop.
    """
    is_another = not any(attempt.card_id == card_id and attempt.created_at >= card_since for attempt in attempts)
    if is_another and may_be_asked_for(attempts):
        # Another card is tried at once: its shopper chose it so that it is. Who has asked too often waits for the next rung.
        return Retry(card_since, automatic=False)
    first, last = attempts[0], attempts[-1]
    retries = sum(attempt.automatic for attempt in attempts[1:])
    if retries >= len(RETRY_AFTER_DAYS):
        return None
    if last.given_up:
        planned = calendar.nine_from(last.failed_at or last.created_at)
    else:
        planned = calendar.nine_of(calendar.seoul_day(first.created_at) + timedelta(days=RETRY_AFTER_DAYS[retries]))
    if heard_at is not None:
        # An answer that was lost for days: its day is over, and the mail that tells of it names one that is to come.
        planned = max(planned, calendar.nine_from(heard_at))
    if is_another:
        # Not in the very press, which says that nothing is charged now.
        planned = max(planned, calendar.nine_from(card_since))
    return Retry(rested(rested(planned, last.created_at), attempted_at), automatic=True)


def may_be_asked_for(attempts: Sequence[Payment]) -> bool:
    """Whether a shopper may still ask for an attempt at this period."""
    return sum(not attempt.automatic for attempt in attempts) < MOST_ASKED_FOR


def rested(planned: datetime, last: datetime | None) -> datetime:
    """A planned 09:00, or the next one that is long enough after the last attempt."""
    return planned if last is None else max(planned, calendar.nine_from(last + REST))
