"""Other people's clients, installed from their registries into folders that are thrown away, beside the real command.

Do: call an unmodified client as its users do, and compare with the sandbox's ledger.
Don't: patch a client, or keep anything of it outside pytest's temporary folders.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.clients.driven import Client, driven
from tests.clients.wire import Wire
from tests.people import Sandbox, fresh_sandbox
from tests.servers import storefront

PYPI = ("iamport-rest-client==0.9.0", "iamporter==0.2.4")
NPM = ("iamport-rest-client-nodejs@0.9.12", "iamport@0.3.4", "iamporter@1.4.2")
HERE = Path(__file__).parent

SEED = {
    "payments": [
        {"merchant_uid": "1234qwer", "amount": 1_000},
        {"merchant_uid": "qwer1234", "amount": 1_000, "status": "failed"},
    ]
}
"""The two orders the official client's own tests expect."""


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has the clients of PyPI and nothing of ours."""
    folder = tmp_path_factory.mktemp("pypi")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "--no-cache-dir"]
    _install([*pip, "--retries", "1", "--timeout", "20", "install", *PYPI], folder)
    return python


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the clients of npm are."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not on this machine")
    folder = tmp_path_factory.mktemp("npm")
    (folder / "package.json").write_text('{"private": true}')
    quiet = ("--no-audit", "--no-fund", "--no-update-notifier", "--ignore-scripts", "--no-package-lock")
    patience = (
        "--fetch-retries=1",
        "--fetch-retry-mintimeout=1000",
        "--fetch-timeout=20000",
        f"--cache={folder / 'cache'}",
    )
    _install(["npm", "install", *quiet, *patience, *NPM], folder)
    return folder / "node_modules"


def _install(command: Sequence[str | Path], folder: Path) -> None:
    """Install from a registry; without one the stories are skipped, except where skipping would hide a failure."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    errors = [line for line in done.stderr.splitlines() if line.lower().startswith(("error", "npm err"))]
    reason = f"the clients cannot be installed from their registry: {errors[0] if errors else done.stderr}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The real `storefront sandbox`, for clients that are older than some of its rules."""
    data = tmp_path_factory.mktemp("sandbox")
    (data / "seed.json").write_text(json.dumps(SEED))
    with storefront(data, "sandbox", "--port", "0", "--older-clients", "--seed-file", "seed.json") as running:
        yield running.urls["sandbox"]


@pytest.fixture
def sandbox(sandbox_url: str) -> Iterator[Sandbox]:
    """That sandbox, as it was at first."""
    with fresh_sandbox(sandbox_url) as sandbox:
        yield sandbox


@pytest.fixture
def wire(sandbox: Sandbox) -> Wire:
    """Somebody with the merchant's keys and no client."""
    return Wire(sandbox)


PythonClient = Callable[..., Client]


@pytest.fixture(scope="session")
def python_client(python: Path) -> Iterator[PythonClient]:
    """Makes a Python client: its module, its class, and what its constructor is given."""
    with ExitStack() as running:

        def make(module: str, name: str, **options: str) -> Client:
            return running.enter_context(driven([python, HERE / "drive.py", module, name, json.dumps(options)]))

        yield make


@pytest.fixture(scope="session")
def official_client(python_client: PythonClient, sandbox_url: str) -> Client:
    """The official Python client. It keeps no token, so one serves every story; its base address ends in a slash."""
    return python_client(
        "iamport", "Iamport", imp_url=f"{sandbox_url}/", imp_key="sandbox_key", imp_secret="sandbox_secret"
    )


NpmClient = Callable[..., Client]


@pytest.fixture
def npm_client(node_modules: Path, sandbox: Sandbox) -> Iterator[NpmClient]:
    """Makes an npm client by its package's name."""
    with ExitStack() as running:

        def make(package: str, **options: str) -> Client:
            options = {"url": sandbox.url, "key": "sandbox_key", "secret": "sandbox_secret", **options}
            command = ["node", HERE / "drive.js", package, json.dumps(options)]
            return running.enter_context(driven(command, NODE_PATH=str(node_modules)))

        yield make
