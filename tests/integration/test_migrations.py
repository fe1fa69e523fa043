"""A shop's database is brought up to date, on SQLite and on PostgreSQL, with everything that is in it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, Table, create_engine, func, inspect, make_url, select, text
from sqlalchemy.exc import IntegrityError

from storefront import revision, schema
from storefront.database import Database
from storefront.models import Attention, Card, Checkout, Payment, Refund, Shopper
from storefront.states import (
    CardStatus,
    EndReason,
    Every,
    PaymentStatus,
    PeriodStatus,
    Purpose,
    RefundReason,
    RefundStatus,
    SubscriptionStatus,
)

RELEASED = "0001"
"""The schema of the first release: there are databases that have it."""

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
ANY_VALUE = {bool: False, datetime: NOW, date: NOW.date(), object: {}}
STATES: Mapping[str, type[StrEnum]] = {
    "card": CardStatus,
    "payment": PaymentStatus,
    "refund": RefundStatus,
    "subscription": SubscriptionStatus,
}
WORDS = {"every": Every.ONCE, "purpose": Purpose.EXTRA, "period_status": PeriodStatus.PAID}
"""What other columns of states hold."""
GOES = {("payment", "attention"), ("stray", "reported_at"), ("card", "charged_at"), ("card", "checked_at")}
"""Columns of the release that are no more: what the first two said is in the list of what needs a person."""

Rows = dict[str, list[dict[str, Any]]]
"""The rows of each table, in the order of their ids."""


@pytest.fixture
def empty_database(tmp_path: Path) -> Iterator[Database]:
    """A database without a table, of the kind that `TEST_DATABASE_URL` names."""
    server = make_url(os.environ.get("TEST_DATABASE_URL") or "sqlite://")
    if server.get_backend_name() == "sqlite":
        yield from _opened(f"sqlite:///{tmp_path / 'empty.sqlite'}")
        return
    name = f"{server.database}_empty"
    by_itself = create_engine(server, isolation_level="AUTOCOMMIT")
    with by_itself.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
        try:
            yield from _opened(server.set(database=name).render_as_string(hide_password=False))
        finally:
            connection.execute(text(f'DROP DATABASE "{name}"'))
    by_itself.dispose()


def _opened(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.close()


def fill(database: Database) -> Rows:
    """Put rows into every table, one for each state that it may be in; what the database holds then."""
    tables = tables_of(database)
    with database.writing() as session:
        for table in tables:
            for number, status in enumerate(STATES.get(table.name, [None]), 1):
                session.execute(table.insert().values(a_row(table, number, status)))
    return rows_of(database)


def tables_of(database: Database) -> list[Table]:
    """The tables that there are, those first that others refer to."""
    metadata = MetaData()
    metadata.reflect(database.engine)
    return [table for table in metadata.sorted_tables if table.name != "alembic_version"]


def a_row(table: Table, number: int, status: StrEnum | None) -> dict[str, Any]:
    """A value for each column, another one for each row where it matters; what refers to a row refers to the first."""
    row = {column.name: a_value(column, number) for column in table.columns}
    if status is not None:
        row["status"] = status
    if table.name == "subscription":
        row["reason"] = EndReason.LEFT if status == SubscriptionStatus.ENDED else None
    if table.name == "refund":
        row["reason"] = list(RefundReason)[number - 1]
    return row


def a_value(column: Column[Any], number: int) -> Any:
    """A value that the column takes."""
    if column.foreign_keys:
        return 1
    kind = column.type.python_type
    if kind is int:
        return number
    if kind is str:
        longest: int = getattr(column.type, "length", None) or 99
        return WORDS.get(column.name, f"{column.name}{number}"[-longest:])
    return ANY_VALUE[kind]


def rows_of(database: Database) -> Rows:
    """Everything that the database holds."""
    with database.reading() as session:
        return {
            table.name: [dict(row) for row in session.execute(table.select().order_by(table.c.id)).mappings()]
            for table in tables_of(database)
        }


def only(columns: set[tuple[str, str]], rows: Rows) -> Rows:
    """The same rows as far as some columns go."""
    return {
        table: [{name: value for name, value in row.items() if (table, name) in columns} for row in found]
        for table, found in rows.items()
        if table in {table for table, _name in columns}
    }


def columns_of(rows: Rows) -> set[tuple[str, str]]:
    """Which columns of which tables there are."""
    return {(table, name) for table, found in rows.items() for row in found for name in row}


def constraints_of(database: Database) -> dict[str, list[str]]:
    """What each table refuses and how it is searched, as the database itself tells it."""
    found = inspect(database.engine)
    kinds = (found.get_check_constraints, found.get_foreign_keys, found.get_indexes, found.get_unique_constraints)
    return {
        table.name: sorted(in_words(constraint) for kind in kinds for constraint in kind(table.name))
        for table in tables_of(database)
    }


def in_words(constraint: Mapping[str, Any]) -> str:
    """All that a constraint says, whatever the order."""
    facts = {**constraint, **constraint.get("dialect_options", {}), "dialect_options": None}
    return str({name: str(facts[name]) for name in sorted(facts)})


def count(database: Database, table: str) -> int:
    """How many rows a table has."""
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(text(table))) or 0


def test_the_migrations_lead_to_what_the_models_say(empty_database: Database) -> None:
    """And back again."""
    schema.upgrade(empty_database)
    assert schema.differences(empty_database) == []
    schema.upgrade(empty_database)

    schema.downgrade(empty_database, "base")
    assert set(inspect(empty_database.engine).get_table_names()) <= {"alembic_version"}


def test_a_database_that_was_brought_up_refuses_what_a_new_one_refuses(empty_database: Database) -> None:
    """Checks, and which rows a unique index counts: a comparison with the models does not look at those."""
    schema.upgrade(empty_database)
    brought_up = constraints_of(empty_database)
    schema.downgrade(empty_database, "base")
    schema.create(empty_database)

    assert brought_up == constraints_of(empty_database)


def test_a_released_database_keeps_every_row_on_its_way_up_and_back(empty_database: Database) -> None:
    """Whatever state it is in, and also where a table has to be copied because SQLite cannot alter it."""
    schema.upgrade(empty_database, RELEASED)
    before = fill(empty_database)

    schema.upgrade(empty_database)
    kept = columns_of(before) - GOES
    assert only(kept, rows_of(empty_database)) == only(kept, before)
    schema.downgrade(empty_database, RELEASED)
    come_back = columns_of(before) - (GOES - {("payment", "attention")})
    assert only(come_back, rows_of(empty_database)) == only(come_back, before)


def test_the_shop_reads_every_row_of_a_released_database(empty_database: Database) -> None:
    """There is no state in it that it does not know, and none is another one now."""
    schema.upgrade(empty_database, RELEASED)
    fill(empty_database)

    schema.upgrade(empty_database)

    with empty_database.reading() as session:
        assert [card.status for card in session.scalars(select(Card).order_by(Card.id))] == list(CardStatus)
        assert [payment.status for payment in session.scalars(select(Payment).order_by(Payment.id))] == list(
            PaymentStatus
        )
        assert [refund.status for refund in session.scalars(select(Refund).order_by(Refund.id))] == list(RefundStatus)


def test_what_needed_a_person_in_a_released_database_still_does(empty_database: Database) -> None:
    """Every order and every stray that it named."""
    schema.upgrade(empty_database, RELEASED)
    before = fill(empty_database)

    schema.upgrade(empty_database)

    named = {row["merchant_uid"] for row in before["payment"]} | {row["imp_uid"] for row in before["stray"]}
    with empty_database.reading() as session:
        assert set(session.scalars(select(Attention.subject).where(Attention.closed_at.is_(None)))) == named


def test_a_database_with_subscriptions_goes_back_and_loses_nothing_that_the_release_knew(
    empty_database: Database,
) -> None:
    """A merchant may have to go back; the money's rows are all there, and there when it comes up again."""
    schema.upgrade(empty_database)
    before = fill(empty_database)

    schema.downgrade(empty_database, RELEASED)
    back = rows_of(empty_database)
    schema.upgrade(empty_database)

    known = columns_of(before) & columns_of(back)
    assert columns_of(back) - known == GOES
    assert only(known, back) == only(known, before) == only(known, rows_of(empty_database))


