"""Writes what i'mport's answer means: one transition, guarded by the row's version, with its side effects.

The caller loads a row's version (`seen`), then asks i'mport, then calls `record`. If somebody else wrote the row in
between, the answer is stale: nothing is written, and the caller asks again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session, contains_eager, joinedload
from sqlalchemy.orm.attributes import flag_modified, set_committed_value
from sqlalchemy.orm.exc import StaleDataError

from storefront import iamport
from storefront.billing import attention
from storefront.billing.attention import Reason
from storefront.billing.context import Billing
from storefront.billing.mails import news
from storefront.billing.orders import timeline
from storefront.billing.orders.judgement import Finding, Judgement, judge
from storefront.billing.orders.timeline import Note, decided
from storefront.billing.subscriptions import beginning, dunning, outcomes
from storefront.models import Card, Checkout, Event, Payment, Refund, Subscription
from storefront.states import CardStatus, PaymentStatus, RefundStatus

DEADLOCK = "40P01"
"""PostgreSQL's code for a transaction it ended so that another one can go on."""

ISSUED = "issue"
"""How i'mport marks a payment whose window stored a card (`customer_uid_usage`)."""
_OPEN = (PaymentStatus.READY, PaymentStatus.REQUESTED)

_LOCKED = {"key_share": True}
"""A lock that keeps other writers out, and nobody who only refers to the row."""

# Said once: putting a query together costs more than sending it.
_LOOK = (
    select(Payment)
    .where(Payment.merchant_uid == bindparam("merchant_uid"))
    .options(joinedload(Payment.card, innerjoin=True), joinedload(Payment.checkout))
)

_WITH_ITS_CARD = (
    select(Payment)
    .where(Payment.merchant_uid == bindparam("merchant_uid"))
    .join(Payment.card)
    .options(contains_eager(Payment.card))
    .with_for_update(of=(Payment, Card), key_share=True)
)

_WITH_ITS_PERIOD = (
    select(Payment)
    .where(Payment.merchant_uid == bindparam("merchant_uid"))
    .join(Payment.card)
    .join(Payment.checkout)
    .join(Checkout.subscription)
    .options(contains_eager(Payment.card), contains_eager(Payment.checkout).contains_eager(Checkout.subscription))
    .with_for_update(of=(Payment, Card, Checkout, Subscription), key_share=True)
)

Amendment = Callable[[Session, Payment], Sequence[Note]]
"""What changes a row: it gets the transaction's session and the row, and returns the timeline's lines about it."""


class StaleAnswerError(Exception):
    """The row changed after its version was loaded: forget the answer, load the row and ask again."""


@dataclass(frozen=True)
class Seen:
    """A row as it was before i'mport was asked."""

    merchant_uid: str
    version: int
    is_attempt: bool = False
    """Whether it is known to be an attempt at a period: then all that belongs to it is read at once."""


def look(billing: Billing, merchant_uid: str) -> Payment | None:
    """The row of an order number, with its card and checkout, or None."""
    with billing.database.reading() as session:
        return session.scalar(_LOOK, {"merchant_uid": merchant_uid})


def note(billing: Billing, merchant_uid: str, notes: Sequence[Note]) -> None:
    """Write down what was told and asked when nothing is decided by it: the row and its version stay.

    Args:
        billing: settings, database, gateway, clock.
        merchant_uid: an order of ours.
        notes: what the timeline will show.
    """
    with billing.database.writing() as session:
        payment = session.scalars(select(Payment).where(Payment.merchant_uid == merchant_uid)).one()
        timeline.write(session, payment, notes)


def call_person(
    billing: Billing, merchant_uid: str, reason: Reason, facts: Mapping[str, Any], *, notes: Sequence[Note] = ()
) -> None:
    """Put an order on the list of what needs a person; its row and its version stay.

    Args:
        billing: settings, database, gateway, clock.
        merchant_uid: an order of ours.
        reason: why; its timeline says so once.
        facts: for the person, JSON values.
        notes: timeline lines that belong before that.
    """
    with billing.database.writing() as session:
        payment = session.scalars(select(Payment).where(Payment.merchant_uid == merchant_uid)).one()
        now = billing.clock.now()
        is_new = attention.call(session, reason, merchant_uid, now, **facts)
        timeline.write(session, payment, [*notes, decided(now, reason, **facts)] if is_new else notes)


