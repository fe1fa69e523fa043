"""Errors, for people and for programs: what happened, whether money moved, what to do next."""

from __future__ import annotations

from typing import Any

from flask import Flask, jsonify, render_template, request
from flask_babel import gettext
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from storefront.web.shop import wants_json

_SERVER_ERROR = 500


def init_app(app: Flask) -> None:
    """Answer every error of the application."""
    app.register_error_handler(HTTPException, answer)


def answer(error: HTTPException) -> Any:
    """A page, or `{"error": text}` for a program."""
    status = error.code or _SERVER_ERROR
    if status < 400:  # noqa: PLR2004 - a redirect of the router
        return error
    title, text = _texts(error, status)
    if wants_json() or request.path.startswith("/webhooks/") or request.path == "/payments/complete":
        return jsonify({"error": title}), status
    is_signed_out = isinstance(error, CSRFError) and not current_user.is_authenticated
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
        413: (gettext("That was too much at once"), gettext("Send less and try again.")),
        415: (gettext("We could not read that"), gettext("We read JSON and forms.")),
        429: (gettext("That was a bit too fast"), gettext("Wait a minute and try again.")),
    }
    fallback = (
        gettext("Something went wrong on our side"),
        gettext(
            "If you were paying, your account page shows whether the payment went through. Do not pay again before."
        ),
    )
    return texts.get(status, fallback)
