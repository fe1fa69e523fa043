"""The scripts of `examples/`, run by the shell."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.examples.files import EXAMPLES
from tests.people import Sandbox


@pytest.fixture(autouse=True)
def _curl() -> None:
    """The walk is made of it."""
    if not shutil.which("curl"):
        pytest.skip("curl is not on this machine")


def run(name: str, sandbox: Sandbox) -> str:
    """Run one; it stops at the first command that fails. What it printed."""
    done = subprocess.run(
        ["bash", EXAMPLES / name], env=_environment(sandbox), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_walk_charges_twice_and_gives_one_back(sandbox: Sandbox) -> None:
    """Its last line is the ledger, and the ledger agrees with what the walk says it does."""
    printed = run("walk.sh", sandbox)
    assert json.loads(printed.splitlines()[-1]) == sandbox.ledger()
    assert (sandbox.ledger("order-1")["captured"], sandbox.net("order-1"), sandbox.net("order-2")) == (9_900, 0, 9_900)
    assert sandbox.keys() == {"card-1": True}
    [cancel] = sandbox.ledger("order-1")["payments"][0]["cancels"]
    assert (cancel["amount"], cancel["reason"]) == (9_900, "broken")
    answers = [json.loads(line) for line in printed.splitlines()[:-1]]
    assert [answer["code"] for answer in answers] == [0, 0, 0, 0]


def test_a_card_is_registered_for_nothing_and_charged_later(sandbox: Sandbox) -> None:
    """`amount: 0` captures nothing; the charge with the key does. Also beside what the other one has left."""
    run("walk.sh", sandbox)
    window, key, charge, ledger = map(json.loads, run("register.sh", sandbox).splitlines())
    assert (window["status"], key["response"]["customer_uid"], charge["response"]["status"]) == (
        "paid",
        "card-2",
        "paid",
    )
    assert "*" in key["response"]["card_number"]
    assert ledger == sandbox.ledger()
    assert (sandbox.net("order-3"), sandbox.net("order-4"), sandbox.keys()["card-2"]) == (0, 9_900, True)


def test_a_blank_after_a_backslash_breaks_a_command(sandbox: Sandbox, tmp_path: Path) -> None:
    """As in the JTNet guide: the shell takes each line for a command of its own, and nothing is charged."""
    script = tmp_path / "pasted.sh"
    script.write_text((EXAMPLES / "register.sh").read_text().replace("\\\n", "\\ \n"))
    done = subprocess.run(["bash", script], env=_environment(sandbox), capture_output=True, timeout=60, check=False)
    assert done.returncode != 0
    assert sandbox.ledger()["captured"] == 0


def test_troubles_can_be_asked_for_and_forgotten(sandbox: Sandbox) -> None:
    """Faults, a month, the lists, and everything as it was at the start."""
    before = sandbox.call("GET", "/payments/find/nobody")
    assert before["code"] == -1
    cut, repeat, clock, requests_seen, webhooks, reset = map(json.loads, run("troubles.sh", sandbox).splitlines())
    assert (cut["id"], repeat["id"], reset, webhooks) == (1, 2, {"ok": True}, {"webhooks": []})
    assert [call["path"] for call in requests_seen["requests"]] == ["/users/getToken", "/payments/find/nobody"]
    now = sandbox.session.get(f"{sandbox.url}/_sandbox/clock", timeout=30).json()["now"]
    assert 29 * 86_400 < clock["now"] - now < 31 * 86_400
    assert sandbox.session.get(f"{sandbox.url}/_sandbox/faults", timeout=30).json() == {"faults": []}
    assert sandbox.requests() == []


def _environment(sandbox: Sandbox) -> dict[str, str]:
    return os.environ | {"SANDBOX": sandbox.url, "no_proxy": "*"}
