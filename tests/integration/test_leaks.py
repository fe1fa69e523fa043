"""Every journey with secrets we know, and then a search: they are nowhere."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from flask import Flask
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import SQLAlchemyError
from urllib3 import encode_multipart_formdata

from storefront.billing.orders import timeline
from storefront.iamport import Iamport, RejectedError, SilenceError
from storefront.logs import JsonLine
from storefront.models import Payment
from storefront.sandbox import SandboxSettings, create_sandbox
from storefront.sandbox.books.cards import BEHAVIOURS
from tests.conftest import SHOP_URL, Shop
from tests.people import Sandbox, Shopper

PASSWORD = "good-morning-coffee"
NUMBERS = [behaviour.number for behaviour in BEHAVIOURS]
SECRETS = {"imp_key": "k3y-of-a-merchant", "imp_secret": "s3cret-of-a-merchant", "card_number": NUMBERS[0]}


@pytest.fixture
def sandbox_app(tmp_path: Path) -> Iterator[Flask]:
    """A sandbox that keeps its state in a file which can be searched."""
    state = str(tmp_path / "sandbox.sqlite")
    app = create_sandbox(SandboxSettings(background=False, webhook_url=f"{SHOP_URL}/webhooks/iamport", state=state))
    yield app
    app.extensions["sandbox"].close()


class Recorder:
    """A browser that keeps every answer."""

    def __init__(self, browser: Any) -> None:
        self._browser, self.seen = browser, ""

    def get(self, path: str, **options: Any) -> Any:
        """GET, remembered."""
        return self._remember(self._browser.get(path, **options))

    def post(self, path: str, **options: Any) -> Any:
        """POST, remembered."""
        return self._remember(self._browser.post(path, **options))

    def _remember(self, reply: Any) -> Any:
        self.seen += f"{reply.headers}\n{reply.text}\n"
        return reply


def go_everywhere(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """Good journeys and bad ones, each fault once."""
    shopper.sign_up()
    for mode in ("pay", "register"):
        for card in ("approve", "decline-limit", "decline-later"):
            shopper.buy(mode, card=card)
    shopper.buy("pay", charge_amount=100)
    card = shopper.active_cards()[0]
    for kind in ("error", "cut_before", "cut_after", "garbage", "unauthorized", "error_after"):
        sandbox.fault("/subscribe/payments/again", kind)
        shopper.charged(card["id"])
    paid = shopper.buy("pay")
    sandbox.fault("/payments/cancel", "garbage")
    shopper.refund(paid["merchant_uid"])
    shopper.post("/login", {"email": shopper.email, "password": "wrong-" + PASSWORD})
    shopper.post("/signup", {"name": "x" * 99, "email": "nobody", "password": PASSWORD})
    mine = shopper.order("pay")
    told = {"imp_uid": None, "merchant_uid": mine["merchant_uid"], "error_msg": f"card {NUMBERS[0]} was refused"}
    shopper.post_json("/payments/complete", told)
    shopper.browser.get(f"/payments/{mine['merchant_uid']}")
    shopper.remove_card(card["id"])
    shop.deliver_webhooks()
    shop.pass_time(hours=30)
    shop.reconcile()
    for path in ("/", "/account", "/nowhere", "/checkout/morning", "/login"):
        shopper.browser.get(path)
    for payment in shopper.account()["payments"]:
        shopper.browser.get(f"/payments/{payment['merchant_uid']}/how")
    for path in ("", "console/payments", "console/keys", "console/requests", "console/webhooks", "ledger", "requests"):
        sandbox.session.get(f"{sandbox.url}/_sandbox/{path}")


def every_row(shop: Shop) -> str:
    """Everything the shop's database holds."""
    engine = shop.billing.database.engine
    with engine.connect() as connection:
        tables = inspect(engine).get_table_names()
        rows = (connection.execute(text(f'SELECT * FROM "{table}"')) for table in tables)  # noqa: S608 - names are ours
        return "\n".join(str(row) for found in rows for row in found)


