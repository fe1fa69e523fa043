"""What happened around a payment, a key or a schedule: every request, webhook and step of a window names what it is about.

A page of one thing finds by its id, however much else has happened.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from storefront.sandbox.books.store import Row, Store
from storefront.sandbox.wire.parameters import storable

_IDS = re.compile(r'"(?:imp_uid|merchant_uid|customer_uid)": ?"((?:[^"\\]|\\.)+)"')
_MOST_IDS = 20
"""In one text: a list that names more is about none of them in particular."""
_SOURCES = {"request": "request", "webhook": "webhook", "event": "event"}


def ids_in(text: str) -> set[str]:
    """The ids that a JSON text names, unless it is a long list."""
    found = {str(json.loads(f'"{one}"')) for one in _IDS.findall(text)}
    return found if len(found) <= _MOST_IDS else set()


def mention(store: Store, kind: str, row: int, things: Iterable[str | None]) -> None:
    """Write down what a row is about.

    Args:
        store: the sandbox's store.
        kind: the row's table: `request`, `webhook` or `event`.
        row: its id.
        things: the ids it names; None is none.
    """
    named = [(thing, kind, row) for thing in set(things) if thing and storable(thing)]
    store.write_all("INSERT INTO mention VALUES (?, ?, ?)", named)


def record(store: Store, at: float, kind: str, facts: dict[str, Any], things: Iterable[str | None] = ()) -> None:
    """Write down what is no request and no webhook: a step of a window, a move of the clock.

    Args:
        store: the sandbox's store.
        at: when, in UNIX seconds.
        kind: `window` or `clock`.
        facts: what is to be known of it.
        things: the ids it is about.
    """
    event = store.insert("event", at=at, kind=kind, facts=json.dumps(facts))
    mention(store, "event", event, things)


def about(store: Store, things: Iterable[str | None], most: int) -> list[tuple[str, Row]]:
    """What is known of some ids, as (table, row), oldest first; moves of the clock in between included.

    Args:
        store: the sandbox's store.
        things: the ids of one thing.
        most: rows of each table; the newest are given.
    """
    named = [thing for thing in things if thing]
    marks = ", ".join("?" for _ in named)
    found: list[tuple[str, Row]] = []
    for kind, table in _SOURCES.items():
        rows = f"SELECT row FROM mention WHERE kind = ? AND thing IN ({marks})"  # noqa: S608 - marks only
        query = f"SELECT * FROM {table} WHERE id IN ({rows}) ORDER BY id DESC LIMIT ?"  # noqa: S608 - names are ours
        found += [(kind, row) for row in store.all(query, kind, *named, most)]
    if found:
        times = [row["at"] for _, row in found]
        moves = "SELECT * FROM event WHERE kind = 'clock' AND at BETWEEN ? AND ? ORDER BY id DESC LIMIT ?"
        found += [("event", row) for row in store.all(moves, min(times), max(times), most)]
    return sorted(found, key=lambda one: one[1]["at"])
