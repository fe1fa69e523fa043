"""The doors news comes in through: callback, redirect, webhook. All lead to one settlement, and none is believed."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from storefront.billing.orders import records
from storefront.web.forms import CONSENT_VERSION
from tests.conftest import Shop
from tests.people import BUYER, Sandbox, Shopper

Tell = Callable[[str | None, str | None], Any]


@pytest.fixture(params=["callback", "redirect", "redirect without a session", "webhook", "form webhook"])
def tell(request: pytest.FixtureRequest, shop: Shop, shopper: Shopper) -> Tell:
    """Brings an imp_uid and a merchant_uid in through one of the doors."""

    def callback(imp_uid: str | None, merchant_uid: str | None) -> Any:
        return shopper.post_json("/payments/complete", {"imp_uid": imp_uid, "merchant_uid": merchant_uid})

    def redirect(browser: Any, imp_uid: str | None, merchant_uid: str | None) -> Any:
        ids = {"imp_uid": imp_uid or "", "merchant_uid": merchant_uid or "", "imp_success": "true"}
        return browser.get(f"/payments/complete/mobile?{urlencode(ids)}")

    def webhook(imp_uid: str | None, merchant_uid: str | None, **how: str) -> Any:
        body = {"imp_uid": imp_uid, "merchant_uid": merchant_uid, "status": "paid"}
        return shop.browser().post("/webhooks/iamport", **{how.get("kind", "json"): body})

    doors: dict[str, Tell] = {
        "callback": callback,
        "redirect": lambda *ids: redirect(shopper.browser, *ids),
        "redirect without a session": lambda *ids: redirect(shop.browser(), *ids),
        "webhook": webhook,
        "form webhook": lambda *ids: webhook(*ids, kind="data"),
    }
    return doors[request.param]


def paid_in_the_window(shopper: Shopper, sandbox: Sandbox, **window: Any) -> dict[str, Any]:
    """Pay, and tell the shop nothing: i'mport's ids."""
    return sandbox.pay(shopper.order("pay"), **window)


def test_every_door_settles_a_payment(shopper: Shopper, sandbox: Sandbox, tell: Tell) -> None:
    """Whoever says it, i'mport is asked, and the same follows."""
    result = paid_in_the_window(shopper, sandbox)

    reply = tell(result["imp_uid"], result["merchant_uid"])

    assert reply.status_code in (200, 303)
    payment = shopper.payment(result["merchant_uid"])
    assert (payment["status"], payment["net"]) == ("paid", 14_900)
    assert sandbox.net(result["merchant_uid"]) == 14_900
    asked = [call["path"] for call in sandbox.requests() if call["path"] == f"/payments/{result['imp_uid']}"]
    assert asked


def test_the_same_news_again_changes_nothing(shopper: Shopper, sandbox: Sandbox, tell: Tell) -> None:
    """Answered like the first time, decided once."""
    result = paid_in_the_window(shopper, sandbox)

    for _ in range(4):
        assert tell(result["imp_uid"], result["merchant_uid"]).status_code in (200, 303)

    events = [event["event"] for event in shopper.payment(result["merchant_uid"])["events"]]
    assert events.count("paid") == 1
    assert events.count("key_issued") == 1
    assert sandbox.net() == 14_900


def test_an_order_number_alone_is_enough_to_look(shopper: Shopper, sandbox: Sandbox, tell: Tell) -> None:
    """A window that failed to open knows no imp_uid; the shop looks the order up itself."""
    result = paid_in_the_window(shopper, sandbox)

    tell(None, result["merchant_uid"])

    assert shopper.payment(result["merchant_uid"])["net"] == 14_900


def test_a_lie_about_success_is_not_believed(shopper: Shopper, sandbox: Sandbox, tell: Tell) -> None:
    """`paid`, `success` and `imp_success` for a declined card."""
    result = paid_in_the_window(shopper, sandbox, card="decline-limit")

    tell(result["imp_uid"], result["merchant_uid"])

    payment = shopper.payment(result["merchant_uid"])
    assert (payment["status"], payment["captured"], payment["net"]) == ("failed", False, 0)


