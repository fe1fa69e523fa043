"""The timeline in words: who spoke to whom, and what it meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any

from flask_babel import gettext
from markupsafe import Markup

from storefront.models import Event, Payment
from storefront.web.card_words import reason
from storefront.web.formats import won
from storefront.web.presentation import refusal_texts


class Lane(IntEnum):
    """Who there is."""

    BROWSER = 1
    SHOP = 2
    IAMPORT = 3
    JTNET = 4


_UNREADABLE = (
    "not JSON",
    "no envelope",
    "no token in it",
    "no amount in it",
    "no list in it",
    "no total in it",
    "its pages do not end",
    "its pages do not go on",
    "a page of it is gone",
    "another order's among them",
)
"""How the gateway client calls what is no answer to what was asked."""


@dataclass(frozen=True)
class Line:
    """One line of the timeline.

    Attributes:
        at: when.
        kind: told, asked or decided.
        begin: who spoke.
        end: to whom; the same for a decision.
        title: what happened.
        text: the facts beside it.
        name: the event's, or of whatever else this is a line about.
        detail: the facts as they were written down.
    """

    at: datetime
    kind: str
    begin: Lane
    end: Lane
    title: str
    text: str
    name: str
    detail: Mapping[str, Any] = field(default_factory=dict)


def known_at(payment: Payment) -> datetime:
    """When we last found out or decided something about an order; what others told us does not count."""
    return max((event.at for event in payment.events if event.kind != "told"), default=payment.created_at)


_LANES = {
    "callback": (Lane.BROWSER, Lane.SHOP),
    "redirect": (Lane.BROWSER, Lane.SHOP),
    "window_error": (Lane.BROWSER, Lane.SHOP),
    "webhook": (Lane.IAMPORT, Lane.SHOP),
    "unanswered": (Lane.IAMPORT, Lane.SHOP),
    "charge_unanswered": (Lane.IAMPORT, Lane.SHOP),
    "charge_answered": (Lane.IAMPORT, Lane.SHOP),
    "charge_rejected": (Lane.IAMPORT, Lane.SHOP),
    "cancel_unanswered": (Lane.IAMPORT, Lane.SHOP),
    "cancel_refused": (Lane.IAMPORT, Lane.SHOP),
}
_ASKED = (Lane.SHOP, Lane.IAMPORT)
_DECIDED = (Lane.SHOP, Lane.SHOP)


def lines_of(payment: Payment) -> list[Line]:
    """The timeline of a payment, oldest first."""
    titles = event_titles()
    return [_line(event, titles) for event in payment.events]


def _line(event: Event, titles: dict[str, str]) -> Line:
    begin, end = _LANES.get(event.event, _DECIDED if event.kind == "decided" else _ASKED)
    title = titles.get(event.event, event.event)
    return Line(event.at, event.kind, begin, end, title, _facts(event.detail), event.event, event.detail)


def _facts(detail: dict[str, Any]) -> str:
    """What a person wants to know of it; moments by i'mport's clock are for the books."""
    return Markup(" · ").join(_fact(name, value) for name, value in detail.items() if not name.endswith("_at"))


def _fact(name: str, value: Any) -> str:
    if name in ("amount", "ordered", "captured", "cancelled", "held") and isinstance(value, int):
        return won(value)
    if name in ("found", "reason") and value in _words():
        return _words()[value]
    return reason(str(value))


def _words() -> dict[str, str]:
    """What the shop itself writes down as a name."""
    return refusal_texts() | {
        "stored": gettext("a key is stored"),
        "none": gettext("no key is stored"),
        "shopper": gettext("the shopper asked for it"),
        "refused": gettext("it is not what was ordered"),
        "extra": gettext("a second capture"),
        "left": gettext("the shopper has left the subscription"),
        "no connection": gettext("no connection"),
        "no connection to be trusted": gettext("no connection to be trusted"),
        "no answer in time": gettext("no answer in time"),
        "the connection broke off": gettext("the connection broke off"),
        "no time left": gettext("no time left to ask"),
        "silent for a while": gettext("it has been silent, so it is not asked for a while"),
        "too many ask already": gettext("too many ask already"),
        "no token yet": gettext("no token yet"),
        "too large an answer": gettext("too large an answer"),
        "it changed while it was read": gettext("the list changed while it was read"),
        **dict.fromkeys(_UNREADABLE, gettext("an answer that cannot be read")),
    }


def event_titles() -> dict[str, str]:
    """What each event of a timeline is called."""
    return {
        "ordered": gettext("Wrote the order down first"),
        "prepared": gettext("Told i'mport the amount in advance"),
        "callback": gettext("The browser says the window has closed"),
        "redirect": gettext("The phone came back from the window"),
        "window_error": gettext("The browser says the window did not open"),
        "webhook": gettext("A webhook arrived"),
        "unanswered": gettext("i'mport did not answer, so nothing changes"),
        "looked_up": gettext("Asked i'mport itself"),
        "key_read": gettext("Asked whether a billing key is stored"),
        "charge_sent": gettext("Asked to charge the stored card"),
        "charge_answered": gettext("Read i'mport's answer to the charge"),
        "charge_unanswered": gettext("No answer to the charge: it may have happened or not"),
        "charge_rejected": gettext("The charge was rejected; asking before believing it"),
        "cancel_sent": gettext("Asked to give the money back"),
        "cancel_unanswered": gettext("No answer to the refund: asking again later"),
        "cancel_refused": gettext("The refund was refused; asking before believing it"),
        "key_delete_sent": gettext("Had the billing key deleted"),
        "paid": gettext("Everything agrees with the order: paid"),
        "approved_late": gettext("Approved late, and still wanted: paid"),
        "declined": gettext("Declined"),
        "rejected": gettext("Rejected, and nothing was captured"),
        "expired": gettext("Not paid within a day: expired"),
        "given_up": gettext("Gave the charge up"),
        "refused": gettext("Not what was ordered: the money goes back"),
        "returned": gettext("Everything has been returned"),
        "cancelled": gettext("i'mport says it was cancelled"),
        "cancel_undone": gettext("i'mport says the cancel was undone"),
        "key_issued": gettext("The card is stored"),
        "no_key": gettext("i'mport stored no key"),
        "key_unwanted": gettext("The key it issued is not wanted"),
        "key_deleted": gettext("i'mport confirms that the key is gone"),
        "key_found_again": gettext("This order may have issued a key after all: it is deleted again"),
        "key_replaced": gettext("Another card stands behind a stored key: that card is suspended"),
        "removal_asked": gettext("The shopper removed the card"),
        "extra_capture": gettext("A second capture of this order: it goes back"),
        "contradiction": gettext("i'mport contradicts itself: a person has to look"),
        "rejected_resend": gettext("A second send was rejected, which proves nothing: a person has to look"),
        "unknown": gettext("i'mport no longer knows this payment: a person has to look"),
        "unreadable": gettext("What i'mport says of it cannot be read: a person has to look"),
        "attention_closed": gettext("A person has looked at it and closed it"),
        "key_kept": gettext("The key is still there after it was deleted: a person has to look"),
        "foreign_key": gettext("A key was issued under a name that is not ours: a person has to look"),
        "refund_asked": gettext("Wrote the refund down first"),
        "refund_asked_again": gettext("Asks for the refused refund once more"),
        "refund_done": gettext("i'mport confirms the refund"),
        "refund_undone": gettext("What was given back is held again: a person has to look"),
        "refund_failed": gettext("i'mport refuses the refund: a person has to look"),
        "subscription_began": gettext("A subscription began with it"),
        "subscription_card": gettext("The subscription is charged to this card from now on"),
        "past_due": gettext("The subscription waits for a payment"),
        "recovered": gettext("Nothing is owed any more"),
        "subscription_ended": gettext("The subscription ended"),
        "period_paid": gettext("The subscription's period is paid"),
        "period_begun": gettext("The subscription's period began"),
        "period_skipped": gettext("The period is skipped"),
        "period_missed": gettext("The period is over, and was not charged"),
        "period_lapsed": gettext("The period was not paid in time"),
        "period_refunded": gettext("The period's money was given back"),
        "mismatch": gettext("The message pairs ids that do not belong together: nothing changes"),
    }
