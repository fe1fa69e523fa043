"""Carries a request to i'mport and its answer back, bounded in time and in size.

`requests` counts its time-out from byte to byte, so an answer that drips would be waited for as long as it drips. Here
one deadline holds for everything: finding the address, connecting, waiting, and reading the answer to its end.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError
from urllib3.response import BaseHTTPResponse

from storefront.iamport.deadline import Deadline
from storefront.iamport.errors import NotAskedError, SilenceError

CONNECT_TIMEOUT_S = 5.0
CONNECTIONS = 128
"""How many connections are kept open; not fewer than there are threads that ask."""
LARGEST_ANSWER = 16 * 1024 * 1024
"""Bytes; a page of a thousand payments has about four million."""

_CHUNK = 64 * 1024

_BROKEN: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((requests.exceptions.SSLError,), "no connection to be trusted"),
    ((requests.ConnectTimeout, NewConnectionError, ConnectTimeoutError), "no connection"),
    ((requests.Timeout, TimeoutError, ReadTimeoutError), "no answer in time"),
)
"""What is broken by which errors, read from above; anything else is a connection that ended too soon."""


@dataclass(frozen=True)
class Answer:
    """What came back, read to its end."""

    status: int
    body: bytes


class Transport:
    """One way to i'mport for everybody.

    Args:
        api_url: where the API is, without a slash at its end.
        session: what carries the requests; a test may pass its own.
    """

    def __init__(self, api_url: str, session: requests.Session | None = None) -> None:
        self.session = session or _session()
        self._headers = dict(self.session.headers)
        self._api_url = api_url

    def send(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        *,
        query: dict[str, str] | list[tuple[str, str]] | None = None,
        body: dict[str, Any] | None = None,
        token: str | None = None,
    ) -> Answer:
        """Make a request and read its answer before the deadline.

        Raises:
            NotAskedError: there was no time left; nothing was sent.
            SilenceError: no whole answer came in time, or too large a one.
        """
        operation = f"{method} {path}"
        try:
            request = self._prepared(method, path, query, body, token)
            left_s = deadline.left_s  # looked at once: it may be over at the next look, and 0 is no time-out
            if left_s <= 0:
                raise NotAskedError(operation, "no time left")
            # By the adapter, which follows no redirect: a POST would arrive as a GET, and the token wherever it points.
            with self.session.get_adapter(self._api_url + path).send(
                request,
                timeout=Timeout(connect=CONNECT_TIMEOUT_S, total=left_s),  # type: ignore[arg-type] # it may
                stream=True,
            ) as reply:
                return Answer(reply.status_code, _read(operation, reply))
        except (requests.RequestException, HTTPError, OSError) as error:
            # The exception's own text may hold addresses and headers: what kind of thing broke says enough.
            raise SilenceError(operation, _what_broke(error)) from None

    def _prepared(
        self,
        method: str,
        path: str,
        query: dict[str, str] | list[tuple[str, str]] | None,
        body: dict[str, Any] | None,
        token: str | None,
    ) -> requests.PreparedRequest:
        """A request as it goes out. A session would look for cookies, proxies and passwords to add; we have none."""
        prepared = requests.PreparedRequest()
        prepared.prepare_method(method)
        prepared.prepare_url(self._api_url + path, query)
        prepared.prepare_headers(self._headers | ({"Authorization": token} if token else {}))
        prepared.prepare_body(None, None, body)
        return prepared


def _what_broke(error: Exception) -> str:
    """What went wrong, in words that a timeline can show; `requests` wraps urllib3's errors, sometimes twice."""
    inner = error.args[0] if error.args else None
    seen = (error, inner, getattr(inner, "reason", None))
    for kinds, words in _BROKEN:
        if any(isinstance(one, kinds) for one in seen):
            return words
    return "the connection broke off"


def _read(operation: str, reply: requests.Response) -> bytes:
    body = bytearray()
    for chunk in reply.iter_content(_CHUNK):
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise SilenceError(operation, "too large an answer")
    return bytes(body)


def _session() -> requests.Session:
    session = requests.Session()
    # A .netrc entry for the host would replace our Authorization header.
    session.trust_env = False
    adapter = _Adapter(pool_connections=4, pool_maxsize=CONNECTIONS)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


class _TimelyReader(io.RawIOBase):
    """What a socket receives, until a moment."""

    def __init__(self, connection: socket.socket, ends_at: float) -> None:
        self._connection, self._ends_at = connection, ends_at
        # The socket stays open for as long as this does, also after its connection has let go of it.
        self._received = connection.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left_s = self._ends_at - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        self._connection.settimeout(left_s)
        return self._received.readinto(buffer)

    def close(self) -> None:
        self._received.close()
        super().close()


class _TimelyResponse(http.client.HTTPResponse):
    """An answer whose head and body have to be there at a moment."""

    def __init__(self, connection: socket.socket, *arguments: Any, ends_at: float, **options: Any) -> None:
        super().__init__(connection, *arguments, **options)
        self.fp.close()
        self.fp = io.BufferedReader(_TimelyReader(connection, ends_at))


class _TimelyConnection(HTTPConnection):
    """Takes its time-out for connecting, and then for the answer, as a whole."""

    def _new_conn(self) -> socket.socket:
        ends_at = time.monotonic() + float(self.timeout or 0)
        addresses = _addresses(self._dns_host, self.port, ends_at)
        for left in range(len(addresses), 0, -1):
            # One address that does not answer leaves time for the others.
            share_s = max(ends_at - time.monotonic(), 0.001) / left
            try:
                connection = self._connect_to(addresses[-left], share_s)
            except OSError:
                if left == 1:
                    raise
            else:
                connection.settimeout(max(ends_at - time.monotonic(), 0.001))  # what is left is for TLS
                return connection
        raise OSError("the name has no address")

    def _connect_to(self, address: Any, timeout_s: float) -> socket.socket:
        family, kind, protocol, _name, where = address
        connection = socket.socket(family, kind, protocol)
        try:
            for option in self.socket_options or ():
                connection.setsockopt(*option)
            connection.settimeout(timeout_s)
            connection.connect(where)
        except OSError:
            connection.close()
            raise
        return connection

    def request(self, *arguments: Any, **options: Any) -> None:
        """Send; a connection that was used before still has that answer's last time-out."""
        if self.sock is not None:
            self.sock.settimeout(self.timeout)
        super().request(*arguments, **options)

    def getresponse(self) -> BaseHTTPResponse:  # type: ignore[override]
        """Read the head; the body is read by whoever wants it, and has no more time than that."""
        ends_at = time.monotonic() + float(self.timeout or 0)
        self.response_class = partial(_TimelyResponse, ends_at=ends_at)  # type: ignore[assignment]
        return super().getresponse()


class _TimelySecureConnection(_TimelyConnection, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _TimelyConnection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _TimelySecureConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


def _addresses(host: str, port: int, ends_at: float) -> list[Any]:
    """A host's addresses. The system's resolver knows no deadline, so it is asked in a thread that may be left alone."""
    found: Future[list[Any]] = Future()

    def look_up() -> None:
        try:
            found.set_result(socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.set_exception(error)

    threading.Thread(target=look_up, daemon=True).start()
    return found.result(timeout=max(ends_at - time.monotonic(), 0))