def test_an_imp_uid_that_imports_does_not_know_settles_nothing(shopper: Shopper, sandbox: Sandbox, tell: Tell) -> None:
    """The order stays as it is, and can still be paid."""
    params = shopper.order("pay")

    tell("imp_999999999999", params["merchant_uid"])
    assert shopper.payment(params["merchant_uid"])["status"] == "ready"

    result = sandbox.pay(params)
    tell(result["imp_uid"], result["merchant_uid"])
    assert shopper.payment(params["merchant_uid"])["net"] == 14_900


def test_ids_that_do_not_belong_together_change_nothing(
    shopper: Shopper, another_shopper: Shopper, sandbox: Sandbox, tell: Tell
) -> None:
    """Somebody else's payment does not pay my order, and is not touched."""
    theirs = another_shopper.buy("pay", "daybreak")
    mine = shopper.order("pay")

    tell(theirs["imp_uid"], mine["merchant_uid"])

    payment = shopper.payment(mine["merchant_uid"])
    assert (payment["status"], payment["imp_uid"], payment["net"]) == ("ready", None, 0)
    assert "mismatch" in [event["event"] for event in payment["events"]]
    assert another_shopper.payment(theirs["merchant_uid"])["net"] == 18_900
    assert sandbox.ledger()["cancelled"] == 0


def test_an_imp_uid_of_a_settled_payment_does_not_pay_a_second_order(
    shopper: Shopper, sandbox: Sandbox, tell: Tell
) -> None:
    """One's own, too; and a refunded one."""
    old = shopper.buy("pay")
    mine = shopper.order("pay", "noon")
    tell(old["imp_uid"], mine["merchant_uid"])
    assert shopper.payment(mine["merchant_uid"])["status"] == "ready"

    shopper.refund(old["merchant_uid"])
    tell(old["imp_uid"], mine["merchant_uid"])
    assert shopper.payment(mine["merchant_uid"])["status"] == "ready"
    assert shopper.payment(old["merchant_uid"])["status"] == "cancelled"
    assert sandbox.net() == 0


def test_an_imp_uid_under_an_order_number_we_never_made_tells_nothing(
    shopper: Shopper, sandbox: Sandbox, tell: Tell
) -> None:
    """And makes nothing."""
    result = paid_in_the_window(shopper, sandbox)

    assert tell(result["imp_uid"], "mr_20990101_nobody").status_code in (200, 404)

    assert shopper.browser.get("/payments/mr_20990101_nobody").status_code == 404
    assert sandbox.ledger()["cancelled"] == 0


def test_silence_of_imports_changes_nothing_and_a_webhook_comes_again(
    shopper: Shopper, sandbox: Sandbox, tell: Tell, request: pytest.FixtureRequest
) -> None:
    """503 for the webhook, because another try helps; the browser is shown what is known."""
    result = paid_in_the_window(shopper, sandbox)
    sandbox.fault("/payments/*", "error", times=0)

    reply = tell(result["imp_uid"], result["merchant_uid"])

    is_webhook = "webhook" in request.node.callspec.id
    assert reply.status_code == (503 if is_webhook else reply.status_code)
    assert reply.status_code < 500 or is_webhook
    assert shopper.payment(result["merchant_uid"])["status"] == "ready"

    sandbox.mend()
    assert tell(result["imp_uid"], result["merchant_uid"]).status_code in (200, 303)
    assert shopper.payment(result["merchant_uid"])["net"] == 14_900


@pytest.mark.parametrize("sdk", ["old", "new"])
@pytest.mark.parametrize("card", ["approve", "decline-stolen"])
def test_a_phone_comes_back_with_the_query_of_either_sdk(
    shopper: Shopper, sandbox: Sandbox, sdk: str, card: str
) -> None:
    """`imp_success` of the old one, `error_code` of the new one."""
    params = shopper.order("pay")
    result = sandbox.pay(params, card, device="mobile", sdk=sdk)
    address = urlsplit(result["redirect"])
    query = dict(parse_qsl(address.query))
    assert ("imp_success" in query) == (sdk == "old")

    reply = shopper.browser.get(f"{address.path}?{address.query}")

    assert reply.headers["Location"].endswith(f"/payments/{params['merchant_uid']}")
    payment = shopper.payment(params["merchant_uid"])
    assert payment["status"] == ("paid" if card == "approve" else "failed")
    assert payment["net"] == sandbox.net(params["merchant_uid"])


