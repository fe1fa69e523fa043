"""Chance: what is drawn for a new id, or to decide whether a fault strikes."""

from __future__ import annotations

import random

from storefront.sandbox.books.store import Store


class Chance:
    """Draws. With a seed the n-th draw of its kind is always the same one, also after a restart."""

    def __init__(self, store: Store, seed: int | None) -> None:
        self._store, self._seed = store, seed
        self._chance = random.Random()  # noqa: S311 - nobody gains anything by guessing a payment's number

    def draw(self, kind: str) -> random.Random:
        """The next draw.

        Args:
            kind: what it is for; each kind has a row of its own, so that more of one changes nothing of another.
        """
        if self._seed is None:
            return self._chance
        counter = f"{kind}_counter"
        count = int(self._store.setting(counter, "0")) + 1
        self._store.set(counter, str(count))
        return random.Random(f"{self._seed}:{kind}:{count}")  # noqa: S311 - test data that can be repeated
