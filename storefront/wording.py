"""How money and days are written, for whoever writes to people: pages and mails.

Nothing here knows of a request: the language is an argument.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

from babel.dates import format_date
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations

KOREAN = "ko"
"""What is spoken to whoever has not said otherwise."""

_FOLDER = Path(__file__).resolve().parent / "translations"


@cache
def translations(language: str) -> NullTranslations:
    """The texts of a language; what has not been translated stays English."""
    return Translations.load(_FOLDER, [language])


def won(amount_krw: int, language: str) -> str:
    """14900 as `14,900원` or `₩14,900`."""
    number = format_decimal(amount_krw, locale=language)
    return f"{number}원" if language == KOREAN else f"₩{number}"


def day(on: date, language: str) -> str:
    """A day as `2026. 12. 1.` or `1 Dec 2026`."""
    # Patterns of our own, as for every time on a page: what the locale data writes changes with its edition.
    return format_date(on, "yyyy. M. d." if language == KOREAN else "d MMM yyyy", locale=language)
