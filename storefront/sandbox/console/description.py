"""The sandbox's own description, as an OpenAPI document: made of the table of the operations and of what listens here.

It describes this sandbox and nothing else; i'mport's own description is i'mport's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from storefront.sandbox.books import cards, faults
from storefront.sandbox.console import resending
from storefront.sandbox.rest.table import CODES, NAMED, OPERATIONS, SENT, STATUSES, Operation
from storefront.sandbox.wire.kinds import Either, Flag, Kind, ListOf, Maybe, Null, Number, Object, Text

Schema = dict[str, Any]

_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"
_TOKEN = {"token": {"type": "apiKey", "in": "header", "name": "Authorization"}}
_BODYLESS = ("GET", "DELETE")
_CONTROL = ("control.", "scenarios.")
_PAGES = "/_sandbox/console"
_VARIABLE = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>")
_CREATES = ("control.add_fault", "scenarios.add_scenario")
_ERROR = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
_CARDS = [card.name for card in cards.BEHAVIOURS]
_BODIES: Mapping[str, Schema] = {
    "control.pay": {
        "type": "object",
        "properties": {
            "params": {"type": "object"},
            "card": {"type": "string", "examples": _CARDS},
            "device": {"enum": ["pc", "mobile"]},
            "sdk": {"enum": ["new", "old"]},
            "outcome": {"enum": ["card", "cancel", "close", "lose_callback"]},
            "charge_amount": {"type": "integer", "minimum": 0},
            "late": {"type": "boolean"},
        },
        "required": ["params"],
    },
    "control.add_fault": {
        "type": "object",
        "properties": {
            "path": {"type": "string", "examples": ["/subscribe/payments/again", "/payments/*", "webhook"]},
            "method": {"enum": list(resending.METHODS)},
            "kind": {"enum": sorted({*faults.BEFORE, *faults.AFTER, *faults.OF_WEBHOOKS})},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "seconds": {"type": "number", "minimum": 0, "maximum": faults.LONGEST_DELAY_S},
            "times": {"type": "integer", "minimum": 0},
            "probability": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        },
        "required": ["path", "kind"],
    },
    "control.advance_clock": {
        "type": "object",
        "properties": {"advance": {"type": "integer", "minimum": 0}},
        "required": ["advance"],
    },
    "control.drain_webhooks": {
        "type": "object",
        "properties": {"timeout": {"type": "number", "minimum": 0, "maximum": 60}},
    },
    "control.act_in_console": {"type": "object", "properties": {"amount": {"type": "integer", "minimum": 0}}},
}
"""What is said to the addresses for testers; to any other one an object, or nothing."""
_NAME: Schema = {"type": "string"}
_AFTER: Schema = {"type": "integer", "minimum": 0, "maximum": 10**14}
_QUERIES: Mapping[str, Mapping[str, Schema]] = {
    "control.show_ledger": {"merchant_uid": _NAME},
    "control.show_requests": {"path": _NAME, "after": _AFTER},
    "control.show_webhooks": {"after": _AFTER},
    "control.show_history": {"about": {"type": "array", "items": _NAME, "minItems": 1, "maxItems": 20}},
}
"""What they are asked beside their address."""


def document(app: Flask) -> Schema:
    """The description of a sandbox: OpenAPI 3.1.

    Args:
        app: the sandbox's application, whose addresses for testers are described.
    """
    paths: dict[str, Schema] = {}
    for operation in (*OPERATIONS, *CODES):
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith(_CONTROL) and not rule.rule.startswith(_PAGES):
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                path = _VARIABLE.sub(r"{\2}", rule.rule)
                paths.setdefault(path, {})[method.lower()] = _control(app, rule, method)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "The i'mport sandbox",
            "version": "1",
            "description": "What this sandbox simulates of i'mport, and the addresses under /_sandbox/ for testers.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": _TOKEN,
            "schemas": {name: _shape(kind) for name, kind in NAMED.items()} | {"Refusal": _envelope({"type": "null"})},
        },
    }


def _operation(one: Operation) -> Schema:
    is_open = one.path == "/users/getToken"
    described: Schema = {
        "operationId": one.name,
        "tags": ["REST API"],
        "security": [] if is_open else [{"token": []}],
        "parameters": [_in_path(name) for name in re.findall(r"{(\w+)}", one.path)],
        "responses": {str(status): _answer(one, status) for status in one.statuses},
    }
    names = {name: name in one.required for name in (*one.required, *one.optional)}
    if one.method in _BODYLESS:
        described["parameters"] += [
            {"name": name, "in": "query", "required": is_required, "schema": _schema(SENT[name])}
            for name, is_required in names.items()
        ]
    elif names:
        body = {
            "type": "object",
            "properties": {name: _schema(SENT[name]) for name in names},
            "required": list(one.required),
        }
        described["requestBody"] = {"content": {kind: {"schema": body} for kind in (_JSON, _FORM)}}
    return described


def _in_path(name: str) -> Schema:
    kind: Kind = STATUSES if name == "payment_status" else Text(80)
    return {"name": name, "in": "path", "required": True, "schema": _schema(kind) | {"minLength": 1}}


def _answer(one: Operation, status: int) -> Schema:
    """What an operation answers; a refusal of business is HTTP 200, as a success is."""
    refusal = {"$ref": "#/components/schemas/Refusal"}
    is_success = status < 300 and one.response is not None  # noqa: PLR2004
    schema = {"anyOf": [_envelope(_schema(one.response)), refusal]} if is_success and one.response else refusal
    text = "What was asked for, or a refusal of business" if is_success else "A refusal"
    return {"description": text, "content": {_JSON: {"schema": schema}}}


def _envelope(response: Schema) -> Schema:
    fields = {"code": {"type": "integer"}, "message": {"type": ["string", "null"]}, "response": response}
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def _control(app: Flask, rule: Rule, method: str) -> Schema:
    view = app.view_functions[rule.endpoint]
    described: Schema = {
        "operationId": f"{method} {rule.rule}",
        "summary": (view.__doc__ or "").partition("\n")[0],
        "tags": ["For testers"],
        "parameters": [
            *_variables(rule),
            *(
                {"name": name, "in": "query", "schema": asked}
                for name, asked in _QUERIES.get(rule.endpoint, {}).items()
            ),
        ],
        "responses": {
            "201" if method == "POST" and rule.endpoint in _CREATES else "200": {
                "description": "Done",
                "content": {_JSON: {"schema": {}}},
            },
            **{
                status: {"description": text, "content": {_JSON: {"schema": _ERROR}}}
                for status, text in (("400", "A mistake, and which"), ("404", "There is none"), ("413", "Too much"))
            },
        },
    }
    if method not in _BODYLESS:
        described["requestBody"] = {"content": {_JSON: {"schema": _BODIES.get(rule.endpoint, {"type": "object"})}}}
    return described


def _variables(rule: Rule) -> Iterator[Schema]:
    for converter, name in _VARIABLE.findall(rule.rule):
        is_number = converter == "int"
        schema = (
            {"type": "integer", "minimum": 1, "maximum": 2**31} if is_number else {"type": "string", "minLength": 1}
        )
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _schema(kind: Kind) -> Schema:
    for name, named in NAMED.items():
        if kind is named:
            return {"$ref": f"#/components/schemas/{name}"}
    return _shape(kind)


def _shape(kind: Kind) -> Schema:  # noqa: PLR0911 - one line for each kind
    match kind:
        case Text():
            limits = {"maxLength": kind.longest, "enum": list(kind.choices) or None}
            return {"type": "string", **{name: value for name, value in limits.items() if value is not None}}
        case Number():
            number: Schema = {"type": "integer" if kind.whole else "number"}
            return number if kind.least is None else {**number, "minimum": kind.least}
        case Flag():
            return {"type": "boolean"}
        case Null():
            return {"type": "null"}
        case Maybe():
            return {"anyOf": [_schema(kind.kind), {"type": "null"}]}
        case ListOf():
            return {"type": "array", "items": _schema(kind.kind)}
        case Either():
            return {"anyOf": [_schema(kind.first), _schema(kind.second)]}
        case Object():
            fields = {name: _schema(field) for name, field in kind.fields.items()}
            return {
                "type": "object",
                "properties": {**fields, **{name: {} for name in sorted(kind.optional)}},
                "required": sorted(kind.required) if kind.required is not None else list(fields),
            }
    raise TypeError(kind)
