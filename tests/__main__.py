"""All tests, as three runs at the same time: a core has little to do while a browser or a killed shop is waited for.

Arguments go to each run. It fails if one of them does.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

HERE = Path(__file__).resolve().parent
BESIDE = ({"browser", "crash"}, {"clients", "commands", "examples", "model"})
"""Folders of the runs beside the first one, which has all others. Each is about as long as the others."""
NOTHING_CHOSEN = 5
"""pytest's code for a run that has none of the tests that were asked for."""


def main(arguments: list[str]) -> int:
    """Run them; what the first one says is shown at once, the others' words when they are through.

    Returns:
        0 if every test has passed.
    """
    folders = {path.parent.name for path in HERE.glob("*/test_*.py")}
    first = folders.difference(*BESIDE)
    with ExitStack() as files:
        beside = []
        for names in BESIDE:
            said = files.enter_context(tempfile.TemporaryFile("w+"))
            beside.append((subprocess.Popen(_command(names, arguments), stdout=said, stderr=subprocess.STDOUT), said))
        codes = {subprocess.run(_command(first, arguments), check=False).returncode}
        for process, said in beside:
            codes.add(process.wait())
            said.seek(0)
            sys.stdout.write(said.read())
    if codes - {0, NOTHING_CHOSEN}:
        return 1
    return 0 if 0 in codes else NOTHING_CHOSEN


def _command(folders: set[str], arguments: list[str]) -> list[str]:
    chosen = [f"tests/{name}" for name in sorted(folders)]
    return [sys.executable, "-m", "pytest", "--browser-tests", *arguments, *chosen]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
