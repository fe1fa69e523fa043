"""Throttling: signing in, signing up, checking out, charging, and asking for orders that are not there.

Counts are kept by this process, or in a Redis that all processes share. While that is down each counts for itself, which
is better than no shop and better than no throttle.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
import time
from typing import Any

from flask import Flask, Response, g, request
from flask_limiter import Limiter, RouteLimit
from flask_login import current_user
from limits import parse_many

from storefront.config import Settings
from storefront.web.typed import plain_email

_AT_MOST = {
    "sign-in": "10 per minute; 100 per hour",
    "account": "10 per minute; 100 per hour",
    "pay": "20 per minute; 200 per hour",
    "look-up": "30 per minute",
}
"""By scope. Whoever guesses at one account from many addresses can keep its owner out for as long as they go on: the
price of not letting them try millions."""

REDIS_PATIENCE_S = 0.5
"""A page does not wait longer for a count; then Redis is taken to be down, and asked again ever more seldom."""


def count_as_guess() -> None:
    """Called when an order was asked for that is not there, by a view that must not say so."""
    g.was_a_guess = True


def wait_s() -> int:
    """How many seconds whoever has just been refused has to wait, whichever limit of those they ran into is the longest."""
    breached = limiter.current_limit
    if breached is None:
        return 1
    key, scope = breached.request_args
    windows = (limiter.limiter.get_window_stats(limit, key, scope) for limit in parse_many(_AT_MOST[scope]))
    free_again = max((window.reset_time for window in windows if window.remaining == 0), default=0.0)
    return max(1, math.floor(free_again - time.time()) + 1)  # what is just as old as the window still counts


def _was_a_guess(response: Response) -> bool:
    return response.status_code == 404 or bool(g.get("was_a_guess"))  # noqa: PLR2004


def _address() -> str:
    """Who asks. One customer of an internet provider has a whole /64 of IPv6, and counts once."""
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return "nobody"  # a server behind a socket of the file system
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))


def _account_named() -> str:
    """The account that somebody tries to sign in to, spelled as it is looked up; hashed, for Redis need not know it."""
    return _hash(plain_email(request.form.get("email")) or "")


def _account_signed_in() -> str:
    return _hash(current_user.email) if current_user.is_authenticated else _address()


def _hash(email: str) -> str:
    return hashlib.sha256(email.lower().encode(errors="replace")).hexdigest()


def _limit(scope: str, **options: Any) -> RouteLimit:
    return limiter.shared_limit(_AT_MOST[scope], scope=scope, **options)


# What counts without a Redis goes on when it fails in the middle of a request, too.
limiter = Limiter(_address, strategy="moving-window", in_memory_fallback_enabled=True, swallow_errors=True)

SIGN_IN = _limit("sign-in", methods=["POST"])
ACCOUNT_NAMED = _limit("account", methods=["POST"], key_func=_account_named)
ACCOUNT_SIGNED_IN = _limit("account", methods=["POST"], key_func=_account_signed_in)
PAY = _limit("pay", methods=["POST"])
LOOK_UP = _limit("look-up", deduct_when=_was_a_guess)


def init_app(app: Flask) -> None:
    """Throttle the application, unless the settings say not to."""
    settings: Settings = app.extensions["settings"]
    app.config["RATELIMIT_ENABLED"] = settings.rate_limits
    app.config["RATELIMIT_STORAGE_URI"] = settings.rate_limit_storage
    if not settings.rate_limit_storage.startswith("memory:"):
        app.config["RATELIMIT_STORAGE_OPTIONS"] = _without_waiting()
    limiter.init_app(app)


def _without_waiting() -> dict[str, Any]:
    from redis.backoff import NoBackoff  # noqa: PLC0415 - an extra, which not every shop needs
    from redis.retry import Retry  # noqa: PLC0415

    return {
        "socket_connect_timeout": REDIS_PATIENCE_S,
        "socket_timeout": REDIS_PATIENCE_S,
        "retry": Retry(NoBackoff(), 0),
    }
