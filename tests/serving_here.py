"""The shop's real server, in a thread of this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from waitress import wasyncore

from storefront import serving


@contextmanager
def served(app: Callable[..., Any], port: int = 0) -> Iterator[str]:
    """Serve an application as `storefront run` does, until the block ends; its address."""
    sockets: serving.SocketMap = {}
    listening = serving.listen(port)
    server = serving.serve_shop(app, listening, sockets)  # type: ignore[arg-type]  # any will do
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            wasyncore.loop(timeout=0.05, use_poll=True, map=sockets, count=1)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield f"http://{serving.HOST}:{listening.getsockname()[1]}"
    finally:
        stop.set()
        thread.join()
        server.task_dispatcher.shutdown()
        with suppress(OSError):
            wasyncore.close_all(sockets)
