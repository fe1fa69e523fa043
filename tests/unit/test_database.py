"""The two kinds of session, and the versions that guard a row."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.pool import QueuePool

from storefront.database import Database, once_committed
from storefront.models import Card, Shopper
from storefront.serving import SHOP_THREADS
from storefront.states import CardStatus
from tests.conftest import Shop

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


@pytest.fixture
def database(shop: Shop) -> Database:
    """The shop's, with its tables."""
    return shop.billing.database


def add_card(database: Database) -> int:
    """A shopper with a card; the card's id."""
    with database.writing() as session:
        shopper = Shopper(name="김", email="a@example.com", password_hash="x", created_at=NOW)
        session.add(shopper)
        session.flush()
        card = Card(shopper_id=shopper.id, customer_uid="card_1", status=CardStatus.ACTIVE, created_at=NOW)
        session.add(card)
        session.flush()
        return card.id


def test_a_block_that_raises_writes_nothing(database: Database) -> None:
    """All of it or none of it."""

    def break_off() -> None:
        with database.writing() as session:
            session.add(Shopper(name="김", email="a@example.com", password_hash="x", created_at=NOW))
            session.flush()
            raise LookupError

    with pytest.raises(LookupError):
        break_off()

    with database.reading() as session:
        assert session.scalars(select(Shopper)).all() == []


def test_what_follows_a_commit_keeps_nobody_from_writing(database: Database) -> None:
    """The log's lines are written out when the next one is already at it."""
    happened = []

    def write_too() -> None:
        with database.writing() as session:
            session.add(Shopper(name="김", email="a@example.com", password_hash="x", created_at=NOW))
        happened.append("follows")

    with database.writing() as session:
        once_committed(session, write_too)
        happened.append("commits")

    assert happened == ["commits", "follows"]


def test_two_answers_loaded_at_the_same_version_cannot_both_be_written(database: Database) -> None:
    """The second one finds that its row has changed."""
    card_id = add_card(database)
    with database.reading() as one, database.reading() as two:
        first, second = one.get_one(Card, card_id), two.get_one(Card, card_id)

    def write(card: Card) -> None:
        with database.writing() as session:
            session.merge(card).status = CardStatus.REMOVING

    write(first)
    with pytest.raises(StaleDataError):
        write(second)


def test_many_writers_wait_for_each_other_and_lose_nothing(database: Database) -> None:
    """Read, then write, sixteen at a time: every one counts."""
    card_id = add_card(database)

    def count(_number: int) -> None:
        with database.writing() as session:
            card = session.get_one(Card, card_id, with_for_update=True)
            card.card_number = str(int(card.card_number or 0) + 1)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(count, range(200)))

    with database.reading() as session:
        assert session.get_one(Card, card_id).card_number == "200"


def test_a_time_without_a_zone_is_not_stored_and_others_become_utc(database: Database) -> None:
    """Nobody has to guess what a stored time means."""
    with pytest.raises(StatementError, match="without a zone"), database.writing() as session:
        session.add(Shopper(name="김", email="a@example.com", password_hash="x", created_at=NOW.replace(tzinfo=None)))
    seoul = NOW.astimezone(timezone(timedelta(hours=9)))
    with database.writing() as session:
        session.add(Shopper(name="김", email="a@example.com", password_hash="x", created_at=seoul))
    with database.reading() as session:
        [shopper] = session.scalars(select(Shopper))

    assert (shopper.created_at, shopper.created_at.tzinfo) == (NOW, UTC)


def test_names_that_must_be_unique_are(database: Database) -> None:
    """A key's name is never used twice, whoever asks."""
    add_card(database)

    def again() -> None:
        with database.writing() as session:
            [shopper] = session.scalars(select(Shopper))
            session.add(Card(shopper_id=shopper.id, customer_uid="card_1", status=CardStatus.PENDING, created_at=NOW))

    with pytest.raises(IntegrityError):
        again()


def test_a_reader_does_not_wait_for_a_writer(database: Database) -> None:
    """It sees what was committed before."""
    card_id = add_card(database)

    def look(session: Session) -> CardStatus:
        return session.get_one(Card, card_id).status

    with database.writing() as writing:
        writing.get_one(Card, card_id).status = CardStatus.REMOVING
        writing.flush()
        with database.reading() as reading:
            assert look(reading) == CardStatus.ACTIVE
    with database.reading() as reading:
        assert look(reading) == CardStatus.REMOVING


def test_a_database_that_another_process_writes_to_is_said_to_be_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By SQLAlchemy's own error, which everybody knows who contains the database's troubles."""
    monkeypatch.setattr("storefront.database.BUSY_TIMEOUT_S", 0)
    one, another = (Database(f"sqlite:///{tmp_path / 'shared.sqlite'}") for _ in range(2))

    with one.writing() as session:
        session.execute(text("SELECT 1"))
        with pytest.raises(OperationalError, match="locked"), another.writing() as waiting:
            waiting.execute(text("SELECT 1"))
    one.close()
    another.close()


def test_the_pool_is_not_smaller_than_the_threads_that_serve(database: Database) -> None:
    """Nobody who serves waits for a connection; errands and background work have as many again."""
    pool = database.engine.pool
    assert isinstance(pool, QueuePool)
    assert pool.size() >= SHOP_THREADS


def test_what_was_committed_survives_a_power_cut(tmp_path: Path) -> None:
    """SQLite waits for the disk at every commit: 2 is FULL."""
    database = Database(f"sqlite:///{tmp_path / 'durable.sqlite'}")
    with database.writing() as session:
        assert session.scalar(text("PRAGMA synchronous")) == 2
    database.close()
