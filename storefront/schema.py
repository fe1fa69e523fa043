"""The tables: made, and brought up to date.

The command line imports this module where it needs it: a running shop does without Alembic's 11 MB.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from storefront import revision as revisions
from storefront.database import Database
from storefront.models import Base

_LOCK = 2_026_11_24
"""Any number that nobody else locks in this database; held until the migration is committed."""
_MIGRATIONS = Path(__file__).resolve().parent / "migrations"


class NewerError(Exception):
    """A newer version has been at this database; the text says what helps."""


def create(database: Database) -> None:
    """Make every table at once, in an empty database. For tests; a shop's database is upgraded."""
    Base.metadata.create_all(database.engine)


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring a database to the newest schema, or to a revision, from whatever it is now, an empty one included."""
    with _migrating(database) as connection:
        is_there = revisions.found(connection) or ""
        if is_there > revisions.needed():
            raise NewerError(revisions.newer(is_there))
        command.upgrade(_config(connection), revision)


def downgrade(database: Database, revision: str) -> None:
    """Take a database back to a revision; `base` is an empty one."""
    with _migrating(database) as connection:
        command.downgrade(_config(connection), revision)


def differences(database: Database) -> list[object]:
    """What the models have and the database does not, or the other way round."""
    with _migrating(database) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _migrating(database: Database) -> Iterator[Connection]:
    """A connection for migrations, one at a time: shop and worker may be started together on an empty database.

    On SQLite a table is changed by dropping it, which foreign keys would forbid.
    """
    with database.writer.connect() as connection:
        on_sqlite = connection.dialect.name == "sqlite"
        if on_sqlite:
            _pragma_foreign_keys(connection, "OFF")
        else:
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        try:
            yield connection
            connection.commit()
        finally:
            connection.rollback()
            if on_sqlite:
                _pragma_foreign_keys(connection, "ON")


def _pragma_foreign_keys(connection: Connection, value: str) -> None:
    # On the driver's own connection: the pragma does nothing inside a transaction, and SQLAlchemy would begin one.
    connection.connection.cursor().execute(f"PRAGMA foreign_keys={value}")
