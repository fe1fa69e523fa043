"""What i'mport keeps of a name."""

from __future__ import annotations

import regex

LONGEST_NAME = 16
"""Characters, as i'mport counts them: code points."""


def as_kept(name: str) -> str:
    """As much of a buyer's name as i'mport keeps, cut between two characters that people see and never inside one.

    Source: `buyer_name` of `POST /subscribe/payments/again` and of `IMP.request_pay`, at most 16 characters.
    """
    kept = ""
    for character in regex.findall(r"\X", name):
        if len(kept + character) > LONGEST_NAME:
            break
        kept += character
    return kept.strip() or name[:LONGEST_NAME]  # a single character may be a heap of accents
