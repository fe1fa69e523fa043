"""Words of the tests about news: telling the shop something, and asking where an order stands then."""

from __future__ import annotations

from tests.conftest import Shop
from tests.people import Shopper


def tell(shop: Shop, imp_uid: str, merchant_uid: str) -> None:
    """A webhook, which anybody could have sent."""
    assert shop.webhook({"imp_uid": imp_uid, "merchant_uid": merchant_uid, "status": "whatever"}).status_code == 200


def facts(shopper: Shopper, merchant_uid: str) -> tuple[str, bool, int]:
    """State, whether captured, and won held."""
    payment = shopper.payment(merchant_uid)
    return payment["status"], payment["captured"], payment["net"]
