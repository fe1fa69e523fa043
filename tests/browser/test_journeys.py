"""Whole journeys on a desktop and on a phone, each compared with the ledger in the end."""

from __future__ import annotations

import re

import pytest
import requests
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Servers
from tests.browser.pages import Journey, Window, hold
from tests.people import Sandbox


def test_somebody_signs_up_out_and_in_again(page: Page, servers: Servers, sandbox: Sandbox, device: str) -> None:
    """By the buttons, and back to where one wanted to go."""
    journey = Journey(page, servers.shop_url, sandbox, device).sign_up_by_hand()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("link", name="Choose Noon").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

    page.get_by_label("E-mail").fill(journey.email)
    page.get_by_label("Password").fill(journey.password)
    page.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()

    expect(page.get_by_role("heading", name="Order Noon")).to_be_visible()


def test_the_demo_shopper_needs_no_password(page: Page, servers: Servers) -> None:
    """One button, beside the sandbox."""
    page.goto(f"{servers.shop_url}/checkout/noon")
    page.get_by_role("button", name="Continue as the demo shopper").click()

    expect(page.get_by_role("heading", name="Order Noon")).to_be_visible()


def test_a_card_is_registered_for_nothing(journey: Journey, sandbox: Sandbox) -> None:
    """0 won, and a key is there."""
    merchant_uid = journey.buy(only_register=True)

    journey.sees("Your card is stored")
    facts = journey.agrees_with_ledger(merchant_uid, 0)
    assert sandbox.keys()[facts["customer_uid"]]


def test_a_card_is_registered_and_the_first_bag_paid(journey: Journey, sandbox: Sandbox) -> None:
    """The price on the button is what the ledger has."""
    merchant_uid = journey.buy(plan="Daybreak")

    journey.sees("You paid ₩18,900")
    facts = journey.agrees_with_ledger(merchant_uid, 18_900)
    assert sandbox.keys()[facts["customer_uid"]]
    expect(journey.page.get_by_text("Approval number")).to_be_visible()
    expect(journey.page.get_by_text(facts["imp_uid"]).first).to_be_visible()


def test_another_bag_is_charged_from_the_account_page(journey: Journey) -> None:
    """The stored key pays, with a new order number."""
    first = journey.buy(only_register=True)
    journey.sees("Your card is stored")

    journey.charge_again("Noon")

    journey.sees("You paid ₩16,900")
    merchant_uid = journey.page.url.rsplit("/", 1)[1]
    assert merchant_uid != first
    assert journey.agrees_with_ledger(merchant_uid, 16_900)["purpose"] == "extra"


def test_a_bag_is_skipped_wanted_after_all_and_changed(journey: Journey) -> None:
    """Each with one press; another coffee needs a tick beside its price."""
    page, path = journey.page, journey.subscribe()

    page.goto(path)
    page.get_by_role("button", name="Skip this bag").click()
    expect(page.get_by_text("The bag before it is skipped")).to_be_visible()
    page.get_by_role("button", name="Do not skip it after all").click()
    expect(page.get_by_role("button", name="Skip this bag")).to_be_visible()
    page.get_by_text("Noon · ₩16,900").click()
    page.get_by_role(
        "checkbox", name=re.compile("^I agree that from .* ₩16,900 is charged each month for Noon")
    ).check()
    page.get_by_role("button", name="Change to Noon").click()

    expect(page.get_by_text(re.compile("^Noon · ₩16,900 · "))).to_be_visible()
    found = page.request.get(path, headers={"Accept": "application/json"}).json()
    assert (found["plan"], found["next"]["plan"], found["skips_next"]) == ("morning", "noon", False)


