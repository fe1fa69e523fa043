"""What exists beside the sandbox only: the outbox, where mails are read that nobody carries, and the time machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, abort, jsonify, redirect, render_template, request, session, url_for
from flask_babel import gettext
from flask_login import login_required

from storefront.billing import timemachine
from storefront.billing.mailing import sending
from storefront.billing.subscriptions import calendar
from storefront.billing.timemachine import Journey, UnderWayError
from storefront.clock import TimeStandsStillError
from storefront.models import Mail
from storefront.states import Every
from storefront.web import errors
from storefront.web.formats import seoul, won
from storefront.web.messages import read_json_or_form
from storefront.web.security import own_path
from storefront.web.shop import billing, only_in_the_demo, settings, shopper_id, unhurried_billing, wants_json

blueprint = Blueprint("demo", __name__, url_prefix="/demo")

FARTHEST = timedelta(days=400)
"""How far one journey may go."""
_LONGEST_SECONDS = 12
"""Digits."""
_TOLD = "journey"
"""Where a session keeps what the next page tells of a journey."""


blueprint.before_request(only_in_the_demo)


@blueprint.app_context_processor
def give_time() -> dict[str, Any]:
    """What the demo bar shows: the time, which can be moved, and once what happened on a journey."""
    if not settings().is_demo:
        return {"demo_now": None}
    return {"demo_now": unhurried_billing().clock.now(), "journey_told": lambda: session.pop(_TOLD, None)}


@blueprint.get("/outbox")
def outbox() -> Any:
    """Every mail the shop has written: a page, newest first, or JSON, oldest first."""
    mails = sending.outbox(billing())
    if wants_json():
        return jsonify([_as_json(mail) for mail in mails])
    return render_template(
        "demo/outbox.html", mails=[(mail, sending.letter_of(billing(), mail)) for mail in reversed(mails)]
    )


@blueprint.post("/time")
@login_required  # type: ignore[untyped-decorator]
def move_time() -> Any:
    """Let time pass; everything that falls due on the way is done at its time, for everybody. It takes as long as it takes."""
    whole = unhurried_billing()
    try:
        journey = _travel(_target(read_json_or_form().get("to"), whole.clock.now()))
    except UnderWayError:
        text = gettext("Somebody is moving the time at this moment. Wait until they have arrived.")
        return errors.explain(409, gettext("Time is on its way"), text)
    except TimeStandsStillError:
        text = gettext("The sandbox does not answer. Your account page shows what was charged until then.")
        return errors.explain(503, gettext("Time stands still"), text)
    if wants_json():
        return jsonify(_journey_as_json(journey))
    session[_TOLD] = words_of(journey)
    return redirect(own_path(request.form.get("next")) or url_for("account.show"), 303)


def words_of(journey: Journey) -> str:
    """What happened on a journey."""
    charged, declined, unknown = journey.charged, len(journey.declined), len(journey.unknown)
    amount = won(sum(order.amount_krw for order in charged))
    says = [gettext("It is %(time)s now.", time=seoul(journey.now))]
    if charged:
        says.append(gettext("Charges paid: %(count)s, %(amount)s in all.", count=len(charged), amount=amount))
    if declined:
        says.append(gettext("Charges not paid: %(count)s.", count=declined))
    if unknown:
        says.append(gettext("Charges being checked: %(count)s.", count=unknown))
    if not journey.orders:
        says.append(gettext("Nothing was charged."))
    if journey.mails:
        says.append(gettext("Mails sent: %(count)s.", count=journey.mails))
    return " ".join(says)


def _travel(until: datetime | None) -> Journey:
    whole = unhurried_billing()
    if until is None:
        return Journey(whole.clock.now(), orders=(), mails=0)
    return timemachine.travel(whole, until)


def _target(to: Any, now: datetime) -> datetime | None:
    """Where somebody wants to go; None if nothing of theirs falls due. 400 for what is no moment of the near future."""
    match to:
        case "next":
            return timemachine.next_moment(billing(), shopper_id())
        case "charge":
            return timemachine.next_charge(billing(), shopper_id())
        case "day":
            return now + timedelta(days=1)
        case "month":
            today = calendar.seoul_day(now)
            return now + (calendar.interval(today, Every.MONTH, 0).ends_on - today)
    seconds = to if type(to) is int else _read_seconds(to)
    if seconds is None or not int(now.timestamp()) <= seconds <= (now + FARTHEST).timestamp():
        abort(400)
    return datetime.fromtimestamp(seconds, UTC)


def _read_seconds(text: Any) -> int | None:
    """UNIX seconds as a form has them."""
    is_number = isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) <= _LONGEST_SECONDS
    return int(text) if is_number else None


def _journey_as_json(journey: Journey) -> dict[str, Any]:
    """A journey as programs see it; each order once, by how it ended."""
    return {
        "now": int(journey.now.timestamp()),
        "charged": [order.merchant_uid for order in journey.charged],
        "declined": [order.merchant_uid for order in journey.declined],
        "unknown": [order.merchant_uid for order in journey.unknown],
        "mails": journey.mails,
    }


def _as_json(mail: Mail) -> dict[str, Any]:
    """A mail as programs see it; times in UNIX seconds."""
    return {
        "to": mail.to,
        "kind": mail.kind,
        "subject": mail.subject,
        "language": mail.language,
        "written_at": int(mail.written_at.timestamp()),
        "sent_at": int(mail.sent_at.timestamp()) if mail.sent_at else None,
        "dropped": mail.dropped_why,
        "text": sending.letter_of(billing(), mail).text,
    }
