"""The pictures of the docs, taken anew: `make screenshots`. By day, by night, on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.pages import Journey

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "img"


@pytest.fixture(params=["light", "dark", "phone"])
def look(request: pytest.FixtureRequest) -> str:
    """Which of the three."""
    return str(request.param)


@pytest.fixture
def device(look: str) -> str:
    """The screen for it."""
    return "phone" if look == "phone" else "desktop"


def test_the_pictures_of_the_docs(journey: Journey, page: Page, look: str) -> None:
    """The home page, and a payment with how it went: the way of the README's first sentence."""
    page.emulate_media(color_scheme="dark" if look == "dark" else "light", reduced_motion="reduce")
    page.goto(journey.shop_url)
    _take(page, "home", look)
    journey.buy()
    journey.sees("You paid ₩14,900")
    _take(page, "payment", look)


def _take(page: Page, name: str, look: str) -> None:
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}-{look}.png")
