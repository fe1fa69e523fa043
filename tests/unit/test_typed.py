"""What people type is judged as they meant it, however their keyboard and their phone spelled it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storefront.iamport import names
from storefront.web.typed import is_readable, korean_number, length, plain, plain_email, plain_phone
from tests.dressing import NAMES, PHONES, dressed_email, dressed_name, dressed_phone

JOINED = {
    "Persian": "می‌خواهم",
    "Sinhala": "ක්‍රිෂාන්",
    "Malayalam, as it used to be written": "അനില്‍",
    "Hindi, its letters kept apart": "क्‌ष",
    "a family": "👨‍👩‍👧",
    "at the computer": "👩🏽‍💻",
}


@settings(deadline=None)
@given(st.data(), st.sampled_from(NAMES))
def test_a_name_dressed_up_is_the_name(data: st.DataObject, name: str) -> None:
    """Invisible characters, odd spaces, odd dashes, wide digits and taken-apart letters."""
    assert plain(data.draw(dressed_name(name))) == name


@settings(deadline=None)
@given(st.data(), st.sampled_from(["achim@example.com", "kim.a-chim1@example.co.kr"]))
def test_an_address_dressed_up_is_the_address(data: st.DataObject, email: str) -> None:
    """The wide @ of Korean and Japanese keyboards as well."""
    assert plain_email(data.draw(dressed_email(email))) == email


@settings(deadline=None)
@given(st.data(), st.sampled_from(PHONES))
def test_a_phone_number_dressed_up_is_the_number(data: st.DataObject, phone: str) -> None:
    """With or without the country's code, however it was dialled."""
    assert plain_phone(data.draw(dressed_phone(phone))) == phone


@settings(deadline=None)
@given(st.text(max_size=60))
def test_what_is_plain_stays_as_it_is(text: str) -> None:
    """Whatever it was: a form that is sent again changes nothing."""
    for filtered in (plain, plain_email, plain_phone):
        once = filtered(text)
        assert filtered(once) == once


@pytest.mark.parametrize("name", JOINED.values(), ids=JOINED)
def test_joiners_that_belong_to_a_script_stay(name: str) -> None:
    """Without them it would be another word, or three people for a family."""
    assert plain(name) == unicodedata.normalize("NFC", name)
    assert is_readable(plain(name) or "")


@pytest.mark.parametrize("joiner", ["\u200c", "\u200d"])
def test_joiners_among_letters_that_do_not_join_are_dropped(joiner: str) -> None:
    """They come along with copied text."""
    assert plain(joiner + "김" + joiner + "아침" + joiner * 2 + "Kim" + joiner) == "김아침Kim"
    assert plain("می" + "\u200c" * 3 + "خواهم" + joiner) == "می\u200cخواهم"


@pytest.mark.parametrize("text", ["a\0b", "a\x1bb", "\ud800", "a\ue000b", "a\uffffb"])
def test_what_no_page_can_show_is_not_readable(text: str) -> None:
    """Control characters, halves of characters, and characters that are nobody's."""
    assert not is_readable(plain(text) or "")


@pytest.mark.parametrize(
    ("spelling", "number"),
    [
        ("82-10-1234-5678", "010-1234-5678"),
        ("0082-10-1234-5678", "010-1234-5678"),
        ("+82 (0)10 1234 5678", "010-1234-5678"),
        ("010ㅡ1234ㅡ5678", "010-1234-5678"),
        ("01012345678", "010-1234-5678"),
        ("0505-1234-5678", "0505-1234-5678"),
        ("050212345678", "0502-1234-5678"),
        ("02 123 4567", "02-123-4567"),
        ("0311234567", "031-123-4567"),
        ("070-1234-5678", "070-1234-5678"),
    ],
)
def test_korean_numbers_are_known_by_their_digits(spelling: str, number: str) -> None:
    """Mobile, landline, internet and personal numbers."""
    assert plain_phone(spelling) == number
    assert len(number) <= 16


@pytest.mark.parametrize("text", ["", "12", "119", "call me", "010-CALL-NOW", "+1 650 253 0000", "010-1234-5678;ext=3"])
def test_what_is_no_korean_number_is_shown_again_as_it_was(text: str) -> None:
    """So that it can be mended."""
    assert plain_phone(text) == text
    assert korean_number(text) is None


@pytest.mark.parametrize("too_long", ["a" * 5_000, "e" + "\u0323\u0301" * 3_000])
def test_a_text_that_is_refused_anyhow_is_not_worked_on(too_long: str) -> None:
    """Sorting a heap of accents takes a second of somebody else's time."""
    assert plain(too_long) is too_long


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("김아침", "김아침"),
        ("Achim Kim of the Morning", "Achim Kim of the"),
        ("가" * 15 + "👨‍👩‍👧", "가" * 15),
        ("가" * 11 + "👨‍👩‍👧", "가" * 11 + "👨‍👩‍👧"),
        ("ක්‍රි" * 8, "ක්‍රි" * 3),
        ("e" + "\u0301" * 40, "e" + "\u0301" * 15),
        ("Achim Kim of un der", "Achim Kim of un"),
    ],
)
def test_imports_gets_as_much_of_a_name_as_it_keeps(name: str, kept: str) -> None:
    """Never half a character: i'mport would show it as another one."""
    assert names.as_kept(name) == kept


def test_a_familys_picture_is_one_character() -> None:
    """As people count."""
    assert length("👨‍👩‍👧김é") == 3
