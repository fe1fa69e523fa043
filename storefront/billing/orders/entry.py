"""What one answer of i'mport makes of a row: its state, its card, its subscription, its refunds, and who is told.

Everything is written into the transaction of the caller, `records.record`, which holds the row and has found the judgement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from storefront import iamport
from storefront.billing import attention
from storefront.billing.attention import Reason
from storefront.billing.context import Billing
from storefront.billing.mails import news
from storefront.billing.orders import keys, timeline
from storefront.billing.orders.judgement import Finding, Judgement
from storefront.billing.orders.timeline import Note, decided
from storefront.billing.subscriptions import beginning, dunning, outcomes
from storefront.iamport.masking import without_card_numbers
from storefront.models import Checkout, Payment, Refund
from storefront.states import OPEN, CardStatus, PaymentStatus, RefundReason, RefundStatus


@dataclass(frozen=True)
class Entry:
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
        late = payment.status not in OPEN
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
            keys.activate(card, self.key, self.billing)
            self._decided("key_issued", card=card.card_number)
            self._follow(beginning.with_card(self.session, self.payment, self.billing.clock.now()))
        elif card.status == CardStatus.PENDING and self.answer.customer_uid is None:
            # i'mport says that this window stored no key: what stands behind the name now is not its shopper's.
            self._decided(card.move(CardStatus.REMOVING))
        elif card.status == CardStatus.REMOVING:
            keys.doubt_removal(card)
        elif card.status == CardStatus.REMOVED:
            # This order had failed and its key was cleared away; a late approval may have issued one since.
            self._decided(card.move(CardStatus.REMOVING))

    def _refuse(self, reason: str) -> None:
        payment, answer = self.payment, self.answer
        self._take_over()
        was_open = payment.status in OPEN
        payment.move(PaymentStatus.REFUSING)
        payment.refusal = reason
        self._decided("refused", reason=reason, ordered=payment.amount_krw, captured=answer.amount)
        payment.cancelled_krw, payment.cancelled_at = answer.cancel_amount, answer.cancelled_at
        if was_open:
            self._follow(outcomes.failed(self.session, payment, dunning.UNKNOWN, self.billing.clock.now()))
        self._ask_refund(RefundReason.REFUSED)
        if payment.purpose.issues_key and payment.card.status not in (CardStatus.REMOVING, CardStatus.SUSPENDED):
            payment.card.move(CardStatus.REMOVING)
            self._decided("key_unwanted")
        self._suspend_replaced_card()

    def _suspend_replaced_card(self) -> None:
        """I'mport has put the buyer's card behind the key this payment names, whoever's it was."""
        name, own = self.answer.customer_uid, self.payment.card.customer_uid
        # A window that was paid under a charge's number has stored a card under the name that was to be charged.
        is_issued_anew = self.answer.customer_uid_usage == keys.ISSUED and not self.payment.purpose.issues_key
        if name is None or (name == own and not is_issued_anew):
            return
        replaced, event = keys.replace_key(self.session, name, self.billing.clock.now())
        if replaced is None:
            # A key under a name we never gave: perhaps another shop's of the same account, so not ours to delete.
            self._call_for_help(Reason.FOREIGN_KEY, customer_uid=name)
        elif event:
            self._decided(event)

    def _decline(self) -> None:
        payment, answer = self.payment, self.answer
        payment.move(PaymentStatus.FAILED)
        payment.imp_uid = answer.imp_uid
        payment.fail_reason = without_card_numbers(answer.fail_reason or "") or None
        payment.failed_at = answer.failed_at or self.billing.clock.now()
        payment.card_name, payment.card_number = answer.card_name, answer.card_number
        self._decided("declined", reason=answer.fail_reason, imp_uid=answer.imp_uid)
        kind = dunning.kind_of(answer.fail_reason)
        self._follow(outcomes.failed(self.session, payment, kind, self.billing.clock.now()))

    def _fail_without_key(self) -> None:
        payment = self.payment
        self._take_over()
        if payment.status in OPEN:
            payment.move(PaymentStatus.FAILED)
            payment.failed_at = self.billing.clock.now()
        self._decided("no_key")

    def _take_over(self) -> None:
        """Make the answer's capture the row's own."""
        payment, answer = self.payment, self.answer
        payment.imp_uid = answer.imp_uid
        payment.captured = True
        payment.captured_krw = answer.amount
        payment.paid_at = answer.paid_at
        payment.apply_num = answer.apply_num
        payment.card_name, payment.card_number = answer.card_name, answer.card_number
        payment.receipt_url = answer.receipt_url

    def _follow_cancels(self) -> None:
        """Take over how much of the row's own capture is cancelled, and the state that follows."""
        payment = self.payment
        if self.answer.cancel_amount != payment.cancelled_krw or payment.status == PaymentStatus.REFUSED:
            self._take_over_cancels()
        if payment.status == PaymentStatus.REFUSING:
            # One that was cancelled in part meanwhile needs a refund with another checksum.
            self._ask_refund(RefundReason.REFUSED)

    def _take_over_cancels(self) -> None:
        payment, answer, now = self.payment, self.answer, self.billing.clock.now()
        is_less = answer.cancel_amount < payment.cancelled_krw
        payment.cancelled_krw, payment.cancelled_at = answer.cancel_amount, answer.cancelled_at
        self._follow(outcomes.held_again(payment) if answer.held else outcomes.given_back(self.session, payment, now))
        before = payment.status
        if before == PaymentStatus.CANCELLED and not answer.cancel_amount:
            payment.move(PaymentStatus.PAID)
            self._decided("cancel_undone", held=answer.held)
        elif before == PaymentStatus.REFUSED and answer.held:
            payment.move(PaymentStatus.REFUSING)
            self._decided("cancel_undone", held=answer.held)
        elif is_less:
            self._decided("cancel_undone", cancelled=answer.cancel_amount, held=answer.held)
        else:
            if before == PaymentStatus.PAID:
                payment.move(PaymentStatus.CANCELLED)
            self._decided("cancelled", cancelled=answer.cancel_amount, held=answer.held)
            news.refunded(self.session, payment, now)
        self._heed_undone()

    def _heed_undone(self) -> None:
        """What its shopper was told has gone back is held again, and no button of theirs may be there any more."""
        payment = self.payment
        missing = timeline.most_cancelled(self.session, payment) - self.answer.cancel_amount
        if missing <= 0 or payment.status == PaymentStatus.REFUSING:  # which gives it back by itself
            self._call_off_help(Reason.REFUND_UNDONE)
        elif self._was_asked_back() or outcomes.has_ended(payment) or beginning.has_begun_nothing(payment):
            self._call_off_help(Reason.REFUND_UNDONE)  # which told of another sum
            self._call_for_help(Reason.REFUND_UNDONE, amount=missing)

    def _was_asked_back(self) -> bool:
        """Whether a refund that its shopper asked for, or has by leaving, is through."""
        query = select(Refund.id).where(
            Refund.payment_id == self.payment.id,
            Refund.imp_uid == self.answer.imp_uid,
            Refund.status == RefundStatus.DONE,
            Refund.reason.in_((RefundReason.SHOPPER, RefundReason.LEFT)),
        )
        return self.session.scalar(query.limit(1)) is not None

    def _return_extra(self) -> None:
        answer = self.answer
        known_krw = timeline.cancelled_of_extra(self.session, self.payment, answer.imp_uid)
        if known_krw is None:
            paid_at = int(answer.paid_at.timestamp()) if answer.paid_at else None
            self._decided("extra_capture", imp_uid=answer.imp_uid, amount=answer.amount, paid_at=paid_at)
            self._heed_extra_key()
        if answer.cancel_amount != (known_krw or 0):
            event = "cancelled" if answer.cancel_amount > (known_krw or 0) else "cancel_undone"
            cancelled_at = int(answer.cancelled_at.timestamp()) if answer.cancelled_at else None
            facts = {"imp_uid": answer.imp_uid, "cancelled": answer.cancel_amount, "held": answer.held}
            self._decided(event, **facts, cancelled_at=cancelled_at)
            self._count_as_change()
        self._ask_refund(RefundReason.EXTRA)

    def _heed_extra_key(self) -> None:
        """The window of a second capture may have stored a key again."""
        card = self.payment.card
        self._suspend_replaced_card()
        if card.status == CardStatus.REMOVING:
            keys.doubt_removal(card)
        elif self.payment.purpose.issues_key and card.status == CardStatus.REMOVED:
            # Of this name we have said that it is gone.
            self._decided(card.move(CardStatus.REMOVING))

    def _ask_refund(self, reason: RefundReason) -> None:
        """Write down that what is left of the answer's capture goes back; once, unless a cancel was undone since."""
        answer = self.answer
        if answer.held <= 0:
            return
        query = (
            select(Refund)
            .where(Refund.payment_id == self.payment.id, Refund.imp_uid == answer.imp_uid, Refund.reason == reason)
            .order_by(Refund.id)
        )
        asked = self.session.scalars(query).all()
        if asked and is_settled(self.session, self.payment.merchant_uid, asked[-1]):
            return
        before = [refund for refund in asked if refund.total_krw - refund.checksum_krw == answer.cancel_amount]
        # One that was refused is asked for again only while it is the newest (`refunds.ask_again`).
        waiting = [refund for refund in before if refund.status == RefundStatus.REQUESTED or refund is asked[-1]]
        if any(refund.status != RefundStatus.DONE for refund in waiting):
            return
        identity = f"{reason}:{self.payment.id}:{answer.imp_uid}:{answer.cancel_amount}:{len(before)}"
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
        """I'mport knows the payment again, what it says of the row's own makes sense again, the order's end is known."""
        if self.payment.status not in OPEN:
            self._call_off_help(Reason.REJECTED_RESEND)
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


def is_settled(session: Session, merchant_uid: str, refund: Refund) -> bool:
    """Whether a person has said how a refund that i'mport refused was settled: by bank transfer, say.

    Args:
        session: any.
        merchant_uid: the order's.
        refund: one of it.
    """
    is_refused = refund.status == RefundStatus.FAILED
    return is_refused and attention.is_closed_by_person(session, Reason.REFUND_FAILED, merchant_uid, refund=refund.id)
