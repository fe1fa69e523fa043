"""New ids in i'mport's shapes; the same ones in every run when a seed was given.

What opens a door is left to chance all the same: access tokens (`tokens`) and the names of opened windows.
"""

from __future__ import annotations

import random
from datetime import datetime

from storefront.sandbox.books.chance import Chance


class Identifiers:
    """Makes ids."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance

    def imp_uid(self, *, server_side: bool) -> str:
        """`imp_` and 12 digits for a window, `imps_` and 12 digits for a server's call."""
        return f"{'imps' if server_side else 'imp'}_{self._digits(12)}"

    def pg_tid(self, pg_id: str, at: datetime) -> str:
        """JTNet's transaction id: the MID, `0124`, the time in Seoul and four digits."""
        return f"{pg_id}0124{at:%y%m%d%H%M%S}{self._digits(4)}"

    def apply_num(self) -> str:
        """A card company's approval number: eight digits."""
        return self._digits(8)

    def cancellation_id(self) -> str:
        """An id for one cancel."""
        return f"cancellation_{self._digits(16)}"

    def window(self) -> str:
        """A name for one opened payment window that nobody can guess."""
        return f"{random.SystemRandom().getrandbits(128):032x}"

    def _digits(self, length: int) -> str:
        return f"{self._chance.draw('id').randrange(10**length):0{length}}"
