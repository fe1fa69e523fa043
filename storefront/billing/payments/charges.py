"""Charging a stored card again: one charge for one press of a button, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Row, bindparam, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storefront import iamport
from storefront.billing import attention, identifiers
from storefront.billing.attention import Reason
from storefront.billing.cards import CardNotFoundError
from storefront.billing.catalogue import Plan
from storefront.billing.context import Billing
from storefront.billing.orders import records, timeline
from storefront.billing.orders.records import Seen, StaleAnswerError
from storefront.billing.orders.timeline import Note, asked_once, decided, told
from storefront.billing.payments.settlement import Door, settle
from storefront.billing.sends import OF_THE_ROW, Send, about_to_be_sent
from storefront.billing.subscriptions import dunning, outcomes
from storefront.iamport import RejectedError, SilenceError
from storefront.models import Card, Payment
from storefront.states import CardStatus, PaymentStatus, Purpose, SubscriptionStatus

LATE = timedelta(seconds=1)
"""A send that begins this much later than its row says is claimed anew."""
GIVE_UP_AFTER = timedelta(hours=24)
"""A charge that i'mport has not seen a day after it was first sent is not sent any more."""

# By tables: sorting out what hangs together as objects would cost as much as everything else about one row.
_cards, _payments = Card.__table__.c, Payment.__table__.c
_WRITTEN = insert(Payment.__table__).returning(_payments.id)  # type: ignore[arg-type]
_ACTIVE_CARD = (
    select(_cards.id, _cards.shopper_id, _cards.customer_uid)
    .add_columns(_payments.buyer_name, _payments.buyer_email, _payments.buyer_phone, _payments.language)
    .join(Payment.__table__, _payments.card_id == _cards.id)
    .where(_cards.id == bindparam("card_id"), _cards.shopper_id == bindparam("shopper_id"))
    .where(_cards.status == CardStatus.ACTIVE)
    .order_by(_payments.id)
    .limit(1)
    .with_for_update(of=Card.__table__)
)

Payer = Row[Any]
"""A card that may be charged (`id`, `shopper_id`, `customer_uid`), and the buyer its first payment named."""


class CardNotChargeableError(Exception):
    """The card is not `active` (any more); nothing was written and nothing sent."""


class NoChargeNeededError(Exception):
    """What was to be paid has been, or a charge for it is on its way; nothing was written and nothing sent.

    Attributes:
        merchant_uid: the order that did it, or is about to.
    """

    def __init__(self, merchant_uid: str) -> None:
        super().__init__(merchant_uid)
        self.merchant_uid = merchant_uid


class BadTokenError(ValueError):
    """The form's token is missing or malformed; nothing was written and nothing sent."""


def charge_again(billing: Billing, *, shopper_id: int, card_id: int, plan: Plan, token: str) -> str:
    """Buy one more bag with a stored card.

    Args:
        billing: settings, database, gateway, clock.
        shopper_id: who buys.
        card_id: with which of their cards.
        plan: what; the price is the catalogue's.
        token: the form's; the same token again is the same charge, and is never sent a second time.

    Returns:
        The order number; its row says how it ended: `paid`, `failed`, or `requested` while that is unknown. A page's
        time may be over first; the charge goes on.

    Raises:
        BadTokenError: answer 400.
        BusyError: nothing was written and nothing sent; answer 503.
        CardNotFoundError: not this shopper's card; answer 404.
        CardNotChargeableError: answer 400 and offer another card.
    """

    def write_down(identity: str) -> Send:
        now = billing.clock.now()
        with billing.database.writing() as session:
            payer = claim_card(session, shopper_id, card_id)
            return open_charge(session, payer, plan, plan.price_krw, identity, now)

    return press(billing, shopper_id, token, write_down)


def press(billing: Billing, shopper_id: int, token: str, write_down: Callable[[str], Send]) -> str:
    """Make one press of a button one charge: its row is committed, then it is sent.

    Args:
        billing: settings, database, gateway, clock.
        shopper_id: who presses.
        token: the form's; the same token again is the same charge.
        write_down: commits the charge of this press (`open_charge`) under the identity it is given, and returns it.

    Returns:
        The order number.

    Raises:
        BadTokenError: answer 400.
        BusyError: nothing was written and nothing sent; answer 503.
        Exception: what `write_down` raises, unless the same press has been written down before.
    """
    if not identifiers.is_token(token):
        raise BadTokenError
    identity = f"extra:{shopper_id}:{token}"
    with billing.errands.place(identity) as errand:
        try:
            written = write_down(identity)
        except (IntegrityError, CardNotFoundError, CardNotChargeableError, NoChargeNeededError):
            # Perhaps it was pressed before, and the card has gone since; or twice at once, and the other one is on its way.
            pressed_before = _order_of(billing, identity)
            if pressed_before is None:
                raise
            return pressed_before
        errand.send(partial(send_in_time, billing.insisting(), written), billing.gateway)
    return written.merchant_uid


