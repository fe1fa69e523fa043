"""i'mport's checklist before going live, line by line: proved by a test, checked now, or for a person to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from storefront.doctor.checks import Finding, State


@dataclass(frozen=True)
class Line:
    """One line of the list.

    Attributes:
        text: what i'mport asks.
        tests: the tests that prove it of this shop.
        checks: the checks that look at it now.
        next: what is left to do with a real account.
    """

    text: str
    tests: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    next: str = ""


@dataclass(frozen=True)
class Judged:
    """A line, and how it stands now."""

    number: int
    text: str
    state: State
    proved_by: tuple[str, ...]
    checked_by: tuple[str, ...]
    next: str


LINES = (
    Line(
        "The live MID and the PG's secret are in the console; test mode is off",
        checks=("account", "JTNet"),
        next="ask JTNet for a contract for recurring payments; put its MID, key and cancel password into the console",
    ),
    Line(
        "The webhook's address is in the console, and its test passes",
        checks=("webhook",),
        next="write PUBLIC_URL/webhooks/iamport into the console: cancels made there are told to that address only",
    ),
    Line(
        "The API may be used from the production servers' addresses", checks=("keys",), next="list them in the console"
    ),
    Line(
        "Instalments and interest are as agreed",
        next="see JTNet's contract; this shop offers lump sums, so say so there",
    ),
    Line("m_redirect_url and confirm_url lead to production", checks=("address",)),
    Line(
        "The window that opens is the intended PG's",
        ("test_an_amount_is_registered_before_the_window_opens_and_zero_is_not",),
        checks=("JTNet",),
        next="open the window once and look",
    ),
    Line(
        "The result comes by callback on a desktop and by redirect on a phone",
        ("test_a_bag_is_paid_in_the_small_shop", "test_a_phone_comes_back_with_the_query_of_either_sdk"),
    ),
    Line(
        "Webhooks for paid and cancelled are applied, and answered with 200",
        ("test_a_webhook_is_answered_once_the_state_is_stored", "test_a_cancel_in_the_console_is_taken_over"),
    ),
    Line(
        "A payment or a cancel whose outcome is unknown after a network error is cleared up",
        (
            "test_an_answer_lost_after_the_work_ends_paid_exactly_once",
            "test_a_refund_whose_answer_is_lost_is_finished_on_the_next_look",
        ),
        checks=("last look",),
    ),
    Line(
        "Every reason of a failure has its way, a failed cancel is repeated",
        ("test_a_decline_shows_its_reason_and_keeps_the_card", "test_a_refund_that_imports_refuses_goes_to_a_person"),
    ),
    Line("Buyers can see receipts of payments and cancels", ("test_a_receipt_shows_what_a_receipt_needs",)),
    Line(
        "Approval number, imp_uid and merchant_uid can be looked up",
        ("test_a_receipt_shows_what_a_receipt_needs", "test_the_timeline_tells_who_said_what_and_what_followed"),
    ),
    Line("The same result arriving twice changes nothing", ("test_all_doors_at_once_make_one_transition",)),
    Line(
        "All card companies have approved the shop; approval, full and partial cancel are tried",
        next="wait for JTNet's word; then pay and cancel a real card's 1,000 won, once in full and once in part",
    ),
    Line(
        "Check cards, credit cards and, by contract, foreign cards are tried",
        next="one payment with each; many PGs refuse KB, NH and Kakaobank cards for billing: have a text for it",
    ),
    Line("Tax-free amounts agree", next="everything here is taxed; if yours is not, send tax_free with every payment"),
    Line(
        "A billing key is issued, and a charge with it succeeds",
        (
            "test_a_card_registered_alone_costs_nothing_and_is_stored",
            "test_a_bag_is_paid_and_another_one_with_the_stored_card",
        ),
        next="once with a real card, 0 won and then the smallest bag; give it back",
    ),
    Line(
        "After a failed charge the key can be deleted, another card registered and charged",
        ("test_a_decline_shows_its_reason_and_keeps_the_card", "test_a_removed_card_is_gone_at_imports_side_too"),
    ),
    Line(
        "Systems and browsers are tried",
        ("test_the_readmes_own_sentence_works_in_an_empty_shop",),
        next="the tests use Chromium; try Safari, Firefox, Samsung Internet and the web views of KakaoTalk and Naver",
    ),
    Line("Apps know the card apps' schemes", next="none here; in an app pass app_scheme and list the schemes"),
)


def judge(findings: Sequence[Finding]) -> list[Judged]:
    """How each line stands: broken if a check of it is, done if tests and checks say so, else somebody's to do."""
    found = {finding.name: finding for finding in findings}
    return [
        Judged(number, line.text, _state(line, found), line.tests, line.checks, _next(line, found))
        for number, line in enumerate(LINES, start=1)
    ]


def _state(line: Line, found: Mapping[str, Finding]) -> State:
    states = [found[check].state for check in line.checks if check in found]
    if State.BROKEN in states:
        return State.BROKEN
    return State.YOURS if State.YOURS in states or line.next else State.OK


def _next(line: Line, found: Mapping[str, Finding]) -> str:
    """What its checks ask for, then what is left."""
    steps = [found[check].next for check in line.checks if check in found and found[check].state is not State.OK]
    return "; ".join([*steps, *([line.next] if line.next else [])])
