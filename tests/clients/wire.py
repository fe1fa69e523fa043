"""Requests as somebody writes them who has the merchant's keys and no client."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import requests
from urllib3 import encode_multipart_formdata

from tests.people import Sandbox

KEYS = {"imp_key": "sandbox_key", "imp_secret": "sandbox_secret"}
FORM = "application/x-www-form-urlencoded"


class Wire:
    """Requests with a token, everything else as the caller writes it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.token = sandbox.session.post(f"{sandbox.url}/users/getToken", json=KEYS).json()["response"]["access_token"]

    def send(self, method: str, path: str, *, headers: dict[str, Any] | None = None, **how: Any) -> requests.Response:
        """Follow no redirect: not every client does. A header that is None is left out."""
        headers = {"Authorization": self.token} | (headers or {})
        url = self._sandbox.url + path
        return self._sandbox.session.request(method, url, headers=headers, allow_redirects=False, timeout=30, **how)

    def answer(self, method: str, path: str, **how: Any) -> Any:
        """What is in an envelope of success."""
        reply = self.send(method, path, **how)
        assert (reply.status_code, reply.json()["code"]) == (200, 0), reply.text
        return reply.json()["response"]


def body(fields: dict[str, Any], content_type: str) -> dict[str, Any]:
    """Fields as a body of some content type, with the headers it needs."""
    content: str | bytes
    if content_type == "multipart/form-data":
        content, content_type = encode_multipart_formdata({name: str(value) for name, value in fields.items()})
    else:
        content = urlencode(fields) if content_type == FORM else json.dumps(fields)
    return {"data": content, "headers": {"Content-Type": content_type}}
