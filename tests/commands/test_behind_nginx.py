"""The shop behind nginx, with the lines of docs/operating.md: they are run as they stand there, on ports of the test's."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from urllib3 import PoolManager
from urllib3.response import BaseHTTPResponse

from tests.commands.test_other_servers import free_port
from tests.servers import storefront

NAME = "shop.example.com"
A_MACHINE, ANOTHER_MACHINE = "127.0.0.1", "127.0.0.2"
OPERATING = Path(__file__).resolve().parents[2] / "docs" / "operating.md"
PATIENCE_S = 30.0

pytestmark = pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed")


@dataclass
class Public:
    """The shop as the internet sees it."""

    folder: Path
    port: int

    def ask(self, method: str, path: str, *, by: str = A_MACHINE, **more: object) -> BaseHTTPResponse:
        """A request by its public name, from one machine or another."""
        headers = {"Host": NAME, **dict(more.pop("headers", {}))}  # type: ignore[call-overload]
        with PoolManager(source_address=(by, 0), ca_certs=str(self.folder / "authority.pem")) as pool:
            url = f"https://127.0.0.1:{self.port}{path}"
            return pool.request(method, url, headers=headers, redirect=False, **more)  # type: ignore[arg-type]


def lines_of(kind: str) -> str:
    """The one fenced block of that kind in "Behind a proxy"."""
    section = OPERATING.read_text().split("## Behind a proxy")[1].split("\n## ")[0]
    [block] = re.findall(rf"```{kind}\n(.*?)```", section, re.DOTALL)
    return str(block)


@contextmanager
def nginx(folder: Path, shop_url: str) -> Iterator[Public]:
    """Nginx with the documented server, from its first answer until the block ends."""
    authority, public = trustme.CA(), Public(folder, free_port())
    certificate = authority.issue_cert(A_MACHINE, NAME)
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(folder / "fullchain.pem"))
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    server = lines_of("nginx").replace("listen 443", f"listen 127.0.0.1:{public.port}")
    server = server.replace(f"/etc/ssl/{NAME}/", f"{folder}/").replace("http://127.0.0.1:8000", shop_url)
    kept = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    frame = f"daemon off; pid {folder}/pid; error_log stderr; events {{}} http {{ access_log off; {kept} {server} }}"
    (folder / "nginx.conf").write_text(frame if os.getuid() else f"user root; {frame}")
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(["nginx", "-p", folder, "-c", folder / "nginx.conf"], stdout=said, stderr=said)
        try:
            wait_for(folder / "pid", process)
            yield public
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE_S)


def wait_for(pid_file: Path, process: subprocess.Popen[bytes]) -> None:
    """Nginx listens when it writes this file."""
    deadline = time.monotonic() + PATIENCE_S
    while not (pid_file.exists() and pid_file.stat().st_size):
        assert process.poll() is None, (pid_file.parent / "said").read_text()
        assert time.monotonic() < deadline


@pytest.fixture
def public(tmp_path: Path) -> Iterator[Public]:
    """The shop behind it, set up as the page says; webhooks are taken from another machine only."""
    (tmp_path / ".env").write_text(lines_of("ini"))
    port = free_port()
    beside = ("--port", str(port), "--sandbox-port", "0")
    with (
        storefront(tmp_path, "demo", *beside, IMP_WEBHOOK_IPS=ANOTHER_MACHINE),
        nginx(tmp_path, f"http://127.0.0.1:{port}") as public,
    ):
        yield public


def test_the_proxy_of_the_docs_passes_the_name_on_and_says_who_asks(public: Public) -> None:
    """Pages come under the public name and set their cookies for https; nobody is taken for somebody else."""
    home = public.ask("GET", "/")
    assert home.status == 200
    assert public.ask("GET", "/", headers={"Host": "elsewhere.example.com"}).status != 200
    signing_in = public.ask("GET", "/account")
    assert (signing_in.status, signing_in.headers["Location"].split("?")[0]) == (303, "/login")
    assert "Secure" in public.ask("GET", "/login").headers["Set-Cookie"]

    webhook = json.dumps({"imp_uid": "imp_000000000000", "merchant_uid": "nobodys", "status": "paid"})
    lie = {"Content-Type": "application/json", "X-Forwarded-For": ANOTHER_MACHINE}
    assert public.ask("POST", "/webhooks/iamport", headers=lie, body=webhook).status == 403
    truth = {"Content-Type": "application/json"}
    assert public.ask("POST", "/webhooks/iamport", by=ANOTHER_MACHINE, headers=truth, body=webhook).status == 200
