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


def found(connection: Connection) -> str | None:
    """The revision a database has been brought to, or None: it is empty, or was made by a test."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return str(connection.scalar(text("SELECT version_num FROM alembic_version")))
