"""What is written down of requests and answers: no key, no token, no card number, and not much of it."""

from __future__ import annotations

import json
import re
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, urlencode

from werkzeug.formparser import parse_form_data

_SECRET_NAMES = {
    "imp_key",
    "imp_secret",
    "card_number",
    "expiry",
    "birth",
    "pwd_2digit",
    "cvc",
    "_token",
    "access_token",
}
_FIELD_NAME = re.compile(r"[\w\[\]-]{1,80}")
_LONG_DIGITS = re.compile(r"[0-9][0-9 -]{12,}[0-9]")
_TOKEN = re.compile(r'("access_token": ?")[^"]*')
_LONGEST_LOGGED = 16_000


def masked(body: bytes, content_type: str) -> str:
    """A body for the log: no key, no token, no card number, and nothing of what cannot be read."""
    try:
        fields = json.loads(body) if "json" in content_type else _form(body, content_type)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict | list):
        fields = {}
    return json.dumps(masked_value(fields), ensure_ascii=True)[:_LONGEST_LOGGED]


def masked_query(query: str) -> str:
    """A query for the log, which keeps as little."""
    kept = [
        (name, str(masked_value(value)))
        for name, value in parse_qsl(query, keep_blank_values=True)
        if not _is_secret(name)
    ]
    return urlencode(kept)[:_LONGEST_LOGGED]


def masked_reply(body: bytes) -> str:
    """An answer of the sandbox's own for the log: as it was, without its token and without long numbers."""
    text = _TOKEN.sub(r"\1…", body[:_LONGEST_LOGGED].decode("utf-8", "replace"))
    return masked_text(text)


def masked_text(text: str) -> str:
    """A text without its long numbers."""
    return _LONG_DIGITS.sub("…", text)


def _form(body: bytes, content_type: str) -> dict[str, Any]:
    environ = {"wsgi.input": BytesIO(body), "CONTENT_TYPE": content_type, "CONTENT_LENGTH": str(len(body))}
    _, form, _ = parse_form_data(environ)
    return {name.lstrip(): values if len(values) > 1 else values[0] for name, values in form.lists()}


def masked_value(value: Any, depth: int = 0) -> Any:
    """A value of JSON without its secrets."""
    if depth > 20:  # noqa: PLR2004 - nobody nests that deep in earnest
        return "…"
    if isinstance(value, dict):
        return {
            _masked_name(name): "…" if _is_secret(name) else masked_value(item, depth + 1)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [masked_value(item, depth + 1) for item in value[:50]]
    if isinstance(value, int) and _LONG_DIGITS.search(str(value)):
        return "…"
    return masked_text(value) if isinstance(value, str) else value


def _masked_name(name: str) -> str:
    """JSON that is sent as a form arrives as one long name, secrets and all."""
    return masked_text(name) if _FIELD_NAME.fullmatch(name) else "…"


def _is_secret(name: str) -> bool:
    return not _SECRET_NAMES.isdisjoint(re.findall(r"\w+", name))
