"""Served the way Flask developers are used to: Flask's own command, and gunicorn with several processes."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from sqlalchemy import create_engine, make_url, text

from tests.people import HttpBrowser, Sandbox, Shopper
from tests.servers import keys_for, storefront

PATIENCE_S = 60.0


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """`storefront sandbox`."""
    with storefront(tmp_path, "sandbox", "--port", "0") as beside, requests.Session() as session:
        session.trust_env = False
        yield Sandbox(session, beside.urls["sandbox"])


@contextmanager
def served(folder: Path, url: str, *command: str, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command that serves the shop, from its first answer until the block ends."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IMP_")} | settings
    with (folder / "served").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,  # a server that reloads itself is two processes
        )
        try:
            deadline = time.monotonic() + PATIENCE_S
            while not answers(url):
                assert process.poll() is None, (folder / "served").read_text()
                assert time.monotonic() < deadline, (folder / "served").read_text()
            yield process
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)


def answers(url: str) -> bool:
    """Whether somebody is alive there."""
    try:
        return requests.get(f"{url}/healthz", timeout=5).ok
    except (requests.ConnectionError, requests.Timeout):  # gunicorn listens before it has loaded the shop
        return False


def free_port() -> int:
    """A port nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def test_flasks_own_command_serves_the_shop(tmp_path: Path, sandbox: Sandbox) -> None:
    """From an empty folder, with the debugger, at the address it was told; a whole purchase goes through."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = ("flask", "--app", "storefront", "run", "--debug", "--port", str(port))

    with served(tmp_path, url, *command, **keys_for(sandbox.url)):
        shopper = Shopper(HttpBrowser(url), sandbox).sign_up()
        assert shopper.buy("pay")["net"] == sandbox.net() == 14_900
        sandbox.drain()
        assert {hook["url"] for hook in sandbox.webhooks()} == {f"{url}/webhooks/iamport"}

    assert {"shop.sqlite", "secret_key"} <= {path.name for path in (tmp_path / "instance").iterdir()}


def test_flasks_shell_has_the_shop_at_hand(tmp_path: Path) -> None:
    """And a shop without settings says which it needs, instead of a traceback."""
    command = [sys.executable, "-m", "flask", "--app", "storefront", "shell"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IMP_")}
    code = "print(billing.settings.imp_code)"

    def shell(**settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            input=code,
            cwd=tmp_path,
            env=environment | settings,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert "imp00000000" in shell(**keys_for("http://localhost:1")).stdout
    ended = shell()
    assert ended.returncode == 1
    assert "IMP_CODE: missing" in ended.stderr
    assert "Traceback" not in ended.stderr


@dataclass
class Gunicorn:
    """A shop served by two processes."""

    url: str
    processes: list[int]

    @contextmanager
    def only(self, number: int) -> Iterator[None]:
        """The other one stands still while the block runs, so that this one answers."""
        other = self.processes[1 - number]
        os.kill(other, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(other, signal.SIGCONT)


@pytest.fixture
def gunicorn(tmp_path: Path, sandbox: Sandbox) -> Iterator[Gunicorn]:
    """`gunicorn storefront.wsgi:app` on a PostgreSQL and a Redis of its own."""
    database, counts = os.environ.get("TEST_DATABASE_URL", ""), os.environ.get("TEST_REDIS_URL", "")
    if not database.startswith("postgresql") or not counts:
        pytest.skip("TEST_DATABASE_URL names no PostgreSQL, or TEST_REDIS_URL no Redis, which several processes need")
    redis = pytest.importorskip("redis").from_url(counts)
    redis.flushdb()
    server = make_url(database)
    name = f"{server.database}_{secrets.token_hex(4)}"
    by_itself = create_engine(server, isolation_level="AUTOCOMMIT")
    with by_itself.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
        try:
            port = free_port()
            url = f"http://127.0.0.1:{port}"
            settings = keys_for(sandbox.url) | {
                "DATABASE_URL": server.set(database=name).render_as_string(hide_password=False),
                "RATE_LIMIT_STORAGE": counts,
                "PUBLIC_URL": url,
            }
            # A connection that were kept alive would stay with a process that stands still.
            options = (
                "--workers=2",
                "--threads=8",
                f"--bind=127.0.0.1:{port}",
                "--keep-alive=0",
                "--no-control-socket",
            )
            with served(tmp_path, url, "gunicorn", *options, "storefront.wsgi:app", **settings) as process:
                yield Gunicorn(url, children_of(process.pid))
        finally:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    by_itself.dispose()
    redis.flushdb()
    redis.close()


def children_of(pid: int) -> list[int]:
    """The processes that a process has started, once there are two."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
        if len(found) == 2:
            return [int(child) for child in found]
    raise AssertionError("there are no two processes")


def test_two_processes_are_one_shop(gunicorn: Gunicorn, sandbox: Sandbox) -> None:
    """Sessions, throttles and the identity of a charge hold across them."""
    shopper = Shopper(HttpBrowser(gunicorn.url), sandbox).sign_up()
    card = shopper.register_card()
    for number in (0, 1):
        with gunicorn.only(number):
            assert shopper.browser.get("/account").status_code == 200

    form = {"csrf_token": shopper.csrf_token(), "card": card["id"], "plan": "noon", "token": "the-same-press"}
    with ThreadPoolExecutor(16) as pool:
        pressed = list(pool.map(lambda _: shopper.browser.post("/account/charge", data=form), range(16)))
    assert len({reply.headers["Location"] for reply in pressed}) == 1
    assert shopper.agrees_with_ledger()
    assert sandbox.net() == 16_900

    form = {"csrf_token": shopper.csrf_token(), "email": "nobody@example.com", "password": ""}
    tried = []
    for number in (0, 1):
        with gunicorn.only(number):
            tried += [shopper.browser.post("/login", data=form).status_code for _ in range(5)]
    assert tried == [400] * 9 + [429]  # signing up has counted as well

    copy = shopper.browser.copy()  # type: ignore[attr-defined]
    with gunicorn.only(0):
        assert copy.get("/account").status_code == 200
        shopper.post("/logout", {})
    with gunicorn.only(1):
        assert copy.get("/account").status_code == 303
