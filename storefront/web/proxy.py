"""Who asks, when a reverse proxy stands in front: its word is taken if the settings name it, and nobody else's."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_WITH_PORT = re.compile(r"\[(.+)\](?::\d+)?|([\d.]+):\d+")


def init_app(app: Flask) -> None:
    """Believe the proxy of the settings, whatever server runs the shop."""
    proxy = app.extensions["settings"].trusted_proxy
    if proxy:
        app.wsgi_app = BehindProxy(app.wsgi_app, proxy)  # type: ignore[method-assign]


class BehindProxy:
    """Replaces a proxy's address with the one for whom it asks: the last of `X-Forwarded-For`, which is what it added."""

    def __init__(self, app: WSGIApplication, proxy: str) -> None:
        self._app, self._proxy = app, proxy

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request."""
        if environ.get("REMOTE_ADDR") == self._proxy:
            asking = _address(environ.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip())
            environ["REMOTE_ADDR"] = asking or self._proxy
        return self._app(environ, start_response)


def _address(text: str) -> str | None:
    """An address, which some proxies write with a port; None for anything else."""
    with_port = _WITH_PORT.fullmatch(text)
    try:
        return str(ipaddress.ip_address((with_port[1] or with_port[2]) if with_port else text))
    except ValueError:
        return None
