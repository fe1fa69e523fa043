"""Shoppers: signing up, being recognised, and changing one's password."""

from __future__ import annotations

from sqlalchemy import RowMapping, bindparam, select, update
from sqlalchemy.exc import IntegrityError
from werkzeug.security import check_password_hash, generate_password_hash

from storefront.billing.context import Billing
from storefront.models import Shopper, new_session_id

DEMO_EMAIL = "demo@example.com"
DEMO_PASSWORD = "morning-roast"  # noqa: S105 - no secret, and seeded only where no real money moves
DEMO_NAME = "김아침"
DEMO_PHONE = "010-1234-5678"

_BY_SESSION = select(Shopper.id, Shopper.name, Shopper.email, Shopper.phone, Shopper.session_id).where(
    Shopper.session_id == bindparam("session_id")
)
NOBODYS_HASH = "scrypt:32768:8:1$nobody$00"
"""No password's; comparing takes as long as with anybody's."""


class EmailTakenError(Exception):
    """Somebody has signed up with this address already."""


class WrongPasswordError(Exception):
    """This is not the shopper's password. Say so beside the field."""


def sign_up(billing: Billing, *, name: str, email: str, password: str, phone: str | None = None) -> Shopper:
    """A new shopper.

    Args:
        billing: settings, database, gateway, clock.
        name: at most 64 characters as people count them.
        email: at most 64 characters; upper and lower case are the same.
        password: only its hash is stored.
        phone: at most 16 characters; the checkout asks whoever has none.

    Raises:
        EmailTakenError: say so beside the field.
    """
    shopper = Shopper(
        name=name,
        email=email.lower(),
        phone=phone,
        password_hash=generate_password_hash(password),
        created_at=billing.clock.now(),
    )
    try:
        with billing.database.writing() as session:
            session.add(shopper)
    except IntegrityError:
        raise EmailTakenError(email) from None
    return shopper


def authenticate(billing: Billing, *, email: str, password: str) -> Shopper | None:
    """The shopper with this address and password, or None. It takes as long for an address nobody has."""
    with billing.database.reading() as session:
        shopper = session.scalar(select(Shopper).where(Shopper.email == email.lower()))
    matches = check_password_hash(shopper.password_hash if shopper else NOBODYS_HASH, password)
    return shopper if matches else None


def find_by_session(billing: Billing, session_id: str) -> RowMapping | None:
    """Whose sessions bear that name now (their columns by name), or None: it has ended, or was never given."""
    with billing.database.looking() as connection:
        return connection.execute(_BY_SESSION, {"session_id": session_id}).mappings().one_or_none()


def end_sessions(billing: Billing, shopper_id: int) -> None:
    """Sign a shopper out everywhere: every copy of every cookie is worth nothing any more."""
    with billing.database.writing() as session:
        session.execute(update(Shopper).where(Shopper.id == shopper_id).values(session_id=new_session_id()))


def change_password(billing: Billing, shopper_id: int, *, current: str, new: str) -> Shopper:
    """Give a shopper another password, which ends all sessions that were begun with the old one.

    Args:
        billing: settings, database, gateway, clock.
        shopper_id: whose.
        current: the password until now.
        new: only its hash is stored.

    Returns:
        The shopper, to begin a session anew.

    Raises:
        WrongPasswordError: `current` is not the password, or has just been changed by somebody else; nothing has changed.
    """
    with billing.database.reading() as session:
        shopper = session.get_one(Shopper, shopper_id)
    if not check_password_hash(shopper.password_hash, current):
        raise WrongPasswordError
    as_checked = (Shopper.id == shopper_id) & (Shopper.password_hash == shopper.password_hash)
    changes = {"password_hash": generate_password_hash(new), "session_id": new_session_id()}
    with billing.database.writing() as session:
        changed: Shopper | None = session.scalar(update(Shopper).where(as_checked).values(changes).returning(Shopper))
    if changed is None:
        raise WrongPasswordError
    return changed


def demo_shopper(billing: Billing) -> Shopper:
    """The seeded shopper, made if missing, with everything a checkout asks for."""
    with billing.database.reading() as session:
        shopper = session.scalar(select(Shopper).where(Shopper.email == DEMO_EMAIL))
    if shopper is None:
        try:
            return sign_up(billing, name=DEMO_NAME, email=DEMO_EMAIL, password=DEMO_PASSWORD, phone=DEMO_PHONE)
        except EmailTakenError:
            return demo_shopper(billing)
    if shopper.phone is None:  # seeded before shoppers had one
        with billing.database.writing() as session:
            session.get_one(Shopper, shopper.id).phone = DEMO_PHONE
    return shopper
