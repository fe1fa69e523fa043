"""Step 2 of `docs/take-it-home.md`: the rules of money, with rows of your own."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from yourshop.billing.orders.judgement import Finding, Judgement, judge
from yourshop.iamport import Payment
from yourshop.states import PaymentStatus, Purpose


@dataclass
class Card:
    """Your row for a stored card."""

    customer_uid: str
    removed_at: datetime | None = None


@dataclass
class Order:
    """Your row for an attempt to pay: what the rules look at."""

    merchant_uid: str
    amount_krw: int
    card: Card
    purpose: Purpose = Purpose.FIRST
    currency: str = "KRW"
    status: PaymentStatus = PaymentStatus.READY
    imp_uid: str | None = None
    captured: bool = False
    cancelled_krw: int = 0
    given_up: bool = False


LIVE = False
"""Whether money is real: a test channel's payment pays for nothing then."""


def judged(order: Order, answer: Payment, *, has_key: bool) -> Judgement:
    """What i'mport's answer means for an order; nothing is changed, the writing is yours."""
    clocks = {"now": datetime.now(UTC), "offset": timedelta(0)}
    return judge(order, order.card, None, answer, live=LIVE, has_key=has_key, **clocks)


def take(order: Order, answer: Payment, *, has_key: bool) -> str:
    """What is to be done now; write the row and the step down before you take the step."""
    judgement = judged(order, answer, has_key=has_key)
    if judgement.finding is Finding.WANTED:
        return "paid"
    if judgement.finding in (Finding.REFUSED, Finding.EXTRA):
        return "give it back"
    if judgement.finding is Finding.CHANGED:
        return "write down what was cancelled"
    return "failed" if judgement.finding in (Finding.DECLINED, Finding.KEYLESS) else "leave it"
