"""What i'mport's answer means for a row: each compared field by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from storefront import iamport
from storefront.billing.orders.judgement import Finding, judge
from storefront.models import Card, Checkout, Payment, Subscription
from storefront.states import CardStatus, EndReason, PaymentStatus, Purpose, SubscriptionStatus

BEGAN = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
ANSWER = iamport.Payment(
    imp_uid="imp_1",
    merchant_uid="mr_1",
    status="paid",
    amount=14_900,
    cancel_amount=0,
    currency="KRW",
    sandbox=False,
    customer_uid="card_1",
    paid_at=BEGAN + timedelta(minutes=2),
)
DECLINED = replace(ANSWER, status="failed", paid_at=None, fail_reason="[8381]")


def row(status: PaymentStatus = PaymentStatus.READY, **fields: object) -> Payment:
    """A first payment of 14,900 won."""
    facts: dict[str, object] = {
        "merchant_uid": "mr_1",
        "purpose": Purpose.FIRST,
        "amount_krw": 14_900,
        "currency": "KRW",
        "captured": False,
        "captured_krw": 0,
        "cancelled_krw": 0,
        "given_up": False,
    }
    return Payment(status=status, **(facts | fields))


def found(
    payment: Payment,
    answer: iamport.Payment,
    *,
    live: bool = True,
    paid_by: str | None = None,
    key: bool | None = None,
    removed_at: datetime | None = None,
    offset: timedelta = timedelta(0),
) -> tuple[Finding, str | None]:
    """The judgement of an answer, an hour after the checkout began by i'mport's clock."""
    card = Card(customer_uid="card_1", status=CardStatus.PENDING, removed_at=removed_at)
    checkout = Checkout(closes_at=BEGAN + timedelta(hours=24), paid_by=paid_by)
    now = BEGAN + timedelta(hours=1)
    judgement = judge(payment, card, checkout, answer, live=live, has_key=key, now=now, offset=offset)
    return judgement.finding, judgement.refusal


def test_what_agrees_in_everything_is_wanted() -> None:
    """The order, as ordered."""
    assert found(row(), ANSWER) == (Finding.WANTED, None)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (replace(ANSWER, amount=14_901), "amount"),
        (replace(ANSWER, amount=100), "amount"),
        (replace(ANSWER, currency="USD"), "currency"),
        (replace(ANSWER, customer_uid="card_2"), "customer_uid"),
        (replace(ANSWER, sandbox=True), "channel"),
        (replace(ANSWER, paid_at=BEGAN + timedelta(hours=24)), "too_late"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_field_that_disagrees_is_enough_to_refuse(answer: iamport.Payment, reason: str) -> None:
    """And the reason is named."""
    assert found(row(), answer) == (Finding.REFUSED, reason)
    assert found(row(PaymentStatus.FAILED), answer) == (Finding.REFUSED, reason)


def test_a_payment_of_a_test_channel_is_fine_where_no_real_money_moves() -> None:
    """Only a live shop refuses it."""
    assert found(row(), replace(ANSWER, sandbox=True), live=False) == (Finding.WANTED, None)


def test_the_last_moment_of_the_day_is_in_time() -> None:
    """Whoever paid within 24 hours gets the coffee, whenever we hear of it."""
    answer = replace(ANSWER, paid_at=BEGAN + timedelta(hours=23, minutes=59, seconds=59))

    assert found(row(PaymentStatus.EXPIRED), answer) == (Finding.WANTED, None)


def test_a_checkout_is_paid_once() -> None:
    """The first paid attempt wins; the same one again is no second."""
    assert found(row(), ANSWER, paid_by="mr_other") == (Finding.REFUSED, "already_paid")
    assert found(row(), ANSWER, paid_by="mr_1") == (Finding.WANTED, None)


@pytest.mark.parametrize(
    ("paid_after", "status", "verdict"),
    [
        (timedelta(hours=25), "past_due", (Finding.WANTED, None)),
        (timedelta(days=30, seconds=-1), "past_due", (Finding.WANTED, None)),
        (timedelta(days=30), "past_due", (Finding.REFUSED, "period_over")),
        (timedelta(hours=25), "ended", (Finding.REFUSED, "ended")),
    ],
)
@pytest.mark.parametrize("was", [PaymentStatus.REQUESTED, PaymentStatus.FAILED])
def test_a_renewal_is_wanted_until_its_period_is_over_or_its_subscription_ended(
    was: PaymentStatus, paid_after: timedelta, status: str, verdict: tuple[Finding, str | None]
) -> None:
    """A window has a day, a period has its days."""
    reason = EndReason.LEFT if status == "ended" else None
    subscription = Subscription(status=SubscriptionStatus(status), reason=reason)
    period = Checkout(closes_at=BEGAN + timedelta(days=30), subscription=subscription, number=1)
    attempt = row(was, purpose=Purpose.RENEWAL, attempt=1)
    answer = replace(ANSWER, paid_at=BEGAN + paid_after)

    now = BEGAN + timedelta(days=40)
    judgement = judge(
        attempt, Card(customer_uid="card_1"), period, answer, live=False, has_key=None, now=now, offset=timedelta(0)
    )

    assert (judgement.finding, judgement.refusal) == verdict


def test_a_charge_that_was_given_up_is_not_wanted_any_more() -> None:
    """Its money goes back."""
    assert found(row(PaymentStatus.FAILED, given_up=True), ANSWER) == (Finding.REFUSED, "given_up")


def test_no_customer_uid_at_all_is_no_disagreement() -> None:
    """The money is right; there is just no key."""
    assert found(row(), replace(ANSWER, customer_uid=None)) == (Finding.WANTED, None)


@pytest.mark.parametrize("status", ["paid", "cancelled"])
def test_captured_means_a_time_of_payment(status: str) -> None:
    """`paid` without one, or one without `paid`, is a contradiction that no program decides."""
    assert found(row(), replace(ANSWER, status=status, paid_at=None)) == (Finding.CONTRADICTION, None)
    assert found(row(), replace(DECLINED, paid_at=BEGAN)) == (Finding.CONTRADICTION, None)


def test_an_unknown_status_changes_nothing() -> None:
    """I'mport may add statuses; what is not captured is not paid."""
    assert found(row(), replace(DECLINED, status="waiting")) == (Finding.NOTHING, None)


