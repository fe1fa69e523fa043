"""The README promises tests by name; they have to be there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_test_that_the_readme_names_exists() -> None:
    """A renamed test is renamed there too."""
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "README.md").read_text()))
    written = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert len(named) > 30
    assert named <= written, named - written
