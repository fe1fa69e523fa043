"""What every view starts from: the shop's parts, who is signed in, what was asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from flask import Flask, abort, current_app, g, request
from flask_login import current_user

from storefront.billing import Billing, prices
from storefront.billing.catalogue import Plan
from storefront.config import Settings

_LONGEST_NUMBER = 9
_ORDER = re.compile(r"[A-Za-z0-9_-]{1,40}")

PAGE_BUDGET_S = 2.0
"""How long a page waits for i'mport in all; the rest of its three seconds is ours."""


def init_app(app: Flask) -> None:
    """Give every request its own time to wait for i'mport."""
    app.config.setdefault("PAGE_BUDGET_S", PAGE_BUDGET_S)
    app.before_request(_begin)


def _begin() -> None:
    whole, budget_s = current_app.extensions["billing"], current_app.config["PAGE_BUDGET_S"]
    g.billing = whole if budget_s is None else whole.within(budget_s)


def billing() -> Billing:
    """What the billing modules need, for as long as a page may take."""
    found: Billing = g.billing
    return found


def unhurried_billing() -> Billing:
    """The same without an end: for what nobody expects within a page's time."""
    whole: Billing = current_app.extensions["billing"]
    return whole


def on_sale() -> Sequence[Plan]:
    """Every plan at today's price, asked for once a request."""
    if "plans" not in g:
        g.plans = prices.on_sale(billing())
    plans: Sequence[Plan] = g.plans
    return plans


def find_plan(code: str) -> Plan | None:
    """The plan of that code at today's price, or None if nothing of that name is sold."""
    return next((plan for plan in on_sale() if plan.code == code), None)


def plan_as_shown(code: str) -> Plan | None:
    """The plan that a form buys, or None if nothing of that name is sold; 409 if the form showed another price.

    A page may be older than today's price. Programs need not send what it showed.
    """
    plan = find_plan(code)
    if plan is not None and request.form.get(f"shown_{plan.code}", str(plan.price_krw)) != str(plan.price_krw):
        abort(409)
    return plan


def imports_is_silent() -> bool:
    """Whether i'mport has left something open that this page asked."""
    return not billing().gateway.heard_all


def settings() -> Settings:
    """The settings."""
    return unhurried_billing().settings  # also for a request that was turned away before it began


def only_in_the_demo() -> None:
    """Before each request of a blueprint that explains, plays or moves time: where real money moves, it does not exist."""
    if not settings().is_demo:
        abort(404)


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


def read_number(text: str) -> int | None:
    """A row's number or a page's out of an address or a form; None for what cannot be one."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER else None


def shown_number(field: str) -> int | None:
    """A number that a form of ours says it has shown; None if it says nothing, as a program's need not; 400 for what is none."""
    text = request.form.get(field)
    if text is None:
        return None
    number = read_number(text)
    if number is None:
        abort(400)
    return number


def number_or_404(text: str) -> int:
    """A row's number out of a path; 404 for what cannot be one."""
    number = read_number(text)
    if number is None:
        abort(404)
    return number


def storable(text: str) -> bool:
    """Whether every database takes a text: no lone surrogate, no NUL."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
