"""A sandbox for each test of `unittest`. A module of its own: whoever runs a shop does without `unittest`."""

from __future__ import annotations

import unittest

from storefront.sandbox.server import Served, serving
from storefront.sandbox.settings import SandboxSettings
from storefront.sandbox.testing.client import IamportSandbox
from storefront.sandbox.testing.running import playing


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
