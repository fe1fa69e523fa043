"""Billing keys: one for each customer_uid, the newest card behind it."""

from __future__ import annotations

import json
from typing import Any

from storefront.sandbox.books import cards
from storefront.sandbox.books.cards import Behaviour, CardInput
from storefront.sandbox.books.clock import MovableClock
from storefront.sandbox.books.store import Row, Store
from storefront.sandbox.settings import SandboxSettings
from storefront.sandbox.wire import objects, requirements
from storefront.sandbox.wire.parameters import Parameters
from storefront.sandbox.wire.refusals import KEY_NOT_ISSUED, Refusal, invalid, unknown_key

LONGEST_NAME = 80
_CUSTOMER_FIELDS = {
    "customer_id": 64,
    "customer_name": 20,
    "customer_tel": 20,
    "customer_email": 200,
    "customer_addr": 200,
    "customer_postcode": 8,
}


class Keys:
    """The book of billing keys."""

    def __init__(self, settings: SandboxSettings, store: Store, clock: MovableClock) -> None:
        self._settings, self._store, self._clock = settings, store, clock

    def store(self, customer_uid: str, card: CardInput, behaviour: Behaviour, **customer: Any) -> None:
        """Put a card behind a customer_uid. One that is there is replaced silently, as i'mport does."""
        number, now = cards.number_of(card), self._clock.seconds()
        card_code, card_name = cards.issuer(number)
        details = json.dumps({name: customer.get(name) for name in _CUSTOMER_FIELDS})
        facts = (behaviour.name, card_code, card_name, cards.masked(number), now, details)
        replaced = self._store.write(
            "UPDATE billing_key SET behaviour = ?, card_code = ?, card_name = ?, card_number = ?, updated = ?, details = ?,"
            " captures = 0 WHERE customer_uid = ? AND deleted_at IS NULL",
            *facts,
            customer_uid,
        )
        if not replaced:
            self._store.insert(
                "billing_key",
                customer_uid=customer_uid,
                behaviour=behaviour.name,
                card_code=card_code,
                card_name=card_name,
                card_number=cards.masked(number),
                inserted=now,
                updated=now,
                details=details,
            )

    def row(self, customer_uid: str) -> Row | None:
        """The key under a name, or None."""
        return self._store.one("SELECT * FROM billing_key WHERE customer_uid = ? AND deleted_at IS NULL", customer_uid)

    def issue(self, customer_uid: str, parameters: Parameters) -> dict[str, Any]:
        """Store a card that was typed in at the shop. Operation `POST /subscribe/customers/{customer_uid}`.

        Returns:
            The Customer object.

        Raises:
            Refusal: no key was issued.
        """
        if not 1 <= len(customer_uid) <= LONGEST_NAME:
            raise invalid("customer_uid", f"is 1 to {LONGEST_NAME} characters long")
        card, behaviour = cards.typed(parameters, self._clock.now(), luhn=self._settings.luhn)
        requirements.check(self._settings, "issue", parameters)
        if behaviour.window_decline:
            raise Refusal(f"{KEY_NOT_ISSUED} {behaviour.window_decline}", code=-1, rule="the card company declined")
        customer = {name: parameters.text(name, longest) for name, longest in _CUSTOMER_FIELDS.items()}
        with self._store.transaction():
            self.store(customer_uid, card, behaviour, **customer)
            return self.get(customer_uid)

    def get(self, customer_uid: str) -> dict[str, Any]:
        """The Customer object under a name.

        Raises:
            Refusal: there is none.
        """
        row = self.row(customer_uid)
        if row is None:
            status = 404 if self._settings.unknown_key_is_404 else 200
            raise Refusal(unknown_key(customer_uid), status=status, rule="no billing key under that customer_uid")
        return objects.customer(self._settings, row)

    def delete(self, customer_uid: str) -> dict[str, Any]:
        """Delete a key for good; the Customer object as it was. Schedules are left to fail.

        Raises:
            Refusal: there is none.
        """
        with self._store.transaction():
            customer = self.get(customer_uid)
            self._store.write(
                "UPDATE billing_key SET deleted_at = ? WHERE customer_uid = ? AND deleted_at IS NULL",
                self._clock.seconds(),
                customer_uid,
            )
        return customer

    def count_capture(self, customer_uid: str) -> None:
        """Remember that money was captured with the key."""
        self._store.write(
            "UPDATE billing_key SET captures = captures + 1 WHERE customer_uid = ? AND deleted_at IS NULL", customer_uid
        )
