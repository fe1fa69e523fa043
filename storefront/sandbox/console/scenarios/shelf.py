"""The scenarios that there are: those that ship, the one a file brought, and those that somebody posted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from storefront.sandbox.console.scenarios.reading import BadScenario, Scenario, read
from storefront.sandbox.parts import Sandbox
from storefront.sandbox.wire.parameters import read_json

_SHIPPED = Path(__file__).parent / "shipped"


def every(sandbox: Sandbox) -> dict[str, Scenario]:
    """Every scenario by its name, in the order they are shown."""
    posted = sandbox.store.all("SELECT document FROM scenario ORDER BY name")
    return {**_fixed(sandbox), **{one.name: one for one in (read(json.loads(row["document"])) for row in posted)}}


def add(sandbox: Sandbox, document: Mapping[str, Any]) -> Scenario:
    """Keep a posted one until the next reset, in the place of one that was posted under its name before.

    Raises:
        BadScenario: nobody could play it, or its name is taken by one that ships.
    """
    scenario = read(document)
    if scenario.name in _fixed(sandbox):
        raise BadScenario(f"name: {scenario.name} is taken by one that is there from the start")
    kept = json.dumps(scenario.document)
    sandbox.store.write(
        "INSERT INTO scenario VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET document = excluded.document",
        scenario.name,
        kept,
    )
    return scenario


@cache
def of_file(path: str) -> Scenario:
    """The scenario in a file, read once.

    Raises:
        BadScenario: there is none in it; the text names the file.
    """
    try:
        return read(read_json(Path(path).read_bytes()))
    except OSError as error:
        raise BadScenario(f"{path}: {error.strerror}") from None
    except BadScenario as error:
        raise BadScenario(f"{path}: {error}") from None
    except ValueError as error:
        raise BadScenario(f"{path}: not JSON: {error}") from None


@cache
def shipped() -> dict[str, Scenario]:
    """Those that come with the sandbox."""
    found = (of_file(str(path)) for path in sorted(_SHIPPED.glob("*.json")))
    return {one.name: one for one in found}


def _fixed(sandbox: Sandbox) -> dict[str, Scenario]:
    path = sandbox.settings.scenario
    own = [of_file(path)] if path else []
    return {**{one.name: one for one in own}, **shipped()}
