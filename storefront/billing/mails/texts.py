"""The words of each mail, in both languages: a subject that fits a phone's list, and a short text with one link.

The first line says what happened to the money, the link leads to where it can be mended. What is not known is not said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from storefront.wording import day, translations, won

LONGEST_SUBJECT = 60
"""Characters. Longer Korean subjects are folded, and a fold may lose a blank."""

Gettext = Callable[[str], str]
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Letter:
    """A mail as it is read.

    Attributes:
        subject: one line.
        text: paragraphs, as plain text.
    """

    subject: str
    text: str


def subject(kind: str, language: str, facts: Facts) -> str:
    """The subject of a mail.

    Args:
        kind: what it tells.
        language: `ko` or `en`.
        facts: its payload.
    """
    return _Writer(language, facts).subject(kind)[:LONGEST_SUBJECT]


def letter(kind: str, language: str, facts: Facts, shop_url: str) -> Letter:
    """A mail as it is sent and shown.

    Args:
        kind: what it tells.
        language: `ko` or `en`.
        facts: its payload.
        shop_url: the shop's own address, for the link.
    """
    writer = _Writer(language, facts)
    return Letter(subject(kind, language, facts), "\n\n".join([*writer.paragraphs(kind), *writer.farewell(shop_url)]))


def refusal_text(kind: str | None, _: Gettext) -> str:
    """What a refusal means, and who can mend it; pages say the same words.

    Args:
        kind: which refusal, see `subscriptions.dunning`.
        _: finds the text in the reader's language.
    """
    texts = {
        "limit": _("The card's limit is used up. Your card company can raise it."),
        "balance": _("The account behind the card does not hold enough."),
        "stolen": _("The card is reported lost or stolen. We do not charge it again."),
        "closed": _("The card has been closed. We do not charge it again."),
        "expired": _("The card has expired. We do not charge it again."),
        "no_key": _("The card is not registered any more."),
        "given_up": _("The charge never arrived at the card company."),
    }
    return texts.get(str(kind), _("The card company did not approve it."))


class _Writer:
    """Writes in one language about the facts of one mail."""

    def __init__(self, language: str, facts: Facts) -> None:
        self._language, self._facts = language, facts
        self._translate: Gettext = translations(language).gettext

    def subject(self, kind: str) -> str:
        _ = self._translate
        subjects = {
            "receipt": _("Morning Roast: you paid %(amount)s"),
            "refunded": _("Morning Roast: %(cancelled)s came back"),
            "declined": _("Morning Roast: your payment did not go through"),
            "card_needed": _("Morning Roast: your subscription needs another card"),
            "renewal_notice": _("Morning Roast: %(amount)s on %(on)s"),
            "left": _("Morning Roast: you have left %(plan)s"),
            "ended": _("Morning Roast: %(plan)s is over"),
            "price_change": _("Morning Roast: a new price for %(plan)s"),
        }
        return subjects[kind] % self._words()

    def paragraphs(self, kind: str) -> list[str]:
        written: dict[str, Callable[[Gettext], list[str]]] = {
            "receipt": self._receipt,
            "refunded": self._refunded,
            "declined": self._declined,
            "card_needed": self._card_needed,
            "renewal_notice": self._renewal_notice,
            "left": self._left,
            "ended": self._ended,
            "price_change": self._price_change,
        }
        return [paragraph % self._words() for paragraph in written[kind](self._translate)]

    def farewell(self, shop_url: str) -> list[str]:
        """Where to go on, and who wrote."""
        _, facts = self._translate, self._facts
        path = "/account"
        if facts.get("subscription"):
            path = f"/account/subscriptions/{facts['subscription']}"
        elif facts.get("payment"):
            path = f"/payments/{facts['payment']}"
        return [shop_url + path, _("Morning Roast")]

    def _receipt(self, _: Gettext) -> list[str]:
        lines = [_("You paid %(amount)s for %(plan)s."), _("Order %(payment)s")]
        if self._facts.get("card"):
            lines.insert(1, _("With the card that ends in %(card)s, approval number %(approval)s."))
        return lines

    def _refunded(self, _: Gettext) -> list[str]:
        whole = self._facts["cancelled_krw"] == self._facts["amount_krw"]
        back = (
            _("%(cancelled)s for %(plan)s went back to your card.")
            if whole
            else _("%(cancelled)s of the %(amount)s for %(plan)s went back to your card.")
        )
        return [back, _("It may take a few days until your card company shows it."), _("Order %(payment)s")]

    def _declined(self, _: Gettext) -> list[str]:
        again = _("We do not try again by ourselves.")
        if self._facts.get("retry_on"):
            again = _("We try again on %(retry_on)s at 9 in the morning.")
        elif self._facts.get("is_next_card_tried"):
            again = _("You have chosen another card since; we try it in a moment.")
        # What was captured no card company has refused: it is we who send it back.
        why = [] if self._facts.get("captured_krw") else [self._refusal(_)]
        return [
            self._not_charged(_),
            *why,
            again,
            _("Here you can pay at once, choose another card, or leave:"),
        ]

    def _card_needed(self, _: Gettext) -> list[str]:
        return [
            self._not_charged(_),
            self._refusal(_) if self._facts.get("refusal") else _("There is no card that we may charge."),
            _("Here you can register another card, or leave:"),
        ]

    def _renewal_notice(self, _: Gettext) -> list[str]:
        lines = [_("On %(on)s we charge %(amount)s for %(plan)s to the card that ends in %(card)s.")]
        if not self._facts.get("card"):
            lines = [_("On %(on)s we charge %(amount)s for %(plan)s.")]
        if self._facts.get("every") == "year":
            # A year cannot be left out.
            return [*lines, _("You need not do anything. Until then you can change or leave here:")]
        return [*lines, _("You need not do anything. Until then you can change, skip or leave here:")]

    def _left(self, _: Gettext) -> list[str]:
        lines = [_("You have left %(plan)s. Nothing more is charged.")]
        if self._facts.get("leaves_on"):
            lines += [_("It is yours until %(leaves_on)s. Until then you can stay after all.")]
        if self._facts.get("refund_krw"):
            lines += [_("%(refund)s is on its way back to your card. We write again when it has arrived.")]
        if self._facts.get("is_charge_open"):
            lines += [_("We are still checking a charge that was on its way. If it went through, it goes back.")]
        return lines

    def _ended(self, _: Gettext) -> list[str]:
        reasons = {
            "left": _("You had left."),
            "unpaid": _("It could not be charged for too long."),
            "refunded": _("Its present payment was given back."),
            "price": _("You did not agree to the new price, so it ended before it would have been charged."),
        }
        return [
            _("Your subscription to %(plan)s is over. Nothing more is charged."),
            reasons.get(str(self._facts.get("reason")), ""),
        ]

    def _price_change(self, _: Gettext) -> list[str]:
        return [
            _("From %(on)s %(plan)s costs %(new_price)s instead of %(price)s."),
            _("We charge the new price only if you agree. If you do not, your subscription ends the day before."),
            _("Here you can agree, or leave:"),
        ]

    def _not_charged(self, _: Gettext) -> str:
        if self._facts.get("captured_krw"):
            return _("%(plan)s was charged otherwise than agreed. What left your card goes back.")
        return _("%(amount)s for %(plan)s could not be charged. Nothing left your card.")

    def _refusal(self, _: Gettext) -> str:
        return refusal_text(self._facts.get("refusal"), _)

    def _words(self) -> dict[str, str]:
        """The facts as they are written in a text."""
        facts = self._facts
        amounts = {"amount": "amount_krw", "cancelled": "cancelled_krw", "refund": "refund_krw"}
        amounts |= {"price": "price_krw", "new_price": "new_price_krw"}
        words = {name: won(int(facts[fact]), self._language) for name, fact in amounts.items() if facts.get(fact)}
        for name in ("on", "retry_on", "leaves_on"):
            if facts.get(name):
                words[name] = day(date.fromisoformat(facts[name]), self._language)
        for name in ("card", "approval", "payment"):
            words[name] = str(facts.get(name) or "-")
        return words | {"plan": self._plan()}

    def _plan(self) -> str:
        _ = self._translate
        names = {"daybreak": _("Daybreak"), "morning": _("Morning"), "noon": _("Noon")}
        code = str(self._facts.get("plan"))
        every = {"month": _("%(plan)s (monthly)"), "year": _("%(plan)s (yearly)")}
        return every.get(str(self._facts.get("every")), "%(plan)s") % {"plan": names.get(code, code)}
