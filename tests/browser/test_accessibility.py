"""Every page and state, on both screens, by day and by night: no finding of axe, no sideways scroll."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserType, Page, expect

from tests.browser.pages import Journey
from tests.people import Sandbox

axe = Axe()


def look(page: Page, where: str) -> None:
    """Find nothing wrong with a page as it is now: everything by day, and by night what a theme decides."""
    for theme, options in (("light", {}), ("dark", {"runOnly": {"type": "tag", "values": ["cat.color"]}})):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        found = axe.run(page, options=options | {"resultTypes": ["violations"]}).response["violations"]
        told = [(finding["id"], [node["html"][:200] for node in finding["nodes"]]) for finding in found]
        assert told == [], f"{where} in {theme}"
    too_wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert too_wide <= 0, f"{where} scrolls sideways"


def test_the_guide(journey: Journey) -> None:
    """And the lines it points to."""
    for path in ("/guide", "/guide/code/static/js/checkout.js:tell"):
        journey.page.goto(journey.shop_url + path)
        look(journey.page, path)


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_pages_before_paying(journey: Journey, language: str) -> None:
    """Home, terms, sign-in, sign-up, empty account, checkout with and without messages, errors."""
    page, shop = journey.page, journey.shop_url
    page.goto(f"{shop}/language/{language}")
    for path in (
        "/",
        "/terms",
        "/account",
        "/account/password",
        "/checkout/noon",
        "/no-such-page",
    ):
        page.goto(shop + path)
        look(page, path)
    page.goto(f"{shop}/checkout/noon")
    page.get_by_role("main").get_by_role("button").click()
    expect(page.get_by_role("alert")).to_be_focused()
    look(page, "/checkout/noon with messages")
    page.context.clear_cookies()
    for path in ("/login", "/signup"):
        page.goto(f"{shop}{path}")
        look(page, path)


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_lessons(journey: Journey, language: str) -> None:
    """The list, one before it is played, and after."""
    page, shop = journey.page, journey.shop_url
    page.goto(f"{shop}/language/{language}")
    page.goto(f"{shop}/lessons")
    look(page, "the lessons")
    page.goto(f"{shop}/lessons/two-tabs")
    look(page, "a lesson")
    page.get_by_role("main").get_by_role("button").click()
    expect(page.get_by_role("table")).to_be_visible()
    look(page, "a lesson that was played")


def test_the_payment_page_and_the_window(journey: Journey) -> None:
    """The button, the window over it, the window with messages, the result."""
    journey.order()
    look(journey.page, "the pay page")
    window = journey.open_window()
    look(journey.page, "the window")
    window.inside.get_by_role("button", name=re.compile("store card")).click()
    expect(window.inside.get_by_role("alert")).to_be_visible()
    look(journey.page, "the window with messages")
    window.pick("approve").pay()
    journey.sees("You paid ₩14,900")
    look(journey.page, "the receipt")
    journey.page.get_by_role("link", name="Every request and answer").click()
    journey.page.locator("ol summary").first.click()
    look(journey.page, "how it went")
    journey.page.go_back()
    journey.go_to_account()
    look(journey.page, "the account")


def test_the_results_that_are_not_paid(journey: Journey, sandbox: Sandbox) -> None:
    """Declined, refused, refunded, registered, checking, open."""
    journey.buy("decline-limit")
    journey.sees("The payment did not go through")
    look(journey.page, "declined")
    merchant_uid = journey.order()
    journey.page.goto(f"{journey.shop_url}/payments/{merchant_uid}")
    look(journey.page, "not paid yet")
    journey.order()
    journey.open_window().pick("approve").happen("Change the amount").pay()
    journey.sees("We did not accept this payment")
    look(journey.page, "refused")
    journey.buy(only_register=True)
    journey.sees("Your card is stored")
    look(journey.page, "registered")
    journey.page.goto(f"{journey.shop_url}/checkout/morning?every=month")
    look(journey.page, "checkout with a stored card")
    sandbox.fault("/subscribe/payments/again", "cut_before")
    journey.charge_again()
    journey.sees("We are checking whether you paid")
    look(journey.page, "checking")


def test_the_console(journey: Journey, sandbox: Sandbox) -> None:
    """Every list of the sandbox, with a row opened, a payment's own page, and a fault that was not set."""
    journey.buy()
    journey.sees("You paid ₩14,900")
    sandbox.fault("/payments/nothing", "error")
    for tab in ("payments", "keys", "schedules", "requests", "webhooks", "faults"):
        journey.page.goto(f"{sandbox.url}/_sandbox/console/{tab}")
        rows = journey.page.locator("#lines summary")
        if rows.count():
            rows.first.click()
        look(journey.page, tab)
    journey.page.goto(f"{sandbox.url}/_sandbox/console/payments")
    journey.page.locator("#lines a").first.click()
    journey.page.locator("#happened ~ table summary").first.click()
    look(journey.page, "a payment's page")
    journey.page.goto(f"{sandbox.url}/_sandbox/console/faults")
    journey.page.get_by_label("Path").fill("nothing")
    journey.page.get_by_role("button", name="Break it").click()
    expect(journey.page.get_by_role("alert")).to_be_focused()
    look(journey.page, "a fault that was not set")
    journey.page.goto(f"{sandbox.url}/_sandbox/console/scenarios")
    look(journey.page, "scenarios")
    journey.page.get_by_role("button", name="Play: answer-lost").click()
    expect(journey.page.get_by_role("heading", level=1)).to_have_text("answer-lost")
    journey.page.locator("ol summary").first.click()
    look(journey.page, "a scenario that was played")


