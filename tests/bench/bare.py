"""A Flask route that writes one SQLite row and does nothing else, under the sandbox's server: what everything costs anyway."""

from __future__ import annotations

import signal
import sqlite3
import sys
import threading
from types import FrameType
from typing import Any

from flask import Flask, Response, jsonify, request

from storefront.sandbox.server import create_server


def create_bare(path: str) -> Flask:
    """The application, over a file with the sandbox's own settings of SQLite."""
    app, lock = Flask(__name__), threading.Lock()
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; CREATE TABLE charge (merchant_uid, amount)"
    )

    @app.post("/charge")
    def charge() -> Response:
        body: dict[str, Any] = request.get_json()
        with lock:
            connection.execute("INSERT INTO charge VALUES (?, ?)", (body["merchant_uid"], body["amount"]))
        return jsonify(body)

    return app


def _end(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    server = create_server(create_bare(sys.argv[1]), "127.0.0.1", 0)
    print(f"ready bare=http://127.0.0.1:{server.effective_port}", flush=True)  # noqa: T201
    server.run()
