"""The same text as other keyboards, phones and documents spell it."""

from __future__ import annotations

import unicodedata

from hypothesis import strategies as st

NAMES = [
    "김아침",
    "Achim Kim",
    "Zoë Müller-Kim",
    "Nguyễn Thị Ánh",
    "이 1세",
    "남궁가나다라마바사아자차카타파하거너더러",
]
PHONES = ["010-1234-5678", "011-234-5678", "02-123-4567", "031-1234-5678", "070-1234-5678", "0505-1234-5678"]

# Zero-width, direction marks, soft hyphen, fillers, variation selectors, and joiners that join nothing here.
UNSEEN = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u200e\u200f\u202a\u202c\u202e\u2066\u2069\u061c\u3164\ufe0e\ufe0f\U000e0100"
SPACES = " \u00a0\u2002\u2009\u202f\u205f\u3000\t"
DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
WIDE = {chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)}


def dressed_name(name: str) -> st.SearchStrategy[str]:
    """A name with any of it, composed or not."""
    return _dressed(name, wide=str.isdigit)


def dressed_email(email: str) -> st.SearchStrategy[str]:
    """An address with any of it, wide letters and signs included."""
    return _dressed(email, wide=lambda character: character in WIDE)


def dressed_phone(phone: str) -> st.SearchStrategy[str]:
    """A number with or without the country's code, its groups kept apart in any way, with any of it."""
    groups = phone.split("-")
    abroad = [groups[0].removeprefix("0"), *groups[1:]]
    ways = [groups, *([code, *abroad] for code in ("+82", "82", "0082")), ["+82", f"(0){abroad[0]}", *abroad[1:]]]
    separators = st.sampled_from([" ", "-", ".", ""])
    return st.tuples(st.sampled_from(ways), separators).flatmap(
        lambda way: _dressed(way[1].join(way[0]), wide=str.isdigit)
    )


def _dressed(text: str, *, wide: object) -> st.SearchStrategy[str]:
    form = st.sampled_from(["NFC", "NFD"])
    return form.flatmap(
        lambda name: _around([_spelled(character, wide) for character in unicodedata.normalize(name, text)])
    )


def _around(characters: list[st.SearchStrategy[str]]) -> st.SearchStrategy[str]:
    unseen = st.text(UNSEEN, max_size=2)
    parts = [part for character in characters for part in (unseen, character)]
    return st.tuples(st.text(SPACES, max_size=2), *parts, unseen, st.text(SPACES, max_size=2)).map("".join)


def _spelled(character: str, wide: object) -> st.SearchStrategy[str]:
    if character == " ":
        return st.text(SPACES, min_size=1, max_size=2)
    if character == "-":
        return st.sampled_from(DASHES)
    if character in WIDE and wide(character):  # type: ignore[operator]
        return st.sampled_from([character, WIDE[character]])
    return st.just(character)
