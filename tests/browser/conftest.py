"""Chromium, and the real servers: `storefront demo` in a process of its own on free ports.

Do: go through whole journeys, find things by role and name as people do, end with the sandbox's ledger.
Don't: sleep, look into databases, or test here what a test without a browser can tell.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect

from tests.browser.pages import Journey
from tests.people import Sandbox
from tests.servers import keys_for, storefront

expect.set_options(timeout=20_000)  # patience for a machine with other work; what is there is seen at once


@dataclass
class Servers:
    """A running demo."""

    shop_url: str
    sandbox_url: str


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """The demo, ready."""
    data = tmp_path_factory.mktemp("demo")
    with storefront(data, "demo", "--port", "0", "--sandbox-port", "0", "--data", str(data)) as demo:
        yield Servers(demo.urls["shop"], demo.urls["sandbox"])


@pytest.fixture
def servers_with_old_sdk(tmp_path: Path) -> Iterator[Servers]:
    """Another shop, whose settings name the old SDK, and a sandbox whose clock nobody has moved."""
    with storefront(tmp_path, "sandbox", "--port", "0") as beside:
        url = beside.urls["sandbox"]
        settings = keys_for(url) | {"IMP_SDK_URL": f"{url}/js/iamport.payment-1.2.0.js"}
        with storefront(tmp_path, "run", "--port", "0", **settings) as shop:
            yield Servers(shop.urls["shop"], url)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The machine's own Chromium, if it has one; the one without a screen is a third quicker."""
    names = ["chromium-headless-shell"] if browser_type_launch_args.get("headless", True) else []
    there = (shutil.which(name) for name in (*names, "chromium", "chromium-browser"))
    chromium = os.environ.get("CHROMIUM") or next(filter(None, there), None)
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    own = {"executable_path": chromium} if chromium else {}
    # `.test` is nobody's: names that a test makes up lead to this machine.
    arguments = ["--host-resolver-rules=MAP *.test 127.0.0.1", *(["--no-sandbox"] if as_root else [])]
    return {**browser_type_launch_args, **own, "args": arguments}


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
def locale() -> str:
    """English, so that things can be found by their names."""
    return "en-GB"


@pytest.fixture
def context(browser: Browser, playwright: Playwright, device: str, locale: str) -> Iterator[BrowserContext]:
    """A new browser profile."""
    if device == "phone":
        profile = dict(playwright.devices["Pixel 7"])
        profile.pop("default_browser_type", None)
    else:
        profile = {"viewport": {"width": 1280, "height": 900}}
    # Chromium keeps the authorities it trusts where a test has no hand; the shop's own requests are strict.
    with browser.new_context(**profile, locale=locale, ignore_https_errors=True) as context:
        yield context


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that tolerates no script error and no violation of the Content-Security-Policy."""
    problems: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if "Content Security" in message.text else None)
    yield page
    page.unroute_all(behavior="wait")  # an answer that is still made up for this page would fail in the next test
    assert problems == []


@pytest.fixture
def journey(page: Page, servers: Servers, sandbox: Sandbox, device: str) -> Journey:
    """Somebody new with a browser, signed up."""
    return Journey(page, servers.shop_url, sandbox, device).sign_up()
