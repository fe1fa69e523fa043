"""A shop's database is brought up to date, on SQLite and on PostgreSQL, with everything that is in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, create_engine, func, inspect, make_url, select, text
from sqlalchemy.exc import IntegrityError

from storefront import schema
from storefront.database import Database
from storefront.models import Card, Checkout, Payment, Shopper
from storefront.states import CardStatus, Every

RELEASED = "0001"
"""The schema of the first release: there are databases that have it."""

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
ANY_VALUE = {int: 1, str: "1", bool: False, datetime: NOW, date: NOW.date(), object: {}}


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


def fill(database: Database) -> dict[str, int]:
    """Put a row into every table; how many each has then."""
    tables = MetaData()
    tables.reflect(database.engine)
    counts = {}
    with database.writing() as session:
        for table in tables.sorted_tables:
            if table.name != "alembic_version":
                session.execute(table.insert().values({column.name: any_value(column) for column in table.columns}))
                counts[table.name] = 1
    return counts


def any_value(column: Column[Any]) -> Any:
    """A value that the column takes; every key is 1, so that what refers to a row finds it."""
    return ANY_VALUE[column.type.python_type]


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


def test_a_released_database_keeps_every_row_on_its_way_up_and_back(empty_database: Database) -> None:
    """Also where a table has to be copied because SQLite cannot alter it."""
    schema.upgrade(empty_database, RELEASED)
    before = fill(empty_database)

    schema.upgrade(empty_database)
    assert {table: count(empty_database, table) for table in before} == before
    schema.downgrade(empty_database, RELEASED)
    assert {table: count(empty_database, table) for table in before} == before


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
    fill(empty_database)

    schema.upgrade(empty_database)

    with empty_database.reading() as session:
        decision = select(Checkout.closes_at, Checkout.price_krw, Checkout.every, Checkout.subscription_id)
        terms = select(Payment.every, Payment.attempt, Payment.automatic)
        assert session.execute(decision).one() == (NOW + timedelta(days=1), 1, Every.ONCE, None)
        assert session.execute(terms).one() == (Every.ONCE, None, False)
    assert count(empty_database, "subscription") == 0


def test_a_subscription_that_would_never_wake_is_refused(empty_database: Database) -> None:
    """By a database that was brought up, and not only by a new one."""
    schema.upgrade(empty_database, RELEASED)
    fill(empty_database)
    schema.upgrade(empty_database)
    tables = MetaData()
    tables.reflect(empty_database.engine, only=["subscription"])
    subscription = tables.tables["subscription"]
    facts = {column.name: any_value(column) for column in subscription.columns} | {"status": "active", "reason": None}

    with pytest.raises(IntegrityError, match="wakes"), empty_database.writing() as session:
        session.execute(subscription.insert().values(facts | {"wake_at": None}))


def test_a_migration_leaves_foreign_keys_on(empty_database: Database) -> None:
    """They are switched off while a table is rebuilt, and only then."""
    schema.upgrade(empty_database)

    with pytest.raises(IntegrityError), empty_database.writing() as session:
        session.add(Card(shopper_id=404, customer_uid="card_1", status=CardStatus.PENDING, created_at=NOW))
