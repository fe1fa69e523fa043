"""Carries the shop's requests to the sandbox inside one process, byte for byte what HTTP would carry."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.exceptions import ChunkedEncodingError
from requests.structures import CaseInsensitiveDict
from werkzeug.test import EnvironBuilder, run_wsgi_app

from tests.contract.checking import CONTRACT

SANDBOX_URL = "http://localhost:8001"


class WsgiAdapter(BaseAdapter):
    """Answers requests from a WSGI application; a body shorter than announced is a cut connection.

    Whatever a sandbox answers is held against i'mport's contract on the way.
    """

    def __init__(self, app: Callable[..., Any]) -> None:
        super().__init__()
        self.app = app
        self.sent: list[requests.PreparedRequest] = []

    def send(self, request: requests.PreparedRequest, **_options: Any) -> requests.Response:
        """Hand the request over and read the answer to its end."""
        self.sent.append(request)
        address = urlsplit(str(request.url))
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        builder = EnvironBuilder(
            method=str(request.method),
            path=address.path,
            query_string=address.query,
            base_url=f"{address.scheme}://{address.netloc}",
            headers=list(request.headers.items()),
            input_stream=BytesIO(body),
            content_length=len(body),
            environ_base={"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "50000"},
        )
        chunks, status, headers = run_wsgi_app(self.app, builder.get_environ())
        content = b"".join(chunks)
        if len(content) < int(headers.get("Content-Length", len(content))):
            raise ChunkedEncodingError("the connection was cut", request=request)
        response = requests.Response()
        response.request = request
        response.url = str(request.url)
        response.status_code = int(status.split()[0])
        response.headers = CaseInsensitiveDict(dict(headers))
        response.raw = BytesIO(content)
        response._content = content
        if "sandbox" in getattr(self.app, "extensions", {}):
            CONTRACT.see(response)
        return response

    def close(self) -> None:
        """Nothing to close."""


def session_for(app: Callable[..., Any]) -> requests.Session:
    """A session whose every request goes to the application."""
    session = requests.Session()
    session.trust_env = False
    for scheme in ("http://", "https://"):
        session.mount(scheme, WsgiAdapter(app))
    return session
