"""The names the shop answers to: its public one, and those of the address it listens on.

A page of a stranger's may let its own name point here ("DNS rebinding"): to the browser the shop is then that page's
own, and everything it says can be read and posted. The name stands in the `Host` header, so that is where it is refused.
Flask's `TRUSTED_HOSTS` does the same and cannot name an IPv6 address, nor let a load balancer ask for `/healthz` by any.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Flask, Response, abort, jsonify, redirect, request
from flask_babel import gettext

from storefront.config import Settings
from storefront.web.shop import settings, wants_json

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PROBED = ("health.alive", "health.ready")
_USUAL_PORTS = (80, 443)

Place = tuple[str, int | None]


def init_app(app: Flask) -> None:
    """Answer under the shop's own names only; before anything else has looked at the request."""
    app.before_request(_door(app.extensions["settings"]))


def _door(settings: Settings) -> Callable[[], Response | None]:
    public = _place(urlsplit(settings.public_url).netloc)
    own = {*_LOOPBACK, public[0], settings.bound_host}

    def keep_to_own_names() -> Response | None:
        try:
            asked = _place(request.host)
        except ValueError:  # no port of this world, or no name
            return _refusal()
        if asked == public:
            return None
        if asked[0] not in own:
            return None if request.endpoint in _PROBED and _is_no_name(asked[0]) else _refusal()
        return _to_public_name()

    return keep_to_own_names


def _place(netloc: str) -> Place:
    """Name and port as they are compared: small letters as in DNS, and no port where it is the scheme's own."""
    parts = urlsplit(f"//{netloc.lower()}")
    name = parts.hostname or ""
    return name if name.isascii() else name.encode("idna").decode(), None if parts.port in _USUAL_PORTS else parts.port


def _is_no_name(host: str) -> bool:
    """Whether nobody can have made this name point here: an address, or no `Host` at all, as some load balancers ask."""
    try:
        return not host or bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def _to_public_name() -> Response | None:
    """A browser goes to the public address: cookies are shared by all ports of a host, and the sandbox is on `localhost`."""
    if request.method not in ("GET", "HEAD") or request.endpoint in (*_PROBED, "webhooks.receive"):
        return None
    if any(sign in request.path for sign in "\r\n"):
        abort(404)  # no header takes it, and no page has such an address
    return redirect(settings().public_url + request.full_path.rstrip("?"), 302)  # type: ignore[return-value]


def _refusal() -> Response:
    text = gettext(
        "This shop does not answer under this name. It is at %(address)s. Nothing has been charged.",
        address=settings().public_url,
    )
    answer = (
        jsonify({"error": text}) if wants_json() else Response(text + "\n", content_type="text/plain; charset=utf-8")
    )
    answer.status_code = 400
    return answer
