"""I'mport's JSON becomes values we can rely on, or an error that names the field."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from storefront.iamport.types import BillingKey, Payment, UnreadableError

BODY: dict[str, Any] = {
    "imp_uid": "imps_123456789012",
    "merchant_uid": "mr_1",
    "status": "paid",
    "amount": 14900,
    "cancel_amount": 0,
    "currency": "KRW",
    "paid_at": 1_795_492_852,
    "failed_at": 0,
    "sandbox": True,
}


def test_a_payment_is_read_with_its_times_in_utc() -> None:
    """0 is never, and seconds are seconds since 1970."""
    payment = Payment.parse(BODY)

    assert payment.paid_at == datetime(2026, 11, 24, 4, 0, 52, tzinfo=UTC)
    assert payment.failed_at is None
    assert (payment.captured, payment.held, payment.sandbox) == (True, 14_900, True)


def test_fields_nobody_knows_yet_are_ignored() -> None:
    """I'mport asks its clients for that."""
    assert Payment.parse(BODY | {"brand_new": {"deep": [1]}}) == Payment.parse(BODY)


@pytest.mark.parametrize("amount", ["14900", 14900.0, "14900.00", 14900])
def test_an_amount_may_come_as_a_number_or_a_text(amount: object) -> None:
    """Old answers have both."""
    assert Payment.parse(BODY | {"amount": amount}).amount == 14_900


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", None),
        ("amount", "many"),
        ("amount", 0.5),
        ("amount", -1),
        ("amount", True),
        ("amount", float("inf")),
        ("amount", 10**30),
        ("amount", [14900]),
        ("cancel_amount", 14_901),
        ("imp_uid", ""),
        ("imp_uid", "i" * 41),
        ("paid_at", "1" * 5_000),
        ("imp_uid", ["imp_1"]),
        ("merchant_uid", None),
        ("status", {}),
        ("status", "half_paid"),
        ("currency", None),
        ("paid_at", "soon"),
        ("paid_at", 10**30),
        ("paid_at", [1]),
    ],
)
def test_what_is_decided_by_must_be_there_and_make_sense(field: str, value: object) -> None:
    """Otherwise the whole answer is unreadable, which is silence."""
    with pytest.raises(UnreadableError, match=field):
        Payment.parse(BODY | {field: value})


@pytest.mark.parametrize("body", [None, [], "paid", 0])
def test_what_is_no_object_is_unreadable(body: object) -> None:
    """Not an AttributeError, and not an empty payment."""
    with pytest.raises(UnreadableError):
        Payment.parse(body)
    with pytest.raises(UnreadableError):
        BillingKey.parse(body)


def test_ids_may_come_as_numbers_and_texts_with_characters_no_database_takes() -> None:
    """A numeric id becomes a text; a NUL or a lone surrogate becomes a question mark."""
    payment = Payment.parse(BODY | {"merchant_uid": 17, "fail_reason": "a\0b\ud800"})

    assert payment.merchant_uid == "17"
    assert payment.fail_reason == "a\N{REPLACEMENT CHARACTER}b?"


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("5409260012341234", "****"),
        ("5409-2600-1234-1234", "****"),
        ("540926******1234", "540926******1234"),
        ("", None),
    ],
)
def test_of_a_cards_number_no_more_is_kept_than_a_masked_one_shows(told: str, kept: str | None) -> None:
    """I'mport masks it; should it ever not, the whole of it is in no table and on no page."""
    key = {"customer_uid": "mr_card", "card_number": told}
    assert Payment.parse(BODY | {"card_number": told}).card_number == kept
    assert BillingKey.parse(key).card_number == kept


def test_what_is_held_is_the_rest_after_cancels() -> None:
    """`cancelled` also means partly cancelled."""
    assert Payment.parse(BODY | {"status": "cancelled", "cancel_amount": 900}).held == 14_000
    assert Payment.parse(BODY | {"status": "failed", "paid_at": 0}).held == 0
