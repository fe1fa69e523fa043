"""The JTNet guide as pages of the demo: `docs/guide.md`, in Korean `docs/guide.ko.md`, and the lines of this shop that it points to.

Beside the sandbox only: it explains, and a shop where real money moves has nothing to explain to its shoppers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from flask import Blueprint, abort, render_template, url_for
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from storefront.web.i18n import language
from storefront.web.inspector import sources
from storefront.web.shop import only_in_the_demo
from storefront.web.source import Piece, lines_of, read_source
from storefront.wording import KOREAN

blueprint = Blueprint("guide", __name__, url_prefix="/guide")

_MARKDOWN = MarkdownIt("commonmark", {"html": False})


blueprint.before_request(only_in_the_demo)


@blueprint.get("")
def show() -> str:
    """The guide; its links to code lead to the lines, as this shop runs them."""
    tokens = _tokens(language())
    _name_headings(tokens)
    for link, label, end in _links(tokens):
        piece = piece_of(str(link.attrs["href"]), label)
        if piece:
            link.attrSet("href", url_for("guide.code", place=piece.place))
        elif "://" not in str(link.attrs["href"]):
            link.tag = end.tag = "em"  # a page of the docs, which the shop does not serve
            link.attrs.clear()
    return render_template("guide/guide.html", text=Markup(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})))  # noqa: S704


@blueprint.get("/code/<path:place>")
def code(place: str) -> str:
    """The lines themselves. Only what the guide or a step of a payment names is shown."""
    named = (piece_of(str(link.attrs["href"]), label) for link, label, _end in _links(_tokens()))
    pieces = (*filter(None, named), *sources.pieces())
    piece = next((piece for piece in pieces if piece.place == place), None)
    if piece is None:
        abort(404)
    first, lines = lines_of(read_source(piece.path), piece.name)
    return render_template("guide/code.html", piece=piece, first=first, lines=lines)


def piece_of(link: str, label: str) -> Piece | None:
    """What a link of the guide shows, or None if it leads elsewhere.

    Args:
        link: its address, as `docs/guide.md` has it.
        label: its text: `module.name` for a part of a file, or the file's name.
    """
    path = Path(link.removeprefix("../"))
    if not link.startswith("../") or path.suffix not in {".py", ".js", ".sh"}:
        return None
    return Piece(path.as_posix(), "" if label == path.name else label.partition(".")[2])


def _tokens(written_in: str = "en") -> list[Token]:
    return _MARKDOWN.parse(read_source("docs/guide.ko.md" if written_in == KOREAN else "docs/guide.md"))


def _name_headings(tokens: list[Token]) -> None:
    """So that other pages can link to a section in either language, by the names that GitHub gives the English ones too."""
    for (heading, _text), (_heading, english) in zip(_headings(tokens), _headings(_tokens()), strict=True):
        heading.attrSet("id", anchor(english.content))


def _headings(tokens: list[Token]) -> list[tuple[Token, Token]]:
    return [(heading, text) for heading, text in pairwise(tokens) if heading.type == "heading_open"]


def anchor(heading: str) -> str:
    """The name of a section: `rsp.success` is `rspsuccess`, `The key` is `the-key`."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _links(tokens: list[Token]) -> Iterator[tuple[Token, str, Token]]:
    """Each link: where it begins, its text, where it ends. A text is of one piece."""
    for token in tokens:
        inner = token.children or []
        for at, child in enumerate(inner):
            if child.type == "link_open":
                yield child, inner[at + 1].content, inner[at + 2]
