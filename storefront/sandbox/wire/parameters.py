"""Reading what a client sent: JSON or form, numbers as strings, ids as numbers, `name[]` arrays.

Whatever it is, the answer is a value or a refusal, never an exception of Python's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from flask import Request

from storefront.sandbox.wire.refusals import UNREADABLE, Refusal, invalid, missing

_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?")
_NUMBERED = re.compile(r"(\w+)\[([0-9]{1,4})\]", re.ASCII)
_BRACKETED = re.compile(rf"{_NUMBERED.pattern}\[(\w+)\]", re.ASCII)
DEEPEST = 50
"""Lists in lists in objects in a body."""
LARGEST_AMOUNT = 10**10
"""Won; more than any card allows, and small enough for every number type of every client."""


class Parameters:
    """The parameters of one request, body over query.

    Args:
        values: what was sent.
        status: the HTTP status of a refusal. Searches and changes of schedules answer 400, what charges a card answers
            200.
    """

    def __init__(self, values: Mapping[str, Any], status: int = 200) -> None:
        self._values, self._status = values, status

    @classmethod
    def of(cls, request: Request, status: int = 200) -> Parameters:
        """Read a request. What only reads or deletes has no use for a body, so there any will do.

        Raises:
            Refusal: HTTP 400, the body cannot be read.
        """
        values: dict[str, Any] = {}
        is_json = request.mimetype == "application/json"
        for source in (request.args,) if is_json else (request.args, request.form):
            for name in source:  # the Go client puts spaces before names, and i'mport does not mind
                values[name.lstrip()] = source.getlist(name) if name.endswith("[]") else source[name]
        if is_json and request.get_data():
            try:
                values |= _json_object(request.get_data())
            except Refusal:
                if request.method not in ("GET", "HEAD", "DELETE"):
                    raise
        return cls(values, status)

    def text(self, name: str, longest: int, *, required: bool = False) -> str | None:
        """A text, or None when it is missing or empty; ids may come as numbers."""
        value = self._values.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)
        if value is None or value == "":
            if required:
                raise self.missing(name)
            return None
        if not isinstance(value, str):
            raise self.invalid(name, "should be a text")
        if not storable(value):
            raise self.invalid(name, "has characters that cannot be stored")
        if len(value) > longest:
            raise self.invalid(name, f"is longer than {longest} characters")
        return value

    def required_text(self, name: str, longest: int) -> str:
        """A text that must be there."""
        value = self.text(name, longest, required=True)
        if value is None:
            raise self.missing(name)
        return value

    def won(self, name: str) -> int | None:
        """An amount in whole won, or None when it is missing; it may come as a text."""
        value = self._values.get(name)
        if value is None or value == "":
            return None
        amount = whole(value)
        if amount is None or not 0 <= amount <= LARGEST_AMOUNT:
            raise self.invalid(name, "should be a whole amount of won, not negative")
        return amount

    def required_won(self, name: str) -> int:
        """An amount that must be there."""
        value = self.won(name)
        if value is None:
            raise self.missing(name)
        return value

    def number(self, name: str, default: int, *, least: int, most: int) -> int:
        """A whole number between bounds."""
        value = self._values.get(name)
        if value is None or value == "":
            return default
        number = whole(value)
        if number is None:
            raise self.invalid(name, "should be a whole number")
        if not least <= number <= most:
            raise self.invalid(name, f"should be between {least} and {most}")
        return number

    def flag(self, name: str) -> bool:
        """A yes or no; missing is no."""
        return self._values.get(name) in (True, 1, "1", "true", "True", "TRUE")

    def texts(self, name: str, longest: int) -> list[str]:
        """Several texts: `name[]=…&name[]=…`, PHP's `name[0]=…&name[1]=…`, a JSON array, or a single one."""
        value = self._values.get(f"{name}[]", self._values.get(name))
        if value is None:
            value = self._numbered(name)
        values = value if isinstance(value, list) else [value]
        found = [Parameters({name: item}, self._status).text(name, longest) for item in values]
        return [item for item in found if item is not None]

    def objects(self, name: str) -> list[Parameters]:
        """A JSON array of objects, or the same as a form spells it: as JSON text, or `name[0][field]=…`."""
        value = self._values.get(name) or self._bracketed(name)
        if isinstance(value, str):
            value = self._from_text(name, value)
        if value is None or value == []:
            raise self.missing(name)
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.invalid(name, "should be a list of objects")
        return [Parameters(item, self._status) for item in value]

    def missing(self, name: str) -> Refusal:
        """The refusal for a value that must be there."""
        return missing(name, status=self._status)

    def invalid(self, name: str, why: str) -> Refusal:
        """The refusal of a value that cannot be used."""
        return invalid(name, why, status=self._status)

    def _from_text(self, name: str, text: str) -> Any:
        try:
            return read_json(text)
        except ValueError:
            raise self.invalid(name, "should be a list of objects, as JSON") from None

    def _numbered(self, name: str) -> list[Any]:
        matches = ((_NUMBERED.fullmatch(spelling), value) for spelling, value in self._values.items())
        found = {int(match[2]): value for match, value in matches if match and match[1] == name}
        return [found[position] for position in sorted(found)]

    def _bracketed(self, name: str) -> list[dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {}
        for spelling, value in self._values.items():
            match = _BRACKETED.fullmatch(spelling)
            if match and match[1] == name:
                found.setdefault(int(match[2]), {})[match[3]] = value
        return [found[position] for position in sorted(found)]

    def raw(self, name: str) -> Any:
        """A value as it came."""
        return self._values.get(name)


def whole(value: object) -> int | None:
    """A whole number as clients spell it (`5`, `5.0`, `"5"`, `"5.0"`, in ASCII's digits), or None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = str(value).strip()
    if not _NUMBER.fullmatch(text):
        return None
    exact = Decimal(text)
    return int(exact) if exact == exact.to_integral_value() else None


def storable(text: str) -> bool:
    """Whether every database and every client can take a text: no lone surrogate, no NUL."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def read_json(text: str | bytes) -> Any:
    """JSON that can be written down again.

    Raises:
        ValueError: it is none, or nests so deep that Python would give up on it sooner or later.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("it nests too deep") from None
    if _is_deep(value, DEEPEST):
        raise ValueError("it nests too deep")
    return value


def _is_deep(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels == 0 or any(_is_deep(item, levels - 1) for item in inner)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = read_json(body)
    except ValueError:
        raise Refusal(UNREADABLE, status=400, rule="the body should be JSON") from None
    if not isinstance(value, dict):
        raise Refusal(UNREADABLE, status=400, rule="the body should be a JSON object")
    return value
