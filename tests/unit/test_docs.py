"""What the README and the pages of `docs/` promise has to be there: tests, commands, options, settings, places, code."""

from __future__ import annotations

import dataclasses
import re
import textwrap
from pathlib import Path

import click
import pytest

from storefront.cli import main
from storefront.sandbox import SandboxSettings
from storefront.web.source import lines_of

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in (ROOT / "README.md", ROOT / "README.ko.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md")))
}
EVERYTHING = "\n".join(PAGES.values())
SHOWN = {"python", "js", "bash"}
"""Code that a page shows is a piece of a file that is run; `console` is typed, `mermaid` is drawn."""
_FENCED = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_OPTION = re.compile(r"--[a-z][a-z0-9-]*")


def fences(text: str) -> list[tuple[str, str]]:
    """The language and the code of each block."""
    return [(kind, textwrap.dedent(code)) for _, kind, code in _FENCED.findall(text)]


def prose(text: str) -> str:
    """A text without its code blocks."""
    return _FENCED.sub("", text)


def commands() -> list[str]:
    """Everything a reader might type: lines of console blocks, and code in the text."""
    blocks = [
        line.split(" # ")[0] for kind, code in fences(EVERYTHING) if kind == "console" for line in code.splitlines()
    ]
    return blocks + re.findall(r"`([^`\n]+)`", prose(EVERYTHING))


def anchors(text: str) -> set[str]:
    """Where a link with `#` may lead on a page."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def options_of(command: click.Command) -> set[str]:
    """The options a command takes."""
    taken = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    return taken | {"--help"}


def test_the_readme_is_read_in_a_few_minutes() -> None:
    """What is to be looked up stands in `docs/`."""
    assert len(PAGES["README.md"].splitlines()) <= 220


def test_the_korean_readme_is_the_same_page() -> None:
    """The same commands under as many headings, and the shop's own words for what is pressed."""
    english, korean = PAGES["README.md"], PAGES["README.ko.md"]
    typed = [[code for kind, code in fences(page) if kind == "console"] for page in (english, korean)]
    assert typed[0] == typed[1]
    headings = [len(re.findall("^## ", page, re.MULTILINE)) for page in (english, korean)]
    assert headings[0] == headings[1]
    words = (ROOT / "storefront" / "translations" / "ko" / "LC_MESSAGES" / "messages.po").read_text()
    for pressed in re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", prose(korean)):
        assert " ".join(pressed.split()) in words, pressed


def test_every_test_that_the_docs_name_exists() -> None:
    """A renamed test is renamed there too."""
    named = set(re.findall(r"`(test_\w+)`", EVERYTHING))
    written = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert len(named) > 30
    assert named <= written, named - written


def test_every_make_target_that_the_docs_name_exists() -> None:
    """What is passed on to a command is an option of it."""
    lines = [line for line in commands() if line.startswith("make ")]
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {line.split()[1] for line in lines}
    assert {"demo", "test"} <= named <= targets, named - targets
    passed_on = {option for line in lines if line.startswith("make demo ") for option in _OPTION.findall(line)}
    assert {"--port"} <= passed_on <= options_of(main.commands["demo"])


def test_every_command_and_option_that_the_docs_name_exists() -> None:
    """An option alone belongs to one of the commands."""
    seen, every_option = set(), set[str]()
    for command in main.commands.values():
        every_option |= options_of(command)
    for line in commands():
        called = re.fullmatch(r"(?:\S*/)?storefront ([a-z]+)(?: ([a-z]+))?(.*)", line)
        if called:
            command = main.commands.get(called[1])
            if isinstance(command, click.Group) and called[2]:
                command = command.commands.get(called[2])
            assert command is not None, line
            assert set(_OPTION.findall(called[3])) <= options_of(command), line
            seen.add(called[1])
        elif line.startswith("--"):
            assert set(_OPTION.findall(line)) <= every_option, line
    assert {"demo", "run", "sandbox", "worker", "reconcile"} <= seen


