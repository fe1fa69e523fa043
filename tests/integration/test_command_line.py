"""The command line answers with a line and an exit code, whatever it is asked and whatever i'mport says."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from storefront import cli, schema, starting
from storefront.billing.attention import open_items
from storefront.billing.payments import settlement
from storefront.billing.subscriptions import standing
from storefront.config import SettingsError
from storefront.database import Database
from tests.conftest import Shop
from tests.people import Sandbox, Shopper

KEYS = {"IMP_CODE": "imp00000000", "IMP_KEY": "key", "IMP_SECRET": "secret", "IMP_API_URL": "http://localhost:9"}


def run(shop: Shop, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    """A command beside this shop."""
    monkeypatch.setattr(cli, "_billing", lambda: shop.billing)
    return CliRunner().invoke(cli.main, list(arguments))


@pytest.fixture
def stray(shop: Shop, sandbox: Sandbox) -> Any:
    """A payment that is nobody's, which waits for a person."""
    sandbox.pay({"pg": "jtnet", "merchant_uid": "nobodys", "amount": 700, "name": "tea"})
    shop.reconcile()
    [item] = open_items(shop.billing)
    return item


@pytest.mark.parametrize("what", ["a refund", "a card's removal"])
def test_reconcile_does_not_say_that_all_is_well_when_imports_did_not_answer(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Also about what comes after an order is decided."""
    payment = shopper.buy()
    if what == "a refund":
        sandbox.fault("/payments/cancel", "error", times=0)
        shopper.refund(payment["merchant_uid"])
    else:
        sandbox.fault("/subscribe/customers/*", "error", times=0)
        shopper.remove_card(shopper.active_cards()[0]["id"])

    said = run(shop, monkeypatch, "reconcile")

    assert said.exit_code == 2
    assert f"could not ask i'mport about: {payment['merchant_uid']}" in said.output


def test_a_payment_that_cannot_be_read_needs_a_person_and_is_no_silence(
    shop: Shop, shopper: Shopper, sandbox: Sandbox, sandbox_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I'mport was asked and has answered; at every look, for as long as it does so."""
    params = shopper.order("pay")
    result = sandbox.pay(params, outcome="lose_callback")
    books = sandbox_app.extensions["sandbox"].store
    books.write("UPDATE payment SET amount = ? WHERE imp_uid = ?", 14_900.5, result["imp_uid"])
    for _ in range(2):
        said = run(shop, monkeypatch, "reconcile")

        assert f"needs a person: unreadable {params['merchant_uid']}" in said.output
        assert said.exit_code == 1


def test_an_item_is_closed_with_a_reason_or_not_at_all(shop: Shop, stray: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing, or spaces, is none."""
    for why in ("", "  "):
        assert run(shop, monkeypatch, "attention", "close", str(stray.id), "--why", why).exit_code == 2
    assert [item.id for item in open_items(shop.billing)] == [stray.id]


@pytest.mark.parametrize("number", ["0", "99", "99999999999999999999", "x"])
@pytest.mark.parametrize("action", [["show"], ["close", "--why", "x"]])
def test_a_number_that_no_item_has_is_answered_by_a_line(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, action: list[str], number: str
) -> None:
    """However long it is."""
    said = run(shop, monkeypatch, "attention", *action, number)

    assert isinstance(said.exception, SystemExit)
    assert said.exit_code in (1, 2)


@pytest.mark.parametrize(
    "arguments",
    [
        ["worker", "--every", "nan"],
        ["worker", "--every", "inf"],
        ["worker", "--every", "-1"],
        ["worker", "--every", "0"],
        ["renew", "--dry-run", "--until", "9999-12-31"],
        ["run", "--port", "70000"],
        ["demo", "--port", "70000", "--no-browser"],
        ["demo", "--port", "0", "--sandbox-port", "70000", "--no-browser"],
        ["demo", "--port", "0", "--data", "a-file", "--no-browser"],
        ["sandbox", "--port", "70000"],
    ],
    ids=" ".join,
)
def test_a_wrong_argument_is_answered_before_anything_begins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str]
) -> None:
    """A pause that never ends, a port of no machine, a year that no calendar reaches, a folder that is a file."""
    monkeypatch.chdir(tmp_path)
    Path("a-file").touch()

    said = CliRunner().invoke(cli.main, arguments)

    assert said.exit_code == 2, said.output
    assert "Error: Invalid value" in said.output


@pytest.mark.parametrize("arguments", [["reconcile"], ["renew"], ["attention"], ["report", "--month", "2026-11"]])
def test_a_database_without_tables_is_no_persons_matter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str]
) -> None:
    """Nothing was looked at, and the line says what helps."""
    for name, value in {**KEYS, "DATABASE_URL": f"sqlite:///{tmp_path / 'shop.sqlite'}"}.items():
        monkeypatch.setenv(name, value)

    said = CliRunner().invoke(cli.main, arguments)

    assert said.exit_code == 2
    assert "run `storefront db upgrade` first" in said.output


@pytest.fixture
def newer_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer version has been at the database that the settings name."""
    url = f"sqlite:///{tmp_path / 'newer.sqlite'}"
    of_tomorrow = Database(url)
    schema.upgrade(of_tomorrow)
    with of_tomorrow.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    of_tomorrow.close()
    for name, value in {**KEYS, "DATABASE_URL": url}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("command", ["db upgrade", "reconcile", "renew", "attention", "report --month 2026-11"])
@pytest.mark.usefixtures("newer_database")
def test_a_newer_database_is_refused_by_a_line_that_says_what_helps(command: str) -> None:
    """No traceback, and no advice that cannot help."""
    said = CliRunner().invoke(cli.main, command.split())

    assert said.exit_code == 2, said.output
    assert "Error: the database is of a newer version (it has 9999" in said.output
    assert "db upgrade" not in said.output


@pytest.mark.usefixtures("newer_database")
def test_no_server_starts_on_a_newer_database() -> None:
    """It is said like any setting that does not fit."""
    with pytest.raises(SettingsError, match="newer version"):
        starting.app_from_environment()


@pytest.mark.parametrize("command", ["db upgrade", "reconcile", "renew", "attention"])
@pytest.mark.parametrize("what", ["the database", "the folder"])
def test_what_the_machine_does_not_give_is_said_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, what: str
) -> None:
    """A database server that is down, a folder that cannot be made."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "instance").write_text("a file")
    nowhere = "postgresql+psycopg://shop:s3cr3t@127.0.0.1:1/shop"
    for name, value in {**KEYS, "SECRET_KEY": "of-our-own", "DATABASE_URL": nowhere}.items():
        monkeypatch.setenv(name, value)
    if what == "the folder":
        monkeypatch.delenv("DATABASE_URL")

    said = CliRunner().invoke(cli.main, command.split())

    assert (said.exit_code, said.exception) == (2 if what == "the database" else 1, said.exception)
    assert isinstance(said.exception, SystemExit)
    assert said.output.startswith("Error: the database cannot be used" if what == "the database" else "Error: /")
    assert "s3cr3t" not in said.output


def test_reconcile_does_not_say_that_all_is_well_when_the_database_was_busy(
    shop: Shop, shopper: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is known of the order, and it needs no person."""
    order = shopper.order("pay")["merchant_uid"]

    def locked(*_arguments: Any, **_options: Any) -> None:
        raise OperationalError("UPDATE payment", {}, Exception("database is locked"))

    monkeypatch.setattr(settlement, "settle", locked)
    said = run(shop, monkeypatch, "reconcile")

    assert said.exit_code == 2
    assert f"{order}: the database did not take it" in said.output
    assert open_items(shop.billing) == []


def test_a_price_that_cannot_be_announced_to_everybody_now_is_said_again(
    shop: Shop, shopper: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of those it concerns kept changing; the second time reaches whoever is left."""
    shopper.subscribe()
    day = (shop.clock.now() + timedelta(days=40)).date().isoformat()

    with monkeypatch.context() as busy:
        busy.setattr(standing, "_ROUNDS", 0)
        said = run(shop, busy, "price", "morning", "15900", "--from", day)
    assert said.exit_code == 1
    assert "say it again" in said.output

    assert "asked 1" in run(shop, monkeypatch, "price", "morning", "15900", "--from", day).output
