"""In front of the REST operations: writes every call down, and lets faults do their work before or after it.

It is WSGI middleware, because a fault has to see the answer as bytes and may have to cut the connection.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, quote

from werkzeug.datastructures import Headers
from werkzeug.wsgi import get_content_length

from storefront.sandbox.books import history
from storefront.sandbox.books.faults import SPOILING, Fault
from storefront.sandbox.parts import Sandbox
from storefront.sandbox.rest.addresses import NOT_REST, asked_for, parts_of, put_slashes_aside
from storefront.sandbox.rest.envelope import DOCUMENT, RULE, WARNING
from storefront.sandbox.rest.operations import SLOW_S
from storefront.sandbox.wire.masking import masked, masked_query, masked_reply

LARGEST_BODY = 1024 * 1024
REST = re.compile(
    r"/(payments|subscribe|users|vbanks|kakao|payco|escrows|naver|receipts|banks|cards|codes|benepia|kcpquick|cvs|tiers"
    r"|paymentwall|promotions|partners)(/.*)?",
    re.DOTALL,
)
"""Where i'mport has operations, simulated or not."""
_CERTIFICATIONS = "/certifications"

_OPERATIONS = frozenset(
    [
        "payments",
        "customers",
        "again",
        "onetime",
        "schedule",
        "schedules",
        "unschedule",
        "prepare",
        "cancel",
        "find",
        "findAll",
        "status",
        "getToken",
        "pg",
        "paid",
        "all",
        "true",
    ]
)
"""Parts of addresses and queries that are nobody's id, and come with every other request."""

StartResponse = Callable[..., Any]
Wsgi = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

CUT = "sandbox.cut"
"""Where a server puts a function that cuts the connection of the request."""
FAULT = "X-Sandbox-Fault"
"""The header that tells a spoiled answer from one that i'mport might give."""


