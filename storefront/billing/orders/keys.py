"""What news of a billing key makes of the card that was stored under its name."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from storefront import iamport
from storefront.billing.context import Billing
from storefront.billing.subscriptions import outcomes
from storefront.models import Card, Payment
from storefront.states import OPEN, CardStatus

ISSUED = "issue"
"""How i'mport marks a payment whose window stored a card (`customer_uid_usage`)."""


def doubt_removal(card: Card) -> None:
    """A key may have been stored since somebody looked whether it is gone: that look is stale now, and is done again."""
    flag_modified(card, "status")


def replace_key(session: Session, customer_uid: str, now: datetime) -> tuple[Card | None, str | None]:
    """Heed that another card stands behind a stored card's key now: that card is never charged again.

    Args:
        session: the transaction to write in.
        customer_uid: the name whose key was replaced.
        now: when.

    Returns:
        The card of that name, or None if it is not ours, and the event for a timeline if the card has changed.
    """
    card = session.scalar(select(Card).where(Card.customer_uid == customer_uid).with_for_update())
    if card is not None and card.status == CardStatus.ACTIVE:
        suspended = card.move(CardStatus.SUSPENDED)
        outcomes.tell_who_owes(session, card, now)
        return card, suspended
    if card is not None and card.status == CardStatus.PENDING and not _is_awaited(session, card):
        # Its window has ended without a key, so what stands behind its name now is somebody else's.
        return card, card.move(CardStatus.REMOVING)
    if card is not None and card.status == CardStatus.REMOVING:
        doubt_removal(card)
    if card is not None and card.status == CardStatus.REMOVED:
        # Its shopper was told that no charge can follow, so what stands behind its name now is deleted.
        return card, card.move(CardStatus.REMOVING)
    return card, None


def _is_awaited(session: Session, card: Card) -> bool:
    """Whether the window that is to store a card may still do so."""
    open_windows = select(Payment.id).where(Payment.card_id == card.id, Payment.status.in_(OPEN))
    return session.scalar(open_windows.limit(1)) is not None


def activate(card: Card, key: iamport.BillingKey, billing: Billing) -> None:
    """A pending card whose key exists becomes one that may be charged."""
    card.move(CardStatus.ACTIVE)
    card.card_name, card.card_number = key.card_name, key.card_number
    card.activated_at = billing.clock.now()
