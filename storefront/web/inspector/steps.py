"""The steps of a payment: the shop's own timeline, and between its lines what the sandbox wrote down.

A request is shown with the line of the timeline that speaks of it. What the timeline leaves out, because the same was
asked before, or because it happened in the browser or at i'mport, is a step of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from storefront.journal import Exchange, Record, WindowStep
from storefront.web.inspector import texts
from storefront.web.timeline import Lane, Line

LONGEST_APART = timedelta(minutes=2)
"""Between a line of the timeline and the request it speaks of."""

_OPERATIONS = (
    ("prepare", "POST", re.compile("/payments/prepare")),
    ("charge", "POST", re.compile("/subscribe/payments/again")),
    ("cancel", "POST", re.compile("/payments/cancel")),
    ("unschedule", "POST", re.compile("/subscribe/payments/unschedule")),
    ("key_read", "GET", re.compile("/subscribe/customers/[^/]+")),
    ("key_delete", "DELETE", re.compile("/subscribe/customers/[^/]+")),
    ("look_up", "GET", re.compile("/payments/(findAll/)?[^/]+")),
)
_SPEAKS_OF = {
    "prepared": "prepare",
    "looked_up": "look_up",
    "unanswered": "look_up",
    "key_read": "key_read",
    "charge_sent": "charge",
    "cancel_sent": "cancel",
    "key_delete_sent": "key_delete",
    "webhook": "webhook",
}
_IS_SENT_AFTER = {"charge_sent", "cancel_sent", "key_delete_sent", "webhook"}
"""Lines that are written before their request; the others are written when it has been answered."""
_ANSWERS = {
    "charge_answered": "charge",
    "charge_unanswered": "charge",
    "charge_rejected": "charge",
    "cancel_unanswered": "cancel",
    "cancel_refused": "cancel",
}
_AT_JTNET = {"charge": "jtnet_charge", "cancel": "jtnet_cancel"}


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        line: who, whom, what.
        request: what was sent.
        reply: what was answered; the same exchange, or that of an earlier step.
        facts: what is known of it beside, as JSON.
        repeats: how often the same was done once more right after it.
    """

    line: Line
    request: Exchange | None = None
    reply: Exchange | None = None
    facts: dict[str, Any] | None = None
    repeats: int = 0


def steps_of(lines: Sequence[Line], record: Record | None) -> list[Step]:
    """Every step, in order.

    Args:
        lines: the payment's timeline.
        record: what the sandbox wrote down; None if it did not say.
    """
    if record is None:
        return [Step(line) for line in lines]
    free = [*record.requests, *record.webhooks]
    told = list(_in_order(_with_exchanges(lines, free)))
    closed_at = record.window[-1].at if record.window else None
    others = [*_in_window(record.window), *(_untold(one, closed_at) for one in free)]
    together = sorted([*told, *others], key=lambda step: step.line.at)
    return _fold([later for step in together for later in (step, *_at_jtnet(step))])


def _with_exchanges(lines: Sequence[Line], free: list[Exchange]) -> Iterator[Step]:
    """Each line with the request it speaks of, which is free for no other line then."""
    last: dict[str, Exchange | None] = {}
    for line in lines:
        operation = _SPEAKS_OF.get(line.name)
        if line.name in _ANSWERS:
            operation = _ANSWERS[line.name]
            yield Step(line, reply=_replay(free, operation, line) or last.get(operation))
        elif operation is None:
            yield Step(line)
        else:
            last[operation] = found = _take(free, operation, line)
            yield Step(line, request=found, reply=found)


def _replay(free: Sequence[Exchange], operation: str, line: Line) -> Exchange | None:
    """After a 401 the same is sent once more, of which the timeline says nothing; that answer is the one that counts."""
    near = (one for one in reversed(free) if operation_of(one) == operation and one.at <= line.at)
    return next((one for one in near if line.at - one.at < LONGEST_APART), None)


def _take(free: list[Exchange], operation: str, line: Line) -> Exchange | None:
    """The request a line speaks of: the next one of its kind, or the one before if the line was written afterwards."""
    near = [one for one in free if operation_of(one) == operation and abs(one.at - line.at) < LONGEST_APART]
    if line.name in _IS_SENT_AFTER:
        on_its_side = [one for one in near if one.at >= line.at]
    else:
        on_its_side = [one for one in reversed(near) if one.at <= line.at]
    found = next(iter(on_its_side or near), None)
    if found is not None:
        free.remove(found)
    return found


def operation_of(exchange: Exchange) -> str:
    """What was asked, by a name of ours."""
    if "://" in exchange.path:
        return "webhook"
    for name, method, path in _OPERATIONS:
        if exchange.method == method and path.fullmatch(exchange.path):
            return name
    return "other"


