"""Locks on the doors: CSRF tokens, headers and the Content-Security-Policy."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from flask import Flask, Response, g, request
from flask_wtf.csrf import CSRFProtect

from storefront import logs
from storefront.web import hosts
from storefront.web.shop import settings

csrf = CSRFProtect()

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


def init_app(app: Flask) -> None:
    """Lock the application."""
    app.before_request(_name_the_request)
    hosts.init_app(app)
    csrf.init_app(app)
    app.after_request(_add_headers)


def let_payment_window_in() -> None:
    """Called by the one page that opens the payment window: the SDK may run and show its frame there."""
    g.opens_payment_window = True


def own_path(address: str | None) -> str | None:
    """A path on this shop out of a `next` parameter, or None: nobody is sent elsewhere from here."""
    if not address or not address.startswith("/") or address.startswith(("//", "/\\")):
        return None
    parts = urlsplit(address)
    return address if not parts.scheme and not parts.netloc and address.isprintable() and "\\" not in address else None


def _name_the_request() -> None:
    """A name that the log and the answer share; a proxy in front may have given one."""
    given = request.headers.get("X-Request-Id", "")
    logs.request_id.set(given if _REQUEST_ID.fullmatch(given) else logs.new_request_id())


def _add_headers(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", _policy(opens_window=g.get("opens_payment_window", False)))
    response.headers.setdefault("X-Request-Id", logs.request_id.get())
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("X-Frame-Options", "DENY")
    # Pages that others open share nothing with their opener; a payment window that opens a popup has to hear from it.
    opener = "same-origin-allow-popups" if g.get("opens_payment_window") else "same-origin"
    response.headers.setdefault("Cross-Origin-Opener-Policy", opener)
    response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    # Over https Flask-WTF compares the Referer, so it is sent within the shop and nowhere else.
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
    if settings().public_url.startswith("https://"):
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _policy(*, opens_window: bool) -> str:
    """Strict everywhere; the pay page also lets the SDK in.

    The real SDK writes styles into the page and submits forms to the payment gateway, whose addresses are not
    published (assumed), so there its page is looser. The sandbox's SDK needs none of that.
    """
    script, style, frame, form = "'self'", "'self'", "'none'", "'self'"
    if opens_window:
        shop = settings()
        sdk = urlsplit(shop.imp_sdk_url)
        origin = f"{sdk.scheme}://{sdk.netloc}"
        script, frame = f"'self' {origin}", origin
        if not shop.beside_sandbox:
            script, frame = f"{script} https://*.iamport.kr https://*.iamport.co", "https:"
            style, form = "'self' 'unsafe-inline'", "'self' https:"
    return (
        f"default-src 'none'; script-src {script}; style-src {style}; img-src 'self' data:; font-src 'self'; "
        f"connect-src 'self'; frame-src {frame}; form-action {form}; base-uri 'none'; frame-ancestors 'none'"
    )
