"""Which schema a database has and which one this code needs, told without Alembic's 11 MB."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection

_VERSIONS = Path(__file__).resolve().parent / "migrations" / "versions"


@cache
def needed() -> str:
    """The newest revision there is a migration for; their files' names begin with it."""
    return max(file.name.partition("_")[0] for file in _VERSIONS.glob("[0-9]*_*.py"))


def mismatch(connection: Connection) -> str | None:
    """What keeps this code from working with a database, and what helps; None if nothing does."""
    is_there = found(connection)
    if is_there == needed():
        return None
    if is_there is not None and is_there > needed():
        return newer(is_there)
    return "the database does not have this version's tables: run `storefront db upgrade` first"


def found(connection: Connection) -> str | None:
    """The revision a database has been brought to, or None: it is empty, or was made by a test."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    is_there: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return is_there  # None too once it was taken back to nothing


def newer(is_there: str) -> str:
    """What helps with a database that a newer version has been at: nothing here knows the way back."""
    return (
        f"the database is of a newer version (it has {is_there}, this one knows {needed()}):"
        " install that version, or restore the backup from before it"
    )
