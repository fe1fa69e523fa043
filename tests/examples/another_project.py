"""The tests of another project, copied to a folder that knows nothing of this one: they are run from there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import requests

from storefront.sandbox.testing import IamportSandbox, SandboxError

pytest_plugins = ["storefront.sandbox.pytest_plugin"]

AGAIN = "/subscribe/payments/again"
WINDOW = {"pg": "jtnet", "merchant_uid": "order-1", "name": "Bag", "amount": 9_900, "customer_uid": "card-1"}


def again(sandbox: IamportSandbox, merchant_uid: str, **more: Any) -> dict[str, Any]:
    """What a shop's server sends."""
    return sandbox.call(
        "POST", AGAIN, customer_uid="card-1", merchant_uid=merchant_uid, amount=9_900, name="Bag", **more
    )


@pytest.fixture(params=[1, 2])
def first_or_second(request: pytest.FixtureRequest) -> int:
    """Runs a test twice."""
    return int(request.param)


@pytest.mark.usefixtures("first_or_second")
def test_a_card_is_stored_and_charged_again(iamport_sandbox: IamportSandbox) -> None:
    """Twice in the same words: the second run would be refused if anything of the first were left."""
    assert iamport_sandbox.ledger().payments == []
    ended = iamport_sandbox.pay(WINDOW)
    assert ended.callback == {"imp_uid": ended.imp_uid, "merchant_uid": "order-1"}
    assert again(iamport_sandbox, "order-2")["response"]["status"] == "paid"
    assert iamport_sandbox.ledger().net == 19_800
    assert iamport_sandbox.ledger("order-2").net == 9_900
    assert [key.customer_uid for key in iamport_sandbox.ledger().billing_keys] == ["card-1"]
    iamport_sandbox.call("POST", "/payments/cancel", imp_uid=ended.imp_uid, amount=900, reason="broken")
    [payment] = iamport_sandbox.ledger("order-1").payments
    assert (payment.net, [(cancel.amount, cancel.reason) for cancel in payment.cancels]) == (9_000, [(900, "broken")])


def test_a_decline_captures_nothing(iamport_sandbox: IamportSandbox) -> None:
    """Code 0, and yet no money."""
    iamport_sandbox.pay({**WINDOW, "amount": 0}, card="decline-later")
    reply = again(iamport_sandbox, "order-2")
    assert (reply["code"], reply["response"]["status"]) == (0, "failed")
    assert iamport_sandbox.ledger().captured == 0


def test_an_answer_that_is_cut_leaves_one_capture(iamport_sandbox: IamportSandbox) -> None:
    """The connection really breaks, after the work."""
    iamport_sandbox.pay({**WINDOW, "amount": 0})
    iamport_sandbox.faults.add(AGAIN, "cut_after")
    with pytest.raises(requests.ConnectionError):
        again(iamport_sandbox, "order-2")
    assert again(iamport_sandbox, "order-2")["code"] == -1
    assert [payment.merchant_uid for payment in iamport_sandbox.ledger().payments] == ["order-2"]
    assert [call.fault for call in iamport_sandbox.requests(AGAIN)] == ["cut_after", None]


def test_faults_can_be_cleared(iamport_sandbox: IamportSandbox) -> None:
    """And one that does not exist is refused with a text."""
    iamport_sandbox.faults.add("/payments/*", "error", status=503, times=0)
    assert iamport_sandbox.pay(WINDOW).status == "paid"  # the window is no call of the REST API
    iamport_sandbox.faults.clear()
    assert iamport_sandbox.call("GET", "/payments/find/order-1")["code"] == 0
    with pytest.raises(SandboxError, match="kind: one of"):
        iamport_sandbox.faults.add("/payments/*", "gremlins")


def test_a_month_passes_in_no_time(iamport_sandbox: IamportSandbox) -> None:
    """A scheduled charge runs on its day."""
    iamport_sandbox.pay({**WINDOW, "amount": 0})
    due = iamport_sandbox.clock.now + 29 * 86_400
    schedule = {"merchant_uid": "renewal-1", "schedule_at": due, "amount": 9_900, "name": "Bag", "currency": "KRW"}
    iamport_sandbox.call("POST", "/subscribe/payments/schedule", customer_uid="card-1", schedules=[schedule])
    iamport_sandbox.clock.advance(days=28)
    assert iamport_sandbox.ledger().net == 0
    iamport_sandbox.clock.advance(days=2)
    [payment] = iamport_sandbox.ledger("renewal-1").payments
    assert (payment.net, payment.paid_at, payment.usage) == (9_900, due, "payment.scheduled")


def test_people_of_imports_change_a_payment(iamport_sandbox: IamportSandbox) -> None:
    """In the console, behind the shop's back."""
    imp_uid = str(iamport_sandbox.pay(WINDOW).imp_uid)
    iamport_sandbox.console.cancel(imp_uid)
    assert iamport_sandbox.ledger().net == 0
    iamport_sandbox.console.undo_cancel(imp_uid)
    assert iamport_sandbox.ledger().net == 9_900


