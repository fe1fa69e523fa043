"""How a payment went: every step in order, with what was said, and nothing that is nobody's business."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest
from flask import Flask

from storefront.clock import Clock
from storefront.config import Settings
from storefront.demo_sandbox import DemoSandbox
from storefront.web.inspector import sources, texts
from tests.conftest import SHOP_URL, Shop, shop_beside
from tests.people import Sandbox, Shopper


def how(shopper: Shopper, merchant_uid: str, language: str = "en") -> str:
    """The page."""
    reply = shopper.browser.get(f"/payments/{merchant_uid}/how", headers={"Accept-Language": language})
    assert reply.status_code == 200
    return str(reply.text)


def steps(page: str) -> list[str]:
    """What a screen reader hears: who told, asked or decided, and what."""
    found = re.findall(r'<span class="mr-who">(.*?)</span>\s*<strong>(.*?)</strong>', page, re.DOTALL)
    return [unescape(f"{who}: {what}") for who, what in found]


def test_a_first_payment_on_a_desktop(shopper: Shopper, shop: Shop) -> None:
    """Window, callback, look-up, webhook: each says who told, asked or decided, and whom."""
    paid = shopper.buy("pay")
    shop.deliver_webhooks()

    assert steps(how(shopper, paid["merchant_uid"])) == [
        "The shop decided: Wrote the order down first",
        "The shop asked i'mport: Told i'mport the amount in advance",
        "The browser asked i'mport: The page opened the payment window",
        "i'mport asked JTNet: To have the card company approve it",
        "i'mport told the browser: The window closed, and the page's callback was called",
        "The browser told the shop: The browser says the window has closed",
        "The shop asked i'mport: Asked i'mport itself",
        "The shop decided: Everything agrees with the order: paid",
        "The shop asked i'mport: Asked whether a billing key is stored",
        "The shop decided: The card is stored",
        "i'mport told the shop: A webhook arrived",
        "The shop asked i'mport: Asked i'mport itself",
    ]


def test_a_charge_whose_answer_was_lost_and_was_found_again(shopper: Shopper, sandbox: Sandbox) -> None:
    """JTNet was asked although the shop heard nothing; the look-up tells."""
    card = shopper.register_card()
    sandbox.fault("/subscribe/payments/again", "cut_after")
    charged = shopper.charged(card["id"])
    page = how(shopper, charged["merchant_uid"])

    assert steps(page) == [
        "The shop decided: Wrote the order down first",
        "The shop asked i'mport: Asked to charge the stored card",
        "i'mport asked JTNet: To charge the stored card",
        "The shop heard nothing from i'mport: No answer to the charge: it may have happened or not",
        "The shop asked i'mport: Asked i'mport itself",
        "The shop decided: Everything agrees with the order: paid",
    ]
    assert "<code>cut_after</code>" in page
    assert "They agree:" in page


def test_a_phone_comes_back_by_itself(shopper: Shopper, sandbox: Sandbox) -> None:
    """No callback; what the address says is told, and not believed."""
    order = shopper.order("pay")
    back = sandbox.pay(order, device="mobile")["redirect"]
    shopper.browser.get(back.removeprefix(SHOP_URL))

    assert steps(how(shopper, order["merchant_uid"]))[2:8] == [
        "The browser asked i'mport: The page opened the payment window",
        "i'mport asked JTNet: To have the card company approve it",
        "i'mport told the browser: The window sent the phone back to the shop",
        "The browser told the shop: The phone came back from the window",
        "The shop asked i'mport: Asked i'mport itself",
        "The shop decided: Everything agrees with the order: paid",
    ]


def test_amount_0_locks_no_amount_and_reads_the_key(shopper: Shopper) -> None:
    """And the trap is another one than that of a price."""
    page = how(shopper, shopper.buy("register")["merchant_uid"])

    assert "The shop asked i'mport: Asked whether a billing key is stored" in steps(page)
    assert "The shop asked i'mport: Told i'mport the amount in advance" not in steps(page)
    assert "“For display” is true of 0 alone" in unescape(page)


def test_a_renewal_shows_the_charge_that_was_replayed_with_a_new_token(shopper: Shopper, shop: Shop) -> None:
    """A month later the token is worth nothing: a 401, the same charge again, and one answer that counts."""
    shopper.subscribe()
    shop.pass_time(days=32)
    shop.renew()
    page = how(shopper, shopper.account()["payments"][0]["merchant_uid"])

    assert steps(page) == [
        "The shop decided: Wrote the order down first",
        "The shop asked i'mport: Asked to charge the stored card",
        "The shop asked i'mport: Asked to charge the stored card",
        "i'mport asked JTNet: To charge the stored card",
        "i'mport answered the shop: Read i'mport's answer to the charge",
        "The shop decided: Everything agrees with the order: paid",
        "The shop decided: The subscription's period is paid",
    ]
    assert re.findall(r"again · (HTTP \d+)", page) == ["HTTP 401", "HTTP 200"]


def test_a_forged_amount_goes_back_step_by_step(shopper: Shopper) -> None:
    """Refused, cancelled, its key deleted; in the end the books agree on nothing."""
    page = how(shopper, shopper.buy("pay", charge_amount=100)["merchant_uid"])

    assert steps(page)[7:14] == [
        "The shop decided: Not what was ordered: the money goes back",
        "The shop decided: Wrote the refund down first",
        "The shop decided: The key it issued is not wanted",
        "The shop asked i'mport: Asked to give the money back",
        "i'mport asked JTNet: To give the money back",
        "The shop decided: i'mport says it was cancelled",
        "The shop decided: i'mport confirms the refund",
    ]
    assert "i'mport holds ₩0 for this order, and the shop says the same." in unescape(page)


def test_a_declined_card_is_decided_by_i_mports_answer(shopper: Shopper) -> None:
    """Not by the callback's error."""
    told = steps(how(shopper, shopper.buy("pay", card="decline-limit")["merchant_uid"]))

    assert told.index("The shop asked i'mport: Asked i'mport itself") < told.index("The shop decided: Declined")


