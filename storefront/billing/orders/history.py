"""Looking at what was bought. Nothing here asks i'mport or changes anything."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import joinedload, selectinload

from storefront.billing.attention import contained
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
    try:
        with billing.database.reading() as session:
            return session.scalars(query).all()
    except (LookupError, ValueError):  # one of them cannot be read, which is no reason to show none of them
        return _readable(billing, shopper_id, query, limit, skip)


def _readable(
    billing: Billing, shopper_id: int, wanted: Select[Payment], limit: int | None, skip: int
) -> list[Payment]:
    """Those of the payments that can be read; of the others a person is told."""
    of_shopper = select(Payment.merchant_uid).where(Payment.shopper_id == shopper_id).order_by(Payment.id.desc())
    with billing.database.reading() as session:
        merchant_uids = session.scalars(of_shopper.limit(limit).offset(skip or None)).all()
    found = []
    for merchant_uid in merchant_uids:
        with contained(billing, merchant_uid), billing.database.reading() as session:
            one = wanted.limit(None).offset(None).where(Payment.merchant_uid == merchant_uid)
            found.append(session.scalars(one).one())
    return found


def cards_of(billing: Billing, shopper_id: int) -> Sequence[Card]:
    """A shopper's cards that were ever stored, newest first, the removed ones too."""
    query = (
        select(Card)
        .where(Card.shopper_id == shopper_id, Card.activated_at.is_not(None))
        .order_by(Card.activated_at.desc(), Card.id.desc())
    )
    with billing.database.reading() as session:
        return session.scalars(query).all()
