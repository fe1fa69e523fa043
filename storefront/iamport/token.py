"""The access token: asked for once, shared by all threads, renewed before it runs out.

Source: operation `POST /users/getToken`. A token lives 30 minutes; asking again before that returns the same one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from storefront.iamport.deadline import Deadline
from storefront.iamport.errors import NotAskedError

RENEW_EARLY_S = 60
"""A token with less life than this is renewed before it is used, so that it does not run out on the way."""
PATIENCE_S = 2.0
"""Whoever comes this long after a request for a token was begun makes a new one rather than wait for that one."""


@dataclass(frozen=True)
class AccessToken:
    """A token and the moment, on our own monotonic clock, after which it is not used any more."""

    value: str
    renew_at: float

    @classmethod
    def issued(cls, value: str, lifetime_s: float) -> AccessToken:
        """A token that i'mport says lives `lifetime_s` more seconds (`expired_at − now`, both by i'mport's clock)."""
        return cls(value, time.monotonic() + max(lifetime_s - RENEW_EARLY_S, 0))

    @property
    def fresh(self) -> bool:
        """Whether it may still be used."""
        return time.monotonic() < self.renew_at


@dataclass(frozen=True)
class _Flight:
    """One request for a token, made by one and awaited by many."""

    deadline: Deadline
    patience: Deadline = field(default_factory=lambda: Deadline.within(PATIENCE_S))
    outcome: Future[AccessToken] = field(default_factory=Future)


class TokenKeeper:
    """Hands out one token to everybody.

    Args:
        fetch: asks i'mport for a token, before a deadline. What it raises reaches everybody who waited for it.
    """

    def __init__(self, fetch: Callable[[Deadline], AccessToken]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._token: AccessToken | None = None
        self._flight: _Flight | None = None

    def get(self, deadline: Deadline, *, instead_of: str | None = None) -> str:
        """A token to use now.

        Args:
            deadline: how long the caller waits; it is nobody else's.
            instead_of: a token that i'mport has just answered with 401; it will not be handed out again.

        Returns:
            The token's value. Many threads that need one at once make one request for it.

        Raises:
            SilenceError: there is none.
        """
        while True:
            with self._lock:
                token = self._token
                if token is not None and token.fresh and token.value != instead_of:
                    return token.value
                flight, leads = self._join(deadline)
            if leads:
                return self._lead(flight).value
            try:
                return flight.outcome.result(timeout=deadline.left_s).value
            except TimeoutError:
                raise NotAskedError("POST /users/getToken", "no token yet") from None
            except Exception:
                # Its maker had less time than we have; whatever else ended it would end ours.
                if flight.deadline.is_over and not deadline.is_over:
                    continue
                raise

    def _join(self, deadline: Deadline) -> tuple[_Flight, bool]:
        """The request that is under way, or a new one; whether it is the caller's to make."""
        if self._flight is not None and not self._flight.patience.is_over:
            return self._flight, False
        # Forget first: if fetching fails, the next caller must not get the bad one.
        self._token = None
        self._flight = _Flight(deadline)
        return self._flight, True

    def _lead(self, flight: _Flight) -> AccessToken:
        try:
            token = self._fetch(flight.deadline)
        except BaseException as error:
            self._land(flight, None)
            flight.outcome.set_exception(error)
            raise
        self._land(flight, token)
        flight.outcome.set_result(token)
        return token

    def _land(self, flight: _Flight, token: AccessToken | None) -> None:
        with self._lock:
            self._token = token or self._token
            if self._flight is flight:
                self._flight = None
