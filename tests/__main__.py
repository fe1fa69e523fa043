"""All tests, as two runs at the same time: one core has little to do while a browser or a killed shop is waited for.

Arguments go to each run. It fails if one of them does.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
BESIDE = {"browser", "clients", "commands", "crash", "examples"}
"""Folders of the second run: whatever starts browsers, servers and clients, and enough besides for half of the time."""
NOTHING_CHOSEN = 5
"""pytest's code for a run that has none of the tests that were asked for."""


def main(arguments: list[str]) -> int:
    """Run them; what the first one says is shown at once, the second one's words when it is through.

    Returns:
        0 if every test has passed.
    """
    command = [sys.executable, "-m", "pytest", "--browser-tests", *arguments]
    folders = {path.parent.name for path in HERE.glob("*/test_*.py")}
    first, second = ([f"tests/{name}" for name in sorted(names)] for names in (folders - BESIDE, folders & BESIDE))
    with tempfile.TemporaryFile("w+") as said:
        beside = subprocess.Popen([*command, *second], stdout=said, stderr=subprocess.STDOUT)
        codes = {subprocess.run([*command, *first], check=False).returncode, beside.wait()}
        said.seek(0)
        sys.stdout.write(said.read())
    if codes - {0, NOTHING_CHOSEN}:
        return 1
    return 0 if 0 in codes else NOTHING_CHOSEN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
