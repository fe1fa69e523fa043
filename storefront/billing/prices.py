"""The price list: what the catalogue says, and from which day on a plan costs something else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from storefront.billing.catalogue import PLANS, Plan
from storefront.billing.context import Billing
from storefront.clock import SEOUL
from storefront.models import Price

_CHANGED = select(Price.plan, Price.price_krw).where(Price.begins_on <= bindparam("today")).order_by(Price.begins_on)
"""Of two prices of one plan the later one is read last."""


def on_sale(billing: Billing) -> Sequence[Plan]:
    """Every plan, at today's price."""
    today = billing.clock.now().astimezone(SEOUL).date()
    with billing.database.looking() as connection:
        changed = dict(connection.execute(_CHANGED, {"today": today}).all())
    return [replace(plan, price_krw=changed[plan.code]) if plan.code in changed else plan for plan in PLANS]


def write(session: Session, plan: Plan, begins_on: date) -> None:
    """Have a plan cost its `price_krw` from a day on; said again for the same day, the later word counts.

    Args:
        session: the transaction.
        plan: with the new price.
        begins_on: the first day of Seoul on which it counts.
    """
    price = session.scalar(select(Price).where(Price.plan == plan.code, Price.begins_on == begins_on))
    if price is None:
        price = Price(plan=plan.code, begins_on=begins_on)
        session.add(price)
    price.price_krw = plan.price_krw