def _in_order(steps: Iterable[Step]) -> Iterator[Step]:
    """Timelines are in order. A look-up counts from when it was sent, but overtakes no line before it."""
    before: datetime | None = None
    for step in steps:
        sent_at = step.request.at if step.request and step.line.name not in _IS_SENT_AFTER else step.line.at
        at = max(before, min(sent_at, step.line.at)) if before else sent_at
        before = at
        yield replace(step, line=replace(step.line, at=at))


def _untold(exchange: Exchange, closed_at: datetime | None) -> Step:
    operation = operation_of(exchange)
    if operation == "webhook":
        if exchange.status:
            return _step(exchange.at, "webhook", "told", Lane.IAMPORT, Lane.SHOP, exchange=exchange)
        # It is written down with the payment, and would go out once the window is closed.
        at = max(exchange.at, closed_at or exchange.at)
        return _step(at, "webhook_lost", "told", Lane.IAMPORT, Lane.SHOP, exchange=exchange)
    return _step(exchange.at, operation, "asked", Lane.SHOP, Lane.IAMPORT, exchange=exchange)


def _in_window(steps: Sequence[WindowStep]) -> Iterator[Step]:
    """What happened between the browser, i'mport and JTNet while the window was open."""
    has_left = False
    for step in steps:
        if step.name in ("opened", "ended without a browser"):
            yield _step(step.at, "window_opened", "asked", Lane.BROWSER, Lane.IAMPORT)
        has_left = step.name == "cancel pressed" or step.facts.get("outcome") == "cancel" or has_left
        if step.name.endswith("pressed"):
            name = "window_left" if has_left else "window_paid"
            yield _step(step.at, name, "told", Lane.BROWSER, Lane.IAMPORT)
        elif step.name.startswith("ended"):
            yield from _ending(step, has_left=has_left)


def _ending(step: WindowStep, *, has_left: bool) -> Iterator[Step]:
    facts = step.facts
    if facts.get("imp_uid") and not has_left:
        yield _step(step.at, "jtnet_window", "asked", Lane.IAMPORT, Lane.JTNET, text=texts.outcome(facts.get("status")))
    is_lost = facts.get("is_lost") or facts.get("outcome") == "lose_callback"
    if is_lost or not (facts.get("callback") or facts.get("redirect")):
        yield _step(step.at, "window_silent", "told", Lane.IAMPORT, Lane.BROWSER)
    elif facts.get("redirect"):
        yield _step(
            step.at, "window_redirects", "told", Lane.IAMPORT, Lane.BROWSER, facts={"redirect": facts["redirect"]}
        )
    else:
        yield _step(step.at, "window_calls_back", "told", Lane.IAMPORT, Lane.BROWSER, facts=facts["callback"])


def _at_jtnet(step: Step) -> Iterator[Step]:
    """Money moves at JTNet, whom only i'mport asks; the shop knows by its answer, if that arrives."""
    name = _AT_JTNET.get(operation_of(step.request)) if step.request else None
    if step.request is None or name is None:
        return
    reply = _read(step.request.reply)
    payment = reply.get("response")
    if reply.get("code") == 0 and isinstance(payment, dict):
        text = texts.outcome(payment.get("status"))
    elif step.request.trouble and step.request.trouble.endswith(("after", "garbage")):
        text = texts.outcome(None)
    else:
        return
    yield _step(step.line.at, name, "asked", Lane.IAMPORT, Lane.JTNET, text=text)


def _fold(steps: Sequence[Step]) -> list[Step]:
    """The same question, asked again and again with the same answer and nothing between, is one step."""
    folded: list[Step] = []
    for step in steps:
        before = folded[-1] if folded else None
        if before is not None and _is_repeat(before, step):
            folded[-1] = replace(before, repeats=before.repeats + 1)
        else:
            folded.append(step)
    return folded


def _is_repeat(before: Step, step: Step) -> bool:
    one, other = before.request, step.request
    if one is None or other is None or step.line.name != operation_of(other) or other.method != "GET":
        return False
    return (one.path, one.status, one.reply) == (other.path, other.status, other.reply)


def _read(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _step(
    at: datetime,
    name: str,
    kind: str,
    begin: Lane,
    end: Lane,
    *,
    exchange: Exchange | None = None,
    facts: dict[str, Any] | None = None,
    text: str = "",
) -> Step:
    line = Line(at, kind, begin, end, texts.title(name), text, name)
    return Step(line, request=exchange, reply=exchange, facts=facts)
