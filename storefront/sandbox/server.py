"""Serving the sandbox with waitress, able to really cut a connection when a fault asks for it."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.server import create_server as create_waitress_server
from waitress.task import WSGITask

from storefront.sandbox.console.control import LARGEST_STATE
from storefront.sandbox.rest.front import CUT

LOCALHOST = "localhost"
THREADS = 32
"""A delayed or slow answer occupies a thread."""
CONNECTIONS = 2000
"""Those of everybody who shares its map of sockets count too."""


class _CuttableTask(WSGITask):
    """Hands the application a function that closes the socket under its own answer."""

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ[CUT] = self._cut
        return environ

    def _cut(self) -> None:
        self.close_on_finish = True
        connection: socket.socket | None = self.channel.socket
        if connection is None:
            return
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError as error:
            if error.errno != errno.ENOTCONN:  # the client went first
                raise


class _CuttableChannel(HTTPChannel):
    """A connection whose requests can be cut."""

    task_class = _CuttableTask


def listen(host: str, port: int) -> list[socket.socket]:
    """Listening sockets. `localhost` is both of this machine's addresses, as programs disagree which of them it means.

    Args:
        host: a name or an address.
        port: the port, or 0 for any free one.

    Raises:
        OSError: the port is taken, or there is no such address.
    """
    if host != LOCALHOST:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return [socket.create_server((host, port), family=family)]
    first = socket.create_server(("127.0.0.1", port))
    try:
        return [first, socket.create_server(("::1", first.getsockname()[1]), family=socket.AF_INET6)]
    except OSError as error:
        if error.errno == errno.EADDRINUSE and port:
            first.close()
            raise
        return [first]  # a machine without IPv6, or somebody has that very port there


def create_server(app: Flask, host: str, port: int, *, map: dict[int, Any] | None = None) -> Any:  # noqa: A002
    """A waitress server for a sandbox.

    Args:
        app: what `create_sandbox` made.
        host: where it listens, see `listen`.
        port: the port, or 0 for any free one (`server.effective_port` tells).
        map: waitress's socket map, shared by every server of a process.

    Raises:
        OSError: the port is taken.
    """
    map = {} if map is None else map  # noqa: A001
    others = set(map)
    listening = listen(host, port)
    server: Any = create_waitress_server(
        app,
        map=map,
        sockets=listening,
        threads=THREADS,
        connection_limit=CONNECTIONS,
        asyncore_use_poll=True,
        ident="i'mport sandbox",
        max_request_body_size=LARGEST_STATE,
        clear_untrusted_proxy_headers=True,
    )
    for number in map.keys() - others:
        if isinstance(map[number], TcpWSGIServer):
            map[number].channel_class = _CuttableChannel
    server.effective_port = listening[0].getsockname()[1]
    return server


def serve(server: Any, sockets: dict[int, Any]) -> None:
    """Serve until somebody ends the process; running requests are finished first.

    Args:
        server: what `create_server` made.
        sockets: the map it was given.
    """
    try:
        server.run()
    finally:
        server.task_dispatcher.shutdown()
        wasyncore.close_all(sockets)


class Served:
    """A port on which one sandbox after the other can be played."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.url = f"http://127.0.0.1:{server.effective_port}"

    @contextmanager
    def playing(self, app: Flask) -> Iterator[None]:
        """Answer with this sandbox until the block ends; what another one has begun it also ends."""
        self._server.application, before = app, self._server.application
        try:
            yield
        finally:
            self._server.application = before


@contextmanager
def serving() -> Iterator[Served]:
    """Serve from a thread on a free port, until the block ends; running requests get five seconds to finish."""
    sockets: dict[int, Any] = {}
    server = create_server(Flask(__name__, static_folder=None), "127.0.0.1", 0, map=sockets)
    stopping = threading.Event()

    def run() -> None:
        while not stopping.is_set():
            wasyncore.loop(timeout=1, use_poll=True, map=sockets, count=1)

    thread = threading.Thread(target=run, name="i'mport sandbox", daemon=True)
    thread.start()
    try:
        yield Served(server)
    finally:
        stopping.set()
        server.pull_trigger()
        thread.join()
        server.task_dispatcher.shutdown()
        wasyncore.close_all(sockets)
