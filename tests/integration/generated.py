"""Requests as nobody should send them, for every address of an application: nearly right ones, and noise.

An operation is a rule of `app.url_map` with one of its methods, so a new route is covered by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_from_bytes

from flask import Flask
from hypothesis import strategies as st

from tests.integration.right_requests import PATH_PARTS, Right

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

TEXTS = [
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "\u202e\u200b",
    "\r\nSet-Cookie: a=b",
    "가" * 17,
    "x" * 41,
    "x" * 300,
    "x" * 600,
    "x" * 70_000,
    "İ" * 50 + "@example.com",
    "🫘" * 12,
    "null",
    "true",
    "0",
    "-1",
    "--1",
    "1.5",
    "1e3",
    "1e400",
    "٣",
    "²",
    "1_000",
    "+1",
    " 1 ",
    "NaN",
    "-Infinity",
    "sNaN",
    "999999999",
    "9" * 10,
    "9223372036854775807",
    "9223372036854775808",
    "9" * 30,
    "9" * 5_000,
    "0001-01-01",
    "9999-12-31T23:59:59Z",
    "253402300800",
    "../../users/getToken",
    "a/b",
    "a?b=c&d#e",
    "%00",
    "%ff",
    "' OR 1=1 --",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "http://[",
    "http://[::1",
    "http://127.0.0.1:99999999/",
    "//evil.test/",
    "http://127.0.0.1:8000/\r\na: b",
    "javascript:alert(1)",
    "PAID_ORDER",
    "READY_ORDER",
    "OTHERS_ORDER",
    "PAID_IMP_UID",
    "DECLINED_IMP_UID",
    "STORED_KEY",
    "OTHERS_CARD_ID",
]
"""Texts for every place. The words in capitals are right somewhere else."""

NO_TEXTS: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    1e308,
    float("nan"),
    float("inf"),
    2**31,
    2**63,
    2**64,
    10**25,
    -(10**25),
    10**11 + 1,
    [],
    {},
    [[]],
    [None],
    ["x", 1, None, {}],
    [{"merchant_uid": []}],
    {"$ne": ""},
    {"a": {"b": {"c": ["d"]}}},
    "\ud800",
    ["\ud800", "a\0b"],
    json.loads("[" * 400 + "]" * 400),
]
"""What a JSON body can have where a text or a number is expected."""

WORST = [
    "",
    "\0",
    "a\0b",
    "\ud800",
    "x" * 600,
    "İ" * 50 + "@example.com",
    "--1",
    "9" * 30,
    "http://[",
    -1,
    2**64,
    [],
    {},
]
"""What every field is sent at least once, everything else being right."""

NO_FORM_TEXTS = [b"%ff", b"%C0%80", b"%ED%A0%80", b"%", b"%zz", b"%u0000", b"\xff\xfe", b"a%00b", b"+"]
"""What percent-encoding can hide."""

BODIES: list[tuple[bytes, str]] = [
    (b"", JSON),
    (b"{", JSON),
    (b"[]", JSON),
    (b"null", JSON),
    (b"1", JSON),
    (b'"text"', JSON),
    (b"[" * 30_000, JSON),
    (b'{"a":' * 30_000, JSON),
    (b"9" * 5_000, JSON),
    (b'{"a": ' + b"9" * 5_000 + b"}", JSON),
    (b'{"a": "\xff"}', JSON),
    (b'\xef\xbb\xbf{"a": 1}', JSON),
    ('{"a": "가"}'.encode("utf-16"), JSON),
    (b'{"a": 1, "a": [2]}', JSON),
    (b"{}" + b" " * 1_100_000, JSON),
    (b"a=" + b"b" * 600_000, FORM),
    (b"&".join(b"a%d=" % number for number in range(2_000)), FORM),
    (b"a[b][c]=1&a[0][b]=2&a[99999][b]=3&a[]=&[]=1&=&&==", FORM),
    (b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x--", "multipart/form-data; boundary=x"),
    (b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n", "multipart/form-data; boundary=x"),
    (b"--x", "multipart/form-data"),
    (b"<a/>", "text/xml"),
    (b"a=b", ""),
    (b"a=b", "\xff/\xff; charset=nowhere"),
    (b"{}", "application/json; charset=utf-7"),
    (b"a=%82%a0", FORM + "; charset=shift_jis"),
    (b"{}", "application/merge-patch+json"),
]
"""Bodies that are none."""

LENGTHS = ["0", "1", "1000000000000", "9" * 5_000, "-1", "x", "1, 2"]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"]
HEADERS = [
    ("Accept", JSON),
    ("Accept", "text/html;q=x, */*;q=-1, \xff"),
    ("Accept-Language", "x" * 5_000),
    ("Accept-Language", "tlh, *;q=a"),
    ("Cookie", "morning_roast=a.b.c; morning_roast_language=tlh; morning_roast_theme=\xff; =; a"),
    ("Cookie", 'morning_roast="\\377\\000"'),
    ("Authorization", "Basic \xff"),
    ("Authorization", "Bearer "),
    ("Host", "["),
    ("Host", "evil.test"),
    ("Host", "127.0.0.1:x"),
    ("Origin", "http://evil.test"),
    ("Origin", "null"),
    ("Referer", "http://["),
    ("X-Forwarded-For", "a, b"),
    ("X-Request-Id", "a\x7fb" * 30),
    ("X-HTTP-Method-Override", "DELETE"),
    ("Transfer-Encoding", "chunked"),
    ("Content-Encoding", "gzip"),
    ("Range", "bytes=9-1,-,x"),
    ("If-Modified-Since", "yesterday"),
    ("Expect", "200-maybe"),
]


Asker = tuple[tuple[str, str], ...]
"""Who sends: the headers that say so."""

_VARIABLE = re.compile(r"<(?:[^<>:]+:)?(\w+)>")


@dataclass(frozen=True)
class Operation:
    """One method of one address.

    Attributes:
        name: the method and the endpoint.
        rule: the address as the router knows it.
        right: what an accepted request looks like.
    """

    name: str
    rule: str
    right: Right

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.name.partition(" ")[0]


@dataclass(frozen=True, repr=False)
class Generated:
    """A request; words in capitals still stand for what exists in a world."""

    method: str
    path: str
    query: bytes
    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...]
    length: str | None

    def __repr__(self) -> str:
        """Short enough to be read when a test fails."""
        return f"Generated({', '.join(f'{name}={value!r:.300}' for name, value in vars(self).items())})"


def operations(app: Flask, right: dict[str, Right]) -> list[Operation]:
    """Every operation of an application, with what is known about its requests."""
    return [
        Operation(name, rule.rule, right.get(name, Right()))
        for rule in app.url_map.iter_rules()
        for name in (f"{method} {rule.endpoint}" for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))
    ]


Pairs = list[tuple[str, Any]]


def almost_right(operation: Operation, asker: Asker) -> Iterator[Generated]:
    """Right requests to an operation with one of the worst values in one place, for each value and each place."""
    right = operation.right
    spelling = "JSON" if right.spelling == "form or JSON" else right.spelling
    for worst in WORST:
        for place in _VARIABLE.findall(operation.rule):
            query, body, content_type = _spelt(list(right.fields.items()), spelling)
            path = _path(operation, {place: _percent(worst).decode()})
            yield Generated(operation.method, path, query, body, content_type, asker, None)
        for place in right.fields:
            query, body, content_type = _spelt(list({**right.fields, place: worst}.items()), spelling)
            yield Generated(operation.method, _path(operation, {}), query, body, content_type, asker, None)


@st.composite
def requests_to(draw: st.DrawFn, operation: Operation, askers: Sequence[Asker]) -> Generated:
    """A request to an operation: one place of a right one spoilt, or every place.

    Args:
        draw: Hypothesis gives it.
        operation: what is asked for.
        askers: who may ask; the first one may do so.
    """
    right = operation.right
    parts = _VARIABLE.findall(operation.rule)
    places = [*parts, *right.fields, "method", "body", "length", "header", "asker", "more", "spelling", "nothing"]
    spoilt = set(places) if draw(st.integers(0, 4)) == 0 else {draw(st.sampled_from(places))}
    path = _path(operation, {part: _path_part(draw) for part in parts if part in spoilt})
    pairs: Pairs = []
    for name, value in right.fields.items():
        pairs += _spoil(draw, name, value) if name in spoilt else [(name, value)]
    if "more" in spoilt:
        pairs += _spoil(draw, draw(st.sampled_from(["a", "a[]", "a[0][b]", "\ud800", "", "__class__", "x" * 500])), "")
    spellings = ["form", "JSON", "query"] if "spelling" in spoilt else right.spelling.split(" or ")
    query, body, content_type = _spelt(pairs, draw(st.sampled_from(spellings)))
    if "body" in spoilt:
        body, content_type = draw(st.sampled_from(BODIES))
    headers = draw(st.sampled_from(askers)) if "asker" in spoilt else askers[0]
    if "header" in spoilt:
        headers = (*headers, draw(st.sampled_from(HEADERS)))
    method = draw(st.sampled_from(METHODS)) if "method" in spoilt and draw(st.booleans()) else operation.method
    length = draw(st.sampled_from(LENGTHS)) if "length" in spoilt else None
    return Generated(method, path, query, body, content_type, headers, length)


def _path(operation: Operation, spoilt: dict[str, str]) -> str:
    """The path of an operation; what is spoilt is percent-encoded already."""
    right = {**PATH_PARTS, **operation.right.path}
    return _VARIABLE.sub(lambda part: spoilt.get(part[1]) or quote(right.get(part[1], "x"), safe=""), operation.rule)


def _path_part(draw: st.DrawFn) -> str:
    hidden = draw(st.sampled_from([*NO_FORM_TEXTS[:-1], *TEXTS]))
    return (hidden if isinstance(hidden, bytes) else _percent(hidden)).decode("latin-1")


def _spoil(draw: st.DrawFn, name: str, value: Any) -> Pairs:
    """A field with another value, or several, or none, or with another name."""
    another = draw(st.sampled_from([*TEXTS, *NO_TEXTS, *NO_FORM_TEXTS]))
    ways: dict[str, Pairs] = {
        "another value": [(name, another)],
        "missing": [],
        "twice": [(name, value), (name, another)],
        "a list": [(name, [value, another])],
        "an array": [(f"{name}[]", value), (f"{name}[]", another)],
        "an object": [(f"{name}[0][{name}]", another)],
    }
    way = draw(st.sampled_from(["within", "another value", *ways]))
    if way != "within":
        return ways[way]
    if isinstance(value, dict) and value:
        inner = draw(st.sampled_from(sorted(value)))
        kept = {field: item for field, item in value.items() if field != inner}
        return [(name, {**kept, **dict(_spoil(draw, inner, value[inner]))})]
    if isinstance(value, list) and value:
        return [(name, [item for _, item in _spoil(draw, name, value[0])])]
    return ways["another value"]


def _spelt(pairs: Pairs, spelling: str) -> tuple[bytes, bytes, str]:
    """Query, body and content type."""
    if spelling == "query":
        return _as_form(pairs), b"", ""
    return (b"", _as_form(pairs), FORM) if spelling == "form" else (b"", _as_json(pairs), JSON)


def _as_json(pairs: Pairs) -> bytes:
    """An object, in which a name may stand twice."""
    members = (f"{json.dumps(name)}:{json.dumps(value, default=repr)}" for name, value in pairs)
    return f"{{{','.join(members)}}}".encode()


def _as_form(pairs: Pairs) -> bytes:
    return b"&".join(
        _percent(name) + b"=" + (value if isinstance(value, bytes) else _percent(value)) for name, value in pairs
    )


def _percent(value: Any) -> bytes:
    text = value if isinstance(value, str) else json.dumps(value, default=repr)
    return quote_from_bytes(text.encode("utf-8", "surrogatepass"), safe="").encode()
