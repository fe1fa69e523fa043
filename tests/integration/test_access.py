"""Who may do what, route by route; nobody sees or moves anything of anybody else's."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from storefront import create_app
from storefront.config import Settings
from storefront.web.security import own_path
from tests.conftest import Shop
from tests.people import BUYER, Sandbox, Shopper

EVERYBODYS = {
    "static",
    "demo.outbox",
    "guide.code",
    "guide.show",
    "lessons.contents",
    "lessons.show",
    "home.show",
    "home.terms",
    "home.choose_language",
    "home.choose_theme",
    "health.alive",
    "health.ready",
    "auth.login",
    "auth.signup",
    "auth.login_demo",
    "payments.complete_on_phone",
    "webhooks.receive",
}
SIGNED_IN = {
    "demo.move_time",
    "auth.logout",
    "auth.change_password",
    "checkout.begin",
    "checkout.pay",
    "payments.show",
    "payments.refund",
    "payments.complete",
    "inspector.how",
    "lessons.play",
    "account.show",
    "account.charge",
    "account.removal",
    "account.remove_card",
    "subscriptions.show",
    "subscriptions.pay",
    "subscriptions.change_card",
    "changes.leave_page",
    "changes.leave",
    "changes.stay",
    "changes.skip",
    "changes.unskip",
    "changes.choose_plan",
    "changes.agree_to_price",
}


def test_every_route_is_known_to_be_for_everybody_or_for_the_signed_in(shop: Shop) -> None:
    """A new route has to be put on one of the lists, and then keeps its promise below."""
    assert {rule.endpoint for rule in shop.app.url_map.iter_rules()} == EVERYBODYS | SIGNED_IN


@pytest.mark.parametrize("endpoint", sorted(SIGNED_IN))
def test_without_a_session_there_is_nothing_to_see(shop: Shop, sandbox: Sandbox, endpoint: str) -> None:
    """Pages lead to the sign-in form, programs get a 401."""
    stranger = Shopper(shop.browser(), sandbox)
    values = {"plan": "morning", "merchant_uid": "mr_1", "card_id": "1", "subscription_id": "1", "name": "two-tabs"}
    for rule in shop.app.url_map.iter_rules(endpoint):
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: values[found[1]], rule.rule)
        for method in (rule.methods or set()) & {"GET", "POST"}:
            send = stranger.post if method == "POST" else lambda path, _form: stranger.browser.get(path)
            reply: Any = send(path, {"token": "t"})
            assert reply.status_code == 303
            assert reply.headers["Location"].startswith("/login")
            headers = {"Accept": "application/json", "X-CSRFToken": stranger.csrf_token()}
            program = getattr(stranger.browser, method.lower())(path, headers=headers)
            assert program.status_code == 401


def test_after_signing_in_one_goes_on_to_where_one_wanted_to_go(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """And the page is there."""
    visitor = Shopper(shop.browser(), sandbox, shopper.email)
    reply = visitor.browser.get("/checkout/noon")
    form = {"email": shopper.email, "password": "good-morning-coffee", "next": "/checkout/noon"}

    assert reply.headers["Location"] == "/login?next=/checkout/noon"
    assert visitor.post("/login", form).headers["Location"] == "/checkout/noon"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/ok\nLocation: x",
        "evil",
        "/\tevil",
    ],
)
def test_nobody_is_sent_elsewhere_from_here(target: str) -> None:
    """An open redirect helps whoever fishes for passwords."""
    assert own_path(target) is None


def test_a_wrong_password_and_an_unknown_address_look_the_same(shopper: Shopper) -> None:
    """Nobody learns who shops here."""
    pages = []
    for email in (shopper.email, "nobody@example.com"):
        reply = shopper.post("/login", {"email": email, "password": "wrong"})
        assert reply.status_code == 400
        pages.append(re.sub(r"csrf[^>]*>|<time.*?</time>", "", reply.text).replace(email, "…"))

    assert pages[0] == pages[1]


def test_an_address_is_taken_once_whatever_its_case(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """400, beside the field."""
    form = {"name": "이새벽", "email": shopper.email.upper(), "password": "good-morning-coffee"}

    assert Shopper(shop.browser(), sandbox).post("/signup", form).status_code == 400


def test_signing_in_leaves_nothing_of_the_session_before(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """Somebody who prepared a session cannot share it afterwards."""
    visitor = Shopper(shop.browser(), sandbox, shopper.email)
    old_token = visitor.csrf_token()
    visitor.post("/login", {"email": shopper.email, "password": "good-morning-coffee"})

    assert visitor.browser.post("/logout", data={"csrf_token": old_token}).status_code == 400
    assert visitor.post("/logout", {}).status_code == 303
    assert visitor.browser.get("/account").status_code == 303


def test_the_demo_shopper_is_there_only_beside_the_sandbox(shop: Shop, settings: Settings, sandbox: Sandbox) -> None:
    """Elsewhere the address does not exist, and the button is not shown."""
    visitor = Shopper(shop.browser(), sandbox)
    assert 'action="/login/demo' in visitor.browser.get("/login").text
    assert visitor.post("/login/demo", {}).status_code == 303
    assert visitor.browser.get("/account").status_code == 200

    real = replace(settings, imp_api_url="https://api.iamport.kr", imp_sdk_url="https://cdn.iamport.kr/v1/iamport.js")
    app = create_app(real)
    client = app.test_client()
    page = client.get("/login", base_url="http://127.0.0.1:8000")
    token = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
    assert token
    form = {"csrf_token": token[1]}
    assert client.post("/login/demo", data=form, base_url="http://127.0.0.1:8000").status_code == 404
    assert "/login/demo" not in page.text
    app.extensions["billing"].database.close()


def test_another_shoppers_order_page_does_not_exist(
    shopper: Shopper, another_shopper: Shopper, sandbox: Sandbox
) -> None:
    """Neither the page with the button nor the result; no amount is registered for it."""
    reply = another_shopper.post("/checkout/morning", {**BUYER, "mode": "pay"})
    address = reply.headers["Location"]

    assert shopper.browser.get(address).status_code == 404
    assert shopper.browser.get(address.replace("/checkout/morning/", "/payments/")).status_code == 404
    assert sandbox.requests() == []


def test_nothing_of_anothers_is_seen_asked_about_or_moved(
    shop: Shop, shopper: Shopper, another_shopper: Shopper, sandbox: Sandbox
) -> None:
    """At every address that names a card, an order or a subscription, with every field that any form has."""
    another_shopper.subscribe()
    theirs = another_shopper.account()
    [card], [payment], [subscription] = theirs["cards"], theirs["payments"], theirs["subscriptions"]
    ids = {"merchant_uid": payment["merchant_uid"], "card_id": card["id"], "subscription_id": subscription["id"]}
    form = {
        "token": "a-strangers",
        "card": card["id"],
        "period": 0,
        "plan": "noon",
        "price_krw": 16_900,
        "consent": "y",
    }
    form |= {"when": "now", "refund_krw": 14_900}
    asked, tried = len(sandbox.requests()), set()
    for rule in shop.app.url_map.iter_rules():
        if rule.endpoint in SIGNED_IN and rule.arguments and rule.arguments <= ids.keys():
            path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(ids[found[1]]), rule.rule)
            for method in (rule.methods or set()) & {"GET", "POST"}:
                reply = shopper.post(path, form) if method == "POST" else shopper.browser.get(path)
                assert reply.status_code == 404, path
                tried.add(rule.endpoint)

    assert len(tried) >= 12
    assert shopper.charge(card["id"]).status_code == 404
    own = shopper.account()
    assert (own["cards"], own["payments"], own["subscriptions"]) == ([], [], [])
    assert len(sandbox.requests()) == asked
    assert another_shopper.account() == theirs


def test_an_order_page_belongs_to_its_plan(shopper: Shopper) -> None:
    """Another plan's address does not show this order."""
    params = shopper.order("pay", "morning")

    assert shopper.browser.get(f"/checkout/noon/{params['merchant_uid']}").status_code == 404


