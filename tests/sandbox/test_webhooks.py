"""Webhooks as a shop hears them: when, how, how often, where to, and what the sandbox writes down of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests
import time_machine
from click.testing import CliRunner
from flask import Flask
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from storefront.cli import main
from storefront.sandbox import SandboxSettings, create_sandbox
from storefront.sandbox.webhooks.deliveries import LONGEST_KEPT
from tests.people import Sandbox
from tests.wsgi import SANDBOX_URL, session_for

HOOK_URL = "http://localhost:8000/hook"
ORDER = {"customer_uid": "customer-1", "amount": 14_900, "name": "아침"}
CARD = {"card_number": "4242-4242-4242-4242", "expiry": "2040-12", "birth": "900101", "pwd_2digit": "12"}
UNREACHABLE = requests.ConnectionError("nobody listens")

OpenSandbox = Callable[..., Sandbox]


class Receiver(BaseAdapter):
    """A shop's webhook address: it hears, and answers as it was told, 200 when it was told nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[int | Exception] = []
        self.headers: dict[str, str] = {}
        self.says = b"OK"
        self.heard: list[requests.PreparedRequest] = []
        self.limits: list[Any] = []

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Hear one webhook."""
        self.heard.append(request)
        self.limits.append(options["timeout"])
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        response = requests.Response()
        response.status_code, response.request, response.url = answer, request, str(request.url)
        response.headers, response.raw = CaseInsensitiveDict(self.headers), BytesIO(self.says)
        return response

    def close(self) -> None:
        """Nothing to close."""

    def bodies(self) -> list[dict[str, Any]]:
        """What it heard, as JSON."""
        return [json.loads(request.body or b"") for request in self.heard]


@pytest.fixture
def receiver() -> Receiver:
    """Somebody listens."""
    return Receiver()


@pytest.fixture
def open_sandbox(receiver: Receiver) -> Iterator[OpenSandbox]:
    """Opens a sandbox with settings of its own; its webhooks come to the receiver, wherever they go."""
    opened: list[Flask] = []

    def session() -> requests.Session:
        session = requests.Session()
        session.mount("http://", receiver)
        session.mount("https://", receiver)
        return session

    def begin(**settings: Any) -> Sandbox:
        app = create_sandbox(SandboxSettings(**{"background": False, "webhook_url": HOOK_URL, **settings}))
        app.extensions["sandbox"].webhooks.open_session = session
        opened.append(app)
        sandbox = Sandbox(session_for(app), SANDBOX_URL)
        sandbox.issue_key("customer-1")
        return sandbox

    yield begin
    for app in opened:
        app.extensions["sandbox"].close()


NOT_ALLOWED = "target not allowed: it is not on this machine; --allow-remote-webhooks allows it"


def charge(sandbox: Sandbox, merchant_uid: str = "order-1", **more: Any) -> dict[str, Any]:
    """Charge the stored card."""
    return dict(sandbox.call("POST", "/subscribe/payments/again", **ORDER, merchant_uid=merchant_uid, **more))


def resend(sandbox: Sandbox, webhook_id: int, how: str = "resend") -> dict[str, Any]:
    """Ask for a webhook again, or for one that was held."""
    reply = sandbox.session.post(f"{SANDBOX_URL}/_sandbox/webhooks/{webhook_id}/{how}")
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def test_only_what_the_guide_names_sends_a_webhook(open_sandbox: OpenSandbox, receiver: Receiver) -> None:
    """Approvals do; a declined charge does not, nor does a cancel unless it asks for one."""
    sandbox = open_sandbox()
    imp_uid = charge(sandbox)["response"]["imp_uid"]
    charge(sandbox, "order-2")
    sandbox.call("POST", "/subscribe/payments/onetime", **ORDER, **CARD, merchant_uid="order-3")
    sandbox.issue_key("customer-1", "4000-0000-0000-0341")
    assert charge(sandbox, "order-4")["response"]["status"] == "failed"
    sandbox.call("POST", "/payments/cancel", merchant_uid="order-2")
    cancelled = sandbox.call("POST", "/payments/cancel", imp_uid=imp_uid, amount=900, enable_webhook=True)
    sandbox.drain()
    told = [(body["merchant_uid"], body["status"]) for body in receiver.bodies()]
    assert told == [("order-1", "paid"), ("order-2", "paid"), ("order-3", "paid"), ("order-1", "cancelled")]
    [cancel] = cancelled["response"]["cancel_history"]
    assert receiver.bodies()[-1] == {
        "imp_uid": imp_uid,
        "merchant_uid": "order-1",
        "status": "cancelled",
        "cancellation_id": cancel["cancellation_id"],
    }


@pytest.mark.parametrize(("content_type", "media_type"), [("json", "json"), ("form", "x-www-form-urlencoded")])
def test_the_merchant_chooses_how_the_body_is_written(
    open_sandbox: OpenSandbox, receiver: Receiver, content_type: str, media_type: str
) -> None:
    """JSON or a form; the fields are the same."""
    sandbox = open_sandbox(webhook_content_type=content_type)
    payment = charge(sandbox)["response"]
    sandbox.drain()
    [request] = receiver.heard
    assert request.headers["Content-Type"] == f"application/{media_type}"
    body = json.loads(request.body or b"") if content_type == "json" else dict(parse_qsl(str(request.body)))
    assert body == {"imp_uid": payment["imp_uid"], "merchant_uid": "order-1", "status": "paid"}


def test_the_log_shows_what_went_out_and_what_came_back(open_sandbox: OpenSandbox, receiver: Receiver) -> None:
    """Its first bytes only, and no card number among them."""
    receiver.says = b"thanks 4242-4242-4242-4242 " + b"x" * 5000
    sandbox = open_sandbox()
    charge(sandbox)
    sandbox.drain()
    [hook] = sandbox.webhooks()
    [attempt] = hook["attempts"]
    assert (hook["state"], attempt["status"], attempt["error"]) == ("delivered", 200, None)
    assert attempt["request"]["headers"]["Content-Type"] == "application/json"
    assert json.loads(attempt["request"]["body"]) == hook["body"]
    assert attempt["response"]["body"].startswith("thanks … xxx")
    assert len(attempt["response"]["body"]) <= LONGEST_KEPT


def test_a_failed_webhook_is_left_alone_unless_resends_were_chosen(
    open_sandbox: OpenSandbox, receiver: Receiver
) -> None:
    """Sent once, however much time passes."""
    receiver.answers = [500]
    sandbox = open_sandbox(background=True)
    charge(sandbox)
    sandbox.drain()
    sandbox.advance(hours=1)
    [hook] = sandbox.webhooks()
    assert (hook["state"], hook["resend_at"], len(hook["attempts"])) == ("failed", None, 1)


@time_machine.travel("2026-11-02T03:00:00Z", tick=False)
@pytest.mark.parametrize("trouble", [500, 503, UNREACHABLE, requests.ReadTimeout("too slow")])
def test_resends_follow_a_minute_apart_on_the_sandboxs_clock(
    open_sandbox: OpenSandbox, receiver: Receiver, trouble: int | Exception
) -> None:
    """Five at most; real time stands still meanwhile."""
    receiver.answers = [trouble] * 10
    sandbox = open_sandbox(background=True, webhook_resends=5)
    charge(sandbox)
    assert sandbox.drain() == {"delivered": 0, "pending": 0}
    [hook] = sandbox.webhooks()
    assert hook["resend_at"] == hook["attempts"][0]["at"] + 60
    sandbox.advance(minutes=30)
    [hook] = sandbox.webhooks()
    times = [attempt["at"] for attempt in hook["attempts"]]
    assert [later - earlier for earlier, later in pairwise(times)] == [60] * 5
    assert (hook["state"], hook["resend_at"]) == ("failed", None)


def test_resends_end_with_the_first_that_arrives(open_sandbox: OpenSandbox, receiver: Receiver) -> None:
    """And the log keeps the ones before it."""
    receiver.answers = [500, UNREACHABLE, 200]
    sandbox = open_sandbox(background=True, webhook_resends=5)
    charge(sandbox)
    sandbox.drain()
    sandbox.advance(minutes=30)
    [hook] = sandbox.webhooks()
    assert [attempt["status"] for attempt in hook["attempts"]] == [500, None, 200]
    assert hook["state"] == "delivered"


@pytest.mark.parametrize("status", [400, 404, 302])
def test_what_another_try_cannot_mend_is_not_resent(open_sandbox: OpenSandbox, receiver: Receiver, status: int) -> None:
    """A 4xx is the shop's last word, and a redirect is not followed."""
    receiver.answers, receiver.headers = [status], {"Location": "http://localhost:8000/elsewhere"}
    sandbox = open_sandbox(background=True, webhook_resends=5)
    charge(sandbox)
    sandbox.drain()
    sandbox.advance(minutes=30)
    [hook] = sandbox.webhooks()
    assert (hook["state"], [attempt["status"] for attempt in hook["attempts"]]) == ("failed", [status])
    assert [request.url for request in receiver.heard] == [HOOK_URL]


