"""Everything the sandbox remembers, in one SQLite file.

One connection and one lock: every act is a short transaction, and nobody holds it while waiting for anything.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from storefront.sandbox.books import tables

Row = sqlite3.Row
LARGEST_ID = 2**63 - 1
"""What SQLite counts up to."""


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
        self._connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;")
        tables.upgrade(self._connection)

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

    def named(self, sql: str, values: Mapping[str, Any]) -> list[Row]:
        """Every row of a query whose values have names."""
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

    def text(self, sql: str, *values: Any) -> str | None:
        """The text of a query's first row, or None."""
        row = self.one(sql, *values)
        return row[0] if row else None

    def write(self, sql: str, *values: Any) -> int:
        """Change something; how many rows it was. Outside of a transaction it is one by itself."""
        with self._lock:
            return self._connection.execute(sql, values).rowcount

    def write_all(self, sql: str, values: Sequence[tuple[Any, ...]]) -> None:
        """Change something once for each of the values."""
        with self._lock:
            self._connection.executemany(sql, values)

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

    def clear(self) -> None:
        """Forget everything. Whoever is at work across it sees by `era` that his rows are gone and their ids free."""
        with self.transaction():
            self.era += 1
            for table in tables.NAMES:
                self.write(f"DELETE FROM {table}")  # noqa: S608 - names are ours

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()
