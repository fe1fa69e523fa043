"""Writing a mail down: a row of the transaction of what it tells. It is sent afterwards, by whoever claims it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Executable, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from storefront.billing.mails import texts
from storefront.models import Base, Mail, Shopper
from storefront.wording import KOREAN

_TABLE = Base.metadata.tables[Mail.__tablename__]
_ADDRESS = select(Shopper.email).where(Shopper.id == bindparam("addressee")).scalar_subquery()
_INSERTS: Mapping[str, Executable] = {
    "postgresql": postgresql.insert(_TABLE).values(to=_ADDRESS).on_conflict_do_nothing(index_elements=["key"]),
    "sqlite": sqlite.insert(_TABLE).values(to=_ADDRESS).on_conflict_do_nothing(index_elements=["key"]),
}
"""One statement on either database: it knows the account's address, and leaves out a row whose key is there already."""


class Kind(StrEnum):
    """What a mail tells."""

    RECEIPT = "receipt"
    """A payment was captured as ordered."""
    REFUNDED = "refunded"
    """i'mport says that money went back."""
    DECLINED = "declined"
    """A period could not be charged, and it is tried again."""
    CARD_NEEDED = "card_needed"
    """A period cannot be charged without another card."""
    RENEWAL_NOTICE = "renewal_notice"
    """What will be charged, when, and to which card."""
    LEFT = "left"
    """The shopper has left, and when it ends."""
    ENDED = "ended"
    """A subscription is over."""
    PRICE_CHANGE = "price_change"
    """A higher price is asked for from a day on."""


def write(
    session: Session,
    kind: Kind,
    about: str,
    *,
    shopper_id: int,
    language: str | None,
    payload: Mapping[str, Any],
    now: datetime,
    subscription_id: int | None = None,
    payment_id: int | None = None,
) -> None:
    """Write a mail down in the caller's transaction; the same news is never written twice.

    Args:
        session: the transaction of what it tells.
        kind: what it tells.
        about: of what: with the kind it makes the mail's unique key.
        shopper_id: to whom; it goes to the account's address.
        language: in which language, as stored at checkout; Korean if that is not known.
        payload: what its text is made of, as JSON.
        now: when.
        subscription_id: the subscription it is about, if any.
        payment_id: the payment it is about, if any.
    """
    spoken = language or KOREAN
    row = {
        "key": f"{kind}:{about}",
        "kind": kind.value,
        "shopper_id": shopper_id,
        "addressee": shopper_id,
        "subscription_id": subscription_id,
        "payment_id": payment_id,
        "language": spoken,
        "subject": texts.subject(kind, spoken, payload),
        "payload": dict(payload),
        "written_at": now,
        "next_try_at": now,
        "tries": 0,
    }
    session.execute(_INSERTS[session.get_bind().dialect.name], row)
