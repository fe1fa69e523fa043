"""Serving the sandbox with waitress, able to really cut a connection when a fault asks for it."""

from __future__ import annotations

import errno
import socket
from typing import Any

from flask import Flask
from waitress.channel import HTTPChannel
from waitress.server import create_server as create_waitress_server
from waitress.task import WSGITask

from storefront.sandbox.front import CUT, LARGEST_BODY

THREADS = 32
"""A delayed or slow answer occupies a thread."""


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


def create_server(app: Flask, host: str, port: int, *, map: dict[int, Any] | None = None) -> Any:  # noqa: A002
    """A waitress server for a sandbox.

    Args:
        app: what `create_sandbox` made.
        host: where it listens.
        port: the port, or 0 for any free one (`server.effective_port` tells).
        map: waitress's socket map, shared by every server of a process.

    Raises:
        OSError: the port is taken.
    """
    server: Any = create_waitress_server(
        app,
        map=map,
        host=host,
        port=port,
        threads=THREADS,
        ident="i'mport sandbox",
        max_request_body_size=4 * LARGEST_BODY,
        clear_untrusted_proxy_headers=True,
    )
    server.channel_class = _CuttableChannel
    return server
