"""The real `storefront run`, killed at a step: a process that serves, is told N, and serves on until the N-th step.

A step is where the process touches the world: a request about to leave, its answer just read, a commit about to be
made, a commit just made. They are counted from the first request after the file `doom` has named an N. The shop's own
code knows nothing of this; it is hooked from here, and every life is a fork of one process that has imported everything.

A life may be a `storefront renew` instead, which begins once `doom` is there.

Reads from standard input a port (or `renew`) and a folder for each life, writes `alive PID` when the shop answers there, and for each
step its name into the folder's file `steps`.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import flask
import requests
from sqlalchemy import Engine, event
from sqlalchemy.engine.default import DefaultDialect

from storefront import cli, schema  # noqa: F401 - imported before the forks, so that a life begins at once

STEPS, DOOM = Path("steps"), Path("doom")


class Doom:
    """Counts steps and ends the process at one of them."""

    def __init__(self) -> None:
        self._kill_at, self._count = 0, 0
        self._lock = threading.Lock()

    def begin(self, *_args: Any, **_values: Any) -> None:
        """From the first request on that finds itself doomed."""
        if not self._kill_at and DOOM.exists():
            self._kill_at = int(DOOM.read_text())

    def step(self, name: str) -> None:
        """One step; perhaps the last."""
        if not self._kill_at:
            return
        with self._lock:
            self._count += 1
            with STEPS.open("a") as file:
                file.write(f"{self._count} {name}\n")
            if self._count == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)


def hook(doom: Doom) -> None:
    """Put the steps where the process touches the world."""
    send, commit = requests.Session.send, DefaultDialect.do_commit

    def watched_send(session: Any, request: Any, **options: Any) -> Any:
        doom.step(f"before {request.method} {request.path_url}")
        answer = send(session, request, **options)
        doom.step(f"after {request.method} {request.path_url}")
        return answer

    def watched_commit(dialect: Any, connection: Any) -> None:
        commit(dialect, connection)
        doom.step("after a commit")

    requests.Session.send = watched_send  # type: ignore[method-assign]
    DefaultDialect.do_commit = watched_commit  # type: ignore[method-assign]
    event.listen(Engine, "commit", lambda _connection: doom.step("before a commit"))
    flask.request_started.connect(doom.begin, weak=False)


def live(port: str) -> None:
    """One life of the shop."""
    hook(Doom())
    echo = cli.click.echo
    cli.click.echo = lambda text: echo(f"alive {os.getpid()}") if str(text).startswith("ready") else None
    cli.main(["run", "--port", port])


def renew() -> None:
    """One life of a renewal."""
    doom = Doom()
    hook(doom)
    print(f"alive {os.getpid()}", flush=True)  # noqa: T201
    cli._say = lambda _lines: None
    while not DOOM.exists():
        time.sleep(0.01)  # the tests are about to say when it ends
    doom.begin()
    cli.main(["renew"])


def main() -> None:
    """Fork a life for each line."""
    for line in sys.stdin:
        what, folder = line.split(maxsplit=1)
        child = os.fork()
        if child == 0:
            os.chdir(folder.rstrip("\n"))
            renew() if what == "renew" else live(what)
        os.waitpid(child, 0)
        print("dead", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