def make_due(billing: Billing, merchant_uids: Sequence[str]) -> None:
    """Have the background look at some orders as soon as it can and often again, as if they had just been written down."""
    now = billing.clock.now()
    query = update(Payment).where(Payment.merchant_uid.in_(merchant_uids), Payment.next_check_at > now)
    with billing.database.writing() as session:
        session.execute(query.values(next_check_at=now, checks=0))


def record(
    billing: Billing,
    seen: Seen,
    answer: iamport.Payment,
    *,
    key: iamport.BillingKey | None = None,
    key_asked: bool = False,
    notes: Sequence[Note] = (),
) -> Seen:
    """Judge an answer and write what follows from it.

    Args:
        billing: settings, database, gateway, clock.
        seen: the row, as loaded before i'mport was asked.
        answer: i'mport's payment; its merchant_uid is the row's.
        key: the billing key that i'mport holds under the row's customer_uid, if it was asked and has one.
        key_asked: whether it was asked.
        notes: timeline lines of how we came by the answer.

    Returns:
        The row as it is now, for a next answer about the same order.

    Raises:
        StaleAnswerError: somebody else wrote the row meanwhile; nothing was written.
    """

    def write(session: Session, payment: Payment) -> Sequence[Note]:
        judgement = judge(
            payment,
            payment.card,
            payment.checkout,
            answer,
            live=billing.settings.imp_live,
            has_key=(key is not None) if key_asked else None,
            now=billing.gateway.imports_time(billing.clock.now()),
            offset=billing.gateway.clock_offset,
        )
        return _Entry(billing, session, payment, answer, key, payment.needs_person).write(judgement)

    try:
        return amend(billing, seen, write, notes=notes)
    except IntegrityError:
        owner = _other_order_of(billing, seen, answer.imp_uid)
        if owner is None:
            raise StaleAnswerError(seen.merchant_uid) from None  # two writers wrote the same; the other one was first
        facts = {"imp_uid": answer.imp_uid, "belongs_to": owner}
        call_person(billing, seen.merchant_uid, Reason.CONTRADICTION, facts, notes=notes)
        return seen


def _other_order_of(billing: Billing, seen: Seen, imp_uid: str) -> str | None:
    """The other order to which a payment of i'mport's already belongs."""
    others = select(Payment.merchant_uid).where(Payment.imp_uid == imp_uid, Payment.merchant_uid != seen.merchant_uid)
    with billing.database.reading() as session:
        return session.scalar(others)


def amend(billing: Billing, seen: Seen, write: Amendment, *, notes: Sequence[Note] = ()) -> Seen:
    """Change a row in one short transaction, if nobody else did since it was loaded.

    Args:
        billing: settings, database, gateway, clock.
        seen: the row as loaded.
        write: gets the session and the row, with its card and checkout locked and attached.
        notes: timeline lines that belong before the ones `write` returns.

    Returns:
        The row as it is now.

    Raises:
        StaleAnswerError: the row's version is another one; nothing was written.
    """
    try:
        with billing.database.writing() as session:
            payment = _lock(session, seen)
            if payment.version != seen.version:
                raise StaleAnswerError(seen.merchant_uid)
            lines = [*notes, *write(session, payment)]
            session.flush()
            timeline.write(session, payment, lines)
            return replace(seen, version=payment.version)
    except StaleDataError:
        raise StaleAnswerError(seen.merchant_uid) from None
    except OperationalError as error:
        # Two orders that name each other's cards: PostgreSQL lets one of them go first.
        if getattr(error.orig, "sqlstate", None) != DEADLOCK:
            raise
        raise StaleAnswerError(seen.merchant_uid) from None


def _lock(session: Session, seen: Seen) -> Payment:
    """The row with its card, checkout and subscription, locked in this order always: no two writers wait for each other."""
    if seen.is_attempt:
        return session.scalars(_WITH_ITS_PERIOD, {"merchant_uid": seen.merchant_uid}).one()
    payment = session.scalars(_WITH_ITS_CARD, {"merchant_uid": seen.merchant_uid}).one()
    checkout = session.get(Checkout, payment.checkout_id, with_for_update=_LOCKED) if payment.checkout_id else None
    set_committed_value(payment, "checkout", checkout)
    if checkout is not None:
        subscription_id = checkout.subscription_id
        subscription = session.get(Subscription, subscription_id, with_for_update=_LOCKED) if subscription_id else None
        set_committed_value(checkout, "subscription", subscription)
    return payment


