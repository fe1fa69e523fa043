"""A crowd of idle, dripping and two-faced connections: whoever asks like a browser is served at once all the same."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import requests

from storefront import connections
from tests.conftest import SHOP_URL, Shop
from tests.moody import took_s
from tests.serving_here import served

HOST = f"Host: {SHOP_URL.partition('//')[2]}\r\n"
GENEROUS_S = 3.0


@pytest.fixture
def port(shop: Shop) -> Iterator[int]:
    """Where the shop's own server listens."""
    with served(shop.app) as url:
        yield int(url.rpartition(":")[2])


def connect(port: int, sends: str = "") -> socket.socket:
    """A connection that has sent something."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.sendall(sends.encode())
    return connection


def get_home(port: int) -> int:
    """What an ordinary visitor is answered."""
    return requests.get(f"http://127.0.0.1:{port}/healthz", headers={"Host": HOST[6:-2]}, timeout=10).status_code


def is_closed(connection: socket.socket) -> bool:
    """Whether the shop has let go of it, within a while."""
    connection.settimeout(GENEROUS_S)
    try:
        while connection.recv(65_536):
            pass
    except TimeoutError:
        return False
    except ConnectionResetError:
        return True
    return True


def cannot_go_on(connection: socket.socket) -> bool:
    """Whether the shop stops taking one byte after the other, within a while."""
    ends_at = time.monotonic() + GENEROUS_S
    try:
        while time.monotonic() < ends_at:
            connection.sendall(b"x")
            time.sleep(0.02)
    except OSError:
        return True
    return False


@contextmanager
def crowd(port: int, idle: int, dripping: int) -> Iterator[list[socket.socket]]:
    """Connections that were used once and are kept, and others whose request never ends."""
    with ExitStack() as stack:
        kept = [stack.enter_context(connect(port, f"GET /healthz HTTP/1.1\r\n{HOST}\r\n")) for _ in range(idle)]
        for connection in kept:
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        yield [*kept, *(stack.enter_context(connect(port, f"GET / HTTP/1.1\r\n{HOST}X: ")) for _ in range(dripping))]


def test_five_hundred_idle_and_two_hundred_dripping_connections_keep_nobody_out(port: int) -> None:
    """A hundred were enough once."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 4096), hard), hard))
    with crowd(port, 500, 200) as others:
        for _ in range(3):
            for connection in others[500:]:
                connection.sendall(b"x")
            assert took_s(lambda: get_home(port)) < GENEROUS_S
        assert get_home(port) == 200


def test_when_places_run_short_the_longest_waiting_ones_are_closed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """And whoever has just come is served."""
    monkeypatch.setattr(connections, "MOST", 40)
    with served(shop.app) as url, ExitStack() as stack:
        port = int(url.rpartition(":")[2])
        oldest = stack.enter_context(connect(port))
        for _ in range(60):
            newest = stack.enter_context(connect(port))

        assert get_home(port) == 200
        assert is_closed(oldest)
        newest.sendall(f"GET /healthz HTTP/1.1\r\n{HOST}\r\n".encode())
        assert newest.recv(4096).startswith(b"HTTP/1.1 200")


def test_a_request_that_never_ends_and_an_idle_connection_are_closed(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However busily it drips."""
    monkeypatch.setattr(connections, "REQUEST_S", 0.1)
    with connect(port, "GET / HTTP/1.1\r\nX: ") as dripping, connect(port) as idle:
        assert cannot_go_on(dripping)
        assert get_home(port) == 200
        monkeypatch.setattr(connections, "IDLE_S", 0.1)
        assert is_closed(idle)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("order", [1, -1])
def test_a_request_that_says_its_length_in_two_ways_ends_its_connection(port: int, version: str, order: int) -> None:
    """What follows is not taken for another request: a proxy in front may have seen it end elsewhere."""
    both = ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"][::order]
    smuggled = f"GET /terms HTTP/1.1\r\n{HOST}\r\n"
    with connect(port, f"POST / HTTP/{version}\r\n{HOST}{''.join(both)}\r\n0\r\n\r\n{smuggled}") as connection:
        connection.settimeout(GENEROUS_S)
        answer = b""
        while more := connection.recv(65_536):
            answer += more
    assert answer.startswith(f"HTTP/{version} 400".encode())
    assert answer.count(b"HTTP/1.") == 1


def test_the_limit_of_open_files_is_raised_and_kept_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Places are promised only as far as there are files."""
    limits = {"now": (1024, 4096)}
    monkeypatch.setattr(resource, "getrlimit", lambda _which: limits["now"])
    monkeypatch.setattr(resource, "setrlimit", lambda _which, wanted: limits.update(now=wanted))
    assert connections.limit() == connections.MOST
    assert connections.MOST < limits["now"][0] <= 4096

    limits["now"] = (400, 400)
    assert connections.limit() == 200
    limits["now"] = (256, resource.RLIM_INFINITY)
    assert connections.limit() == connections.MOST
