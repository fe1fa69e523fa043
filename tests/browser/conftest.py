"""Chromium, and the real servers: `storefront demo` in a process of its own on free ports.

Do: go through whole journeys, find things by role and name as people do, end with the sandbox's ledger.
Don't: sleep, look into databases, or test here what a test without a browser can tell.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from tests.browser.pages import Journey
from tests.people import Sandbox


@dataclass
class Servers:
    """A running demo."""

    shop_url: str
    sandbox_url: str


@contextmanager
def storefront(data: Path, *arguments: str, **settings: str) -> Iterator[re.Match[str]]:
    """The real command until the block ends, with what its `ready` line says; its errors if it does not get ready."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IMP_")}
    with (data / "log").open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "storefront", *arguments],
            cwd=data,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment | {"RATE_LIMITS": "off"} | settings,
        )
        assert process.stdout
        ready = next(
            filter(None, (re.match(r"ready shop=(\S+)(?: sandbox=(\S+))?", line) for line in process.stdout)), None
        )
        if ready is None:
            log.seek(0)
            pytest.fail(f"{arguments} did not get ready:\n{log.read()}")
        yield ready
        process.terminate()
        assert process.wait(timeout=20) == 0
        process.stdout.close()


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """The demo, ready."""
    data = tmp_path_factory.mktemp("demo")
    with storefront(data, "demo", "--port", "0", "--sandbox-port", "0", "--data", str(data)) as ready:
        yield Servers(ready[1], ready[2])


@pytest.fixture
def shop_with_old_sdk(servers: Servers, tmp_path: Path) -> Iterator[str]:
    """The address of another shop of the same merchant, whose settings name the old SDK."""
    with storefront(
        tmp_path,
        "run",
        "--port",
        "0",
        IMP_CODE="imp00000000",
        IMP_KEY="sandbox_key",
        IMP_SECRET="sandbox_secret",
        IMP_API_URL=servers.sandbox_url,
        IMP_SDK_URL=f"{servers.sandbox_url}/js/iamport.payment-1.2.0.js",
    ) as ready:
        yield ready[1]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The machine's own Chromium, if it has one."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    own = {"executable_path": chromium} if chromium else {}
    return {**browser_type_launch_args, **own, "args": ["--no-sandbox"] if as_root else []}


@pytest.fixture
def sandbox(servers: Servers) -> Iterator[Sandbox]:
    """The demo's sandbox, with nothing broken."""
    with requests.Session() as session:
        session.trust_env = False
        sandbox = Sandbox(session, servers.sandbox_url)
        sandbox.mend()
        yield sandbox


@pytest.fixture(params=["desktop", "phone"])
def device(request: pytest.FixtureRequest) -> str:
    """Every journey is walked on both screens."""
    return str(request.param)


@pytest.fixture
def context(browser: Browser, playwright: Playwright, device: str) -> Iterator[BrowserContext]:
    """A new browser profile in English, so that names can be found by it."""
    if device == "phone":
        profile = dict(playwright.devices["Pixel 7"])
        profile.pop("default_browser_type", None)
    else:
        profile = {"viewport": {"width": 1280, "height": 900}}
    with browser.new_context(**profile, locale="en-GB") as context:
        yield context


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that tolerates no script error and no violation of the Content-Security-Policy."""
    problems: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if "Content Security" in message.text else None)
    yield page
    assert problems == []


@pytest.fixture
def journey(page: Page, servers: Servers, sandbox: Sandbox, device: str) -> Journey:
    """Somebody new with a browser, signed up."""
    return Journey(page, servers.shop_url, sandbox, device).sign_up()
