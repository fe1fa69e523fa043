"""Charges by a server: `again` with a stored key, `onetime` with a card that was typed in at the shop."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from storefront.sandbox.books import cards
from storefront.sandbox.books.announcing import Announce
from storefront.sandbox.books.clock import MovableClock
from storefront.sandbox.books.keys import Keys
from storefront.sandbox.books.payments import Draft, Payments
from storefront.sandbox.books.store import Row, Store
from storefront.sandbox.settings import SandboxSettings
from storefront.sandbox.wire import requirements
from storefront.sandbox.wire.objects import BUYER_LENGTHS
from storefront.sandbox.wire.parameters import Parameters
from storefront.sandbox.wire.refusals import CARD_NOT_VERIFIED, DUPLICATE_ORDER, UNKNOWN_BUYER, Refusal

LEAST_FOR_INSTALMENTS = 50_000
LONGEST_CHANNEL = 55
LONGEST_CUSTOM_DATA = 4000
"""Characters; what is longer is refused, for cut it would be no JSON any more."""
_PARTS_OF_AMOUNT = ("tax_free", "vat_amount", "vat")


class Charges:
    """What a merchant's server may charge."""

    def __init__(
        self,
        settings: SandboxSettings,
        store: Store,
        clock: MovableClock,
        payments: Payments,
        keys: Keys,
        announce: Announce,
    ) -> None:
        self._settings, self._store, self._clock = settings, store, clock
        self._payments, self._keys, self._announce = payments, keys, announce

    def again(self, parameters: Parameters) -> tuple[dict[str, Any], float]:
        """Charge a stored key. Operation `POST /subscribe/payments/again`.

        Returns:
            The payment, `paid` or `failed`, and how many seconds the card keeps its answer back.

        Raises:
            Refusal: no card company was asked.
        """
        customer_uid = parameters.required_text("customer_uid", 80)
        draft = draft_of(parameters, customer_uid, usage="payment")
        requirements.check(self._settings, "again", parameters)
        if draft.amount == 0:
            raise parameters.invalid("amount", "should be more than 0")
        with self._store.transaction():
            if self._payments.is_taken(draft.merchant_uid):  # judged before the key, as the newest client tests show
                raise Refusal(DUPLICATE_ORDER, code=-1, rule="merchant_uid was paid or cancelled before")
            key = self._keys.row(customer_uid)
            if key is None:
                raise Refusal(UNKNOWN_BUYER, rule="no billing key under that customer_uid")
            imp_uid = self.charge_key(key, draft)
        return self._paid(imp_uid), cards.behaviour_named(key["behaviour"]).slow_s

    def charge_key(self, key: Row, draft: Draft, *, scheduled: bool = False) -> str:
        """Capture with a key, or decline as its card does; in the caller's transaction. The imp_uid."""
        behaviour = cards.behaviour_named(key["behaviour"])
        draft = replace(draft, card=card_facts(key))
        if behaviour.captures is not None and key["captures"] >= behaviour.captures:
            imp_uid = self._payments.decline_card(draft, behaviour.later_decline)
            if scheduled:  # an ordinary decline sends none, a scheduled one does
                self._announce(draft.notice_url, imp_uid, draft.merchant_uid, "failed")
            return imp_uid
        imp_uid = self._payments.approve(draft)
        self._keys.count_capture(key["customer_uid"])
        self._announce(draft.notice_url, imp_uid, draft.merchant_uid, "paid")
        return imp_uid

    def onetime(self, parameters: Parameters) -> tuple[dict[str, Any], float]:
        """Charge a card by its number, and keep it when a customer_uid is given.

        Operation `POST /subscribe/payments/onetime`.

        Raises:
            Refusal: no card company was asked.
        """
        customer_uid = parameters.text("customer_uid", 80)
        draft = draft_of(parameters, customer_uid, usage="payment" if customer_uid else None)
        card, behaviour = cards.typed(parameters, self._clock.now(), luhn=self._settings.luhn)
        with self._store.transaction():
            if self._payments.is_taken(draft.merchant_uid):
                raise Refusal(DUPLICATE_ORDER, code=-1, rule="merchant_uid was paid or cancelled before")
            code, name = cards.issuer(cards.number_of(card))
            masked = cards.masked(cards.number_of(card))
            facts = {"card_code": code, "card_name": name, "card_number": masked, "card_type": 0}
            draft = replace(draft, card=facts)
            if behaviour.window_decline == cards.EXPIRED:
                raise Refusal(f"{CARD_NOT_VERIFIED} {cards.EXPIRED}", code=-1, rule="the card's data are refused")
            if behaviour.window_decline:
                return self._paid(self._payments.decline_card(draft, behaviour.window_decline)), 0.0
            imp_uid = self._payments.approve(draft)
            if customer_uid:
                self._keys.store(customer_uid, card, behaviour)
                self._keys.count_capture(customer_uid)
            self._announce(draft.notice_url, imp_uid, draft.merchant_uid, "paid")
        return self._paid(imp_uid), behaviour.slow_s

    def _paid(self, imp_uid: str) -> dict[str, Any]:
        payment = self._payments.get(imp_uid)
        if payment is None:
            raise LookupError(imp_uid)
        return payment


def draft_of(parameters: Parameters, customer_uid: str | None, *, usage: str | None) -> Draft:
    """The order in a server's parameters.

    Raises:
        Refusal: a value cannot be used.
    """
    for name in _PARTS_OF_AMOUNT:  # checked, although nothing depends on them here
        parameters.won(name)
    for name in ("channel_key", "channelGroupId"):
        parameters.text(name, LONGEST_CHANNEL)
    draft = Draft(
        merchant_uid=parameters.required_text("merchant_uid", 40),
        amount=parameters.required_won("amount"),
        name=parameters.text("name", 40),
        channel="api",
        currency=parameters.text("currency", 3) or "KRW",
        customer_uid=customer_uid,
        usage=usage,
        buyer={name: parameters.text(name, longest) for name, longest in BUYER_LENGTHS.items()},
        custom_data=parameters.text("custom_data", LONGEST_CUSTOM_DATA),
        card_quota=parameters.number("card_quota", 0, least=0, most=36),
        notice_url=parameters.text("notice_url", 500),
    )
    if draft.card_quota == 1:
        raise parameters.invalid("card_quota", "is 0, or 2 and more")
    if draft.card_quota and draft.amount < LEAST_FOR_INSTALMENTS:
        raise parameters.invalid("card_quota", f"instalments begin at {LEAST_FOR_INSTALMENTS} won")
    return draft


def card_facts(key: Row) -> dict[str, Any]:
    """What a payment shows of the card behind a key."""
    return {
        "card_code": key["card_code"],
        "card_name": key["card_name"],
        "card_number": key["card_number"],
        "card_type": 0,
    }
