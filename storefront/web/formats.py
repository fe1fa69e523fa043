"""How money, time and cards are written on pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import wraps
from typing import Any

from flask import Flask
from flask_babel import format_date, format_datetime
from jinja2 import pass_context
from jinja2.runtime import Context

from storefront import wording
from storefront.billing.catalogue import find_plan, vat_part
from storefront.billing.payments.checkout import form_token
from storefront.models import Payment
from storefront.web.i18n import language, plan_text
from storefront.web.shop import on_sale

# A day is never torn at the end of a line. Patterns of our own: the locale data's short forms say AM and PM in the middle
# of a Korean date.
_KOREAN_DAY = "yyyy.\N{NO-BREAK SPACE}M.\N{NO-BREAK SPACE}d."
_ENGLISH_DAY = "d\N{NO-BREAK SPACE}MMM\N{NO-BREAK SPACE}yyyy"


def init_app(app: Flask) -> None:
    """Give the templates these filters."""
    for written in (won, day, moment, seoul, seoul_day, seoul_clock, last_four, item_text):
        app.jinja_env.filters[written.__name__] = when_shown(written)
    app.jinja_env.filters["form_token"] = form_token
    app.jinja_env.globals.update(
        plan_text=plan_text, plans=on_sale, vat_part=vat_part, now=app.extensions["billing"].clock.now
    )


def when_shown(written: Callable[..., str]) -> Callable[..., str]:
    """A filter that Jinja does not compute while it compiles a page, in the language of whoever came first."""

    @pass_context
    @wraps(written)
    def filtered(_context: Context, *values: Any) -> str:
        return written(*values)

    return filtered


def won(amount: int) -> str:
    """14900 as `14,900원` or `₩14,900`."""
    return wording.won(amount, language())


def moment(at: datetime) -> str:
    """A moment as a `datetime` attribute holds it: HTML knows no microseconds."""
    return at.isoformat(timespec="seconds")


def seoul(at: datetime | None, *, seconds: bool = False) -> str:
    """A moment in Seoul, to the minute or to the second."""
    time = "HH:mm:ss" if seconds else "HH:mm"
    return _format(at, f"{_KOREAN_DAY} {time}", f"{_ENGLISH_DAY}, {time}")


def seoul_day(at: datetime | None) -> str:
    """A day in Seoul."""
    return _format(at, "M.d", "d\N{NO-BREAK SPACE}MMM")


def day(on: date) -> str:
    """A day of the calendar."""
    return str(format_date(on, _KOREAN_DAY if language() == wording.KOREAN else _ENGLISH_DAY))


def seoul_clock(at: datetime | None) -> str:
    """A time of day in Seoul, to the second."""
    return _format(at, "HH:mm:ss", "HH:mm:ss")


def last_four(card_number: str | None) -> str:
    """The last digits of a masked card number, by which people know their card."""
    return (card_number or "")[-4:]


def item_text(payment: Payment) -> str:
    """What was bought: i'mport and the card statement know its Korean name only."""
    plan = find_plan(payment.plan)
    if language() == wording.KOREAN or plan is None:
        return payment.name
    return f"{plan_text(payment.plan)['name']} · {plan.weight_g} g"


def _format(at: datetime | None, korean: str, english: str) -> str:
    return format_datetime(at, korean if language() == wording.KOREAN else english) if at else ""
