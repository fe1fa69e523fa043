"""Sending what waits: each mail is claimed by compare-and-set, so any number of workers may do it at once.

A mail is sent twice only if a process dies, or its database does, in the very sending: its claim lapses, and somebody sends it again.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from storefront.billing.attention import DATABASE_TROUBLE
from storefront.billing.changing import pricing
from storefront.billing.context import Billing
from storefront.billing.mailing import truth
from storefront.billing.mailing.carriers import Carrier, CarrierError, UndeliverableError, carrier_for
from storefront.billing.mails import texts
from storefront.billing.mails.outbox import Kind
from storefront.billing.mails.texts import Letter
from storefront.billing.subscriptions import standing
from storefront.models import Mail, Subscription

CLAIM_LASTS = timedelta(minutes=5)
"""When a claimed mail that nobody has said anything about since is free again."""
AT_ONCE = 50
"""How many mails one look sends at most; the next look goes on."""
LONGEST_PAUSE = timedelta(hours=6)
_DOUBLINGS = 9
"""After so many a pause is the longest; what is tried for weeks would have one that no calendar holds."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Outcome:
    """How one sending ended: by being sent, by being dropped, or by waiting for another try."""

    sent: bool = False
    dropped_why: str | None = None
    try_after: timedelta | None = None


def send_waiting(billing: Billing, carrier: Carrier | None = None) -> int:
    """Send the mails whose turn it is.

    Args:
        billing: settings, database, gateway, clock.
        carrier: what carries them; what the settings name if not told.

    Returns:
        How many were sent. Without anybody to carry them they wait, and none is.
    """
    carrier = carrier or carrier_for(billing.settings)
    if carrier is None:
        return 0
    return sum(_send_contained(billing, carrier, mail_id) for mail_id in _waiting(billing))


def send_all(billing: Billing) -> None:
    """Send until none is left whose turn it is; what could not be sent has another turn later."""
    carrier, tried = carrier_for(billing.settings), set[int]()
    while carrier is not None and (waiting := [mail_id for mail_id in _waiting(billing) if mail_id not in tried]):
        tried.update(waiting)  # of a database in trouble none has another turn
        for mail_id in waiting:
            _send_contained(billing, carrier, mail_id)


def outbox(billing: Billing) -> Sequence[Mail]:
    """Every mail that was ever written, oldest first."""
    with billing.database.reading() as session:
        return session.scalars(select(Mail).order_by(Mail.id)).all()


def letter_of(billing: Billing, mail: Mail) -> Letter:
    """A mail as it is read."""
    return texts.letter(mail.kind, mail.language, mail.payload, billing.settings.public_url)


def _waiting(billing: Billing) -> Sequence[int]:
    query = select(Mail.id).where(*_is_waiting(billing.clock.now())).order_by(Mail.next_try_at, Mail.id).limit(AT_ONCE)
    with billing.database.reading() as session:
        return session.scalars(query).all()


def _is_waiting(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return Mail.sent_at.is_(None), Mail.dropped_at.is_(None), Mail.next_try_at <= now


def _send_contained(billing: Billing, carrier: Carrier, mail_id: int) -> bool:
    """One bad mail stops nobody else's: it is left alone for a while, and the log says why."""
    try:
        return _send(billing, carrier, mail_id)
    except Exception as error:
        log.exception("mail_failed", extra={"fields": {"mail": mail_id}})
        if not isinstance(error, DATABASE_TROUBLE):  # which is no mail's; a claim lapses by itself
            with suppress(*DATABASE_TROUBLE), billing.database.writing() as session:
                later = billing.clock.now() + LONGEST_PAUSE
                session.execute(update(Mail).where(Mail.id == mail_id).values(next_try_at=later))
        return False


def _send(billing: Billing, carrier: Carrier, mail_id: int) -> bool:
    """Claim one mail and send it; False if somebody else has it, or it was not sent."""
    mail = _claim(billing, mail_id)
    if mail is None:
        return False
    outcome = _carry(carrier, mail, letter_of(billing, mail))
    with billing.database.writing() as session:
        now = billing.clock.now()
        if outcome.sent and mail.kind == Kind.PRICE_CHANGE and mail.subscription_id is not None:
            pricing.was_told(session, mail.subscription_id, mail.payload["new_price_krw"], now)
        _write_down(session, mail_id, outcome, now)
    fields = {"mail": mail_id, "kind": mail.kind, "tries": mail.tries, "why": outcome.dropped_why}
    log.info("mail_sent" if outcome.sent else "mail_not_sent", extra={"fields": fields})
    return outcome.sent


def _claim(billing: Billing, mail_id: int) -> Mail | None:
    """The mail, if it is ours to send now; what is no longer true is dropped on the way."""
    now = billing.clock.now()
    with billing.database.writing() as session:
        claim = update(Mail).where(Mail.id == mail_id, *_is_waiting(now))
        claimed = session.execute(claim.values(next_try_at=now + CLAIM_LASTS, tries=Mail.tries + 1))
        if claimed.rowcount != 1:  # type: ignore[attr-defined]
            return None
        mail = session.get_one(Mail, mail_id, populate_existing=True)
        if truth.still_true(session, mail):
            _date(session, mail, now)
            return mail
        _write_down(session, mail_id, _Outcome(dropped_why="no longer true"), now)
        _forget_notice(session, mail, now)
    log.info("mail_dropped", extra={"fields": {"mail": mail_id, "kind": mail.kind}})
    return None


def _forget_notice(session: Session, mail: Mail, now: datetime) -> None:
    """Its shopper was not told of that charge: if it comes after all, they are."""
    if mail.kind != Kind.RENEWAL_NOTICE or mail.subscription_id is None:
        return
    found = standing.lock(session, mail.subscription_id)
    if found.subscription.noticed == mail.payload["notice"]:
        found.subscription.noticed = None
        found.plan_at_once(now)


def _date(session: Session, mail: Mail, now: datetime) -> None:
    """A rise concerns what begins long enough after its mail is sent, so the mail says from when on as it goes out."""
    if mail.kind == Kind.PRICE_CHANGE:
        subscription = session.get_one(Subscription, mail.subscription_id)
        begins_on = pricing.first_period_if_told(subscription, now)
        mail.payload = mail.payload | {"on": begins_on.isoformat()}


def _carry(carrier: Carrier, mail: Mail, letter: Letter) -> _Outcome:
    try:
        carrier.carry(mail, letter)
    except UndeliverableError as error:
        return _Outcome(dropped_why=str(error))
    except CarrierError:
        return _Outcome(try_after=min(timedelta(minutes=2 ** min(mail.tries, _DOUBLINGS)), LONGEST_PAUSE))
    return _Outcome(sent=True)


def _write_down(session: Session, mail_id: int, outcome: _Outcome, now: datetime) -> None:
    values: dict[str, object] = {"next_try_at": now + (outcome.try_after or CLAIM_LASTS)}
    if outcome.sent:
        values = {"sent_at": now}
    elif outcome.dropped_why:
        values = {"dropped_at": now, "dropped_why": outcome.dropped_why}
    session.execute(update(Mail).where(Mail.id == mail_id).values(values))
