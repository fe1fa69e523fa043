"""Looking at what was bought. Nothing here asks i'mport or changes anything."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, select
from sqlalchemy.orm import joinedload, selectinload

from storefront.billing.context import Billing
from storefront.models import Card, Payment

_WITH_EVERYTHING = (
    select(Payment)
    .where(Payment.merchant_uid == bindparam("merchant_uid"), Payment.shopper_id == bindparam("shopper_id"))
    .options(
        joinedload(Payment.card, innerjoin=True),
        joinedload(Payment.checkout),
        selectinload(Payment.refunds),
        selectinload(Payment.events),
    )
)


def find_payment(billing: Billing, shopper_id: int, merchant_uid: str) -> Payment | None:
    """One payment with its card, checkout, refunds and timeline; None if it is not this shopper's."""
    with billing.database.reading() as session:
        return session.scalar(_WITH_EVERYTHING, {"merchant_uid": merchant_uid, "shopper_id": shopper_id})


def payments_of(billing: Billing, shopper_id: int, *, limit: int | None = None, skip: int = 0) -> Sequence[Payment]:
    """A shopper's payments, newest first, with cards and refunds and without timelines.

    Args:
        billing: settings, database, gateway, clock.
        shopper_id: whose.
        limit: how many at most; all of them if not told.
        skip: how many of the newest are left out.
    """
    query = (
        select(Payment)
        .where(Payment.shopper_id == shopper_id)
        .order_by(Payment.id.desc())
        .limit(limit)
        .offset(skip or None)
        .options(joinedload(Payment.card, innerjoin=True), joinedload(Payment.checkout), selectinload(Payment.refunds))
    )
    with billing.database.reading() as session:
        return session.scalars(query).all()


def cards_of(billing: Billing, shopper_id: int) -> Sequence[Card]:
    """A shopper's cards that were ever stored, newest first, the removed ones too."""
    query = (
        select(Card)
        .where(Card.shopper_id == shopper_id, Card.activated_at.is_not(None))
        .order_by(Card.activated_at.desc(), Card.id.desc())
    )
    with billing.database.reading() as session:
        return session.scalars(query).all()