def test_a_stored_card_pays_at_one_press_and_the_button_is_in_reach(journey: Journey) -> None:
    """No window opens; on a phone the amount stays in sight, and a new card is a press away."""
    journey.buy(only_register=True)
    journey.sees("Your card is stored")
    page = journey.page
    page.goto(f"{journey.shop_url}/checkout/morning?every=month")
    expect(page.get_by_role("link", name="With another card")).to_be_visible()
    if journey.device == "phone":
        expect(page.get_by_role("button", name="Pay ₩14,900 now, and every month")).to_be_in_viewport()

    page.get_by_role("checkbox", name=re.compile("^I agree")).check()
    page.get_by_role("button", name="Pay ₩14,900 now, and every month").click()

    journey.sees("You paid ₩14,900")
    facts = journey.agrees_with_ledger(page.url.rsplit("/", 1)[1], 14_900)
    assert (facts["purpose"], facts["period"]) == ("extra", 0)
    journey.go_to_account()
    expect(page.get_by_role("region", name="What is charged next")).to_match_aria_snapshot("""
      - heading "What is charged next" [level=2]
      - article "Morning, every month":
        - heading "Morning, every month" [level=3]
        - text: Active
        - term: Charged automatically
        - definition: ₩14,900
        - term: When
        - definition: /09:00/
        - term: Card
        - definition: /4242/
        - paragraph: /^This period's bag.* paid$/
        - link "See and change Morning, every month"
        - link "Leave Morning, every month"
    """)


@pytest.mark.parametrize("device", ["desktop"])
def test_another_language_keeps_what_was_typed(journey: Journey) -> None:
    """In the checkout and on the sign-up page; a password has to be typed again, a consent to be given again."""
    page = journey.page
    page.goto(f"{journey.shop_url}/checkout/noon?every=month")
    page.get_by_role("radio", name=re.compile("Only register")).check()
    page.get_by_label("Name").fill("Zoë Kim")
    page.get_by_label("Mobile phone").fill("010-9999-8888")
    page.get_by_role("checkbox", name=re.compile("^I agree")).check()
    page.get_by_role("link", name="한국어").click()

    expect(page.get_by_label("이름")).to_have_value("Zoë Kim")
    expect(page.get_by_label("휴대폰")).to_have_value("010-9999-8888")
    expect(page.get_by_role("radio", name=re.compile("카드만 등록"))).to_be_checked()
    expect(page.get_by_role("checkbox")).not_to_be_checked()

    page.context.clear_cookies()
    page.goto(f"{journey.shop_url}/signup")
    page.get_by_label("E-mail").fill("zoe@example.com")
    page.get_by_label("Password").fill("good-morning-coffee")
    page.get_by_role("link", name="한국어").click()

    expect(page.get_by_label("이메일")).to_have_value("zoe@example.com")
    expect(page.get_by_label("비밀번호")).to_be_empty()


def test_a_declined_card_ends_the_window_and_says_why(journey: Journey) -> None:
    """No money moved, and the way to another card is on the page."""
    merchant_uid = journey.buy("decline-limit")

    journey.sees("The payment did not go through")
    journey.agrees_with_ledger(merchant_uid, 0)
    expect(journey.page.get_by_text("The card's limit is used up.").first).to_be_visible()
    journey.page.get_by_role("link", name="Try again with another card").click()
    expect(journey.page.get_by_role("heading", name="Order Morning")).to_be_visible()


def test_cancelling_in_the_window_costs_nothing(journey: Journey) -> None:
    """The shopper is back in the shop, told that nothing was charged."""
    merchant_uid = journey.order()
    journey.open_window().cancel()

    journey.sees("You left the payment window")
    journey.agrees_with_ledger(merchant_uid, 0)


def test_a_card_that_declines_later_shows_it_on_the_next_charge(journey: Journey) -> None:
    """The reason is shown, and another card is offered."""
    journey.buy("decline-later", only_register=True)
    journey.sees("Your card is stored")

    journey.charge_again("Morning")

    journey.sees("The payment did not go through")
    expect(journey.page.get_by_role("link", name="Register another card")).to_be_visible()
    journey.agrees_with_ledger(journey.page.url.rsplit("/", 1)[1], 0)


def test_malformed_card_data_keep_the_form(journey: Journey) -> None:
    """Nothing is sent; the messages stand beside the fields, and the right card goes through."""
    merchant_uid = journey.order()
    window = journey.open_window().pick("approve")
    window.inside.get_by_label("Card number").fill("4242")
    window.pay()

    expect(window.inside.get_by_role("alert")).to_contain_text("Nothing has been charged yet")
    journey.agrees_with_ledger(merchant_uid, 0)

    window.pick("approve").pay()
    journey.sees("You paid ₩14,900")
    journey.agrees_with_ledger(merchant_uid, 14_900)


