"""A door with TLS in front of a plain port of this machine, as a merchant's proxy is one in front of the shop."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import trustme

_CHUNK = 64 * 1024


class Door:
    """Where TLS ends, until it is closed.

    Args:
        context: with the certificate.

    Attributes:
        port: where it listens.
        leads_to: the plain port behind it; set before anybody knocks.
    """

    leads_to: int

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context, self.port = context, 0
        self._is_open = threading.Event()
        self._guests: set[asyncio.Task[None]] = set()
        # A loop of its own: Playwright has one running in the thread of the tests.
        self._thread = threading.Thread(target=asyncio.run, args=(self._stand_open(),), daemon=True)
        self._thread.start()
        self._is_open.wait()

    def close(self) -> None:
        """Let nobody in any more, and whoever is inside go."""
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    async def _stand_open(self) -> None:
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._let_through, "127.0.0.1", 0, ssl=self._context)
        self.port = server.sockets[0].getsockname()[1]
        self._is_open.set()
        await self._closing.wait()
        server.close()
        for guest in self._guests:
            guest.cancel()
        await asyncio.gather(*self._guests, return_exceptions=True)

    async def _let_through(self, knocking: asyncio.StreamReader, answering: asyncio.StreamWriter) -> None:
        guest = asyncio.current_task()
        assert guest is not None
        self._guests.add(guest)
        guest.add_done_callback(self._guests.discard)
        inside, outside = await asyncio.open_connection("127.0.0.1", self.leads_to)
        try:
            await asyncio.gather(_pass_on(knocking, outside), _pass_on(inside, answering))
        finally:
            for writer in (outside, answering):
                writer.transport.abort()
                with suppress(OSError):
                    await writer.wait_closed()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Everything, to its end; then the other side may end too."""
    with suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
        writer.close()
        await writer.wait_closed()


@contextmanager
def door(authority: trustme.CA, *names: str) -> Iterator[Door]:
    """A door with a certificate for some names, until the block ends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    opened = Door(context)
    try:
        yield opened
    finally:
        opened.close()
