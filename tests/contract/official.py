"""The official V1 description as JSON Schemas, where somebody has put it beside the checkout.

It is not ours to give away, so it is no part of this repository; our own table does without it. Its slips, as they are
handled here: lengths and defaults given as texts; "required" names that the object does not have; nullable fields that
are not said to be; customers' answers whose schema names two definitions; schedule lists, an array in the description
and a page in its own words and for every client.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema

PATH = Path(__file__).parents[3] / "shared" / "iamport" / "v1.openapi.json"
IS_THERE = PATH.is_file()
SCHEDULE_LIST = {
    "properties": {
        "response": {
            "properties": {"list": {"type": "array", "items": {"$ref": "#/definitions/ScheduleResultAnnotation"}}},
            "required": ["total", "previous", "next", "list"],
        }
    }
}
_DRAFT = "http://json-schema.org/draft-04/schema#"
_NO_RESPONSE = {"$ref": "#/definitions/ResponseAnnotation"}


@cache
def description() -> dict[str, Any]:
    """The document."""
    return dict(json.loads(PATH.read_text(encoding="utf-8")))


def operations() -> dict[str, set[int]]:
    """The operations it names, each with the HTTP statuses it documents."""
    return {
        f"{method.upper()} {path}": {int(status) for status in operation["responses"]}
        for path, methods in description()["paths"].items()
        for method, operation in methods.items()
    }


def problem(method: str, path: str, status: int, body: Any) -> str | None:
    """What is wrong with the reply of an operation, or None."""
    try:
        _validator(method, path, status)(body)
    except fastjsonschema.JsonSchemaValueException as error:
        return str(error.message)[:200]
    return None


@cache
def _validator(method: str, path: str, status: int) -> Callable[[Any], Any]:
    answer = description()["paths"][path][method.lower()]["responses"].get(str(status), {})
    schema = _success(answer.get("schema", _NO_RESPONSE))
    if schema["$ref"].endswith("/ScheduleResponse") and method == "GET":
        schema = {"anyOf": [schema, SCHEDULE_LIST]}
    definitions = {name: _mended(one) for name, one in description()["definitions"].items()}
    validate: Callable[[Any], Any] = fastjsonschema.compile({**schema, "$schema": _DRAFT, "definitions": definitions})
    return validate


def _success(schema: dict[str, Any]) -> dict[str, Any]:
    """A customer's answer names two definitions as if they were fields; a key of one card is the first."""
    named = schema.get("properties", {}).get("CustomerResponse")
    return dict(named or schema)


def _mended(schema: dict[str, Any]) -> dict[str, Any]:
    """A definition as a JSON Schema that means what the description's prose says."""
    mended = {name: value for name, value in schema.items() if name in ("type", "enum", "$ref")}
    if "maxLength" in schema:
        mended["maxLength"] = int(schema["maxLength"])
    if "allOf" in schema:
        mended["allOf"] = [_mended(part) for part in schema["allOf"]]
    if "items" in schema:
        mended["items"] = _mended(schema["items"])
    if "properties" in schema:
        required = [name for name in schema.get("required", []) if name in schema["properties"]]
        mended["type"] = "object"
        mended["properties"] = {
            name: _mended(field) if name in required else {"anyOf": [_mended(field), {"type": "null"}]}
            for name, field in schema["properties"].items()
        }
        if required:
            mended["required"] = required
    return mended
