"""Serving: one or two WSGI applications from one process, ended cleanly by Ctrl-C and by SIGTERM."""

from __future__ import annotations

import gc
import signal
import socket
import sys
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any, NoReturn

from flask import Flask
from waitress import wasyncore
from waitress.server import create_server

from storefront import connections

HOST = "127.0.0.1"
SHOP_THREADS = 32
"""A charge that waits for i'mport occupies a thread, and webhooks must get through all the same."""
BACKLOG = 1024
"""Connections the system holds for us until we take them."""
LARGEST_REQUEST = 1024 * 1024
"""Bytes that are buffered before the shop's own, smaller limit answers."""

SWITCH_S = 0.001
"""How long a thread may go on while others want to: whoever holds the one turn to write is back at work the sooner."""

SocketMap = dict[int, Any]


def listen(port: int, host: str = HOST) -> socket.socket:
    """A listening socket, unless told otherwise for this machine only.

    Args:
        port: the port, or 0 for any free one.
        host: the address to listen at.

    Raises:
        OSError: it cannot be listened there; with `errno.EADDRINUSE` somebody else does.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


def serve_shop(app: Flask, listening: socket.socket, sockets: SocketMap) -> Any:
    """The shop's server on a listening socket, to be run with every other one in the same map.

    Args:
        app: the shop.
        listening: where.
        sockets: the map of all sockets.
    """
    server: Any = create_server(
        app,
        map=sockets,
        sockets=[listening],
        threads=SHOP_THREADS,
        backlog=BACKLOG,
        connection_limit=connections.limit(),
        cleanup_interval=connections.LOOK_EVERY_S,
        asyncore_use_poll=True,  # select knows no file beyond the 1024th
        ident="morning-roast",
        max_request_body_size=LARGEST_REQUEST,
        clear_untrusted_proxy_headers=False,  # the shop judges by itself whose word it takes
    )
    server.channel_class = connections.Channel
    server.maintenance = partial(connections.tidy, server)
    return server


def run(servers: list[Any], sockets: SocketMap, *, finish: Callable[[], None] = lambda: None) -> None:
    """Serve until somebody ends the process; running requests are finished first.

    Args:
        servers: the servers; the first one takes no more requests once the end has come.
        sockets: the map of all their sockets.
        finish: waits for work that goes on beyond its request. The other servers are served until it is done: it may
            wait for their answers.
    """
    gc.freeze()  # what has been imported and built by now stays to the end: nobody need look through it for garbage
    sys.setswitchinterval(SWITCH_S)
    try:
        servers[0].run()
    finally:
        servers[0].accepting = False
        finishing = threading.Thread(target=finish)
        finishing.start()
        while finishing.is_alive():
            wasyncore.loop(timeout=0.1, use_poll=True, map=sockets, count=1)
        for server in servers:
            server.task_dispatcher.shutdown()
        wasyncore.close_all(sockets)


def end_on_signals() -> None:
    """Make SIGINT and SIGTERM end the process with 0; a shell starts background processes with SIGINT ignored."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)
