"""The line to i'mport that everybody shares: its token, its envelope, and the restraint of those who use it."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from storefront.clock import Clock
from storefront.iamport.deadline import Deadline
from storefront.iamport.errors import NotAskedError, NotFoundError, RejectedError, SilenceError, UnauthorizedError
from storefront.iamport.restraint import FAIR_S, Breaker, Bulkhead
from storefront.iamport.token import AccessToken, TokenKeeper
from storefront.iamport.transport import Answer, Transport

_OK, _BAD_REQUEST, _UNAUTHORIZED, _NOT_FOUND = 200, 400, 401, 404


@dataclass(frozen=True)
class Request:
    """What is asked of i'mport."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None

    @property
    def operation(self) -> str:
        """Its name in messages; without the query, which is nobody's business."""
        return f"{self.method} {self.path}"


class Line:
    """The line for one pair of keys.

    Args:
        transport: carries requests.
        credentials: what getToken wants; they are sent there and appear nowhere else.
        clock: our own time, to compare i'mport's with.
        breaker: knows whether asking is worth it.
    """

    def __init__(self, transport: Transport, credentials: dict[str, Any], clock: Clock, breaker: Breaker) -> None:
        self.bulkhead = Bulkhead()
        self.clock_offset = timedelta(0)
        self._transport, self._credentials, self._clock, self._breaker = transport, credentials, clock, breaker
        self._tokens = TokenKeeper(self._fetch_token)

    def call(self, request: Request, deadline: Deadline, *, in_a_place: bool, insists: bool) -> Any:
        """Make a call and unwrap its envelope, with one replay after a 401, which comes before any work.

        Args:
            request: what is asked.
            deadline: until when, with everything that belongs to it.
            in_a_place: whether the caller is one of those who serve, of whom not all may wait.
            insists: whether to try although i'mport is believed to be silent.

        Raises:
            NotAskedError: it was not sent.
            SilenceError: no usable answer.
            RejectedError: i'mport said no.
        """
        if deadline.is_over:
            raise NotAskedError(request.operation, "no time left")
        if not self._breaker.lets_through() and not insists:
            raise NotAskedError(request.operation, "silent for a while")
        had_s = deadline.left_s
        try:
            with self.bulkhead.place(deadline) if in_a_place else nullcontext():
                response = self._call(request, deadline)
        except (RejectedError, NotFoundError):
            self._breaker.heard()
            raise
        except NotAskedError:
            raise
        except SilenceError:
            if had_s >= FAIR_S or not deadline.is_over:
                self._breaker.missed()
            raise
        self._breaker.heard()
        return response

    def sign_in(self, deadline: Deadline) -> None:
        """Have a token, and know i'mport's time with it.

        Raises:
            SilenceError: there is none.
        """
        self._tokens.get(deadline)

    def _call(self, request: Request, deadline: Deadline) -> Any:
        token = self._tokens.get(deadline)
        answer = self._send(request, deadline, token)
        if answer.status == _UNAUTHORIZED:
            answer = self._send(request, deadline, self._tokens.get(deadline, instead_of=token))
        return unwrap(request.operation, answer)

    def _send(self, request: Request, deadline: Deadline, token: str | None = None) -> Answer:
        return self._transport.send(
            request.method, request.path, deadline, query=request.query, body=request.body, token=token
        )

    def _fetch_token(self, deadline: Deadline) -> AccessToken:
        request = Request("POST", "/users/getToken", body=self._credentials)
        asked_at = self._clock.now()
        try:
            answer = unwrap(request.operation, self._send(request, deadline))
        except RejectedError as refused:
            # Without a token nothing is asked, so this must not look like a refusal of what was to be asked.
            raise UnauthorizedError(request.operation, f"code {refused.code}") from None
        try:
            now = float(answer["now"])
            token = AccessToken.issued(str(answer["access_token"]), float(answer["expired_at"]) - now)
            self._compare_clocks(datetime.fromtimestamp(now, UTC), asked_at)
        except (KeyError, TypeError, ValueError, OverflowError, OSError) as unreadable:
            raise SilenceError(request.operation, "no token in it") from unreadable
        return token

    def _compare_clocks(self, theirs: datetime, asked_at: datetime) -> None:
        """Take over what i'mport's clock showed (in whole seconds) at some moment between asking and now."""
        way = self._clock.now() - asked_at
        offset = theirs - asked_at - way / 2
        is_certain = abs(offset) > timedelta(seconds=1) + way
        self.clock_offset = offset if is_certain else timedelta(0)


def unwrap(operation: str, answer: Answer) -> Any:
    """The `response` part of i'mport's envelope `{code, message, response}`."""
    if answer.status == _UNAUTHORIZED:
        raise UnauthorizedError(operation, "HTTP 401")
    if answer.status == _NOT_FOUND:
        _envelope(operation, answer)  # a 404 of something that is not i'mport is no answer of i'mport's
        raise NotFoundError(operation, "HTTP 404")
    if answer.status not in (_OK, _BAD_REQUEST):
        raise SilenceError(operation, f"HTTP {answer.status}")
    envelope = _envelope(operation, answer)
    if envelope["code"] != 0:
        message = envelope.get("message")
        raise RejectedError(operation, envelope["code"], message[:500] if isinstance(message, str) else "")
    if answer.status != _OK:
        raise SilenceError(operation, f"HTTP {answer.status}")
    return envelope.get("response")


def _envelope(operation: str, answer: Answer) -> dict[str, Any]:
    try:
        envelope = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise SilenceError(operation, "not JSON") from None
    if not isinstance(envelope, dict) or type(envelope.get("code")) is not int:
        raise SilenceError(operation, "no envelope")
    return envelope
