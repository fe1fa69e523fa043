"""Access tokens: half an hour each, the same one for everybody who asks meanwhile.

Source: operation `POST /users/getToken` and its description of reuse and renewal.
"""

from __future__ import annotations

import hmac
import secrets

from flask import Request

from storefront.sandbox.books.clock import MovableClock
from storefront.sandbox.books.store import Store
from storefront.sandbox.settings import SandboxSettings
from storefront.sandbox.wire.parameters import Parameters
from storefront.sandbox.wire.refusals import MISSING_KEYS, UNAUTHORIZED, WRONG_KEYS, Refusal

LIFETIME_S = 1800
NEARLY_OVER_S = 60
EXTENSION_S = 300


class Tokens:
    """Issues tokens and recognises them in every form clients have ever sent them."""

    def __init__(self, settings: SandboxSettings, store: Store, clock: MovableClock) -> None:
        self._settings, self._store, self._clock = settings, store, clock

    def issue(self, parameters: Parameters) -> dict[str, object]:
        """The token for a pair of keys: `{access_token, now, expired_at}`.

        Raises:
            Refusal: HTTP 400 if a key is missing, 401 if the pair is wrong.
        """
        key, secret = parameters.text("imp_key", 200), parameters.text("imp_secret", 400)
        if key is None or secret is None:
            raise Refusal(MISSING_KEYS, code=-1, status=400, rule="imp_key and imp_secret are required")
        right = _same(key, self._settings.key) & _same(secret, self._settings.secret)
        if not right:
            raise Refusal(WRONG_KEYS, code=-1, status=401, rule="the pair of keys is another merchant's")
        now = self._clock.seconds()
        with self._store.transaction() as store:
            row = store.one("SELECT value, expired_at FROM token WHERE expired_at > ?", now)
            if row is None:
                value, expired_at = secrets.token_hex(20), now + LIFETIME_S
                store.write("DELETE FROM token")
                store.insert("token", value=value, expired_at=expired_at)
            else:
                value, expired_at = row["value"], row["expired_at"]
                if expired_at - now < NEARLY_OVER_S:
                    expired_at += EXTENSION_S
                    store.write("UPDATE token SET expired_at = ?", expired_at)
        return {"access_token": value, "now": now, "expired_at": expired_at}

    def check(self, request: Request) -> None:
        """Let a request with a token in.

        Raises:
            Refusal: HTTP 401.
        """
        value = presented(request)
        row = self._store.one("SELECT expired_at FROM token WHERE value = ?", value) if value else None
        if row is None or row["expired_at"] <= self._clock.seconds():
            raise Refusal(UNAUTHORIZED, code=-1, status=401, rule="a token of getToken is required")

    def drop(self) -> None:
        """Forget the token, as if it had run out."""
        self._store.write("DELETE FROM token")


def presented(request: Request) -> str | None:
    """The token of a request. The Authorization header wins, with or without `Bearer`; then the older ways."""
    header = request.headers.get("Authorization")
    if header:
        return header.removeprefix("Bearer ").strip()
    return request.headers.get("X-ImpTokenHeader") or request.args.get("_token")


def _same(given: str, own: str) -> bool:
    return hmac.compare_digest(given.encode(), own.encode())