def test_the_window_ends_in_every_way(iamport_sandbox: IamportSandbox) -> None:
    """Desktop and phone, both styles of the SDK, and a forged amount."""
    assert iamport_sandbox.pay(WINDOW, outcome="cancel", sdk="old").callback["success"] is False  # type: ignore[index]
    phone = {**WINDOW, "m_redirect_url": "http://127.0.0.1:9/back"}
    declined = iamport_sandbox.pay(phone, card=iamport_sandbox.cards["decline-limit"], device="mobile")
    assert str(declined.redirect).startswith("http://127.0.0.1:9/back?imp_uid=imp_")
    assert iamport_sandbox.pay(WINDOW, outcome="lose_callback", charge_amount=100).callback is None
    assert iamport_sandbox.ledger("order-1").net == 100


def test_webhooks_reach_the_shop(iamport_sandbox: IamportSandbox, shop: tuple[str, list[bytes]]) -> None:
    """Where the test says; once more when it is asked to."""
    url, heard = shop
    iamport_sandbox.webhook_url = url
    imp_uid = iamport_sandbox.pay(WINDOW).imp_uid
    assert (iamport_sandbox.webhooks.drain().delivered, len(heard)) == (1, 1)
    [hook] = iamport_sandbox.webhooks.all()
    assert (hook.state, hook.body["imp_uid"], hook.body["status"]) == ("delivered", imp_uid, "paid")
    assert len(iamport_sandbox.webhooks.resend(hook.id).attempts) == 2
    assert len(heard) == 2


def test_webhooks_go_nowhere_unless_a_test_says_so(iamport_sandbox: IamportSandbox) -> None:
    """The test before this one named an address; this sandbox is another one."""
    assert iamport_sandbox.webhook_url is None
    iamport_sandbox.pay(WINDOW)
    assert iamport_sandbox.webhooks.all() == []


def test_a_call_given_up_by_one_test(iamport_sandbox: IamportSandbox, given_up: list[threading.Thread]) -> None:
    """It is still under way when the next test begins."""
    iamport_sandbox.pay({**WINDOW, "amount": 0})
    iamport_sandbox.faults.add(AGAIN, "delay", seconds=0.7)
    token = iamport_sandbox.call("POST", "/users/getToken", imp_key=iamport_sandbox.key, imp_secret="sandbox_secret")
    headers = {"Authorization": token["response"]["access_token"]}
    order = {"customer_uid": "card-1", "merchant_uid": "late", "amount": 9_900, "name": "Bag"}

    def charge() -> None:
        requests.post(iamport_sandbox.url + AGAIN, json=order, headers=headers, timeout=5)

    given_up.append(threading.Thread(target=charge))
    given_up[0].start()
    while iamport_sandbox.at.get("faults")["faults"][0]["left"]:
        given_up[0].join(0.01)


def test_does_not_reach_the_next_one(iamport_sandbox: IamportSandbox, given_up: list[threading.Thread]) -> None:
    """The work is done in the books of the test that began it."""
    given_up[0].join()
    assert iamport_sandbox.ledger().captured == 0
    assert iamport_sandbox.requests() == []


def test_a_shop_that_hangs_at_a_webhook(iamport_sandbox: IamportSandbox, hanging: Hanging) -> None:
    """The test is over before the shop has answered."""
    iamport_sandbox.webhook_url = hanging.url
    iamport_sandbox.pay(WINDOW)
    assert hanging.reached.wait(10)


def test_breaks_no_test_after_it(hanging: Hanging) -> None:
    """The delivery ends without a noise: pytest would report an error of its thread here."""
    hanging.answer.set()
    for thread in threading.enumerate():
        if thread.name == "webhooks":
            thread.join(10)
            assert not thread.is_alive()


@pytest.fixture(scope="module")
def given_up() -> list[threading.Thread]:
    """A call that outlives its test."""
    return []


@pytest.fixture
def shop() -> Iterator[tuple[str, list[bytes]]]:
    """Something that listens for webhooks, and what it has heard."""
    heard: list[bytes] = []
    with _listening(heard.append) as url:
        yield url, heard


@dataclass
class Hanging:
    """A shop that takes its time."""

    url: str = ""
    reached: threading.Event = field(default_factory=threading.Event)
    answer: threading.Event = field(default_factory=threading.Event)


@pytest.fixture(scope="module")
def hanging() -> Iterator[Hanging]:
    """It answers when it is told to."""
    hanging = Hanging()

    def hear(_body: bytes) -> None:
        hanging.reached.set()
        hanging.answer.wait(20)

    with _listening(hear) as hanging.url:
        yield hanging


@contextmanager
def _listening(hear: Callable[[bytes], None]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            hear(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            """Silent."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/webhook"
        finally:
            server.shutdown()
            thread.join()
