"""`confirm_url`: a shop that is asked just before the approval can still say no."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qsl

import pytest
from flask import Flask

from storefront.sandbox import SandboxSettings, create_sandbox
from tests.people import Sandbox
from tests.wsgi import SANDBOX_URL, session_for

STOPPED = "고객사 요청에 의해 결제를 중단합니다. (상세사유 : {})"


class ConfirmingShop:
    """A shop of its own that answers as it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.status, self.answer = 200, b""
        self.asked: list[dict[str, Any]] = []
        self._server = HTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/confirm"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def _handler(shop) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - the handler has a self of its own
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                is_json = self.headers["Content-Type"] == "application/json"
                shop.asked.append(json.loads(body) if is_json else dict(parse_qsl(body)))
                self.send_response(shop.status)
                self.send_header("Content-Length", str(len(shop.answer)))
                self.end_headers()
                self.wfile.write(shop.answer)

            def log_message(self, *_arguments: Any) -> None:
                """Be quiet."""

        return Handler

    def close(self) -> None:
        """Close the shop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def confirming() -> Iterator[ConfirmingShop]:
    """The shop that is asked."""
    shop = ConfirmingShop()
    yield shop
    shop.close()


def pay(sandbox: Sandbox, confirm_url: Any, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Pay in a window of a shop that wants to be asked: how the window ended, and the payment."""
    order = {"pg": "jtnet", "merchant_uid": "order-1", "amount": 14_900, "name": "원두", "customer_uid": "customer-1"}
    result = sandbox.pay({**order, "confirm_url": confirm_url}, **more)
    return result, sandbox.call("GET", "/payments/find/order-1")["response"]


def test_a_payment_that_the_shop_confirms_is_approved(sandbox: Sandbox, confirming: ConfirmingShop) -> None:
    """It is asked once, with the payment's own id, and the amount that will really be captured."""
    result, payment = pay(sandbox, confirming.url, charge_amount=100)
    assert (result["status"], payment["status"]) == ("paid", "paid")
    assert confirming.asked == [{"imp_uid": payment["imp_uid"], "merchant_uid": "order-1", "amount": 100}]
    assert sandbox.net() == 100


@pytest.mark.parametrize(
    ("status", "answer", "reason"),
    [
        (400, '{"reason": "품절"}'.encode(), "품절"),
        (500, b"oops", "알 수 없음"),
        (204, b"", "알 수 없음"),
        (302, b"", "알 수 없음"),
        (400, b'["reason"]', "알 수 없음"),
        (400, b'{"reason": 5}', "알 수 없음"),
        (400, b'{"reason": "\\ud800"}', "알 수 없음"),
        (400, b"[" * 30_000, "알 수 없음"),
        (400, json.dumps({"reason": "x" * 900}).encode(), "x" * 200),
    ],
)
def test_anything_but_http_200_stops_the_payment(
    sandbox: Sandbox, confirming: ConfirmingShop, status: int, answer: bytes, reason: str
) -> None:
    """With the shop's reason; nothing is captured, and no key is stored."""
    confirming.status, confirming.answer = status, answer
    result, payment = pay(sandbox, confirming.url)
    assert (payment["status"], payment["fail_reason"]) == ("failed", STOPPED.format(reason))
    assert result["callback"]["error_msg"] == payment["fail_reason"]
    assert (sandbox.net(), sandbox.keys()) == (0, {})
    assert confirming.asked[0]["imp_uid"] == payment["imp_uid"]


def test_a_shop_that_does_not_answer_has_not_confirmed(sandbox: Sandbox) -> None:
    """Nobody listens there."""
    _, payment = pay(sandbox, "http://127.0.0.1:9/confirm")
    assert (payment["status"], payment["fail_reason"]) == ("failed", STOPPED.format("알 수 없음"))


@pytest.mark.parametrize("url", ["http://shop.example/confirm", "ftp://127.0.0.1/x", "nonsense", "http://[", 5, ["x"]])
def test_other_machines_are_not_asked(sandbox: Sandbox, url: Any) -> None:
    """As they get no webhooks; what is not asked has not confirmed."""
    _, payment = pay(sandbox, url)
    assert payment["status"] == "failed"
    assert sandbox.net() == 0


def test_a_declined_card_needs_no_confirmation(sandbox: Sandbox, confirming: ConfirmingShop) -> None:
    """There is nothing to approve; the same goes for a buyer who leaves."""
    pay(sandbox, confirming.url, card="decline-limit")
    pay(sandbox, confirming.url, outcome="cancel")
    assert confirming.asked == []


@pytest.fixture
def asking_with_a_form() -> Iterator[Flask]:
    """A sandbox whose question is a form."""
    app = create_sandbox(SandboxSettings(background=False, confirm_as_form=True))
    yield app
    app.extensions["sandbox"].close()


def test_the_question_may_be_a_form(asking_with_a_form: Flask, confirming: ConfirmingShop) -> None:
    """Nobody has written down which it is."""
    _, payment = pay(Sandbox(session_for(asking_with_a_form), SANDBOX_URL), confirming.url)
    assert payment["status"] == "paid"
    assert confirming.asked == [{"imp_uid": payment["imp_uid"], "merchant_uid": "order-1", "amount": "14900"}]
