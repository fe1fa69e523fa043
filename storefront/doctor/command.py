"""`storefront doctor`: prints what was found, for people or as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from storefront import config, create_billing
from storefront.config import SettingsError
from storefront.doctor.checklist import Judged, judge
from storefront.doctor.checks import CHECKS, Finding, State, look_at
from storefront.doctor.outside import Outside


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def doctor(as_json: bool) -> None:
    """What keeps this shop from going live, with the next step for each.

    Ends with 0 if nothing is broken, 1 if something is.
    """
    findings = examine(Path.cwd())
    lines = judge(findings)
    click.echo(_json(findings, lines) if as_json else _text(findings, lines))
    sys.exit(any(finding.state is State.BROKEN for finding in findings))


def examine(folder: Path) -> list[Finding]:
    """The settings of a folder's `.env` and of the environment first; with them everything else."""
    try:
        settings = config.load(
            config.environment(folder), public_url="http://127.0.0.1:8000", folder=folder / "instance"
        )
    except SettingsError as error:
        broken = [Finding("settings", State.BROKEN, problem, "docs/settings.md") for problem in error.problems]
        return [*broken, *(Finding(name, State.YOURS, "not looked at", "mend the settings") for name in CHECKS)]
    return [Finding("settings", State.OK, "they fit together"), *look_at(create_billing(settings), Outside())]


def _json(findings: Sequence[Finding], lines: Sequence[Judged]) -> str:
    broken = any(finding.state is State.BROKEN for finding in findings)
    facts = {"ok": not broken, "checks": [asdict(one) for one in findings], "checklist": [asdict(one) for one in lines]}
    return json.dumps(facts, ensure_ascii=False, indent=2)


def _text(findings: Sequence[Finding], lines: Sequence[Judged]) -> str:
    said = [f"{_mark(one.state)} {one.name}: {one.says}{_next(one.state, one.next)}" for one in findings]
    said += ["", "i'mport's checklist before going live:"]
    said += [f"{_mark(one.state)} {one.number}. {one.text}{_why(one)}{_next(one.state, one.next)}" for one in lines]
    states = [one.state for one in findings] + [one.state for one in lines]
    return "\n".join([*said, "", f"{states.count(State.BROKEN)} broken, {states.count(State.YOURS)} yours to settle"])


def _mark(state: State) -> str:
    return f"{state.upper():<6}" if state is State.BROKEN else f"{state:<6}"


def _why(line: Judged) -> str:
    reasons = (("proved by", line.proved_by), ("checked now:", line.checked_by))
    by = [f"{how} {', '.join(names)}" for how, names in reasons if names]
    return f" ({'; '.join(by)})" if by else ""


def _next(state: State, step: str) -> str:
    return f"\n       next: {step}" if step and state is not State.OK else ""
