"""All tests, as two runs at the same time: one core has little to do while a browser or a killed shop is waited for.

Arguments go to each run. It fails if one of them does.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
APART = (("browser", "clients", "commands", "crash", "examples", "sandbox"),)
"""Folders with a run of their own: whatever starts browsers, servers and clients, and enough besides for half of the time."""
NOTHING_CHOSEN = 5
"""pytest's code for a run that has none of the tests that were asked for."""


def runs() -> list[list[str]]:
    """The tests' folders, each in one of the runs."""
    apart = {name for names in APART for name in names}
    others = {path.parent.name for path in HERE.glob("*/test_*.py")} - apart
    return [[f"tests/{name}" for name in sorted(names)] for names in (others, *APART)]


def main(arguments: list[str]) -> int:
    """Run them; what the first one says is shown at once, the others' words when they are through.

    Returns:
        0 if every test has passed.
    """
    command = [sys.executable, "-m", "pytest", "--browser-tests", *arguments]
    first, *others = runs()
    beside = []
    for folders in others:
        said = tempfile.TemporaryFile("w+")  # noqa: SIM115 - read when the run is over
        beside.append((subprocess.Popen([*command, *folders], stdout=said, stderr=subprocess.STDOUT), said))
    codes = {subprocess.run([*command, *first], check=False).returncode}
    for process, said in beside:
        codes.add(process.wait())
        said.seek(0)
        sys.stdout.write(said.read())
        said.close()
    if codes - {0, NOTHING_CHOSEN}:
        return 1
    return 0 if 0 in codes else NOTHING_CHOSEN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
