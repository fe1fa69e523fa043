"""A shop out of the README, as its shoppers see it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.people import Sandbox

FLASK = (sys.executable, "-m", "flask", "--app", "flask_shop", "run", "--port", "{port}")


@dataclass
class Shop:
    """What can be done with both of them."""

    session: requests.Session
    url: str
    sandbox: Sandbox

    def order(self) -> dict[str, Any]:
        """Open the page; what its button would give `IMP.request_pay`."""
        page = self.session.get(self.url, timeout=30)
        found = re.search(r"const params = (\{.*?\});", page.text)
        assert found, page.text
        assert f'<script src="{self.sandbox.url}/v1/iamport.js">' in page.text
        return dict(json.loads(found[1]))

    def come_back(self, imp_uid: str | None, merchant_uid: str) -> Any:
        """The browser says what the window told it; the status the shop shows."""
        query = {"imp_uid": imp_uid or "", "merchant_uid": merchant_uid}
        return self.session.get(f"{self.url}/complete", params=query, timeout=30).json()["status"]

    def bought(self) -> dict[str, Any]:
        """Pay for a bag and come back; the parameters of its window."""
        params = self.order()
        assert self.come_back(self.sandbox.pay(params)["imp_uid"], params["merchant_uid"]) == "paid"
        return params

    def status(self, merchant_uid: str) -> Any:
        """What the order's page says."""
        return self.session.get(f"{self.url}/orders/{merchant_uid}", timeout=30).json()["status"]

    def charge_again(self, merchant_uid: str) -> dict[str, Any]:
        """Press the button for another bag; the new order."""
        return dict(self.session.post(f"{self.url}/again/{merchant_uid}", timeout=30).json())


@contextmanager
def running(folder: Path, sandbox_url: str, command: Sequence[str]) -> Iterator[str]:
    """Run a shop on a free port; `{port}` in its command is replaced."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {"IMP_API_URL": sandbox_url, "IMP_SDK_URL": f"{sandbox_url}/v1/iamport.js", "PORT": str(port)}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [word.format(port=port) for word in command], cwd=folder, env=os.environ | settings, stdout=log, stderr=log
        )
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
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"the shop does not answer:\n{log.read_text()}")
