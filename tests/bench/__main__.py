"""Print every finding: `python -m tests.bench`; 1 when one of them is too much."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.bench import crowd, sandbox, shop


def main() -> int:
    """Measure everything, a line each."""
    good = True
    for part in (shop, crowd, sandbox):
        with tempfile.TemporaryDirectory() as data:
            for finding in part.findings(Path(data)):
                print(finding, flush=True)  # noqa: T201
                good = good and finding.value <= finding.most
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
