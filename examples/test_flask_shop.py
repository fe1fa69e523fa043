"""Its tests, as another project writes them: the fixture `iamport_sandbox` is an i'mport of their own."""

import flask_shop
import pytest

pytest_plugins = ["storefront.sandbox.pytest_plugin"]  # or in the top conftest.py


@pytest.fixture
def shop(iamport_sandbox, monkeypatch):
    """The shop, with no orders, beside an i'mport where nobody has ever paid."""
    monkeypatch.setattr(flask_shop, "API", iamport_sandbox.url)
    monkeypatch.setattr(flask_shop, "orders", {})
    return flask_shop.app.test_client()


@pytest.fixture
def order(shop):
    """What the page would open the window with."""
    return flask_shop.checkout("http://127.0.0.1:9/")  # nobody there hears a webhook: these tests hand them over


def test_a_bag_is_paid(shop, order, iamport_sandbox):
    ended = iamport_sandbox.pay(order)  # the payment window, without a browser
    assert shop.get("/complete", query_string=ended.callback).json["status"] == "paid"
    assert iamport_sandbox.ledger(order["merchant_uid"]).net == 9_900


def test_a_card_is_kept_for_nothing_and_charged_later(shop, iamport_sandbox):
    order = flask_shop.checkout("http://127.0.0.1:9/", amount=0)
    shop.get("/complete", query_string=iamport_sandbox.pay(order).callback)
    assert iamport_sandbox.ledger().captured == 0
    assert [key.customer_uid for key in iamport_sandbox.ledger().billing_keys] == [order["customer_uid"]]
    assert shop.post(f"/again/{order['merchant_uid']}").json["status"] == "paid"
    assert iamport_sandbox.ledger().net == 9_900


def test_a_declined_charge_is_not_paid(shop, order, iamport_sandbox):
    shop.get("/complete", query_string=iamport_sandbox.pay(order, card="decline-later").callback)
    assert shop.post(f"/again/{order['merchant_uid']}").json["status"] == "failed"
    assert iamport_sandbox.ledger().net == 9_900


def test_a_charge_whose_answer_is_lost_is_paid_once(shop, order, iamport_sandbox):
    shop.get("/complete", query_string=iamport_sandbox.pay(order).callback)
    iamport_sandbox.faults.add("/subscribe/payments/again", "cut_after")
    answer = shop.post(f"/again/{order['merchant_uid']}").json
    assert answer["status"] == "paid"
    assert len(iamport_sandbox.ledger(answer["merchant_uid"]).payments) == 1


def test_a_forged_amount_goes_back(shop, order, iamport_sandbox):
    forged = iamport_sandbox.pay(order, charge_amount=100)
    assert shop.get("/complete", query_string=forged.callback).json["status"] != "paid"
    assert (iamport_sandbox.ledger().captured, iamport_sandbox.ledger().net) == (100, 0)


def test_a_webhook_comes_although_the_browser_never_does(shop, order, iamport_sandbox):
    iamport_sandbox.pay(order, outcome="lose_callback")
    [webhook] = iamport_sandbox.webhooks.all()
    shop.post("/webhook", json=webhook.body)
    assert flask_shop.orders[order["merchant_uid"]]["status"] == "paid"


def test_a_month_passes(shop, order, iamport_sandbox):
    iamport_sandbox.pay(order)
    due = iamport_sandbox.clock.now + 30 * 86_400
    renewal = {"merchant_uid": "renewal-1", "schedule_at": due, "amount": 9_900, "currency": "KRW", "name": "Bag"}
    schedule = {"customer_uid": order["customer_uid"], "schedules": [renewal]}
    iamport_sandbox.call("POST", "/subscribe/payments/schedule", **schedule)
    iamport_sandbox.clock.advance(days=31)
    assert iamport_sandbox.ledger("renewal-1").net == 9_900
