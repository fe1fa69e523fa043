"""Shoppers: signing up and being recognised."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from werkzeug.security import check_password_hash, generate_password_hash

from storefront.billing.context import Billing
from storefront.models import Shopper

DEMO_EMAIL = "demo@example.com"
DEMO_PASSWORD = "morning-roast"  # noqa: S105 - published in the README, and seeded only beside the sandbox
DEMO_NAME = "김아침"
DEMO_PHONE = "010-1234-5678"

_NOBODYS_HASH = generate_password_hash("nobody")


class EmailTakenError(Exception):
    """Somebody has signed up with this address already."""


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
    matches = check_password_hash(shopper.password_hash if shopper else _NOBODYS_HASH, password)
    return shopper if matches else None


def find_shopper(billing: Billing, shopper_id: int) -> Shopper | None:
    """The shopper of that id, or None."""
    with billing.database.reading() as session:
        return session.get(Shopper, shopper_id)


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
