"""The sandbox as a distribution of its own: what comes along, and that nothing of the shop is missed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SANDBOX = ROOT / "storefront" / "sandbox"
NOT_NEEDED = (
    "sqlalchemy",
    "alembic",
    "flask_login",
    "flask_babel",
    "babel",
    "flask_wtf",
    "flask_limiter",
    "phonenumbers",
)
WITHOUT_THEM = f"import sys; sys.modules.update(dict.fromkeys({NOT_NEEDED!r}))\n"
"""Importing any of them is an ImportError from here on, as where they are not installed."""


def read(project: Path) -> dict[str, Any]:
    """What a distribution says of itself."""
    facts: dict[str, Any] = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    return facts


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `pip install ./storefront/sandbox` installs, unpacked."""
    folder = tmp_path_factory.mktemp("alone")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=SANDBOX, check=True, capture_output=True, timeout=120)
    [built] = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


def run(alone: Path, code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Python with the sandbox alone: `-S` leaves this checkout out, which is linked into the environment."""
    paths = os.pathsep.join((str(alone), sysconfig.get_path("purelib")))
    return subprocess.run(
        [sys.executable, "-S", "-c", WITHOUT_THEM + code],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": paths, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_another_projects_tests_pass_with_the_sandbox_alone(alone: Path, tmp_path: Path) -> None:
    """The same tests that pass with the shop's distribution, without anything that only the shop needs."""
    (tmp_path / "test_shop.py").write_text(Path(__file__).with_name("another_project.py").read_text())

    done = run(alone, "import pytest; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider']))", tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "14 passed" in done.stdout


def test_its_command_has_the_sandbox_and_its_tools(alone: Path, tmp_path: Path) -> None:
    """`iamport sandbox`, `listen` and `trigger`."""
    done = run(alone, "from storefront.sandbox.commands import alone; alone(['--help'])", tmp_path)

    assert done.returncode == 0, done.stderr
    assert [name for name in ("sandbox", "listen", "trigger") if f"\n  {name} " not in done.stdout] == []


def test_nothing_of_the_shop_comes_along(alone: Path) -> None:
    """And everything of the sandbox does."""
    assert [path.name for path in (alone / "storefront").iterdir()] == ["sandbox"]
    ours = {path.relative_to(ROOT) for path in SANDBOX.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert {path for path in ours if not (alone / path).is_file()} == set()


def test_both_distributions_agree() -> None:
    """One version, one range of Pythons, and no dependency that the shop's lock does not hold."""
    whole, part = read(ROOT), read(SANDBOX)

    assert (part["version"], part["requires-python"]) == (whole["version"], whole["requires-python"])
    assert set(part["dependencies"]) <= set(whole["dependencies"])


def test_importing_it_loads_nothing_of_the_shop(alone: Path, tmp_path: Path) -> None:
    """Counted in modules, which does not depend on the machine."""
    code = "import json, storefront.sandbox; print(json.dumps([n for n in sys.modules if n.startswith('storefront')]))"
    done = run(alone, code, tmp_path)

    assert done.returncode == 0, done.stderr
    assert {name for name in json.loads(done.stdout) if not name.startswith("storefront.sandbox")} == {"storefront"}
