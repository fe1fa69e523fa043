"""The console without a browser: what its pages say, and what its buttons do."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from flask import Flask

from storefront.sandbox import SandboxSettings, create_sandbox
from storefront.sandbox.server import create_server
from tests.people import Sandbox
from tests.wsgi import SANDBOX_URL, session_for

TABS = ("payments", "keys", "schedules", "requests", "webhooks", "faults")


def see(sandbox: Sandbox, tab: str, language: str = "en", **query: str) -> str:
    """A list of the console, as text."""
    reply = sandbox.session.get(
        f"{sandbox.url}/_sandbox/console/{tab}", params=query, headers={"Accept-Language": language}
    )
    assert reply.status_code == 200
    return html.unescape(reply.text)


def press(sandbox: Sandbox, act: str, **form: Any) -> requests.Response:
    """A button of the console."""
    headers = {"Accept-Language": "en", "Origin": sandbox.url}
    return sandbox.session.post(
        f"{sandbox.url}/_sandbox/console/{act}", data=form, headers=headers, allow_redirects=False
    )


def faults(sandbox: Sandbox) -> list[dict[str, Any]]:
    """The faults as the JSON addresses show them."""
    return list(sandbox.session.get(f"{sandbox.url}/_sandbox/faults").json()["faults"])


def pay(sandbox: Sandbox, merchant_uid: str, card: str = "approve") -> dict[str, Any]:
    """Somebody pays in a window."""
    params = {"merchant_uid": merchant_uid, "amount": 1_000, "customer_uid": f"key_{merchant_uid}", "name": "Coffee"}
    return sandbox.pay(params, card)


def curl_of(page: str) -> str:
    """The command in the first line of a list."""
    found = re.search(r'aria-label="curl">(.*?)</pre>', page, re.S)
    assert found
    return found[1]


@pytest.mark.parametrize("tab", TABS)
def test_a_page_speaks_one_language(sandbox: Sandbox, tab: str) -> None:
    """The browser's: no Korean on an English page, and Korean for everybody else."""
    sandbox.fault("/payments/*", "error")

    assert not re.search("[가-힣]", see(sandbox, tab, "en-GB"))
    for language in ("ko", "fr", ""):
        page = see(sandbox, tab, language)
        assert '<html lang="ko"' in page
        assert "남은 매출" in page


def test_a_list_is_filtered_by_word_and_by_state(sandbox: Sandbox) -> None:
    """Either alone and both together; what fits nothing says so."""
    pay(sandbox, "order_a")
    pay(sandbox, "order_b")
    pay(sandbox, "order_c", "decline-limit")

    assert re.findall(r"order_\w", see(sandbox, "payments", q="ORDER_A"))
    assert "order_b" not in see(sandbox, "payments", q="ORDER_A")
    failed = see(sandbox, "payments", state="failed")
    assert ("order_c" in failed, "order_a" in failed, "1 of 1" in failed) == (True, False, True)
    assert "Nothing like that." in see(sandbox, "payments", q="order_a", state="failed")
    assert '<option value="failed" selected' in failed


def test_a_request_shows_which_rule_it_broke_and_where_that_is_written(sandbox: Sandbox) -> None:
    """Beside its status, without opening it."""
    sandbox.call("POST", "/payments/cancel", imp_uid="imp_none")

    page = see(sandbox, "requests", q="/payments/cancel")

    assert sandbox.requests()[-1]["rule"] in page
    assert "V1 API description, POST /payments/cancel" in page


def test_every_kind_of_fault_is_set_from_the_form(sandbox: Sandbox) -> None:
    """With path, method, status, seconds and count; what is left empty has the usual value."""
    press(
        sandbox, "break", path="/payments/*", method="GET", kind="error_after", status="503", seconds="", times="3"
    ).raise_for_status()
    press(sandbox, "break", path="webhook", kind="delay", seconds="2.5", times="0").raise_for_status()

    first, second = faults(sandbox)
    names = ("path", "method", "kind", "status", "times", "left")
    assert [first[name] for name in names] == ["/payments/*", "GET", "error_after", 503, 3, 3]
    assert (second["path"], second["kind"], second["seconds"], second["times"]) == ("webhook", "delay", 2.5, 0)
    page = see(sandbox, "faults")
    assert "3 of 3 left" in page
    assert "until cleared" in page


def test_a_fault_says_how_often_it_is_left_to_happen(sandbox: Sandbox) -> None:
    """Used up, it stays in the list."""
    sandbox.fault("/payments/cancel", "error_after", times=2)
    for left in ("1 of 2 left", "0 of 2 left"):
        sandbox.session.post(f"{sandbox.url}/payments/cancel")
        assert left in see(sandbox, "faults")
    assert "used up" in see(sandbox, "faults")