def test_a_form_used_by_another_shopper_begins_a_checkout_of_their_own(
    shopper: Shopper, another_shopper: Shopper, sandbox: Sandbox
) -> None:
    """A token is worth something only with the session it was given to: each pays what they ordered, and keeps it."""
    mine = shopper.order("pay", token="the-same-token")
    theirs = another_shopper.order("pay", token="the-same-token")

    assert mine["merchant_uid"] != theirs["merchant_uid"]
    assert shopper.browser.get(f"/payments/{theirs['merchant_uid']}").status_code == 404
    for buyer, params in ((shopper, mine), (another_shopper, theirs)):
        assert buyer.tell(sandbox.pay(params)).status_code == 200
        assert buyer.payment(params["merchant_uid"])["status"] == "paid"
    assert sandbox.net() == 2 * 14_900


@pytest.mark.parametrize("path", ["/", "/login", "/account", "/payments/mr_404", "/terms", "/nowhere"])
def test_every_page_carries_its_locks(shopper: Shopper, path: str) -> None:
    """No frame around it, no script but ours, nothing kept in a cache."""
    headers = shopper.browser.get(path).headers

    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_only_the_pay_page_lets_the_window_in(shopper: Shopper) -> None:
    """Its SDK and its frame, from one origin."""
    params = shopper.order("pay")
    headers = shopper.browser.get(f"/checkout/morning/{params['merchant_uid']}").headers
    policy = headers["Content-Security-Policy"]

    assert "script-src 'self' http://localhost:8001;" in policy
    assert "frame-src http://localhost:8001;" in policy
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"


