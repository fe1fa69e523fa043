"""All the books as one JSON document, to be put into this sandbox or another one later.

Access tokens stay outside: they open a door and say nothing about money. Whoever has one fetches a new one, as after a
reset. How many payments there are of each status is counted anew while they are written.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from storefront.sandbox.books import tables
from storefront.sandbox.books.clock import OFFSET, MovableClock
from storefront.sandbox.books.store import LARGEST_ID, Store
from storefront.sandbox.wire.parameters import storable

LATEST = 253_402_300_799
"""The end of the year 9999, in UNIX seconds."""
_COUNTED = "tally"
_BOOKS = tuple(name for name in tables.NAMES if name not in ("token", _COUNTED))
_AS_JSON: Mapping[str, Mapping[str, type]] = {
    "payment": {"details": dict},
    "billing_key": {"details": dict},
    "schedule": {"details": dict},
    "webhook": {"body": object, "attempts": list},
    "event": {"facts": dict},
    "opened_window": {"request": dict, "result": object},
    "scenario": {"document": dict},
    "scenario_run": {"result": object},
}
"""Columns whose texts are JSON, and of which kind."""


class BadState(ValueError):  # noqa: N818 - a tester's mistake
    """The document cannot be taken; the text says why, and nothing has changed."""


def save(store: Store, clock: MovableClock) -> dict[str, Any]:
    """Everything that is known.

    Returns:
        `{version, now, books}`: the version of the tables, the time of the sandbox in UNIX seconds, and the rows of each
        table.
    """
    with store.transaction():
        books = {name: [dict(row) for row in store.all(f"SELECT * FROM {name}")] for name in _BOOKS}  # noqa: S608 - ours
    books["setting"] = [row for row in books["setting"] if row["name"] != OFFSET]  # `now` says it
    return {"version": tables.VERSION, "now": clock.seconds(), "books": books}


def load(store: Store, clock: MovableClock, document: Mapping[str, Any]) -> None:
    """Put a document in the place of everything; the clock goes on from the time at which it was saved.

    Args:
        store: the sandbox's store.
        clock: its clock.
        document: what `save` gave.

    Raises:
        BadState: it is of another version, or none at all.
    """
    now, books = _read(document)
    with store.transaction():
        store.clear()
        try:
            for name, rows in books.items():
                columns = _columns(store, name)
                for position, row in enumerate(rows):
                    _check(name, position, row, columns)
                    store.insert(name, **row)
        except sqlite3.Error as error:
            raise BadState(f"books.{name}: {error}") from None
        clock.go_to(now)


def _read(document: Mapping[str, Any]) -> tuple[int, Mapping[str, list[Any]]]:
    version, now, books = document.get("version"), document.get("now"), document.get("books")
    if version != tables.VERSION:
        raise BadState(
            f"version: this sandbox reads states of version {tables.VERSION} only, and this one says {version}"
        )
    if isinstance(now, bool) or not isinstance(now, int) or not 0 <= now <= LATEST:
        raise BadState("now: the time at which it was saved, in UNIX seconds")
    if not isinstance(books, dict) or books.keys() != set(_BOOKS):
        raise BadState(f"books: an object with exactly {', '.join(_BOOKS)}")
    for name, rows in books.items():
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise BadState(f"books.{name}: a list of rows, each an object")
    return now, books


def _columns(store: Store, table: str) -> dict[str, str]:
    return {row["name"]: row["type"] for row in store.all(f"PRAGMA table_info({table})")}


def _check(table: str, position: int, row: Mapping[str, Any], columns: Mapping[str, str]) -> None:
    where = f"books.{table}[{position}]"
    if row.keys() != columns.keys():
        raise BadState(f"{where}: an object with exactly {', '.join(columns)}")
    for name, value in row.items():
        if value is not None and not _fits(value, columns[name]):
            raise BadState(f"{where}.{name}: {'a text' if columns[name] == 'TEXT' else 'a number'}")
    for name, kind in _AS_JSON.get(table, {}).items():
        if row[name] is not None and not _is_json(row[name], kind):
            raise BadState(f"{where}.{name}: JSON as a text")


def _fits(value: object, kind: str) -> bool:
    if kind == "TEXT":
        return isinstance(value, str) and storable(value)
    return not isinstance(value, bool) and isinstance(value, int | float) and abs(value) <= LARGEST_ID


def _is_json(text: str, kind: type) -> bool:
    try:
        return isinstance(json.loads(text), kind)
    except (ValueError, RecursionError):
        return False