BAD = [
    ({"path": "payments", "kind": "error"}, "A path begins with /"),
    ({"path": "", "kind": "error"}, "A path begins with /"),
    ({"path": "/payments", "kind": "drop"}, "This path cannot have that fault"),
    ({"path": "webhook", "kind": "cut_after"}, "This path cannot have that fault"),
    ({"path": "/payments", "kind": "error", "status": "200"}, "from 400 to 599"),
    ({"path": "/payments", "kind": "error", "status": "many"}, "from 400 to 599"),
    ({"path": "/payments", "kind": "delay", "seconds": "nan"}, "from 0 to 120"),
    ({"path": "/payments", "kind": "delay", "seconds": "1e9"}, "from 0 to 120"),
    ({"path": "/payments", "kind": "error", "times": "-1"}, "from 0 to 1,000,000"),
    ({"path": "/payments", "kind": "error", "method": "G T"}, "A method is"),
]


@pytest.mark.parametrize(("form", "why"), BAD)
def test_a_fault_that_cannot_be_set_is_explained_in_the_console(
    sandbox: Sandbox, form: dict[str, str], why: str
) -> None:
    """HTTP 400, the page with what is wrong, the form as it was typed, and no fault."""
    reply = press(sandbox, "break", **form)

    page = html.unescape(reply.text)
    assert reply.status_code == 400
    assert "This fault was not set." in page
    assert why in page
    for name in ("path", "status", "seconds", "times"):
        typed = re.search(rf'<input[^>]* name="{name}"[^>]* value="([^"]*)"', page)
        assert typed
        assert typed[1] == form.get(name, "")
    assert faults(sandbox) == []


def test_one_fault_is_cleared_and_the_others_stay(sandbox: Sandbox) -> None:
    """In the console and by JSON; used up, waiting and endless ones alike."""
    sandbox.fault("/payments/a", "error")
    sandbox.fault("/payments/b", "error", times=0)
    sandbox.fault("/payments/c", "error")
    first, endless, last = faults(sandbox)

    press(sandbox, "clear", id=endless["id"], tab="faults").raise_for_status()
    assert [fault["path"] for fault in faults(sandbox)] == ["/payments/a", "/payments/c"]

    sandbox.session.delete(f"{sandbox.url}/_sandbox/faults/{first['id']}").raise_for_status()
    assert faults(sandbox) == [last]


