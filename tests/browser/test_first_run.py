"""The first thing anybody does: README's own sentence, walked word by word through an empty shop."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from babel.support import Translations
from playwright.sync_api import Page, expect

from tests.people import Sandbox
from tests.servers import storefront

ROOT = Path(__file__).resolve().parents[2]
PRICE = 14_900
WRITTEN = {"ko-KR": "14,900원", "en-GB": "₩14,900"}


class Newcomer:
    """Somebody who does what the README says, in a language of theirs."""

    def __init__(self, page: Page, device: str, locale: str) -> None:
        self.page, self.is_phone = page, device == "phone"
        self._catalogue = Translations.load(ROOT / "storefront" / "translations", [locale[:2]])
        self._price = WRITTEN[locale]

    def press(self, text: str) -> None:
        """A link or a button, by the name that the shop gives it in this language."""
        name = self.words(text)
        self.page.get_by_role("link", name=name).or_(self.page.get_by_role("button", name=name)).first.click()

    def sees(self, text: str) -> None:
        """The page says so, in its first words."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text(self.words(text))

    def words(self, text: str) -> str:
        """A text of the shop's as this language has it, about a bag of Morning."""
        return str(self._catalogue.gettext(text)) % {
            "name": self._catalogue.gettext("Morning"),
            "amount": self._price,
        }

    @property
    def window(self) -> Any:
        """The payment window: on a phone a page of its own."""
        return self.page if self.is_phone else self.page.frame_locator("iframe.imp-frame")

    def pick_a_test_card(self) -> None:
        """One tap in the drawer, which is closed where there is little room."""
        card = self.window.locator("[data-card]").first
        expect(card).to_be_attached()
        if not card.is_visible():
            self.window.locator("#cards summary").click()
        card.click()

    def agree_there_and_pay(self) -> None:
        """The window's own box and button."""
        self.window.locator("[name=agree]").check()
        self.window.locator("[data-action=pay]").click()


STEPS: dict[str, Callable[[Newcomer], None]] = {
    "choose a bag": lambda reader: reader.press("Choose %(name)s"),
    "continue as the demo shopper": lambda reader: reader.press("Continue as the demo shopper"),
    "agree": lambda reader: reader.page.locator("#consent").check(),
    "go on to pay": lambda reader: reader.press("Go on to pay %(amount)s"),
    "press the button": lambda reader: reader.press("Pay %(amount)s and store the card"),
    "pick a test card in the window": Newcomer.pick_a_test_card,
    "agree there and pay": Newcomer.agree_there_and_pay,
    "you have seen a payment succeed": lambda reader: reader.sees("You paid %(amount)s"),
    "go to your account": lambda reader: reader.press("Go to your account"),
    "order another bag": lambda reader: reader.press("Pay %(amount)s for %(name)s"),
    "and you have seen the billing key at work": lambda reader: reader.sees("You paid %(amount)s"),
}
"""What each step of the README's sentence means to somebody with a browser."""


def steps_of_the_readme() -> list[str]:
    """The sentence under *Run it*, step by step."""
    found = re.search(r"^Then (choose .*?)\.$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert found
    plain = re.sub(r"\s+", " ", found[1].replace("*", "")).lower()
    return re.split(r"[,.] ", plain)


@pytest.mark.parametrize(("locale", "device"), [("ko-KR", "desktop"), ("en-GB", "phone")])
def test_the_readmes_own_sentence_works_in_an_empty_shop(page: Page, device: str, locale: str, tmp_path: Path) -> None:
    """In both languages, and in the end the ledger has two bags."""
    newcomer = Newcomer(page, device, locale)
    with storefront(tmp_path, "demo", "--port", "0", "--sandbox-port", "0", "--data", "instance") as demo:
        page.goto(demo.urls["shop"])
        for step in steps_of_the_readme():
            STEPS[step](newcomer)
        with requests.Session() as session:
            assert Sandbox(session, demo.urls["sandbox"]).net() == 2 * PRICE
