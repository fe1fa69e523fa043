"""A pytest plugin: i'mport beside your tests, empty for each of them.

    pytest_plugins = ["storefront.sandbox.pytest_plugin"]   # in conftest.py

What a test needs for its annotations is in `storefront.sandbox.testing`: pytest wants to be the first to import a plugin.

It is no `pytest11` entry point: that would import the sandbox into every test run of everybody who has the shop
installed, and the fixture would be there without a line that says where it comes from.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from storefront.sandbox import SandboxSettings
from storefront.sandbox.server import Served, serving
from storefront.sandbox.testing import IamportSandbox, running_sandbox
from storefront.sandbox.testing.running import playing


@pytest.fixture(scope="session")
def iamport_sandbox_settings() -> SandboxSettings:
    """What the sandbox is told; override this fixture to play another merchant."""
    return SandboxSettings()


@pytest.fixture(scope="session")
def iamport_sandbox_server() -> Iterator[Served]:
    """One free port for all tests, so that a shop has to be set up only once."""
    with serving() as served:
        yield served


@pytest.fixture
def iamport_sandbox(
    iamport_sandbox_server: Served, iamport_sandbox_settings: SandboxSettings
) -> Iterator[IamportSandbox]:
    """A sandbox that has never seen a payment, a new one for each test."""
    with playing(iamport_sandbox_server, iamport_sandbox_settings) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def iamport_sandbox_for_session(iamport_sandbox_settings: SandboxSettings) -> Iterator[IamportSandbox]:
    """One sandbox that all tests share, for shops that are set up once with data of their own.

    It never forgets: give each test order numbers of its own, and ask `ledger(merchant_uid)`.
    """
    with running_sandbox(iamport_sandbox_settings) as sandbox:
        yield sandbox
