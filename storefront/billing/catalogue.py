"""What is sold, and for how much. Prices come from here and from nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

from storefront.states import Every

MONTHS_PAID_A_YEAR = 10
"""Whoever pays a year at once gets two months for nothing."""
VAT_DIVISOR = 11
"""Prices include 10 % VAT, so the tax is one eleventh of them."""


@dataclass(frozen=True)
class Plan:
    """One bag of coffee, once or each month.

    Attributes:
        code: its name in addresses and forms.
        price_krw: won for one bag, VAT included.
        weight_g: grams.
        order_name: what the payment window, the receipt and the card statement call it; at most 16 characters,
            because some payment gateways cut longer ones.
    """

    code: str
    price_krw: int
    weight_g: int
    order_name: str

    def price_of(self, every: Every) -> int:
        """The won that one payment takes: for one bag, or for a year's."""
        return self.price_krw * (MONTHS_PAID_A_YEAR if every == Every.YEAR else 1)


PLANS = (
    Plan("daybreak", 18_900, 200, "새벽 원두 200g"),
    Plan("morning", 14_900, 200, "아침 원두 200g"),
    Plan("noon", 16_900, 200, "한낮 원두 200g"),
)

_BY_CODE = {plan.code: plan for plan in PLANS}


def find_plan(code: str) -> Plan | None:
    """The plan of that code, or None if nothing of that name is sold."""
    return _BY_CODE.get(code)


def vat_part(amount_krw: int) -> int:
    """The VAT inside an amount, in won, rounded half up as on receipts."""
    return (2 * amount_krw + VAT_DIVISOR) // (2 * VAT_DIVISOR)
