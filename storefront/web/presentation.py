"""How a payment is told: as JSON for programs, as a picture, a headline and a money line for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext

from storefront.billing.errands import BusyError
from storefront.billing.payments.charges import BadTokenError, CardNotChargeableError
from storefront.billing.subscriptions.calendar import seoul_day
from storefront.models import Card, Payment
from storefront.states import CardStatus, Every, PaymentStatus, Purpose, RefundStatus
from storefront.web.card_words import card_company, reason
from storefront.web.formats import day, last_four, seoul, won

LEFT_THE_WINDOW = "[결제포기]"
"""What i'mport's reason begins with when the buyer closed the window. It changes our words and nothing else."""


@dataclass(frozen=True)
class Result:
    """What a result page says first.

    Attributes:
        state: the chip's style: paid, requested, failed, refused, cancelled or ready.
        chip: the state in two words.
        picture: which picture of `templates/art`.
        headline: what happened.
        lead: one sentence about it.
        money: what left the card, or did not.
        next: what comes next.
        receipt: what the slip is called.
        reason: i'mport's text of why it was not approved, where that says more than `lead`.
    """

    state: str
    chip: str
    picture: str
    headline: str
    lead: str
    money: str
    next: str
    receipt: str
    reason: str | None = None


def as_json(payment: Payment, *, events: bool = False) -> dict[str, Any]:
    """A payment as programs see it; amounts in won."""
    facts: dict[str, Any] = {
        "merchant_uid": payment.merchant_uid,
        "imp_uid": payment.imp_uid,
        "customer_uid": payment.card.customer_uid,
        "purpose": payment.purpose,
        "status": payment.status,
        "captured": payment.captured,
        "amount": payment.amount_krw,
        "cancelled": payment.cancelled_krw,
        "net": payment.net_krw,
        "currency": payment.currency,
        "fail_reason": payment.fail_reason,
        "subscription": payment.subscription_id,
        "period": payment.checkout.number if payment.attempt is not None and payment.checkout else None,
        "attempt": payment.attempt,
    }
    if events:
        facts["events"] = [{"at": event.at.isoformat(), "event": event.event} for event in payment.events]
    return facts


def card_as_json(card: Card) -> dict[str, Any]:
    """A card as programs see it."""
    return {"id": card.id, "customer_uid": card.customer_uid, "status": card.status, "card_number": card.card_number}


def card_labels(cards: Sequence[Card]) -> dict[int, str]:
    """What each of a shopper's cards is called: issuer and last digits.

    Where another one is called that too, also when it was stored: to the minute, or as exactly as it takes.
    """
    plain = {
        card.id: f"{card_company(card.card_name) or gettext('Card')} {last_four(card.card_number)}" for card in cards
    }
    spellings = [
        plain,
        {card.id: f"{plain[card.id]} ({seoul(card.activated_at)})" for card in cards},
        {card.id: f"{plain[card.id]} ({seoul(card.activated_at, seconds=True)})" for card in cards},
        {card.id: f"{plain[card.id]} ({seoul(card.activated_at, seconds=True)}, #{card.id})" for card in cards},
    ]
    kept = [card.id for card in cards if card.status != CardStatus.REMOVED]
    uses = [Counter(labels[card_id] for card_id in kept) for labels in spellings]
    return {
        card.id: next(
            labels[card.id] for labels, used in zip(spellings, uses, strict=True) if used[labels[card.id]] <= 1
        )
        for card in cards
    }


def charge_refusals() -> dict[type[Exception], tuple[str, int]]:
    """Why a press did not charge a stored card, in words, and the answer's status."""
    return {
        CardNotChargeableError: (gettext("This card cannot be charged any more. Please choose another one."), 400),
        BadTokenError: (gettext("This form is not valid any more"), 400),
        BusyError: (gettext("Too many charges are waiting for i'mport. Please try again in a minute."), 503),
    }


def result_of(payment: Payment) -> Result:
    """What to say about a payment."""
    if payment.status in (PaymentStatus.READY, PaymentStatus.FAILED) and _was_left(payment):
        return _left(payment)
    if payment.purpose == Purpose.REGISTER and payment.status in _REGISTRATIONS:
        return _REGISTRATIONS[payment.status](payment)
    return _RESULTS[payment.status](payment)


def _was_left(payment: Payment) -> bool:
    said = payment.fail_reason if payment.status == PaymentStatus.FAILED else payment.told_error
    return not payment.captured and LEFT_THE_WINDOW in (said or "")


def _left(payment: Payment) -> Result:
    if payment.status == PaymentStatus.READY:
        following = gettext("Go on where you stopped, or leave it: after a day this order expires.")
    else:
        following = gettext("Start again whenever you like, with this card or another.")
    is_registration = payment.purpose == Purpose.REGISTER
    return Result(
        state="ready",
        chip=gettext("Card not stored") if is_registration else gettext("Not paid"),
        picture="lost",
        headline=gettext("You left the payment window"),
        lead=gettext("You closed it before anything was approved."),
        money=gettext("Nothing left your card."),
        next=following,
        receipt=gettext("Open order"),
    )


