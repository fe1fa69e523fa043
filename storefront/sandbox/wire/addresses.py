"""Addresses that clients name: which of them are web addresses, and which of those are on this machine."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

import requests


def web_address(text: str) -> SplitResult | None:
    """The parts of an http(s) address, or None: what a client calls an address need not be one."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and parts.hostname and text.isprintable() else None


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine, read as it is when it is asked: no second opinion about its host."""
    try:
        asked = urlsplit(str(requests.Request("POST", url).prepare().url))
        host = asked.hostname or ""
        return asked.scheme in ("http", "https") and (host == "localhost" or ipaddress.ip_address(host).is_loopback)
    except ValueError:  # requests' complaints about addresses are ValueErrors too
        return False
