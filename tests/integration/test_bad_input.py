"""Whatever is sent: a clear 4xx, never a stack trace, and nothing changed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import Shop
from tests.people import BUYER, Sandbox, Shopper

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
BODIES: dict[str, tuple[bytes, str, int]] = {
    "no body": (b"", JSON, 400),
    "no JSON": (b"{", JSON, 400),
    "a list": (b"[]", JSON, 400),
    "null": (b"null", JSON, 400),
    "a number": (b"1", JSON, 400),
    "empty object": (b"{}", JSON, 400),
    "deep": (b"[" * 30_000, JSON, 400),
    "deep object": (b'{"imp_uid":' * 5_000, JSON, 400),
    "a megabyte": (json.dumps({"imp_uid": "x" * 1_000_000}).encode(), JSON, 413),
    "no UTF-8": (b'{"imp_uid": "\xff"}', JSON, 400),
    "lone surrogate": (b'{"imp_uid": "imp_1", "merchant_uid": "\\ud800"}', JSON, 400),
    "NUL": (b'{"imp_uid": "imp_1", "merchant_uid": "mr_1\\u0000"}', JSON, 400),
    "surrogate beside the ids": (b'{"imp_uid":"imp_1","merchant_uid":"mr_1","error_msg":"\\ud800"}', JSON, 400),
    "huge number": (b'{"imp_uid": ' + b"9" * 5_000 + b"}", JSON, 400),
    "infinity": (b'{"imp_uid": Infinity, "merchant_uid": "mr_1"}', JSON, 400),
    "id of an object": (b'{"imp_uid": {"$ne": ""}, "merchant_uid": "mr_1"}', JSON, 400),
    "id of a list": (b'{"imp_uid": ["imp_1"], "merchant_uid": "mr_1"}', JSON, 400),
    "id too long": (json.dumps({"imp_uid": "i" * 41, "merchant_uid": "mr_1"}).encode(), JSON, 400),
    "order too long": (json.dumps({"imp_uid": "imp_1", "merchant_uid": "m" * 256}).encode(), JSON, 400),
    "order of an object": (b'{"imp_uid": "imp_1", "merchant_uid": {"$ne": ""}}', JSON, 400),
    "order of a list": (b'{"imp_uid": "imp_1", "merchant_uid": ["mr_1"]}', JSON, 400),
    "order of a truth": (b'{"imp_uid": "imp_1", "merchant_uid": true}', JSON, 400),
    "infinite order": (b'{"imp_uid": "imp_1", "merchant_uid": Infinity}', JSON, 400),
    "no number": (b'{"imp_uid": "imp_1", "merchant_uid": NaN}', JSON, 400),
    "endless order": (b'{"imp_uid": "imp_1", "merchant_uid": 1e999}', JSON, 400),
    "huge order": (b'{"imp_uid": "imp_1", "merchant_uid": ' + b"9" * 4_000 + b"}", JSON, 400),
    "id with a path": (b'{"imp_uid": "../users/getToken", "merchant_uid": "mr_1"}', JSON, 400),
    "id with a query": (b'{"imp_uid": "imp_1?a=b", "merchant_uid": "mr_1"}', JSON, 400),
    "id with Korean": ('{"imp_uid": "임포트", "merchant_uid": "mr_1"}'.encode(), JSON, 400),
    "unknown content type": (b"<xml/>", "text/xml", 400),
    "no content type": (b"imp_uid=imp_1", "", 400),
}


@pytest.mark.parametrize("name", BODIES)
def test_the_callback_refuses_what_it_cannot_read(shopper: Shopper, sandbox: Sandbox, name: str) -> None:
    """With a text for programs."""
    body, content_type, status = BODIES[name]

    reply = shopper.browser.post(
        "/payments/complete",
        data=body,
        content_type=content_type,
        headers={"X-CSRFToken": shopper.csrf_token()},
    )

    assert reply.status_code == status
    assert set(reply.json) == {"error"}
    assert sandbox.requests() == []


@pytest.mark.parametrize("name", BODIES)
def test_the_webhook_refuses_what_it_cannot_read(shop: Shop, sandbox: Sandbox, name: str) -> None:
    """Anybody may post there, so it is read with the same care."""
    body, content_type, status = BODIES[name]

    reply = shop.browser().post("/webhooks/iamport", data=body, content_type=content_type)

    assert reply.status_code == status
    assert set(reply.json) == {"error"}
    assert sandbox.requests() == []


@pytest.mark.parametrize(
    "body", [b"imp_uid=%ff&merchant_uid=mr_1", b"imp_uid=imp_1&merchant_uid=%00", b"", b"imp_uid=" + b"x" * 41]
)
def test_a_form_webhook_is_checked_like_a_json_one(shop: Shop, sandbox: Sandbox, body: bytes) -> None:
    """Percent signs hide bytes that are no text."""
    reply = shop.browser().post("/webhooks/iamport", data=body, content_type=FORM)

    assert reply.status_code == 400
    assert sandbox.requests() == []


@pytest.mark.parametrize(
    "query",
    ["", "imp_uid=", "imp_uid=%ff", "imp_uid=a%00b", "merchant_uid=" + "m" * 41, "imp_uid=..%2Fusers", "imp_uid=a%20b"],
)
def test_a_phone_that_brings_no_ids_gets_a_page_that_says_so(shop: Shop, sandbox: Sandbox, query: str) -> None:
    """400, with the way back to the shop."""
    reply = shop.browser().get(f"/payments/complete/mobile?{query}")

    assert reply.status_code == 400
    assert "<h1" in reply.text
    assert sandbox.requests() == []


@pytest.mark.parametrize(("said", "status"), [("x" * 600, 303), ("a\0b", 400), ("가" * 501, 303)])
def test_a_phone_may_say_what_it_likes_about_an_order_but_not_more_than_can_be_kept(
    shopper: Shopper, said: str, status: int
) -> None:
    """What is too long is cut, what no database takes is refused; as it is at the other doors."""
    order = shopper.order("pay")
    query = {"merchant_uid": order["merchant_uid"], "error_code": "F1002", "error_msg": said, "imp_success": "false"}

    assert shopper.browser.get("/payments/complete/mobile", query_string=query).status_code == status
    assert shopper.payment(order["merchant_uid"])["status"] == "ready"


@pytest.mark.parametrize("path", ["/login", "/signup", "/checkout/morning"])
def test_a_form_is_not_shown_again_with_characters_that_no_page_may_have(shopper: Shopper, path: str) -> None:
    """A NUL is refused, and not repeated."""
    for name in ("name", "email", "phone", "token"):
        reply = shopper.post(path, {**BUYER, "consent": "", "password": "", name: "a\0b"})

        assert reply.status_code == 400
        assert "\0" not in reply.text


def test_an_address_that_grows_in_lower_case_still_has_to_fit(shop: Shop, sandbox: Sandbox) -> None:
    """The capital I with a dot is one character, and two in lower case."""
    form = {"name": "김아침", "email": "İ" * 50 + "@example.com", "password": "good-morning-coffee"}
    reply = Shopper(shop.browser(), sandbox).post("/signup", form)

    assert reply.status_code == 400
    assert "64" in reply.text


PATHS = [
    "/payments/mr_404",
    "/payments/%00",
    "/payments/%ff",
    "/payments/" + "m" * 41,
    "/payments/..%2f..%2fusers%2fgetToken",
    "/checkout/midnight",
    "/checkout/%00",
    "/checkout/morning/mr_404",
    "/checkout/morning/" + "m" * 41,
    "/account/cards/1/remove",
    "/language/tlh",
    "/theme/neon",
    "/nowhere",
    "/static/../storefront/config.py",
]


@pytest.mark.parametrize("path", PATHS)
def test_what_is_not_there_is_a_page_that_says_so(shopper: Shopper, path: str) -> None:
    """A 404 (or 405) in the shop's own words, and as JSON for programs."""
    page = shopper.browser.get(path)
    program = shopper.browser.get(path, headers={"Accept": "application/json"})

    assert page.status_code == program.status_code
    assert page.status_code in (404, 405)
    assert "<h1" in page.text
    assert set(program.json) == {"error"}


