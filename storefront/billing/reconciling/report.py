"""What one run of `reconcile` found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from storefront.billing.attention import DATABASE_TROUBLE

BUSY = "the database did not take it"


@dataclass
class Report:
    """What one run looked at, changed and could not decide.

    Attributes:
        looked_at: order numbers of open rows that were looked at.
        changed: order numbers whose row is another one now.
        undecided: order numbers about which i'mport could not be asked, or does not know yet.
        unheard: what i'mport could not be asked about, and why.
        needs_person: a line for each thing that waits for a person, as long as it does.
    """

    looked_at: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    unheard: list[str] = field(default_factory=list)
    needs_person: list[str] = field(default_factory=list)

    @contextmanager
    def hearing(self, subject: str) -> Iterator[None]:
        """While the block looks at something: a database that is busy has left it open, and says so here as well."""
        try:
            yield
        except DATABASE_TROUBLE:
            self.undecided.append(subject)
            self.unheard.append(f"{subject}: {BUSY}")
            raise
