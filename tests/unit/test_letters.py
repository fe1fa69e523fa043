"""Every mail, word by word, as its reader gets it: what happened to the money, and where to go on."""

from __future__ import annotations

import re
from typing import Any

import pytest

from storefront.billing.mails import texts

SHOP = "https://shop.example"
MONTHLY = {"plan": "morning", "every": "month", "subscription": 7}
UNPAID = {**MONTHLY, "amount_krw": 14_900}
NOTHING_LEFT = "₩14,900 for Morning (monthly) could not be charged. Nothing left your card."
OVER = "Your subscription to Morning (monthly) is over. Nothing more is charged."
SUBSCRIPTION = f"{SHOP}/account/subscriptions/7"
BAG = {"plan": "morning", "every": "once", "amount_krw": 14_900, "payment": "mr_1"}

LETTERS: list[tuple[str, dict[str, Any], str, list[str]]] = [
    (
        "receipt",
        {**BAG, "card": "4242", "approval": "30012345"},
        "Morning Roast: you paid ₩14,900",
        [
            "You paid ₩14,900 for Morning.",
            "With the card that ends in 4242, approval number 30012345.",
            "Order mr_1",
            f"{SHOP}/payments/mr_1",
        ],
    ),
    (
        "receipt",
        {**BAG, "card": None, "approval": None},
        "Morning Roast: you paid ₩14,900",
        ["You paid ₩14,900 for Morning.", "Order mr_1", f"{SHOP}/payments/mr_1"],
    ),
    (
        "refunded",
        {**BAG, "cancelled_krw": 14_900},
        "Morning Roast: ₩14,900 came back",
        [
            "₩14,900 for Morning went back to your card.",
            "It may take a few days until your card company shows it.",
            "Order mr_1",
            f"{SHOP}/payments/mr_1",
        ],
    ),
    (
        "refunded",
        {**BAG, "cancelled_krw": 5_000},
        "Morning Roast: ₩5,000 came back",
        [
            "₩5,000 of the ₩14,900 for Morning went back to your card.",
            "It may take a few days until your card company shows it.",
            "Order mr_1",
            f"{SHOP}/payments/mr_1",
        ],
    ),
    (
        "declined",
        {**UNPAID, "refusal": "limit", "retry_on": "2026-12-02"},
        "Morning Roast: your payment did not go through",
        [
            NOTHING_LEFT,
            "The card's limit is used up. Your card company can raise it.",
            "We try again on 2 Dec 2026 at 9 in the morning.",
            "Here you can pay at once, choose another card, or leave:",
            SUBSCRIPTION,
        ],
    ),
    (
        "declined",
        {**UNPAID, "refusal": "expired", "is_next_card_tried": True},
        "Morning Roast: your payment did not go through",
        [
            NOTHING_LEFT,
            "The card has expired. We do not charge it again.",
            "You have chosen another card since; we try it in a moment.",
            "Here you can pay at once, choose another card, or leave:",
            SUBSCRIPTION,
        ],
    ),
    (
        "declined",
        {**UNPAID, "captured_krw": 15_000},
        "Morning Roast: your payment did not go through",
        [
            "Morning (monthly) was charged otherwise than agreed. What left your card goes back.",
            "We do not try again by ourselves.",
            "Here you can pay at once, choose another card, or leave:",
            SUBSCRIPTION,
        ],
    ),
    (
        "card_needed",
        {**UNPAID, "refusal": "stolen"},
        "Morning Roast: your subscription needs another card",
        [
            NOTHING_LEFT,
            "The card is reported lost or stolen. We do not charge it again.",
            "Here you can register another card, or leave:",
            SUBSCRIPTION,
        ],
    ),
    (
        "card_needed",
        UNPAID,
        "Morning Roast: your subscription needs another card",
        [
            NOTHING_LEFT,
            "There is no card that we may charge.",
            "Here you can register another card, or leave:",
            SUBSCRIPTION,
        ],
    ),
    (
        "renewal_notice",
        {**UNPAID, "on": "2026-12-29", "card": "4242"},
        "Morning Roast: ₩14,900 on 29 Dec 2026",
        [
            "On 29 Dec 2026 we charge ₩14,900 for Morning (monthly) to the card that ends in 4242.",
            "You need not do anything. Until then you can change, skip or leave here:",
            SUBSCRIPTION,
        ],
    ),
    (
        "renewal_notice",
        {**UNPAID, "every": "year", "amount_krw": 149_000, "on": "2026-12-29", "card": None},
        "Morning Roast: ₩149,000 on 29 Dec 2026",
        [
            "On 29 Dec 2026 we charge ₩149,000 for Morning (yearly).",
            "You need not do anything. Until then you can change or leave here:",
            SUBSCRIPTION,
        ],
    ),
    (
        "left",
        {**MONTHLY, "leaves_on": "2026-12-29"},
        "Morning Roast: you have left Morning (monthly)",
        [
            "You have left Morning (monthly). Nothing more is charged.",
            "It is yours until 29 Dec 2026. Until then you can stay after all.",
            SUBSCRIPTION,
        ],
    ),
    (
        "left",
        {**MONTHLY, "refund_krw": 7_450, "is_charge_open": True},
        "Morning Roast: you have left Morning (monthly)",
        [
            "You have left Morning (monthly). Nothing more is charged.",
            "₩7,450 is on its way back to your card. We write again when it has arrived.",
            "We are still checking a charge that was on its way. If it went through, it goes back.",
            SUBSCRIPTION,
        ],
    ),
    *(
        ("ended", {**MONTHLY, "reason": reason}, "Morning Roast: Morning (monthly) is over", lines)
        for reason, lines in (
            ("left", [OVER, "You had left.", SUBSCRIPTION]),
            ("unpaid", [OVER, "It could not be charged for too long.", SUBSCRIPTION]),
            ("refunded", [OVER, "Its present payment was given back.", SUBSCRIPTION]),
            (
                "price",
                [
                    OVER,
                    "You did not agree to the new price, so it ended before it would have been charged.",
                    SUBSCRIPTION,
                ],
            ),
        )
    ),
    (
        "price_change",
        {**MONTHLY, "price_krw": 14_900, "new_price_krw": 15_900, "on": "2026-12-29"},
        "Morning Roast: a new price for Morning (monthly)",
        [
            "From 29 Dec 2026 Morning (monthly) costs ₩15,900 instead of ₩14,900.",
            "We charge the new price only if you agree. If you do not, your subscription ends the day before.",
            "Here you can agree, or leave:",
            SUBSCRIPTION,
        ],
    ),
]


