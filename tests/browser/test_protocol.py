"""The service host speaks the old SDK's language, and so do our own scripts: each test is told to both."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Servers
from tests.browser.merchant import CODE, Merchant, merchant_beside
from tests.browser.pages import Window
from tests.people import Sandbox

SECOND_MID = "tpaytest7m"


@pytest.fixture(params=["the old SDK", "our own"])
def merchant(servers: Servers, request: pytest.FixtureRequest) -> Iterator[Merchant]:
    """A merchant whose page loads one of the two scripts and orders something for 1,000 won."""
    with merchant_beside(servers.sandbox_url) as merchant:
        if request.param == "our own":
            merchant.script = f"{servers.sandbox_url}/js/iamport.payment-1.2.0.js"
        merchant.params = {
            "pg": "jtnet",
            "amount": 1_000,
            "name": "Coffee",
            "merchant_uid": f"m_{secrets.token_hex(8)}",
            "customer_uid": f"c_{secrets.token_hex(8)}",
            "buyer_name": "Achim Kim",
            "m_redirect_url": f"{merchant.url}/back?from=phone",
        }
        yield merchant


def open_window(page: Page, device: str, frame: str = "iframe.imp-frame") -> Window:
    """Press the merchant's button; on a phone the frame has the page go to the window, without anybody touching it."""
    page.get_by_role("button", name="Buy").click()
    return Window(page, device, frame)


def told(page: Page) -> dict[str, Any]:
    """What the callback was given."""
    answer = page.locator("#answer")
    expect(answer).to_contain_text("imp_uid")
    return dict(json.loads(answer.inner_text()))


def came_back(page: Page) -> dict[str, str]:
    """What the address says that the phone came back to."""
    expect(page.get_by_role("heading", name="Back at the merchant")).to_be_visible()
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def payments(sandbox: Sandbox) -> int:
    """How many payments there are, failed ones included."""
    found = sandbox.call("GET", "/payments/status/all")["response"]
    return int(found["total"]) if found else 0


def list_two_settings(route: Route) -> None:
    """Answer for the service host: this merchant has another MID first."""
    settings = [{"pg_provider": "jtnet", "pg_id": mid, "type": "payment"} for mid in ("tpaytest2m", SECOND_MID)]
    [name] = parse_qs(urlsplit(route.request.url).query)["callback"]
    body = f"{name}({json.dumps({'code': 0, 'data': settings})});"
    route.fulfill(content_type="text/javascript", body=body)


def say_in_the_frame(page: Page, message: str) -> None:
    """Put a page into the frame that answers every request with a JavaScript expression; `asked` is the request."""
    script = f"onmessage = (event) => {{ const asked = JSON.parse(event.data).data; parent.postMessage({message}, event.origin); }}"
    body = f"<!doctype html><title>frame</title><script>{script}</script>"
    page.route("**/payments/ready/**", lambda route: route.fulfill(content_type="text/html", body=body))


REFUSED = (
    "JSON.stringify({ action: 'done', data: { ...asked, success: false, imp_uid: null, error_msg: 'no coffee' } })"
)


def test_a_payment_ends_in_the_callback_or_in_the_redirect(
    page: Page, merchant: Merchant, sandbox: Sandbox, device: str
) -> None:
    """The old SDK's keys on a desktop, `imp_success` on a phone, and the money in the ledger."""
    merchant_uid = merchant.params["merchant_uid"]
    page.goto(merchant.url)

    open_window(page, device).pick("approve").pay()

    if device == "phone":
        answer: dict[str, Any] = came_back(page)
        assert (answer["from"], answer["imp_success"]) == ("phone", "true")
    else:
        answer = told(page)
        assert (answer["success"], answer["paid_amount"], answer["status"]) == (True, 1_000, "paid")
        assert (answer["pg_provider"], answer["pg_type"], answer["buyer_name"]) == ("jtnet", "payment", "Achim Kim")
        assert answer["customer_uid"] == merchant.params["customer_uid"]
        assert "request_id" not in answer
        expect(page.locator(".imp-dialog")).to_be_hidden()
    [captured] = sandbox.ledger(merchant_uid)["payments"]
    assert (captured["imp_uid"], captured["net"]) == (answer["imp_uid"], 1_000)
    assert captured["channel"] == ("mobile" if device == "phone" else "pc")
    assert sandbox.keys()[merchant.params["customer_uid"]]


def test_a_declined_card_and_a_second_try(page: Page, merchant: Merchant, sandbox: Sandbox, device: str) -> None:
    """The frames are made anew after each answer, so that the next request finds one."""
    page.goto(merchant.url)
    open_window(page, device).pick("decline-limit").pay()
    answer = came_back(page) if device == "phone" else told(page)
    assert answer["error_msg"]
    assert answer.get("imp_success", answer.get("success")) in ("false", False)
    assert sandbox.net(merchant.params["merchant_uid"]) == 0

    if device == "phone":
        page.goto(merchant.url)
    else:
        page.locator("#answer").evaluate("element => (element.textContent = '')")
    open_window(page, device).pick("approve").pay()

    assert (came_back(page) if device == "phone" else told(page))["imp_uid"]
    assert sandbox.net(merchant.params["merchant_uid"]) == 1_000


