"""The real `storefront sandbox`, which kills the shop while a request of the shop's is under way.

It is told a number and counts the REST requests that arrive from then on; at that one it ends the process that asked,
before the work or after it, and never answers. The sandbox's own code knows nothing of this: its application is wrapped
where the command line hands it to the server.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import requests
from werkzeug import Request, Response

from storefront import cli

ADDRESS = "/killer"
MOMENTS = ("before", "after")


@dataclass
class Killer:
    """Around the sandbox's application.

    Attributes:
        app: the application.
        pid: the process to kill; 0 when everybody may live.
        moment: before the work or after it.
        left: how many requests until then.
        killed_at: the request that was under way.
    """

    app: Callable[..., Iterable[bytes]]
    pid: int = 0
    moment: str = ""
    left: int = 0
    killed_at: str = ""

    def __post_init__(self) -> None:
        """Requests are counted one after the other, so that who unloads waits for the work that outlives the shop."""
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request; what comes from the tests themselves passes through."""
        if environ["PATH_INFO"] == ADDRESS:
            return self._load(Request(environ))(environ, start_response)
        if not self.pid or environ["PATH_INFO"].startswith("/_sandbox"):
            return self.app(environ, start_response)
        with self._lock:
            self.left -= 1
            self._kill_at("before", environ)
            answer = self.app(environ, start_response)
            self._kill_at("after", environ)
            return answer

    def _load(self, request: Request) -> Response:
        with self._lock:
            last, self.killed_at = self.killed_at, ""
            self.pid, self.left = int(request.form["pid"]), int(request.form["number"])
            self.moment = request.form["moment"]
            return Response(last)

    def _kill_at(self, moment: str, environ: dict[str, Any]) -> None:
        if self.pid and self.left == 0 and self.moment == moment:
            os.kill(self.pid, signal.SIGKILL)
            self.pid, self.killed_at = 0, f"{moment} the work of {environ['REQUEST_METHOD']} {environ['PATH_INFO']}"


def load(session: requests.Session, url: str, *, pid: int, number: int, moment: str) -> str:
    """Tell the sandbox whom to kill and when (0: nobody); where it killed the last time."""
    form = {"pid": pid, "number": number, "moment": moment}
    answer = session.post(f"{url}{ADDRESS}", data=form, timeout=30)
    answer.raise_for_status()
    return answer.text


def main() -> None:
    """The command line, with the application wrapped."""
    serve = cli.create_sandbox_server
    cli.create_sandbox_server = lambda app, *arguments, **options: serve(Killer(app), *arguments, **options)  # type: ignore[arg-type]
    cli.main()


if __name__ == "__main__":
    main()
