"""The shops of `examples/` as processes of their own, beside the real sandbox.

Do: run the files just as they are, and compare with the sandbox's ledger.
Don't: keep a copy of an example here.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.examples.processes import SHOPS
from tests.examples.shops import Shop
from tests.people import Sandbox, fresh_sandbox
from tests.servers import storefront


@pytest.fixture(scope="session")
def sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The sandbox that the examples expect, on a free port."""
    with storefront(tmp_path_factory.mktemp("sandbox"), "sandbox", "--port", "0") as running:
        yield running.urls["sandbox"]


@pytest.fixture
def sandbox(sandbox_url: str) -> Iterator[Sandbox]:
    """That sandbox, as it was at first."""
    with fresh_sandbox(sandbox_url) as sandbox:
        yield sandbox


@pytest.fixture(scope="session", params=SHOPS)
def shop_url(
    request: pytest.FixtureRequest, sandbox_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of one of them."""
    with SHOPS[request.param](tmp_path_factory.mktemp(request.param), sandbox_url) as url:
        yield url


@pytest.fixture
def shop(shop_url: str, sandbox: Sandbox) -> Iterator[Shop]:
    """That shop, seen by a shopper."""
    with requests.Session() as session:
        session.trust_env = False
        yield Shop(session, shop_url, sandbox)
