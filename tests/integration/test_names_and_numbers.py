"""What a shopper types about themselves is accepted however it was spelled, and stored and sent plain."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from storefront.models import Payment
from tests.conftest import Shop
from tests.dressing import NAMES, PHONES, dressed_email, dressed_name, dressed_phone
from tests.people import Sandbox, Shopper

EMAIL = "achim@example.com"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(NAMES), phone=st.sampled_from(PHONES))
def test_a_form_dressed_up_in_any_way_is_taken_as_it_was_meant(
    shop: Shop, shopper: Shopper, data: st.DataObject, name: str, phone: str
) -> None:
    """Invisible characters, odd spaces and dashes, wide digits: the order has none of it, nor has the window."""
    typed = {
        "name": data.draw(dressed_name(name)),
        "email": data.draw(dressed_email(EMAIL)),
        "phone": data.draw(dressed_phone(phone)),
    }

    params = shopper.order("pay", **typed)

    sent = (params["buyer_name"], params["buyer_email"], params["buyer_tel"])
    assert sent == (name[:16], EMAIL, phone)
    with shop.billing.database.reading() as session:
        order = session.scalars(select(Payment).where(Payment.merchant_uid == params["merchant_uid"])).one()
    assert (order.buyer_name, order.buyer_email, order.buyer_phone) == (name, EMAIL, phone)


def test_an_account_is_found_under_its_address_however_it_is_typed(shop: Shop, sandbox: Sandbox) -> None:
    """Signing up and in, also with what a phone's keyboard adds."""
    form = {"name": "김아침", "email": "achim@example.com", "password": "good-morning-coffee"}
    assert Shopper(shop.browser(), sandbox).post("/signup", form).status_code == 303

    again = Shopper(shop.browser(), sandbox)
    assert again.post("/login", {**form, "email": "\u200bＡchim＠example.com \u00a0"}).status_code == 303
    another = Shopper(shop.browser(), sandbox)
    assert another.post("/signup", {**form, "email": "achim@example\ufe0f.com"}).status_code == 400


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("가" * 64, "가" * 16),
        ("가" * 15 + "👨‍👩‍👧" * 20, "가" * 15),
        ("Achim of the Morning Roast", "Achim of the Mor"),
    ],
    ids=["letters", "families", "words"],
)
def test_a_long_name_is_ours_in_full_and_imports_in_part(
    shopper: Shopper, sandbox: Sandbox, name: str, kept: str
) -> None:
    """The window and every later charge get what i'mport keeps, cut where people would."""
    params = shopper.order("register", name=name)
    shopper.tell(sandbox.pay(params))
    [card] = shopper.active_cards()
    shopper.charged(card["id"])

    assert params["buyer_name"] == kept
    [charge] = sandbox.requests("/subscribe/payments/again")
    assert json.loads(charge["body"])["buyer_name"] == kept
    assert name in shopper.browser.get("/checkout/noon?card=new").text


@pytest.mark.parametrize(
    "name",
    ["가" * 65, "e" + "\u0301" * 300, "\u200b\ufe0f", "a\0b"],
    ids=["long", "a heap of accents", "unseen", "NUL"],
)
def test_a_name_that_is_too_long_or_none_is_asked_for_again(shopper: Shopper, name: str) -> None:
    """At most 64 characters as people count them, and at least one that can be seen."""
    reply = shopper.post(
        "/checkout/morning", {"mode": "pay", "consent": "y", "email": EMAIL, "phone": PHONES[0], "name": name}
    )

    assert reply.status_code == 400
    assert shopper.account()["payments"] == []
