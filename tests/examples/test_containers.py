"""The recipe for containers: no engine runs here, so what it names is tested, and not the image."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import yaml

from storefront.sandbox import commands
from tests.examples.files import EXAMPLES

CONTAINERS = EXAMPLES / "containers"
ROOT = EXAMPLES.parent
CONTAINERFILE = (CONTAINERS / "Containerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((CONTAINERS / "compose.yaml").read_text())["services"]


def started(command: list[str]) -> dict[str, Any]:
    """The options of a command that starts the sandbox."""
    assert command[:2] == ["iamport", "sandbox"]
    return commands.sandbox.make_context("sandbox", command[2:]).params


def test_what_is_copied_into_the_image_is_there() -> None:
    """Before anything of it is installed."""
    copied = [line.split()[1:-1] for line in CONTAINERFILE.splitlines() if line.startswith("COPY ")]

    assert copied
    assert all((ROOT / name).exists() for names in copied for name in names)
    build = COMPOSE["sandbox"]["build"]
    assert (CONTAINERS / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).is_file()


def test_the_lock_holds_what_the_image_builds_with() -> None:
    """It is installed without a look at any index."""
    locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.txt").read_text(), re.M))

    assert {"hatchling", "flask", "requests", "waitress", "bootstrap-flask", "tzdata"} <= locked


@pytest.mark.parametrize(
    "command",
    [
        re.findall(r'"([^"]+)"', CONTAINERFILE[CONTAINERFILE.index("CMD ") :]),
        shlex.split(COMPOSE["sandbox"]["command"]),
    ],
    ids=["Containerfile", "compose"],
)
def test_both_start_a_sandbox_for_the_network(command: list[str]) -> None:
    """With options that exist."""
    options = started(command)

    assert (options["host"], options["port"]) == ("0.0.0.0", 8001)  # noqa: S104 - inside a container


def test_webhooks_reach_the_other_container() -> None:
    """Which is another machine."""
    options = started(shlex.split(COMPOSE["sandbox"]["command"]))

    assert options["allow_remote_webhooks"]
    assert options["webhook_url"] == "http://shop:3000/webhook"
    assert all(port.startswith("127.0.0.1:") for service in COMPOSE.values() for port in service["ports"])
