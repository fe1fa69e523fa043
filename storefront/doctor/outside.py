"""The shop as the internet sees it: asked by its public address, from this machine."""

from __future__ import annotations

import socket
import ssl
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests

PATIENCE_S = 10.0


@dataclass(frozen=True)
class Reply:
    """What an address answered.

    Attributes:
        status: HTTP's.
        body: JSON, or None if it is none.
    """

    status: int
    body: Any


class Outside:
    """Asks. A test hands in another one."""

    def get(self, address: str) -> Reply:
        """GET an address.

        Raises:
            OSError: nobody answers there.
        """
        return self._ask("GET", address)

    def post(self, address: str, body: dict[str, str]) -> Reply:
        """POST JSON to an address, as i'mport does, without following a redirect.

        Raises:
            OSError: nobody answers there.
        """
        return self._ask("POST", address, json=body)

    def certificate_ends(self, address: str) -> datetime:
        """Until when the certificate of an https address holds.

        Raises:
            OSError: nobody answers, or with a certificate that nobody should trust (ssl.SSLError is one).
        """
        parts = urlsplit(address)
        host, port = str(parts.hostname), parts.port or 443
        context = ssl.create_default_context()
        with (
            closing(socket.create_connection((host, port), timeout=PATIENCE_S)) as plain,
            context.wrap_socket(plain, server_hostname=host) as wrapped,
        ):
            ends = str((wrapped.getpeercert() or {})["notAfter"])
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)

    def _ask(self, method: str, address: str, **options: Any) -> Reply:
        with requests.Session() as session:
            session.trust_env = False
            reply = session.request(method, address, timeout=PATIENCE_S, allow_redirects=False, **options)
        try:
            body = reply.json()
        except ValueError:
            body = None
        return Reply(reply.status_code, body)