@pytest.mark.parametrize(("kind", "facts", "subject", "lines"), LETTERS)
def test_a_letter_says_this_and_nothing_else(kind: str, facts: dict[str, Any], subject: str, lines: list[str]) -> None:
    """Its subject, its paragraphs, one link, and who wrote."""
    letter = texts.letter(kind, "en", facts, SHOP)

    assert letter.subject == subject
    assert letter.text.split("\n\n") == [*lines, "Morning Roast"]


@pytest.mark.parametrize(("kind", "facts", "subject", "lines"), LETTERS)
def test_a_korean_reader_gets_as_many_paragraphs_with_the_same_figures(
    kind: str, facts: dict[str, Any], subject: str, lines: list[str]
) -> None:
    """No English sentence among them."""
    letter = texts.letter(kind, "ko", facts, SHOP)

    assert letter.subject != subject
    paragraphs = letter.text.split("\n\n")
    assert len(paragraphs) == len(lines) + 1
    assert paragraphs[-2] == lines[-1]
    assert not set(lines[:-1]) & set(paragraphs)
    assert sorted(re.findall(r"([\d,]+)원", letter.text)) == sorted(re.findall(r"₩([\d,]+)", " ".join(lines)))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("balance", "The account behind the card does not hold enough."),
        ("closed", "The card has been closed. We do not charge it again."),
        ("no_key", "The card is not registered any more."),
        ("given_up", "The charge never arrived at the card company."),
        ("unknown", "The card company did not approve it."),
        (None, "The card company did not approve it."),
    ],
)
def test_a_refusal_says_what_it_means(kind: str | None, text: str) -> None:
    """And who can mend it, where that is known."""
    assert texts.refusal_text(kind, str) == text


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("plan", ["daybreak", "morning", "noon"])
def test_no_subject_loses_its_end(plan: str, language: str) -> None:
    """With the dearest coffee, by the year."""
    for kind, facts, _subject, _lines in LETTERS:
        subject = texts.subject(kind, language, {**facts, "plan": plan, "every": "year"})
        assert len(subject) < texts.LONGEST_SUBJECT, subject


def test_a_long_subject_is_cut_to_what_is_not_folded() -> None:
    """A plan that is not in the catalogue any more keeps its code."""
    subject = texts.subject("left", "en", {**MONTHLY, "plan": "a" * 80})

    assert len(subject) == texts.LONGEST_SUBJECT
    assert subject.startswith("Morning Roast: you have left aaa")
