"""However a payment window ends, the pay button leads on: to the result, or to another press.

Each is told to the sandbox's own script and to the old SDK of i'mport's, which both close their window without a word
when they hear what they do not know.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, Frame, Locator, Page, expect

from tests.browser.conftest import Servers
from tests.browser.merchant import OLD_SDK
from tests.browser.pages import Journey, Window, hold
from tests.people import Sandbox


@pytest.fixture
def device() -> str:
    """On a phone the window is a page of its own, and its end leads back to the shop."""
    return "desktop"


@pytest.fixture(params=["our own", "the old SDK"])
def sdk(request: pytest.FixtureRequest, page: Page, servers: Servers) -> str:
    """The script that opens the windows."""
    if request.param == "the old SDK":
        script = OLD_SDK.read_text().replace("{{ service }}", servers.sandbox_url)
        page.route("**/v1/iamport.js", lambda route: route.fulfill(content_type="text/javascript", body=script))
    return str(request.param)


with_either_sdk = pytest.mark.usefixtures("sdk")


def button(page: Page) -> Locator:
    """The one that pays."""
    return page.locator("button[data-action=pay]")


def leaves_a_button_to_press(journey: Journey, merchant_uid: str) -> None:
    """The page says how it stands, which is as before."""
    expect(button(journey.page)).not_to_have_attribute("aria-busy", "true")
    expect(journey.page.get_by_role("status")).to_contain_text("The window has closed")
    assert journey.agrees_with_ledger(merchant_uid, 0)["status"] == "ready"


def window_frame(page: Page) -> Frame:
    """The page inside the window."""
    [_page, frame] = page.frames
    return frame


def wait_for_window(page: Page) -> None:
    """Until it has loaded to its end; for the page outside, what is cut off before that is a window that never came."""
    window_frame(page).wait_for_load_state("load")


def parameters_of(page: Page) -> dict[str, object]:
    """What the window was opened with."""
    return dict(page.evaluate("parameters"))


@with_either_sdk
def test_a_window_closed_by_a_message_leaves_a_button_to_press(journey: Journey) -> None:
    """Another script's, or an extension's."""
    merchant_uid = journey.order()
    journey.open_window()

    window_frame(journey.page).evaluate("parent.postMessage(JSON.stringify({ action: 'dance' }), '*')")

    leaves_a_button_to_press(journey, merchant_uid)


@with_either_sdk
def test_a_window_that_ended_without_its_request_is_opened_again(journey: Journey) -> None:
    """The answer is nobody's, so the button is pressed once more, for the same order."""
    merchant_uid = journey.order()
    journey.open_window()

    window_frame(journey.page).evaluate("parent.postMessage(JSON.stringify({ action: 'done', data: {} }), '*')")

    leaves_a_button_to_press(journey, merchant_uid)
    journey.open_window().pick("approve").pay()
    journey.sees("You paid ₩14,900")
    journey.agrees_with_ledger(merchant_uid, 14_900)


@with_either_sdk
def test_a_window_that_paid_and_closed_without_a_word_leads_to_the_result(
    journey: Journey,
    sandbox: Sandbox,
) -> None:
    """I'mport knows."""
    merchant_uid = journey.order()
    journey.open_window()
    sandbox.fault("webhook", "drop")
    sandbox.pay(parameters_of(journey.page), outcome="lose_callback")

    window_frame(journey.page).evaluate("parent.postMessage('from another script', '*')")

    journey.sees("You paid ₩14,900")
    journey.agrees_with_ledger(merchant_uid, 14_900)


def test_a_window_that_failed_and_closed_without_a_word_leads_to_another_card(
    journey: Journey,
    sandbox: Sandbox,
) -> None:
    """The page says why, and how to go on."""
    merchant_uid = journey.order()
    journey.open_window()
    sandbox.pay(parameters_of(journey.page), "decline-limit", outcome="lose_callback")

    window_frame(journey.page).evaluate("parent.postMessage('from another script', '*')")

    journey.sees("The payment did not go through")
    journey.agrees_with_ledger(merchant_uid, 0)
    journey.page.get_by_role("link", name="Try again with another card").click()
    expect(journey.page.get_by_role("heading", name="Order Morning")).to_be_visible()


@with_either_sdk
def test_a_window_taken_off_the_page_leaves_a_button_to_press(journey: Journey) -> None:
    """By a browser's extension, or by hand."""
    merchant_uid = journey.order()
    journey.open_window()

    wait_for_window(journey.page)
    journey.page.evaluate("document.querySelector('.imp-dialog').remove()")

    leaves_a_button_to_press(journey, merchant_uid)


