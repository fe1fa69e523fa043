"""Who asks, when somebody forwards: only the proxy of the settings is believed, and only what it added itself."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import create_environ, run_wsgi_app

from storefront.web.proxy import BehindProxy

PROXY = "10.0.0.1"


def who_asks(forwarded: str | None, came_from: str = PROXY) -> str:
    """The address that the shop sees."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [environ["REMOTE_ADDR"].encode()]

    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    environ = create_environ(headers=headers, environ_base={"REMOTE_ADDR": came_from})
    return b"".join(run_wsgi_app(BehindProxy(app, PROXY), environ)[0]).decode()


@pytest.mark.parametrize(
    ("forwarded", "seen"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("198.51.100.9, 203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:51234", "203.0.113.7"),
        ("[2001:db8::7]:51234", "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("203.0.113.7, unknown", PROXY),
        ("", PROXY),
        (None, PROXY),
    ],
)
def test_the_proxys_word_is_the_last_address(forwarded: str | None, seen: str) -> None:
    """What stands before it was said by whoever asked; what is no address is not taken for one."""
    assert who_asks(forwarded) == seen


def test_nobody_elses_word_is_taken() -> None:
    """Anybody may send the header."""
    assert who_asks("203.0.113.7", came_from="198.51.100.9") == "198.51.100.9"
