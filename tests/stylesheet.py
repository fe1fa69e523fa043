"""Bootstrap's stylesheet, cut down to what the shop's pages wear: `python -m tests.stylesheet` writes it anew.

Whole it is 232 KB, of which the shop uses a twentieth. The result is committed, so nothing is built to install or to
run the shop; a test holds it against the pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from importlib.resources import files
from pathlib import Path

import tinycss2
from tinycss2.ast import AtRule, Node, QualifiedRule

ROOT = Path(__file__).resolve().parents[1]
TRIMMED = ROOT / "static" / "css" / "bootstrap.css"
OURS = [ROOT / "static" / "css" / "theme.css", ROOT / "static" / "css" / "pages.css"]
WEARERS = [ROOT / "templates", ROOT / "static" / "js"]

_WORD = re.compile(r"[A-Za-z][\w-]*")
_VARIABLE = re.compile(r"--bs-[\w-]+")
_SAID = "/* %s\n   Cut down to what the shop's pages wear by `make styles`. Do not edit. */\n"

Wanted = Callable[[str], bool]


def words_in(folders: Iterable[Path]) -> set[str]:
    """Every word of what stands in some folders: a class is one of them, or is put together from two."""
    sources = [
        file for folder in folders for file in folder.rglob("*") if file.suffix in {".html", ".js", ".py", ".svg"}
    ]
    return set(_WORD.findall("".join(file.read_text() for file in sources)))


def is_worn(name: str, words: set[str]) -> bool:
    """Whether a class is written out somewhere, or put together from a beginning and a word: `is-{{ plan.code }}`."""
    beginning, _, word = name.partition("-")
    return name in words or (f"{beginning}-" in words and word in words)


def whole() -> str:
    """Bootstrap's own stylesheet, as Bootstrap-Flask brings it."""
    return (files("flask_bootstrap") / "static/bootstrap5/css/bootstrap.min.css").read_text()


def trimmed(wanted: Wanted) -> str:
    """The rules whose classes are all wanted, with the variables that they or our own sheets use."""
    sheet = whole()
    licence = re.search(r"/\*!(.*?)\*/", sheet, re.DOTALL)
    assert licence
    rules = list(_kept(_parsed(sheet), wanted))
    used = _VARIABLE.findall("".join(path.read_text() for path in OURS))
    rules = _without_unused_variables(rules, set(used))
    return _SAID % licence[1].strip().replace("\n", "\n  ") + "\n".join(rules) + "\n"


def rules(sheet: str) -> set[tuple[str, str]]:
    """Every selector of a sheet, with the media it is for."""
    return set(_pairs(_parsed(sheet), ""))


def _pairs(found: Iterable[Node], media: str) -> Iterable[tuple[str, str]]:
    for rule in found:
        if isinstance(rule, QualifiedRule):
            yield from ((media, selector) for selector, _classes in _selectors(rule.prelude))
        elif isinstance(rule, AtRule) and rule.content:
            yield from _pairs(_parsed(rule.content), _text(rule.prelude))


def _parsed(sheet: str | list[Node]) -> list[Node]:
    return list(tinycss2.parse_rule_list(sheet, skip_comments=True, skip_whitespace=True))


def _kept(rules: Iterable[Node], wanted: Wanted) -> Iterable[str]:
    for rule in rules:
        if isinstance(rule, QualifiedRule):
            selectors = [text for text, classes in _selectors(rule.prelude) if all(map(wanted, classes))]
            if selectors:
                yield f"{','.join(selectors)}{{{_text(rule.content)}}}"
        elif isinstance(rule, AtRule) and rule.lower_at_keyword == "media":
            inner = list(_kept(_parsed(rule.content), wanted))
            if inner:
                yield f"@media {_text(rule.prelude)}{{{''.join(inner)}}}"


def _selectors(prelude: list[Node]) -> Iterable[tuple[str, list[str]]]:
    """Each selector of a list, with the classes an element has to have for it (not those it must not have)."""
    parts: list[list[Node]] = [[]]
    for node in prelude:
        if node.type == "literal" and node.value == ",":
            parts.append([])
        else:
            parts[-1].append(node)
    for part in parts:
        dots = [index for index, node in enumerate(part) if node.type == "literal" and node.value == "."]
        yield _text(part), [part[index + 1].value for index in dots]


def _text(nodes: list[Node]) -> str:
    return str(tinycss2.serialize(nodes)).strip()


def _without_unused_variables(rules: list[str], used: set[str]) -> list[str]:
    """Drop the declarations of variables that nobody reads, until every one is read."""
    declared = re.compile(r"(--bs-[\w-]+):(?:[^;{}\"']|\"[^\"]*\"|'[^']*')*;?")
    read = used | {name for rule in rules for name in re.findall(r"var\((--bs-[\w-]+)", rule)}
    fewer = [declared.sub(lambda found: found[0] if found[1] in read else "", rule) for rule in rules]
    fewer = [rule for rule in fewer if not rule.endswith("{}")]
    return rules if fewer == rules else _without_unused_variables(fewer, used)


def of_the_pages() -> str:
    """What the pages of the shop wear."""
    words = words_in(WEARERS)
    return trimmed(lambda name: is_worn(name, words))


if __name__ == "__main__":
    TRIMMED.write_text(of_the_pages())
