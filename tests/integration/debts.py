"""What the stories of a period that is owed have in common."""

from __future__ import annotations

import secrets
from typing import Any

from storefront.billing.mailing import sending
from tests.conftest import Shop
from tests.people import Shopper

WORDS = {
    "limit": "limit is used up",
    "balance": "does not hold enough",
    "stolen": "reported lost or stolen",
    "closed": "has been closed",
    "expired": "has expired",
    "no_key": "not registered any more",
    "given_up": "never arrived",
    "unknown": "did not approve it",
}
"""A few words of what an English reader is told about each kind of refusal."""


def attempts_of(shopper: Shopper) -> list[dict[str, Any]]:
    """At the present period, oldest first."""
    return [shopper.payment(merchant_uid) for merchant_uid in shopper.subscription()["period"]["attempts"]]


def pay(shopper: Shopper, card: dict[str, Any], token: str | None = None) -> Any:
    """Press the button that pays at once."""
    return shopper.ask("pay", card=card["id"], token=token or secrets.token_hex(8))


def kinds_of_mail(shop: Shop) -> list[str]:
    """Every mail that was ever written, by what it tells."""
    return [str(mail.kind) for mail in sending.outbox(shop.billing)]
