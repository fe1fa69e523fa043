"""What the README promises has to be there: tests, commands, options, settings, places."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import click
import pytest

from storefront.cli import main
from storefront.sandbox import SandboxSettings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
_FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OPTION = re.compile(r"--[a-z][a-z0-9-]*")


def prose() -> str:
    """The text without its code blocks."""
    return _FENCED.sub("", README)


def commands() -> list[str]:
    """Everything a reader might type: lines of console blocks, and code in the text."""
    blocks = [
        line.split(" # ")[0]
        for kind, code in _FENCED.findall(README)
        if kind == "console"
        for line in code.splitlines()
    ]
    return blocks + re.findall(r"`([^`\n]+)`", prose())


def options_of(command: click.Command) -> set[str]:
    """The options a command takes."""
    taken = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    return taken | {"--help"}


def test_every_test_that_the_readme_names_exists() -> None:
    """A renamed test is renamed there too."""
    named = set(re.findall(r"`(test_\w+)`", README))
    written = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert len(named) > 30
    assert named <= written, named - written


def test_every_make_target_that_the_readme_names_exists() -> None:
    """What is passed on to a command is an option of it."""
    lines = [line for line in commands() if line.startswith("make ")]
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {line.split()[1] for line in lines}
    assert {"demo", "test"} <= named <= targets, named - targets
    passed_on = {option for line in lines if line.startswith("make demo ") for option in _OPTION.findall(line)}
    assert {"--port"} <= passed_on <= options_of(main.commands["demo"])


def test_every_command_and_option_that_the_readme_names_exists() -> None:
    """An option alone belongs to one of the commands."""
    seen, every_option = set(), set[str]()
    for command in main.commands.values():
        every_option |= options_of(command)
    for line in commands():
        called = re.fullmatch(r"(?:\S*/)?storefront ([a-z]+)(?: ([a-z]+))?(.*)", line)
        if called:
            command = main.commands.get(called[1])
            if isinstance(command, click.Group):
                command = command.commands.get(called[2] or "")
            assert command is not None, line
            assert set(_OPTION.findall(called[3])) <= options_of(command), line
            seen.add(called[1])
        elif line.startswith("--"):
            assert set(_OPTION.findall(line)) <= every_option, line
    assert {"demo", "run", "sandbox", "worker", "reconcile"} <= seen


def test_every_option_of_pytest_that_the_readme_names_exists(pytestconfig: pytest.Config) -> None:
    """Ours and the plugins'."""
    lines = [line for line in commands() if " -m pytest" in line]
    assert lines
    for option in {option for line in lines for option in _OPTION.findall(line)}:
        pytestconfig.getoption(option)


def test_the_table_of_settings_is_the_example_file() -> None:
    """Nothing is missing and nothing is made up."""
    table = README.split("## Settings")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    told = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}
    assert told == set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def test_every_switch_of_the_fidelity_table_can_be_switched() -> None:
    """Where the sources disagree, an option chooses, and a setting of that name."""
    table = README.split("## Fidelity")[1].split("| option |")[1]
    named = set(re.findall(rf"^\| `({_OPTION.pattern})[^`]*` \|", table, re.MULTILINE))
    assert len(named) > 5
    assert named <= options_of(main.commands["sandbox"])
    settings = {field.name for field in dataclasses.fields(SandboxSettings)}
    assert {name.removeprefix("--").removeprefix("no-").replace("-", "_") for name in named} <= settings


def test_every_link_of_the_readme_leads_somewhere() -> None:
    """To a heading of its own, or to a file."""
    headings = re.findall(r"^#+ (.+)$", prose(), re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    links = re.findall(r"\]\(([^)]+)\)", prose())
    assert len(links) > 10
    for link in links:
        if link.startswith("#"):
            assert link[1:] in anchors, link
        elif "://" not in link:
            assert (ROOT / link).exists(), link
