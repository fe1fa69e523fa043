"""Order numbers, key names, prices and the tax in them."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

import pytest

from storefront.billing import identifiers
from storefront.billing.catalogue import PLANS, find_plan, vat_part

NOW = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)


def test_an_order_number_fits_imports_rules_and_cannot_be_guessed() -> None:
    """At most 40 letters, digits, `_` and `-`, with 80 random bits or more, and the Seoul date in front."""
    numbers = {identifiers.new_merchant_uid(NOW) for _ in range(1000)}

    assert len(numbers) == 1000
    assert all(re.fullmatch(r"mr_20261124_[0-9a-z]{20}", number) for number in numbers)
    assert 20 * math.log2(len(identifiers._ALPHABET)) > 80


def test_a_key_name_fits_imports_rules() -> None:
    """At most 80 characters, never the same."""
    names = {identifiers.new_customer_uid() for _ in range(1000)}

    assert len(names) == 1000
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{40,80}", name) for name in names)


def test_there_are_at_least_three_plans_of_different_prices() -> None:
    """And each is found by its code."""
    assert len({plan.price_krw for plan in PLANS}) == len(PLANS) >= 3
    assert [find_plan(plan.code) for plan in PLANS] == list(PLANS)
    assert find_plan("midnight") is None


def test_an_order_name_fits_what_every_gateway_shows() -> None:
    """Longer ones are cut on card statements."""
    assert all(len(plan.order_name) <= 16 for plan in PLANS)


@pytest.mark.parametrize(("price", "vat"), [(14_900, 1_355), (16_900, 1_536), (18_900, 1_718), (11, 1), (5, 0), (6, 1)])
def test_the_tax_is_one_eleventh_rounded(price: int, vat: int) -> None:
    """Prices include 10 % VAT."""
    assert vat_part(price) == vat
