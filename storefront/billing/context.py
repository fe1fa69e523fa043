"""What every act of billing needs, handed in so that a test hands in its own."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from storefront.billing.errands import Errands
from storefront.clock import Clock
from storefront.config import Settings
from storefront.database import Database
from storefront.iamport import Iamport


@dataclass(frozen=True)
class Billing:
    """The settings, the database, i'mport and the time; and the threads for what takes longer than a page may."""

    settings: Settings
    database: Database
    gateway: Iamport
    clock: Clock
    errands: Errands = field(default_factory=Errands)

    def within(self, seconds: float) -> Billing:
        """The same for a page, which waits for i'mport so many seconds in all."""
        return replace(self, gateway=self.gateway.within(seconds))

    def listening(self) -> Billing:
        """The same for who wants to know afterwards whether i'mport has answered all of it."""
        return replace(self, gateway=self.gateway.listening())

    def insisting(self) -> Billing:
        """The same for an errand, which waits for each answer as long as it takes."""
        return replace(self, gateway=self.gateway.insisting())
