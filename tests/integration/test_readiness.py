"""`/readyz`: what a load balancer and whoever watches may rely on."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from storefront import create_app, revision, schema
from storefront.config import Settings
from tests.conftest import Browser, Shop
from tests.people import Sandbox


@pytest.fixture
def migrated(shop: Shop) -> Iterator[Shop]:
    """The shop with a database that was brought up to date by the migrations."""
    database = shop.billing.database
    with database.writing() as session:
        session.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        session.execute(text("INSERT INTO alembic_version VALUES (:needed)"), {"needed": revision.needed()})
    yield shop
    with database.writing() as session:
        session.execute(text("DROP TABLE alembic_version"))


def asked(app: Flask) -> tuple[int, dict[str, Any]]:
    """Status and body."""
    reply = Browser(app).get("/readyz")
    assert "Set-Cookie" not in reply.headers
    return reply.status_code, reply.json


def test_a_shop_that_has_everything_is_ready(migrated: Shop) -> None:
    """It says how long ago it has last heard of i'mport."""
    migrated.reconcile()
    migrated.pass_time(minutes=14)

    status, said = asked(migrated.app)

    assert status == 200
    assert said["ready"]
    assert said["database"] == {"ok": True}
    assert said["schema"] == {"ok": True, "found": revision.needed(), "needed": revision.needed()}
    assert 14 * 60 <= said["last_look"]["age_s"] < 15 * 60


def test_a_shop_that_does_not_hear_imports_news_is_not_ready(migrated: Shop, sandbox: Sandbox) -> None:
    """Neither before its first look nor after a quarter of an hour of silence; nor when a clock was wrong."""
    assert asked(migrated.app)[1]["last_look"] == {"ok": False, "age_s": None}
    migrated.reconcile()
    assert asked(migrated.app)[0] == 200

    sandbox.fault("/*", "error", times=0)
    migrated.pass_time(minutes=16)
    migrated.reconcile()
    status, said = asked(migrated.app)
    assert (status, said["ready"], said["last_look"]["ok"]) == (503, False, False)

    sandbox.mend()
    migrated.reconcile()
    assert asked(migrated.app)[0] == 200
    with migrated.billing.database.writing() as session:
        session.execute(text("UPDATE sweep SET started_at = :later"), {"later": "2099-01-01 00:00:00"})
    assert asked(migrated.app)[0] == 503
    migrated.reconcile()
    assert asked(migrated.app)[0] == 200


def test_a_schema_that_is_not_this_codes_is_named(migrated: Shop) -> None:
    """Too old, too new or none at all: nothing else is looked for in it."""
    migrated.reconcile()
    for statement, found in (
        ("UPDATE alembic_version SET version_num = '0001'", "0001"),
        ("DELETE FROM alembic_version", None),
    ):
        with migrated.billing.database.writing() as session:
            session.execute(text(statement))
        status, said = asked(migrated.app)
        assert (status, said["schema"]) == (503, {"ok": False, "found": found, "needed": revision.needed()})
        assert said["last_look"]["age_s"] is None


def test_the_newest_migration_is_what_an_upgraded_database_has(tmp_path: Any, settings: Settings) -> None:
    """The file's name is the revision's."""
    with shop_at(settings, f"sqlite:///{tmp_path / 'upgraded.sqlite'}") as app:
        database = app.extensions["billing"].database
        assert asked(app)[1]["schema"]["found"] is None
        schema.upgrade(database)
        assert asked(app)[1]["schema"] == {"ok": True, "found": revision.needed(), "needed": revision.needed()}


@contextmanager
def shop_at(settings: Settings, database_url: str) -> Iterator[Flask]:
    """A shop with another database."""
    app = create_app(replace(settings, database_url=database_url))
    yield app
    app.extensions["billing"].database.close()


def test_a_database_that_hangs_or_is_gone_is_said_within_a_second(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Without its address; whoever asks next is told at once, and `/healthz` is not held up."""
    pytest.importorskip("psycopg")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql+psycopg://shop:a-secret@127.0.0.1:{silent.getsockname()[1]}/shop"
        with shop_at(settings, url) as app, caplog.at_level(logging.INFO, "storefront"):
            for _ in range(2):
                status, said = asked(app)
                assert (status, said["database"]) == (503, {"ok": False, "reason": "it does not answer"})
            assert Browser(app).get("/healthz").status_code == 200
            assert [record.message for record in caplog.records] == ["not_ready"]
    with shop_at(settings, url) as app:
        status, said = asked(app)
        assert (status, said["database"]) == (503, {"ok": False, "reason": "OperationalError"})