def test_shoppers_of_a_released_database_get_sessions_of_their_own(empty_database: Database) -> None:
    """Each a name that nobody can guess."""
    schema.upgrade(empty_database, RELEASED)
    with empty_database.writing() as session:
        for number in (1, 2):
            row = {"id": number, "email": f"{number}@example.com", "at": NOW.isoformat(" ")}
            session.execute(text("INSERT INTO shopper VALUES (:id, :email, '김', 'x', :at)"), row)

    schema.upgrade(empty_database)

    with empty_database.reading() as session:
        names = session.scalars(select(Shopper.session_id)).all()
    assert len(set(names)) == 2
    assert min(len(name) for name in names) > 40


def test_what_was_bought_from_a_released_database_was_bought_once(empty_database: Database) -> None:
    """A checkout closes a day after it began, at the price that was agreed to; nothing has become a subscription."""
    schema.upgrade(empty_database, RELEASED)
    newest = fill(empty_database)["payment"][-1]

    schema.upgrade(empty_database)

    with empty_database.reading() as session:
        decision = select(Checkout.closes_at, Checkout.price_krw, Checkout.every, Checkout.subscription_id)
        terms = select(Payment.every, Payment.attempt, Payment.automatic)
        agreed = newest["consent_price_krw"]
        assert session.execute(decision).one() == (NOW + timedelta(days=1), agreed, Every.ONCE, None)
        assert set(session.execute(terms).all()) == {(Every.ONCE, None, False)}
    assert count(empty_database, "subscription") == 0


def test_a_subscription_that_would_never_wake_is_refused(empty_database: Database) -> None:
    """By a database that was brought up, and not only by a new one."""
    schema.upgrade(empty_database, RELEASED)
    fill(empty_database)
    schema.upgrade(empty_database)
    [subscription] = [table for table in tables_of(empty_database) if table.name == "subscription"]
    facts = a_row(subscription, 1, SubscriptionStatus.ACTIVE)

    with pytest.raises(IntegrityError, match="wakes"), empty_database.writing() as session:
        session.execute(subscription.insert().values(facts | {"wake_at": None}))


def test_a_migration_leaves_foreign_keys_on(empty_database: Database) -> None:
    """They are switched off while a table is rebuilt, and only then."""
    schema.upgrade(empty_database)

    with pytest.raises(IntegrityError), empty_database.writing() as session:
        session.add(Card(shopper_id=404, customer_uid="card_1", status=CardStatus.PENDING, created_at=NOW))


def test_a_database_that_was_taken_back_to_nothing_comes_up_again(empty_database: Database) -> None:
    """It has a table for its revision, and nothing in it."""
    schema.upgrade(empty_database)
    schema.downgrade(empty_database, "base")

    schema.upgrade(empty_database)

    with empty_database.looking() as connection:
        assert revision.mismatch(connection) is None
