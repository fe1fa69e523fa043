"""What stories about renewals look at, and how they end a subscription behind everybody's back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from storefront.billing.subscriptions import decisions, standing
from storefront.models import Subscription
from storefront.states import EndReason
from tests.conftest import Shop
from tests.people import Shopper

AGAIN = "/subscribe/payments/again"


def payments_of(shopper: Shopper) -> list[dict[str, Any]]:
    """Its attempts at the present period."""
    return [shopper.payment(merchant_uid) for merchant_uid in shopper.subscription()["period"]["attempts"]]


def end(shop: Shop) -> None:
    """The shopper leaves, as far as the books are concerned; nobody looks at a page."""
    with shop.billing.database.writing() as session:
        found = standing.lock(session, session.scalars(select(Subscription.id)).one())
        decisions.end(found.subscription, found.period, EndReason.LEFT, shop.clock.now())
