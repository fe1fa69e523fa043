"""Words of the tests about time: going to where a charge falls due."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.conftest import Shop
from tests.people import Shopper


def go_to(shop: Shop, moment: datetime) -> None:
    """Time passes up to a moment, for the shop and for i'mport; whoever asks next has a token that is not too old."""
    shop.pass_time(seconds=(moment - shop.clock.now()).total_seconds() + 1)
    shop.billing.gateway.billing_key("nobody")


def go_to_next(shop: Shop, shopper: Shopper) -> None:
    """Time passes up to the next charge."""
    go_to(shop, datetime.fromtimestamp(shopper.subscription()["next"]["at"], UTC))