def test_a_window_that_does_not_open_says_so(page: Page, merchant: Merchant, sandbox: Sandbox) -> None:
    """Paid already: the callback has an error and no payment, on a phone too, which has not left its page."""
    paid = sandbox.pay(merchant.params)
    page.goto(merchant.url)
    page.get_by_role("button", name="Buy").click()

    answer = told(page)
    assert (answer["success"], answer["imp_uid"]) == (False, None)
    expect(page.locator(".imp-dialog")).to_be_hidden()
    assert page.url.rstrip("/") == merchant.url
    [captured] = sandbox.ledger(merchant.params["merchant_uid"])["payments"]
    assert captured["imp_uid"] == paid["imp_uid"]


def test_a_loaded_frame_pays_nothing_and_says_nothing(page: Page, merchant: Merchant, sandbox: Sandbox) -> None:
    """One page makes a frame for every PG setting long before anybody presses a button."""
    before = payments(sandbox)
    with page.expect_response(lambda response: "/payments/ready/" in response.url) as ready:
        page.goto(merchant.url)
    ready.value.finished()
    page.evaluate("addEventListener('message', () => (answer.textContent = 'heard something'))")

    for _ in range(3):
        page.locator("iframe.imp-frame").evaluate("frame => (frame.src = frame.src)")
        page.wait_for_load_state("networkidle")

    expect(page.locator("#answer")).to_be_empty()
    expect(page.locator(".imp-dialog")).to_be_hidden()
    assert payments(sandbox) == before


def test_strangers_and_garbage_move_nothing(
    page: Page, merchant: Merchant, sandbox: Sandbox, servers: Servers, device: str
) -> None:
    """A frame listens to the page around it only, the page to the service host only, and both to what they know."""
    opened: list[str] = []
    page.on("request", lambda request: opened.append(request.url) if "/payments/open" in request.url else None)
    page.goto(merchant.url)
    expect(page.locator("iframe.imp-frame")).to_have_count(1)
    page.evaluate(
        """(service) => {
          const frame = document.querySelector("iframe.imp-frame").contentWindow;
          const known = ["", "{", "null", "[]", '"payment"', '{"action":"payment"}', '{"action":"payment","data":1}'];
          for (const garbage of [...known, '{"action":"steal","data":{}}']) frame.postMessage(garbage, service);
          frame.postMessage({ action: "payment", data: { amount: 1 } }, service);
          document.querySelector("iframe.imp-frame").dataset.first = "yes";
          window.strangerHeard = new Promise((heard) => addEventListener("message", () => setTimeout(heard)));
          const stranger = document.createElement("iframe");
          stranger.id = "stranger";
          stranger.src = location.href.replace("127.0.0.1", "localhost") + "back";
          document.body.append(stranger);
        }""",
        servers.sandbox_url,
    )
    expect(page.frame_locator("#stranger").get_by_role("heading", name="Back")).to_be_attached()
    stranger = next(one for one in page.frames if one.url.endswith("/back"))
    stranger.evaluate(
        """([params, service]) => {
          const payment = { action: "payment", data: params, origin: location.href, from: "iamport-sdk", version: "1.1.5" };
          parent.frames[0].postMessage(JSON.stringify(payment), service);
          parent.postMessage(JSON.stringify({ action: "done", data: { request_id: "req_1", imp_uid: "imp_1" } }), "*");
        }""",
        [merchant.params | {"merchant_uid": "strangers_order"}, servers.sandbox_url],
    )
    page.evaluate("strangerHeard")
    # The end of a window would have made the frame anew.
    expect(page.locator("iframe.imp-frame")).to_have_attribute("data-first", "yes")

    open_window(page, device).cancel()

    assert (came_back(page) if device == "phone" else told(page))["error_code"]
    # What was posted before the button was pressed has been heard before it.
    assert len(opened) == 1
    assert merchant.params["merchant_uid"] in opened[0]
    assert sandbox.net(merchant.params["merchant_uid"]) == 0