def test_a_decline_ends_an_open_row_and_no_other() -> None:
    """A row that is failed already learns nothing."""
    assert found(row(), DECLINED)[0] == Finding.DECLINED
    assert found(row(PaymentStatus.REQUESTED), DECLINED)[0] == Finding.DECLINED
    assert found(row(PaymentStatus.FAILED), DECLINED)[0] == Finding.NOTHING


def test_what_was_paid_is_never_lowered() -> None:
    """Neither by a decline nor by another amount: both contradict what i'mport has said."""
    paid = row(PaymentStatus.PAID, captured=True, captured_krw=14_900, imp_uid="imp_1")

    assert found(paid, DECLINED)[0] == Finding.CONTRADICTION
    assert found(paid, replace(ANSWER, amount=1))[0] == Finding.CONTRADICTION
    assert found(paid, replace(DECLINED, imp_uid="imp_2"))[0] == Finding.NOTHING


def test_after_the_capture_only_cancels_count() -> None:
    """In full, in part, and undone."""
    paid = row(PaymentStatus.PAID, captured=True, captured_krw=14_900, imp_uid="imp_1")
    in_part = replace(ANSWER, status="cancelled", cancel_amount=900)

    assert found(paid, ANSWER)[0] == Finding.NOTHING
    assert found(paid, in_part)[0] == Finding.CHANGED
    paid.cancelled_krw = 900
    assert found(paid, in_part)[0] == Finding.NOTHING
    assert found(paid, ANSWER)[0] == Finding.CHANGED


def test_a_second_capture_of_an_order_is_an_extra_one() -> None:
    """A row belongs to one imp_uid."""
    paid = row(PaymentStatus.PAID, captured=True, captured_krw=14_900, imp_uid="imp_1")

    assert found(paid, replace(ANSWER, imp_uid="imp_2"))[0] == Finding.EXTRA


@pytest.mark.parametrize(("key", "finding"), [(True, "WANTED"), (False, "KEYLESS"), (None, "NOTHING")])
def test_a_registration_for_nothing_is_worth_its_key(key: bool | None, finding: str) -> None:
    """With a key it is done, without one failed, and unknown while nobody could ask."""
    registration = row(purpose=Purpose.REGISTER, amount_krw=0)

    assert found(registration, replace(ANSWER, amount=0), key=key)[0] == Finding[finding]


def test_money_needs_no_key() -> None:
    """Paid without a key stays paid."""
    assert found(row(), ANSWER, key=False)[0] == Finding.WANTED


@pytest.mark.parametrize(
    ("offset", "refusal"), [(timedelta(0), "too_late"), (timedelta(hours=1), None), (timedelta(hours=-1), "too_late")]
)
def test_whether_it_was_too_late_is_judged_by_imports_clock(offset: timedelta, refusal: str | None) -> None:
    """Twenty-four and a half hours later by a clock that is an hour ahead of ours is in time."""
    answer = replace(ANSWER, paid_at=BEGAN + timedelta(hours=24, minutes=30))

    assert found(row(), answer, offset=offset)[1] == refusal


@pytest.mark.parametrize(
    ("removed_after", "refusal"),
    [(timedelta(minutes=2), "card_removed"), (timedelta(minutes=3), None), (timedelta(days=1), "card_removed")],
)
def test_a_removal_in_the_future_was_written_by_a_clock_that_was_ahead(
    removed_after: timedelta, refusal: str | None
) -> None:
    """The shopper has been told that there are no further charges, whenever that was."""
    charge = row(PaymentStatus.FAILED, purpose=Purpose.EXTRA)

    assert found(charge, ANSWER, removed_at=BEGAN + removed_after)[1] == refusal
