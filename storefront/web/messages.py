"""Reading messages from outside: whatever arrives is ids that could be ids, or a 4xx.

What enters a path, of ours or of i'mport's, has to look like an id. A webhook's order number enters none: an account may
serve several shops, and theirs look like anything.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from flask import abort, request

from storefront.web.shop import is_id, storable

LONGEST_TEXT = 500
LONGEST_ORDER = 255
"""Characters of another shop's order number, as a stray keeps it."""


def read_json() -> dict[str, Any]:
    """The JSON object of a request; anything else is a 400."""
    if not request.is_json:
        abort(400)
    try:
        value = request.get_json()
    except RecursionError:
        abort(400)
    if not isinstance(value, dict):
        abort(400)
    return _checked(value)


def read_json_or_form() -> dict[str, Any]:
    """The fields of a JSON object or of a form."""
    if request.mimetype in ("application/x-www-form-urlencoded", "multipart/form-data"):
        return _checked(request.form.to_dict())
    return read_json()


def read_query() -> dict[str, Any]:
    """The fields of an address's query."""
    return _checked(request.args.to_dict())


def read_ids(message: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """imp_uid and merchant_uid; what is there but cannot be an id is a 400."""
    return _id(message, "imp_uid"), _id(message, "merchant_uid")


def read_anybodys_ids(message: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The same where the order may be another shop's, whose number is any text or number that can be stored."""
    order = _given(message, "merchant_uid")
    if order is not None and len(order) > LONGEST_ORDER:
        abort(400)
    return _id(message, "imp_uid"), order


def _id(message: Mapping[str, Any], name: str) -> str | None:
    text = _given(message, name)
    if text is not None and not is_id(text):
        abort(400)
    return text


def _given(message: Mapping[str, Any], name: str) -> str | None:
    """A text or a number of a message, or None for what stands for nothing."""
    value = message.get(name)
    if value in (None, "", "null", "undefined"):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        abort(400)
    if isinstance(value, float) and not math.isfinite(value):
        abort(400)
    return str(value)


def _checked(message: dict[str, Any]) -> dict[str, Any]:
    for value in message.values():
        if isinstance(value, str) and not storable(value):
            abort(400)
    return {name: value[:LONGEST_TEXT] if isinstance(value, str) else value for name, value in message.items()}
