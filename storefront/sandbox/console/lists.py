"""The console's lists: one line for each payment, key, schedule, request, webhook and fault, newest first."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from storefront.sandbox.books import cards, faults
from storefront.sandbox.books.store import Row
from storefront.sandbox.console import curl
from storefront.sandbox.console.searching import search
from storefront.sandbox.parts import Sandbox
from storefront.sandbox.wire import objects

_TONES = {"paid": "ok", "delivered": "ok", "stored": "ok", "failed": "bad", "set": "bad"}
_ACTS = {"pending": ("hold", "send"), "first": ("hold", "send"), "held": ("release", "repeat")}
_REQUEST_FACTS = (
    *("id", "method", "path", "query", "body", "status", "code", "fault", "ms", "peer"),
    *("rule", "document", "reply"),
)


@dataclass(frozen=True)
class Line:
    """What is shown of one thing.

    Attributes:
        at: when it happened, as written on a clock in Seoul.
        title: its name.
        notes: what else is said under its name.
        how: the way it came.
        value: an amount, a duration, a count.
        state: where it stands, in i'mport's words as far as it has any.
        tone: `ok`, `bad` or `wait`, for the eye.
        facts: everything, as JSON.
        curl: the command that asks for it, or does it again.
        id: the number its buttons name.
        acts: the console's actions on it.
        page: the name under which it has a page of its own, if it has one.
        edit: what can be changed before it is sent again.
    """

    at: str
    title: str
    notes: tuple[str, ...]
    how: str
    value: str
    state: str
    tone: str
    facts: Mapping[str, Any]
    curl: str
    id: int = 0
    acts: tuple[str, ...] = ()
    page: str = ""
    edit: Mapping[str, str] = field(default_factory=dict)

    @property
    def json(self) -> str:
        """The facts as text, which is what a word is looked for in."""
        return json.dumps(self.facts, ensure_ascii=False, indent=2)


@dataclass(frozen=True)
class Listed:
    """A page of lines, how many there are in all, and the states to choose from."""

    lines: list[Line]
    total: int
    states: list[str]


class Lists:
    """The lists of one sandbox in one language.

    Args:
        sandbox: its books.
        origin: where it answers.
        language: `ko` or `en`.
        texts: the texts of that language.
    """

    def __init__(self, sandbox: Sandbox, origin: str, language: str, texts: Mapping[str, str]) -> None:
        self._sandbox, self._origin, self._language, self._texts = sandbox, origin, language, texts
        self._line: dict[str, Callable[[Row], Line]] = {
            "payments": self._payment,
            "keys": self._key,
            "schedules": self._schedule,
            "requests": self._request,
            "webhooks": self._webhook,
        }

    def of(self, tab: str, word: str = "", state: str = "", page: int = 1) -> Listed:
        """A page of one list."""
        if tab == "faults":
            lines = [self._fault(fault) for fault in reversed(self._sandbox.faults.shown())]
            found = [line for line in lines if word.lower() in line.json.lower() and state in ("", line.state)]
            return Listed(found, len(found), [line.state for line in lines])
        hits = search(self._sandbox.store, tab, word, state, page)
        return Listed([self._line[tab](row) for row in hits.rows], hits.total, hits.states)

    def line(self, tab: str, row: Row) -> Line:
        """One row as a line."""
        return self._line[tab](row)

    def _payment(self, row: Row) -> Line:
        cancels = self._sandbox.store.all("SELECT * FROM cancel WHERE imp_uid = ?", row["imp_uid"])
        return Line(
            at=clock_time(row["started_at"]),
            title=row["imp_uid"],
            notes=(row["merchant_uid"],),
            how=row["channel"],
            value=self._won(row["amount"] - row["cancel_amount"]),
            state=row["status"],
            tone=_tone(row["status"]),
            facts=objects.payment(self._sandbox.settings, row, cancels),
            page=row["imp_uid"],
            curl=self._call("GET", _address("/payments", row["imp_uid"]), "include_sandbox=true"),
        )

    def _key(self, row: Row) -> Line:
        behaviour = cards.behaviour_named(row["behaviour"])
        state = "deleted" if row["deleted_at"] else "stored"
        return Line(
            at=clock_time(row["inserted"]),
            title=row["customer_uid"],
            notes=(row["card_number"],),
            how=behaviour.english if self._language == "en" else behaviour.korean,
            value=row["card_name"],
            state=state,
            tone=_tone(state),
            facts=objects.customer(self._sandbox.settings, row),
            page=row["customer_uid"],
            curl=self._call("GET", _address("/subscribe/customers", row["customer_uid"])),
        )

    def _schedule(self, row: Row) -> Line:
        schedule = objects.schedule(self._sandbox.settings, row)
        state = schedule["payment_status"] or schedule["schedule_status"]
        return Line(
            at=clock_time(row["schedule_at"]),
            title=row["merchant_uid"],
            notes=(row["customer_uid"],),
            how=row["fail_reason"] or "",
            value=self._won(row["amount"]),
            state=state,
            tone=_tone(state),
            facts=schedule,
            page=row["merchant_uid"],
            curl=self._call("GET", _address("/subscribe/payments/schedule", row["merchant_uid"])),
        )

    def _request(self, row: Row) -> Line:
        fault = self._texts["was_broken"].format(kind=row["fault"]) if row["fault"] else None
        is_fine = row["status"] < 400 and not row["code"]  # noqa: PLR2004
        return Line(
            at=clock_time(row["at"]),
            title=f"{row['method']} {row['path']}",
            notes=tuple(note for note in (fault, row["rule"], row["document"]) if note),
            how=row["peer"],
            value=f"{row['ms']:.0f} ms",
            state=str(row["status"]),
            tone="ok" if is_fine else "bad",
            facts={name: row[name] for name in _REQUEST_FACTS},
            edit={"method": row["method"], "target": _target(row), "body": row["body"]},
            curl=self._call(row["method"], _path(row), row["query"] or "", row["body"]),
        )

    def _webhook(self, row: Row) -> Line:
        facts = self._sandbox.webhooks.show(row)
        return Line(
            at=clock_time(row["at"]),
            title=row["url"],
            notes=tuple(note for note in (row["body"], row["reason"]) if note),
            how="",
            value=self._texts["tries"].format(count=len(facts["attempts"])),
            state=facts["state"],
            tone=_tone(facts["state"]),
            facts=facts,
            curl=curl.without_token("POST", row["url"], row["body"]),
            id=row["id"],
            acts=_ACTS.get(row["state"], ("send", "repeat")),
            edit={"method": "WEBHOOK", "target": row["url"], "body": row["body"]},
        )

    def _fault(self, fault: Mapping[str, Any]) -> Line:
        is_endless = not fault["times"]
        state = "set" if is_endless or fault["left"] else "used"
        left = self._texts["left"].format(left=fault["left"], times=fault["times"])
        asked = {name: fault[name] for name in faults.FIELDS}
        return Line(
            at="",
            title=f"{fault['method'] or '*'} {fault['path']}",
            notes=(f"p = {fault['probability']:.4g}",) if fault["probability"] < 1 else (),
            how=fault["kind"],
            value=self._texts["until_cleared"] if is_endless else left,
            state=state,
            tone=_tone(state),
            facts=fault,
            curl=curl.without_token("POST", f"{self._origin}/_sandbox/faults", json.dumps(asked)),
            id=fault["id"],
            acts=("clear",),
        )

    def _call(self, method: str, path: str, query: str = "", body: str = "") -> str:
        return curl.with_token(self._sandbox.settings, self._origin, method, path, query, body)

    def _won(self, amount: int) -> str:
        return self._texts["won"].format(amount=amount)


def _address(path: str, name: str) -> str:
    """The address of one thing, whose name may have slashes of its own."""
    return f"{path}/{quote(name, safe='')}"


def _path(row: Row) -> str:
    """A request's path as it came; files of earlier versions have only what was read from it."""
    return row["target"] or quote(row["path"])


def _target(row: Row) -> str:
    return _path(row) + (f"?{row['query']}" if row["query"] else "")


def clock_time(seconds: float) -> str:
    """A time as written on a clock in Seoul."""
    try:
        return datetime.fromtimestamp(seconds, UTC).astimezone(cards.SEOUL).strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:  # beyond the year 9999, where a time in milliseconds lies
        return f"{seconds:.0f}"


def _tone(state: str) -> str:
    return _TONES.get(state, "wait")