def _registered(payment: Payment) -> Result:
    return Result(
        state="ready",
        chip=gettext("Card stored"),
        picture="registered",
        headline=gettext("Your card is stored"),
        lead=gettext("Nothing was charged today."),
        money=gettext("Nothing left your card."),
        next=_what_was_agreed_to(payment),
        receipt=gettext("Registration slip"),
    )


def _what_was_agreed_to(payment: Payment) -> str:
    if payment.first_on is None:
        return _what_is_charged_next(payment)
    amount, on = won(payment.consent_price_krw or 0), day(payment.first_on)
    agreed = gettext("You agreed that %(amount)s is charged for the first time on %(day)s.", amount=amount, day=on)
    return f"{agreed} {_what_is_charged_next(payment)}"


def _paid(payment: Payment) -> Result:
    return Result(
        state="paid",
        chip=gettext("Paid"),
        picture="paid",
        headline=gettext("You paid %(amount)s", amount=won(payment.captured_krw)),
        lead=gettext("We roast your bag and send it on the morning of %(day)s.", day=day(_morning_after(payment))),
        money=_and_what_was_taken_twice(payment, _what_left_the_card(payment)),
        next=_what_is_charged_next(payment),
        receipt=gettext("Receipt"),
    )


def _morning_after(payment: Payment) -> date:
    return seoul_day(payment.paid_at or payment.created_at) + timedelta(days=1)


def _what_left_the_card(payment: Payment) -> str:
    amount = won(payment.captured_krw)
    if payment.every == Every.ONCE:
        return str(gettext("%(amount)s left your card, once.", amount=amount))
    return str(gettext("%(amount)s left your card.", amount=amount))


def _what_is_charged_next(payment: Payment) -> str:
    if payment.every == Every.ONCE:
        return str(gettext("Nothing is charged automatically: only when you press a button that says how much."))
    return str(gettext("Your account page says what is charged next, when, and to which card."))


def _requested(_payment: Payment) -> Result:
    return Result(
        state="requested",
        chip=gettext("Checking"),
        picture="checking",
        headline=gettext("We are checking whether you paid"),
        lead=gettext("The card company's answer has not arrived. When it does, this page changes by itself."),
        money=gettext("You do not need to pay again."),
        next=gettext("The same order is never charged twice. You may close this window."),
        receipt=gettext("Order being checked"),
    )


def _failed(payment: Payment) -> Result:
    if payment.captured:
        lead = gettext("i'mport did not store the card. Please register it again.")
    elif payment.given_up:
        lead = gettext("It was not confirmed, and we stopped trying. If it was taken after all, it goes back.")
    else:
        lead = gettext("The card company or the payment window did not approve it.")
    return Result(
        state="failed",
        chip=gettext("Not paid"),
        picture="declined",
        headline=gettext("The payment did not go through"),
        lead=lead,
        money=gettext("Nothing left your card, as far as i'mport knows.")
        if payment.given_up
        else gettext("Nothing left your card."),
        next=gettext("Try another card, or leave it at that."),
        receipt=gettext("Order not approved"),
        reason=payment.fail_reason,
    )


def _not_registered(payment: Payment) -> Result:
    return Result(
        state="failed",
        chip=gettext("Card not stored"),
        picture="declined",
        headline=gettext("Your card was not registered"),
        lead=gettext("The card company or the payment window did not approve it.")
        if payment.fail_reason
        else gettext("i'mport did not store the card. Please register it again."),
        money=gettext("Nothing left your card."),
        next=gettext("Try another card, or leave it at that."),
        receipt=gettext("Registration not approved"),
        reason=payment.fail_reason,
    )


def _refused_registration(payment: Payment) -> Result:
    return Result(
        state="refused",
        chip=gettext("Card not stored"),
        picture="refused",
        headline=gettext("We did not accept this card registration"),
        lead=_refusal_text(payment),
        money=_what_goes_back(payment) if payment.captured_krw else gettext("Nothing left your card."),
        next=gettext("You can start again whenever you like."),
        receipt=gettext("Registration not accepted"),
    )


def _open_registration(payment: Payment) -> Result:
    return Result(
        state="ready",
        chip=gettext("Not stored yet"),
        picture="lost",
        headline=gettext("Your card is not registered yet"),
        lead=_what_stopped_it(payment),
        money=gettext("Nothing left your card, as far as i'mport knows."),
        next=gettext("Go on where you stopped, or leave it: after a day this order expires."),
        receipt=gettext("Open registration"),
    )


def is_settled_otherwise(payment: Payment) -> bool:
    """Whether i'mport has refused to give it back, and a person has closed that."""
    own = [refund for refund in payment.refunds if refund.imp_uid == payment.imp_uid]
    is_refused = bool(own) and own[-1].status == RefundStatus.FAILED
    return payment.status == PaymentStatus.REFUSING and is_refused and not payment.needs_person


