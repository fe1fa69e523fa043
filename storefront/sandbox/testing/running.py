"""A sandbox in this process for as long as it is needed: a block, or whatever a fixture is made of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from storefront.sandbox.app import create_sandbox
from storefront.sandbox.server import Served, serving
from storefront.sandbox.settings import SandboxSettings
from storefront.sandbox.testing.client import IamportSandbox


@contextmanager
def running_sandbox(settings: SandboxSettings | None = None) -> Iterator[IamportSandbox]:
    """A sandbox on a free port until the block ends.

    Args:
        settings: the merchant it plays i'mport for, and its switches.
    """
    with serving() as served, playing(served, settings or SandboxSettings()) as sandbox:
        yield sandbox


@contextmanager
def playing(served: Served, settings: SandboxSettings) -> Iterator[IamportSandbox]:
    """A sandbox that has never seen a payment, on a port that has served others before and will serve others after it.

    It is a new one, not the last one emptied: what an earlier test has given up waiting for cannot end in its books.
    """
    app = create_sandbox(settings)
    sandbox = IamportSandbox(served.url, settings.key, settings.secret, settings.code, settings.token, app=app)
    try:
        with served.playing(app), closing(sandbox):
            yield sandbox
    finally:
        app.extensions["sandbox"].close()
