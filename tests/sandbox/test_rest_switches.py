"""Where the official sources disagree, the sandbox does what its settings say; the shop gets along with either."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from flask import Flask

from storefront.cli import main
from storefront.sandbox import SandboxSettings, create_sandbox
from tests.conftest import SHOP_URL
from tests.people import Sandbox, Shopper
from tests.servers import storefront

SCHEDULE = "/subscribe/payments/schedule"
DAY_S = 86_400


@pytest.fixture
def switched(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The settings of a story's sandbox; `@pytest.mark.parametrize("switched", …, indirect=True)` sets them."""
    return dict(getattr(request, "param", {}))


@pytest.fixture
def sandbox_app(switched: dict[str, Any]) -> Iterator[Flask]:
    """A sandbox with those settings."""
    app = create_sandbox(SandboxSettings(background=False, webhook_url=f"{SHOP_URL}/webhooks/iamport", **switched))
    yield app
    app.extensions["sandbox"].close()


def with_settings(*settings: dict[str, Any]) -> pytest.MarkDecorator:
    """Tell a story under each of these settings."""
    return pytest.mark.parametrize("switched", settings, indirect=True, ids=str)


@with_settings({}, {"unknown_key_is_404": True})
def test_an_unknown_key_is_200_or_404(sandbox: Sandbox, switched: dict[str, Any]) -> None:
    """The same text and code."""
    for method in ("GET", "DELETE"):
        reply = sandbox.send(method, "/subscribe/customers/nobody")
        assert (reply.status_code, reply.json()["code"]) == (404 if switched else 200, 1)


@with_settings({}, {"schedule_lists_are_arrays": True})
def test_schedules_are_listed_as_a_page_or_as_an_array(sandbox: Sandbox, switched: dict[str, Any]) -> None:
    """A page for the clients, an array for the description."""
    sandbox.issue_key("customer-1")
    charge = {
        "merchant_uid": "month-1",
        "schedule_at": sandbox.now() + DAY_S,
        "amount": 100,
        "name": "원두",
        "currency": "KRW",
    }
    sandbox.call("POST", SCHEDULE, customer_uid="customer-1", schedules=[charge])
    window = {"from": sandbox.now(), "to": sandbox.now() + 9 * DAY_S}
    for path in (SCHEDULE, f"{SCHEDULE}/customers/customer-1", "/subscribe/customers/customer-1/schedules"):
        listed = sandbox.send("GET", path, params=window).json()["response"]
        assert isinstance(listed, list) == bool(switched)
        [one] = listed if switched else listed["list"]
        assert one["merchant_uid"] == "month-1"


@with_settings({}, {"test_channel": True})
def test_a_test_channels_payment_is_shown_alone_only_to_who_asks_for_it(
    sandbox: Sandbox, switched: dict[str, Any]
) -> None:
    """Every other way to look shows it all the same, and a refusal says why. Without the switch nothing is hidden."""
    sandbox.issue_key("customer-1")
    order = {"customer_uid": "customer-1", "merchant_uid": "order-1", "amount": 100, "name": "원두"}
    payment = sandbox.call("POST", "/subscribe/payments/again", **order)["response"]
    alone = f"/payments/{payment['imp_uid']}"
    for query in ({}, {"include_sandbox": "false"}):
        reply = sandbox.send("GET", alone, params=query)
        assert reply.status_code == (404 if switched else 200), query
        if switched:
            assert reply.json() == {"code": -1, "message": "존재하지 않는 결제정보입니다.", "response": None}
            assert "test channel (--test-channel)" in reply.headers["X-Sandbox-Rule"]
            assert "include_sandbox=true" in reply.headers["X-Sandbox-Rule"]
    for path in (f"{alone}?include_sandbox=true", f"{alone}?include_sandbox=1", "/payments/find/order-1"):
        assert sandbox.call("GET", path)["response"] == payment
    for path in ("/payments/status/all", "/payments/findAll/order-1"):
        assert sandbox.call("GET", path)["response"]["list"] == [payment]
    assert sandbox.send("GET", "/payments", params={"imp_uid[]": payment["imp_uid"]}).json()["response"] == [payment]
    customer = sandbox.call("GET", "/subscribe/customers/customer-1")["response"]
    [setting] = sandbox.call("GET", "/users/pg")["response"]
    assert {payment["sandbox"], customer["sandbox"], setting["sandbox"]} == {bool(switched)}


