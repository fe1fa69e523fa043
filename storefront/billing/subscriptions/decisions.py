"""What a decision of `step` does to the rows. Nothing is sent here, and nothing is asked.

Each function changes rows that its caller has locked and commits; new rows are returned or added to the session.
"""

from __future__ import annotations

import logging
from datetime import date, datetime
from functools import partial

from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from storefront.billing import identifiers
from storefront.billing.mails import news
from storefront.billing.sends import about_to_be_sent
from storefront.billing.subscriptions import calendar
from storefront.billing.subscriptions.calendar import Interval
from storefront.billing.subscriptions.standing import Standing
from storefront.billing.subscriptions.step import (
    Charge,
    Decision,
    End,
    Miss,
    PastDue,
    Skip,
    Terms,
    Upcoming,
    Wait,
    notice_key,
)
from storefront.database import once_committed
from storefront.models import Card, Checkout, Payment, Subscription
from storefront.states import EndReason, PaymentStatus, PeriodStatus, Purpose, SubscriptionStatus

log = logging.getLogger(__name__)


def write(session: Session, standing: Standing, decision: Decision, now: datetime) -> Standing:
    """Write what time alone decides, and when to look again.

    Args:
        session: the transaction, with the standing's rows locked.
        standing: the rows.
        decision: what `step` says of them; a `Charge` is not written here but by `open_attempt`.
        now: the moment it was decided for.

    Returns:
        The standing afterwards.
    """
    subscription, period, attempts, card = standing
    match decision:
        case Skip(interval):
            period, attempts = _begin_period(session, subscription, interval, PeriodStatus.SKIPPED, now), ()
            subscription.skip_number = None
        case Miss(intervals):
            for interval in intervals:
                period, attempts = _begin_period(session, subscription, interval, PeriodStatus.MISSED, now), ()
            fields = {"subscription": subscription.id, "periods": [interval.number for interval in intervals]}
            once_committed(session, partial(log.warning, "period_missed", extra={"fields": fields}))
        case PastDue(interval, terms):
            period, attempts = _begin_period(session, subscription, interval, PeriodStatus.UNPAID, now, terms), ()
            period.trouble_at = now
            subscription.move(SubscriptionStatus.PAST_DUE)
            news.card_needed(session, subscription, period, now)
        case End(reason):
            end(subscription, period, reason, now)
            news.ended(session, subscription, now)
        case Wait(notice=Upcoming() as upcoming):
            subscription.noticed = notice_key(upcoming, card.id)
            _give_notice(session, subscription, upcoming, card, now)
        case Wait():
            pass
        case Charge():
            raise ValueError("a charge is claimed, not just written down")
    subscription.moved_at = max(now, subscription.moved_at)
    written = Standing(subscription, period, attempts, card)
    written.plan(now)
    return written


def open_attempt(session: Session, standing: Standing, charge: Charge, now: datetime) -> Payment:
    """Write down an attempt that is about to be sent, with the period it is for.

    The caller sends it as soon as this is committed: from now on its outcome is not known.

    Args:
        session: the transaction, with the standing's rows locked.
        standing: the rows.
        charge: what `step` has decided.
        now: the moment it was decided for.

    Returns:
        The attempt, `requested`, in the session and not flushed.
    """
    subscription, period, attempts, card = standing
    interval, terms = charge.upcoming.interval, charge.upcoming.terms
    if period is None or period.number != interval.number:
        period, attempts = _begin_period(session, subscription, interval, PeriodStatus.UNPAID, now, terms), ()
    payment = attempt_at(subscription, period, card, charge.attempt, now)
    payment.automatic = charge.upcoming.automatic
    if payment.automatic:
        subscription.attempted_at = now
    subscription.moved_at = now
    session.add(payment)
    Standing(subscription, period, [*attempts, payment], card).plan(now)
    return payment


def open_asked_for(session: Session, standing: Standing, card: Card, identity: str, now: datetime) -> Payment:
    """Write down an attempt at the present period that its shopper asked for, with any card.

    Args:
        session: the transaction, with the standing's rows and the card locked.
        standing: the rows.
        card: the one to charge.
        identity: what makes it this attempt and no other.
        now: when it was asked for.

    Returns:
        The attempt, `requested`, in the session and not flushed.
    """
    subscription, period, attempts, own = standing
    if period is None:
        raise ValueError("there is no period to pay")
    payment = attempt_at(subscription, period, card, len(attempts) + 1, now)
    payment.identity = identity
    subscription.moved_at = now
    session.add(payment)
    Standing(subscription, period, [*attempts, payment], own).plan(now)
    return payment


