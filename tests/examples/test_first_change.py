"""A newcomer's first change, made as CONTRIBUTING says, in a copy of the project."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOOK = """
import sys
from storefront import create_app, schema
from storefront.config import Settings
app = create_app(Settings(secret_key="a-secret-for-tests", database_url="sqlite://", public_url="http://127.0.0.1:8000",
    imp_code="imp00000000", imp_key="sandbox_key", imp_secret="sandbox_secret"))
schema.upgrade(app.extensions["billing"].database)
page = app.test_client().get("/", base_url="http://127.0.0.1:8000", headers={"Accept-Language": "en"}).text
sys.stdout.write(page)
"""


def test_a_new_coffee_is_sold_after_the_steps_of_the_page(tmp_path: Path) -> None:
    """The two pieces of code go where the page says, and the home page has a fourth bag."""
    for folder in ("storefront", "templates", "static"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    plan, text = (
        textwrap.dedent(code)
        for code in re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
    )
    _insert(tmp_path / "storefront/billing/catalogue.py", r"^PLANS = \(\n.*?(?=^\)$)", plan.strip() + ",\n")
    _insert(tmp_path / "storefront/web/i18n.py", r"^    texts = \{\n.*?(?=^    \}$)", text)
    done = subprocess.run(
        [sys.executable, "-c", LOOK], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"data-price=", done.stdout)) == 4
    assert 'data-price="15900"' in done.stdout
    assert "Caramel, hazelnut." in done.stdout


def _insert(file: Path, place: str, code: str) -> None:
    """Put code at the end of what is there."""
    before = file.read_text()
    after = re.sub(place, lambda found: found[0] + code, before, count=1, flags=re.MULTILINE | re.DOTALL)
    assert after != before
    file.write_text(after)