def test_another_setting_has_a_frame_of_its_own(page: Page, merchant: Merchant, sandbox: Sandbox, device: str) -> None:
    """`pg` with a MID chooses it; a `pg` that says no more than the provider gets the first."""
    merchant.params["pg"] = f"jtnet.{SECOND_MID}"
    page.route("**/users/pg/**", list_two_settings)
    page.goto(merchant.url)
    frames = page.locator("iframe.imp-frame")
    expect(frames).to_have_count(2)
    paths = [urlsplit(str(frame.get_attribute("src"))).path for frame in frames.all()]
    assert paths == [f"/payments/ready/{CODE}", f"/payments/ready/{CODE}/jtnet/{SECOND_MID}"]

    open_window(page, device, "iframe.imp-frame >> nth=1").pick("approve").pay()

    assert (came_back(page) if device == "phone" else told(page))["imp_uid"]
    assert sandbox.net(merchant.params["merchant_uid"]) == 1_000


@pytest.mark.parametrize("merchant", ["our own"], indirect=True)
@pytest.mark.parametrize("device", ["desktop"])
@pytest.mark.parametrize("name", ["certification", "naver_zzim", "loadUI"])
def test_what_else_the_sdk_can_do_is_there_and_is_not_simulated(page: Page, merchant: Merchant, name: str) -> None:
    """Whoever waits for an answer is told so, and nothing is paid."""
    page.goto(merchant.url)
    answer = page.evaluate("(name) => new Promise((told) => IMP[name]({ merchant_uid: 'm1' }, told))", name)
    assert (answer["success"], answer["imp_uid"]) == (False, None)
    assert answer["error_msg"] == f"IMP.{name}: not simulated by this sandbox"


@pytest.mark.parametrize("merchant", ["our own"], indirect=True)
@pytest.mark.parametrize("device", ["desktop"])
def test_what_is_pasted_and_filled_in_is_read_as_it_is_meant(
    page: Page, merchant: Merchant, sandbox: Sandbox, device: str
) -> None:
    """A number with invisible marks, and an expiry with a whole year, typed key by key."""
    page.goto(merchant.url)
    window = open_window(page, device)
    window.inside.get_by_label("Card number").focus()
    page.keyboard.insert_text("\u200b4242 4242\u00a04242 4242\u2060")
    window.inside.get_by_label("Expiry").press_sequentially("12/2040")
    window.inside.get_by_label("First two digits").fill("12")
    window.inside.get_by_label("Birth date").fill("900101")
    window.pay()

    assert told(page)["card_number"] == "42424242****4242"
    assert sandbox.net(merchant.params["merchant_uid"]) == 1_000


@pytest.mark.parametrize("merchant", ["the old SDK"], indirect=True)
@pytest.mark.parametrize("device", ["phone"])
def test_a_page_that_lets_no_form_out_opens_the_window_in_its_frame(
    page: Page, merchant: Merchant, sandbox: Sandbox
) -> None:
    """After a moment in which nothing has happened; the window's own form takes the browser along."""
    page.goto(merchant.url)
    page.evaluate("HTMLFormElement.prototype.submit = () => {}")

    page.get_by_role("button", name="Buy").click()
    Window(page, "desktop").pick("approve").pay()

    assert came_back(page)["imp_success"] == "true"
    assert sandbox.net(merchant.params["merchant_uid"]) == 1_000


@pytest.mark.parametrize("merchant", ["our own"], indirect=True)
@pytest.mark.parametrize("device", ["desktop"])
def test_the_old_script_needs_jquery(page: Page, merchant: Merchant) -> None:
    """As in life: without it there is no `IMP`, and the browser's console says why."""
    merchant.has_jquery = False
    page.add_init_script(
        "window.problems = 0; addEventListener('error', (event) => { event.preventDefault(); problems += 1; })"
    )
    page.goto(merchant.url)

    assert page.evaluate("typeof IMP") == "undefined"
    assert page.evaluate("problems") == 2  # the script's, and the page's that counts on it


@pytest.mark.parametrize("merchant", ["the old SDK"], indirect=True)
def test_the_old_sdk_pays_under_the_name_it_knows(
    page: Page, merchant: Merchant, sandbox: Sandbox, servers: Servers, device: str
) -> None:
    """With every request to the service host's own name led here by the browser."""
    merchant.sandbox_url = name = "https://service.iamport.kr"

    def lead_here(route: Route) -> None:
        address = route.request.url.replace(name, servers.sandbox_url)
        route.fulfill(response=route.fetch(url=address, max_redirects=0))

    page.route(f"{name}/**", lead_here)
    page.goto(merchant.url)

    open_window(page, device).pick("approve").pay()

    assert (came_back(page) if device == "phone" else told(page))["imp_uid"]
    assert sandbox.net(merchant.params["merchant_uid"]) == 1_000


@pytest.mark.parametrize("device", ["desktop"])
@pytest.mark.parametrize("pg", ["jtnet", "", "jtnte", f"jtnet.{SECOND_MID}x"])
def test_an_unclear_pg_means_the_default_frame(page: Page, merchant: Merchant, pg: str) -> None:
    """As in the old SDK, which says nothing about a mistyped one. This frame says nothing, so its window stays open."""
    merchant.params["pg"] = pg
    page.route("**/payments/ready/**", lambda route: route.fulfill(content_type="text/html", body="<!doctype html>"))
    page.route("**/users/pg/**", list_two_settings)
    page.goto(merchant.url)
    page.get_by_role("button", name="Buy").click()

    expect(page.locator("iframe.imp-frame-default")).to_be_visible()
    expect(page.locator("iframe.imp-frame:visible")).to_have_count(1)