@pytest.mark.parametrize(
    "path", ["/checkout/morning", "/account/charge", "/account/cards/1/remove", "/payments/x/refund"]
)
@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods_are_refused(shop: Shop, path: str, method: str) -> None:
    """405, not a surprise."""
    reply = shop.app.test_client().open(path, method=method.upper(), base_url="http://127.0.0.1:8000")

    assert reply.status_code in (400, 405)


POSTS = ["/login", "/signup", "/logout", "/login/demo", "/checkout/morning", "/account/charge"]


@pytest.mark.parametrize("token", [None, "", "wrong", "IjEi.aaaa.bbbb"])
def test_a_form_without_its_token_is_refused(shopper: Shopper, sandbox: Sandbox, token: str | None) -> None:
    """Every post but the webhook: 400, and nothing has happened."""
    payment = shopper.buy("pay")
    [card] = shopper.active_cards()
    before = len(sandbox.requests())
    extra = {} if token is None else {"csrf_token": token}
    more = [f"/payments/{payment['merchant_uid']}/refund", f"/account/cards/{card['id']}/remove"]
    form = {**BUYER, "mode": "pay", "card": card["id"], "plan": "noon", "token": "t", **extra}

    for path in POSTS + more:
        assert shopper.browser.post(path, data=form).status_code == 400, path
    headers = {} if token is None else {"X-CSRFToken": token}
    ids = {"imp_uid": payment["imp_uid"], "merchant_uid": payment["merchant_uid"]}
    assert shopper.browser.post("/payments/complete", json=ids, headers=headers).status_code == 400

    assert len(sandbox.requests()) == before
    assert sandbox.net() == 14_900
    assert len(shopper.active_cards()) == 1


