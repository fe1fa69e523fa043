"""The way back: the address a phone returns to, with the answer in its query.

The address is the shop's own affair: a path, a query, a fragment that a router in the page reads, an app's own scheme.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

_RUN_OR_READ = ("javascript", "data", "vbscript", "file", "blob", "about", "view-source")
"""What a browser would run, or read on its own machine."""
_SOURCE = re.compile(r"[A-Za-z0-9.+\-\[\]:]+")


def way_back(target: object, page: str | None = None) -> str | None:
    """The address to return to, or None if there is none.

    Args:
        target: what the page gave as `m_redirect_url`.
        page: the address of that page, which a relative one begins from; without it a relative one stays as it is.
    """
    if not isinstance(target, str) or not target.isprintable() or "\\" in target or not target:
        return None
    try:
        address = target if urlsplit(target).scheme or not page else urljoin(page, target)
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme in ("http", "https"):
        return address if host else None
    if parts.scheme:
        return address if f"{parts.scheme}://" in address.lower() and parts.scheme not in _RUN_OR_READ else None
    return None if address.startswith("//") else address


def with_answer(address: str, answer: Mapping[str, Any]) -> str:
    """An address whose query also says how it went.

    It is taken apart where RFC 3986 says, at the first `#` and the first `?` before it: the library would lose the empty
    host of `app:///result`.
    """
    before, sharp, fragment = address.partition("#")
    path, _, query = before.partition("?")
    whole = "&".join(part for part in (query.rstrip("&"), urlencode(answer)) if part)
    return f"{path}?{whole}{sharp}{fragment}"


def source_of(address: str | None) -> str | None:
    """How a Content-Security-Policy names where an address leads: its origin, or an app's scheme; None for neither."""
    parts = urlsplit(address or "")
    source = f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else f"{parts.scheme}:"
    is_named = parts.scheme and _SOURCE.fullmatch(source.replace("//", ""))
    return source if is_named else None
