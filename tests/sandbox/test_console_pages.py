"""Debugging with the console: one page for each thing, search by any id, and sending things again."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest
from flask import Flask

from tests.people import Sandbox
from tests.sandbox.test_console import faults, pay, press, see

AGAIN = "/subscribe/payments/again"
DAY_S = 86_400


def page_of(sandbox: Sandbox, tab: str, name: str) -> str:
    """The page of one thing."""
    return see(sandbox, f"{tab}/{quote(name, safe='')}")


def in_order(page: str, *texts: str) -> bool:
    """Whether a page says all of this, one after the other."""
    return re.search(".*".join(re.escape(text) for text in texts), page, re.DOTALL) is not None


@pytest.fixture
def story(sandbox: Sandbox) -> dict[str, str]:
    """A card stored in a window, a charge whose answer is lost, a look, and a scheduled charge a month later."""
    imp_uid = str(pay(sandbox, "order/1")["imp_uid"])
    key = "key_order/1"
    sandbox.fault(AGAIN, "error_after")
    sandbox.send("POST", AGAIN, json={"customer_uid": key, "merchant_uid": "again-1", "amount": 700, "name": "원두"})
    charge = {"merchant_uid": "month-1", "amount": 900, "name": "원두", "currency": "KRW"}
    charge |= {"schedule_at": str(sandbox.now() + DAY_S)}
    sandbox.call("POST", "/subscribe/payments/schedule", customer_uid=key, schedules=[charge])
    sandbox.advance(days=2)
    charged = sandbox.call("GET", "/payments/find/again-1")["response"]["imp_uid"]
    return {"imp_uid": imp_uid, "key": key, "charged": str(charged)}


def test_a_payments_page_tells_its_story_in_order(sandbox: Sandbox, story: dict[str, str]) -> None:
    """The request, what the fault left of its reply, the webhook, the moved clock and the look."""
    page = page_of(sandbox, "payments", story["charged"])
    happened = page[page.index('id="happened"') :]
    assert in_order(
        happened, f"POST {AGAIN}", "error_after", "went wrong", "/webhooks/iamport", "+172800 s", "GET /payments/find"
    )
    assert "month-1" not in happened
    assert re.search(r"data-copy\s+hidden>Copy</button>", happened)
    window = page_of(sandbox, "payments", story["imp_uid"])
    assert in_order(window, "/webhooks/iamport", "window: ended without a browser")


def test_whoever_shortens_an_address_gets_the_list_of_payments(sandbox: Sandbox, story: dict[str, str]) -> None:
    """With and without the slash that the address ends with."""
    for address in ("/_sandbox", "/_sandbox/", "/_sandbox/console", "/_sandbox/console/"):
        page = sandbox.session.get(sandbox.url + address, headers={"Accept": "text/html"})
        assert page.status_code == 200
        assert story["imp_uid"] in page.text


def test_things_that_belong_together_lead_to_each_other(sandbox: Sandbox, story: dict[str, str]) -> None:
    """The key, its payments and its schedule, both ways."""
    key = page_of(sandbox, "keys", story["key"])
    for tab, name in (("payments", story["imp_uid"]), ("payments", story["charged"]), ("schedules", "month-1")):
        assert f'/_sandbox/console/{tab}/{name}"' in key
        assert f'/_sandbox/console/keys/{story["key"]}"' in page_of(sandbox, tab, name)
    assert sandbox.session.get(f"{sandbox.url}/_sandbox/console/payments/imp_404").status_code == 404
    assert sandbox.session.get(f"{sandbox.url}/_sandbox/console/requests/1").status_code == 404


@pytest.mark.parametrize("tab", ["payments", "keys", "schedules", "requests", "webhooks"])
def test_every_list_is_searched_by_every_id(sandbox: Sandbox, story: dict[str, str], tab: str) -> None:
    """Also where a row spells another one; an id that nobody has finds nothing."""
    ids = {"payments": "charged", "keys": "charged", "requests": "charged", "webhooks": "key", "schedules": "key"}
    assert "Nothing like that." not in see(sandbox, tab, q=story[ids[tab]])
    assert "Nothing like that." not in see(sandbox, tab, q=story["key"])
    assert "Nothing like that." in see(sandbox, tab, q="imp_404")


def test_a_request_is_changed_and_sent_again(sandbox: Sandbox, story: dict[str, str]) -> None:
    """Through the same door, with a token of its own; it is in the list like every other one."""
    body = {"customer_uid": story["key"], "merchant_uid": "again-2", "amount": 500, "name": "원두"}
    assert press(sandbox, "send-again", method="POST", target=AGAIN, body=json.dumps(body)).status_code == 303
    assert sandbox.net("again-2") == 500
    last = sandbox.requests()[-1]
    assert (last["path"], last["code"], json.loads(last["body"])["amount"]) == (AGAIN, 0, 500)
    assert press(sandbox, "send-again", method="POST", target="//evil.example/", body="").status_code == 400
    assert press(sandbox, "send-again", method="TRACE", target="/payments", body="").status_code == 400


def test_a_webhook_is_changed_and_sent_again(sandbox: Sandbox) -> None:
    """To an address on this machine; elsewhere it is dropped, and says why."""
    body = json.dumps({"imp_uid": "imp_forged", "merchant_uid": "m1", "status": "paid"})
    press(sandbox, "send-again", method="WEBHOOK", target="http://127.0.0.1:9/hook", body=body)
    press(sandbox, "send-again", method="WEBHOOK", target="http://example.com/hook", body=body)
    sent, dropped = sandbox.webhooks()
    assert (sent["body"]["imp_uid"], sent["state"], len(sent["attempts"])) == ("imp_forged", "failed", 1)
    assert (dropped["state"], dropped["reason"].partition(":")[0]) == ("dropped", "target not allowed")
    assert press(sandbox, "send-again", method="WEBHOOK", target="http://127.0.0.1:9/", body="{").status_code == 400


def test_a_fault_at_an_address_without_operation_is_set_with_a_warning(sandbox: Sandbox) -> None:
    """Programs are told what the console asks people."""
    told = [
        sandbox.session.post(f"{sandbox.url}/_sandbox/faults", json={"path": path, "kind": "delay"})
        for path in ("/payments/nothing/here", "/payment/*", AGAIN, "webhook")
    ]
    assert [one.status_code for one in told] == [201] * 4
    assert [one.json()["id"] for one in told] == [1, 2, 3, 4]
    assert [one.json().get("warning") for one in told[2:]] == [None, None]
    for one, path in zip(told, ("/payments/nothing/here", "/payment/*"), strict=False):
        assert one.json()["warning"] == f"path: no operation answers at {path}, so this fault will not happen"


@pytest.mark.parametrize("path", [AGAIN, "/subscribe/payments/*"])
def test_a_fault_with_a_method_that_no_operation_there_has_is_set_with_a_warning(sandbox: Sandbox, path: str) -> None:
    """It waits for a request that nobody sends."""
    told = {
        method: sandbox.session.post(
            f"{sandbox.url}/_sandbox/faults", json={"path": path, "kind": "delay", "method": method}
        ).json()
        for method in ("POST", "PATCH")
    }
    assert "warning" not in told["POST"]
    assert f"no operation answers at PATCH {path}," in told["PATCH"]["warning"]


def test_usual_faults_take_one_press_and_unknown_paths_are_questioned(sandbox: Sandbox) -> None:
    """The question can be answered with yes."""
    page = see(sandbox, "payments")
    for preset in re.findall(r'name="preset"\s+value="(\w+)"', page):
        assert press(sandbox, "preset", preset=preset).status_code == 303
    assert len(faults(sandbox)) == page.count('name="preset"') > 5
    sandbox.mend()
    for path in ("/subscribe/payment/again", "/paymints/*", "/_sandbox/ledger"):
        refused = press(sandbox, "break", path=path, kind="error")
        assert refused.status_code == 400
        assert "No operation has this path" in refused.text
        assert press(sandbox, "break", path=path, kind="error", sure="y").status_code == 303
    for path in (AGAIN, "/payments/*", "/payments/imp_1", "/payments/im*", "/*", "webhook"):
        assert press(sandbox, "break", path=path, kind="drop" if path == "webhook" else "error").status_code == 303


def test_long_lists_come_in_pages(sandbox: Sandbox, sandbox_app: Flask) -> None:
    """Fifty lines each, with the sum of all."""
    store = sandbox_app.extensions["sandbox"].store
    facts = {"status": "paid", "amount": 10, "currency": "KRW", "channel": "api", "started_at": 7, "paid_at": 7}
    with store.transaction():
        for number in range(120):
            ids = {"imp_uid": f"imp_{number:03}", "merchant_uid": f"order_{number:03}"}
            store.insert("payment", **ids, **facts, updated_at=7, details="{}")
    first, last = see(sandbox, "payments"), see(sandbox, "payments", page="3")
    assert ("50 of 120" in first, "20 of 120" in last, "\u20a91,200" in first) == (True, True, True)
    assert (first.count("/_sandbox/console/payments/imp_"), last.count("/_sandbox/console/payments/imp_")) == (50, 20)
    assert ("Older" in first, "Newer" in first, "Older" in last, "Newer" in last) == (True, False, False, True)
    assert "1 of 1" in see(sandbox, "payments", q="order_007")


def test_starting_over_asks_first(sandbox: Sandbox) -> None:
    """Its button stands behind a question that says what goes."""
    page = see(sandbox, "payments")
    assert in_order(page, "<summary", "Reset everything", "all of it goes", "Yes, forget everything")
