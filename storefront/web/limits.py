"""Throttling: signing in, signing up, checking out, charging, and asking for orders that are not there."""

from __future__ import annotations

from flask import Flask, Response, g
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address


def count_as_guess() -> None:
    """Called when an order was asked for that is not there, by a view that must not say so."""
    g.was_a_guess = True


def _was_a_guess(response: Response) -> bool:
    return response.status_code == 404 or bool(g.get("was_a_guess"))  # noqa: PLR2004


limiter = Limiter(get_remote_address, storage_uri="memory://", strategy="moving-window")

SIGN_IN = limiter.shared_limit("10 per minute; 100 per hour", scope="sign-in", methods=["POST"])
PAY = limiter.shared_limit("20 per minute; 200 per hour", scope="pay", methods=["POST"])
LOOK_UP = limiter.shared_limit("30 per minute", scope="look-up", deduct_when=_was_a_guess)


def init_app(app: Flask) -> None:
    """Throttle the application, unless the settings say not to."""
    app.config["RATELIMIT_ENABLED"] = app.extensions["settings"].rate_limits
    limiter.init_app(app)
