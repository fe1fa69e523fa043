"""Being signed in: where it begins, what it survives, and what ends it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy import delete

from storefront import create_app, models, schema
from storefront.billing import shoppers
from storefront.config import Settings
from tests.conftest import Browser, Shop
from tests.people import PASSWORD, Sandbox, Shopper


def test_whoever_is_signed_in_stays_so_when_the_shop_is_started_again(
    settings: Settings, sandbox: Sandbox, tmp_path: Path
) -> None:
    """And in every process that serves it beside; the key they sign with was made at the first start."""
    settings = replace(settings, secret_key="", secret_key_file=tmp_path / "secret_key")
    one, other = create_app(settings), create_app(settings)
    schema.create(one.extensions["billing"].database)
    browser = Browser(one)
    Shopper(browser, sandbox).sign_up()

    assert browser.copy(other).get("/account").status_code == 200
    assert one.secret_key == (tmp_path / "secret_key").read_text()
    for app in (one, other):
        app.extensions["billing"].database.close()


def test_signing_out_ends_every_copy_of_the_cookie(shop: Shop, shopper: Shopper, another_shopper: Shopper) -> None:
    """Whoever kept one is a stranger from then on; nobody else is signed out."""
    thief = shopper.browser.copy()
    assert thief.get("/account").status_code == 200

    shopper.post("/logout", {})

    assert thief.get("/account").status_code == 303
    assert another_shopper.browser.get("/account").status_code == 200
    assert sign_in(shop, shopper, PASSWORD).status_code == 303


def test_a_new_password_ends_what_was_begun_with_the_old_one(shop: Shop, shopper: Shopper) -> None:
    """But not the session that it was changed in."""
    thief = shopper.browser.copy()
    form = {"current": PASSWORD, "password": "an-entirely-new-roast"}

    assert shopper.post("/account/password", form).headers["Location"] == "/account"

    assert "비밀번호를 바꿨고" in shopper.browser.get("/account").text
    assert thief.get("/account").status_code == 303
    assert sign_in(shop, shopper, PASSWORD).status_code == 400
    assert sign_in(shop, shopper, "an-entirely-new-roast").status_code == 303


def test_only_whoever_knows_the_password_changes_it(shop: Shop, shopper: Shopper) -> None:
    """A browser left open is not enough, nor a password that is none; nothing has changed then."""
    for form, named in (
        ({"current": "a-guess-of-mine", "password": "an-entirely-new-roast"}, "current-problem"),
        ({"current": PASSWORD, "password": "short"}, "password-problem"),
        ({"current": "", "password": ""}, "current-problem"),
    ):
        reply = shopper.post("/account/password", form)
        assert reply.status_code == 400
        assert f'id="{named}"' in reply.text
    assert shopper.browser.copy().get("/account").status_code == 200
    assert sign_in(shop, shopper, PASSWORD).status_code == 303


def test_of_two_changes_at_once_one_is_made(shop: Shop, shopper: Shopper, monkeypatch: pytest.MonkeyPatch) -> None:
    """The later one was allowed by a password that is none any more."""
    known = shoppers.authenticate(shop.billing, email=shopper.email, password=PASSWORD)
    assert known
    change = partial(shoppers.change_password, shop.billing, known.id, current=PASSWORD)

    def overtaken(password: str) -> str:
        monkeypatch.setattr("storefront.billing.shoppers.generate_password_hash", hashed)
        change(new="the-quicker-one")
        return hashed(password)

    hashed = shoppers.generate_password_hash
    monkeypatch.setattr("storefront.billing.shoppers.generate_password_hash", overtaken)
    with pytest.raises(shoppers.WrongPasswordError):
        change(new="the-slower-one")
    assert sign_in(shop, shopper, "the-quicker-one").status_code == 303


def test_after_a_restored_backup_an_old_cookie_opens_nobodys_account(shop: Shop, sandbox: Sandbox) -> None:
    """The next shopper gets the number of the one the backup does not know, and not their sessions."""
    forgotten = Shopper(shop.browser(), sandbox).sign_up()
    with shop.billing.database.writing() as session:
        session.execute(delete(models.Shopper))
    newcomer = Shopper(shop.browser(), sandbox).sign_up()

    assert forgotten.browser.get("/account").status_code == 303
    assert newcomer.browser.get("/account").status_code == 200


@pytest.mark.parametrize("name", ["1", "", "0", "None"])
def test_a_signed_cookie_that_names_a_shopper_by_number_is_worth_nothing(
    shop: Shop, shopper: Shopper, name: str
) -> None:
    """As those of earlier versions did."""
    old = shopper.browser.copy()
    signer = SecureCookieSessionInterface().get_signing_serializer(shop.app)
    assert signer
    old.set_cookie("morning_roast", signer.dumps({"_user_id": name, "_fresh": True}))

    assert old.get("/account").status_code == 303


def sign_in(shop: Shop, shopper: Shopper, password: str) -> Any:
    """The reply to a try with a password."""
    visitor = Shopper(shop.browser(), shopper.sandbox)
    return visitor.post("/login", {"email": shopper.email, "password": password})


@pytest.mark.parametrize(
    "common", ["password", "Passw0rd1", "12345678", "qwertyuiop", "iloveyou2", "20261124", "aaaaaaaaaaaa"]
)
def test_a_password_that_is_tried_first_is_refused(shop: Shop, shopper: Shopper, sandbox: Sandbox, common: str) -> None:
    """Where one signs up, and where one changes it; the message says why."""
    visitor = Shopper(shop.browser(), sandbox)
    replies = [
        visitor.post("/signup", {"name": "이새벽", "email": "dawn@example.com", "password": common}),
        shopper.post("/account/password", {"current": PASSWORD, "password": common}),
    ]

    for reply in replies:
        assert reply.status_code == 400
        assert "많이 쓰이는 비밀번호" in reply.text


@pytest.mark.parametrize(
    "good", ["아침마다 커피 한 잔", "x" * 8 + "Q7v" * 60, "correct horse battery", "dkssud-roast-7"]
)
def test_a_password_of_ones_own_is_accepted(shop: Shop, sandbox: Sandbox, good: str) -> None:
    """In any script and of any length that is stored."""
    form = {"name": "이새벽", "email": "dawn@example.com", "password": good}

    assert Shopper(shop.browser(), sandbox).post("/signup", form).status_code == 303
