"""The shops of `examples/` as processes of their own, installed and started as they say themselves."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.examples.files import take

_PATIENCE = "--fetch-retries=1 --fetch-retry-mintimeout=1000 --fetch-timeout=20000"
_QUIET = "--no-audit --no-fund --no-update-notifier --ignore-scripts --no-package-lock"


@contextmanager
def flask_shop(folder: Path, sandbox_url: str) -> Iterator[str]:
    """The address of the shop in Flask."""
    take(folder, "flask_shop.py")
    with _running(folder, sandbox_url, [sys.executable, "-m", "flask", "--app", "flask_shop", "run", "--port"]) as url:
        yield url


@contextmanager
def express_shop(folder: Path, sandbox_url: str) -> Iterator[str]:
    """The address of the shop in Express."""
    if not shutil.which("node") or not shutil.which("npm"):
        _cannot_run("node and npm are not on this machine")
    take(folder, "express_shop.mjs", "package.json")
    command = ["npm", "install", f"--cache={folder / 'cache'}", *_QUIET.split(), *_PATIENCE.split()]
    installed = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    if installed.returncode:
        why = installed.stderr.strip().splitlines() or ["it does not say why"]
        _cannot_run(f"express cannot be installed from its registry: {why[0]}")
    with _running(folder, sandbox_url, ["node", "express_shop.mjs"]) as url:
        yield url


SHOPS = {"flask": flask_shop, "express": express_shop}


def _cannot_run(reason: str) -> None:
    """Skip, except where skipping would hide a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def _running(folder: Path, sandbox_url: str, command: Sequence[str]) -> Iterator[str]:
    """Run a shop on a free port, which it finds in `PORT` or as its last argument."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {"IMP_API_URL": sandbox_url, "IMP_SDK_URL": f"{sandbox_url}/v1/iamport.js", "PORT": str(port)}
    command = [*command, str(port)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=os.environ | settings, stdout=log, stderr=log)
        try:
            _wait_for(process, port, folder / "log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.05)  # between two questions: these servers have no common way to say that they are ready
        else:
            return
    raise RuntimeError(f"the shop does not answer:\n{log.read_text()}")