@with_settings({}, {"cancelled_windows_stay_ready": True})
def test_a_window_that_its_buyer_cancels_leaves_a_payment_failed_or_ready(
    shopper: Shopper, sandbox: Sandbox, switched: dict[str, Any]
) -> None:
    """No money has moved for the shop, whichever it is, and the order can still be paid."""
    params = shopper.order("pay")
    result = sandbox.pay(params, outcome="cancel")
    payment = sandbox.call("GET", f"/payments/find/{params['merchant_uid']}")["response"]
    assert (payment["status"], result["status"]) == (("ready", "ready") if switched else ("failed", "failed"))
    assert (payment["failed_at"] == 0, payment["fail_reason"] is None) == (bool(switched), bool(switched))
    assert shopper.tell(result).status_code == 200
    assert shopper.payment(params["merchant_uid"])["net"] == 0
    shopper.buy("pay")
    assert sandbox.net() == 14_900


@with_settings({"decline_reason": "[T001] 카드사 점검 <b>중</b>"})
def test_a_decline_says_what_it_is_told_to_say(shopper: Shopper, sandbox: Sandbox) -> None:
    """In the window, by `again`, for a schedule; and the shop shows it as the text it is."""
    reason = "[T001] 카드사 점검 <b>중</b>"
    assert shopper.buy("pay", card="decline-limit")["fail_reason"] == reason
    sandbox.issue_key("customer-1", "4000-0000-0000-0341")
    order = {"customer_uid": "customer-1", "merchant_uid": "order-1", "amount": 100, "name": "원두"}
    assert sandbox.call("POST", "/subscribe/payments/again", **order)["response"]["fail_reason"] == reason
    charge = {
        "merchant_uid": "month-1",
        "schedule_at": sandbox.now() + DAY_S,
        "amount": 100,
        "name": "원두",
        "currency": "KRW",
    }
    sandbox.call("POST", SCHEDULE, customer_uid="customer-1", schedules=[charge])
    sandbox.advance(days=2)
    assert sandbox.call("GET", f"{SCHEDULE}/month-1")["response"]["fail_reason"] == reason


@with_settings({}, {"extra_fields": True})
def test_objects_may_have_a_field_that_nobody_knows(
    shopper: Shopper, sandbox: Sandbox, switched: dict[str, Any]
) -> None:
    """I'mport promises only that its objects do not shrink; the shop does not mind."""
    card = shopper.register_card()
    assert shopper.charged(card["id"])["status"] == "paid"
    customer_uid = sandbox.stored_keys()[0]
    charge = {
        "merchant_uid": "month-1",
        "schedule_at": sandbox.now() + DAY_S,
        "amount": 100,
        "name": "원두",
        "currency": "KRW",
    }
    objects = [
        *sandbox.call("GET", "/payments/status/all")["response"]["list"],
        sandbox.call("GET", f"/subscribe/customers/{customer_uid}")["response"],
        *sandbox.call("POST", SCHEDULE, customer_uid=customer_uid, schedules=[charge])["response"],
    ]
    assert len(objects) == 4
    assert {"sandbox_unknown_field" in one for one in objects} == {bool(switched)}


