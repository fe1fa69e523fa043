"""A client of somebody else's in a process of its own, which a story calls step by step."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Raised(Exception):  # noqa: N818 - it is the client's error, not ours
    """The client raised an error.

    Attributes:
        kind: the name of its class.
        said: its text.
        facts: what it carries for programs.
    """

    def __init__(self, kind: str, said: str, facts: dict[str, Any]) -> None:
        super().__init__(f"{kind}: {said} {facts}")
        self.kind, self.said, self.facts = kind, said, facts


class Client:
    """The client as its users know it: a method's name, and what goes between the parentheses."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def call(self, method: str, *arguments: Any, **named: Any) -> Any:
        """Call a method and give back what it returned; JavaScript gets the named ones as an object.

        Raises:
            Raised: the client raised an error.
        """
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"method": method, "arguments": arguments, "named": named}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the client's process ended with {self._process.wait(timeout=30)}"
        outcome = json.loads(line)
        if "raised" in outcome:
            raise Raised(outcome["raised"], outcome["said"], outcome["facts"])
        return outcome["returned"]


@contextmanager
def driven(command: Sequence[str | Path], **environment: str) -> Iterator[Client]:
    """Start a client's driver, and end it with the block."""
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=os.environ | environment,
    ) as process:
        yield Client(process)
