"""What a tester's JSON asks for, as values with types; a mistake is a text that begins with the field's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from flask import Request

from storefront.sandbox.books import cards
from storefront.sandbox.parts import Sandbox
from storefront.sandbox.window import opened, paying
from storefront.sandbox.window.paying import WindowResult
from storefront.sandbox.wire.addresses import web_address
from storefront.sandbox.wire.parameters import Parameters, read_json

LONGEST_MOVE_S = 10**9


class BadRequest(ValueError):  # noqa: N818 - a tester's mistake
    """The text says what is wrong."""


def body_of(request: Request) -> dict[str, Any]:
    """The JSON object of a request; nothing is an empty one.

    Raises:
        BadRequest: it is none.
    """
    if not request.get_data():
        return {}
    try:
        value = read_json(request.get_data())
    except ValueError as error:
        raise BadRequest(f"the body should be JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadRequest("the body should be a JSON object")
    return value


def choice(body: Mapping[str, Any], name: str, *choices: str) -> Any:
    """One of some words, the first unless told."""
    value = body.get(name, choices[0])
    if value not in choices:
        raise BadRequest(f"{name}: one of {', '.join(choices)}")
    return value


def number(body: Mapping[str, Any], name: str, default: float, *, least: float, most: float) -> float:
    """A number between bounds."""
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise BadRequest(f"{name}: a number from {least:g} to {most:g}")
    return value


def move(body: Mapping[str, Any]) -> int:
    """How many seconds the clock shall move forward."""
    if "advance" not in body:
        raise BadRequest("advance: seconds to move forward")
    return int(number(body, "advance", 0, least=0, most=LONGEST_MOVE_S))


def visit(body: Mapping[str, Any]) -> dict[str, Any]:
    """What somebody does in a payment window, as the arguments of `window.paying.pay`.

    Raises:
        BadRequest: nobody can do that.
        Refusal: the forged amount is none.
    """
    params = body.get("params")
    if not isinstance(params, dict):
        raise BadRequest("params: the parameters of request_pay, as an object")
    return {
        "params": params,
        "device": choice(body, "device", *get_args(paying.Device)),
        "sdk": choice(body, "sdk", *get_args(paying.Sdk)),
        "card": cards.named(str(body.get("card") or "")),
        "outcome": choice(body, "outcome", *get_args(paying.Outcome)),
        "charge_amount": Parameters(body).won("charge_amount"),
        "late": body.get("late") is True,
        "page": body["page"] if web_address(str(body.get("page"))) else None,
    }


def go_through(sandbox: Sandbox, body: Mapping[str, Any], user_agent: str | None = None) -> WindowResult:
    """Go through a payment window without a browser, and write down how it ended.

    Raises:
        BadRequest: nobody can do that.
        InvalidCard: malformed card data; nothing has happened.
    """
    asked = visit(body)
    result = paying.pay(sandbox, **asked, user_agent=user_agent)
    facts = {"outcome": asked["outcome"], **vars(result)}
    opened.step(sandbox, asked["params"], "ended without a browser", **facts)
    return result