def test_every_service_runs_a_command_of_ours() -> None:
    """With options that it has; so systemd need not be here."""
    services = {file.name: file.read_text() for file in (ROOT / "examples" / "systemd").iterdir()}
    run = {
        name: re.findall(r"^ExecStart=\S+/storefront ([a-z]+)(.*)$", text, re.MULTILINE)
        for name, text in services.items()
    }
    assert {command for [(command, _options)] in run.values()} == {"run", "worker"}
    for [(command, options)] in run.values():
        assert set(_OPTION.findall(options)) <= options_of(main.commands[command])


def test_every_option_of_pytest_that_the_docs_name_exists(pytestconfig: pytest.Config) -> None:
    """Ours and the plugins'."""
    lines = [line for line in commands() if " -m pytest" in line]
    assert lines
    for option in {option for line in lines for option in _OPTION.findall(line)}:
        pytestconfig.getoption(option)


def test_the_table_of_settings_is_the_example_file() -> None:
    """Nothing is missing and nothing is made up."""
    table = PAGES["docs/settings.md"]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    told = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}
    assert told == set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def test_every_switch_of_the_fidelity_table_can_be_switched() -> None:
    """Where the sources disagree, an option chooses, and a setting of that name."""
    table = PAGES["docs/fidelity.md"].split("| option |")[1]
    named = set(re.findall(rf"^\| `({_OPTION.pattern})[^`]*` \|", table, re.MULTILINE))
    assert len(named) > 5
    assert named <= options_of(main.commands["sandbox"])
    settings = {field.name for field in dataclasses.fields(SandboxSettings)}
    assert {name.removeprefix("--").removeprefix("no-").replace("-", "_") for name in named} <= settings


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    """To a file, to a heading of this page or of another one."""
    for link in re.findall(r"\]\(([^)]+)\)", prose(PAGES[page])):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (ROOT / page).parent / name if name else ROOT / page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text()), link


@pytest.mark.parametrize("page", PAGES)
def test_every_link_to_code_names_what_is_there(page: str) -> None:
    """``[`settlement.settle`](…/settlement.py)`` needs a `settle` in that file."""
    for label, link in re.findall(r"\[`([\w.]+)`\]\(([^)]+\.(?:py|js))\)", prose(PAGES[page])):
        file = (ROOT / page).parent / link
        if label != file.name:
            module, _, name = label.partition(".")
            assert module == file.stem, label
            assert lines_of(file.read_text(), name)[1], label


@pytest.mark.parametrize("page", PAGES)
def test_every_piece_of_code_is_a_piece_of_a_file_that_is_run(page: str) -> None:
    """Of an example, letter for letter but for how far it is indented."""
    files = [_flush(path.read_text()) for path in (ROOT / "examples").iterdir() if path.is_file()]
    for kind, code in fences(PAGES[page]):
        if kind in SHOWN and page != "CONTRIBUTING.md":  # whose code `tests/examples/test_first_change.py` runs
            assert any(_flush(code) in text for text in files), code


def test_the_workflow_and_the_hooks_do_what_a_reader_does() -> None:
    """GitHub runs the README's two commands, pre-commit the tools of `make check`."""
    makefile = (ROOT / "Makefile").read_text()
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text()
    assert set(re.findall(r"\bmake ([a-z-]+)", workflow)) == {"demo", "test"}
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    assert set(re.findall(r"entry: \.venv/bin/([\w-]+)", hooks)) == set(
        re.findall(r"^\t\$\(BIN\)/([\w-]+)", makefile.split("\ncheck:")[1].split("\n\n")[0], re.MULTILINE)
    )


def test_the_list_for_machines_has_every_page() -> None:
    """`llms.txt`: each page once, with a link."""
    listed = re.findall(r"\]\(([^)]+\.md)\)", (ROOT / "llms.txt").read_text())
    decisions = {page for page in PAGES if page.startswith("docs/decisions/") and not page.endswith("README.md")}
    assert sorted(listed) == sorted(set(PAGES) - decisions)


def _flush(code: str) -> str:
    return "\n".join(line.strip() for line in code.strip().splitlines())
