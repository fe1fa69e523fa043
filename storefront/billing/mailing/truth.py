"""Whether a mail still tells the truth when it is about to be sent. What does not is dropped, and shown as dropped."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from storefront.billing.mails.outbox import Kind
from storefront.billing.subscriptions import outcomes, standing, step
from storefront.models import Mail, Payment, Subscription
from storefront.states import KEPT, SubscriptionStatus


def still_true(session: Session, mail: Mail) -> bool:
    """Whether what a mail tells is still so.

    Args:
        session: any session.
        mail: about to be sent.
    """
    return _CHECKS[Kind(mail.kind)](session, mail)


def _is_still_paid(session: Session, mail: Mail) -> bool:
    return session.get_one(Payment, mail.payment_id).status in KEPT


def _is_still_returned(session: Session, mail: Mail) -> bool:
    told_krw = int(mail.payload["cancelled_krw"])
    return session.get_one(Payment, mail.payment_id).cancelled_krw >= told_krw


def _is_still_owed(session: Session, mail: Mail) -> bool:
    return _subscription(session, mail).status == SubscriptionStatus.PAST_DUE


def _is_still_tried_so(session: Session, mail: Mail) -> bool:
    """Another try, or another card, has news of its own."""
    told_on, is_next_card_tried = mail.payload.get("retry_on"), bool(mail.payload.get("is_next_card_tried"))
    retry_on, tries_next_card = outcomes.next_try(standing.read(session, _subscription(session, mail)))
    follows = retry_on.isoformat() if retry_on else None, tries_next_card
    return _is_still_owed(session, mail) and (told_on, is_next_card_tried) == follows


def _is_still_without_card(session: Session, mail: Mail) -> bool:
    subscription = _subscription(session, mail)
    found = standing.read(session, subscription)
    # While a charge is not known, it may be paid; how it ends is news of its own.
    is_unpaid = _is_still_owed(session, mail) and not found.is_open()
    return is_unpaid and not step.is_chargeable(subscription, found.card)


def _is_still_next(session: Session, mail: Mail) -> bool:
    subscription = _subscription(session, mail)
    upcoming = standing.read(session, subscription).upcoming()
    return upcoming is not None and step.notice_key(upcoming, subscription.card_id) == mail.payload["notice"]


def _has_still_left(session: Session, mail: Mail) -> bool:
    subscription = _subscription(session, mail)
    newer = select(Mail.id).where(
        Mail.subscription_id == mail.subscription_id, Mail.kind == mail.kind, Mail.id > mail.id
    )
    if session.scalar(newer.limit(1)) is not None:
        return False  # who stayed and left again meanwhile reads of it once
    leaves_on = subscription.leaves_on.isoformat() if subscription.leaves_on else None
    # What has ended meanwhile can not be kept after all, and has news of its own.
    has_left = (subscription.leaves_on is None) == (subscription.status == SubscriptionStatus.ENDED)
    return has_left and mail.payload["leaves_on"] == leaves_on


def _is_still_asked(session: Session, mail: Mail) -> bool:
    subscription = _subscription(session, mail)
    goes_on = subscription.status != SubscriptionStatus.ENDED and subscription.leaves_on is None
    is_untold = subscription.new_price_announced_at is None and subscription.next_plan is None
    return goes_on and is_untold and subscription.new_price_krw == mail.payload["new_price_krw"]


def _always(_session: Session, _mail: Mail) -> bool:
    return True


def _subscription(session: Session, mail: Mail) -> Subscription:
    return session.get_one(Subscription, mail.subscription_id)


_CHECKS: Mapping[Kind, Callable[[Session, Mail], bool]] = {
    Kind.RECEIPT: _is_still_paid,
    Kind.REFUNDED: _is_still_returned,
    Kind.DECLINED: _is_still_tried_so,
    Kind.CARD_NEEDED: _is_still_without_card,
    Kind.RENEWAL_NOTICE: _is_still_next,
    Kind.LEFT: _has_still_left,
    Kind.ENDED: _always,
    Kind.PRICE_CHANGE: _is_still_asked,
}
