"""Errors, for people and for programs: what happened, whether money moved, what to do next."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

from flask import Flask, jsonify, make_response, render_template, request
from flask_babel import format_timedelta, gettext
from flask_limiter import RateLimitExceeded
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from storefront.web import limits
from storefront.web.shop import wants_json

_SERVER_ERROR = 500
_MINUTE_S = 60


def init_app(app: Flask) -> None:
    """Answer every error of the application."""
    app.register_error_handler(HTTPException, answer)


def answer(error: HTTPException) -> Any:
    """A page, or `{"error": text}` for a program."""
    status = error.code or _SERVER_ERROR
    if status < 400:  # noqa: PLR2004 - a redirect of the router
        return error
    if isinstance(error, RateLimitExceeded):
        return _ask_to_wait()
    title, text = _texts(error, status)
    return explain(
        status, title, text, is_signed_out=isinstance(error, CSRFError) and not current_user.is_authenticated
    )


def _ask_to_wait() -> Any:
    """How long really, for people and in the header that programs read."""
    wait_s = limits.wait_s()
    # Nobody waits for 2,940 seconds: they wait for 49 minutes.
    wait = timedelta(seconds=wait_s if wait_s < 2 * _MINUTE_S else math.ceil(wait_s / _MINUTE_S) * _MINUTE_S)
    text = gettext("Wait %(time)s and try again.", time=format_timedelta(wait, granularity="second", threshold=2))
    answer = make_response(explain(429, gettext("Too many requests"), text))
    answer.headers["Retry-After"] = str(wait_s)
    return answer


def explain(status: int, title: str, text: str, *, is_signed_out: bool = False) -> Any:
    """An error's answer: a page with a title and a text, or the title alone for a program."""
    if wants_json() or request.path.startswith("/webhooks/") or request.path == "/payments/complete":
        return jsonify({"error": title}), status
    page = render_template("errors/error.html", status=status, title=title, text=text, is_signed_out=is_signed_out)
    return page, status


def _texts(error: HTTPException, status: int) -> tuple[str, str]:
    if isinstance(error, CSRFError):
        again = gettext("Go back, load the page again and send it once more.")
        if not current_user.is_authenticated:
            again = gettext("You may have been signed out meanwhile. Sign in, and send it once more.")
        return gettext("This form is not valid any more"), again
    texts = {
        400: (gettext("We could not read that"), gettext("Go back, check what you sent and try again.")),
        401: (gettext("Please sign in first"), gettext("Then come back to this page.")),
        403: (gettext("You cannot do that here"), gettext("Go back to the shop and try from there.")),
        404: (
            gettext("There is nothing here"),
            gettext("The address may have changed, or it may not be yours to see."),
        ),
        405: (gettext("That does not work this way"), gettext("Go back to the shop and try from there.")),
        409: (
            gettext("That has changed meanwhile"),
            gettext("Nothing was changed and nothing was charged. Look at your account page, and decide again."),
        ),
        413: (gettext("That was too much at once"), gettext("Send less and try again.")),
    }
    fallback = (
        gettext("Something went wrong on our side"),
        gettext(
            "If you were paying, your account page shows whether the payment went through. Do not pay again before."
        ),
    )
    return texts.get(status, fallback)