def claim_card(session: Session, shopper_id: int, card_id: int) -> Payer:
    """A card that this very write finds active and locks: a removal that began before it has won.

    Args:
        session: the caller's transaction.
        shopper_id: who wants to pay with it.
        card_id: which.

    Returns:
        The card, and the buyer that its first payment named.

    Raises:
        CardNotFoundError: not this shopper's card.
        CardNotChargeableError: it is not `active` (any more).
    """
    payer = session.execute(_ACTIVE_CARD, {"card_id": card_id, "shopper_id": shopper_id}).one_or_none()
    if payer is not None:
        return payer
    stored = select(Card.id).where(Card.id == card_id, Card.shopper_id == shopper_id, Card.status != CardStatus.PENDING)
    if session.scalar(stored) is None:
        raise CardNotFoundError(card_id)
    raise CardNotChargeableError(card_id)


def open_charge(
    session: Session, payer: Payer, plan: Plan, amount_krw: int, identity: str, now: datetime, **terms: Any
) -> Send:
    """Write down a charge that is sent as soon as the transaction is committed.

    Args:
        session: the caller's transaction.
        payer: the card, claimed in it (`claim_card`), and who is named to i'mport.
        plan: what is bought.
        amount_krw: for how much.
        identity: what makes it this charge and no other; the database takes it once only.
        now: this moment.
        terms: what else its row says: its checkout, and what was agreed to.

    Returns:
        What is to be sent; its row is `requested`.
    """
    row: dict[str, Any] = {
        "merchant_uid": identifiers.new_merchant_uid(now),
        "shopper_id": payer.shopper_id,
        "card_id": payer.id,
        "identity": identity,
        "purpose": Purpose.EXTRA,
        "plan": plan.code,
        "name": plan.order_name,
        "amount_krw": amount_krw,
        "status": PaymentStatus.REQUESTED,
        "version": 1,
        "buyer_name": payer.buyer_name,
        "buyer_email": payer.buyer_email,
        "buyer_phone": payer.buyer_phone,
        "language": payer.language,
        **about_to_be_sent(now),
        **terms,
    }
    row_id = session.execute(_WRITTEN, row).scalar_one()
    said = {name: row[name] for name in OF_THE_ROW}
    charge = Send(id=row_id, customer_uid=payer.customer_uid, is_attempt=False, **said)
    timeline.write(session, charge, [decided(now, "ordered", amount=charge.amount_krw)])
    return charge


def send(billing: Billing, charge: Send) -> None:
    """Send a charge whose row says `requested`, and write how it ended.

    The caller has claimed this send: the row's `sent_at` is committed, and nobody else sends it.

    Args:
        billing: settings, database, gateway, clock.
        charge: what its committed row says.
    """
    # A button's order is in its timeline already; a period's has nobody who could look at it before it is sent.
    is_first = charge.is_attempt and charge.sends == 1
    notes = [decided(charge.created_at, "ordered", amount=charge.amount_krw)] if is_first else []
    notes.append(asked_once(billing.clock.now(), "charge_sent", amount=charge.amount_krw))
    try:
        answer = billing.gateway.charge_again(
            customer_uid=charge.customer_uid,
            merchant_uid=charge.merchant_uid,
            amount=charge.amount_krw,
            name=charge.name,
            buyer_name=charge.buyer_name,
            buyer_email=charge.buyer_email,
            buyer_tel=charge.buyer_phone,
            notice_url=billing.settings.notice_url,
        )
    except SilenceError as silence:
        _end_send(billing, charge, [*notes, told(billing.clock.now(), "charge_unanswered", reason=silence.reason)])
    except RejectedError as rejected:
        _end_send(billing, charge, [*notes, told(billing.clock.now(), "charge_rejected", message=rejected.message)])
        _look_once(billing, charge, rejected)
    else:
        _record(billing, charge, answer, notes)


def send_in_time(billing: Billing, charge: Send) -> None:
    """Send a charge, unless it has ceased to be ours to send before somebody got round to it.

    Args:
        billing: settings, database, gateway, clock.
        charge: what its committed row says.
    """
    is_late = charge.sent_at is None or billing.clock.now() >= charge.sent_at + LATE
    claimed = _claim_anew(billing, charge) if is_late else charge
    if claimed is not None:
        send(billing, claimed)


def give_up(session: Session, row: Payment, now: datetime) -> list[Note]:
    """End a charge that i'mport does not know: what it captures after all goes back.

    Args:
        session: the caller's transaction.
        row: a charge whose outcome is not known, locked with its card, checkout and subscription.
        now: this moment.

    Returns:
        The timeline's lines.
    """
    row.move(PaymentStatus.FAILED)
    row.given_up = True
    row.failed_at = now
    followed = outcomes.failed(session, row, dunning.GIVEN_UP, now)
    return [decided(now, "given_up"), *(decided(now, event) for event in followed)]


