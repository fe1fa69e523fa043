"""The console in a browser: a list that refreshes by itself, and never under somebody who reads it."""

from __future__ import annotations

import json
import re
import secrets
import subprocess

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.people import Sandbox

ONE_LOOK_MS = 3_000
"""How often the console's script looks again."""


@pytest.fixture
def console(page: Page, sandbox: Sandbox) -> Page:
    """The list of payments, with at least one in it, and the browser's clock in the test's hand."""
    pay(sandbox)
    page.clock.install()
    page.goto(f"{sandbox.url}/_sandbox/")
    return page


def pay(sandbox: Sandbox) -> str:
    """Somebody pays in a window; the order number."""
    merchant_uid = f"order_{secrets.token_hex(6)}"
    params = {"merchant_uid": merchant_uid, "amount": 1_000, "customer_uid": f"key_{merchant_uid}", "name": "Coffee"}
    assert sandbox.pay(params)["status"] == "paid"
    return merchant_uid


def after_a_look(console: Page) -> None:
    """Let the script look again, and be done with it."""
    with console.expect_response(re.compile("/_sandbox/console/")) as looked:
        console.clock.run_for(ONE_LOOK_MS)
    looked.value.finished()


def no_look(console: Page) -> None:
    """Let the time of several looks pass, in which the script asks for nothing."""
    asked: list[str] = []
    console.on("request", lambda request: asked.append(request.url))
    console.clock.run_for(3 * ONE_LOOK_MS)
    console.evaluate("fetch('/static/favicon.svg')")
    assert [url for url in asked if "/_sandbox/" in url] == []


def test_what_happens_appears_by_itself(console: Page, sandbox: Sandbox) -> None:
    """The list, the ledger and the clock."""
    before = console.locator("#ledger").inner_text()
    merchant_uid = pay(sandbox)
    expect(console.get_by_text(merchant_uid, exact=True)).to_have_count(0)

    after_a_look(console)

    expect(console.get_by_text(merchant_uid, exact=True).first).to_be_visible()
    assert console.locator("#ledger").inner_text() != before


def test_nothing_moves_while_a_line_is_open_or_the_keyboard_is_in_the_list(console: Page, sandbox: Sandbox) -> None:
    """It goes on when the line is closed and the keyboard elsewhere."""
    line = console.locator("#lines summary").first
    line.focus()
    console.keyboard.press("Enter")
    expect(console.get_by_role("region", name="curl").first).to_be_visible()
    merchant_uid = pay(sandbox)
    no_look(console)
    expect(console.get_by_text("Waits while you read")).to_be_visible()

    console.keyboard.press("Enter")
    expect(console.get_by_role("region", name="curl")).to_have_count(0)
    no_look(console)
    expect(line).to_be_focused()

    console.get_by_label("Word").focus()
    after_a_look(console)
    expect(console.get_by_text(merchant_uid, exact=True).first).to_be_visible()
    expect(console.get_by_label("Word")).to_be_focused()


def test_the_pause_switch_stays_where_it_was_put(console: Page, sandbox: Sandbox) -> None:
    """Also on the next list."""
    switch = console.get_by_role("switch", name="Refreshes by itself")
    expect(switch).to_be_checked()
    switch.press("Space")
    no_look(console)

    console.get_by_role("link", name="Requests").click()
    expect(switch).not_to_be_checked()
    no_look(console)

    switch.check()
    sandbox.call("POST", "/payments/cancel", imp_uid="imp_seen_by_itself")
    after_a_look(console)
    expect(console.get_by_text("V1 API description, POST /payments/cancel", exact=True).first).to_be_visible()


def test_a_sandbox_that_does_not_answer_is_not_passed_over(console: Page) -> None:
    """The list says that it may be old, until the next look finds something."""
    console.route("**/_sandbox/console/**", lambda route: route.abort())
    console.clock.run_for(ONE_LOOK_MS)
    expect(console.get_by_text("this list may be old")).to_be_visible()
    console.unroute_all()
    after_a_look(console)
    expect(console.get_by_text("this list may be old")).to_have_count(0)


def test_a_filter_is_kept_by_the_refresh(console: Page, sandbox: Sandbox) -> None:
    """What does not fit does not appear."""
    merchant_uid = pay(sandbox)
    console.get_by_label("Word").fill(merchant_uid)
    console.get_by_role("button", name="Search").click()
    expect(console.get_by_text("1 of 1")).to_be_visible()

    another = pay(sandbox)
    sandbox.advance(days=1)
    shown = console.locator("#clock").inner_text()
    after_a_look(console)

    expect(console.locator("#clock")).not_to_have_text(shown)
    expect(console.get_by_text(another, exact=True)).to_have_count(0)


