"""The database: one pool of connections, and two ways to use it.

`reading()` gives a session that looks and is thrown away, `looking()` the same without objects. `writing()` gives a short
transaction that is committed at its end. On SQLite a reader sees a snapshot, and a writer begins with `BEGIN IMMEDIATE`:
two writers then wait for each other instead of both reading the same row and both changing it. Those of one process queue
for it (see `turns`), those of several race for the file's lock. On PostgreSQL a reader needs no transaction, which would
cost it two more questions to the server. No session is ever held open across a call to i'mport.

What was committed is on the disk: a charge is sent only when its order would outlive a power cut. On SQLite that is
`synchronous=FULL`, which costs a commit one wait for the disk (0.25 ms where 0.02 ms were enough without, on an SSD);
a charge commits twice.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import DateTime, Dialect, Engine, create_engine, event, make_url
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DisconnectionError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection, StaticPool
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

REST_S = 1.0
"""A connection that lay idle for longer may have been forgotten by its server."""


LOCKED = {"key_share": True}
"""How a row is locked: other writers are kept out, and nobody who only refers to it."""

_ONCE_COMMITTED = "once committed"


def once_committed(session: Session, act: Callable[[], object]) -> None:
    """Do something when a transaction is over and has been written; what is rolled back has not happened.

    Args:
        session: of `Database.writing`.
        act: what to do. It keeps nobody waiting who wants to write: the next one's turn has begun.
    """
    session.info.setdefault(_ONCE_COMMITTED, []).append(act)


_DEADLOCK = "40P01"


def is_deadlock(error: OperationalError) -> bool:
    """Whether PostgreSQL has ended a transaction so that another one can go on: two wanted each other's rows."""
    return getattr(error.orig, "sqlstate", None) == _DEADLOCK


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
        on_sqlite = self.engine.dialect.name == "sqlite"
        self.writer = _for_writing_to_sqlite(self.engine) if on_sqlite else self.engine
        """The engine of whoever needs a connection of their own to write with."""
        self._reader = self.engine if on_sqlite else self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._turns = Turns() if on_sqlite else None

    def looking(self) -> Connection:
        """A connection for a look at a few columns; a session costs as much again. Close it: it is a context manager."""
        return self._reader.connect()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for looking. Nothing is committed; objects stay usable after it is closed."""
        with Session(self._reader, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A short transaction, committed when the block ends and rolled back when it raises."""
        with Session(self.writer, expire_on_commit=False) as session:
            with self._turn(), session.begin():
                yield session
            for act in session.info.get(_ONCE_COMMITTED, ()):
                act()

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
        engine = create_engine(address, pool_size=CONNECTIONS, max_overflow=CONNECTIONS, hide_parameters=True)
        _greet_after_a_rest(engine)
        return engine
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
    event.listen(engine.pool, "connect", _prepare_sqlite)
    return _beginning_with("BEGIN", engine)


def _prepare_sqlite(dbapi_connection: Any, _record: object) -> None:
    # Python's driver would begin by itself, at the first write; we say when and how (see _beginning_with).
    dbapi_connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        dbapi_connection.execute(f"PRAGMA {pragma}")


def _for_writing_to_sqlite(engine: Engine) -> Engine:
    """A second engine over the same connections."""
    return _beginning_with("BEGIN IMMEDIATE", create_engine(engine.url, pool=engine.pool, hide_parameters=True))


def _beginning_with(statement: str, engine: Engine) -> Engine:
    """Have an engine of SQLite begin its transactions so.

    The dialect's own hook: with a listener, SQLAlchemy would look for listeners at every step of every statement.
    """

    def do_begin(connection: PoolProxiedConnection) -> None:
        connection.cursor().execute(statement)

    engine.dialect.do_begin = do_begin  # type: ignore[assignment, method-assign]
    return engine


def _greet_after_a_rest(engine: Engine) -> None:
    """Ask a connection whether it is still there, unless it was a moment ago.

    A server that was started anew has forgotten them all. `pool_pre_ping` asks each time, five times a charge.
    """

    def rest(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info["rests_since"] = time.monotonic()

    def greet(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        if time.monotonic() - record.info.get("rests_since", math.inf) < REST_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error  # the pool opens another one

    event.listen(engine, "checkin", rest)
    event.listen(engine, "checkout", greet)