@pytest.mark.parametrize("device", ["desktop"])
def test_an_agency_names_its_tier_everywhere(page: Page, merchant: Merchant, sandbox: Sandbox, device: str) -> None:
    """The question and the frame carry it, and the payment goes through."""
    merchant.start = f"IMP.agency('{CODE}', 'A1B')"
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(merchant.url)

    open_window(page, device).pick("approve").pay()

    assert told(page)["success"] is True
    for part in ("/users/pg/", "/payments/ready/"):
        assert any(part in url and "tier=A1B" in url for url in asked), part
    assert sandbox.net(merchant.params["merchant_uid"]) == 1_000


@pytest.mark.parametrize("device", ["desktop"])
def test_what_the_sandbox_does_not_know_passes_by(
    page: Page, merchant: Merchant, sandbox: Sandbox, device: str
) -> None:
    """Unknown parameters change nothing, and `custom_data` comes back as JSON text."""
    merchant.params |= {
        "digital": True,
        "display": {"card_quota": [3]},
        "unheard_of": "☕",
        "custom_data": {"bag": "한낮"},
    }
    page.goto(merchant.url)

    open_window(page, device).pick("approve").pay()

    answer = told(page)
    assert "unheard_of" not in answer
    assert json.loads(answer["custom_data"]) == {"bag": "한낮"}
    payment = sandbox.call("GET", f"/payments/{answer['imp_uid']}?include_sandbox=true")["response"]
    assert json.loads(payment["custom_data"]) == {"bag": "한낮"}
    assert "unheard_of" not in payment


@pytest.mark.parametrize("device", ["desktop"])
def test_a_request_before_the_frames_are_there_waits_for_them(
    page: Page, merchant: Merchant, sandbox: Sandbox, device: str
) -> None:
    """The last one of several; the others are forgotten."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/users/pg/**", hold)
    page.goto(merchant.url, wait_until="domcontentloaded")
    page.evaluate("IMP.request_pay({ ...params, merchant_uid: 'forgotten_order' })")
    page.get_by_role("button", name="Buy").click()
    expect(page.locator("iframe.imp-frame")).to_have_count(0)
    held[0].continue_()

    Window(page, device).pick("approve").pay()

    assert told(page)["merchant_uid"] == merchant.params["merchant_uid"]
    assert sandbox.net(merchant.params["merchant_uid"]) == 1_000
    assert sandbox.net("forgotten_order") == 0


@pytest.mark.parametrize("merchant", ["our own"], indirect=True)
@pytest.mark.parametrize("device", ["desktop"])
@pytest.mark.parametrize("message", ["'not JSON'", "JSON.stringify({ action: 'dance', data: asked })", "'null'"])
def test_anything_else_a_frame_says_closes_the_window_without_an_answer(
    page: Page, merchant: Merchant, message: str
) -> None:
    """No callback is run, and the page has its focus back."""
    say_in_the_frame(page, message)
    page.goto(merchant.url)
    page.evaluate(
        """new MutationObserver(() => document.querySelector(".is-open") && (document.title = "opened"))
          .observe(document.body, { subtree: true, attributes: true })"""
    )
    page.get_by_role("button", name="Buy").click()

    expect(page).to_have_title("opened")
    expect(page.locator(".imp-dialog")).to_be_hidden()
    expect(page.get_by_role("button", name="Buy")).to_be_focused()
    expect(page.locator("#answer")).to_be_empty()


@pytest.mark.parametrize("merchant", ["our own"], indirect=True)
@pytest.mark.parametrize("device", ["phone"])
@pytest.mark.parametrize("has_way_back", [True, False])
def test_a_phone_without_a_callback_is_led_away_from_a_failure(
    page: Page, merchant: Merchant, servers: Servers, *, has_way_back: bool
) -> None:
    """To the merchant's address, or to the service host's own page."""
    if not has_way_back:
        del merchant.params["m_redirect_url"]
    say_in_the_frame(page, REFUSED)
    page.goto(merchant.url)
    page.evaluate("IMP.request_pay({ ...params })")

    if has_way_back:
        answer = came_back(page)
        assert (answer["from"], answer["imp_success"], answer["error_msg"]) == ("phone", "false", "no coffee")
        assert answer["merchant_uid"] == merchant.params["merchant_uid"]
    else:
        expect(page.get_by_role("main")).to_contain_text("no coffee")
        assert page.url.startswith(f"{servers.sandbox_url}/payments/fail?")