def test_a_first_send_has_more_time_than_a_resend(open_sandbox: OpenSandbox, receiver: Receiver) -> None:
    """10 s to connect and 30 s to answer; then 15 s altogether, whoever asks for it."""
    sandbox = open_sandbox()
    charge(sandbox)
    sandbox.drain()
    resend(sandbox, sandbox.webhooks()[0]["id"])
    first, again = receiver.limits
    assert (first.connect_timeout, first.read_timeout, first.total) == (10, 30, None)
    assert again.total == 15


def test_a_held_webhook_waits_until_it_is_released(open_sandbox: OpenSandbox, receiver: Receiver) -> None:
    """Then it is a first send; asked for again, it arrives again."""
    sandbox = open_sandbox()
    sandbox.fault("webhook", "hold")
    charge(sandbox)
    sandbox.drain()
    [hook] = sandbox.webhooks()
    assert (hook["state"], receiver.heard) == ("held", [])
    assert resend(sandbox, hook["id"], "release")["state"] == "delivered"
    assert len(resend(sandbox, hook["id"])["attempts"]) == 2
    assert receiver.bodies() == [hook["body"]] * 2
    assert sandbox.session.post(f"{SANDBOX_URL}/_sandbox/webhooks/99/resend").status_code == 400


def test_a_repeated_webhook_arrives_twice_and_a_dropped_one_never(
    open_sandbox: OpenSandbox, receiver: Receiver
) -> None:
    """Both are in the log."""
    sandbox = open_sandbox()
    sandbox.fault("webhook", "repeat")
    charge(sandbox)
    sandbox.fault("webhook", "drop")
    charge(sandbox, "order-2")
    sandbox.drain()
    assert [body["merchant_uid"] for body in receiver.bodies()] == ["order-1", "order-1"]
    assert [hook["state"] for hook in sandbox.webhooks()] == ["delivered", "delivered", "dropped"]
    assert [hook["reason"] for hook in sandbox.webhooks()] == ["fault: repeat", "fault: repeat", "a fault dropped it"]


