"""The JTNet guide in the demo: its page, and the lines it points to."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from storefront.clock import Clock
from storefront.config import Settings
from tests.conftest import Shop, shop_beside
from tests.people import Sandbox

ROOT = Path(__file__).resolve().parents[2]
FENCE, LINK = re.compile(r"```.*?```", re.DOTALL), re.compile(r"\]\(([^)]+)\)")


@pytest.mark.parametrize(
    ("language", "elsewhere"), [("en", "<em>What happens when…</em>"), ("ko", "<em>언제 무슨 일이 생기나</em>")]
)
def test_every_link_to_code_shows_the_lines_as_they_are(shop: Shop, language: str, elsewhere: str) -> None:
    """With their numbers; a renamed function would break the page, and this test."""
    browser = shop.browser()
    browser.get(f"/language/{language}")
    page = browser.get("/guide").text
    places = set(re.findall(r'href="(/guide/code/[^"]+)"', page))
    assert len(places) > 10
    for place in places:
        assert browser.get(place).status_code == 200, place
    assert elsewhere in page  # a page of the docs is none of the shop's
    assert ".md" not in page.replace("jtnet-request-billing-key.md", "")
    lines = browser.get("/guide/code/storefront/billing/payments/settlement.py:settle").text
    assert "def settle(" in lines


def test_both_languages_show_the_same_code_and_lead_to_the_same_lines_and_sections(shop: Shop) -> None:
    """What is added to one is missed in the other; and a step of a payment leads to its section in either."""
    english, korean = ((ROOT / "docs" / name).read_text() for name in ("guide.md", "guide.ko.md"))
    assert FENCE.findall(english) == FENCE.findall(korean)
    assert sorted(LINK.findall(english)) == sorted(LINK.findall(korean))
    sections = []
    for language in ("en", "ko"):
        browser = shop.browser()
        browser.get(f"/language/{language}")
        sections.append(re.findall(r'<h2 id="([^"]+)"', browser.get("/guide").text))
    assert sections[0] == sections[1]
    assert "charging-again" in sections[0]


@pytest.mark.parametrize("place", ["storefront/config.py", "../.env", "storefront/config.py:nothing"])
def test_nothing_but_what_the_guide_names_is_shown(shop: Shop, place: str) -> None:
    """It is no way to read files."""
    assert shop.browser().get(f"/guide/code/{place}").status_code == 404


def test_a_shop_beside_imports_has_no_guide(
    settings: Settings, sandbox_app: Flask, sandbox: Sandbox, clock: Clock
) -> None:
    """Shoppers need none, and what explains the shop is the demo's alone."""
    real = replace(settings, imp_api_url="https://api.iamport.kr", imp_sdk_url="https://cdn.iamport.kr/v1/iamport.js")
    with shop_beside(real, sandbox_app, sandbox, clock) as shop:
        assert shop.browser().get("/guide").status_code == 404
        assert "/guide" not in shop.browser().get("/").text
