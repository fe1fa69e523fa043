"""A sandbox in this process for as long as it is needed: a block, a `unittest` test, or whatever a fixture is made of."""

from __future__ import annotations

import unittest
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


class SandboxTestCase(unittest.TestCase):
    """Mix this into a `unittest` test case: `self.iamport_sandbox` is an i'mport where nobody has ever paid.

    The port is the same for all tests of a class, so that a shop has to be set up only once, in `setUpClass`, with
    `cls.iamport_sandbox_url`.
    """

    iamport_sandbox_settings = SandboxSettings()
    """What the sandbox is told; a class may have its own."""
    iamport_sandbox_url: str
    iamport_sandbox: IamportSandbox
    _served: Served

    @classmethod
    def setUpClass(cls) -> None:
        """Take a free port."""
        super().setUpClass()
        cls._served = cls.enterClassContext(serving())
        cls.iamport_sandbox_url = cls._served.url

    def setUp(self) -> None:
        """Begin with empty books."""
        super().setUp()
        self.iamport_sandbox = self.enterContext(playing(self._served, self.iamport_sandbox_settings))
