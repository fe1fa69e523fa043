"""The README's examples, out of the README itself."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"
_BLOCK = re.compile(r"^```\w+\n(?:#|//) (?P<name>[\w.]+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


def examples() -> dict[str, str]:
    """Every code block whose first line is a comment with a file's name, by that name."""
    return {
        found["name"]: found[0].split("\n", 1)[1].removesuffix("```") for found in _BLOCK.finditer(README.read_text())
    }


def write(folder: Path, *names: str) -> None:
    """Save examples under their names, as a reader does."""
    for name in names:
        (folder / name).write_text(examples()[name])
