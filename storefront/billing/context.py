"""What every act of billing needs, handed in so that a test hands in its own."""

from __future__ import annotations

from dataclasses import dataclass

from storefront.clock import Clock
from storefront.config import Settings
from storefront.database import Database
from storefront.iamport import Iamport


@dataclass(frozen=True)
class Billing:
    """The settings, the database, i'mport and the time."""

    settings: Settings
    database: Database
    gateway: Iamport
    clock: Clock