def test_a_phone_without_its_session_learns_nothing_but_where_to_sign_in(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """The same words for an order that exists, for one that does not, and for somebody else's."""
    result = paid_in_the_window(shopper, sandbox, device="mobile")
    address = urlsplit(result["redirect"])
    real = shop.browser().get(f"{address.path}?{address.query}")
    made_up = shop.browser().get("/payments/complete/mobile?imp_uid=imp_1&merchant_uid=mr_20990101_nobody")

    def shown(page: Any, merchant_uid: str) -> str:
        return str(page.text.replace(merchant_uid, "").split("<main", 1)[1].split("</main>")[0])

    assert (real.status_code, made_up.status_code) == (200, 200)
    assert shown(real, result["merchant_uid"]) == shown(made_up, "mr_20990101_nobody")
    assert "14,900" not in real.text
    assert shopper.payment(result["merchant_uid"])["status"] == "paid"


def test_an_error_before_the_window_opens_reaches_the_page_and_keeps_the_order(
    shopper: Shopper, sandbox: Sandbox
) -> None:
    """It comes through the callback only, without an imp_uid, on a phone as well."""
    params = shopper.order("pay")
    result = sandbox.pay({**params, "amount": 100})
    assert result["imp_uid"] is None

    assert shopper.tell(result).status_code == 200

    payment = shopper.payment(params["merchant_uid"])
    assert (payment["status"], payment["net"]) == ("ready", 0)
    assert result["callback"]["error_msg"] in shopper.browser.get(f"/payments/{params['merchant_uid']}").text
    assert sandbox.ledger()["captured"] == 0


def test_a_forged_amount_is_captured_refused_and_returned_to_the_won(shopper: Shopper, sandbox: Sandbox) -> None:
    """And the key it issued is deleted."""
    payment = shopper.buy("pay", charge_amount=100)

    assert (payment["status"], payment["captured"], payment["net"]) == ("refused", True, 0)
    ledger = sandbox.ledger(payment["merchant_uid"])
    assert (ledger["captured"], ledger["cancelled"]) == (100, 100)
    assert sandbox.keys() == {payment["customer_uid"]: False}


def test_the_callback_is_for_the_shopper_who_ordered(
    shop: Shop, shopper: Shopper, another_shopper: Shopper, sandbox: Sandbox
) -> None:
    """401 without a session, 404 for an order of somebody else's or of nobody's."""
    result = paid_in_the_window(shopper, sandbox)
    ids = {"imp_uid": result["imp_uid"], "merchant_uid": result["merchant_uid"]}
    stranger = Shopper(shop.browser(), sandbox)

    assert stranger.post_json("/payments/complete", ids).status_code == 401
    assert another_shopper.post_json("/payments/complete", ids).status_code == 404
    assert shopper.post_json("/payments/complete", {"imp_uid": None, "merchant_uid": "mr_1"}).status_code == 404
    assert shopper.post_json("/payments/complete", ids).status_code == 200


def test_the_callback_answers_with_the_state_and_where_to_go(shopper: Shopper, sandbox: Sandbox) -> None:
    """What the page's script needs, and nothing else."""
    result = paid_in_the_window(shopper, sandbox)

    reply = shopper.tell(result)

    assert reply.json == {"status": "paid", "redirect": f"/payments/{result['merchant_uid']}"}


def test_a_webhook_is_answered_once_the_state_is_stored(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """The sandbox's own webhook, as it goes out."""
    params = shopper.order("pay")
    sandbox.pay(params, outcome="lose_callback")

    assert shop.deliver_webhooks() == [200]

    events = [event["event"] for event in shopper.payment(params["merchant_uid"])["events"]]
    assert events.index("webhook") < events.index("paid")


def test_a_webhook_about_nothing_of_ours_is_answered_and_remembered_only_if_money_was_captured(
    shop: Shop, sandbox: Sandbox
) -> None:
    """The account may serve other shops: their payments are reported, never cancelled."""
    result = sandbox.pay({"pg": "jtnet", "merchant_uid": "other_shop_1", "amount": 5000, "name": "tea"})

    assert shop.webhook({"imp_uid": result["imp_uid"], "merchant_uid": "other_shop_1"}).status_code == 200
    assert shop.webhook({"imp_uid": "imp_404", "merchant_uid": "mr_404", "status": "paid"}).status_code == 200

    [line] = shop.reconcile().needs_person
    assert result["imp_uid"] in line
    assert sandbox.net() == 5000


@pytest.mark.parametrize("order", ["wc.order 12", "주문-1", "blog#1", "a@b.c_1", "../users", 12, 1.5, "m" * 40])
@pytest.mark.parametrize("content", ["json", "data"])
def test_the_account_may_serve_shops_whose_order_numbers_look_like_anything(
    shop: Shop, sandbox: Sandbox, order: str | float, content: str
) -> None:
    """Their webhooks come here as well: answered like any other, and what was captured is a stray."""
    result = sandbox.pay({"pg": "jtnet", "merchant_uid": str(order), "amount": 5000, "name": "tea"})
    body = {"imp_uid": result["imp_uid"], "merchant_uid": order, "status": "paid"}

    assert shop.browser().post("/webhooks/iamport", **{content: body}).status_code == 200
    asked = len(sandbox.requests())
    assert shop.browser().post("/webhooks/iamport", **{content: body | {"imp_uid": "imp_404"}}).status_code == 200

    assert len(sandbox.requests()) == asked + 1
    [line] = shop.reconcile().needs_person
    assert result["imp_uid"] in line


def test_webhooks_can_be_limited_to_imports_addresses(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """Optional; others get a 403 and are told nothing."""
    billing = shop.billing
    only = replace(billing.settings, webhook_ips=(ipaddress.ip_network("52.78.100.19/32"),))
    shop.app.extensions["billing"] = replace(billing, settings=only)
    result = paid_in_the_window(shopper, sandbox)
    body = {"imp_uid": result["imp_uid"], "merchant_uid": result["merchant_uid"]}

    assert shop.webhook(body).status_code == 403
    allowed = shop.browser().post("/webhooks/iamport", json=body, environ_base={"REMOTE_ADDR": "52.78.100.19"})
    assert allowed.status_code == 200


def test_an_order_form_must_be_filled_in_and_agreed_to(shopper: Shopper, sandbox: Sandbox) -> None:
    """400 and the same page with what was written, for each field by itself."""
    good = {**BUYER, "mode": "pay"}
    bad: list[dict[str, str]] = [
        {"name": ""},
        {"name": "x" * 65},
        {"email": "nobody"},
        {"email": f"{'x' * 60}@example.com"},
        {"phone": "12"},
        {"phone": "call me"},
        {"consent": ""},
        {"consent": "n"},
        {"consent": "no"},
        {"consent": "0"},
        {"mode": "free"},
        {"name": "a\0b"},
    ]
    for fields in bad:
        reply = shopper.post("/checkout/morning", good | fields)
        assert reply.status_code == 400, fields
        assert 'role="alert"' in reply.text

    assert shopper.account()["payments"] == []
    assert sandbox.requests() == []


def test_an_amount_comes_from_the_catalogue_and_from_nowhere_else(shopper: Shopper) -> None:
    """Fields nobody asked for are not read."""
    params = shopper.order("pay", amount="1", price="1", customer_uid="card_of_somebody", merchant_uid="mine")

    assert params["amount"] == 14_900
    assert params["customer_uid"] != "card_of_somebody"
    assert params["merchant_uid"] != "mine"


def test_what_was_agreed_to_is_stored(shop: Shop, shopper: Shopper) -> None:
    """The version of the text, the time and the price."""
    params = shopper.order("register", "noon")
    payment = records.look(shop.billing, params["merchant_uid"])

    assert payment
    assert (payment.consent_version, payment.consent_price_krw) == (CONSENT_VERSION, 16_900)
    assert payment.consent_at == payment.created_at
