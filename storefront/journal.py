"""The journal of a sandbox in another process: what it wrote down of one order, asked over HTTP and never waited for long.

i'mport itself has no such thing. The page that explains a payment shows it beside what the shop knows by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from storefront.demo_sandbox import Books, DemoSandbox, SandboxError
from storefront.iamport.deadline import Deadline

_OF_EVERYBODY = "/payments/status/"
"""Where the shop looks for what nobody told it: about no order in particular."""


@dataclass(frozen=True)
class Exchange:
    """One request and how it was answered; card numbers and secrets have been masked by whoever wrote it down.

    Attributes:
        at: when it arrived.
        method: of HTTP.
        path: where to; the whole address of a webhook.
        query: what followed it, encoded.
        body: what was sent, JSON.
        status: of HTTP; None if nobody answered, or it was never sent.
        reply: what came back, or the beginning of it.
        took_ms: until the answer was out.
        trouble: what went wrong, or why it was not sent.
    """

    at: datetime
    method: str
    path: str
    query: str
    body: str
    status: int | None
    reply: str
    took_ms: float | None
    trouble: str | None


@dataclass(frozen=True)
class WindowStep:
    """A step of the payment window.

    Attributes:
        at: when.
        name: `opened`, `pay pressed`, `cancel pressed`, `ended`, `ended without a browser`.
        facts: what is known of it.
    """

    at: datetime
    name: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Record:
    """Everything that was written down of one order, oldest first.

    Attributes:
        books: the sums.
        requests: what i'mport was asked.
        webhooks: what it told the shop, or tried to.
        window: what happened in its payment window.
    """

    books: Books
    requests: list[Exchange] = field(default_factory=list)
    webhooks: list[Exchange] = field(default_factory=list)
    window: list[WindowStep] = field(default_factory=list)


class Journal:
    """The journal of a sandbox.

    Args:
        sandbox: whose.
    """

    def __init__(self, sandbox: DemoSandbox) -> None:
        self._sandbox = sandbox

    def of(self, merchant_uid: str, imp_uid: str | None, issued_key: str | None, *, within_s: float) -> Record | None:
        """What the sandbox knows of an order.

        Args:
            merchant_uid: the order.
            imp_uid: its payment at i'mport, if there is one.
            issued_key: the name of the billing key it has stored, if it was to store one.
            within_s: how long to wait in all.

        Returns:
            The record; None if the sandbox does not answer in time or in its own words.
        """
        deadline = Deadline.within(within_s)
        about = [("about", one) for one in (merchant_uid, imp_uid) if one]
        try:
            happened = self._sandbox.ask("GET", "history", query=about, deadline=deadline)["history"]
            if issued_key:
                path = [("path", f"/subscribe/customers/{issued_key}")]
                of_key = self._sandbox.ask("GET", "requests", query=path, deadline=deadline)
                happened += [{"kind": "request", **one} for one in of_key["requests"]]
            return _record(happened, self._sandbox.books(merchant_uid, deadline))
        except (SandboxError, ValueError, KeyError, TypeError):
            return None


def _record(happened: list[Mapping[str, Any]], books: Books) -> Record:
    """Sort by kind; what was found by two ids counts once."""
    asked = {one["id"]: one for one in happened if one["kind"] == "request" and _OF_EVERYBODY not in one["path"]}
    told = [attempt for one in happened if one["kind"] == "webhook" for attempt in _attempts(one)]
    return Record(
        books=books,
        requests=[_request(asked[number]) for number in sorted(asked)],
        webhooks=sorted(told, key=lambda one: one.at),
        window=[WindowStep(_moment(one["at"]), str(one["step"]), one) for one in happened if one["kind"] == "window"],
    )


def _request(one: Mapping[str, Any]) -> Exchange:
    return Exchange(
        at=_moment(one["at"]),
        method=one["method"],
        path=one["path"],
        query=one["query"] or "",
        body=one["body"],
        status=one["status"],
        reply=one["reply"] or "",
        took_ms=one["ms"],
        trouble=one["fault"],
    )


def _attempts(hook: Mapping[str, Any]) -> Iterator[Exchange]:
    """Each send of a webhook; one that was kept back or lost is there as well, without a status."""
    facts = {"method": "POST", "path": hook["url"], "query": "", "body": json.dumps(hook["body"])}
    for attempt in hook["attempts"]:
        yield Exchange(
            at=_moment(max(hook["at"], attempt["at"])),  # the latter is in whole seconds
            **facts,
            status=attempt["status"],
            reply=(attempt["response"] or {}).get("body", ""),
            took_ms=attempt["ms"],
            trouble=attempt["error"],
        )
    if not hook["attempts"] and hook["state"] != "pending":
        trouble = hook["reason"] or hook["state"]
        yield Exchange(at=_moment(hook["at"]), **facts, status=None, reply="", took_ms=None, trouble=trouble)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
