"""What is written down about a request to i'mport before it is sent, so that no crash forgets it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from storefront.models import Payment

FIRST_CHECK_AFTER = timedelta(minutes=1)
"""When `reconcile` first looks at it by itself; until then it is left to whoever wrote it down, and its answer is on the way."""


def about_to_be_sent(now: datetime) -> dict[str, Any]:
    """The columns of a charge that is committed now and sent right after, for the first time.

    Args:
        now: the moment of the transaction.
    """
    sent = {"created_at": now, "first_sent_at": now, "sent_at": now, "sends": 1}
    return sent | {"next_check_at": now + FIRST_CHECK_AFTER}


@dataclass(frozen=True)
class Send:
    """A charge as it was written down: what is sent, and which row has to be as it was when the answer comes.

    Attributes:
        id: the row's.
        version: the row's.
        sends: how often it has been sent, this one included.
        sent_at: when this send was to begin; None if nobody has claimed it.
        customer_uid: the card's.
        is_attempt: whether it is an attempt at a period of a subscription.
    """

    id: int
    customer_uid: str
    is_attempt: bool
    merchant_uid: str
    version: int
    sends: int
    created_at: datetime
    sent_at: datetime | None
    amount_krw: int
    name: str
    buyer_name: str
    buyer_email: str
    buyer_phone: str

    @classmethod
    def of(cls, payment: Payment) -> Send:
        """What a committed row says, with its card."""
        said = {name: getattr(payment, name) for name in OF_THE_ROW}
        is_attempt = payment.attempt is not None
        return cls(id=payment.id, customer_uid=payment.card.customer_uid, is_attempt=is_attempt, **said)


OF_THE_ROW = tuple(one.name for one in fields(Send) if one.name not in ("id", "customer_uid", "is_attempt"))
"""What a send has from its row, under the row's own names."""