@with_settings({}, {"general_pg_id": "general1m"})
def test_a_setting_for_ordinary_payments_is_the_default_and_stores_no_keys(
    sandbox: Sandbox, switched: dict[str, Any]
) -> None:
    """Both lists begin with it. Only the other one's whole name, or its channel's, opens that."""
    mids = ["general1m", "tpaytest2m"] if switched else ["tpaytest2m"]
    settings = sandbox.call("GET", "/users/pg")["response"]
    assert [one["pg_id"] for one in settings] == mids
    public = sandbox.session.get(f"{sandbox.url}/users/pg/imp00000000", timeout=30).json()["data"]
    assert [one["pg_id"] for one in public] == mids
    ways: list[dict[str, Any]] = [
        *({"pg": pg} for pg in ("jtnet", "", "jtnet.tpaytest2", "nice.tpaytest2m", "jtnet.tpaytest2m")),
        *({"channelKey": one["channel_key"]} for one in settings),
        {},
    ]
    for position, way in enumerate(ways):
        params = {
            **way,
            "merchant_uid": f"order-{position}",
            "amount": 100,
            "name": "원두",
            "customer_uid": f"c-{position}",
        }
        stores_key = (
            not switched or way.get("pg") == "jtnet.tpaytest2m" or way.get("channelKey") == settings[-1]["channel_key"]
        )
        payment = sandbox.call("GET", f"/payments/{sandbox.pay(params)['imp_uid']}")["response"]
        assert payment["pg_id"] == ("tpaytest2m" if stores_key else "general1m"), way
        assert payment["pg_tid"].startswith(payment["pg_id"])
        assert (payment["customer_uid"] is not None) == (f"c-{position}" in sandbox.stored_keys()) == stores_key, way
        nothing = {**params, "merchant_uid": f"key-{position}", "customer_uid": f"k-{position}", "amount": 0}
        assert sandbox.pay(nothing)["status"] == ("paid" if stores_key else None), way


SWITCHES = {
    "unknown_key_is_404": ("--unknown-key-is-404", True),
    "schedule_lists_are_arrays": ("--schedule-lists-are-arrays", True),
    "test_channel": ("--test-channel", True),
    "older_clients": ("--older-clients", True),
    "cancelled_windows_stay_ready": ("--cancelled-windows-stay-ready", True),
    "extra_fields": ("--extra-fields", True),
    "luhn": ("--luhn", True),
    "general_pg_id": ("--general-pg-id=general1m", "general1m"),
    "confirm_as_form": ("--confirm-as-form", True),
    "decline_reason": ("--decline-reason=no", "no"),
}


def test_every_switch_is_explained_and_off_unless_it_is_set() -> None:
    """In the settings and in the command's help."""
    help_text = CliRunner().invoke(main, ["sandbox", "--help"]).output
    defaults = {field.name: field.default for field in fields(SandboxSettings)}
    for name, (option, value) in SWITCHES.items():
        assert f"{name}:" in str(SandboxSettings.__doc__)
        assert option.split("=")[0] in help_text
        assert defaults[name] in (None, not value)


def test_the_command_takes_every_switch(tmp_path: Path) -> None:
    """All at once."""
    with storefront(tmp_path, "sandbox", "--port", "0", *(option for option, _ in SWITCHES.values())) as running:
        session = requests.Session()
        session.trust_env = False
        sandbox = Sandbox(session, running.urls["sandbox"])
        assert sandbox.send("GET", "/subscribe/customers/nobody").status_code == 404
        sandbox.issue_key("customer-1", "4000-0000-0000-0341")
        customer = sandbox.call("GET", "/subscribe/customers/customer-1")["response"]
        assert (customer["sandbox"], "sandbox_unknown_field" in customer) == (True, True)
        window = {"from": sandbox.now(), "to": sandbox.now()}
        assert sandbox.send("GET", f"{SCHEDULE}/customers/customer-1", params=window).json()["response"] == []
        params = {"pg": "jtnet", "merchant_uid": "order-1", "amount": 100, "name": "원두"}
        assert sandbox.pay(params, outcome="cancel")["status"] == "ready"
        again = {"customer_uid": "customer-1", "merchant_uid": "order-2", "amount": 100, "name": "원두"}
        assert sandbox.call("POST", "/subscribe/payments/again", **again)["response"]["fail_reason"] == "no"
        session.close()