def test_a_fault_is_set_seen_and_cleared_by_keyboard(page: Page, sandbox: Sandbox) -> None:
    """After a mistake that the page explains, with the form as it was."""
    page.goto(f"{sandbox.url}/_sandbox/console/faults")
    page.get_by_label("Path").fill("payments/cancel")
    page.get_by_label("Fault", exact=True).select_option("error_after")
    page.get_by_label("HTTP status").fill("503")
    page.get_by_label("Times").fill("2")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_role("alert")).to_contain_text("A path begins with /")
    expect(page.get_by_label("Fault", exact=True)).to_have_value("error_after")
    expect(page.get_by_label("HTTP status")).to_have_value("503")

    page.get_by_label("Path").fill("/payments/cancel")
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 of 2 left")).to_be_visible()
    assert sandbox.session.post(f"{sandbox.url}/payments/cancel").status_code == 503
    page.reload()
    expect(page.get_by_text("1 of 2 left")).to_be_visible()

    page.locator("#lines summary").first.press("Enter")
    page.get_by_role("button", name="Clear this fault").press("Enter")
    expect(page.get_by_text("Nothing yet.")).to_be_visible()
    assert sandbox.session.post(f"{sandbox.url}/payments/cancel").status_code == 401


def test_everything_works_without_a_script(browser: Browser, sandbox: Sandbox) -> None:
    """Opening, filtering, breaking; the switch that would do nothing is not shown."""
    pay(sandbox)
    with browser.new_context(java_script_enabled=False, locale="en-GB") as context:
        page = context.new_page()
        page.goto(f"{sandbox.url}/_sandbox/")
        expect(page.get_by_text("Refreshes by itself")).to_be_hidden()
        page.locator("#lines summary").first.click()
        expect(page.get_by_role("region", name="JSON").first).to_be_visible()
        page.get_by_label("State").select_option("paid")
        page.get_by_role("button", name="Search").click()
        expect(page).to_have_url(re.compile("state=paid"))
        page.get_by_role("button", name="Break it").click()
        expect(page.get_by_text("1 of 1 left")).to_be_visible()


@pytest.fixture
def order(sandbox: Sandbox) -> str:
    """The number of a charge that a shop has made with a stored key."""
    merchant_uid, customer_uid = f"order_{secrets.token_hex(6)}", f"key_{secrets.token_hex(6)}"
    sandbox.issue_key(customer_uid)
    charge = {"customer_uid": customer_uid, "merchant_uid": merchant_uid, "amount": 1_000, "name": "Coffee"}
    assert sandbox.call("POST", "/subscribe/payments/again", **charge)["code"] == 0
    return merchant_uid


@pytest.fixture
def its_request(page: Page, sandbox: Sandbox, order: str) -> Locator:
    """The opened line of that charge's request, on the page of the charge."""
    [payment] = sandbox.ledger(order)["payments"]
    page.goto(f"{sandbox.url}/_sandbox/")
    page.get_by_role("link", name=payment["imp_uid"]).first.click()
    request = page.get_by_role("row").filter(has_text="Request POST /subscribe/payments/again")
    request.get_by_text("Request POST /subscribe/payments/again").click()
    return request


def test_a_request_is_changed_and_sent_again(page: Page, sandbox: Sandbox, order: str, its_request: Locator) -> None:
    """The shop's own is the draft; another order number makes it another charge."""
    by_hand = f"{order}_by_hand"
    its_request.get_by_text("Edit and send again").click()
    body = its_request.get_by_label("Body (JSON)")
    body.fill(body.input_value().replace(order, by_hand))

    its_request.get_by_role("button", name="Send", exact=True).click()

    expect(page.get_by_text(by_hand).first).to_be_attached()
    assert [sandbox.net(order), sandbox.net(by_hand)] == [1_000, 1_000]


def test_what_is_copied_runs(page: Page, sandbox: Sandbox, order: str, its_request: Locator) -> None:
    """The button puts the request onto the clipboard as a command; sent once more, the order number is taken."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    its_request.get_by_role("button", name="Copy").first.click()

    expect(its_request.get_by_role("button", name="✓")).to_be_visible()
    command = ["bash", "-c", page.evaluate("navigator.clipboard.readText()") + " --silent"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    assert "이미 주문이 이루어진" in json.loads(said)["message"]
    assert sandbox.net(order) == 1_000
