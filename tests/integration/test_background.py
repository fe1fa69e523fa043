"""The background keeps its hours: whatever pause it was given, and however long a mail server takes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text

from storefront import background
from storefront.billing.mailing import sending
from storefront.billing.mailing.carriers import CarrierError
from storefront.billing.reconciling import readiness, sweeping
from storefront.models import Mail, Sweep
from tests.conftest import Shop
from tests.integration.calendars import go_to_next
from tests.people import Sandbox, Shopper


class Passing(threading.Event):
    """An end that lets time pass instead of waiting, and counts how often the last sweep was too long ago."""

    def __init__(self, shop: Shop, looks: int) -> None:
        super().__init__()
        self.shop, self.looks, self.deaf = shop, looks, 0

    def wait(self, timeout: float | None = None) -> bool:
        """The pause between two looks."""
        self.shop.pass_time(seconds=timeout or 0)
        swept_at = sweeping.last_success(self.shop.billing)
        self.deaf += swept_at is None or self.shop.clock.now() - swept_at > readiness.DEAF_AFTER
        self.looks -= 1
        return self.looks < 0


@pytest.mark.parametrize("every_s", [5, 20, 60])
def test_a_worker_with_longer_pauses_sweeps_as_often(shop: Shop, every_s: float) -> None:
    """By time, and not by how often it has looked."""
    shop.reconcile()
    stop = Passing(shop, looks=130)

    background.reconcile_forever(shop.billing, every_s=every_s, stop=stop)

    assert stop.deaf == 0
    with shop.billing.database.reading() as session:
        sweeps = session.scalar(select(func.count(Sweep.id))) or 0
    assert sweeps <= 130 * every_s / 300 + 2


def test_a_mail_server_that_hangs_keeps_nobody_from_the_sweep(
    shop: Shop, shopper: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty mails, each ten seconds on a server that does not answer: they have a thread of their own."""
    shopper.buy()
    [mail] = sending.outbox(shop.billing)
    columns = {column.name: getattr(mail, column.name) for column in Mail.__table__.columns if column.name != "id"}
    with shop.billing.database.writing() as session:
        session.execute(insert(Mail), [{**columns, "key": f"mail:{number}"} for number in range(60)])

    class Hanging:
        def carry(self, *_mail: Any) -> None:
            shop.pass_time(seconds=10)
            raise CarrierError("TimeoutError")

    monkeypatch.setattr(sending, "carrier_for", lambda _settings: Hanging())
    shop.reconcile()
    stop = Passing(shop, looks=10)

    background.reconcile_forever(shop.billing, every_s=5, stop=stop)

    assert stop.deaf == 0
    background.send_mails_forever(shop.billing, every_s=5, stop=Passing(shop, looks=1))
    assert {mail.tries for mail in sending.outbox(shop.billing)} == {0, 1}


@pytest.fixture
def upgraded_by_others(shop: Shop) -> Iterator[None]:
    """A newer version is at work on the shop's database, which the next test has as well."""
    with shop.billing.database.writing() as session:
        session.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        session.execute(text("INSERT INTO alembic_version VALUES ('9999')"))
    yield
    with shop.billing.database.writing() as session:
        session.execute(text("DROP TABLE alembic_version"))


def test_a_worker_that_was_forgotten_while_others_upgraded_charges_nobody(
    shop: Shop,
    shopper: Shopper,
    sandbox: Sandbox,
    caplog: pytest.LogCaptureFixture,
    request: pytest.FixtureRequest,
) -> None:
    """It sends no mail either; it says what it found and what it needs."""
    shopper.subscribe()
    go_to_next(shop, shopper)
    request.getfixturevalue("upgraded_by_others")
    work = (background.renew_forever, background.reconcile_forever, background.send_mails_forever)

    for forever in work:
        forever(shop.billing, every_s=5, stop=Passing(shop, looks=1))

    assert sandbox.net() == 14_900
    assert {mail.tries for mail in sending.outbox(shop.billing)} == {0}
    assert [line.message for line in caplog.records if line.levelname == "ERROR"] == ["other_schema"] * len(work)
