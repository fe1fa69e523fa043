"""The key that signs sessions, when the settings name none: made at the first start, and kept in a file ever after.

Whoever knows the key can be any shopper, so none that stands in a source or an example ever signs. It is kept beside
the database rather than in it: a copy of the orders, handed to somebody, opens no account.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

from storefront.config import SHORTEST_SECRET_KEY, SettingsError


def kept_in(file: Path | None) -> str:
    """The key in a file, made now if there is none. Processes that start at the same time share one.

    Args:
        file: where; None for a shop that keeps nothing, whose key lives as long as its process.

    Raises:
        SettingsError: the file cannot be used. The shop must not start.
    """
    if file is None:
        return _new()
    try:
        if not file.exists():
            _make(file)
        key = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise SettingsError([f"SECRET_KEY: none is set, and none can be kept in {file} ({reason})"]) from None
    if len(key) < SHORTEST_SECRET_KEY:
        raise SettingsError([f"SECRET_KEY: the one in {file} is too short; remove the file, or set one"])
    return key


def _new() -> str:
    return secrets.token_urlsafe(32)


def _make(file: Path) -> None:
    """Put a whole file in its place at once, unless somebody has been quicker."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=f".{file.name}-") as draft:  # its owner's only
        draft.write(_new())
        draft.flush()
        os.fsync(draft.fileno())
        try:
            os.link(draft.name, file)
        except FileExistsError:
            return
