"""What people type, as they meant it: the fields' filters, which run before anything is judged.

Keyboards, phones and copied text bring the same letter in several spellings, and characters that nobody sees.
"""

from __future__ import annotations

import unicodedata

import phonenumbers
import regex

LONGEST_TEXT = 1000
"""Characters; what is longer is refused anyhow, and composing a long heap of accents takes quadratic time."""
LONGEST_PHONE = 16
"""Characters that i'mport keeps of a phone number."""

_KOREA = "KR"
_NARROW = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}
"""The full-width forms of East Asian keyboards, as the ASCII they stand for."""

_UNREADABLE = regex.compile(r"[\p{C}--\p{Join_Control}]|\p{Zl}|\p{Zp}", regex.VERSION1)
_SPACES = regex.compile(r"\p{White_Space}+")
_DASHES = regex.compile(r"\p{Dash}")
_UNSEEN = regex.compile(r"[\p{Default_Ignorable_Code_Point}--\p{Join_Control}]", regex.VERSION1)
_REPEATED_JOINERS = regex.compile(r"(?<=\p{Join_Control})\p{Join_Control}+")
_JOINING = "Arabic Syriac Nko Mandaic Devanagari Bengali Gurmukhi Gujarati Oriya Tamil Telugu Kannada Malayalam Sinhala"
"""The scripts whose letters change their shape, or a word its meaning, where a joiner stands between them."""
_LETTER = "[" + "".join(rf"\p{{{script}}}" for script in _JOINING.split()) + "]"
_LOOSE_JOINERS = regex.compile(
    rf"""
    (?: (?<= \p{{Canonical_Combining_Class=Virama}} ) \p{{Join_Control}}
      | (?<= {_LETTER} \p{{M}}* ) \p{{Join_Control}} (?= {_LETTER} )
      | (?<= [\p{{Extended_Pictographic}}\p{{Emoji_Modifier}}] ) \u200D (?= \p{{Extended_Pictographic}} )
    ) (*SKIP)(*FAIL)  # these belong where they are
    | \p{{Join_Control}}
    """,
    regex.VERBOSE | regex.VERSION1,
)

# What looks like a dash to whoever dials: long vowels of Japanese keyboards, a Korean vowel, lines.
_DIALLED_DASHES = str.maketrans(dict.fromkeys("ーｰㅡᅳ─━", "-"))
_DIALLED = regex.compile(r"[-+0-9()./ ]+")
_FROM_ABROAD = regex.compile(r"^[ (]*00[ )-]*82")
_PERSONAL = phonenumbers.NumberFormat(pattern=r"(50\d)(\d{3,4})(\d{4})", format=r"0\1-\2-\3")
"""050x numbers as they are written in Korea; the library groups them otherwise."""


def plain(value: str | None) -> str | None:
    """A text without what cannot be seen, composed, with ordinary spaces, dashes and digits.

    Joiners stay where an alphabet or an emoji needs them.
    """
    if not value or len(value) > LONGEST_TEXT:
        return value
    text = _REPEATED_JOINERS.sub("", _UNSEEN.sub("", value))
    text = _LOOSE_JOINERS.sub("", unicodedata.normalize("NFC", text))
    text = unicodedata.normalize("NFC", text).translate(_NARROW)
    return _SPACES.sub(" ", _DASHES.sub("-", text)).strip()


def plain_email(value: str | None) -> str | None:
    """An e-mail address, which has no spaces at all."""
    text = plain(value)
    return text.replace(" ", "").replace("。", ".") if text else text


def plain_phone(value: str | None) -> str | None:
    """A Korean number as it is written in Korea; what is none stays as it is, to be shown again."""
    text = plain(value.translate(_DIALLED_DASHES)) if value else value
    return korean_number(text or "") or text


def korean_number(text: str) -> str | None:
    """The number as it is dialled within Korea, however it was spelled; None if it is no Korean number.

    Args:
        text: with or without the country's code, with dashes, dots, brackets or spaces.

    Returns:
        Digits and dashes, at most 16 characters.
    """
    if not _DIALLED.fullmatch(text):
        return None
    try:
        number = phonenumbers.parse(_FROM_ABROAD.sub("+82", text), _KOREA)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number_for_region(number, _KOREA):
        return None
    if phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.PERSONAL_NUMBER:
        written = phonenumbers.format_by_pattern(number, phonenumbers.PhoneNumberFormat.NATIONAL, [_PERSONAL])
    else:
        written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    return written if len(written) <= LONGEST_PHONE else None


def is_readable(text: str) -> bool:
    """Whether a text has nothing but what can be stored and shown."""
    return _UNREADABLE.search(text) is None


def length(text: str) -> int:
    """How many characters people count in a text: graphemes."""
    return len(regex.findall(r"\X", text))
