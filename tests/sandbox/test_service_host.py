"""The service host without a browser: which PG settings there are, and frames that only wait."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import requests

from tests.people import Sandbox

CODE = "imp00000000"


def ask(sandbox: Sandbox, path: str, **query: str) -> requests.Response:
    """GET something of the service host."""
    return sandbox.session.get(f"{sandbox.url}{path}", params=query, timeout=30)


def test_apps_ask_for_the_settings_as_json(sandbox: Sandbox) -> None:
    """The first is the default one."""
    answer = ask(sandbox, f"/users/pg/{CODE}").json()

    [setting] = answer["data"]
    assert (answer["code"], setting["pg_provider"], setting["type"]) == (0, "jtnet", "payment")


@pytest.mark.parametrize("name", ["jQuery111306_1700000000000", "$", "a.b", "_x"])
def test_browsers_ask_for_the_settings_as_a_script(sandbox: Sandbox, name: str) -> None:
    """One call of the function they name, an agency's tier or not."""
    reply = ask(sandbox, f"/users/pg/{CODE}", callback=name, tier="A1B", _="1700000000000")

    assert reply.headers["Content-Type"].startswith("text/javascript")
    call = re.fullmatch(r"/\*\*/" + re.escape(name) + r"\((.*)\);", reply.text)
    assert call
    assert json.loads(call[1]) == ask(sandbox, f"/users/pg/{CODE}").json()


@pytest.mark.parametrize("name", ["", "alert(1)", "a b", "a\n", "콜백", "a;b", "<script>", "x" * 101])
def test_a_function_name_that_could_be_more_is_refused(sandbox: Sandbox, name: str) -> None:
    """Nothing of it is repeated."""
    reply = ask(sandbox, f"/users/pg/{CODE}", callback=name)

    assert reply.status_code == 400
    assert not name or name not in reply.text


def test_a_code_nobody_has_gets_no_settings(sandbox: Sandbox) -> None:
    """The SDK then makes one frame all the same, in which no window opens."""
    answer = ask(sandbox, "/users/pg/imp99999999").json()

    assert (answer["code"], answer["data"]) == (1, [])


@pytest.mark.parametrize("rest", ["", "/jtnet", "/jtnet/tpaytest7m", "?tier=A1B", "/jtnet/tpaytest7m?tier=A1B"])
def test_every_address_of_a_frame_answers_and_makes_no_payment(sandbox: Sandbox, rest: str) -> None:
    """Whoever may be around it; and nobody needs a token."""
    reply = ask(sandbox, f"/payments/ready/{CODE}{rest}")

    assert (reply.status_code, "frame-ancestors *" in reply.headers["Content-Security-Policy"]) == (200, True)
    assert sandbox.call("GET", "/payments/status/all")["response"]["total"] == 0


def test_a_phone_without_a_way_back_is_told_where_it_is(sandbox: Sandbox) -> None:
    """The text is the page's own, so it is shown as text."""
    reply = ask(sandbox, "/payments/fail", success="false", error_msg="<b>no</b>")

    assert reply.status_code == 200
    assert "&lt;b&gt;no&lt;/b&gt;" in reply.text


@pytest.mark.parametrize("name", ["service.iamport.kr", "cdn.iamport.kr", "api.iamport.kr"])
def test_it_answers_under_the_names_of_imports(sandbox: Sandbox, name: str) -> None:
    """For scripts and clients that know no other; what i'mport has not is there under no name but the machine's own."""
    for path in (f"/users/pg/{CODE}", f"/payments/ready/{CODE}"):
        assert sandbox.session.get(f"https://{name}{path}", timeout=30).status_code == 200
    for path in ("/_sandbox/", "/_sandbox/ledger"):
        assert sandbox.session.get(f"https://{name}{path}", timeout=30).status_code == 403


@pytest.mark.parametrize("name", ["evil.example", "service.iamport.kr.evil.example", "iamport.kr"])
def test_it_answers_under_no_other_name(sandbox: Sandbox, name: str) -> None:
    """A page elsewhere could make its own name point here."""
    assert sandbox.session.get(f"http://{name}/users/pg/{CODE}", timeout=30).status_code == 403


@pytest.mark.parametrize("custom_data", [{"bag": "한낮"}, ["a"], "text", 7])
def test_custom_data_comes_back_as_json_text(sandbox: Sandbox, custom_data: Any) -> None:
    """And a parameter nobody knows goes nowhere."""
    params = {"merchant_uid": "m1", "amount": 1_000, "customer_uid": "c1", "custom_data": custom_data, "unheard_of": 1}

    paid = sandbox.pay(params, sdk="old")

    payment = sandbox.call("GET", f"/payments/{paid['imp_uid']}?include_sandbox=true")["response"]
    assert json.loads(payment["custom_data"]) == custom_data
    assert payment["custom_data"] == paid["callback"]["custom_data"]
    assert "unheard_of" not in payment


@pytest.mark.parametrize("pg", ["html5_inicis", "jtnte", "jtnet.tpaytest9m"])
def test_a_pg_that_nobody_has_set_up_means_the_default_one(sandbox: Sandbox, pg: str) -> None:
    """Nothing is said about it, as at i'mport."""
    order = {"pg": pg, "merchant_uid": "mistyped-1", "amount": 1_000, "customer_uid": "customer-1"}

    paid = sandbox.pay(order)

    assert sandbox.net("mistyped-1") == 1_000
    payment = sandbox.call("GET", f"/payments/{paid['imp_uid']}?include_sandbox=true")["response"]
    assert payment["pg_provider"] == "jtnet"


def test_a_payment_has_started_when_its_window_was_opened(sandbox: Sandbox) -> None:
    """And not when somebody paid in it."""
    began = sandbox.now()
    order = {"pg": "jtnet", "merchant_uid": "slow-1", "amount": 1_000, "customer_uid": "customer-1"}
    window = ask(sandbox, "/payments/open", code=CODE, params=json.dumps(order), device="pc", sdk="old").url
    sandbox.advance(seconds=300)
    card = {"card_number": "4242-4242-4242-4242", "expiry": "1240", "birth": "900101", "pwd_2digit": "12"}
    sandbox.session.post(window, data={**card, "agree": "y", "action": "pay"}, timeout=30).raise_for_status()

    payment = sandbox.call("GET", "/payments/find/slow-1")["response"]

    assert payment["status"] == "paid"
    assert payment["started_at"] - began in (0, 1)
    assert payment["paid_at"] - began >= 300


@pytest.mark.parametrize("path", ["/users/pg/", "/vbanks", "/escrows/logis/imp_1"])
def test_every_address_of_the_api_is_written_down(sandbox: Sandbox, path: str) -> None:
    """With a slash too many, and where nothing is simulated; faults hold there as well."""
    sandbox.fault(path, "error")

    replies = [sandbox.send("GET", path) for _ in range(2)]

    assert replies[0].status_code == 500
    assert [call["status"] for call in sandbox.requests(path)] == [500, replies[1].status_code]
