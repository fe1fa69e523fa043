"""Reading messages from outside: whatever arrives is ids that could be ids, or a 4xx."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import abort, request

from storefront.web.shop import is_id, storable

LONGEST_TEXT = 500


def read_json() -> dict[str, Any]:
    """The JSON object of a request; anything else is a 400, another content type a 415."""
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
    ids: list[str | None] = []
    for name in ("imp_uid", "merchant_uid"):
        value = message.get(name)
        if value in (None, "", "null", "undefined"):
            ids.append(None)
        elif is_id(value):
            ids.append(str(value))
        else:
            abort(400)
    return ids[0], ids[1]


def _checked(message: dict[str, Any]) -> dict[str, Any]:
    for value in message.values():
        if isinstance(value, str) and not storable(value):
            abort(400)
    return {name: value[:LONGEST_TEXT] if isinstance(value, str) else value for name, value in message.items()}
