"""The README's shops as processes of their own, beside the real sandbox.

Do: run what the README shows, letter for letter, and compare with the sandbox's ledger.
Don't: keep a copy of an example here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest
import requests

from tests.examples.readme import write
from tests.examples.shops import FLASK, Shop, running
from tests.people import Sandbox
from tests.servers import storefront

NPM_INSTALL = (
    "npm install --no-audit --no-fund --no-update-notifier --ignore-scripts --no-package-lock"
    " --fetch-retries=1 --fetch-retry-mintimeout=1000 --fetch-timeout=20000 express"
)


@pytest.fixture(scope="session")
def sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What the README starts, on a free port."""
    with storefront(tmp_path_factory.mktemp("sandbox"), "sandbox", "--port", "0") as running:
        yield running.urls["sandbox"]


@pytest.fixture
def sandbox(sandbox_url: str) -> Iterator[Sandbox]:
    """That sandbox, as it was at first."""
    with requests.Session() as session:
        session.trust_env = False
        session.post(f"{sandbox_url}/_sandbox/reset", timeout=30).raise_for_status()
        yield Sandbox(session, sandbox_url)


@pytest.fixture(scope="session")
def flask_shop(sandbox_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the shop in Flask."""
    folder = tmp_path_factory.mktemp("flask")
    write(folder, "flask_shop.py")
    with running(folder, sandbox_url, FLASK) as url:
        yield url


@pytest.fixture(scope="session")
def express_shop(sandbox_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the shop in Express."""
    if not shutil.which("node") or not shutil.which("npm"):
        _cannot_run("node and npm are not on this machine")
    folder = tmp_path_factory.mktemp("express")
    (folder / "package.json").write_text('{"private": true}')
    cache = f"--cache={folder / 'cache'}"
    installed = subprocess.run(
        [*NPM_INSTALL.split(), cache], cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    if installed.returncode:
        _cannot_run(f"express cannot be installed from its registry: {installed.stderr[:500]}")
    write(folder, "express_shop.mjs")
    with running(folder, sandbox_url, ["node", "express_shop.mjs"]) as url:
        yield url


@pytest.fixture(params=["flask_shop", "express_shop"])
def shop(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Shop]:
    """One of the two, seen by a shopper."""
    with requests.Session() as session:
        session.trust_env = False
        yield Shop(session, request.getfixturevalue(request.param), sandbox)


def _cannot_run(reason: str) -> None:
    """Skip, except where skipping would hide a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
