"""Until when somebody waits."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Deadline:
    """A moment by which something has to be over.

    Attributes:
        at: seconds, on the monotonic clock.
    """

    at: float

    @classmethod
    def within(cls, seconds: float) -> Deadline:
        """The moment that is so many seconds ahead."""
        return cls(time.monotonic() + seconds)

    @property
    def left_s(self) -> float:
        """How many seconds are left; 0 once it is over."""
        return max(self.at - time.monotonic(), 0.0)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left."""
        return self.left_s <= 0

    def but_at_most(self, seconds: float) -> Deadline:
        """This moment, or the one so many seconds ahead if that is earlier."""
        return Deadline(min(self.at, time.monotonic() + seconds))