@with_either_sdk
def test_a_frame_that_forgot_its_payment_can_be_closed(journey: Journey) -> None:
    """It was reloaded, and still stands over the page; there is a way out."""
    merchant_uid = journey.order()
    journey.open_window()
    wait_for_window(journey.page)
    journey.page.evaluate("document.querySelector('iframe.imp-frame').src += ''")

    journey.page.get_by_role("button", name="Is the window stuck? Close it").click()

    expect(journey.page.locator(".imp-dialog")).to_be_hidden()
    journey.open_window().pick("approve").pay()
    journey.sees("You paid ₩14,900")
    journey.agrees_with_ledger(merchant_uid, 14_900)


def test_a_window_that_keeps_its_answer_is_found_out(
    page: Page,
    journey: Journey,
    sandbox: Sandbox,
) -> None:
    """The page asks the shop now and then while the window stands."""
    page.clock.install()
    merchant_uid = journey.order()
    window = journey.open_window().pick("approve").happen("Lose the answer")
    sandbox.fault("webhook", "drop")
    window.pay()
    expect(window.inside.get_by_role("heading", name="The answer to the shop was lost")).to_be_visible()

    page.clock.fast_forward("00:10")

    journey.sees("You paid ₩14,900")
    journey.agrees_with_ledger(merchant_uid, 14_900)


def test_a_card_that_was_declined_may_be_followed_by_another_in_the_same_window(
    page: Page,
    journey: Journey,
    sandbox: Sandbox,
) -> None:
    """So a failure alone does not take the window away."""
    page.clock.install()
    journey.order()
    window = journey.open_window()
    sandbox.pay(parameters_of(page), "decline-limit", outcome="lose_callback")

    with page.expect_response("**/payments/mr_*") as looked:
        page.clock.fast_forward("00:10")
    assert looked.value.json()["status"] == "failed"

    expect(window.inside.get_by_role("heading", name="You are paying for this order")).to_be_visible()


def test_asking_grows_seldom(page: Page, journey: Journey) -> None:
    """An hour in front of an open window is a look a minute, and none after that."""
    page.clock.install()
    looks: list[str] = []
    page.on(
        "request", lambda request: looks.append(request.url) if re.search(r"/payments/mr_\w+$", request.url) else None
    )
    journey.order()
    journey.open_window()

    for minutes, most in ((10, 20), (50, 62), (600, 62)):
        page.clock.run_for(minutes * 60_000)
        assert 5 < len(looks) <= most


def test_a_window_that_never_comes_leaves_a_button_to_press(page: Page, journey: Journey) -> None:
    """The SDK waits for its settings, for ever and silently."""
    page.clock.install()
    held = hold(page, "**/users/pg/**")
    journey.order()
    button(page).click()
    expect(button(page)).to_have_attribute("aria-busy", "true")

    page.clock.fast_forward("00:10")

    expect(button(page)).not_to_have_attribute("aria-busy", "true")
    for route in held:
        route.continue_()
    Window(page, "desktop").pick("approve").pay()
    journey.sees("You paid ₩14,900")


def test_a_press_without_the_sdk_says_each_time_what_is_wrong(page: Page, journey: Journey) -> None:
    """And opens the window as soon as the blocker lets it."""
    page.route(re.compile("iamport.js"), lambda route: route.abort())
    merchant_uid = journey.order()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The payment window could not be loaded")
    expect(alert).not_to_be_focused()
    for _press in range(2):
        button(page).click()
        expect(alert).to_be_focused()
        expect(button(page)).not_to_have_attribute("aria-busy", "true")
        button(page).focus()

    page.unroute(re.compile("iamport.js"))
    journey.open_window().pick("approve").pay()

    journey.sees("You paid ₩14,900")
    journey.agrees_with_ledger(merchant_uid, 14_900)


def test_a_blockers_stand_in_for_the_sdk_is_found_out(page: Page, journey: Journey) -> None:
    """Some blockers answer with an empty script."""
    page.route("**/v1/iamport.js", lambda route: route.fulfill(content_type="text/javascript", body=""))
    journey.order()

    expect(page.get_by_role("alert")).to_contain_text("The payment window could not be loaded")


def test_a_shopper_signed_out_meanwhile_is_asked_to_sign_in(
    journey: Journey,
    context: BrowserContext,
) -> None:
    """And told that nothing has to be paid again."""
    journey.order()
    journey.open_window()
    context.clear_cookies()

    window_frame(journey.page).evaluate("parent.postMessage('from another script', '*')")

    journey.sees("Sign in")
    expect(journey.page.get_by_text("You do not need to pay again.")).to_be_visible()
