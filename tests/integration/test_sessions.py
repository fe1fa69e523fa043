"""Being signed in: where it begins, what it survives, and what ends it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from storefront import create_app, schema
from storefront.config import Settings
from tests.conftest import Browser
from tests.people import Sandbox, Shopper


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
