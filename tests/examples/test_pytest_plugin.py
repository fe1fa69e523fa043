"""The pytest plugin, used by a project that is not this one."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from storefront.sandbox.testing import SandboxClient
from tests.examples.files import take

ROOT = Path(__file__).resolve().parents[2]
ANOTHER_PROJECT = Path(__file__).with_name("another_project.py")
WARNING = ("-W", "error")


def run_its_tests(folder: Path, *, path: Path | None = None) -> str:
    """Run pytest in a folder as somebody else would, every warning an error; what it printed.

    Args:
        folder: the other project.
        path: where this project is installed, if not beside pytest.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("IMP_", "PYTEST_"))}
    if path:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run(
        [sys.executable, *WARNING, "-m", "pytest", *WARNING, "-q", "-p", "no:cacheprovider"],
        cwd=folder,
        env=environment | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Warning" not in done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What others install, unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    [built] = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


def test_another_project_tests_its_shop_with_what_the_wheel_brings(wheel: Path, tmp_path: Path) -> None:
    """Charges, faults, time and webhooks, each test alone; the checkout is not on its path."""
    shutil.copy(ANOTHER_PROJECT, tmp_path / "test_shop.py")
    where = "import storefront\n\ndef test_where() -> None:\n    assert storefront.__file__.startswith({!r})\n"
    (tmp_path / "test_where.py").write_text(where.format(str(wheel)))
    assert "15 passed" in run_its_tests(tmp_path, path=wheel)


def test_without_pytest_there_are_a_test_case_and_a_block(tmp_path: Path) -> None:
    """`unittest` runs the one, and the other says where it serves."""
    take(tmp_path, "test_without_pytest.py")
    for arguments, said in (
        (("-m", "unittest", "-v", "test_without_pytest"), "ok"),
        (("test_without_pytest.py",), "http://"),
    ):
        command = [sys.executable, *WARNING, *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert said in done.stdout + done.stderr


def test_a_sandbox_that_runs_by_itself_is_asked_in_the_same_words(sandbox_url: str) -> None:
    """`storefront sandbox`, for a shop in another language or on another port."""
    with closing(SandboxClient(sandbox_url)) as client:
        order = {"pg": "jtnet", "merchant_uid": f"order-{secrets.token_hex(8)}", "name": "Bag", "amount": 9_900}
        paid = client.pay(order)
        assert client.call("GET", f"/payments/{paid.imp_uid}?include_sandbox=true")["response"]["status"] == "paid"
        assert client.ledger(order["merchant_uid"]).net == 9_900


def test_the_wheel_brings_every_page_script_and_style_of_the_sandbox(wheel: Path) -> None:
    """A file that is left out would be missed by nobody here, and by everybody else."""
    sandbox = Path("storefront", "sandbox")
    ours = {path.relative_to(ROOT) for path in (ROOT / sandbox).rglob("*") if path.is_file()}
    ours = {path for path in ours if "__pycache__" not in path.parts}
    assert {sandbox / "pytest_plugin.py", sandbox / "static" / "iamport.js"} <= ours
    assert {path for path in ours if not (wheel / path).is_file()} == set()


def test_the_shop_of_the_wheel_has_its_guide_and_the_lines_it_points_to(wheel: Path, tmp_path: Path) -> None:
    """Pages, docs and examples come along."""
    code = """
from storefront import create_app, web
from storefront.config import Settings
assert web.__file__.startswith(sys.argv[1])
settings = Settings("a-secret-for-tests", "sqlite://", "http://127.0.0.1:8000", "imp1", "key", "secret",
                    imp_api_url="http://localhost:8001")
browser = create_app(settings).test_client()
for path in ("/guide", "/guide/code/examples/flask_shop.py", "/guide/code/storefront/billing/cards.py:remove"):
    assert browser.get(path, base_url=settings.public_url).status_code == 200, path
"""
    where = [sys.executable, "-c", "import sys" + code, str(wheel)]
    subprocess.run(where, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(wheel)}, check=True, timeout=60)


def test_a_strict_type_checker_knows_what_the_fixture_gives(wheel: Path, tmp_path: Path) -> None:
    """The package says that it is typed, and its types hold for the other project."""
    assert (wheel / "storefront" / "py.typed").is_file()
    shutil.copy(ANOTHER_PROJECT, tmp_path / "test_shop.py")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "test_shop.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_running_the_shop_needs_no_pytest() -> None:
    """The plugin is the only module that imports it."""
    code = "import sys, storefront.cli, storefront.sandbox.testing; sys.exit(bool({'pytest', 'unittest'} & {*sys.modules}))"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
