"""Addresses: which are no operations, and the ids within the others, to which an escaped slash belongs.

WSGI hands an address over with its escapes undone, and so the two look alike; the address as it came is still there.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote_to_bytes

from werkzeug.routing import UnicodeConverter

NOT_REST = re.compile(r"/payments/(ready|open|window|fail)(/.*)?|/users/pg/.+", re.DOTALL)
"""Pages and scripts of the service host, at addresses beside the operations."""
_ASIDE = "\ue02f"
"""Stands for an escaped slash until the address has been taken apart; no character of anybody's."""
_ESCAPED_SLASH = re.compile("%2f", re.IGNORECASE)


class IdConverter(UnicodeConverter):
    """An id in an address, `<id:…>`, with its own slashes."""

    def to_python(self, value: str) -> str:
        """The id as it was accepted."""
        return value.replace(_ASIDE, "/")


def asked_for(environ: dict[str, Any]) -> str:
    """The path of a request as it came, its escapes still in it; empty when the server does not tell."""
    return re.sub(r"^[a-z]+://[^/]*", "", environ.get("REQUEST_URI", ""), flags=re.IGNORECASE).partition("?")[0]


def parts_of(path: str) -> list[str]:
    """The parts between a path's slashes, each with its own slashes back; after `put_slashes_aside`."""
    return [part.replace(_ASIDE, "/") for part in path.split("/")]


def put_slashes_aside(environ: dict[str, Any]) -> None:
    """Let the escaped slashes of a request not take part in finding its operation."""
    asked = asked_for(environ)
    if _ESCAPED_SLASH.search(asked):
        aside = "".join(f"%{byte:02X}" for byte in _ASIDE.encode())
        environ["PATH_INFO"] = unquote_to_bytes(_ESCAPED_SLASH.sub(aside, asked)).decode("latin-1")