def attempt_at(subscription: Subscription, period: Checkout, card: Card, attempt: int, now: datetime) -> Payment:
    """An attempt at a period with a card, not in any session yet.

    Its identity is subscription, period and attempt: whoever makes the same one again meets the database's constraint.
    """
    payment = Payment(
        merchant_uid=identifiers.new_merchant_uid(now),
        shopper_id=subscription.shopper_id,
        card_id=card.id,
        checkout_id=period.id,
        subscription_id=subscription.id,
        identity=f"renewal:{subscription.id}:{period.number}:{attempt}",
        attempt=attempt,
        automatic=False,
        purpose=Purpose.RENEWAL,
        plan=period.plan,
        name=subscription.name,
        amount_krw=period.price_krw,
        every=subscription.every,
        status=PaymentStatus.REQUESTED,
        buyer_name=subscription.buyer_name,
        buyer_email=subscription.buyer_email,
        buyer_phone=subscription.buyer_phone,
        language=subscription.language,
        **about_to_be_sent(now),
    )
    set_committed_value(payment, "card", card)
    set_committed_value(payment, "checkout", period)
    return payment


def end(subscription: Subscription, period: Checkout | None, reason: EndReason, now: datetime) -> None:
    """It never charges again. The first ending wins."""
    if subscription.status == SubscriptionStatus.ENDED:
        return
    subscription.move(SubscriptionStatus.ENDED)
    subscription.reason, subscription.ended_at, subscription.wake_at = reason, now, None
    if period is not None and period.period_status == PeriodStatus.UNPAID:
        period.move(PeriodStatus.LAPSED)


def forget_next_plan(subscription: Subscription) -> None:
    """No other plan is chosen for later (any more)."""
    subscription.next_plan = subscription.next_name = subscription.next_price_krw = None
    subscription.next_consent_version = subscription.next_consent_at = None


def forget_new_price(subscription: Subscription) -> None:
    """No other price is asked for (any more)."""
    subscription.new_price_krw = subscription.new_price_from = subscription.new_price_announced_at = None
    forget_agreement(subscription)


def forget_agreement(subscription: Subscription) -> None:
    """Another price is not agreed to (any more): whoever chooses another coffee instead is asked anew if they choose back."""
    subscription.new_price_agreed_at = subscription.new_price_consent_version = None


def _give_notice(session: Session, subscription: Subscription, upcoming: Upcoming, card: Card, now: datetime) -> None:
    news.renewal_notice(
        session,
        subscription,
        key=notice_key(upcoming, card.id),
        on=calendar.seoul_day(upcoming.at),
        amount_krw=upcoming.terms.price_krw,
        plan=upcoming.terms.plan,
        card_number=card.card_number,
        now=now,
    )


def _begin_period(
    session: Session,
    subscription: Subscription,
    interval: Interval,
    status: PeriodStatus,
    now: datetime,
    terms: Terms | None = None,
) -> Checkout:
    """A new period's row. Written before the subscription is changed, so that this is changed by one statement."""
    sold_as = terms or Terms(subscription.plan, subscription.name, subscription.price_krw)
    period = Checkout(
        shopper_id=subscription.shopper_id,
        token=f"period:{subscription.id}:{interval.number}",  # no form's token has colons
        plan=sold_as.plan,
        every=subscription.every,
        price_krw=sold_as.price_krw,
        began_at=now,
        closes_at=interval.ends_at,
        subscription_id=subscription.id,
        number=interval.number,
        begins_on=interval.begins_on,
        ends_on=interval.ends_on,
    )
    period.move(status)
    session.add(period)
    session.flush()
    subscription.number = interval.number
    if terms is not None:
        _agree(subscription, interval, terms)
    return period


def _agree(subscription: Subscription, interval: Interval, terms: Terms) -> None:
    """A period begins on these terms: they are the present ones now, and what was chosen for later has come true."""
    if subscription.next_plan is not None:
        _consent(subscription, interval, terms, subscription.next_consent_version, subscription.next_consent_at)
        forget_next_plan(subscription)
        forget_new_price(subscription)
    elif subscription.new_price_announced_at is not None and _has_come(subscription.new_price_from, interval):
        agreed = subscription.new_price_consent_version, subscription.new_price_agreed_at
        _consent(subscription, interval, terms, *agreed)
        forget_new_price(subscription)
    subscription.plan, subscription.name, subscription.price_krw = terms.plan, terms.name, terms.price_krw


def _has_come(day: date | None, interval: Interval) -> bool:
    return day is not None and interval.begins_on >= day


def _consent(
    subscription: Subscription, interval: Interval, terms: Terms, version: str | None, at: datetime | None
) -> None:
    """What was agreed to for later is what is agreed to now; a lower price was not asked about and needs no text."""
    subscription.consent_version = version or subscription.consent_version
    subscription.consent_at = at or subscription.consent_at
    subscription.consent_price_krw, subscription.consent_first_on = terms.price_krw, interval.begins_on
