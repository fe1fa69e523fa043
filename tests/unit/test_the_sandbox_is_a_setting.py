"""The shop knows the sandbox through its settings alone: what takes real money has no line that is for practice."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import storefront

PACKAGE = Path(storefront.__file__).parent
OF_THE_DEMO = ("web/demo.py", "web/guide.py", "web/inspector/", "web/lessons/", "billing/timemachine.py")
"""The exception: what explains, plays and moves time beside the sandbox, and answers 404 everywhere else."""
KNOWN = {
    "web/home.py": {"sandbox_url"},
    "web/security.py": {"beside_sandbox"},
    # What i'mport itself calls its test channel.
    "billing/orders/judgement.py": {"sandbox"},
    "iamport/client.py": {"include_sandbox"},
    "iamport/types.py": {"sandbox"},
}
"""Everything else that names a sandbox: two properties of the settings, and i'mport's own word."""


def words(tree: ast.Module) -> Iterator[str]:
    """What a module's code says: its names, its imports and its texts, without comments and docstrings."""
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.arg(arg=word) | ast.alias(name=word):
                yield word
            case ast.ImportFrom(module=str(word)) | ast.keyword(arg=str(word)):
                yield word
            case ast.FunctionDef(name=word) | ast.ClassDef(name=word):
                yield word
            case ast.Constant(value=str(word)) if id(node) not in told:
                yield word


def test_only_the_settings_tell_the_shop_of_a_sandbox() -> None:
    """No branch, no import and no address of it anywhere else in the pages, the billing and the client."""
    found: dict[str, set[str]] = {}
    for room in ("web", "billing", "iamport"):
        for path in sorted((PACKAGE / room).rglob("*.py")):
            name = path.relative_to(PACKAGE).as_posix()
            said = {word for word in words(ast.parse(path.read_text("utf-8"))) if "sandbox" in word.lower()}
            if said and not name.startswith(OF_THE_DEMO):
                found[name] = said

    assert found == KNOWN


def test_the_names_of_the_demo_are_there() -> None:
    """An exception that has gone would let something else in."""
    assert all((PACKAGE / name).exists() for name in OF_THE_DEMO)
