"""The database: one engine, and two ways to use it.

`reading()` gives a session that sees a snapshot and is thrown away. `writing()` gives a short transaction that is
committed at its end. On SQLite a writer begins with `BEGIN IMMEDIATE`: two writers then wait for each other instead
of both reading the same row and both changing it. Those of one process queue for it (see `turns`), those of several
race for the file's lock. No session is ever held open across a call to i'mport.

What was committed is on the disk: a charge is sent only when its order would outlive a power cut. On SQLite that is
`synchronous=FULL`, which costs a commit one wait for the disk (0.25 ms where 0.02 ms were enough without, on an SSD);
a charge commits twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import DateTime, Dialect, Engine, create_engine, event, make_url
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool
from sqlalchemy.types import TypeDecorator

from storefront.turns import Turns

BUSY_TIMEOUT_S = 10
"""How long a writer waits for its turn, and then for a writer of another process, before it gives up."""
CONNECTIONS = 32
"""How many a process keeps open: one for each thread that serves.

In a rush it opens more. A file of SQLite takes as many as there are threads. PostgreSQL has to allow the sum of all
processes (`max_connections`, 100 by default), so there it is as many again; that suffices, because nobody holds one while
waiting for i'mport.
"""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time. SQLite stores it without a zone, so the zone is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Refuse naive times and store the rest as UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone must not be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give the time back as aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Database:
    """The engine and its two kinds of session."""

    def __init__(self, url: str) -> None:
        self.engine = connect(url)
        self._turns = Turns() if self.engine.dialect.name == "sqlite" else None

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for looking. Nothing is committed; objects stay usable after it is closed."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A short transaction, committed when the block ends and rolled back when it raises."""
        with self._turn(), Session(self.engine, expire_on_commit=False) as session, session.begin():
            session.connection(execution_options={"sqlite_begin": "BEGIN IMMEDIATE"})
            yield session

    def _turn(self) -> AbstractContextManager[None]:
        return self._turns.taken(BUSY_TIMEOUT_S) if self._turns else nullcontext()

    def close(self) -> None:
        """Close every connection of the pool."""
        self.engine.dispose()


def connect(url: str) -> Engine:
    """An engine whose transactions keep what the money rules promise, on SQLite and on PostgreSQL.

    Args:
        url: an SQLAlchemy address. A file of SQLite is made, with its folder, when it does not exist.

    Returns:
        The engine; nothing has been connected yet.
    """
    address = make_url(url)
    if address.get_backend_name() != "sqlite":
        pool = {"pool_size": CONNECTIONS, "max_overflow": CONNECTIONS, "pool_pre_ping": True}
        return create_engine(address, **pool, hide_parameters=True)
    # An exception's text ends in a log, and what people typed has no business there.
    options: dict[str, Any] = {
        "connect_args": {"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
        "hide_parameters": True,
    }
    if address.database in (None, "", ":memory:"):
        options["poolclass"] = StaticPool
    else:
        Path(str(address.database)).parent.mkdir(parents=True, exist_ok=True)
        options |= {"pool_size": CONNECTIONS, "max_overflow": -1}
    engine = create_engine(address, **options)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(dbapi_connection: Any, _record: object) -> None:
    # Python's driver would begin by itself, at the first write; we say when and how (see _begin_sqlite).
    dbapi_connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        dbapi_connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # On the driver's own connection, because a statement of SQLAlchemy's costs as much as three of the driver's.
    begin = connection.get_execution_options().get("sqlite_begin", "BEGIN")
    try:
        connection.connection.cursor().execute(begin)
    except sqlite3.OperationalError as error:
        raise OperationalError(begin, None, error) from error
