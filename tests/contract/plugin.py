"""Makes a broken contract fail its test, and tells at the end how much was checked."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from tests.contract.checking import CONTRACT


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, Any, Any]:
    """Replies that its fixtures got count as the test's own."""
    result = yield
    fail_if_broken()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, Any, Any]:
    """Also for what comes while the stage is cleared, and after a test that failed by itself."""
    result = yield
    fail_if_broken()
    return result


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line."""
    if CONTRACT.seen:
        terminalreporter.write_line(CONTRACT.summary())


def fail_if_broken() -> None:
    """Fail whatever runs."""
    broken = CONTRACT.take_broken()
    if broken:
        pytest.fail("the contract is broken:\n" + "\n".join(broken[:20]), pytrace=False)
