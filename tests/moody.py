"""I'mport in a bad mood: the sandbox behind a real socket that hangs, drips, cuts or talks nonsense when it is told to."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SO_LINGER, SOL_SOCKET
from struct import pack
from typing import Any

import requests

from tests.wsgi import session_for

MOODS = (
    "hangs",
    "drips its head",
    "drips its body",
    "never ends",
    "cuts",
    "fails",
    "babbles",
    "points elsewhere",
    "forbids",
)
LONGEST_S = 20.0
"""Nobody is kept longer than this, whatever goes wrong in a test."""


class Moody:
    """A server in front of an application, at `url`.

    Attributes:
        asked: how often each path was asked for, while in a mood and otherwise.
    """

    def __init__(self, app: Callable[..., Any]) -> None:
        self.asked: Counter[str] = Counter()
        self._app = app
        self._mood, self._path = "", ""
        self._mended = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def be(self, mood: str, path: str = "/") -> None:
        """Be in a mood for every path that begins like this, until mended."""
        self._mended.clear()
        self._mood, self._path = mood, path

    def mend(self) -> None:
        """Be well; whoever still waits for an answer waits in vain."""
        self._mood = ""
        self._mended.set()

    def close(self) -> None:
        """Listen no more."""
        self.mend()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer a request as the mood is."""
        path = handler.path.partition("?")[0]
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        mood = self._mood if path.startswith(self._path) else ""
        self.asked[path] += 1  # only now: whoever has seen it counted may mend us at once
        if not mood:
            return self._pass_on(handler, body)
        handler.close_connection = True
        with suppress(OSError):  # who hears it may have gone
            _WAYS[mood](handler.wfile.write, self._goes_on)
        if mood == "cuts":
            handler.connection.setsockopt(SOL_SOCKET, SO_LINGER, pack("ii", 1, 0))
        return None

    def _goes_on(self) -> Iterator[None]:
        """Every hundredth of a second, until it is mended."""
        for _ in range(int(LONGEST_S / 0.01)):
            if self._mended.wait(0.01):
                return
            yield

    def _pass_on(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        headers = {name: value for name, value in handler.headers.items() if name != "Host"}
        with session_for(self._app) as session:
            reply: requests.Response = session.request(
                handler.command, self.url + handler.path, headers=headers, data=body, timeout=LONGEST_S
            )
        handler.send_response(reply.status_code)
        for name, value in {**reply.headers, "Content-Length": str(len(reply.content))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(reply.content)


@contextmanager
def moody(app: Callable[..., Any]) -> Iterator[Moody]:
    """A moody server in front of an application, until the block ends."""
    server = Moody(app)
    try:
        yield server
    finally:
        server.close()


def took_s(act: Callable[[], Any]) -> float:
    """How long something takes, in seconds."""
    began = time.monotonic()
    act()
    return time.monotonic() - began


Write = Callable[[bytes], Any]
GoesOn = Callable[[], Iterator[None]]
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"


def _hang(_write: Write, goes_on: GoesOn) -> None:
    for _ in goes_on():
        pass


def _drip_head(write: Write, goes_on: GoesOn) -> None:
    write(_OK + b"X-Patience: ")
    for _ in goes_on():
        write(b"x")


def _drip_body(write: Write, goes_on: GoesOn) -> None:
    write(_OK + b'Content-Length: 5000\r\n\r\n{"code": 0, "message": "')
    for _ in goes_on():
        write(b"x")


def _never_end(write: Write, goes_on: GoesOn) -> None:
    write(_OK + b'\r\n{"code": 0, "message": "')
    for _ in goes_on():
        write(b"x" * 4_000_000)


def _count_for_ever(write: Write, goes_on: GoesOn) -> None:
    """The size of a chunk, in more and more digits."""
    write(_OK + b"Transfer-Encoding: chunked\r\n\r\n")
    for _ in goes_on():
        write(b"0" * 4_000_000)


def _one(answer: bytes) -> Callable[[Write, GoesOn], None]:
    return lambda write, _goes_on: write(answer)


_WAYS: dict[str, Callable[[Write, GoesOn], None]] = {
    "hangs": _hang,
    "drips its head": _drip_head,
    "drips its body": _drip_body,
    "never ends": _never_end,
    "counts for ever": _count_for_ever,
    "cuts": _one(b""),
    "fails": _one(b"HTTP/1.1 500 Oops\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
    "babbles": _one(_OK + b"Content-Length: 4\r\n\r\nblah"),
    "points elsewhere": _one(
        b"HTTP/1.1 307 There\r\nConnection: close\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    ),
    "forbids": _one(
        b"HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 26\r\n\r\n" + b'{"code":-1,"message":"no"}'
    ),
}


def _handler(server: Moody) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            with suppress(OSError):
                super().handle_one_request()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            server.answer(self)

        do_POST = do_DELETE = do_GET  # noqa: N815

    return Handler
