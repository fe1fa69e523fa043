"""The states of a payment, a card, a refund, a subscription and its periods, and every move between them, as data.

A move that is not in these tables is a bug: `check_move` raises and nothing is written. The event beside each edge
is what the timeline shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

State = TypeVar("State", bound=StrEnum)


class PaymentStatus(StrEnum):
    """Where one order (one `merchant_uid`) stands."""

    READY = "ready"
    """Stored; the payment window may open. No capture is known."""
    REQUESTED = "requested"
    """A charge with a stored key was sent and its outcome is not known."""
    PAID = "paid"
    """i'mport says captured, and everything it says agrees with the order. A 0-won registration ends here too."""
    FAILED = "failed"
    """Declined, rejected or given up: no capture is known. A late approval may still arrive."""
    CANCELLED = "cancelled"
    """Captured once, and cancelled since, in full or in part."""
    REFUSING = "refusing"
    """Captured, but not what was ordered: the money is on its way back."""
    REFUSED = "refused"
    """What was captured has been returned and the key it issued is gone."""
    EXPIRED = "expired"
    """Nobody paid within a day."""


class CardStatus(StrEnum):
    """Where one stored card (one `customer_uid`) stands."""

    PENDING = "pending"
    """A window was offered; whether a key exists is not known."""
    ACTIVE = "active"
    """i'mport holds a key, and it may be charged."""
    REMOVING = "removing"
    """No new charge may start; the key is being deleted."""
    REMOVED = "removed"
    """i'mport says that there is no key, and no charge is on its way."""
    SUSPENDED = "suspended"
    """Somebody else's card may stand behind the key now: it is never charged, only removed."""


class RefundStatus(StrEnum):
    """Where one return of money stands."""

    REQUESTED = "requested"
    """Written down before the first call; sent or about to be, confirmed by nobody."""
    DONE = "done"
    """i'mport says that the money is cancelled."""
    FAILED = "failed"
    """i'mport refuses, and its own record shows the money still captured: a person has to look."""


class RefundReason(StrEnum):
    """Why money goes back."""

    SHOPPER = "shopper"
    """Its shopper pressed the button."""
    REFUSED = "refused"
    """It is not what was ordered."""
    EXTRA = "extra"
    """It was captured a second time under one order number."""
    LEFT = "left"
    """Its shopper has left a subscription, and these days of it are not used."""


class Purpose(StrEnum):
    """Why a payment exists."""

    REGISTER = "register"
    """A billing key alone, for 0 won."""
    FIRST = "first"
    """A billing key and the first bag."""
    EXTRA = "extra"
    """A bag charged with a stored key because its shopper pressed a button: one more, or the first of a subscription."""
    RENEWAL = "renewal"
    """A bag charged with a stored key, for a period of a subscription."""

    @property
    def issues_key(self) -> bool:
        """Whether the payment window of this payment issues a billing key."""
        return self in ISSUING


class Every(StrEnum):
    """How often something is bought."""

    ONCE = "once"
    """Never again by itself."""
    MONTH = "month"
    """A bag a month."""
    YEAR = "year"
    """Paid once a year."""

    @property
    def months(self) -> int:
        """How many months one period is long; 0 for what is bought once."""
        return {Every.ONCE: 0, Every.MONTH: 1, Every.YEAR: 12}[self]


class SubscriptionStatus(StrEnum):
    """Where one standing order stands."""

    ACTIVE = "active"
    """Nothing is owed: the last period that fell due was paid, skipped or missed."""
    PAST_DUE = "past_due"
    """The present period fell due and is not paid."""
    ENDED = "ended"
    """It never charges again; see the `EndReason`."""


class EndReason(StrEnum):
    """Why a subscription ended. The first ending wins."""

    LEFT = "left"
    """The shopper wanted to."""
    UNPAID = "unpaid"
    """A period could not be charged in time."""
    REFUNDED = "refunded"
    """The money of the present period was given back."""
    PRICE = "price"
    """A higher price was not agreed to."""


class PeriodStatus(StrEnum):
    """Where one interval of a subscription stands."""

    DUE = "due"
    """Not tried yet. A row is written only when something happens to it, so no row stays in this state."""
    PAID = "paid"
    """One attempt was captured."""
    UNPAID = "unpaid"
    """Tried, or there was no card to try."""
    SKIPPED = "skipped"
    """The shopper wanted no bag."""
    MISSED = "missed"
    """Over, and nobody tried: it is not charged afterwards."""
    LAPSED = "lapsed"
    """Over, or its subscription ended, while unpaid."""
    REFUNDED = "refunded"
    """It was paid, and i'mport holds nothing of that any more."""