def is_wanted(row: Payment) -> bool:
    """Whether a charge may still be sent.

    Its card is active, its subscription, if it is one's, has not ended, and no other attempt has paid what it is for.

    Args:
        row: locked with its card, checkout and subscription.
    """
    subscription = row.checkout.subscription if row.checkout else None
    has_ended = subscription is not None and subscription.status == SubscriptionStatus.ENDED
    return row.card.status == CardStatus.ACTIVE and not has_ended and not row.has_lost


def is_too_late(row: Payment, now: datetime) -> bool:
    """Whether a charge was written down too long ago, or would only be sent back because its checkout or period has closed.

    Args:
        row: with its checkout.
        now: this moment.
    """
    has_closed = row.checkout is not None and now >= row.checkout.closes_at
    return has_closed or row.first_sent_at is None or now >= row.first_sent_at + GIVE_UP_AFTER


def _claim_anew(billing: Billing, charge: Send) -> Send | None:
    """The grace time after which `reconcile` may send a charge again counts from `sent_at`, so that has to be true.

    Returns:
        What its row says now; None if anybody has gone on with the order meanwhile, or it is not to be sent any more.
        `reconcile` does the rest then.
    """

    def claim(_session: Session, row: Payment) -> list[Note]:
        now = billing.clock.now()
        is_ours = row.status == PaymentStatus.REQUESTED and row.sends == charge.sends
        if not is_ours or not is_wanted(row) or is_too_late(row, now):
            raise StaleAnswerError(row.merchant_uid)
        row.sent_at = now
        return []

    current = records.look(billing, charge.merchant_uid)
    if current is None:
        return None
    try:
        records.amend(billing, Seen(current.merchant_uid, current.version), claim)
    except StaleAnswerError:
        return None
    claimed = records.look(billing, charge.merchant_uid)
    return Send.of(claimed) if claimed else None


def _order_of(billing: Billing, identity: str) -> str | None:
    with billing.database.reading() as session:
        return session.scalar(select(Payment.merchant_uid).where(Payment.identity == identity))


def _record(billing: Billing, charge: Send, answer: iamport.Payment, notes: list[Note]) -> None:
    """The reply of a charge is i'mport's own answer and settles without a second read."""
    seen = Seen(charge.merchant_uid, charge.version, is_attempt=charge.is_attempt)
    notes = [*notes, asked_once(billing.clock.now(), "charge_answered", status=answer.status, amount=answer.amount)]
    try:
        if answer.merchant_uid == seen.merchant_uid:
            records.record(billing, seen, answer, notes=notes)
            return
    except StaleAnswerError:
        pass  # a webhook was faster, and what it wrote is newer than our reply
    records.note(billing, seen.merchant_uid, notes)
    _settle_quietly(billing, seen.merchant_uid)


def _look_once(billing: Billing, charge: Send, rejected: RejectedError) -> None:
    """A rejection is final only if nothing is captured: "this order exists already" may be our own success."""
    settled = _settle_quietly(billing, charge.merchant_uid)
    if settled is None or settled.status != PaymentStatus.REQUESTED:
        return
    kind = _kind_of(billing, charge, rejected)
    now = billing.clock.now()

    def fail(session: Session, row: Payment) -> list[Note]:
        if row.status != PaymentStatus.REQUESTED:
            return []
        if row.sends > 1:
            # Of a repeat this is no proof: "exists already" may speak of the first send. A person has to look.
            if not attention.call(session, Reason.REJECTED_RESEND, row.merchant_uid, now, message=rejected.message):
                return []
            return [decided(now, Reason.REJECTED_RESEND)]
        row.move(PaymentStatus.FAILED)
        row.fail_reason = rejected.message
        row.failed_at = now
        followed = outcomes.failed(session, row, kind, now)
        return [decided(now, "rejected", message=rejected.message), *(decided(now, event) for event in followed)]

    try:
        records.amend(billing, Seen(settled.merchant_uid, settled.version), fail)
    except StaleAnswerError:
        return  # somebody has just settled it


def _kind_of(billing: Billing, charge: Send, rejected: RejectedError) -> str:
    """Which refusal a rejection is. A period's card without a key cannot be charged again, however often one tries."""
    kind = dunning.kind_of(rejected.message)
    if not charge.is_attempt:
        return kind
    try:
        key = billing.gateway.billing_key(charge.customer_uid)
    except SilenceError:
        return kind
    return dunning.NO_KEY if key is None else kind


def _settle_quietly(billing: Billing, merchant_uid: str) -> Payment | None:
    try:
        return settle(billing, Door.READ, merchant_uid=merchant_uid)
    except SilenceError:
        return None


def _end_send(billing: Billing, charge: Send, notes: list[Note]) -> None:
    """The outcome is unknown; from here the grace time runs after which `reconcile` may look and repeat."""
    with billing.database.writing() as session:
        row = session.get_one(Payment, charge.id, with_for_update=True)
        row.send_ended_at = now = billing.clock.now()
        # Where the grace is short, nobody is to wait for the usual first look.
        grace_ends = now + timedelta(seconds=billing.settings.charge_grace_s)
        row.next_check_at = min(row.next_check_at or grace_ends, grace_ends)
        timeline.write(session, row, notes)