def test_a_token_of_another_session_is_refused(shopper: Shopper, another_shopper: Shopper) -> None:
    """It belongs to whom it was given."""
    form = {"csrf_token": another_shopper.csrf_token(), **BUYER, "mode": "pay"}

    assert shopper.browser.post("/checkout/morning", data=form).status_code == 400


@pytest.mark.parametrize(
    "form",
    [
        {"card": "1.5"},
        {"card": "-1"},
        {"card": "١"},
        {"card": "9" * 30},
        {"card": ""},
        {"plan": ""},
        {"plan": "noon\0"},
        {"token": ""},
        {"token": "x" * 65},
        {"token": "가"},
        {"token": "a b"},
    ],
)
def test_a_charge_form_with_odd_values_is_a_400(shopper: Shopper, sandbox: Sandbox, form: dict[str, str]) -> None:
    """The account page with a message, and no charge."""
    card = shopper.register_card()
    before = len(sandbox.requests())

    reply = shopper.post("/account/charge", {"card": card["id"], "plan": "noon", "token": "good"} | form)

    assert reply.status_code == 400
    assert 'role="alert"' in reply.text
    assert len(sandbox.requests()) == before


@pytest.mark.parametrize("token", ["", "x" * 41, "../", "가"])
def test_a_refund_form_with_an_odd_token_is_a_400(shopper: Shopper, sandbox: Sandbox, token: str) -> None:
    """Nothing is returned by mistake."""
    payment = shopper.buy("pay")

    assert shopper.post(f"/payments/{payment['merchant_uid']}/refund", {"token": token}).status_code == 400
    assert sandbox.net() == 14_900


def test_a_shop_that_breaks_says_so_without_a_trace(
    shop: Shop, shopper: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should there be a mistake in the shop after all, a person is told what to do next."""

    def broken(*_arguments: Any) -> None:
        raise RuntimeError("secret detail")

    shop.app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setattr("storefront.web.account.history.payments_of", broken)

    reply = shopper.browser.get("/account")

    assert reply.status_code == 500
    assert "secret detail" not in reply.text
    assert "Traceback" not in reply.text
    assert "<h1" in reply.text
