"""`listen` and `trigger`: webhooks printed as they come, and made to come."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner

from storefront.sandbox import commands, tools
from storefront.sandbox.testing import IamportSandbox, running_sandbox
from storefront.sandbox.testing.test_case import SandboxTestCase

NOWHERE = "http://127.0.0.1:9/hook"
"""Nobody listens at this port: a delivery fails at once."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[IamportSandbox]:
    """One that runs by itself, as far as the commands can tell."""
    with running_sandbox() as sandbox:
        yield sandbox


def run(*arguments: str) -> click.testing.Result:
    """A command to its end."""
    return CliRunner().invoke(commands.alone, arguments)


@pytest.mark.parametrize(
    ("event", "statuses"),
    [
        ("payment.paid", ["paid"]),
        ("payment.cancelled", ["paid", "cancelled"]),
        ("payment.cancelled-in-part", ["paid", "cancelled"]),
        ("billing-key.issued", ["paid"]),
        ("again.paid", ["paid", "paid"]),
        ("schedule.paid", ["paid", "paid"]),
        ("schedule.failed", ["paid", "failed"]),
    ],
)
def test_every_event_can_be_triggered(sandbox: IamportSandbox, event: str, statuses: list[str]) -> None:
    """And its webhooks are said, with what came before them."""
    sandbox.webhooks.aim(NOWHERE)

    said = run("trigger", event, "--sandbox", sandbox.url)

    assert said.exit_code == 0, said.output
    assert [line.partition(" ")[0] for line in said.output.splitlines()] == statuses
    assert NOWHERE in said.output


def test_all_events_are_tried_here() -> None:
    """The test above names each of them."""
    marks = test_every_event_can_be_triggered.pytestmark  # type: ignore[attr-defined]
    assert {event for event, _ in marks[0].args[1]} == set(tools.EVENTS)


def test_an_event_that_nobody_hears_of_says_so(sandbox: IamportSandbox) -> None:
    """It has happened all the same."""
    sandbox.webhooks.aim(None)
    before = sandbox.ledger().net

    said = run("trigger", "payment.paid", "--sandbox", sandbox.url)

    assert "nobody is told" in said.output
    assert sandbox.ledger().net == before + tools.AMOUNT


def test_listening_aims_prints_and_gives_back(sandbox: IamportSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each webhook once, also one that is slower than a look; at the end they go where they went before."""
    sandbox.webhooks.aim("http://127.0.0.1:9/before")
    looks = itertools.count()

    def pause(_seconds: float) -> None:
        look = next(looks)
        if look == 0:
            tools.EVENTS["payment.paid"](sandbox)
        if look == 1:
            sandbox.webhooks.drain()
        if look == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(tools, "time", SimpleNamespace(sleep=pause))  # its own: other threads sleep as well

    said = run("listen", NOWHERE, "--sandbox", sandbox.url)

    first, *lines = said.output.splitlines()
    assert first == f"listening: webhooks of {sandbox.url} go to {NOWHERE}"
    assert len([line for line in lines if line.startswith("paid imp_")]) == 1
    assert sandbox.webhooks.aim(None) == "http://127.0.0.1:9/before"


@pytest.mark.parametrize("target", ["http://192.0.2.7/hook", "ftp://127.0.0.1/hook", "hook"])
def test_listening_refuses_what_is_no_address_of_this_machine(sandbox: IamportSandbox, target: str) -> None:
    """In one line, and nothing has changed."""
    sandbox.webhooks.aim(NOWHERE)

    said = run("listen", target, "--sandbox", sandbox.url)

    assert said.exit_code == 1
    assert said.output.startswith("Error: url: ")
    assert sandbox.webhooks.aim(None) == NOWHERE


def test_without_a_sandbox_that_is_said(sandbox: IamportSandbox) -> None:
    """No stack trace."""
    said = run("trigger", "payment.paid", "--sandbox", "http://127.0.0.1:9")

    assert (said.exit_code, said.output.count("\n")) == (1, 1)
    assert "no sandbox answers" in said.output
    assert sandbox.url not in said.output


class TestAShop(SandboxTestCase):
    """The mix-in for `unittest`, used by two tests."""

    def test_one(self) -> None:
        """A payment."""
        self._pay()

    def test_two(self) -> None:
        """The same number again, which would be refused if anything of the other test were left."""
        self._pay()

    def _pay(self) -> None:
        order = {"pg": "jtnet", "merchant_uid": "order-1", "amount": 1_000, "name": "tea"}
        assert self.iamport_sandbox.url == self.iamport_sandbox_url
        assert self.iamport_sandbox.pay(order).status == "paid"
        assert self.iamport_sandbox.ledger().net == 1_000
