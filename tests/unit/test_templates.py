"""The pages' sources, which people read as well: short lines, and no style that nothing wears."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.stylesheet import is_worn, words_in

ROOT = Path(__file__).parents[2]
SANDBOX = ROOT / "storefront" / "sandbox"
LONGEST = 160


@pytest.mark.parametrize("folder", [ROOT / "templates", SANDBOX / "templates"], ids=["shop", "sandbox"])
def test_a_template_is_as_narrow_as_the_code_beside_it(folder: Path) -> None:
    """What is longer does not fit beside a review."""
    pages = list(folder.rglob("*.html"))
    assert pages
    lines = [(page.name, number, line) for page in pages for number, line in enumerate(_lines(page), start=1)]
    assert [(name, number) for name, number, line in lines if len(line) > LONGEST] == []


@pytest.mark.parametrize(
    ("styles", "wearers"),
    [
        ([ROOT / "static" / "css"], [ROOT / "templates", ROOT / "static" / "js", ROOT / "storefront" / "web"]),
        ([SANDBOX / "static"], [SANDBOX]),
    ],
    ids=["shop", "sandbox"],
)
def test_every_class_with_a_style_is_worn(styles: list[Path], wearers: list[Path]) -> None:
    """A class is written out somewhere, or put together from a beginning and a word: `is-{{ plan.code }}`."""
    sheets = "".join(sheet.read_text() for folder in styles for sheet in folder.glob("*.css"))
    classes = {
        name
        for selectors in re.findall(r"([^{}]+){", _bare(sheets))
        for name in re.findall(r"\.([a-z][\w-]*)", selectors)
    }
    words = words_in(wearers)
    assert classes
    assert {name for name in classes if not is_worn(name, words)} == set()


def _lines(page: Path) -> list[str]:
    return page.read_text().splitlines()


def _bare(sheet: str) -> str:
    """Without comments and addresses, whose points are no classes."""
    return re.sub(r"/\*.*?\*/|url\([^)]*\)", "", sheet, flags=re.DOTALL)
