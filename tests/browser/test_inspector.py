"""How a payment went, as people read it: heard, by keyboard, and done once more by hand."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.pages import Journey
from tests.browser.test_accessibility import look


@pytest.fixture
def device() -> str:
    """A phone's page is the same, and `test_accessibility` looks at it."""
    return "desktop"


def step(journey: Journey, title: str) -> Locator:
    """The first step of a title."""
    return journey.page.get_by_role("listitem").filter(has_text=title).first


def copied(journey: Journey, title: str) -> str:
    """What a step's button puts on the clipboard, reached and pressed with the keyboard."""
    one = step(journey, title)
    one.locator("summary").focus()
    journey.page.keyboard.press("Enter")
    journey.page.keyboard.press("Tab")
    expect(one.get_by_role("button", name="Copy")).to_be_focused()
    journey.page.keyboard.press("Enter")
    expect(journey.page.get_by_role("status").filter(has_text="Copied")).to_be_attached()
    expect(one.get_by_role("button", name="Copied")).to_be_visible()
    return str(journey.page.evaluate("navigator.clipboard.readText()"))


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_a_payment_is_read_step_by_step_and_done_once_more_by_hand(journey: Journey) -> None:
    """Each command does what the step did: i'mport says that it was done before, and no money moves."""
    journey.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    journey.order("Noon")
    pay_page = journey.page.url
    merchant_uid = journey.buy()
    journey.sees("You paid ₩14,900")
    journey.page.get_by_role("link", name="Every request and answer").click()
    journey.sees("How this payment went")

    expect(step(journey, "Told i'mport the amount in advance")).to_match_aria_snapshot(
        """
        - listitem:
          - time
          - text: The shop asked i'mport
          - strong: Told i'mport the amount in advance
          - paragraph: ₩14,900
          - group:
            - code: /POST .payments.prepare · HTTP 200 · \\d+ ms/
          - paragraph:
            - text: "/The guide's trap: .*/"
            - link "In the guide"
          - paragraph:
            - text: "Code:"
            - link "checkout.request_pay_parameters"
            - text: ","
            - link "client.Iamport.prepare"
        """
    )
    expect(journey.page.get_by_role("table")).to_match_aria_snapshot(
        """
        - table:
          - rowgroup
          - rowgroup:
            - row "Captured ₩14,900 ₩14,900"
            - row "Given back ₩0 ₩0"
            - row "Left ₩14,900 ₩14,900"
            - row "Billing key stored stored"
        """
    )
    keys = os.environ | {"IMP_KEY": "sandbox_key", "IMP_SECRET": "sandbox_secret"}
    curl = copied(journey, "Asked i'mport itself")
    said = subprocess.run(["sh", "-c", curl], capture_output=True, text=True, timeout=30, check=True, env=keys).stdout
    assert json.loads(said)["response"]["merchant_uid"] == merchant_uid
    told = copied(journey, "The browser says the window has closed")
    with journey.page.expect_console_message(lambda message: "paid" in message.text):
        journey.page.evaluate(f"async () => {{ {told} }}")
    opens = copied(journey, "The page opened the payment window")
    look(journey.page, "how it went, with steps opened")

    journey.page.goto(pay_page)
    with journey.page.expect_console_message(
        lambda message: bool(re.search("F0007", str(message.args[0].json_value())))
    ):
        journey.page.evaluate(f"() => {{ {opens} }}")
    journey.agrees_with_ledger(merchant_uid, 14_900)
