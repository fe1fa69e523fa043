"""The access token: asked for once, shared by all threads, renewed before it runs out.

Source: operation `POST /users/getToken`. A token lives 30 minutes; asking again before that returns the same one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

RENEW_EARLY_S = 60
"""A token with less life than this is renewed before it is used, so that it does not run out on the way."""


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


class TokenKeeper:
    """Hands out one token to everybody.

    Args:
        fetch: asks i'mport for a token. What it raises reaches whoever asked for the token.
    """

    def __init__(self, fetch: Callable[[], AccessToken]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._token: AccessToken | None = None

    def get(self, *, instead_of: str | None = None) -> str:
        """A token to use now.

        Args:
            instead_of: a token that i'mport has just answered with 401; it will not be handed out again.

        Returns:
            The token's value. Many threads that lost the same token make one request for the next one.
        """
        with self._lock:
            token = self._token
            if token is None or not token.fresh or token.value == instead_of:
                # Forget first: if fetching fails, the next caller must not get the bad one.
                self._token = None
                token = self._token = self._fetch()
            return token.value
