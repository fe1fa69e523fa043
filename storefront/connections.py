"""The shop's connections: how many there may be, and which are closed so that the others are served.

waitress hands a request to a thread only once it is there as a whole, so idle and dripping connections hold no thread.
But they hold a place among the open files, and by itself it would let a hundred of them keep everybody else out.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError

if sys.platform != "win32":
    import resource

MOST = 1000
"""How many connections may be open, if the system lets the process have so many files."""
IDLE_S = 60
"""An idle connection is kept this long; browsers open another one when they need it."""
REQUEST_S = 15
"""A request has to be here this long after it began: a form takes a moment on the slowest phone."""
LOOK_EVERY_S = 1
"""How often that is looked at."""

_FILES_FOR_THE_REST = 256
"""Databases, calls to i'mport, templates."""


def limit() -> int:
    """How many connections this process may hold open. Raises its own limit of open files as far as it may."""
    if sys.platform == "win32":
        return MOST
    wanted = MOST + _FILES_FOR_THE_REST
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return MOST if soft == resource.RLIM_INFINITY else min(MOST, max(soft - _FILES_FOR_THE_REST, soft // 2))


class _StrictParser(HTTPRequestParser):
    """Takes no request that says its length in two ways: a proxy in front may believe the other one."""

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        if "CONTENT_LENGTH" in self.headers and (self.chunked or "TRANSFER_ENCODING" in self.headers):
            raise ParsingError("Content-Length and Transfer-Encoding")


class Channel(HTTPChannel):
    """A connection that knows since when it keeps us waiting."""

    parser_class = _StrictParser
    _began = 0.0

    @property
    def waits_since(self) -> float:
        """When its unfinished request began, or its last one ended; UNIX seconds."""
        return self._began if self.request is not None else self.last_activity

    def received(self, data: bytes) -> bool:
        """Take what has arrived."""
        if self.request is None:
            self._began = time.time()
        return bool(super().received(data))


def tidy(server: Any, now: float) -> None:
    """Close the connections that have kept us waiting too long; when places run short, the longest waiting ones.

    Args:
        server: waitress's server.
        now: UNIX seconds.
    """
    waiting = [channel for channel in server.active_channels.values() if not channel.requests]
    waiting.sort(key=lambda channel: channel.waits_since)
    most = server.adj.connection_limit
    surplus = len(server.active_channels) - most // 2 if len(server.active_channels) > most * 3 // 4 else 0
    for position, channel in enumerate(waiting):
        patience_s = IDLE_S if channel.request is None else REQUEST_S
        if position < surplus or channel.waits_since < now - patience_s:
            channel.will_close = True