OPEN = (PaymentStatus.READY, PaymentStatus.REQUESTED)
"""Orders of which it is not known yet whether they are paid."""
KEPT = (PaymentStatus.PAID, PaymentStatus.CANCELLED)
"""Orders that were captured as ordered, whatever of it was given back since."""
ISSUING = (Purpose.REGISTER, Purpose.FIRST)
"""Orders whose windows store a card."""
UNDER_WAY = (CardStatus.PENDING, CardStatus.REMOVING)
"""Cards of which something is still to be found out or done."""

_P, _C, _R, _S, _D = PaymentStatus, CardStatus, RefundStatus, SubscriptionStatus, PeriodStatus

PAYMENT_MOVES: Mapping[tuple[PaymentStatus, PaymentStatus], str] = {
    (_P.READY, _P.PAID): "paid",
    (_P.READY, _P.FAILED): "declined",
    (_P.READY, _P.EXPIRED): "expired",
    (_P.READY, _P.REFUSING): "refused",
    (_P.REQUESTED, _P.PAID): "paid",
    (_P.REQUESTED, _P.FAILED): "declined",
    (_P.REQUESTED, _P.REFUSING): "refused",
    (_P.PAID, _P.CANCELLED): "cancelled",
    (_P.CANCELLED, _P.PAID): "cancel_undone",
    (_P.FAILED, _P.PAID): "approved_late",
    (_P.FAILED, _P.REFUSING): "refused",
    (_P.EXPIRED, _P.PAID): "approved_late",
    (_P.EXPIRED, _P.REFUSING): "refused",
    (_P.REFUSING, _P.REFUSED): "returned",
    (_P.REFUSED, _P.REFUSING): "cancel_undone",
}

CARD_MOVES: Mapping[tuple[CardStatus, CardStatus], str] = {
    (_C.PENDING, _C.ACTIVE): "key_issued",
    (_C.PENDING, _C.REMOVING): "key_unwanted",
    (_C.PENDING, _C.REMOVED): "no_key",
    (_C.ACTIVE, _C.REMOVING): "removal_asked",
    (_C.ACTIVE, _C.SUSPENDED): "key_replaced",
    (_C.SUSPENDED, _C.REMOVING): "removal_asked",
    (_C.REMOVING, _C.REMOVED): "key_deleted",
    (_C.REMOVED, _C.REMOVING): "key_found_again",
}

REFUND_MOVES: Mapping[tuple[RefundStatus, RefundStatus], str] = {
    (_R.REQUESTED, _R.DONE): "refund_done",
    (_R.REQUESTED, _R.FAILED): "refund_failed",
    (_R.FAILED, _R.REQUESTED): "refund_asked_again",
    (_R.FAILED, _R.DONE): "refund_done",
}

SUBSCRIPTION_MOVES: Mapping[tuple[SubscriptionStatus, SubscriptionStatus], str] = {
    (_S.ACTIVE, _S.PAST_DUE): "past_due",
    (_S.PAST_DUE, _S.ACTIVE): "recovered",
    (_S.ACTIVE, _S.ENDED): "subscription_ended",
    (_S.PAST_DUE, _S.ENDED): "subscription_ended",
}

PERIOD_MOVES: Mapping[tuple[PeriodStatus, PeriodStatus], str] = {
    (_D.DUE, _D.PAID): "period_paid",
    (_D.DUE, _D.UNPAID): "period_begun",
    (_D.DUE, _D.SKIPPED): "period_skipped",
    (_D.DUE, _D.MISSED): "period_missed",
    (_D.UNPAID, _D.PAID): "period_paid",
    (_D.UNPAID, _D.LAPSED): "period_lapsed",
    (_D.PAID, _D.REFUNDED): "period_refunded",
    (_D.REFUNDED, _D.PAID): "period_paid",
}


class IllegalMoveError(Exception):
    """Somebody asked for a move that is not in the tables; nothing was written. It is a bug in the caller."""


def check_move(moves: Mapping[tuple[State, State], str], old: State, new: State) -> str:
    """The event of a move, or an error if there is no such move.

    Args:
        moves: one of the tables above.
        old: the state now.
        new: the state wanted.

    Returns:
        The event's name, for the timeline.

    Raises:
        IllegalMoveError: the move is not in the table.
    """
    try:
        return moves[old, new]
    except KeyError:
        raise IllegalMoveError(f"no move from {old} to {new}") from None
