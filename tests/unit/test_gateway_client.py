"""The client against the sandbox: the four outcomes of a charge, tokens, and paths nobody can leave."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest
import requests
from flask import Flask

from storefront.iamport import Iamport, RejectedError, SilenceError
from storefront.iamport.errors import UnauthorizedError
from tests.people import Sandbox
from tests.wsgi import SANDBOX_URL, WsgiAdapter, session_for

AGAIN = "/subscribe/payments/again"
BUYER = {"buyer_name": "김아침", "buyer_email": "achim@example.com", "buyer_tel": "010-1234-5678"}


@pytest.fixture
def gateway(sandbox_app: Flask) -> Iamport:
    """A client of the sandbox."""
    return Iamport(SANDBOX_URL, "sandbox_key", "sandbox_secret", session=session_for(sandbox_app))


def issue_key(sandbox: Sandbox, customer_uid: str, card: str = "approve") -> str:
    """Register a card through the window."""
    params = {"pg": "jtnet", "merchant_uid": f"reg_{customer_uid}", "amount": 0, "customer_uid": customer_uid}
    assert sandbox.pay(params, card)["status"] == "paid"
    return customer_uid


def charge(gateway: Iamport, customer_uid: str, merchant_uid: str = "mr_1", amount: int = 16_900) -> Any:
    """Charge a stored key."""
    return gateway.charge_again(
        customer_uid=customer_uid, merchant_uid=merchant_uid, amount=amount, name="한낮 원두", **BUYER
    )


def test_an_approved_charge_comes_back_paid(gateway: Iamport, sandbox: Sandbox) -> None:
    """Outcome one."""
    payment = charge(gateway, issue_key(sandbox, "card_1"))

    assert (payment.status, payment.amount, payment.captured) == ("paid", 16_900, True)
    assert sandbox.net("mr_1") == 16_900


def test_a_declined_charge_comes_back_failed_with_its_reason(gateway: Iamport, sandbox: Sandbox) -> None:
    """Outcome two: code 0 is not success."""
    payment = charge(gateway, issue_key(sandbox, "card_1", "decline-later"))

    assert (payment.status, payment.captured) == ("failed", False)
    assert payment.fail_reason
    assert sandbox.net() == 0


def test_a_refused_request_is_rejected_with_imports_text(gateway: Iamport) -> None:
    """Outcome three: no card company was asked."""
    with pytest.raises(RejectedError, match="등록되지 않은 구매자입니다") as caught:
        charge(gateway, "nobody")

    assert caught.value.code == 1


@pytest.mark.parametrize("kind", ["error", "error_after", "cut_before", "cut_after", "garbage"])
def test_everything_else_is_silence(gateway: Iamport, sandbox: Sandbox, kind: str) -> None:
    """Outcome four: it may have happened or not, and the client never sends it twice."""
    issue_key(sandbox, "card_1")
    sandbox.fault(AGAIN, kind)

    with pytest.raises(SilenceError):
        charge(gateway, "card_1")

    assert len(sandbox.requests(AGAIN)) == 1
    assert sandbox.net() == (16_900 if kind.endswith("after") or kind == "garbage" else 0)


def test_a_time_out_is_silence_and_names_no_address(sandbox_app: Flask) -> None:
    """An exception's text ends in a log."""

    class Slow(WsgiAdapter):
        def send(self, request: requests.PreparedRequest, **_options: Any) -> requests.Response:
            raise requests.ReadTimeout("http://localhost:8001/?_token=secret", request=request)

    session = requests.Session()
    session.mount("http://", Slow(sandbox_app))
    slow = Iamport(SANDBOX_URL, "sandbox_key", "sandbox_secret", session=session)

    with pytest.raises(SilenceError) as caught:
        slow.payment("imp_1")

    assert (str(caught.value), caught.value.__cause__) == (
        "no usable answer from i'mport to POST /users/getToken: no answer in time",
        None,
    )