def test_the_session_cookie_is_out_of_reach_for_scripts_and_other_sites(shop: Shop, sandbox: Sandbox) -> None:
    """HttpOnly and SameSite=Lax, and Secure wherever the shop has https."""
    reply = Shopper(shop.browser(), sandbox).browser.get("/login")
    cookie = reply.headers["Set-Cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


def test_a_shop_with_https_marks_its_cookies_and_asks_for_https(settings: Settings) -> None:
    """Over http they are not sent at all."""
    app = create_app(replace(settings, public_url="https://shop.example.com"))
    reply = app.test_client().get("/login", base_url="https://shop.example.com")

    assert "Secure" in reply.headers["Set-Cookie"]
    assert "max-age" in reply.headers["Strict-Transport-Security"]
    app.extensions["billing"].database.close()


def test_the_phones_return_tells_a_stranger_no_order_number(
    shop: Shop, shopper: Shopper, another_shopper: Shopper
) -> None:
    """Who names a payment is told what the message itself says, unless the order is theirs."""
    paid = shopper.buy("pay")
    path = f"/payments/complete/mobile?imp_uid={paid['imp_uid']}"

    for browser in (shop.browser(), another_shopper.browser):
        reply = browser.get(path)
        assert reply.status_code == 200
        assert paid["merchant_uid"] not in reply.text
    assert shopper.browser.get(path).headers["Location"].endswith(paid["merchant_uid"])


def test_a_body_larger_than_any_form_is_refused(shopper: Shopper) -> None:
    """Before it is read."""
    reply = shopper.post_json("/payments/complete", {"imp_uid": "x" * 100_000, "merchant_uid": "mr_1"})

    assert reply.status_code == 413


def test_a_form_that_was_sent_after_signing_out_leads_to_the_sign_in_and_back(shopper: Shopper) -> None:
    """Another tab has signed out; the page says so, and comes back to the form."""
    shopper.browser.get("/language/en")
    token = shopper.csrf_token("/checkout/morning")
    shopper.post("/logout", {})

    reply = shopper.browser.post("/checkout/morning", data={**BUYER, "mode": "pay", "csrf_token": token})

    assert reply.status_code == 400
    assert "You may have been signed out meanwhile" in reply.text
    assert 'href="/login?next=/checkout/morning"' in reply.text


def test_whoever_signs_in_to_see_a_payment_is_told_that_nothing_has_to_be_paid_again(shop: Shop) -> None:
    """A session may end while the window is open."""
    browser = shop.browser()
    browser.get("/language/en")

    assert "You do not need to pay again." in browser.get("/login?next=/payments/mr_1").text
    assert "You do not need to pay again." not in browser.get("/login?next=/account").text