class Front:
    """Wraps the application."""

    def __init__(self, app: Wsgi, sandbox: Sandbox) -> None:
        self._app, self._sandbox = app, sandbox

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request; what is not REST passes through."""
        path = environ.get("PATH_INFO", "")
        if not (REST.fullmatch(path) or path.startswith(_CERTIFICATIONS)) or NOT_REST.fullmatch(path):
            return self._app(environ, start_response)
        began, at = time.monotonic(), self._sandbox.clock.now().timestamp()
        body = environ["wsgi.input"].read(min(get_content_length(environ) or 0, LARGEST_BODY))
        environ["wsgi.input"] = BytesIO(body)
        put_slashes_aside(environ)
        path = _text(path)
        fault = self._sandbox.faults.take(path, environ["REQUEST_METHOD"])
        if fault and fault.kind == "delay":
            time.sleep(fault.seconds)
        with self._sandbox.store.transaction():  # all that a request does, its line in the log included
            answer = self._answer(environ, fault)
            waits = environ.get(SLOW_S, 0.0) + (fault.seconds if fault and fault.kind == "delay_after" else 0.0)
            self._log(environ, path, body, answer, fault, at, (time.monotonic() - began + waits) * 1000)
        if waits:
            time.sleep(waits)
        self._sandbox.webhooks.deliver_first()
        answer = _spoiled(answer, fault)
        if fault and fault.kind in SPOILING:
            answer.headers.append((FAULT, fault.kind))
        if fault and fault.kind in ("cut_before", "cut_after") and CUT in environ:
            environ[CUT]()
        start_response(answer.status, answer.headers)
        return _Closing([answer.body], self._sandbox.webhooks.after_reply)

    def _answer(self, environ: dict[str, Any], fault: Fault | None) -> _Answer:
        kind = fault.kind if fault else ""
        if fault and kind == "error":
            return _Answer.error(fault.status)
        if kind == "cut_before":
            return _Answer.error(500)
        if kind == "unauthorized":
            self._sandbox.tokens.drop()
            return _Answer.json("401 UNAUTHORIZED", {"code": -1, "message": "Unauthorized", "response": None})
        return _run(self._app, environ)

    def _log(
        self,
        environ: dict[str, Any],
        path: str,
        body: bytes,
        answer: _Answer,
        fault: Fault | None,
        at: float,
        ms: float,
    ) -> None:
        seen = _spoiled(answer, fault)
        query, sent = masked_query(environ.get("QUERY_STRING", "")), masked(body, environ.get("CONTENT_TYPE", ""))
        reply = masked_reply(seen.body)
        request_id = self._sandbox.store.insert(
            "request",
            at=at,
            method=environ["REQUEST_METHOD"],
            path=path,
            target=_ascii(asked_for(environ)) or quote(path),
            query=query,
            body=sent,
            status=int(seen.status.split()[0]),
            code=_code(seen.body),
            fault=fault.kind if fault else None,
            ms=round(ms, 3),
            peer=f"{environ.get('REMOTE_ADDR', '')}:{environ.get('REMOTE_PORT', '')}",
            rule=seen.header(RULE) or seen.header(WARNING),
            document=seen.header(DOCUMENT),
            reply=reply,
        )
        # What the work has done counts, even if its answer was spoiled on the way.
        things = history.ids_in(sent) | history.ids_in(answer.body.decode("utf-8", "replace"))
        things |= {*parts_of(_text(environ["PATH_INFO"]))[2:], *(value for _, value in parse_qsl(query))} - _OPERATIONS
        history.mention(self._sandbox.store, "request", request_id, things)


class _Answer:
    """An answer on its way out."""

    def __init__(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    def header(self, name: str) -> str | None:
        return Headers(self.headers).get(name)

    @classmethod
    def json(cls, status: str, value: Any) -> _Answer:
        body = json.dumps(value).encode()
        headers = [("Content-Type", "application/json; charset=UTF-8"), ("Content-Length", str(len(body)))]
        return cls(status, headers, body)

    @classmethod
    def error(cls, status: int) -> _Answer:
        body = b"<html><body><h1>Something went wrong</h1></body></html>"
        headers = [("Content-Type", "text/html; charset=UTF-8"), ("Content-Length", str(len(body)))]
        return cls(f"{status} ERROR", headers, body)


class _Closing:
    """A body that calls a function once the server has sent it."""

    def __init__(self, chunks: list[bytes], then: Callable[[], None]) -> None:
        self._chunks, self._then = chunks, then

    def __iter__(self) -> Any:
        return iter(self._chunks)

    def close(self) -> None:
        self._then()


def _run(app: Wsgi, environ: dict[str, Any]) -> _Answer:
    """Let the application answer, to the last byte."""
    begun: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], _error: Any = None) -> None:
        begun[:] = status, headers

    chunks: Any = app(environ, start_response)
    try:
        body = b"".join(chunks)
    finally:
        chunks.close()
    status, headers = begun
    return _Answer(status, headers, body)


def _spoiled(answer: _Answer, fault: Fault | None) -> _Answer:
    """What a fault leaves of an answer."""
    kind = fault.kind if fault else ""
    if fault and kind == "error_after":
        return _Answer.error(fault.status)
    if kind == "garbage":
        body = b"<<<this is not JSON>>>"
        return _Answer("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))], body)
    if kind in ("cut_before", "cut_after"):
        # Announce more than there is: without a server that cuts, a client sees the body end too early.
        return _Answer("200 OK", [("Content-Type", "application/json"), ("Content-Length", "1000")], b'{"code"')
    return answer


def _code(body: bytes) -> int | None:
    found = re.search(rb'"code":\s*(-?[0-9]+)', body)
    return int(found[1]) if found else None


def _ascii(address: str) -> str:
    """An address as a shell may be told it: what some client left unescaped is escaped."""
    return quote(address, safe="/%:@!$&'()*+,;=~")


def _text(path: str) -> str:
    return path.encode("latin-1", "replace").decode("utf-8", "replace")
