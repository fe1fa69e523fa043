"""How the doctor sees a shop from outside: over real sockets, with an authority that lives as long as the test."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import trustme

from storefront.doctor.outside import Outside, Reply

ENDS = datetime(2096, 1, 1, tzinfo=UTC)


class _Somebody(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(200, b'{"status": "ok"}')

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(301, b"elsewhere")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Silent."""


@contextmanager
def listening(context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Somebody who answers on a free port."""
    with HTTPServer(("127.0.0.1", 0), _Somebody) as server:
        server.handle_error = lambda *_args: None  # type: ignore[method-assign] # whoever hangs up is no trouble
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def authority() -> trustme.CA:
    """Whom nobody trusts unless the test says so."""
    return trustme.CA()


@pytest.fixture
def port_with_tls(authority: trustme.CA) -> Iterator[int]:
    """Https with a certificate of that authority for this machine."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", not_after=ENDS).configure_cert(context)
    with listening(context) as port:
        yield port


def test_an_answer_is_taken_as_it_is_and_no_redirect_is_followed() -> None:
    """I'mport posts a webhook to the address it was given, and to no other."""
    with listening() as port:
        assert Outside().get(f"http://127.0.0.1:{port}/healthz") == Reply(200, {"status": "ok"})
        assert Outside().post(f"http://127.0.0.1:{port}/webhooks/iamport", {"imp_uid": "x"}) == Reply(301, None)


def test_nobody_there_is_an_os_error() -> None:
    """However one asks."""
    for ask in (Outside().get, Outside().certificate_ends):
        with pytest.raises(OSError, match=r"."):
            ask("https://127.0.0.1:9/")


def test_a_certificate_of_nobody_is_not_trusted(port_with_tls: int) -> None:
    """As a browser would not trust it."""
    with pytest.raises(ssl.SSLError):
        Outside().certificate_ends(f"https://localhost:{port_with_tls}")


def test_a_trusted_certificate_says_when_it_ends(
    port_with_tls: int, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the second."""
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    ends = Outside().certificate_ends(f"https://localhost:{port_with_tls}")
    assert abs(ends - ENDS) < timedelta(minutes=1)
