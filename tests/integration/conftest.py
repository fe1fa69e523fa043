"""Somebody of whom several stories tell."""

from __future__ import annotations

import pytest

from tests.conftest import Shop
from tests.integration.calendars import go_to_next
from tests.people import Shopper


@pytest.fixture
def subscriber(shopper: Shopper) -> Shopper:
    """Somebody who pays each month, and has paid the first one today."""
    shopper.subscribe()
    return shopper


@pytest.fixture
def owing(shop: Shop, shopper: Shopper) -> Shopper:
    """Somebody whose first charge was declined on the day it fell due: the card is over its limit."""
    shopper.subscribe(mode="register", card="decline-later")
    go_to_next(shop, shopper)
    shop.renew()
    return shopper
