"""Print every finding: `python -m tests.bench [part …]`; 1 when one of them is too much."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.bench import crowd, renewals, sandbox, shop

PARTS = {"shop": shop, "crowd": crowd, "renewals": renewals, "sandbox": sandbox}


def main(names: list[str]) -> int:
    """Measure the parts that are named, or everything; a line for each finding."""
    good = True
    for name in names or PARTS:
        with tempfile.TemporaryDirectory() as data:
            for finding in PARTS[name].findings(Path(data)):
                print(finding, flush=True)  # noqa: T201
                good = good and finding.value <= finding.most
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
