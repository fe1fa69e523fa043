"""Stored cards: whether a key exists, and how it is deleted for good.

A key is i'mport's; the shop knows its name (`customer_uid`) and believes nothing about it but what reading says.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from storefront import iamport
from storefront.billing import attention
from storefront.billing.attention import Reason
from storefront.billing.context import Billing
from storefront.billing.errands import BusyError
from storefront.billing.orders import keys, timeline
from storefront.billing.orders.judgement import CHECKOUT_LIFETIME
from storefront.billing.orders.timeline import Note, asked, decided
from storefront.billing.subscriptions import beginning, outcomes
from storefront.iamport import SilenceError
from storefront.models import Card, Payment
from storefront.states import ISSUING, KEPT, OPEN, CardStatus, PaymentStatus


class CardNotFoundError(Exception):
    """This shopper has no such card."""


def remove(billing: Billing, *, shopper_id: int, card_id: int) -> None:
    """Stop charging a card and delete its key.

    From the moment this is written down no new charge on the card can start. If i'mport cannot be reached, or takes
    longer than a page waits, the card stays `removing` until it has answered or the next look goes on.

    Args:
        billing: settings, database, gateway, clock.
        shopper_id: who asks.
        card_id: the card; asking again for one that is on its way out, or gone, changes nothing.

    Raises:
        CardNotFoundError: not this shopper's card; answer 404.
    """
    with billing.database.writing() as session:
        card, payment = _lock(session, card_id)
        if card is None or card.shopper_id != shopper_id or card.status == CardStatus.PENDING:
            raise CardNotFoundError(card_id)
        if card.status in (CardStatus.ACTIVE, CardStatus.SUSPENDED):
            card.move(CardStatus.REMOVING)
            _note(session, payment, decided(billing.clock.now(), "removal_asked"))
            outcomes.tell_who_owes(session, card, billing.clock.now())
            if payment is not None:
                payment.next_check_at = billing.clock.now()
    with suppress(BusyError), billing.errands.place(f"card {card_id}") as errand:  # else `reconcile` goes on
        errand.send(partial(finish, billing.insisting(), card_id), billing.gateway)


def finish(billing: Billing, card_id: int) -> None:
    """Do what a card still needs: find out whether a pending one has a key, delete the key of a removing one.

    Silence leaves the card as it is, for the next look.
    """
    with billing.database.reading() as session:
        card = session.get_one(Card, card_id)
    try:
        if card.status == CardStatus.PENDING:
            card = _resolve(billing, card)
        if card.status == CardStatus.REMOVING:
            _delete_key(billing, card)
    except SilenceError:
        return


def reread(billing: Billing, card_id: int) -> None:
    """Show the card that really stands behind an active key: a second window may have put another one there."""
    with billing.database.reading() as session:
        card = session.get_one(Card, card_id)
    if card.status != CardStatus.ACTIVE:
        return
    try:
        key = billing.gateway.billing_key(card.customer_uid)
    except SilenceError:
        return
    if key is None:
        return
    with billing.database.writing() as session:
        card = session.get_one(Card, card_id, with_for_update=True)
        card.card_name, card.card_number = key.card_name, key.card_number


def _resolve(billing: Billing, card: Card) -> Card:
    """Find out about a pending card whose order has been decided.

    A key is kept when the order was paid and deleted when it failed. No key may still mean one that comes late, so
    the card stays pending for as long as its checkout could be paid.
    """
    with billing.database.reading() as session:
        payment = session.scalar(issuing_payment(card.id))
    if payment is None or payment.status in OPEN:
        return card
    key = billing.gateway.billing_key(card.customer_uid)
    now = billing.clock.now()
    notes = [asked(now, "key_read", found="stored" if key else "none")]
    with billing.database.writing() as session:
        locked, payment = _lock(session, card.id)
        if locked is None or payment is None or locked.status != CardStatus.PENDING:
            return locked or card
        notes += _decide(billing, session, locked, payment, key)
        timeline.write(session, payment, notes)
        return locked


def _decide(
    billing: Billing, session: Session, card: Card, payment: Payment, key: iamport.BillingKey | None
) -> list[Note]:
    now = billing.clock.now()
    if key is not None and payment.status in KEPT:
        keys.activate(card, key, billing)
        beginning.with_key(session, card, now)
        return [decided(now, "key_issued", card=card.card_number)]
    if key is not None:
        card.move(CardStatus.REMOVING)
        return [decided(now, "key_unwanted")]
    if billing.clock.has_passed(CHECKOUT_LIFETIME, card.created_at):
        card.move(CardStatus.REMOVED)
        card.removed_at = billing.gateway.imports_time(now)
        return [decided(now, "no_key")]
    return []


def _delete_key(billing: Billing, card: Card) -> None:
    """Unschedule, delete, verify; confirmed only while no charge on the card waits for its outcome."""
    gateway, notes = billing.gateway, [asked(billing.clock.now(), "key_delete_sent")]
    gateway.unschedule(card.customer_uid)
    gateway.delete_billing_key(card.customer_uid)
    if gateway.billing_key(card.customer_uid) is not None:
        _call_person_for_key(billing, card)
        return
    with billing.database.writing() as session:
        locked, payment = _lock(session, card.id)
        waiting = select(Payment.id).where(Payment.card_id == card.id, Payment.status == PaymentStatus.REQUESTED)
        if locked is None or locked.status != CardStatus.REMOVING or session.scalar(waiting.limit(1)) is not None:
            return
        if locked.version != card.version:
            return  # news came while we looked, perhaps of another key; the next look begins anew
        locked.move(CardStatus.REMOVED)
        # What the shopper was told holds from the first time on, even if a key has to be deleted again.
        locked.removed_at = locked.removed_at or billing.gateway.imports_time(billing.clock.now())
        _note(session, payment, *notes, decided(billing.clock.now(), "key_deleted"))
        if payment is not None:
            attention.call_off(session, payment.merchant_uid, billing.clock.now(), Reason.KEY_KEPT)


def _call_person_for_key(billing: Billing, card: Card) -> None:
    """Asked again at every look; but if i'mport refuses to delete it, its shopper waits for somebody to do it."""
    with billing.database.writing() as session:
        payment = session.scalar(issuing_payment(card.id))
        if payment is None:
            return
        facts = {"customer_uid": card.customer_uid}
        if attention.call(session, Reason.KEY_KEPT, payment.merchant_uid, billing.clock.now(), **facts):
            _note(session, payment, decided(billing.clock.now(), Reason.KEY_KEPT, **facts))


def _lock(session: Session, card_id: int) -> tuple[Card | None, Payment | None]:
    """A card and the payment that issued its key, locked in the order everybody locks them in."""
    payment = session.scalar(issuing_payment(card_id).with_for_update())
    return session.get(Card, card_id, with_for_update=True), payment


def issuing_payment(card_id: int) -> Select[Payment]:
    """The query for the payment whose window stored a card."""
    return select(Payment).where(Payment.card_id == card_id, Payment.purpose.in_(ISSUING))


def lock_issuing_payment(session: Session, customer_uid: str) -> Payment | None:
    """The payment whose window stored the card of a name, locked: it comes before its card wherever both are.

    Args:
        session: a writing transaction that holds neither.
        customer_uid: the name.
    """
    query = select(Payment).join(Payment.card).where(Card.customer_uid == customer_uid, Payment.purpose.in_(ISSUING))
    return session.scalar(query.with_for_update(of=Payment))


def _note(session: Session, payment: Payment | None, *notes: Note) -> None:
    if payment is not None:
        timeline.write(session, payment, notes)
