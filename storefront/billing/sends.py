"""What is written down about a request to i'mport before it is sent, so that no crash forgets it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

FIRST_CHECK_AFTER = timedelta(minutes=1)
"""When `reconcile` first looks at it by itself; until then it is left to whoever wrote it down, and its answer is on the way."""


def about_to_be_sent(now: datetime) -> dict[str, Any]:
    """The columns of a charge that is committed now and sent right after, for the first time.

    Args:
        now: the moment of the transaction.
    """
    sent = {"created_at": now, "first_sent_at": now, "sent_at": now, "sends": 1}
    return sent | {"next_check_at": now + FIRST_CHECK_AFTER}