@pytest.mark.parametrize("device", ["desktop"])
def test_the_window_takes_the_focus_and_escape_cancels_it(journey: Journey) -> None:
    """A keyboard is inside the dialog while it is open, and the page behind it is out of reach."""
    journey.order()
    window = journey.open_window()
    expect(journey.page.get_by_role("dialog")).to_be_visible()
    expect(window.inside.get_by_label("Card number")).to_be_focused()
    expect(journey.page.locator("main")).to_have_attribute("inert", "")

    journey.page.keyboard.press("Escape")

    journey.sees("You left the payment window")


@pytest.mark.parametrize("device", ["desktop"])
def test_at_four_times_the_size_the_windows_buttons_leave_its_form_room(journey: Journey) -> None:
    """A click that something else would take is none: Playwright says so."""
    journey.order()
    window = journey.open_window()
    journey.page.set_viewport_size({"width": 320, "height": 256})

    for label in ("Card number", "Birth date (6 digits) or business number (10)"):
        window.inside.get_by_label(label).click()
        expect(window.inside.get_by_label(label)).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("device", ["desktop"])
@pytest.mark.parametrize("width", [360, 1440])
def test_letters_twice_as_large_push_nothing_off_the_page(
    journey: Journey, browser_type: BrowserType, browser_type_launch_args: dict[str, Any], width: int
) -> None:
    """As the browser's own setting makes them: a screen for which two columns were wide enough has room for one."""
    path = journey.subscribe()
    arguments = [*browser_type_launch_args["args"], "--blink-settings=defaultFontSize=32"]
    with browser_type.launch(**browser_type_launch_args | {"args": arguments}) as browser:
        page = browser.new_page(
            viewport={"width": width, "height": 800}, storage_state=journey.page.context.storage_state()
        )
        for place in ("/", "/checkout/noon?every=year", "/checkout/noon?every=month&card=new", "/account", path):
            page.goto(place if place == path else journey.shop_url + place)
            assert page.evaluate("document.documentElement.scrollWidth") == width, place
            covered = page.evaluate(
                "[...document.querySelectorAll('main section')].map(part => part.getBoundingClientRect())"
                ".some((one, at, all) => all.slice(at + 1).some(other => one.right > other.left + 1"
                " && other.right > one.left + 1 && one.bottom > other.top + 1 && other.bottom > one.top + 1))"
            )
            assert not covered, place


def test_where_the_keyboard_is_can_be_seen_in_the_navigation(journey: Journey) -> None:
    """The present page's link too."""
    journey.page.goto(f"{journey.shop_url}/account")
    links = journey.page.get_by_role("banner").get_by_role("link")
    journey.page.keyboard.press("Tab")
    for link in links.all():
        link.focus()
        assert link.evaluate("it => parseFloat(getComputedStyle(it).outlineWidth)") >= 2, link.text_content()


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_pages_of_leaving(journey: Journey, language: str) -> None:
    """Both choices, alike in size; the subscription that ends later; and leaving it at once after all."""
    page, shop = journey.page, journey.shop_url
    path = journey.subscribe()
    page.goto(f"{shop}/language/{language}")
    page.goto(f"{path}/leave")
    look(page, "leaving")
    later, now = (button.bounding_box() for button in page.locator("main form button").all())
    assert later is not None
    assert now is not None
    assert (later["width"], later["height"], later["x"]) == (now["width"], now["height"], now["x"])
    page.locator("main form button").first.click()
    page.wait_for_url(path)
    look(page, "a subscription that ends later")
    page.goto(f"{path}/leave")
    page.locator("main form button").last.click()
    page.wait_for_url(path)
    look(page, "a subscription that was left")
    assert page.goto(f"{path}/leave").status == 409  # type: ignore[union-attr]
    look(page, "too late to leave")


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_page_of_a_subscription(journey: Journey, language: str) -> None:
    """With what may be chosen instead of the next bag, and with that bag skipped."""
    page, path = journey.page, journey.subscribe()
    page.goto(f"{journey.shop_url}/language/{language}")
    page.goto(path)
    for other in page.locator("#bag ~ details summary").all():
        other.click()
    look(page, "a subscription")
    page.goto(f"{journey.shop_url}/account")
    page.locator("details.mr-ask summary").last.click()
    page.locator("a[href$='/remove']").click()
    page.locator("form[action$='/remove']").wait_for()
    look(page, "a card that a subscription uses")
    page.goto(path)
    page.locator("form[action$='/skip'] button").click()
    page.wait_for_url(path)
    page.locator("form[action$='/unskip']").wait_for()
    look(page, "a skipped bag")