def test_a_lost_answer_is_settled_by_the_webhook(journey: Journey, sandbox: Sandbox) -> None:
    """The browser says nothing, the shop learns of it all the same."""
    merchant_uid = journey.order()
    window = journey.open_window().pick("approve").happen("Lose the answer")
    window.pay()
    expect(window.inside.get_by_role("heading", name="The answer to the shop was lost")).to_be_visible()
    sandbox.drain()

    journey.page.goto(f"{journey.shop_url}/payments/{merchant_uid}")
    journey.sees("You paid ₩14,900")
    facts = journey.agrees_with_ledger(merchant_uid, 14_900)
    assert "callback" not in [event["event"] for event in facts["events"]]


def test_an_amount_forged_inside_the_window_is_returned(journey: Journey) -> None:
    """Captured, refused, and cancelled to the last won; the key is gone."""
    merchant_uid = journey.order()
    journey.open_window().pick("approve").happen("Change the amount").pay()

    journey.sees("We did not accept this payment")
    facts = journey.agrees_with_ledger(merchant_uid, 0)
    assert (facts["status"], facts["captured"]) == ("refused", True)
    assert not journey.sandbox.keys()[facts["customer_uid"]]


def test_an_amount_changed_in_the_page_is_stopped_before_the_window(journey: Journey) -> None:
    """The amount was registered in advance, so the window does not open for another one."""
    merchant_uid = journey.order()
    journey.page.wait_for_load_state("domcontentloaded")  # the page's script has run by then
    journey.page.evaluate("parameters.amount = 100")
    journey.page.locator("button[data-action=pay]").click()

    journey.page.wait_for_url(re.compile(f"/payments/{merchant_uid}$"))
    journey.sees("You have not paid yet")
    facts = journey.agrees_with_ledger(merchant_uid, 0)
    assert not facts["captured"]


def test_a_refund_returns_everything(journey: Journey) -> None:
    """From the payment's own page, with one press."""
    merchant_uid = journey.buy()
    journey.sees("You paid ₩14,900")

    journey.page.get_by_text("Get a refund").click()
    journey.page.get_by_role("button", name="Refund ₩14,900 in full").click()

    journey.sees("Refunded")
    assert journey.agrees_with_ledger(merchant_uid, 0)["cancelled"] == 14_900


def test_a_removed_card_is_gone(journey: Journey, sandbox: Sandbox) -> None:
    """The page says that there are no further charges only when the key is deleted."""
    merchant_uid = journey.buy(only_register=True)
    journey.sees("Your card is stored")
    journey.go_to_account()

    journey.page.get_by_text("Remove a card").click()
    journey.page.get_by_role("button", name=re.compile("^Remove ")).click()

    expect(journey.page.get_by_text("There are no further charges.")).to_be_visible()
    assert not sandbox.keys()[journey.facts(merchant_uid)["customer_uid"]]


def test_an_unknown_outcome_is_checked_until_it_is_known(journey: Journey, sandbox: Sandbox) -> None:
    """The page says that it is checking, and changes by itself when i'mport can be asked again."""
    journey.buy(only_register=True)
    journey.sees("Your card is stored")
    sandbox.fault("webhook", "drop")
    sandbox.fault("/subscribe/payments/again", "cut_after")
    sandbox.fault("/payments/findAll/*", "error", times=0)
    journey.charge_again("Morning")
    journey.sees("We are checking whether you paid")

    sandbox.mend()

    journey.sees("You paid ₩14,900")
    journey.agrees_with_ledger(journey.page.url.rsplit("/", 1)[1], 14_900)


