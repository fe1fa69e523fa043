"""What is known only when a scenario is played, put into its texts: `${run}`, `${now+60}`, `${inbox}`, a payment's name."""

from __future__ import annotations

from collections.abc import Mapping
from string import Template
from typing import Any

RUN, NOW, INBOX = "run", "now", "inbox"
INBOX_PATH = "/_sandbox/inbox"
"""Takes every webhook of a scenario, and does nothing with it: it needs no token."""


class _Text(Template):
    braceidpattern = r"(?a:[a-z][a-z0-9_]*)(?:\+[0-9]{1,9})?"


class Names(dict[str, str]):
    """What texts may name.

    Args:
        now: the sandbox's time, in UNIX seconds; it may be named with seconds to add.
        known: everything else.
    """

    def __init__(self, now: int, known: Mapping[str, str]) -> None:
        super().__init__(known)
        self.now = now

    def __missing__(self, name: str) -> str:
        """The time, or some seconds later."""
        base, _, seconds = name.partition("+")
        if base != NOW:
            raise KeyError(name)
        return str(self.now + int(seconds or 0))


def filled(value: Any, names: Names) -> Any:
    """A value of JSON with every name in its texts replaced.

    Raises:
        KeyError: a name that nobody knows.
        ValueError: a lone `$`; it is written twice.
    """
    if isinstance(value, str):
        return _Text(value).substitute(names)
    if isinstance(value, dict):
        return {filled(key, names): filled(item, names) for key, item in value.items()}
    return [filled(item, names) for item in value] if isinstance(value, list) else value