@pytest.mark.parametrize("status", [400, 403, 408, 429, 500, 502, 503])
def test_a_status_without_an_envelope_is_no_answer(gateway: Iamport, sandbox: Sandbox, status: int) -> None:
    """An error page is not a refusal."""
    issue_key(sandbox, "card_1")
    sandbox.fault(AGAIN, "error", status=status)

    with pytest.raises(SilenceError):
        charge(gateway, "card_1")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    """The token would go wherever it points, and a POST would arrive as a GET."""
    asked: list[str] = []

    def elsewhere(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        asked.append(environ["PATH_INFO"])
        start_response(f"{status} Found", [("Location", "http://elsewhere.example/"), ("Content-Length", "0")])
        return [b""]

    client = Iamport(SANDBOX_URL, "key", "secret", session=session_for(elsewhere))
    with pytest.raises(SilenceError):
        client.payment("imp_1")
    assert asked == ["/users/getToken"]


def test_one_token_serves_a_thousand_charges(gateway: Iamport, sandbox: Sandbox) -> None:
    """It is kept until it is nearly over."""
    issue_key(sandbox, "card_1")

    for number in range(1000):
        charge(gateway, "card_1", f"mr_{number}", 1000)

    assert len(sandbox.requests("/users/getToken")) == 1
    assert sandbox.net() == 1_000_000


def test_many_threads_that_lost_the_token_ask_for_one(gateway: Iamport, sandbox: Sandbox) -> None:
    """Whoever comes second uses what the first one got."""
    gateway.payment("imp_1")
    gateway_token = len(sandbox.requests("/users/getToken"))
    sandbox.fault("/payments/imp_1", "unauthorized")

    threads = [Thread(target=gateway.payment, args=("imp_1",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(sandbox.requests("/users/getToken")) - gateway_token == 1


def test_a_lost_token_is_asked_for_again_once_and_the_call_replayed(gateway: Iamport, sandbox: Sandbox) -> None:
    """A 401 comes before the work, so a charge may be replayed after it."""
    issue_key(sandbox, "card_1")
    sandbox.fault(AGAIN, "unauthorized")

    assert charge(gateway, "card_1").status == "paid"
    assert [call["status"] for call in sandbox.requests(AGAIN)] == [401, 200]
    assert sandbox.net() == 16_900


def test_two_401s_are_silence(gateway: Iamport, sandbox: Sandbox) -> None:
    """No endless loop, and no refusal to act on."""
    issue_key(sandbox, "card_1")
    sandbox.fault(AGAIN, "unauthorized", times=0)

    with pytest.raises(UnauthorizedError):
        charge(gateway, "card_1")

    assert len(sandbox.requests(AGAIN)) == 2


def test_wrong_keys_are_silence_and_are_not_told(sandbox_app: Flask) -> None:
    """A shop with wrong keys must not fail its orders, nor print them."""
    stranger = Iamport(SANDBOX_URL, "sandbox_key", "not-the-secret", session=session_for(sandbox_app))

    with pytest.raises(UnauthorizedError) as caught:
        stranger.payment("imp_1")

    assert "not-the-secret" not in str(caught.value)


def test_a_token_is_renewed_before_it_runs_out(gateway: Iamport, sandbox: Sandbox, monkeypatch: Any) -> None:
    """Its life is counted from `expired_at − now`, by our own clock."""
    from storefront.iamport import token  # noqa: PLC0415

    began = token.time.monotonic()
    gateway.payment("imp_1")
    monkeypatch.setattr(token.time, "monotonic", lambda: began + 1800 - token.RENEW_EARLY_S - 5)
    gateway.payment("imp_1")
    assert len(sandbox.requests("/users/getToken")) == 1

    monkeypatch.setattr(token.time, "monotonic", lambda: began + 1800 - token.RENEW_EARLY_S + 5)
    gateway.payment("imp_1")
    assert len(sandbox.requests("/users/getToken")) == 2


def test_unknown_is_an_answer(gateway: Iamport) -> None:
    """Of a look-up; not of anything that moves money."""
    assert gateway.payment("imp_404") is None
    assert gateway.payments_of("mr_404") == []
    assert gateway.billing_key("card_404") is None
    assert gateway.prepared_amount("mr_404") is None
    gateway.delete_billing_key("card_404")
    gateway.unschedule("card_404")
    with pytest.raises(RejectedError):
        gateway.cancel(imp_uid="imp_404", amount=1, checksum=1, reason="test")


def test_a_404_of_somebody_else_is_silence(gateway: Iamport, sandbox: Sandbox) -> None:
    """A proxy's error page does not know what i'mport knows."""
    sandbox.fault("/payments/imp_1", "error", status=404)

    with pytest.raises(SilenceError):
        gateway.payment("imp_1")


@pytest.mark.parametrize("name", ["", "../users/getToken", "find/other", "a b", "a?b=c", "가", "x" * 81, "%2e%2e"])
def test_what_is_no_id_never_becomes_a_path(gateway: Iamport, sandbox: Sandbox, name: str) -> None:
    """Nothing is sent."""
    for ask in (gateway.payment, gateway.payments_of, gateway.billing_key, gateway.delete_billing_key):
        with pytest.raises(ValueError, match="not an id"):
            ask(name)

    assert sandbox.requests() == []


def test_an_amount_is_registered_once_and_again_only_if_it_is_the_same(gateway: Iamport) -> None:
    """Reloading the pay page is fine, another amount is not."""
    gateway.prepare("mr_1", 14_900)
    gateway.prepare("mr_1", 14_900)

    assert gateway.prepared_amount("mr_1") == 14_900
    with pytest.raises(RejectedError):
        gateway.prepare("mr_1", 100)


def test_an_amount_is_registered_when_imports_says_which(gateway: Iamport, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply of `code: 0` with nothing in it is none: what stands in the books is asked for."""
    call = Iamport._call

    def forgetful(client: Iamport, method: str, *request: Any, **options: Any) -> Any:
        return [] if method == "POST" else call(client, method, *request, **options)

    with monkeypatch.context() as patched:
        patched.setattr(Iamport, "_call", forgetful)
        with pytest.raises(SilenceError):
            gateway.prepare("mr_1", 14_900)
    gateway.prepare("mr_1", 14_900)
    monkeypatch.setattr(Iamport, "_call", forgetful)
    gateway.prepare("mr_1", 14_900)


def test_a_cancel_names_its_payment_and_never_everything(gateway: Iamport, sandbox: Sandbox) -> None:
    """0 would mean "the whole rest"."""
    payment = charge(gateway, issue_key(sandbox, "card_1"))

    with pytest.raises(ValueError, match="everything"):
        gateway.cancel(imp_uid=payment.imp_uid, amount=0, checksum=16_900, reason="test")
    with pytest.raises(RejectedError):
        gateway.cancel(imp_uid=payment.imp_uid, amount=900, checksum=900, reason="test")
    after = gateway.cancel(imp_uid=payment.imp_uid, amount=900, checksum=16_900, reason="test")

    assert (after.status, after.held) == ("cancelled", 16_000)
    assert sandbox.net("mr_1") == 16_000


def test_declined_attempts_do_not_hide_a_capture(gateway: Iamport, sandbox: Sandbox, monkeypatch: Any) -> None:
    """Every page is read until there is no next one."""
    monkeypatch.setattr("storefront.iamport.lists.PAGE_SIZE", 3)
    issue_key(sandbox, "card_bad", "decline-later")
    charge(gateway, issue_key(sandbox, "card_good"), "mr_other")
    for _ in range(7):
        charge(gateway, "card_bad", "mr_1")
    charge(gateway, "card_good", "mr_1")
    found = gateway.payments_of("mr_1")

    assert (len(found), sum(payment.captured for payment in found)) == (8, 1)


def test_a_window_of_time_lists_what_was_captured_in_it(gateway: Iamport, sandbox: Sandbox) -> None:
    """Oldest first; for what nobody told us."""
    began = datetime.now(UTC)
    issue_key(sandbox, "card_1")
    for number in range(3):
        charge(gateway, "card_1", f"mr_{number}")
    sandbox.advance(hours=2)
    charge(gateway, "card_1", "mr_late")

    window = (began - timedelta(seconds=5), began + timedelta(hours=1))
    found = [payment.merchant_uid for payment in gateway.payments_by_status("paid", *window)]

    assert found == ["reg_card_1", "mr_0", "mr_1", "mr_2"]


@pytest.mark.parametrize(
    "answer",
    [
        b"[]",
        b"null",
        b'{"code": "0"}',
        b'{"code": 0, "response": null}',
        b'{"code": 0, "response": []}',
        b'{"code": 0, "response": {"imp_uid": "imp_1"}}',
        b"[" * 30_000,
        b'{"code": 0, "response": {"list": 1}}',
        b"\xff\xfe",
    ],
)
def test_an_answer_of_the_wrong_shape_is_silence(answer: bytes) -> None:
    """Never an AttributeError in the middle of a payment."""

    def odd(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        body = answer
        if environ["PATH_INFO"] == "/users/getToken":
            body = b'{"code": 0, "response": {"access_token": "t", "now": 0, "expired_at": 1800}}'
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    gateway = Iamport(SANDBOX_URL, "key", "secret", session=session_for(odd))
    for ask in (gateway.payment, gateway.payments_of, gateway.prepared_amount):
        with pytest.raises(SilenceError):
            ask("mr_1")
    with pytest.raises(SilenceError):
        charge(gateway, "card_1")


def test_a_netrc_cannot_replace_our_token(sandbox_app: Flask, monkeypatch: Any, tmp_path: Any) -> None:
    """And no proxy of the environment sees it."""
    (tmp_path / "netrc").write_text("machine localhost login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    adapter = WsgiAdapter(sandbox_app)
    gateway = Iamport(SANDBOX_URL, "sandbox_key", "sandbox_secret")
    gateway._line._transport.session.mount("http://", adapter)

    gateway.payment("imp_1")

    assert not adapter.sent[-1].headers["Authorization"].startswith("Basic")
