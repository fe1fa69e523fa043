"""What the console's lists find: a page of rows, newest first, by a word, by any id, and by where things stand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from storefront.sandbox.books.store import Row, Store

PAGE_SIZE = 50
_LOOKED_AT = 100
"""Rows whose states are offered to choose from."""
_TABLES = {
    "payments": "payment",
    "keys": "billing_key",
    "schedules": "schedule",
    "requests": "request",
    "webhooks": "webhook",
}
_STATES = {
    "payments": "status",
    "keys": "CASE WHEN deleted_at IS NULL THEN 'stored' ELSE 'deleted' END",
    "schedules": "coalesce(payment_status, CASE WHEN revoked_at > 0 THEN 'revoked' WHEN executed_at > 0 THEN 'executed'"
    " ELSE 'scheduled' END)",
    "requests": "CAST(status AS TEXT)",
    "webhooks": "CASE state WHEN 'first' THEN 'pending' WHEN 'resend' THEN 'failed' ELSE state END",
}
_TEXTS = {
    "payments": ("imp_uid", "merchant_uid", "customer_uid", "name", "status", "channel", "usage", "details"),
    "keys": ("customer_uid", "card_name", "card_number", "card_code", "details"),
    "schedules": ("merchant_uid", "customer_uid", "imp_uid", "fail_reason", "details"),
    "requests": ("method", "path", "query", "body", "fault", "rule", "document", "peer", "reply"),
    "webhooks": ("url", "body", "reason", "attempts"),
}
_BY_ID = {
    "payments": "imp_uid = :q OR merchant_uid = :q OR customer_uid = :q",
    "keys": "customer_uid = :q OR customer_uid IN"
    " (SELECT customer_uid FROM payment WHERE imp_uid = :q OR merchant_uid = :q"
    " UNION SELECT customer_uid FROM schedule WHERE merchant_uid = :q)",
    "schedules": "imp_uid = :q OR merchant_uid = :q OR customer_uid = :q",
    "requests": "id IN (SELECT row FROM mention WHERE thing = :q AND kind = 'request')",
    "webhooks": "id IN (SELECT row FROM mention WHERE thing = :q AND kind = 'webhook')",
}
"""An id is looked for in every list, also in those whose own rows do not spell it."""


@dataclass(frozen=True)
class Found:
    """A page of rows.

    Attributes:
        rows: at most `PAGE_SIZE` of them.
        total: how many there are in all.
        states: where the newest things stand, to choose from.
    """

    rows: list[Row]
    total: int
    states: list[str]


def search(store: Store, tab: str, word: str, state: str, page: int) -> Found:
    """Look for rows.

    Args:
        store: the sandbox's store.
        tab: one of the lists that have a table.
        word: a part of any of its texts, or a whole id; empty for everything.
        state: where it stands; empty for anywhere.
        page: from 1.
    """
    where, values, by_id = "1 = 1", dict[str, Any](), False
    if state:
        where, values = f"{_STATES[tab]} = :state", {"state": state}
    if word:
        by_id = _is_id(store, tab, word)
        where = f"{where} AND ({_BY_ID[tab] if by_id else _containing(tab)})"
        values |= {"q": word, "part": _part(word), "escaped": _part(json.dumps(word)[1:-1])}
    table = _TABLES[tab]
    total = store.named(f"SELECT count(*) AS n FROM {table} WHERE {where}", values)[0]["n"]  # noqa: S608 - names are ours
    walk = "" if by_id else "NOT INDEXED"  # the newest first, rather than everything of a state gathered and sorted
    query = (
        f"SELECT * FROM {table} {walk} WHERE {where} ORDER BY id DESC LIMIT {PAGE_SIZE} OFFSET {(page - 1) * PAGE_SIZE}"  # noqa: S608
    )
    newest = f"SELECT DISTINCT {_STATES[tab]} AS s FROM (SELECT * FROM {table} ORDER BY id DESC LIMIT {_LOOKED_AT})"  # noqa: S608
    states = [row["s"] for row in store.all(newest)]
    return Found(store.named(query, values), total, states)


def _is_id(store: Store, tab: str, word: str) -> bool:
    return bool(store.named(f"SELECT 1 FROM {_TABLES[tab]} WHERE {_BY_ID[tab]} LIMIT 1", {"q": word}))  # noqa: S608 - names are ours


def _containing(tab: str) -> str:
    texts = " || ' ' || ".join(f"coalesce({name}, '')" for name in _TEXTS[tab])
    return f"{texts} LIKE :part ESCAPE '!' OR {texts} LIKE :escaped ESCAPE '!'"


def _part(word: str) -> str:
    escaped = word.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"%{escaped}%"
