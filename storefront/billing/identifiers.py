"""New names for orders, keys and buttons. None can be guessed, and none is ever used twice."""

from __future__ import annotations

import re
import secrets
from datetime import datetime

from storefront.clock import SEOUL

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # nothing that looks like something else when read aloud
_RANDOM_LENGTH = 20  # × log2(31) ≈ 99 bits


def new_merchant_uid(now: datetime) -> str:
    """An order number: the Seoul date, which people look for, and about 99 random bits; 32 of 40 characters."""
    return f"mr_{now.astimezone(SEOUL):%Y%m%d}_{_random()}"


def new_customer_uid() -> str:
    """A name for one billing key. Using one again would silently replace the key behind it."""
    return f"card_{_random()}{_random()}"


def new_token() -> str:
    """What a form carries so that sending it twice is the same act."""
    return secrets.token_urlsafe(18)


def is_token(text: str) -> bool:
    """Whether a form's token can be one."""
    return _TOKEN.fullmatch(text) is not None


def _random() -> str:
    letters, number = "", secrets.randbelow(len(_ALPHABET) ** _RANDOM_LENGTH)
    for _ in range(_RANDOM_LENGTH):
        number, place = divmod(number, len(_ALPHABET))
        letters += _ALPHABET[place]
    return letters
