"""Everything the sandbox remembers, in one SQLite file.

One connection and one lock: every act is a short transaction, and nobody holds it while waiting for anything.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS token (value TEXT PRIMARY KEY, expired_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS prepared (merchant_uid TEXT PRIMARY KEY, amount INTEGER NOT NULL, currency TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS payment (
  id INTEGER PRIMARY KEY, imp_uid TEXT NOT NULL UNIQUE, merchant_uid TEXT NOT NULL, customer_uid TEXT, name TEXT,
  status TEXT NOT NULL, amount INTEGER NOT NULL, cancel_amount INTEGER NOT NULL DEFAULT 0, currency TEXT NOT NULL,
  channel TEXT NOT NULL, usage TEXT, started_at INTEGER NOT NULL, paid_at INTEGER NOT NULL DEFAULT 0,
  failed_at INTEGER NOT NULL DEFAULT 0, cancelled_at INTEGER NOT NULL DEFAULT 0, updated_at INTEGER NOT NULL,
  details TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS payment_order ON payment (merchant_uid, id);
CREATE INDEX IF NOT EXISTS payment_key ON payment (customer_uid, id);
CREATE INDEX IF NOT EXISTS payment_started ON payment (started_at, id);
CREATE INDEX IF NOT EXISTS payment_status_started ON payment (status, started_at, id);
CREATE INDEX IF NOT EXISTS payment_status_paid ON payment (status, paid_at, id);
CREATE INDEX IF NOT EXISTS payment_status_cancelled ON payment (status, cancelled_at, id);
CREATE INDEX IF NOT EXISTS payment_status_failed ON payment (status, failed_at, id);
CREATE TABLE IF NOT EXISTS cancel (
  id INTEGER PRIMARY KEY, imp_uid TEXT NOT NULL, amount INTEGER NOT NULL, at INTEGER NOT NULL, reason TEXT NOT NULL,
  cancellation_id TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS cancel_payment ON cancel (imp_uid, id);
CREATE TABLE IF NOT EXISTS billing_key (
  id INTEGER PRIMARY KEY, customer_uid TEXT NOT NULL, behaviour TEXT NOT NULL, card_code TEXT NOT NULL,
  card_name TEXT NOT NULL, card_number TEXT NOT NULL, captures INTEGER NOT NULL DEFAULT 0, inserted INTEGER NOT NULL,
  updated INTEGER NOT NULL, deleted_at INTEGER, details TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS billing_key_name ON billing_key (customer_uid) WHERE deleted_at IS NULL;
CREATE TABLE IF NOT EXISTS schedule (
  id INTEGER PRIMARY KEY, merchant_uid TEXT NOT NULL, customer_uid TEXT NOT NULL, imp_uid TEXT,
  schedule_at INTEGER NOT NULL, executed_at INTEGER NOT NULL DEFAULT 0, revoked_at INTEGER NOT NULL DEFAULT 0,
  amount INTEGER NOT NULL, payment_status TEXT, fail_reason TEXT, details TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS schedule_due ON schedule (executed_at, revoked_at, schedule_at);
CREATE INDEX IF NOT EXISTS schedule_order ON schedule (merchant_uid, id);
CREATE INDEX IF NOT EXISTS schedule_key ON schedule (customer_uid, schedule_at);
CREATE TABLE IF NOT EXISTS webhook (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, url TEXT NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL,
  due REAL NOT NULL DEFAULT 0, attempts TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX IF NOT EXISTS webhook_state ON webhook (state, id);
CREATE TABLE IF NOT EXISTS fault (
  id INTEGER PRIMARY KEY, path TEXT NOT NULL, method TEXT, kind TEXT NOT NULL, status INTEGER NOT NULL,
  seconds REAL NOT NULL, times INTEGER NOT NULL, left INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS request (
  id INTEGER PRIMARY KEY, at REAL NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, body TEXT NOT NULL,
  status INTEGER NOT NULL, code INTEGER, fault TEXT, ms REAL NOT NULL, peer TEXT NOT NULL, query TEXT,
  rule TEXT, document TEXT
);
CREATE INDEX IF NOT EXISTS request_path ON request (path, id);
CREATE TABLE IF NOT EXISTS opened_window (
  id TEXT PRIMARY KEY, at INTEGER NOT NULL, request TEXT NOT NULL, result TEXT
);
"""

_ADDED_LATER = (("request", "query", "TEXT"), ("request", "rule", "TEXT"), ("request", "document", "TEXT"))
"""Columns that a file written by an older version lacks."""

_TABLES = (
    "setting",
    "token",
    "prepared",
    "payment",
    "cancel",
    "billing_key",
    "schedule",
    "webhook",
    "fault",
    "request",
    "opened_window",
)

Row = sqlite3.Row


class Store:
    """The file and its lock.

    Args:
        path: a file, made with its folder if it does not exist, or `:memory:`.
    """

    def __init__(self, path: str) -> None:
        if path != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._depth = 0
        self.era = 0
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        self._connection.row_factory = sqlite3.Row
        self._connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + _SCHEMA)
        self._add_missing_columns()

    def _add_missing_columns(self) -> None:
        for table, column, kind in _ADDED_LATER:
            if column not in {row["name"] for row in self.all(f"PRAGMA table_info({table})")}:
                self.write(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")

    @contextmanager
    def transaction(self) -> Iterator[Store]:
        """A transaction of its own, or a part of the one this thread has begun; all of it is written or nothing.

        A part that fails is undone by itself, so that whoever began the whole can still answer and write that down.
        """
        with self._lock:
            is_part = self._depth > 0
            self._depth += 1
            self._connection.execute("SAVEPOINT part" if is_part else "BEGIN IMMEDIATE")
            try:
                yield self
                self._connection.execute("RELEASE part" if is_part else "COMMIT")
            except BaseException:
                self._connection.execute("ROLLBACK TO part" if is_part else "ROLLBACK")
                if is_part:
                    self._connection.execute("RELEASE part")
                raise
            finally:
                self._depth -= 1

    def all(self, sql: str, *values: Any) -> list[Row]:
        """Every row of a query."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any) -> Row | None:
        """The first row of a query, or None."""
        with self._lock:
            row: Row | None = self._connection.execute(sql, values).fetchone()
            return row

    def number(self, sql: str, *values: Any) -> int:
        """The number a query counts or sums; nothing is 0."""
        row = self.one(sql, *values)
        return int(row[0] or 0) if row else 0

    def write(self, sql: str, *values: Any) -> int:
        """Change something; how many rows it was. Outside of a transaction it is one by itself."""
        with self._lock:
            return self._connection.execute(sql, values).rowcount

    def insert(self, table: str, **fields: Any) -> int:
        """Add a row; its id."""
        columns, marks = ", ".join(fields), ", ".join("?" for _ in fields)
        with self._lock:
            cursor = self._connection.execute(
                f"INSERT INTO {table} ({columns}) VALUES ({marks})",  # noqa: S608 - names are ours
                list(fields.values()),
            )
            return int(cursor.lastrowid or 0)

    def setting(self, name: str, default: str) -> str:
        """A remembered value."""
        row = self.one("SELECT value FROM setting WHERE name = ?", name)
        return str(row["value"]) if row else default

    def set(self, name: str, value: str) -> None:
        """Remember a value."""
        self.write(
            "INSERT INTO setting VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value
        )

    def clear(self, tables: Sequence[str] = _TABLES) -> None:
        """Forget everything. Whoever is at work across it sees by `era` that his rows are gone and their ids free."""
        with self.transaction():
            self.era += 1
            for table in tables:
                self.write(f"DELETE FROM {table}")  # noqa: S608 - names are ours

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()
