"""The files of `examples/`, as a reader takes them: copied to a folder of his own."""

from __future__ import annotations

import shutil
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def take(folder: Path, *names: str) -> None:
    """Copy examples to a folder."""
    for name in names:
        shutil.copy(EXAMPLES / name, folder)
