"""What a JSON value may be: a small language for our table, quick enough for every reply of a long run.

A strict look is for our own sandbox: every field of the table, and no other. A lenient one is for the service itself,
whose objects may gain fields and leave out what is null: only what its description requires must be there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol


class Kind(Protocol):
    """A kind of JSON value."""

    def problems(self, value: Any, at: str, *, lenient: bool) -> Iterator[str]:
        """What is wrong with a value that stands at a place of the reply."""


@dataclass(frozen=True)
class Text:
    """A text, at most so long, or one of a few."""

    longest: int | None = None
    choices: tuple[str, ...] = ()

    def problems(self, value: Any, at: str, *, lenient: bool) -> Iterator[str]:
        """See `Kind`; the service may know more words than we do."""
        if not isinstance(value, str):
            yield f"{at} should be a text, not {value!r}"
        elif self.longest is not None and len(value) > self.longest:
            yield f"{at} has {len(value)} characters, not {self.longest} at most"
        elif self.choices and value not in self.choices and not lenient:
            yield f"{at} should be one of {', '.join(self.choices)}, not {value!r}"


@dataclass(frozen=True)
class Number:
    """A number, or a whole one, perhaps not less than some other."""

    whole: bool = False
    least: int | None = None

    def problems(self, value: Any, at: str, *, lenient: bool) -> Iterator[str]:  # noqa: ARG002
        """See `Kind`."""
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            yield f"{at} should be a {'whole ' if self.whole else ''}number, not {value!r}"
        elif self.least is not None and value < self.least:
            yield f"{at} should not be less than {self.least}, and is {value!r}"


@dataclass(frozen=True)
class Flag:
    """True or false."""

    def problems(self, value: Any, at: str, *, lenient: bool) -> Iterator[str]:  # noqa: ARG002
        """See `Kind`."""
        if not isinstance(value, bool):
            yield f"{at} should be true or false, not {value!r}"


@dataclass(frozen=True)
class Null:
    """Nothing."""

    def problems(self, value: Any, at: str, *, lenient: bool) -> Iterator[str]:  # noqa: ARG002
        """See `Kind`."""
        if value is not None:
            yield f"{at} should be null, not {value!r}"


@dataclass(frozen=True)
class Maybe:
    """A kind of value, or null."""

    kind: Kind

    def problems(self, value: Any, at: str, *, lenient: bool) -> Iterator[str]:
        """See `Kind`."""
        if value is not None:
            yield from self.kind.problems(value, at, lenient=lenient)


@dataclass(frozen=True)
class ListOf:
    """An array."""

    kind: Kind

    def problems(self, value: Any, at: str, *, lenient: bool) -> Iterator[str]:
        """See `Kind`."""
        if not isinstance(value, list):
            yield f"{at} should be an array, not {value!r}"
            return
        for position, item in enumerate(value):
            yield from self.kind.problems(item, f"{at}[{position}]", lenient=lenient)


@dataclass(frozen=True)
class Object:
    """An object with these fields.

    Attributes:
        fields: the kind of each.
        required: the ones that the service's description demands; all of them unless told.
        optional: names that may stand beside the fields.
    """

    fields: dict[str, Kind]
    required: frozenset[str] | None = None
    optional: frozenset[str] = frozenset()

    def problems(self, value: Any, at: str, *, lenient: bool) -> Iterator[str]:
        """See `Kind`."""
        if not isinstance(value, dict):
            yield f"{at} should be an object, not {value!r}"
            return
        for name, kind in self.fields.items():
            if lenient and value.get(name) is None and self.required is not None and name not in self.required:
                continue
            if name not in value:
                yield f"{at}.{name} is missing"
            else:
                yield from kind.problems(value[name], f"{at}.{name}", lenient=lenient)
        if not lenient:
            for name in value.keys() - self.fields.keys() - self.optional:
                yield f"{at}.{name} is a field that nobody knows"


@dataclass(frozen=True)
class Either:
    """One of two kinds."""

    first: Kind
    second: Kind

    def problems(self, value: Any, at: str, *, lenient: bool) -> Iterator[str]:
        """See `Kind`; what is nearer to the second is judged by it."""
        kind = self.second if any(self.first.problems(value, at, lenient=lenient)) else self.first
        yield from kind.problems(value, at, lenient=lenient)
