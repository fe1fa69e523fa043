"""Faults: what a tester wants to go wrong, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from storefront.sandbox.books.chance import Chance
from storefront.sandbox.books.store import Row, Store

BEFORE = ("delay", "error", "cut_before", "unauthorized")
AFTER = ("delay_after", "error_after", "cut_after", "garbage")
SPOILING = ("error", "error_after", "garbage", "cut_before", "cut_after")
"""What leaves an answer that no i'mport would give."""
OF_WEBHOOKS = ("drop", "delay", "repeat", "hold", "first")
LONGEST_DELAY_S = 120.0
FIELDS = ("path", "method", "kind", "status", "seconds", "times", "probability")
"""What is said of a fault, under the names of testers' JSON and of the store."""


class BadFault(ValueError):  # noqa: N818 - a tester's mistake
    """A fault that cannot be set.

    Attributes:
        field: what is wrong with it; the text says why.
    """

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        path: the path it waits for, exactly or up to a trailing `*`, or `webhook`.
        method: the HTTP method, or None for any.
        kind: what happens.
        status: the HTTP status of an error.
        seconds: how long a delay is.
        times: how often it happens; 0 is until it is cleared.
        probability: how likely it strikes a request that it fits, above 0 and up to 1; one that is spared counts not.
    """

    path: str
    kind: str
    method: str | None = None
    status: int = 500
    seconds: float = 0.0
    times: int = 1
    probability: float = 1.0

    def matches(self, path: str, method: str) -> bool:
        """Whether a request is the one it waits for."""
        if self.method is not None and self.method != method:
            return False
        if self.path.endswith("*"):
            return path.startswith(self.path[:-1])
        return path.rstrip("/") == self.path.rstrip("/")


class Faults:
    """The faults that are set."""

    def __init__(self, store: Store, chance: Chance) -> None:
        self._store, self._chance = store, chance
        self.look()

    def look(self) -> None:
        """See whether any is set; the books may be other ones than before."""
        self._any = bool(self._store.number("SELECT count(*) FROM fault"))

    def add(self, fault: Fault) -> int:
        """Set a fault; its id."""
        fault_id = self._store.insert("fault", **vars(fault), left=fault.times)
        self._any = True
        return fault_id

    def take(self, path: str, method: str) -> Fault | None:
        """The oldest fault that fits a request and strikes, used up by one; None when nothing goes wrong."""
        if not self._any:
            return None
        with self._store.transaction() as store:
            for row in store.all("SELECT * FROM fault WHERE times = 0 OR left > 0 ORDER BY id"):
                fault = _fault(row)
                if fault.matches(path, method) and self._strikes(fault):
                    store.write("UPDATE fault SET left = left - 1 WHERE id = ? AND times > 0", row["id"])
                    return fault
        return None

    def _strikes(self, fault: Fault) -> bool:
        return fault.probability == 1 or self._chance.draw("fault").random() < fault.probability

    def shown(self) -> list[dict[str, Any]]:
        """Every fault with how often it is left to happen."""
        return [dict(row) for row in self._store.all("SELECT * FROM fault ORDER BY id")]

    def withdraw(self, fault_id: int) -> None:
        """Forget a fault that has not happened; one that has stays in the list."""
        self._store.write("DELETE FROM fault WHERE id = ? AND left > 0", fault_id)

    def remove(self, fault_id: int) -> None:
        """Clear one fault, whether it has happened or not."""
        self._store.write("DELETE FROM fault WHERE id = ?", fault_id)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._store.write("DELETE FROM fault")
        self._any = False


def read(body: dict[str, Any]) -> Fault:
    """A fault out of a tester's JSON.

    Raises:
        BadFault: it cannot be set.
    """
    path, kind, method = body.get("path"), body.get("kind"), body.get("method")
    if not isinstance(path, str) or not (path.startswith("/") or path == "webhook"):
        raise BadFault("path", "an address that begins with / (a trailing * is allowed), or webhook")
    kinds = OF_WEBHOOKS if path == "webhook" else BEFORE + AFTER
    if not isinstance(kind, str) or kind not in kinds:
        raise BadFault("kind", f"one of {', '.join(kinds)}")
    if method is not None and not (isinstance(method, str) and method.isalpha()):
        raise BadFault("method", "an HTTP method")
    status = _number(body, "status", 500, least=400, most=599)
    seconds = _number(body, "seconds", 1.0 if "delay" in kind else 0.0, least=0, most=LONGEST_DELAY_S)
    times = _number(body, "times", 1, least=0, most=10**6)
    probability = _number(body, "probability", 1.0, least=0, most=1)
    if not probability:
        raise BadFault("probability", "a number above 0 and up to 1")
    method = method.upper() if method else None
    return Fault(path, kind, method, int(status), float(seconds), int(times), float(probability))


def _fault(row: Row) -> Fault:
    return Fault(**{name: row[name] for name in FIELDS})


def _number(body: dict[str, Any], name: str, default: float, *, least: float, most: float) -> float:
    value = body.get(name, default)
    value = default if value is None else value
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise BadFault(name, f"a number from {least} to {most}")
    return value
