"""The sandbox put together: every book over one store and one clock."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import current_app

from storefront.sandbox.books import history, seed, state
from storefront.sandbox.books.chance import Chance
from storefront.sandbox.books.charges import Charges
from storefront.sandbox.books.clock import MovableClock
from storefront.sandbox.books.faults import Faults
from storefront.sandbox.books.identifiers import Identifiers
from storefront.sandbox.books.keys import Keys
from storefront.sandbox.books.payments import Payments
from storefront.sandbox.books.schedules import Schedules
from storefront.sandbox.books.store import Store
from storefront.sandbox.books.tokens import Tokens
from storefront.sandbox.settings import SandboxSettings
from storefront.sandbox.webhooks import Webhooks

LONGEST_WAIT_S = 5.0
"""For the webhooks of a scheduled charge, before the clock goes on."""


@dataclass
class Sandbox:
    """What the views of the sandbox work with."""

    settings: SandboxSettings
    store: Store = field(init=False)
    clock: MovableClock = field(init=False)
    identifiers: Identifiers = field(init=False)
    tokens: Tokens = field(init=False)
    faults: Faults = field(init=False)
    webhooks: Webhooks = field(init=False)
    payments: Payments = field(init=False)
    keys: Keys = field(init=False)
    charges: Charges = field(init=False)
    schedules: Schedules = field(init=False)
    _moving: threading.Lock = field(init=False, default_factory=threading.Lock)
    """Held while the clock is moved: another move begins where this one ends."""

    def __post_init__(self) -> None:
        """Open the store and build the books."""
        self.store = Store(self.settings.state)
        self.clock = MovableClock(self.store)
        chance = Chance(self.store, self.settings.seed)
        self.identifiers = Identifiers(chance)
        self.tokens = Tokens(self.settings, self.store, self.clock)
        self.faults = Faults(self.store, chance)
        self.webhooks = Webhooks(self.settings, self.store, self.clock, self.faults)
        self.payments = Payments(self.settings, self.store, self.clock, self.identifiers)
        self.keys = Keys(self.settings, self.store, self.clock)
        self.charges = Charges(self.settings, self.store, self.clock, self.payments, self.keys, self.webhooks.queue)
        self.schedules = Schedules(
            self.settings, self.store, self.clock, self.payments, self.keys, self.charges, self.webhooks.queue
        )
        self._begin()
        self.webhooks.before_looking = self.schedules.run_due
        self.webhooks.wake()

    def advance(self, seconds: int) -> None:
        """Move the clock, stopping wherever a schedule or a webhook is due, so that a shop can act from there.

        Args:
            seconds: how far, 0 or more.
        """
        with self._moving:
            end = self.clock.seconds() + seconds
            history.record(self.store, self.clock.now().timestamp(), "clock", {"advance": seconds, "to": end})
            while (at := self._next_at()) is not None and at <= end:
                self.clock.advance(max(at - self.clock.seconds(), 0))
                self.schedules.run_due()
                self.webhooks.deliver_first()
                self.webhooks.send_due(LONGEST_WAIT_S)
            self.clock.advance(max(end - self.clock.seconds(), 0))
            self.webhooks.wake()

    def _next_at(self) -> int | None:
        return min((at for at in (self.schedules.next_at(), self.webhooks.next_at()) if at is not None), default=None)

    def reset(self) -> None:
        """Forget everything, clock and tokens included, and begin as it did at first."""
        with self._moving, self.store.transaction():
            self.store.clear()
            self.clock.reset()
            self.faults.clear()
            self._begin()

    def saved(self) -> dict[str, Any]:
        """All the books as one JSON document, see `books.state`."""
        return state.save(self.store, self.clock)

    def load(self, document: Mapping[str, Any]) -> None:
        """Put such a document in the place of everything.

        Raises:
            BadState: nothing has changed.
        """
        with self._moving:
            state.load(self.store, self.clock, document)
            self.faults.look()
            self.webhooks.begin()
        self.webhooks.wake()

    def _begin(self) -> None:
        if self.settings.seed_file:
            seed.load(self.store, self.keys, self.payments, self.settings.seed_file)

    def close(self) -> None:
        """Stop the thread and close the file."""
        self.webhooks.close(then=self.store.close)


def sandbox() -> Sandbox:
    """The sandbox this application serves."""
    found: Sandbox = current_app.extensions["sandbox"]
    return found