def _unwanted(payment: Payment) -> Result:
    if is_settled_otherwise(payment):
        chip, headline = gettext("Settled"), gettext("We did not accept this payment")
        following = gettext("Write to us if you have any questions.")
    elif payment.net_krw:
        chip, headline = gettext("Returning"), gettext("We are returning your money")
        following = gettext("You do not need to do anything. This page changes by itself.")
    else:
        chip, headline = gettext("Returned"), gettext("We did not accept this payment")
        following = gettext("You can start again whenever you like.")
    return Result(
        state="refused",
        chip=chip,
        picture="refused",
        headline=headline,
        lead=_refusal_text(payment),
        money=_what_goes_back(payment),
        next=following,
        receipt=gettext("Order returned"),
    )


def _what_goes_back(payment: Payment) -> str:
    """Of a payment that nobody wants."""
    if is_settled_otherwise(payment):
        otherwise = gettext(
            "%(amount)s could not go back to your card. We have settled it otherwise.", amount=won(payment.net_krw)
        )
        return str(otherwise)
    if payment.net_krw:
        return str(gettext("%(amount)s is on its way back to your card.", amount=won(payment.net_krw)))
    return str(gettext("Everything that left your card has been returned."))


def _and_what_was_taken_twice(payment: Payment, said: str) -> str:
    """Of a payment that counts; a second capture under its number goes back."""
    # What i'mport has refused to give back is settled once no person has to look any more.
    on_their_way = (one for one in payment.extra_refunds if payment.needs_person or one.status != RefundStatus.FAILED)
    twice = sum(one.amount_krw for one in on_their_way)
    if not twice:
        return said
    also = gettext("%(amount)s that was taken a second time is on its way back to your card.", amount=won(twice))
    return f"{said} {also}"


def _cancelled(payment: Payment) -> Result:
    if payment.held_krw:
        money = gettext(
            "%(back)s came back, %(kept)s is still paid.", back=won(payment.cancelled_krw), kept=won(payment.held_krw)
        )
        headline = gettext("Refunded in part")
    else:
        money = gettext("%(back)s came back to your card.", back=won(payment.cancelled_krw))
        headline = gettext("Refunded")
    return Result(
        state="cancelled",
        chip=gettext("Refunded"),
        picture="refused",
        headline=headline,
        lead=gettext("It may take a few days until your card company shows it."),
        money=_and_what_was_taken_twice(payment, money),
        next=gettext("Your stored card stays until you remove it.")
        if payment.card.status == CardStatus.ACTIVE
        else gettext("You can start again whenever you like."),
        receipt=gettext("Receipt"),
    )


def _ready(payment: Payment) -> Result:
    return Result(
        state="ready",
        chip=gettext("Not paid yet"),
        picture="lost",
        headline=gettext("You have not paid yet"),
        lead=_what_stopped_it(payment),
        money=gettext("Nothing left your card, as far as i'mport knows."),
        next=gettext("Go on where you stopped, or leave it: after a day this order expires."),
        receipt=gettext("Open order"),
    )


def _what_stopped_it(payment: Payment) -> str:
    return reason(payment.told_error) or str(gettext("The payment window was not finished."))


def _expired(_payment: Payment) -> Result:
    return Result(
        state="cancelled",
        chip=gettext("Expired"),
        picture="lost",
        headline=gettext("This order has expired"),
        lead=gettext("It was not paid within a day."),
        money=gettext("Nothing left your card."),
        next=gettext("You can start again whenever you like."),
        receipt=gettext("Expired order"),
    )


def _refusal_text(payment: Payment) -> str:
    return refusal_texts().get(payment.refusal or "") or str(gettext("It was not what you ordered."))


def refusal_texts() -> dict[str, str]:
    """Why a capture was refused, in the shopper's words, by the reason's name."""
    return {
        "amount": gettext("Another amount was charged than you ordered."),
        "currency": gettext("It was charged in another currency than you ordered."),
        "customer_uid": gettext("It was paid with another card registration than this order's."),
        "channel": gettext("It was paid through a test channel."),
        "already_paid": gettext("You had already paid this order in another window."),
        "too_late": gettext("It was paid more than a day after the order."),
        "ended": gettext("It was charged after its subscription had ended."),
        "period_over": gettext("It was charged after its period was over."),
        "given_up": gettext("It arrived after we had given the order up."),
        "card_removed": gettext("It was charged after its card had been removed."),
    }


_REGISTRATIONS = {
    PaymentStatus.PAID: _registered,
    PaymentStatus.READY: _open_registration,
    PaymentStatus.FAILED: _not_registered,
    PaymentStatus.REFUSING: _refused_registration,
    PaymentStatus.REFUSED: _refused_registration,
}
"""What is said of a registration where it is something else than of a payment."""

_RESULTS = {
    PaymentStatus.READY: _ready,
    PaymentStatus.REQUESTED: _requested,
    PaymentStatus.PAID: _paid,
    PaymentStatus.FAILED: _failed,
    PaymentStatus.CANCELLED: _cancelled,
    PaymentStatus.REFUSING: _unwanted,
    PaymentStatus.REFUSED: _unwanted,
    PaymentStatus.EXPIRED: _expired,
}