@pytest.fixture
def heard(sandbox_app: Flask) -> list[dict[str, Any]]:
    """The webhooks that reached the shop."""
    bodies: list[dict[str, Any]] = []

    def listen(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        bodies.append(json.load(environ["wsgi.input"]))
        start_response("200 OK", [])
        return []

    sandbox_app.extensions["sandbox"].webhooks.open_session = lambda: session_for(listen)
    return bodies


def test_a_webhook_is_held_released_sent_again_and_sent_twice(sandbox: Sandbox, heard: list[dict[str, Any]]) -> None:
    """Whatever has become of it; a held one is not sent by itself."""
    paid = pay(sandbox, "order_a")
    [hook] = sandbox.webhooks()

    press(sandbox, "hold", id=hook["id"], tab="webhooks").raise_for_status()
    sandbox.drain()
    assert (sandbox.webhooks()[0]["state"], heard) == ("held", [])
    assert 'action="/_sandbox/console/release"' in see(sandbox, "webhooks")

    for act, count in (("release", 1), ("send", 2), ("repeat", 4)):
        press(sandbox, act, id=hook["id"], tab="webhooks").raise_for_status()
        assert [body["imp_uid"] for body in heard] == [paid["imp_uid"]] * count
    press(sandbox, "hold", id=hook["id"]).raise_for_status()
    assert sandbox.webhooks()[0]["state"] == "delivered"


@pytest.mark.parametrize(("act", "form"), [("explode", {}), ("send", {"id": "x"}), ("send", {"id": "9" * 30})])
def test_a_button_that_is_not_there_does_nothing(sandbox: Sandbox, act: str, form: dict[str, str]) -> None:
    """404, and no stack trace."""
    assert press(sandbox, act, **form).status_code == 404


@pytest.mark.parametrize("act", ["break", "clear", "reset", "day"])
def test_another_page_may_press_no_button(sandbox: Sandbox, act: str) -> None:
    """A browser says where a form comes from."""
    form = {"path": "/payments", "kind": "error", "id": "1"}
    reply = sandbox.session.post(
        f"{sandbox.url}/_sandbox/console/{act}", data=form, headers={"Origin": "http://evil.example"}
    )

    assert reply.status_code == 403
    assert faults(sandbox) == []


def test_a_secret_of_ones_own_is_on_no_page() -> None:
    """The command names a variable; only the secret that everybody knows is written out."""
    app = create_sandbox(SandboxSettings(background=False, key="my_key", secret="my-own-secret"))
    sandbox = Sandbox(session_for(app), SANDBOX_URL)
    keys = {"imp_key": "my_key", "imp_secret": "my-own-secret"}
    sandbox.session.post(f"{SANDBOX_URL}/users/getToken", json=keys).raise_for_status()
    pay(sandbox, "order_a")
    for tab in TABS:
        assert "my-own-secret" not in see(sandbox, tab)
    assert "$IMP_SECRET" in curl_of(see(sandbox, "payments"))
    app.extensions["sandbox"].close()


def test_a_command_says_where_card_data_are_missing(sandbox: Sandbox) -> None:
    """They are kept nowhere, so whoever repeats the request writes them again."""
    sandbox.issue_key("key_1")

    command = curl_of(see(sandbox, "requests", q="/subscribe/customers/key_1"))

    assert command.startswith("# Card data are not kept")
    assert "4242" not in command


def test_programs_read_what_happened_around_an_order_and_nothing_of_others(sandbox: Sandbox) -> None:
    """The window's steps, the webhook, the look-ups with their answers; what is about nothing is refused."""
    paid = pay(sandbox, "order_a")
    pay(sandbox, "order_b")
    sandbox.drain()
    sandbox.call("GET", f"/payments/{paid['imp_uid']}")
    address = f"{sandbox.url}/_sandbox/history"
    happened = sandbox.session.get(address, params={"about": ["order_a", paid["imp_uid"]]}).json()["history"]

    assert sorted(one["kind"] for one in happened) == ["request", "webhook", "window"]
    assert json.loads(happened[-1]["reply"])["response"]["merchant_uid"] == "order_a"
    assert "order_b" not in json.dumps(happened)
    assert sandbox.session.get(address).status_code == 400


@pytest.fixture
def served() -> Iterator[Sandbox]:
    """A sandbox that other programs can reach."""
    app = create_sandbox(SandboxSettings(background=False, webhook_url=f"{SANDBOX_URL}/nobody"))
    server = create_server(app, "127.0.0.1", 0, map={})
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    with requests.Session() as session:
        session.trust_env = False
        yield Sandbox(session, f"http://localhost:{server.effective_port}")
    server.close()
    server.task_dispatcher.shutdown()
    app.extensions["sandbox"].close()


def paste(command: str) -> dict[str, Any]:
    """What a shell says to a command."""
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=30, check=True)
    return dict(json.loads(done.stdout))


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_commands_work_when_they_are_pasted(served: Sandbox) -> None:
    """The token is fetched on the way, and quotes, Korean and queries arrive as they were."""
    paid = pay(served, "order_a")
    served.call("GET", "/payments/find/nothing?sorting=started&_token=secret")
    served.call("GET", f"/payments?imp_uid[]={paid['imp_uid']}&merchant_uid[]=order_a")
    name = """It's "아침" $HOME"""
    served.call("POST", "/subscribe/payments/again", customer_uid="nobody", merchant_uid="m1", amount=1, name=name)

    assert paste(curl_of(see(served, "payments")))["response"]["imp_uid"] == paid["imp_uid"]
    assert paste(curl_of(see(served, "keys")))["response"]["customer_uid"] == "key_order_a"
    again = paste(curl_of(see(served, "requests", q="/subscribe/payments/again")))
    assert again["message"] == "등록되지 않은 구매자입니다."
    assert json.loads(served.requests("/subscribe/payments/again")[-1]["body"])["name"] == name
    both = paste(curl_of(see(served, "requests", q="imp_uid%5B%5D")))
    assert [one["imp_uid"] for one in both["response"]] == [paid["imp_uid"]]
    sought = curl_of(see(served, "requests", q="/payments/find/nothing"))
    assert "sorting=started" in sought
    assert "secret" not in sought.splitlines()[-1]
    assert paste(sought)["code"] == -1
    assert paste(curl_of(see(served, "requests", q="getToken")))["response"]["access_token"]
    served.fault("/payments/cancel", "error", times=2)
    assert paste(curl_of(see(served, "faults")))["id"] == 2
