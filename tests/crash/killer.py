"""The real `storefront sandbox`, which kills the shop while a request of the shop's is under way.

It is told a number and counts the REST requests that arrive from then on. At that one it ends the process that asked:
after the work, whose answer nobody reads then, or before it. Then the work waits, as if it took i'mport longer than the
shop takes to be back, and is done when the tests let it go on. The sandbox's own code knows nothing of this: its
application is wrapped where the command line hands it to the server.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable
from typing import Any

import requests
from werkzeug import Request, Response

from storefront import cli
from storefront.sandbox import commands

ADDRESS = "/killer"
BEFORE, AFTER = "before", "after"
LONGEST_WAIT_S = 60


class Killer:
    """Around the sandbox's application.

    `POST /killer` loads it with a `pid`, a `number` and a `moment`; `GET` tells the request at which it has killed;
    `DELETE` unloads it and lets the work go on.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app
        self._pid, self._left, self._moment, self._killed_at = 0, 0, "", ""
        self._may_go_on, self._is_done = threading.Event(), threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request; what comes from the tests themselves is not counted."""
        path = environ["PATH_INFO"]
        if path == ADDRESS:
            return self._obey(Request(environ))(environ, start_response)
        if not self._pid or path.startswith("/_sandbox"):
            return self._app(environ, start_response)
        self._left -= 1
        if self._left:
            return self._app(environ, start_response)
        self._killed_at = f"{self._moment} the work of {environ['REQUEST_METHOD']} {path}"
        return self._work_and_kill(environ, start_response)

    def _work_and_kill(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        pid, self._pid = self._pid, 0
        if self._moment == BEFORE:
            os.kill(pid, signal.SIGKILL)
            self._may_go_on.wait(LONGEST_WAIT_S)
        answer = self._app(environ, start_response)
        self._is_done.set()
        if self._moment == AFTER:
            os.kill(pid, signal.SIGKILL)
        return answer

    def _obey(self, request: Request) -> Response:
        if request.method == "POST":
            self._may_go_on.clear()
            self._is_done.clear()
            self._left, self._moment, self._killed_at = int(request.form["number"]), request.form["moment"], ""
            self._pid = int(request.form["pid"])
        elif request.method == "DELETE":
            self._pid = 0
            self._may_go_on.set()
            if self._killed_at and not self._is_done.wait(LONGEST_WAIT_S):
                return Response(f"{self._killed_at} did not end", 500)
        return Response(self._killed_at)


def load(session: requests.Session, url: str, *, pid: int, number: int, moment: str) -> None:
    """Tell the sandbox at an address whom to kill, and when."""
    form = {"pid": pid, "number": number, "moment": moment}
    session.post(f"{url}{ADDRESS}", data=form, timeout=30).raise_for_status()


def killed_at(session: requests.Session, url: str) -> str:
    """The request that was under way when it killed, or nothing."""
    return session.get(f"{url}{ADDRESS}", timeout=30).text


def go_on(session: requests.Session, url: str) -> None:
    """Kill nobody any more, and do the work that waits."""
    session.delete(f"{url}{ADDRESS}", timeout=2 * LONGEST_WAIT_S).raise_for_status()


def main() -> None:
    """The command line, with the application wrapped."""
    serve = commands.create_server
    commands.create_server = lambda app, *arguments, **options: serve(Killer(app), *arguments, **options)  # type: ignore[arg-type]
    cli.main()


if __name__ == "__main__":
    main()
