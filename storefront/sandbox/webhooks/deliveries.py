"""One attempt to deliver a webhook: how long it may take, and what is written down of it.

Source: the webhook guide. A first send has 10 s to connect and 30 s for the answer, another one 15 s altogether.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import requests
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from storefront.sandbox.settings import ContentType
from storefront.sandbox.wire.masking import masked_text

OpenSession = Callable[[], requests.Session]

FIRST_TIMEOUT = Timeout(connect=10, read=30)
RESEND_TIMEOUT = Timeout(total=15)
LONGEST_KEPT = 500
"""Bytes of an answer that are read at all."""
LONGEST_READING_S = 15.0


def attempt(
    open_session: OpenSession, url: str, body: Mapping[str, Any], content_type: ContentType, timeout: Timeout
) -> dict[str, Any]:
    """Post a body once, following no redirect.

    Returns:
        The attempt for the log: `status`, `error`, `ms`, the `request` as it went out and how the `response` begins.
    """
    done: dict[str, Any] = {"status": None, "error": None, "ms": 0, "request": None, "response": None}
    began = time.monotonic()
    try:
        with open_session() as session:
            session.trust_env = False
            content = {"json": body} if content_type == "json" else {"data": body}
            asked = session.prepare_request(requests.Request("POST", url, **content))
            done["request"] = {"headers": dict(asked.headers), "body": _text(asked.body)}
            answer = session.send(asked, timeout=timeout, allow_redirects=False, stream=True)  # type: ignore[arg-type]
            done["status"] = answer.status_code
            done["response"] = {"body": masked_text(_beginning(answer, began + LONGEST_READING_S))}
    except (requests.RequestException, HTTPError, ValueError) as error:
        done["error"] = type(error).__name__
    done["ms"] = round((time.monotonic() - began) * 1000)
    return done


def is_delivered(attempt: Mapping[str, Any]) -> bool:
    """Whether the shop took it."""
    return attempt["error"] is None and 200 <= attempt["status"] < 300  # noqa: PLR2004


def deserves_another(attempt: Mapping[str, Any]) -> bool:
    """Whether it can go better another time: the network failed, or the shop had a trouble of its own."""
    return attempt["error"] is not None or attempt["status"] >= 500  # noqa: PLR2004


def _beginning(answer: requests.Response, until: float) -> str:
    """The first bytes, byte by byte, so that an answer that drips or never ends is left in time."""
    kept = bytearray()
    for byte in answer.iter_content(1):
        kept += byte
        if len(kept) >= LONGEST_KEPT or time.monotonic() > until:
            break
    return kept.decode("utf-8", "replace")


def _text(body: bytes | str | None) -> str:
    return body.decode() if isinstance(body, bytes) else body or ""
