"""The small shops keep the rules of money that the docs preach."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.examples.files import take
from tests.examples.shops import Shop
from tests.examples.test_pytest_plugin import run_its_tests
from tests.people import Sandbox

AGAIN = "/subscribe/payments/again"


def test_a_bag_is_paid_and_another_one_with_the_stored_card(shop: Shop, sandbox: Sandbox) -> None:
    """The whole walk; the amount was locked before the window opened."""
    params = shop.bought()
    another = shop.charge_again(params["merchant_uid"])
    assert another["status"] == "paid"
    assert [sandbox.net(order) for order in (params["merchant_uid"], another["merchant_uid"])] == [9_900, 9_900]
    assert sandbox.stored_keys() == [params["customer_uid"]]
    assert sandbox.call("GET", f"/payments/prepare/{params['merchant_uid']}")["response"]["amount"] == 9_900


def test_a_card_is_kept_for_nothing_and_charged_later(shop: Shop, sandbox: Sandbox) -> None:
    """`amount: 0`: nothing is captured, and no amount is locked, for i'mport does not say what locking 0 would mean."""
    params = shop.order("/register")
    assert params["amount"] == 0
    assert shop.come_back(sandbox.pay(params)["imp_uid"], params["merchant_uid"]) == "paid"
    assert (sandbox.ledger()["captured"], sandbox.stored_keys()) == (0, [params["customer_uid"]])
    assert sandbox.requests("/payments/prepare") == []
    assert shop.charge_again(params["merchant_uid"])["status"] == "paid"
    assert sandbox.net() == 9_900


def test_a_key_for_nothing_does_not_pay_an_order(shop: Shop, sandbox: Sandbox) -> None:
    """A page that was tampered with asks for 0 won: no bag, and no cancel of 0, which would cancel everything."""
    params = shop.order()
    forged = sandbox.pay({**params, "merchant_uid": params["merchant_uid"]}, charge_amount=0)
    assert shop.come_back(forged["imp_uid"], params["merchant_uid"]) != "paid"
    assert sandbox.requests("/payments/cancel") == []


def test_a_phone_comes_back_with_the_same_words(shop: Shop, sandbox: Sandbox) -> None:
    """`m_redirect_url` leads to the page that the desktop's callback leads to."""
    params = shop.order()
    redirect = sandbox.pay(params, device="mobile")["redirect"]
    assert redirect.startswith(f"{shop.url}/complete?")
    assert shop.session.get(redirect, timeout=30).json()["status"] == "paid"


@pytest.mark.parametrize("outcome", ["cancel", "close"])
def test_leaving_the_window_is_not_paying(shop: Shop, sandbox: Sandbox, outcome: str) -> None:
    """And the same window may be paid afterwards."""
    params = shop.order()
    left = sandbox.pay(params, outcome=outcome)
    assert shop.come_back(left["imp_uid"], params["merchant_uid"]) in ("ready", "failed")
    assert shop.come_back(sandbox.pay(params)["imp_uid"], params["merchant_uid"]) == "paid"
    assert sandbox.net() == 9_900


def test_code_0_is_not_success(shop: Shop, sandbox: Sandbox) -> None:
    """The card company declines the second charge."""
    params = shop.order()
    shop.come_back(sandbox.pay(params, "decline-later")["imp_uid"], params["merchant_uid"])
    assert shop.charge_again(params["merchant_uid"])["status"] == "failed"
    assert sandbox.net() == 9_900


def test_a_forged_amount_goes_back_to_the_won(shop: Shop, sandbox: Sandbox) -> None:
    """Captured behind the page's back, however often the browser says it is done."""
    params = shop.order()
    forged = sandbox.pay(params, charge_amount=100)
    for _ in range(2):
        assert shop.come_back(forged["imp_uid"], params["merchant_uid"]) != "paid"
    assert (sandbox.ledger()["captured"], sandbox.net()) == (100, 0)