@dataclass(frozen=True)
class _Entry:
    """One answer on its way into the books: the row, what i'mport says of it, and the transaction."""

    billing: Billing
    session: Session
    payment: Payment
    answer: iamport.Payment
    key: iamport.BillingKey | None
    needs_person: bool
    """Whether anything about the order waited for a person before."""
    lines: list[Note] = field(default_factory=list)

    def write(self, judgement: Judgement) -> list[Note]:
        """Write what a judgement means, and close the refunds that the answer shows to be through.

        Returns:
            What the timeline says about it.
        """
        match judgement.finding:
            case Finding.WANTED:
                self._accept()
            case Finding.REFUSED:
                self._refuse(str(judgement.refusal))
            case Finding.DECLINED:
                self._decline()
            case Finding.KEYLESS:
                self._fail_without_key()
            case Finding.CHANGED:
                self._follow_cancels()
            case Finding.EXTRA:
                self._return_extra()
            case Finding.CONTRADICTION:
                self._call_for_help(Reason.CONTRADICTION, status=self.answer.status, imp_uid=self.answer.imp_uid)
            case Finding.NOTHING:
                pass
        self._end_complaints(judgement)
        self._close_refunds()
        return self.lines

    def _accept(self) -> None:
        payment, answer = self.payment, self.answer
        late = payment.status not in _OPEN
        self._take_over()
        payment.move(PaymentStatus.PAID)
        payment.fail_reason = None
        self._decided("approved_late" if late else "paid", amount=answer.amount, imp_uid=answer.imp_uid)
        if payment.checkout is not None:
            self._win(payment.checkout)
        self._follow_cancels()
        if payment.purpose.issues_key:
            self._store_card()
        else:
            self._suspend_replaced_card()

    def _win(self, checkout: Checkout) -> None:
        """The checkout or period is paid by this payment, and what was bought as a subscription begins with it."""
        if checkout.paid_by is None:
            checkout.paid_by = self.payment.merchant_uid
        now = self.billing.clock.now()
        self._follow(outcomes.paid(self.session, self.payment, now))
        if self.answer.held:
            news.receipt(self.session, self.payment, now)
            self._follow(beginning.with_first_payment(self.session, self.payment, now))

    def _store_card(self) -> None:
        card = self.payment.card
        if card.status == CardStatus.PENDING and self.key is not None:
            activate(card, self.key, self.billing)
            self._decided("key_issued", card=card.card_number)
            self._follow(beginning.with_card(self.session, self.payment, self.billing.clock.now()))
        elif card.status == CardStatus.REMOVING:
            doubt_removal(card)
        elif card.status == CardStatus.REMOVED:
            # This order had failed and its key was cleared away; a late approval may have issued one since.
            self._decided(card.move(CardStatus.REMOVING))

    def _refuse(self, reason: str) -> None:
        payment, answer = self.payment, self.answer
        self._take_over()
        was_open = payment.status in _OPEN
        payment.move(PaymentStatus.REFUSING)
        payment.refusal = reason
        self._decided("refused", reason=reason, ordered=payment.amount_krw, captured=answer.amount)
        payment.cancelled_krw = answer.cancel_amount
        if was_open:
            self._follow(outcomes.failed(self.session, payment, dunning.UNKNOWN, self.billing.clock.now()))
        self._ask_refund("refused")
        if payment.purpose.issues_key and payment.card.status not in (CardStatus.REMOVING, CardStatus.SUSPENDED):
            payment.card.move(CardStatus.REMOVING)
            self._decided("key_unwanted")
        self._suspend_replaced_card()

    def _suspend_replaced_card(self) -> None:
        """I'mport has put the buyer's card behind the key this payment names, whoever's it was."""
        name, own = self.answer.customer_uid, self.payment.card.customer_uid
        # A window that was paid under a charge's number has stored a card under the name that was to be charged.
        is_issued_anew = self.answer.customer_uid_usage == ISSUED and not self.payment.purpose.issues_key
        if name is None or (name == own and not is_issued_anew):
            return
        replaced, event = replace_key(self.session, name)
        if replaced is None:
            # A key under a name we never gave: perhaps another shop's of the same account, so not ours to delete.
            self._call_for_help(Reason.FOREIGN_KEY, customer_uid=name)
        elif event:
            self._decided(event)

    def _decline(self) -> None:
        payment, answer = self.payment, self.answer
        payment.move(PaymentStatus.FAILED)
        self._call_off_help(Reason.REJECTED_RESEND)
        payment.imp_uid = answer.imp_uid
        payment.fail_reason = timeline.without_card_numbers(answer.fail_reason or "") or None
        payment.failed_at = answer.failed_at or self.billing.clock.now()
        payment.card_name, payment.card_number = answer.card_name, answer.card_number
        self._decided("declined", reason=answer.fail_reason, imp_uid=answer.imp_uid)
        kind = dunning.kind_of(answer.fail_reason)
        self._follow(outcomes.failed(self.session, payment, kind, self.billing.clock.now()))

    def _fail_without_key(self) -> None:
        payment = self.payment
        self._take_over()
        if payment.status in _OPEN:
            payment.move(PaymentStatus.FAILED)
            payment.failed_at = self.billing.clock.now()
        self._decided("no_key")

    def _take_over(self) -> None:
        """Make the answer's capture the row's own."""
        payment, answer = self.payment, self.answer
        self._call_off_help(Reason.REJECTED_RESEND)
        payment.imp_uid = answer.imp_uid
        payment.captured = True
        payment.captured_krw = answer.amount
        payment.paid_at = answer.paid_at
        payment.apply_num = answer.apply_num
        payment.card_name, payment.card_number = answer.card_name, answer.card_number
        payment.receipt_url = answer.receipt_url

    def _follow_cancels(self) -> None:
        """Take over how much of the row's own capture is cancelled, and the state that follows."""
        payment, answer = self.payment, self.answer
        if answer.cancel_amount == payment.cancelled_krw and payment.status != PaymentStatus.REFUSED:
            return self._ask_refund_again()
        payment.cancelled_krw = answer.cancel_amount
        payment.cancelled_at = answer.cancelled_at
        status = payment.status
        if not answer.held:
            self._follow(outcomes.given_back(self.session, payment, self.billing.clock.now()))
        else:
            self._follow(outcomes.held_again(payment))
        if status == PaymentStatus.PAID:
            payment.move(PaymentStatus.CANCELLED)
        elif status == PaymentStatus.CANCELLED and not answer.cancel_amount:
            payment.move(PaymentStatus.PAID)
            return self._decided("cancel_undone", held=answer.held)
        elif status == PaymentStatus.REFUSED and answer.held:
            payment.move(PaymentStatus.REFUSING)
            self._decided("cancel_undone", held=answer.held)
            return self._ask_refund("refused")
        self._decided("cancelled", cancelled=answer.cancel_amount, held=answer.held)
        news.refunded(self.session, payment, self.billing.clock.now())
        return self._ask_refund_again()

    def _ask_refund_again(self) -> None:
        """A refusal whose capture was cancelled in part meanwhile needs a refund with another checksum."""
        if self.payment.status == PaymentStatus.REFUSING:
            self._ask_refund("refused")

    def _return_extra(self) -> None:
        answer = self.answer
        seen_before = select(Event.id).where(
            Event.payment_id == self.payment.id,
            Event.event == "extra_capture",
            Event.detail["imp_uid"].as_string() == answer.imp_uid,
        )
        if self.session.scalar(seen_before) is None:
            self._decided("extra_capture", imp_uid=answer.imp_uid, amount=answer.amount)
            self._suspend_replaced_card()
            if self.payment.card.status == CardStatus.REMOVING:
                doubt_removal(self.payment.card)
            elif self.payment.purpose.issues_key and self.payment.card.status == CardStatus.REMOVED:
                # Its window may have stored a key again, under a name of which we have said that it is gone.
                self._decided(self.payment.card.move(CardStatus.REMOVING))
        self._ask_refund("extra")

    def _ask_refund(self, reason: str) -> None:
        """Write down that what is left of the answer's capture goes back; once, unless a cancel was undone since."""
        answer = self.answer
        if answer.held <= 0:
            return
        query = select(Refund.status).where(
            Refund.imp_uid == answer.imp_uid,
            Refund.reason == reason,
            Refund.total_krw - Refund.checksum_krw == answer.cancel_amount,
        )
        before = self.session.scalars(query).all()
        if any(status != RefundStatus.DONE for status in before):
            return
        identity = f"{reason}:{answer.imp_uid}:{answer.cancel_amount}:{len(before)}"
        self.session.add(
            Refund(
                payment_id=self.payment.id,
                identity=identity,
                imp_uid=answer.imp_uid,
                amount_krw=answer.held,
                checksum_krw=answer.held,
                total_krw=answer.amount,
                reason=reason,
                status=RefundStatus.REQUESTED,
                created_at=self.billing.clock.now(),
            )
        )
        self._decided("refund_asked", amount=answer.held, reason=reason)
        self._count_as_change()

    def _close_refunds(self) -> None:
        """Refunds that i'mport's own record shows to be through are done, whoever told us and whoever did it."""
        if not self.answer.cancel_amount:
            return
        query = select(Refund).where(Refund.payment_id == self.payment.id).order_by(Refund.id).with_for_update()
        newest: dict[str, Refund] = {}
        for refund in self.session.scalars(query):
            newest[refund.imp_uid] = refund
            if refund.status == RefundStatus.REQUESTED:
                self._close_if_through(refund)
        for refund in newest.values():
            if refund.status == RefundStatus.FAILED:
                self._close_if_through(refund)
        if all(refund.status != RefundStatus.FAILED for refund in newest.values()):
            self._call_off_help(Reason.REFUND_FAILED)
        if all(refund.status == RefundStatus.DONE for refund in newest.values()):
            self._call_off_help(Reason.REFUND_OWED)

    def _close_if_through(self, refund: Refund) -> None:
        answer = self.answer
        if refund.imp_uid != answer.imp_uid or not answer.captured:
            return
        if answer.cancel_amount >= refund.cancelled_after_krw:
            self._decided(refund.move(RefundStatus.DONE), amount=refund.amount_krw)
            refund.done_at = self.billing.clock.now()
            self._count_as_change()

    def _count_as_change(self) -> None:
        """A refund is a part of its payment: an answer from before it is stale, although the row looks the same."""
        flag_modified(self.payment, "status")

    def _call_for_help(self, reason: Reason, **detail: object) -> None:
        now = self.billing.clock.now()
        if attention.call(self.session, reason, self.payment.merchant_uid, now, **detail):
            self._decided(reason, **detail)

    def _end_complaints(self, judgement: Judgement) -> None:
        """I'mport knows the payment again, and what it says of the row's own makes sense again."""
        self._call_off_help(Reason.UNKNOWN, imp_uid=self.answer.imp_uid)
        if judgement.finding != Finding.CONTRADICTION and self.answer.imp_uid == self.payment.imp_uid:
            self._call_off_help(Reason.CONTRADICTION)

    def _call_off_help(self, reason: Reason, **facts: object) -> None:
        if self.needs_person:
            attention.call_off(self.session, self.payment.merchant_uid, self.billing.clock.now(), reason, **facts)

    def _follow(self, events: Sequence[str]) -> None:
        """What has followed for the payment's subscription."""
        for event in events:
            self._decided(event)

    def _decided(self, event: str, **detail: object) -> None:
        self.lines.append(decided(self.billing.clock.now(), event, **detail))


