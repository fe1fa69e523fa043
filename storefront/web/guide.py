"""The JTNet guide as pages of the demo: `docs/guide.md`, and the lines of this shop that it points to.

Beside the sandbox only: it explains, and a shop where real money moves has nothing to explain to its shoppers.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, abort, render_template, url_for
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from storefront.web.shop import settings

blueprint = Blueprint("guide", __name__, url_prefix="/guide")

_PACKAGE = Path(__file__).resolve().parents[1]
# In a checkout docs/, examples/ and static/ stand beside the package, in an installed one inside it.
_ROOTS = (_PACKAGE.parent, _PACKAGE)
_MARKDOWN = MarkdownIt("commonmark", {"html": False})


@dataclass(frozen=True)
class Piece:
    """Lines that the guide points to.

    Attributes:
        path: the file, from the project's folder.
        name: a function, a class or `Class.method` in it; empty for the whole file.
    """

    path: str
    name: str

    @property
    def place(self) -> str:
        """How an address names it."""
        return f"{self.path}:{self.name}" if self.name else self.path


@blueprint.before_request
def _only_beside_the_sandbox() -> None:
    if not settings().sandbox_url:
        abort(404)


@blueprint.get("")
def show() -> str:
    """The guide; its links to code lead to the lines, as this shop runs them."""
    tokens = _tokens()
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
    """The lines themselves. Only what the guide names is shown."""
    pieces = (piece_of(str(link.attrs["href"]), label) for link, label, _end in _links(_tokens()))
    piece = next((piece for piece in pieces if piece and piece.place == place), None)
    if piece is None:
        abort(404)
    first, lines = lines_of(_read(piece.path), piece.name)
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


def lines_of(source: str, name: str) -> tuple[int, list[str]]:
    """Where a name is defined in Python or JavaScript.

    Returns:
        The number of the first line, and the lines; all of them if `name` is empty.

    Raises:
        LookupError: nothing of that name is there; the page that points to it is out of date.
    """
    lines = source.splitlines()
    if not name:
        return 1, lines
    script = re.search(rf"^(async )?function {re.escape(name)}\(.*?^}}", source, re.MULTILINE | re.DOTALL)
    if script:
        first = source[: script.start()].count("\n")
        return first + 1, script[0].splitlines()
    nodes: list[ast.AST] = [ast.parse(source)]
    for part in name.split("."):
        nodes = [child for node in nodes for child in ast.iter_child_nodes(node) if getattr(child, "name", "") == part]
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            return node.lineno, lines[node.lineno - 1 : node.end_lineno]
    raise LookupError(name)


def _tokens() -> list[Token]:
    return _MARKDOWN.parse(_read("docs/guide.md"))


def _links(tokens: list[Token]) -> Iterator[tuple[Token, str, Token]]:
    """Each link: where it begins, its text, where it ends. A text is of one piece."""
    for token in tokens:
        inner = token.children or []
        for at, child in enumerate(inner):
            if child.type == "link_open":
                yield child, inner[at + 1].content, inner[at + 2]


def _read(path: str) -> str:
    for root in _ROOTS:
        if (root / path).is_file():
            return (root / path).read_text(encoding="utf-8")
    raise FileNotFoundError(path)