def test_ids_that_do_not_belong_together_are_shown_as_they_were_told(shopper: Shopper) -> None:
    """The browser's word in full, and that nothing came of it."""
    paid, order = shopper.buy("pay"), shopper.order("pay")
    shopper.post_json("/payments/complete", {"imp_uid": paid["imp_uid"], "merchant_uid": order["merchant_uid"]})
    page = how(shopper, order["merchant_uid"])

    assert steps(page)[-1].startswith("The shop decided: The message pairs ids")
    assert f'"imp_uid": "{paid["imp_uid"]}"' in unescape(page)


def test_a_lost_webhook_is_a_step_as_well(shopper: Shopper, sandbox: Sandbox) -> None:
    """After the window that would have sent it."""
    sandbox.fault("webhook", "drop")
    told = steps(how(shopper, shopper.buy("pay")["merchant_uid"]))

    assert told.index("i'mport told the shop: A webhook did not arrive") > told.index(
        "The browser asked i'mport: The page opened the payment window"
    )


def test_it_shows_what_was_sent_and_answered_and_no_secret(shopper: Shopper, shop: Shop) -> None:
    """The keys are the reader's own, in their shell."""
    card = shopper.register_card()
    page = unescape(how(shopper, shopper.charged(card["id"])["merchant_uid"]))

    assert "POST /subscribe/payments/again" in page
    assert f'"customer_uid": "{card["customer_uid"]}"' in page
    assert '"card_number": "42424242****4242"' in page
    assert 'imp_key=$IMP_KEY" --data-urlencode "imp_secret=$IMP_SECRET"' in page
    assert shop.billing.settings.imp_secret not in page
    assert "4242424242424242" not in page


def test_the_books_of_both_are_side_by_side(shopper: Shopper, shop: Shop, sandbox: Sandbox) -> None:
    """What was cancelled in the console is a difference until the shop has looked."""
    paid = shopper.buy("pay")
    sandbox.cancel_in_console(paid["imp_uid"])

    assert "i'mport holds ₩0, the shop knows of ₩14,900." in unescape(how(shopper, paid["merchant_uid"]))
    shop.deliver_webhooks()
    assert "i'mport holds ₩0 for this order, and the shop says the same." in unescape(
        how(shopper, paid["merchant_uid"])
    )


def test_when_the_sandbox_is_silent_the_shops_own_timeline_is_there(shopper: Shopper, shop: Shop) -> None:
    """And the page says what is missing."""
    paid = shopper.buy("pay")
    shop.app.extensions["demo_sandbox"] = DemoSandbox("http://127.0.0.1:1")
    page = how(shopper, paid["merchant_uid"])

    assert "The sandbox does not answer at the moment." in page
    assert "The shop decided: Everything agrees with the order: paid" in steps(page)


def test_it_is_its_owners_alone(shopper: Shopper, another_shopper: Shopper) -> None:
    """For everybody else there is no such page."""
    path = f"/payments/{shopper.buy('pay')['merchant_uid']}/how"

    assert path in shopper.browser.get(path.removesuffix("/how")).text
    assert path in shopper.browser.get("/account").text
    assert another_shopper.browser.get(path).status_code == 404
    assert shopper.browser.get("/payments/mr_nothing/how").status_code == 404


@pytest.mark.parametrize("real", [{"imp_live": True}, {"imp_api_url": "https://api.iamport.kr"}])
def test_where_real_money_may_move_there_is_no_such_page(
    real: dict[str, object], settings: Settings, sandbox_app: Flask, sandbox: Sandbox, clock: Clock
) -> None:
    """Not for its owner, and not as a link."""
    with shop_beside(replace(settings, **real), sandbox_app, sandbox, clock) as shop:  # type: ignore[arg-type]
        shopper = Shopper(shop.browser(), sandbox).sign_up()
        merchant_uid = shopper.order("register")["merchant_uid"]

        assert shopper.browser.get(f"/payments/{merchant_uid}/how").status_code == 404
        assert "/how" not in shopper.browser.get(f"/payments/{merchant_uid}").text


def test_every_function_that_a_step_names_is_shown(shopper: Shopper) -> None:
    """With its lines, as they are now; a renamed one would not even be imported."""
    places = {piece.place for piece in sources.pieces()}

    assert len(places) > 25
    for place in places:
        page = shopper.browser.get(f"/guide/code/{place}")
        assert page.status_code == 200, place
        assert f"{place.split('.')[-1].split(':')[-1]}(" in page.text


def test_the_guide_has_a_section_for_every_trap(shop: Shop) -> None:
    """A link into the guide leads to where it is told."""
    guide = shop.browser().get("/guide").text
    with shop.app.test_request_context():
        traps = {name: texts.trap(name, amount) for amount in (0, 14_900) for name in sources.SOURCES}
        sections = {trap.section for trap in traps.values() if trap}
    assert len(sections) > 5
    for section in sections:
        assert f'id="{section}"' in guide
