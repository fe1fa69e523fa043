"""Buying with a card that is stored already: one press charges it, wins its checkout, and begins what was bought.

It is a checkout like any other, so that a window that was opened for it as well, or another card, cannot pay it a second
time; and a charge like any other, so that it is sent once and found again if its answer is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from storefront.billing import identifiers
from storefront.billing.context import Billing
from storefront.billing.payments import charges, checkout
from storefront.billing.payments.charges import NoChargeNeededError
from storefront.billing.payments.checkout import Wish
from storefront.billing.sends import Send
from storefront.models import Card, Checkout, Payment
from storefront.states import CardStatus, PaymentStatus


def offered_cards(billing: Billing, shopper_id: int, checkout_token: str) -> Sequence[Card]:
    """The cards a checkout can be paid with at one press: those that are active and were not declined for it, newest first."""
    declined = (
        select(Payment.card_id)
        .join(Payment.checkout)
        .where(Checkout.shopper_id == shopper_id, checkout.of_form(checkout_token))
        .where(Payment.status == PaymentStatus.FAILED)
    )
    query = (
        select(Card)
        .where(Card.shopper_id == shopper_id, Card.status == CardStatus.ACTIVE, Card.id.not_in(declined))
        .order_by(Card.activated_at.desc(), Card.id.desc())
    )
    with billing.database.reading() as session:
        return session.scalars(query).all()


def buy(billing: Billing, *, shopper_id: int, card_id: int, wish: Wish, token: str, checkout_token: str) -> str:
    """Buy a bag once, or begin a subscription with its first one, with a stored card.

    Args:
        billing: settings, database, gateway, clock.
        shopper_id: who buys.
        card_id: with which of their cards.
        wish: what, and on which terms; its mode is `pay`.
        token: the press's; the same token again is the same charge, and is never sent a second time.
        checkout_token: the checkout's, so that several attempts, in windows too, belong to one; an unknown or malformed
            one begins a checkout.

    Returns:
        The order number of the charge; or, if the checkout has been paid, of the payment that did it; or of the charge
        for it whose outcome is not known yet.

    Raises:
        BadTokenError, BusyError, CardNotFoundError, CardNotChargeableError: as `charges.charge_again`.
    """
    checkout_token = checkout_token if identifiers.is_token(checkout_token) else identifiers.new_token()
    write_down = partial(_write_down, billing, shopper_id, card_id, wish, checkout_token)
    try:
        try:
            return charges.press(billing, shopper_id, token, write_down)
        except IntegrityError:
            # Another press of the same form began the checkout at the same moment; now it is there.
            return charges.press(billing, shopper_id, token, write_down)
    except NoChargeNeededError as decided:
        return decided.merchant_uid


def _write_down(
    billing: Billing, shopper_id: int, card_id: int, wish: Wish, checkout_token: str, identity: str
) -> Send:
    now = billing.clock.now()
    with billing.database.writing() as session:
        payer = charges.claim_card(session, shopper_id, card_id)
        decision = checkout.of_token(session, shopper_id, wish, checkout_token, now)
        session.flush()
        decided_by = decision.paid_by or checkout.under_way(session, shopper_id, checkout_token)
        if decided_by is not None:
            raise NoChargeNeededError(decided_by)
        return charges.open_charge(
            session,
            payer,
            wish.plan,
            wish.price_krw,
            identity,
            now,
            checkout_id=decision.id,
            every=wish.every,
            language=wish.language,
            consent_version=wish.consent_version,
            consent_price_krw=wish.price_krw,
            consent_at=now,
        )
