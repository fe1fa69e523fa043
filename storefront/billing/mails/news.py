"""What happened, as a mail: one function for each kind, called in the transaction in which it happens.

The rows are locked by the caller. What a mail is about makes its key, so that the same news is never told twice.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.orm import Session

from storefront.billing.mails.outbox import Kind, write
from storefront.models import Checkout, Payment, Subscription
from storefront.states import Every, Purpose


def receipt(session: Session, payment: Payment, now: datetime) -> None:
    """A payment was captured as ordered.

    A card that was stored for 0 won has cost nothing, and whoever presses a button for one bag is shown its receipt.
    """
    is_one_bag = payment.purpose == Purpose.EXTRA and payment.every == Every.ONCE
    if payment.captured_krw > 0 and not is_one_bag:
        _about_money(session, Kind.RECEIPT, payment, now)


def refunded(session: Session, payment: Payment, now: datetime) -> None:
    """I'mport says that some or all of a payment was given back; a cancel that was undone whole has given back nothing."""
    if payment.cancelled_krw > 0:
        _about_money(session, Kind.REFUNDED, payment, now)


def declined(
    session: Session,
    payment: Payment,
    subscription: Subscription,
    retry_on: date | None,
    now: datetime,
    *,
    is_next_card_tried: bool,
) -> None:
    """An attempt at a period failed in a way that time or its shopper may mend.

    Args:
        session: the transaction.
        payment: the attempt.
        subscription: whose period it was for.
        retry_on: the Seoul day of the next attempt; None if no more are made by themselves.
        now: when.
        is_next_card_tried: whether its shopper has chosen another card meanwhile, which is tried at once.
    """
    facts = _plan_of(subscription) | {
        "amount_krw": payment.amount_krw,
        "captured_krw": payment.captured_krw,
        "refusal": payment.declined_as,
        "retry_on": retry_on.isoformat() if retry_on else None,
        "is_next_card_tried": is_next_card_tried,
        "payment": payment.merchant_uid,
    }
    _about_subscription(session, Kind.DECLINED, payment.merchant_uid, subscription, facts, now, payment_id=payment.id)


def card_needed(
    session: Session,
    subscription: Subscription,
    period: Checkout,
    now: datetime,
    payment: Payment | None = None,
    *,
    captured_krw: int = 0,
) -> None:
    """A period cannot be charged with the card that there is, or there is none.

    Args:
        session: the transaction.
        subscription: whose period.
        period: the one that is owed.
        now: when.
        payment: the attempt whose refusal says so, if there was one.
        captured_krw: won that left a card at the last attempt and go back, if no refusal says so.
    """
    facts = _plan_of(subscription) | {
        "amount_krw": period.price_krw,
        "captured_krw": payment.captured_krw if payment else captured_krw,
        "refusal": payment.declined_as if payment else None,
        "payment": payment.merchant_uid if payment else None,
    }
    about = payment.merchant_uid if payment else f"{subscription.id}:{period.number}:{subscription.card_id}"
    payment_id = payment.id if payment else None
    _about_subscription(session, Kind.CARD_NEEDED, about, subscription, facts, now, payment_id=payment_id)


def renewal_notice(
    session: Session,
    subscription: Subscription,
    *,
    key: str,
    on: date,
    amount_krw: int,
    plan: str,
    card_number: str | None,
    now: datetime,
) -> None:
    """What will be charged soon.

    Args:
        session: the transaction.
        subscription: whose.
        key: period, sum, card and plan: another one of them is other news.
        on: the Seoul day of the charge.
        amount_krw: won.
        plan: which plan is sold then.
        card_number: the card's, masked.
        now: when.
    """
    facts = {"plan": plan, "every": subscription.every, "amount_krw": amount_krw, "on": on.isoformat()}
    facts |= {"card": _last_four(card_number), "notice": key}
    # With the version: whoever chooses another coffee and the first one again reads of that again.
    about = f"{subscription.id}:{subscription.version}:{key}"
    _about_subscription(session, Kind.RENEWAL_NOTICE, about, subscription, facts, now)


def left(session: Session, subscription: Subscription, refund_krw: int, now: datetime, *, is_charge_open: bool) -> None:
    """The shopper has left.

    Args:
        session: the transaction.
        subscription: left; `leaves_on` is the day it ends, or it has ended already.
        refund_krw: what is on its way back, in won.
        now: when.
        is_charge_open: whether an attempt waits for its outcome; what it captures goes back.
    """
    leaves_on = subscription.leaves_on.isoformat() if subscription.leaves_on else None
    facts = _plan_of(subscription) | {
        "leaves_on": leaves_on,
        "refund_krw": refund_krw,
        "is_charge_open": is_charge_open,
    }
    _about_change(session, Kind.LEFT, subscription, facts, now)


def ended(session: Session, subscription: Subscription, now: datetime) -> None:
    """A subscription is over, and why."""
    _about_change(session, Kind.ENDED, subscription, _plan_of(subscription) | {"reason": subscription.reason}, now)


def price_change(session: Session, subscription: Subscription, begins_on: date, now: datetime) -> None:
    """A higher price is asked for.

    Args:
        session: the transaction.
        subscription: with `new_price_krw` and the day it was announced.
        begins_on: the first period that costs it.
        now: when.
    """
    facts = _plan_of(subscription) | {
        "price_krw": subscription.price_krw,
        "new_price_krw": subscription.new_price_krw,
        "on": begins_on.isoformat(),
    }
    _about_change(session, Kind.PRICE_CHANGE, subscription, facts, now)


def _about_money(session: Session, kind: Kind, payment: Payment, now: datetime) -> None:
    facts = {
        "plan": payment.plan,
        "every": payment.every,
        "amount_krw": payment.captured_krw,
        "cancelled_krw": payment.cancelled_krw,
        "payment": payment.merchant_uid,
        "card": _last_four(payment.card_number),
        "approval": payment.apply_num,
    }
    write(
        session,
        kind,
        f"{payment.merchant_uid}:{payment.cancelled_krw}:{payment.version}",
        shopper_id=payment.shopper_id,
        language=payment.language,
        payload=facts,
        now=now,
        subscription_id=payment.subscription_id,
        payment_id=payment.id,
    )


def _about_change(
    session: Session, kind: Kind, subscription: Subscription, facts: dict[str, object], now: datetime
) -> None:
    """News of the subscription itself: it is known by the version that this transaction is about to replace."""
    _about_subscription(session, kind, f"{subscription.id}:{subscription.version}", subscription, facts, now)


def _about_subscription(
    session: Session,
    kind: Kind,
    about: str,
    subscription: Subscription,
    facts: dict[str, object],
    now: datetime,
    *,
    payment_id: int | None = None,
) -> None:
    write(
        session,
        kind,
        about,
        shopper_id=subscription.shopper_id,
        language=subscription.language,
        payload=facts | {"subscription": subscription.id},
        now=now,
        subscription_id=subscription.id,
        payment_id=payment_id,
    )


def _plan_of(subscription: Subscription) -> dict[str, object]:
    return {"plan": subscription.plan, "every": subscription.every}


def _last_four(card_number: str | None) -> str | None:
    return card_number[-4:] if card_number else None