def test_another_orders_payment_pays_nothing(shop: Shop, sandbox: Sandbox) -> None:
    """Nor is it given back: it belongs to somebody."""
    paid, unpaid = shop.bought(), shop.order()
    imp_uid = sandbox.ledger(paid["merchant_uid"])["payments"][0]["imp_uid"]
    assert shop.come_back(imp_uid, unpaid["merchant_uid"]) == "ready"
    assert (shop.status(paid["merchant_uid"]), sandbox.net()) == ("paid", 9_900)


def test_two_windows_of_one_order_leave_one_payment(shop: Shop, sandbox: Sandbox) -> None:
    """The later one goes back."""
    params = shop.bought()
    extra = sandbox.pay(params, late=True)
    assert shop.come_back(extra["imp_uid"], params["merchant_uid"]) == "paid"
    assert sandbox.net(params["merchant_uid"]) == 9_900


def test_a_webhook_alone_is_enough(shop: Shop, sandbox: Sandbox) -> None:
    """The browser never comes back, and nobody opens a page."""
    params = shop.order()
    sandbox.pay(params, outcome="lose_callback")
    assert sandbox.drain() == {"delivered": 1, "pending": 0}
    before = len(sandbox.requests())
    assert shop.status(params["merchant_uid"]) == "paid"
    assert len(sandbox.requests()) == before


def test_a_payment_nobody_told_of_is_found_when_the_order_is_opened(shop: Shop, sandbox: Sandbox) -> None:
    """Callback and webhook are lost."""
    params = shop.order()
    sandbox.fault("webhook", "drop")
    sandbox.pay(params, outcome="lose_callback")
    assert shop.status(params["merchant_uid"]) == "paid"


@pytest.mark.parametrize("kind", ["cut_after", "error_after", "garbage"])
def test_a_charge_whose_answer_is_lost_is_paid_exactly_once(shop: Shop, sandbox: Sandbox, kind: str) -> None:
    """It is looked up, not sent again."""
    params = shop.bought()
    sandbox.fault(AGAIN, kind)
    another = shop.charge_again(params["merchant_uid"])
    assert (another["status"], sandbox.net(another["merchant_uid"])) == ("paid", 9_900)
    assert len(sandbox.requests(AGAIN)) == 1


def test_a_charge_that_never_arrived_stays_open(shop: Shop, sandbox: Sandbox) -> None:
    """No money moved, and nothing is promised."""
    params = shop.bought()
    sandbox.fault(AGAIN, "cut_before")
    assert shop.charge_again(params["merchant_uid"])["status"] == "ready"
    assert sandbox.net() == 9_900


def test_nonsense_is_a_clear_4xx_or_changes_nothing(shop: Shop, sandbox: Sandbox) -> None:
    """No id that is no id becomes an address of i'mport's."""
    get, post = shop.session.get, shop.session.post
    assert get(f"{shop.url}/complete?imp_uid=../users/pg&merchant_uid=nobody", timeout=30).status_code == 404
    assert get(f"{shop.url}/orders/nobody", timeout=30).status_code == 404
    assert post(f"{shop.url}/again/nobody", timeout=30).status_code == 404
    for body in ({}, {"imp_uid": None}, {"imp_uid": ["x", "y"]}, {"imp_uid": {"a": 1}}, [7]):
        assert post(f"{shop.url}/webhook", json=body, timeout=30).status_code == 200
    assert sandbox.requests() == []


def test_the_tests_of_the_shop_and_of_the_guide_pass_with_the_plugin(tmp_path: Path) -> None:
    """Every warning an error."""
    take(tmp_path, "flask_shop.py", "test_flask_shop.py", "test_guide.py")
    assert "24 passed" in run_its_tests(tmp_path)


def test_the_express_shops_own_tests_pass(shop: Shop, sandbox: Sandbox, tmp_path: Path) -> None:
    """With nothing but Node's own test runner."""
    if "express" not in shop.session.get(shop.url, timeout=30).headers.get("X-Powered-By", "").lower():
        pytest.skip("these are the tests of another shop")
    take(tmp_path, "test_express_shop.mjs")
    done = subprocess.run(
        ["node", "--test", "test_express_shop.mjs"],
        cwd=tmp_path,
        env=os.environ | {"SANDBOX": sandbox.url, "SHOP": shop.url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "# pass 3" in done.stdout
