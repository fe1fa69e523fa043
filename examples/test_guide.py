"""What the JTNet guide says and leaves out, one test each, against the sandbox: `docs/guide.md` quotes from here."""

import pytest
import requests

from storefront.sandbox import SandboxSettings
from storefront.sandbox.testing import running_sandbox

pytest_plugins = ["storefront.sandbox.pytest_plugin"]

WINDOW = {
    "pg": "jtnet",
    "pay_method": "card",
    "merchant_uid": "order-1",
    "name": "Bag",
    "amount": 9_900,
    "customer_uid": "card-1",
    "m_redirect_url": "http://127.0.0.1:3000/complete",
}
AGAIN = {"customer_uid": "card-1", "merchant_uid": "order-2", "amount": 9_900, "name": "Bag"}


def without(fields, name):
    """The same, with one of them left out."""
    return {key: value for key, value in fields.items() if key != name}


def test_pg_left_out_opens_the_only_setting(iamport_sandbox):
    assert iamport_sandbox.pay(without(WINDOW, "pg")).status == "paid"


@pytest.fixture
def two_settings():
    with running_sandbox(SandboxSettings(general_pg_id="general1m")) as sandbox:
        yield sandbox


def test_jtnet_alone_opens_the_first_of_several_settings_whether_it_stores_keys_or_not(two_settings):
    assert two_settings.pay(WINDOW).status == "paid"
    assert two_settings.ledger().captured == 9_900
    assert two_settings.ledger().billing_keys == []


def test_the_mid_of_recurring_payments_opens_the_setting_that_stores_keys(two_settings):
    two_settings.pay({**WINDOW, "pg": "jtnet.tpaytest2m"})
    assert [key.customer_uid for key in two_settings.ledger().billing_keys] == ["card-1"]


def test_a_mistyped_pg_opens_the_first_setting_without_a_word(two_settings):
    assert two_settings.pay({**WINDOW, "pg": "jtnet.tpaytest2"}).status == "paid"
    assert two_settings.ledger().billing_keys == []


def test_without_customer_uid_the_card_is_charged_and_no_key_is_stored(iamport_sandbox):
    assert iamport_sandbox.pay(without(WINDOW, "customer_uid")).status == "paid"
    assert iamport_sandbox.ledger().captured == 9_900
    assert iamport_sandbox.ledger().billing_keys == []


def test_amount_0_stores_the_key_and_captures_nothing(iamport_sandbox):
    assert iamport_sandbox.pay({**WINDOW, "amount": 0}).status == "paid"
    assert iamport_sandbox.ledger().captured == 0
    assert [key.customer_uid for key in iamport_sandbox.ledger().billing_keys] == ["card-1"]


def test_any_other_amount_is_charged(iamport_sandbox):
    iamport_sandbox.pay(WINDOW)
    assert iamport_sandbox.ledger("order-1").captured == 9_900


def test_a_name_used_again_takes_the_newest_card_without_a_word(iamport_sandbox):
    iamport_sandbox.pay({**WINDOW, "amount": 0})
    iamport_sandbox.pay({**WINDOW, "amount": 0, "merchant_uid": "order-9"}, card="decline-later")
    assert iamport_sandbox.call("POST", "/subscribe/payments/again", **AGAIN)["response"]["status"] == "failed"


@pytest.mark.parametrize(("sdk", "success"), [("old", True), ("new", None)])
def test_rsp_success_is_there_with_the_old_sdk_only(iamport_sandbox, sdk, success):
    ended = iamport_sandbox.pay(WINDOW, sdk=sdk)
    assert ended.status == "paid"
    assert ended.callback.get("success") == success


def test_a_phone_comes_back_by_m_redirect_url_and_calls_nothing_back(iamport_sandbox):
    ended = iamport_sandbox.pay(WINDOW, device="mobile")
    assert ended.callback is None
    assert ended.redirect.startswith("http://127.0.0.1:3000/complete?imp_uid=imp_")


def test_a_phone_without_m_redirect_url_never_comes_back(iamport_sandbox):
    ended = iamport_sandbox.pay(without(WINDOW, "m_redirect_url"), device="mobile")
    assert ended.status == "paid"
    assert "127.0.0.1:3000" not in str(ended.redirect)


def test_the_guides_charge_has_no_token(iamport_sandbox):
    iamport_sandbox.pay({**WINDOW, "amount": 0})
    reply = requests.post(f"{iamport_sandbox.url}/subscribe/payments/again", json=AGAIN, timeout=30)
    assert reply.status_code == 401
    assert iamport_sandbox.ledger().captured == 0


def test_the_guides_charge_has_no_name(iamport_sandbox):
    iamport_sandbox.pay({**WINDOW, "amount": 0})
    reply = iamport_sandbox.call("POST", "/subscribe/payments/again", **without(AGAIN, "name"))
    assert reply["code"] != 0
    assert iamport_sandbox.ledger().captured == 0


def test_code_0_is_not_success(iamport_sandbox):
    iamport_sandbox.pay({**WINDOW, "amount": 0}, card="decline-later")
    reply = iamport_sandbox.call("POST", "/subscribe/payments/again", **AGAIN)
    assert (reply["code"], reply["response"]["status"]) == (0, "failed")
    assert iamport_sandbox.ledger().captured == 0


def test_an_order_number_is_paid_once(iamport_sandbox):
    iamport_sandbox.pay({**WINDOW, "amount": 0})
    iamport_sandbox.call("POST", "/subscribe/payments/again", **AGAIN)
    assert iamport_sandbox.call("POST", "/subscribe/payments/again", **AGAIN)["code"] != 0
    assert iamport_sandbox.ledger().captured == 9_900


def test_the_key_stays_at_imports(iamport_sandbox):
    iamport_sandbox.pay({**WINDOW, "amount": 0})
    key = iamport_sandbox.call("GET", "/subscribe/customers/card-1")["response"]
    assert key["customer_uid"] == "card-1"
    assert "****" in key["card_number"]
    assert not any("bill" in name for name in key)