def ways_to_write(number: str) -> set[str]:
    """A card number as people and programs write it."""
    groups = [number[begin : begin + 4] for begin in range(0, 16, 4)]
    return {number, " ".join(groups), "-".join(groups)}


def test_secrets_and_card_numbers_are_nowhere(
    shop: Shop, sandbox: Sandbox, sandbox_app: Flask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Pages, headers, databases, timelines and logs."""
    caplog.set_level(logging.DEBUG)
    recorder = Recorder(shop.browser())
    go_everywhere(shop, Shopper(recorder, sandbox), sandbox)
    log = "\n".join(JsonLine().format(record) for record in caplog.records) + caplog.text
    access_token = sandbox_app.extensions["sandbox"].store.one("SELECT value FROM token")["value"]
    files = "".join(
        path.read_bytes().decode("latin-1") for path in tmp_path.iterdir() if path.name.startswith("sandbox.sqlite")
    )
    settings = shop.billing.settings
    numbers = [written for number in NUMBERS for written in ways_to_write(number)]
    places = {"pages": recorder.seen, "database": every_row(shop), "log": log}

    assert "paid" in log
    assert len(recorder.seen) > 100_000
    for place, content in places.items():
        for secret in (settings.secret_key, settings.imp_secret, PASSWORD, access_token, *numbers):
            assert secret not in content, (place, secret)
    for secret in (settings.imp_secret, PASSWORD, *numbers):
        assert secret not in files, secret


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (json.dumps(SECRETS), "application/json;charset=utf-8"),
        (json.dumps([SECRETS]), "application/json"),
        (json.dumps({"number": int(NUMBERS[0]), "numbers": [int(NUMBERS[0])]}), "application/json"),
        (urlencode({" imp_secret": SECRETS["imp_secret"]}), "application/x-www-form-urlencoded"),
        (json.dumps(SECRETS)[:-1], "application/json"),
        (json.dumps(SECRETS), "application/x-www-form-urlencoded"),
        (json.dumps(SECRETS), "text/plain"),
        (json.dumps(SECRETS), ""),
        (urlencode(SECRETS), "application/x-www-form-urlencoded"),
        (urlencode({f"{name}[]": secret for name, secret in SECRETS.items()}), "application/x-www-form-urlencoded"),
        encode_multipart_formdata(SECRETS, "boundary"),
        (encode_multipart_formdata(SECRETS, "boundary")[0], "multipart/form-data"),
        (encode_multipart_formdata(SECRETS, "boundary")[0], "multipart/form-data; boundary=another"),
    ],
)
def test_the_sandbox_writes_no_secret_down_however_it_is_sent(
    sandbox: Sandbox, body: str | bytes, content_type: str
) -> None:
    """Right, wrong or broken: its list of requests is for everybody to read."""
    url = f"{sandbox.url}/users/getToken"
    reply = sandbox.session.post(url, data=body, headers={"Content-Type": content_type})

    [call] = sandbox.requests()
    assert call["status"] == reply.status_code
    for secret in SECRETS.values():
        assert secret not in call["body"]


def test_the_sandbox_shows_what_is_no_secret_however_it_is_sent(sandbox: Sandbox) -> None:
    """Testers compare what their shop meant with what arrived."""
    harmless = {"merchant_uid": "order-1", "name": "아침 커피"}
    multipart, content_type = encode_multipart_formdata(harmless)
    url = f"{sandbox.url}/payments/prepare"
    sandbox.session.post(url, data=multipart, headers={"Content-Type": content_type})
    sandbox.session.post(url, data=harmless)
    sandbox.session.post(url, json=harmless)

    assert [json.loads(call["body"]) for call in sandbox.requests()] == [harmless] * 3


def test_an_event_is_one_line_with_its_order_and_its_request(
    shop: Shop, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """A machine can read it, and find a request's other lines."""
    caplog.set_level(logging.INFO, "storefront")
    shopper = Shopper(shop.browser(), sandbox).sign_up()
    params = shopper.order("pay")
    result = sandbox.pay(params)
    body = {"imp_uid": result["imp_uid"], "merchant_uid": result["merchant_uid"]}
    reply = shop.browser().post("/webhooks/iamport", json=body, headers={"X-Request-Id": "given-by-the-proxy"})
    [paid] = [record for record in caplog.records if record.message == "paid"]

    assert reply.headers["X-Request-Id"] == "given-by-the-proxy"
    fields = {"event": "paid", "merchant_uid": params["merchant_uid"], "amount": 14_900, "kind": "decided"}
    line = JsonLine().format(paid)
    assert "\n" not in line
    assert json.loads(line).items() >= fields.items()


def test_what_is_rolled_back_is_not_in_the_log_either(
    shop: Shop, shopper: Shopper, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even when a savepoint on the way was kept: the log tells of the past alone."""
    caplog.set_level(logging.INFO, "storefront")
    merchant_uid = shopper.order("pay")["merchant_uid"]
    now = shop.clock.now()

    def break_off() -> None:
        with shop.billing.database.writing() as session:
            payment = session.scalars(select(Payment).where(Payment.merchant_uid == merchant_uid)).one()
            timeline.write(session, payment, [timeline.decided(now, "never_happened")])
            with session.begin_nested():
                session.execute(text("SELECT 1"))
            raise LookupError

    with pytest.raises(LookupError):
        break_off()

    assert "never_happened" not in [record.message for record in caplog.records]


@pytest.mark.parametrize("given", ["", "short", "x" * 65, "two\nlines-of-it", "no spaces, please"])
def test_a_request_id_that_is_none_is_replaced(shop: Shop, given: str) -> None:
    """Nobody writes lines of their own into the log."""
    headers = {"X-Request-Id": given} if "\n" not in given else {}
    reply = shop.browser().get("/healthz", headers=headers)

    assert len(reply.headers["X-Request-Id"]) == 16


def test_a_databases_error_does_not_repeat_what_was_written(shop: Shop) -> None:
    """Its text ends in a log."""
    with pytest.raises(SQLAlchemyError) as caught, shop.billing.database.writing() as session:
        session.execute(text("INSERT INTO shopper (nowhere) VALUES (:secret)"), {"secret": PASSWORD})

    assert PASSWORD not in str(caught.value)


def test_a_silent_gateway_tells_its_kind_and_nothing_else(shop: Shop) -> None:
    """Neither address nor header."""

    def cut(*_arguments: Any, **_options: Any) -> requests.Response:
        raise requests.ConnectionError("https://api.iamport.kr/?_token=t0ken Authorization: t0ken")

    transport = shop.billing.gateway._line._transport
    transport.session.get_adapter(transport._api_url).send = cut  # type: ignore[method-assign]

    with pytest.raises(SilenceError) as caught:
        shop.billing.gateway.payment("imp_1")
    assert "t0ken" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("what", ["charge", "second send", "refund"])
def test_a_card_number_in_a_rejection_is_shown_to_nobody(
    shop: Shop,
    shopper: Shopper,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    what: str,
) -> None:
    """Neither on a page nor in the log, nor to the person who has to look."""
    caplog.set_level(logging.INFO)

    def reject(*_arguments: Any, **_order: Any) -> Any:
        raise RejectedError("POST", -1, f"카드번호 {NUMBERS[0]} 오류")

    if what == "refund":
        order = shopper.buy()["merchant_uid"]
        monkeypatch.setattr(Iamport, "cancel", reject)
        shopper.refund(order)
    else:
        card = shopper.register_card()
        if what == "second send":
            sandbox.fault("/subscribe/payments/again", "cut_before")
            order = shopper.charged(card["id"])["merchant_uid"]
            shop.pass_time(minutes=15)
        monkeypatch.setattr(Iamport, "charge_again", reject)
        if what == "charge":
            order = shopper.charged(card["id"])["merchant_uid"]
    report = shop.reconcile()

    page = shopper.browser.get(f"/payments/{order}").text
    logged = str([vars(record) for record in caplog.records if record.name.startswith("storefront")])
    told = f"{page}{shopper.payment(order)}{report}{logged}"
    assert "카드번호 **** 오류" in told
    assert NUMBERS[0] not in told
