"""Drives an installed Python client: each line of input is a call, each line of output what came of it.

It runs in the client's own environment, where nothing but the standard library and the client can be imported.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any


def main(module: str, name: str, options: str) -> None:
    """Make the client when it is first called, because some of them ask for a token at once."""
    client: Any = None
    for line in sys.stdin:
        call = json.loads(line)
        try:
            client = client or getattr(importlib.import_module(module), name)(**json.loads(options))
            outcome = {"returned": getattr(client, call["method"])(*call["arguments"], **call["named"])}
        except Exception as error:
            outcome = {"raised": type(error).__name__, "said": str(error), "facts": vars(error)}
        sys.stdout.write(json.dumps(outcome, default=str) + "\n")
        sys.stdout.flush()


main(*sys.argv[1:])
