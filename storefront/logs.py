"""The log: one line of JSON for each event, with the order and the request it belongs to.

What is logged is what the timeline says, once it is committed, and what went wrong. Neither holds a secret or a card
number: both are kept out where they would come in, not here.
"""

from __future__ import annotations

import json
import logging
import secrets
from contextvars import ContextVar
from datetime import UTC, datetime

request_id: ContextVar[str] = ContextVar("request_id", default="-")
"""Names the request, or the look of `reconcile`, that is being worked on."""


def new_request_id() -> str:
    """A name for one piece of work."""
    return secrets.token_hex(8)


class JsonLine(logging.Formatter):
    """A record as one line of JSON; an exception's lines are a field of it."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, event, request, and the record's own fields."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "request_id": request_id.get(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure() -> None:
    """Send the shop's log to the standard error; called once by each command that works."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLine())
    for name, level in (("storefront", logging.INFO), ("flask-limiter", logging.WARNING)):
        log = logging.getLogger(name)
        log.handlers, log.propagate = [handler], False
        log.setLevel(level)
