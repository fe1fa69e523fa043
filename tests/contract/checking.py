"""Holds every reply against the contract while the tests run, and counts what it has seen.

A reply that breaks the contract fails the test in which it came, whatever the test was about.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import requests

from storefront.sandbox.rest.table import ELSEWHERE, OPERATIONS, Operation, operation_of
from storefront.sandbox.wire.kinds import Null, Number, Object, Text
from tests.contract import official

FAULT = "X-Sandbox-Fault"
"""Marks what a fault has left of a reply: that is no promise of i'mport's."""
_REFUSAL = Object({"code": Number(whole=True), "message": Text(), "response": Null()})


class Contract:
    """What has been seen so far.

    Attributes:
        seen: how many replies of each operation were checked.
        broken: what was wrong with them, in the order they came.
    """

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.broken: list[str] = []
        self._lock = threading.Lock()

    def see(self, response: requests.Response, *_arguments: Any, lenient: bool = False, **_options: Any) -> None:
        """Check the reply of a REST operation; anything else is let through. A hook of `requests`."""
        method, path = str(response.request.method), urlsplit(str(response.request.url)).path
        operation = operation_of(method, path)
        if operation is None or FAULT in response.headers:
            return
        found = list(problems(operation, response, lenient=lenient))
        with self._lock:
            if operation is not ELSEWHERE:
                self.seen[operation.name] += 1
            self.broken += [f"{method} {path} -> HTTP {response.status_code}: {problem}" for problem in found]

    def see_leniently(self, response: requests.Response, *_arguments: Any, **_options: Any) -> None:
        """The same for the service itself, whose objects may gain fields."""
        self.see(response, lenient=True)

    def take_broken(self) -> list[str]:
        """What was wrong since the last time somebody asked."""
        with self._lock:
            broken, self.broken = self.broken, []
        return broken

    def summary(self) -> str:
        """One line for the end of the run."""
        beside = " and against the official description" if official.IS_THERE else ""
        return (
            f"contract: {self.seen.total():,} replies of {len(self.seen)} operations checked against our table{beside}"
        )


def problems(operation: Operation, response: requests.Response, *, lenient: bool = False) -> Iterator[str]:
    """What is wrong with a reply."""
    if not lenient and response.headers.get("Content-Type") != "application/json; charset=UTF-8":
        yield f"its type is {response.headers.get('Content-Type')}"
    if response.status_code not in operation.statuses:
        yield f"the status is none of {operation.statuses}"
    try:
        body = response.json()
    except ValueError:
        yield "it is no JSON"
        return
    yield from of_body(operation, response.status_code, body, lenient=lenient)
    if official.IS_THERE and operation in OPERATIONS:
        problem = official.problem(operation.method, operation.path, response.status_code, body)
        if problem:
            yield f"official description: {problem}"


def of_body(operation: Operation, status: int, body: Any, *, lenient: bool = False) -> Iterator[str]:
    """What our table says is wrong with an envelope."""
    if not isinstance(body, dict) or body.get("code") != 0:
        yield from _REFUSAL.problems(body, "envelope", lenient=lenient)
    elif status not in (200, 207):
        yield "code 0 is for success"
    elif operation.response is None:
        yield "this operation never succeeds"
    else:
        yield from operation.response.problems(body.get("response"), "response", lenient=lenient)
        unknown = body.keys() - {"code", "message", "response"}
        if not lenient and (unknown or body.get("message", "") is not None):
            yield f"a successful envelope has no message and nothing else, not {sorted(unknown)}"


CONTRACT = Contract()
