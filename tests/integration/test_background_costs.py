"""What a look of the background costs: it comes every few seconds, and must not grow with all there ever was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from storefront.billing import timemachine
from storefront.billing.mailing import sending
from storefront.billing.reconciling import reconciliation
from tests.conftest import Shop
from tests.integration.calendars import go_to_next
from tests.integration.news import tell
from tests.people import Sandbox, Shopper

Statement = tuple[str, Any]

GROW = ("payment", "event", "refund", "card", "checkout", "subscription", "shopper", "mail")
"""Tables that hold more with every sale."""
FIRST_ROWS = re.compile(r"FROM \w+ ORDER BY \w+\.id( DESC)?\s+LIMIT")
"""The first or last few of all: SQLite calls it a scan, but stops at once."""


@contextmanager
def seen(shop: Shop) -> Iterator[list[Statement]]:
    """Every statement of a block, with its values."""
    statements: list[Statement] = []
    engines = {shop.billing.database.engine, shop.billing.database.writer}

    def see(_connection: object, _cursor: object, statement: str, values: Any, *_rest: object) -> None:
        statements.append((statement, values))

    for engine in engines:
        event.listen(engine, "before_cursor_execute", see)
    yield statements
    for engine in engines:
        event.remove(engine, "before_cursor_execute", see)


def walks(shop: Shop, statement: Statement) -> list[str]:
    """The growing tables that SQLite reads from their first row to their last one for a statement."""
    sql, values = statement
    if sql.startswith("INSERT") or FIRST_ROWS.search(sql):
        return []
    connection = shop.billing.database.engine.raw_connection()
    try:
        plan = connection.cursor().execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()
    finally:
        connection.close()
    steps = [str(step[-1]) for step in plan]
    return [f"{step}: {sql}" for step in steps if re.match(rf"SCAN ({'|'.join(GROW)})\b", step)]


def test_no_look_walks_through_a_table(
    shop: Shop, shopper: Shopper, another_shopper: Shopper, sandbox: Sandbox, database_url: str
) -> None:
    """Neither when nothing is due nor when everything is: a charge on its way, a refund, a key, trouble, a mail."""
    if not database_url.startswith("sqlite"):
        pytest.skip("the plan of SQLite is looked at")
    paid = shopper.buy("pay")
    shopper.refund(paid["merchant_uid"])
    twice = shopper.buy("pay")
    order = {"pg": "jtnet", "merchant_uid": twice["merchant_uid"], "amount": 14_900, "name": "again"}
    tell(shop, sandbox.pay(order, late=True)["imp_uid"], twice["merchant_uid"])
    shopper.order("pay")
    sandbox.pay({"pg": "jtnet", "merchant_uid": "nobodys", "amount": 700, "name": "tea"})
    another_shopper.subscribe()

    with seen(shop) as statements:
        for _ in range(2):
            look(shop)
        go_to_next(shop, another_shopper)
        sandbox.fault("/subscribe/payments/again", "cut_after")
        sandbox.fault("/payments/findAll/*", "error", times=3)
        look(shop)
        shop.pass_time(hours=1)
        timemachine.next_moment(shop.billing, 1)
        look(shop)

    assert len(statements) > 100
    walked = {walk for statement in statements for walk in walks(shop, statement)}
    assert not walked, "\n\n".join(walked)


def look(shop: Shop) -> None:
    """All that the background does, with what it seldom does."""
    shop.renew()
    shop.reconcile_what_is_due()
    reconciliation.reconcile(shop.billing, only_due=True)
    sending.send_all(shop.billing)
    shop.pass_time(minutes=2)