def doubt_removal(card: Card) -> None:
    """A key may have been stored since somebody looked whether it is gone: that look is stale now, and is done again."""
    flag_modified(card, "status")


def replace_key(session: Session, customer_uid: str) -> tuple[Card | None, str | None]:
    """Heed that another card stands behind a stored card's key now: that card is never charged again.

    Args:
        session: the transaction to write in.
        customer_uid: the name whose key was replaced.

    Returns:
        The card of that name, or None if it is not ours, and the event for a timeline if the card has changed.
    """
    card = session.scalar(select(Card).where(Card.customer_uid == customer_uid).with_for_update())
    if card is not None and card.status == CardStatus.ACTIVE:
        return card, card.move(CardStatus.SUSPENDED)
    if card is not None and card.status == CardStatus.REMOVING:
        doubt_removal(card)
    if card is not None and card.status == CardStatus.REMOVED:
        # Its shopper was told that no charge can follow, so what stands behind its name now is deleted.
        return card, card.move(CardStatus.REMOVING)
    return card, None


def activate(card: Card, key: iamport.BillingKey, billing: Billing) -> None:
    """A pending card whose key exists becomes one that may be charged."""
    card.move(CardStatus.ACTIVE)
    card.card_name, card.card_number = key.card_name, key.card_number
    card.activated_at = billing.clock.now()
