"""Stop-watches and scales."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

import requests


@dataclass(frozen=True)
class Finding:
    """One line of the report: what was measured, what came out, and what it should at most be."""

    what: str
    value: float
    most: float
    unit: str = ""

    def __str__(self) -> str:
        """As it is printed."""
        verdict = "ok" if self.value <= self.most else "TOO MUCH"
        return f"{self.what:<74} {self.value:8.3f}{self.unit} (at most {self.most:g}{self.unit}) {verdict}"


def plain_session() -> requests.Session:
    """A session that does nothing but HTTP; one that a `Sandbox` of our stories has got also checks every reply."""
    session = requests.Session()
    session.trust_env = False
    return session


def token(session: requests.Session, sandbox_url: str) -> dict[str, str]:
    """The header that REST calls need."""
    keys = {"imp_key": "sandbox_key", "imp_secret": "sandbox_secret"}
    got = session.post(f"{sandbox_url}/users/getToken", json=keys, timeout=30).json()
    return {"Authorization": got["response"]["access_token"]}


def medians(repeats: int, *acts: Callable[[], object]) -> list[float]:
    """The median seconds of each act, done in turns so that all meet the same weather."""
    times: list[list[float]] = [[] for _ in acts]
    for _ in range(repeats):
        for act, seconds in zip(acts, times, strict=True):
            began = time.perf_counter()
            act()
            seconds.append(time.perf_counter() - began)
    return [statistics.median(seconds) for seconds in times]


def memory_mb(pid: int) -> float:
    """The resident memory of a process, in MB."""
    shown = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return int(shown.stdout) / 1024