def test_two_tabs_of_one_checkout_pay_once(journey: Journey, context: BrowserContext, servers: Servers) -> None:
    """Both windows were open and both paid: the second capture of the order goes back."""
    merchant_uid = journey.order()
    address = journey.page.url
    first = journey.open_window()
    second_tab = Journey(context.new_page(), servers.shop_url, journey.sandbox, journey.device)
    second_tab.page.goto(address)
    second = second_tab.open_window()

    first.pick("approve").pay()
    journey.sees("You paid ₩14,900")
    second.pick("approve").pay()
    second_tab.sees("You paid ₩14,900")
    journey.page.reload()

    facts = journey.agrees_with_ledger(merchant_uid, 14_900)
    assert "extra_capture" in [event["event"] for event in facts["events"]]
    assert journey.sandbox.ledger(merchant_uid)["captured"] == 2 * 14_900


@pytest.mark.parametrize("device", ["phone"])
def test_a_phone_that_comes_back_without_its_session_is_asked_to_sign_in(journey: Journey) -> None:
    """The payment is settled all the same, and shown after signing in."""
    merchant_uid = journey.order()
    window: Window = journey.open_window()
    journey.page.context.clear_cookies()
    window.pick("approve").pay()

    journey.sees("Back from the payment window")
    assert journey.sandbox.net(merchant_uid) == 14_900
    journey.page.get_by_role("link", name="Sign in and see the result").click()
    journey.page.get_by_label("E-mail").fill(journey.email)
    journey.page.get_by_label("Password").fill(journey.password)
    journey.page.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()
    journey.sees("You paid ₩14,900")


def test_the_old_sdk_opens_the_window_too(page: Page, servers_with_old_sdk: Servers, device: str) -> None:
    """Its callback and its redirect say more than the new one's; the shop reads the ids of either."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script("window.jQuery = function () {}")  # which a shop with the old SDK has on its pages
    with requests.Session() as session:
        sandbox = Sandbox(session, servers_with_old_sdk.sandbox_url)
        journey = Journey(page, servers_with_old_sdk.shop_url, sandbox, device).sign_up()

        merchant_uid = journey.buy()

        journey.sees("You paid ₩14,900")
        journey.agrees_with_ledger(merchant_uid, 14_900)
    assert any("/js/iamport.payment-" in url for url in asked)
    assert not any("/v1/iamport.js" in url for url in asked)
    came_back = [url for url in asked if "/payments/complete/mobile" in url]
    assert bool(came_back) == (device == "phone")
    assert all("imp_success=true" in url for url in came_back)


def test_a_blocked_sdk_is_said_and_nothing_is_lost(journey: Journey) -> None:
    """The page says what happened, and works once the script may load."""
    journey.page.route(re.compile("iamport.js"), lambda route: route.abort())
    merchant_uid = journey.order()

    expect(journey.page.get_by_role("alert")).to_contain_text("The payment window could not be loaded")
    journey.agrees_with_ledger(merchant_uid, 0)

    journey.page.unroute(re.compile("iamport.js"))
    journey.page.get_by_role("link", name="Try again").click()
    journey.open_window().pick("approve").pay()
    journey.sees("You paid ₩14,900")
    journey.agrees_with_ledger(merchant_uid, 14_900)


def test_the_button_waits_for_the_page_that_listens_to_it(journey: Journey) -> None:
    """A press that nobody hears would be lost."""
    held = hold(journey.page, "**/static/js/checkout.*.js")
    merchant_uid = journey.order()
    expect(journey.page.get_by_role("button", name="Pay ₩14,900 and store the card")).to_be_disabled()

    for route in held:
        route.continue_()
    journey.open_window().pick("approve").pay()

    journey.sees("You paid ₩14,900")
    journey.agrees_with_ledger(merchant_uid, 14_900)


def test_a_press_outlasts_the_sdks_way_here(journey: Journey) -> None:
    """The window opens when it can."""
    held = hold(journey.page, "**/iamport.js*")
    merchant_uid = journey.order()
    button = journey.page.get_by_role("button", name="Pay ₩14,900 and store the card")
    button.click()
    expect(button).to_have_attribute("aria-busy", "true")

    for route in held:
        route.continue_()
    Window(journey.page, journey.device).pick("approve").pay()

    journey.sees("You paid ₩14,900")
    journey.agrees_with_ledger(merchant_uid, 14_900)
