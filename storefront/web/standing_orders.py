"""How a subscription is told: as JSON for programs, in words for people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext

from storefront.billing.mails.texts import refusal_text
from storefront.billing.subscriptions.overview import Overview
from storefront.billing.subscriptions.step import Upcoming
from storefront.models import Subscription
from storefront.states import CardStatus, EndReason, Every, PeriodStatus, SubscriptionStatus
from storefront.web.formats import day, seoul, won
from storefront.web.i18n import plan_text
from storefront.web.presentation import refusal_texts


@dataclass(frozen=True)
class Words:
    """What a subscription's page says.

    Attributes:
        state: the chip's style.
        chip: the state in two words.
        title: what is subscribed to, and how often.
        next: what happens next.
        price: what one period costs.
        days: from when to when the present period is.
        period: how that stands.
        why: why the last attempt failed and who can mend that, if something is owed.
        needs_card: whether nothing can be charged until its shopper gives another card.
    """

    state: str
    chip: str
    title: str
    next: str
    price: str
    days: str
    period: str
    why: str | None
    needs_card: bool


def as_json(found: Overview) -> dict[str, Any]:
    """A subscription as programs see it; amounts in won, days of Seoul, `at` in UNIX seconds."""
    subscription, interval, card, upcoming = found.subscription, found.interval, found.chargeable_card, found.upcoming
    coming = None
    if upcoming is not None:
        coming = {
            "at": int(upcoming.at.timestamp()),
            "on": upcoming.interval.begins_on.isoformat(),
            "amount": upcoming.terms.price_krw,
            "plan": upcoming.terms.plan,
            "card": subscription.card_id,
        }
    return {
        "id": subscription.id,
        "plan": subscription.plan,
        "every": subscription.every,
        "price": subscription.price_krw,
        "status": subscription.status,
        "reason": subscription.reason,
        "card": card.id if card else None,
        "period": {
            "number": interval.number,
            "begins_on": interval.begins_on.isoformat(),
            "ends_on": interval.ends_on.isoformat(),
            "status": found.status,
            "attempts": [attempt.merchant_uid for attempt in found.attempts],
        },
        "next": coming,
        "leaves_on": subscription.leaves_on.isoformat() if subscription.leaves_on else None,
        "skips_next": found.skips_next,
    }


def words_of(found: Overview) -> Words:
    """What to say about a subscription."""
    subscription, interval = found.subscription, found.interval
    state, chip = {
        SubscriptionStatus.ACTIVE: ("paid", gettext("Active")),
        SubscriptionStatus.PAST_DUE: ("failed", gettext("Payment due")),
        SubscriptionStatus.ENDED: ("cancelled", gettext("Ended")),
    }[subscription.status]
    if subscription.leaves_on is not None and subscription.status == SubscriptionStatus.ACTIVE:
        state, chip = "cancelled", gettext("Ends on %(day)s", day=day(subscription.leaves_on))
    name, price = plan_text(subscription.plan)["name"], won(subscription.price_krw)
    is_yearly = subscription.every == Every.YEAR
    refused = subscription.card_refused and found.card.status == CardStatus.ACTIVE
    return Words(
        state=state,
        chip=chip,
        title=gettext("%(name)s, every year", name=name) if is_yearly else gettext("%(name)s, every month", name=name),
        next=_next(found),
        price=gettext("%(amount)s a year", amount=price) if is_yearly else gettext("%(amount)s a month", amount=price),
        days=f"{day(interval.begins_on)} – {day(_last_day(interval.ends_on))}",
        period=_period_words()[found.status],
        why=_why(found),
        needs_card=found.goes_on and (found.chargeable_card is None or refused),
    )


def _last_day(ends_on: date) -> date:
    return ends_on - timedelta(days=1)


def _next(found: Overview) -> str:
    subscription, upcoming = found.subscription, found.upcoming
    if subscription.reason is not None and found.open_orders:
        return f"{_reasons()[subscription.reason]} {_checked_after_the_end()}"
    if subscription.reason is not None:
        return _reasons()[subscription.reason]
    if subscription.leaves_on is not None:
        return str(gettext("It ends on %(day)s. Nothing more is charged.", day=day(subscription.leaves_on)))
    if found.open_orders:
        return str(gettext("We are checking whether a charge went through. Nobody charges again meanwhile."))
    if upcoming is None:
        return _nothing(found)
    return _what_is_charged(subscription, upcoming)


def _what_is_charged(subscription: Subscription, upcoming: Upcoming) -> str:
    name = plan_text(upcoming.terms.plan)["name"]
    facts = {"amount": won(upcoming.terms.price_krw), "time": seoul(upcoming.at)}
    if subscription.status == SubscriptionStatus.PAST_DUE:
        return str(gettext("We try %(amount)s again on %(time)s.", **facts))
    if upcoming.terms.plan != subscription.plan:
        return str(gettext("%(amount)s is charged automatically on %(time)s, for %(name)s.", name=name, **facts))
    return str(gettext("%(amount)s is charged automatically on %(time)s.", **facts))


def _nothing(found: Overview) -> str:
    if found.price_open_on is not None:
        return str(gettext("It ends on %(day)s unless you agree to the new price.", day=day(found.price_open_on)))
    return str(gettext("Nothing is charged as things stand."))


def _why(found: Overview) -> str | None:
    if found.subscription.status != SubscriptionStatus.PAST_DUE or found.open_orders or not found.attempts:
        return None
    last = found.attempts[-1]
    if last.captured:  # and sent back by us: no card company has refused it
        return refusal_texts().get(last.refusal or "")
    return refusal_text(last.declined_as, gettext)


def _reasons() -> dict[EndReason, str]:
    return {
        EndReason.LEFT: gettext("You have left. Nothing more is charged."),
        EndReason.UNPAID: gettext("It ended because it could not be charged. Nothing more is charged."),
        EndReason.REFUNDED: gettext("It ended because its payment was given back. Nothing more is charged."),
        EndReason.PRICE: gettext("It ended because you did not agree to another price. Nothing more is charged."),
    }


def _checked_after_the_end() -> str:
    return str(gettext("We are still checking a charge that was on its way. If it went through, it goes back."))


def _period_words() -> dict[PeriodStatus, str]:
    return {
        PeriodStatus.DUE: gettext("not charged yet"),
        PeriodStatus.PAID: gettext("paid"),
        PeriodStatus.UNPAID: gettext("not paid yet"),
        PeriodStatus.SKIPPED: gettext("skipped, not charged"),
        PeriodStatus.MISSED: gettext("over, not charged"),
        PeriodStatus.LAPSED: gettext("not paid"),
        PeriodStatus.REFUNDED: gettext("given back"),
    }
