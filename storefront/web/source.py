"""The lines of this project, as its own pages show them: in a checkout and in an installed package alike."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
# In a checkout docs/, examples/ and static/ stand beside the package, in an installed one inside it.
_ROOTS = (_PACKAGE.parent, _PACKAGE)


@dataclass(frozen=True)
class Piece:
    """Lines that a page points to.

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

    @property
    def label(self) -> str:
        """How people call it: the file's name without its folders, and what stands in it."""
        return ".".join(filter(None, (Path(self.path).stem, self.name)))


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


def read_source(path: str) -> str:
    """A file of the project, named from its folder."""
    for root in _ROOTS:
        if (root / path).is_file():
            return (root / path).read_text(encoding="utf-8")
    raise FileNotFoundError(path)
