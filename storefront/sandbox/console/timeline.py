"""One thing and everything that belongs to it, in time order: a payment, a billing key, a schedule."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from storefront.sandbox.books import history
from storefront.sandbox.books.store import Row
from storefront.sandbox.console.lists import Line, Lists, clock_time
from storefront.sandbox.parts import Sandbox

MOST_EVENTS = 200
LONGEST_REPLY = 300
_OF_THING = {
    "payments": "SELECT * FROM payment WHERE imp_uid = ?",
    "keys": "SELECT * FROM billing_key WHERE customer_uid = ? ORDER BY deleted_at IS NULL DESC, id DESC",
    "schedules": "SELECT * FROM schedule WHERE merchant_uid = ? ORDER BY id DESC",
}
_RELATED = (
    ("payments", "imp_uid", "SELECT * FROM payment WHERE merchant_uid = :m ORDER BY id DESC"),
    ("payments", "imp_uid", "SELECT * FROM payment WHERE customer_uid = :c ORDER BY id DESC"),
    ("keys", "customer_uid", "SELECT * FROM billing_key WHERE customer_uid = :c ORDER BY id DESC"),
    ("schedules", "merchant_uid", "SELECT * FROM schedule WHERE merchant_uid = :m ORDER BY id DESC"),
    ("schedules", "merchant_uid", "SELECT * FROM schedule WHERE customer_uid = :c ORDER BY schedule_at DESC"),
)
"""Where to look for what belongs to a thing: the list, the name of its page, and the rows, each by an index."""
_MOST_RELATED = 50
_IDS = {
    "payments": ("imp_uid", "merchant_uid", "customer_uid"),
    "keys": ("customer_uid",),
    "schedules": ("imp_uid", "merchant_uid", "customer_uid"),
}


@dataclass(frozen=True)
class Thing:
    """A page's content.

    Attributes:
        line: the thing itself.
        related: the list and the name of each thing that belongs to it, with where that stands.
        happened: what has happened around it, oldest first, each with its kind.
    """

    line: Line
    related: list[tuple[str, str, str]]
    happened: list[tuple[str, Line]]


def thing(sandbox: Sandbox, lists: Lists, tab: str, name: str) -> Thing | None:
    """Everything about a thing, or None if there is none of that name."""
    row = sandbox.store.one(_OF_THING[tab], name)
    if row is None:
        return None
    ids: dict[str, str | None] = {one: row[one] for one in _IDS[tab]}
    own = ids.get("merchant_uid") or ids.get("customer_uid")
    found = happened(sandbox, lists, (ids.get("imp_uid"), own))
    return Thing(lists.line(tab, row), _related(sandbox, lists, ids, (tab, name)), found)


def happened(sandbox: Sandbox, lists: Lists, ids: Iterable[str | None]) -> list[tuple[str, Line]]:
    """What has happened around some ids, oldest first, each with its kind."""
    return [
        (kind, _event(row) if kind == "event" else lists.line(f"{kind}s", row))
        for kind, row in history.about(sandbox.store, ids, MOST_EVENTS)
    ]


def _related(
    sandbox: Sandbox, lists: Lists, ids: Mapping[str, str | None], itself: tuple[str, str]
) -> list[tuple[str, str, str]]:
    values = {"m": ids.get("merchant_uid"), "c": ids.get("customer_uid")}
    found: dict[tuple[str, str], str] = {}
    for tab, name, query in _RELATED:
        for row in sandbox.store.named(f"{query} LIMIT {_MOST_RELATED}", values):
            found[tab, str(row[name])] = lists.line(tab, row).state
    found.pop(itself, None)
    return [(tab, name, state) for (tab, name), state in found.items()]


def _event(row: Row) -> Line:
    facts = json.loads(row["facts"])
    title = facts.pop("step", None) or f"+{facts['advance']} s"
    notes = tuple(str(facts[name]) for name in ("status", "callback", "redirect") if facts.get(name))
    return Line(clock_time(row["at"]), f"{row['kind']}: {title}", notes, "", "", "", "wait", facts, "")


def replies(facts: Mapping[str, Any]) -> list[str]:
    """How a request was answered, or each delivery of a webhook, in a few words."""
    if facts.get("reply"):
        return [_short(str(facts["reply"]))]
    attempts = facts.get("attempts") or []
    return [_short(f"{one['status'] or one['error']} {(one['response'] or {}).get('body', '')}") for one in attempts]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_REPLY else f"{text[:LONGEST_REPLY]}…"
