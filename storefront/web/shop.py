"""What every view starts from: the shop's parts, who is signed in, what was asked for."""

from __future__ import annotations

import re
from typing import Any

from flask import abort, current_app, request
from flask_login import current_user

from storefront.billing import Billing
from storefront.config import Settings

_ORDER = re.compile(r"[A-Za-z0-9_-]{1,40}")


def billing() -> Billing:
    """What the billing modules need."""
    found: Billing = current_app.extensions["billing"]
    return found


def settings() -> Settings:
    """The settings."""
    return billing().settings


def shopper_id() -> int:
    """Who is signed in; only behind `login_required`."""
    return int(current_user.id)


def wants_json() -> bool:
    """Whether a program asks rather than a person."""
    best = request.accept_mimetypes.best_match(("text/html", "application/json"))
    return request.is_json or (best == "application/json" and request.accept_mimetypes[best] > 0)


def is_id(text: Any) -> bool:
    """Whether something can be an id of i'mport's or an order number of ours."""
    return isinstance(text, str) and _ORDER.fullmatch(text) is not None


def order_or_404(merchant_uid: str) -> str:
    """An order number out of a path; 404 for what cannot be one."""
    if not is_id(merchant_uid):
        abort(404)
    return merchant_uid


def storable(text: str) -> bool:
    """Whether every database takes a text: no lone surrogate, no NUL."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
