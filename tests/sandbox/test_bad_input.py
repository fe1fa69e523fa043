"""Whatever the sandbox is sent: a refusal in its own words, never a stack trace."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask

from tests.people import Sandbox
from tests.wsgi import SANDBOX_URL

UNREADABLE = "http://["
WINDOW = {"merchant_uid": "an-order", "amount": 1_000, "customer_uid": "a-key", "pay_method": "card"}


@pytest.mark.parametrize("length", ["x", "-1", "9" * 5_000])
def test_a_length_that_is_no_number_is_none(sandbox_app: Flask, length: str) -> None:
    """The body is empty then, and the answer an envelope."""
    reply = sandbox_app.test_client().post(
        "/users/getToken", data=b"{}", base_url=SANDBOX_URL, environ_overrides={"CONTENT_LENGTH": length}
    )

    assert (reply.status_code, reply.json["code"]) == (400, -1)


def test_a_path_of_several_lines_is_not_simulated(sandbox_app: Flask) -> None:
    """Its name stands in a header of the answer, where a line must not end."""
    reply = sandbox_app.test_client().get("/payments/a%0d%0ab/c", base_url=SANDBOX_URL)

    assert (reply.status_code, reply.json["code"]) == (501, -1)
    assert "a??b" in reply.headers["X-Sandbox-Rule"]


@pytest.mark.parametrize("number", ["--1", "-", "1-"])
def test_a_page_that_is_no_number_is_refused(sandbox: Sandbox, number: str) -> None:
    """Dashes are not enough."""
    assert sandbox.call("GET", f"/payments/status/all?page={number}")["code"] == 1


@pytest.mark.parametrize("path", ["webhooks/9223372036854775808/resend", "webhooks/99999999999999999999/release"])
def test_a_webhook_beyond_every_number_is_not_there(sandbox_app: Flask, path: str) -> None:
    """The same as for every other one that is not there."""
    reply = sandbox_app.test_client().post(f"/_sandbox/{path}", base_url=SANDBOX_URL)

    assert reply.status_code == 400
    assert set(reply.json) == {"error"}


def test_the_consoles_button_for_a_webhook_beyond_every_number_does_nothing(sandbox_app: Flask) -> None:
    """It is not there either."""
    form = {"id": "9" * 30, "tab": "webhooks"}
    reply = sandbox_app.test_client().post("/_sandbox/console/send", data=form, base_url=SANDBOX_URL)

    assert reply.status_code == 404


def test_a_payment_with_a_notice_url_that_is_no_address_tells_nobody(sandbox: Sandbox) -> None:
    """The payment is made all the same."""
    paid = sandbox.pay({**WINDOW, "notice_url": UNREADABLE})

    assert paid["status"] == "paid"
    assert [hook["state"] for hook in sandbox.webhooks()] == ["dropped"]


@pytest.mark.parametrize("target", [UNREADABLE, "http://127.0.0.1:8000/\r\nSet-Cookie: a=b", "javascript:alert(1)"])
def test_a_phone_whose_way_back_is_no_address_stays_in_the_window(sandbox: Sandbox, target: str) -> None:
    """There is nowhere to go."""
    paid = sandbox.pay({**WINDOW, "m_redirect_url": target}, device="mobile")

    assert (paid["status"], paid["redirect"]) == ("paid", None)


@pytest.mark.parametrize("code", ["a%00b", "a%0ab"])
def test_a_frame_for_a_code_that_is_no_text_is_refused(sandbox_app: Flask, code: str) -> None:
    """The page would repeat characters that no page may have."""
    reply = sandbox_app.test_client().get(f"/payments/ready/{code}", base_url=SANDBOX_URL)

    assert (reply.status_code, reply.json["code"]) == (400, -1)


@pytest.mark.parametrize("name", ["card_number", "expiry", "birth"])
def test_the_window_does_not_repeat_characters_that_no_page_may_have(sandbox_app: Flask, name: str) -> None:
    """A NUL is refused, and not repeated."""
    client = sandbox_app.test_client()
    query = {"code": "imp00000000", "params": json.dumps(WINDOW), "device": "pc"}
    window = client.get("/payments/open", query_string=query, base_url=SANDBOX_URL).headers["Location"]

    reply = client.post(window, data={name: "a\0b"}, base_url=SANDBOX_URL)

    assert reply.status_code == 400
    assert "\0" not in reply.text


def test_the_console_looks_for_nothing_that_no_page_may_have(sandbox_app: Flask) -> None:
    """The word is shown again, without its NUL."""
    reply = sandbox_app.test_client().get("/_sandbox/console/payments?q=a%00b", base_url=SANDBOX_URL)

    assert reply.status_code == 200
    assert "\0" not in reply.text
    assert 'value="ab"' in reply.text


def nested(depth: int) -> Any:
    """Lists in lists."""
    return json.loads("[" * depth + "]" * depth)


@pytest.mark.parametrize(("depth", "status"), [(40, 303), (400, 400), (900, 400)])
def test_a_window_is_not_opened_for_data_that_nest_too_deep(sandbox_app: Flask, depth: int, status: int) -> None:
    """They could be read and not be written down."""
    query = {"code": "imp00000000", "params": json.dumps({**WINDOW, "custom_data": nested(depth)}), "device": "pc"}
    reply = sandbox_app.test_client().get("/payments/open", query_string=query, base_url=SANDBOX_URL)

    assert reply.status_code == status


@pytest.mark.parametrize("depth", [400, 900])
def test_testers_cannot_nest_deeper_either(sandbox_app: Flask, depth: int) -> None:
    """With an error that says so."""
    body = {"params": {**WINDOW, "custom_data": nested(depth)}}
    reply = sandbox_app.test_client().post("/_sandbox/pay", json=body, base_url=SANDBOX_URL)

    assert reply.status_code == 400
    assert "deep" in reply.json["error"]