def test_a_webhook_arrives_before_the_reply_when_it_is_wanted_first(
    open_sandbox: OpenSandbox, receiver: Receiver
) -> None:
    """Otherwise the reply does not wait for it."""
    sandbox = open_sandbox()
    charge(sandbox)
    assert receiver.heard == []
    sandbox.fault("webhook", "first")
    charge(sandbox, "order-2")
    assert [body["merchant_uid"] for body in receiver.bodies()] == ["order-2"]


@time_machine.travel("2026-11-02T03:00:00Z", tick=False)
def test_a_delayed_webhook_is_due_by_the_sandboxs_clock(open_sandbox: OpenSandbox, receiver: Receiver) -> None:
    """Two minutes later on that clock, while real time stands still."""
    sandbox = open_sandbox(background=True)
    sandbox.fault("webhook", "delay", seconds=120)
    charge(sandbox)
    sandbox.advance(seconds=60)
    assert receiver.heard == []
    sandbox.advance(seconds=61)
    [hook] = sandbox.webhooks()
    assert hook["state"] == "delivered"
    assert hook["attempts"][0]["at"] - hook["at"] == 120


def test_the_payments_own_address_wins(open_sandbox: OpenSandbox, receiver: Receiver) -> None:
    """`notice_url` over the merchant's, for its cancels as well."""
    sandbox = open_sandbox()
    charge(sandbox, notice_url="http://127.0.0.1:8000/own")
    sandbox.call("POST", "/payments/cancel", merchant_uid="order-1", enable_webhook="true")
    sandbox.drain()
    assert [request.url for request in receiver.heard] == ["http://127.0.0.1:8000/own"] * 2


@pytest.mark.parametrize(
    "notice_url",
    [
        "http://example.com/hook",
        "http://127.0.0.1@example.com/",
        "http://example.com\\@127.0.0.1/",
        "http://example.com#@127.0.0.1/",
        "http://0.0.0.0/",
        "http://[::1",
        "ftp://127.0.0.1/",
        "//127.0.0.1/",
        "nonsense",
    ],
)
def test_no_webhook_leaves_this_machine_unless_that_was_allowed(
    open_sandbox: OpenSandbox, receiver: Receiver, notice_url: str
) -> None:
    """However the address is written, and not by asking for it again either; the payment is made all the same."""
    sandbox = open_sandbox()
    assert charge(sandbox, notice_url=notice_url)["response"]["status"] == "paid"
    sandbox.drain()
    [hook] = sandbox.webhooks()
    assert hook["reason"] == NOT_ALLOWED
    assert resend(sandbox, hook["id"])["state"] == "dropped"
    assert receiver.heard == []


def test_webhooks_go_to_other_machines_when_that_is_allowed(open_sandbox: OpenSandbox, receiver: Receiver) -> None:
    """And an address that is none is written down as a failure."""
    sandbox = open_sandbox(allow_remote_webhooks=True)
    charge(sandbox, notice_url="https://example.com/hook")
    charge(sandbox, "order-2", notice_url="nonsense")
    sandbox.drain()
    assert [request.url for request in receiver.heard] == ["https://example.com/hook"]
    [arrived, failed] = sandbox.webhooks()
    assert (arrived["state"], failed["state"]) == ("delivered", "failed")
    assert failed["attempts"][0]["error"] == "MissingSchema"


def test_the_command_refuses_a_webhook_url_on_another_machine() -> None:
    """In one line that names the option that allows it."""
    result = CliRunner().invoke(main, ["sandbox", "--port", "0", "--webhook-url", "http://example.com/hook"])
    assert result.exit_code == 1
    [line] = result.output.splitlines()
    assert "http://example.com/hook" in line
    assert "--allow-remote-webhooks" in line
