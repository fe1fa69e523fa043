"""A year of ten shoppers, month ends and trouble included: at its end every won is where the ledger says it is."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from storefront.billing import monthly
from storefront.billing.catalogue import PLANS
from storefront.billing.changing import pricing
from storefront.billing.subscriptions import calendar
from storefront.clock import SEOUL, Clock, LentClock
from storefront.models import Checkout, Payment, Subscription
from storefront.states import Every, PeriodStatus
from tests.conftest import Shop
from tests.people import Sandbox, Shopper

BEGINS = datetime(2027, 1, 31, 10, tzinfo=SEOUL)
"""The last day of a month, which most months do not have."""
MONTHS = 13
[MORNING] = [plan for plan in PLANS if plan.code == "morning"]
DEARER = 15_900
AGAIN = "/subscribe/payments/again"


@dataclass
class Life:
    """Who lives the year, and what has happened to them."""

    shop: Shop
    sandbox: Sandbox
    people: dict[str, Shopper] = field(default_factory=dict)
    charged: list[str] = field(default_factory=list)
    declined: list[str] = field(default_factory=list)

    def __getitem__(self, name: str) -> Shopper:
        """Somebody by name; new people sign up."""
        if name not in self.people:
            self.people[name] = Shopper(self.shop.browser(), self.sandbox).sign_up()
        return self.people[name]

    def travel(self, to: Any) -> None:
        """Time passes, and everything is done at its moment."""
        reply = self["ari"].post_json("/demo/time", {"to": to})
        assert reply.status_code == 200, reply.text
        journey = reply.get_json()
        assert journey["unknown"] == []
        self.charged += journey["charged"]
        self.declined += journey["declined"]

    def status(self, name: str) -> tuple[str, str | None]:
        """How somebody's subscription stands, and why."""
        found = self[name].subscription()
        return found["status"], found["reason"]

    def skipped(self) -> int:
        """How many periods were skipped."""
        with self.shop.billing.database.reading() as session:
            return session.scalar(select(func.count()).where(Checkout.period_status == PeriodStatus.SKIPPED)) or 0

    def newest_paid(self, name: str) -> dict[str, Any]:
        """The last payment of somebody that was captured."""
        return next(payment for payment in self[name].account()["payments"] if payment["captured"])


def begin(life: Life) -> None:
    """Every test card is shown to a window; who is declined there tries another one, or stays away."""
    life["ari"].subscribe()
    life["bom"].subscribe("noon", every="year", mode="register", card="slow", first_on="2027-02-10")
    life["chan"].subscribe(card="decline-later")
    life["dan"].subscribe("daybreak", card="approve-2")
    for card in ("decline-limit", "decline-stolen", "decline-expired"):
        assert life["eun"].buy(card=card, terms={"every": "month"})["status"] == "failed"
    life["eun"].subscribe("noon")
    life["gaon"].subscribe(mode="register", first_on="2027-03-31")
    life["haru"].subscribe("noon")
    life["in"].subscribe("daybreak")
    life["jun"].subscribe()
    life["ko"].subscribe(every="year")


def lose_answers(life: Life) -> None:
    """I'mport charges, and its answer is cut; another charge never reaches it."""
    life.travel(life["ari"].subscription()["next"]["at"] - 60)
    life.sandbox.fault(AGAIN, "cut_after", times=2)
    life.sandbox.fault(AGAIN, "cut_before")


def go_away_for_three_days(life: Life) -> None:
    """The shop is down on a day on which most are charged: nobody does anything."""
    day_before = life["ari"].subscription()["next"]["at"] - 86_400
    if day_before > life.sandbox.now():
        life.travel(day_before)
    life.sandbox.advance(days=3)


def take_back(life: Life) -> None:
    """I'mport's people cancel one payment whole and of another a part, and a bag is given back."""
    life.sandbox.cancel_in_console(life.newest_paid("haru")["imp_uid"])
    life.sandbox.cancel_in_console(life.newest_paid("in")["imp_uid"], 1_000)
    [card] = life["jun"].active_cards()
    life["jun"].refund(life["jun"].charged(card["id"])["merchant_uid"])


def mend(life: Life) -> None:
    """A card that has begun to decline is replaced by another one, which is tried at once."""
    life.travel(life["dan"].subscription()["next"]["at"] + 2 * 86_400)
    assert life.status("dan") == ("past_due", None)
    card = life["dan"].register_card()
    assert life["dan"].ask("card", card=card["id"]).status_code == 303


def buy_about_midnight(life: Life) -> None:
    """A bag in the first hour of a month, and money back in its last one: in UTC each is in another month."""
    today = calendar.seoul_day(life.shop.clock.now())
    first = calendar.midnight_of(calendar.interval(today.replace(day=1), Every.MONTH, 0).ends_on)
    [card] = life["jun"].active_cards()
    for minutes in (-30, 30):
        life.travel(int(first.timestamp()) + minutes * 60)
        bag = life["jun"].charged(card["id"])
        life.sandbox.cancel_in_console(bag["imp_uid"], 1_000)
        life.travel(int(first.timestamp()) + minutes * 60 + 60)


def lose_a_card(life: Life) -> None:
    """Its shopper has it removed, and its subscription runs on without."""
    [card] = life["gaon"].active_cards()
    life["gaon"].remove_card(card["id"])


def choose(life: Life) -> None:
    """One leaves the next bag out; another changes to another coffee, and twice their mind about it."""
    assert life["jun"].ask("skip").status_code == 303
    for what in ("skip", "unskip"):
        assert life["eun"].ask(what).status_code == 303
    chosen = {"plan": "daybreak", "price_krw": 18_900, "consent": "y"}
    assert life["eun"].ask("plan", **chosen).status_code == 303


def leave_now(life: Life) -> None:
    """In the middle of a paid year, with what is left of it given back."""
    path = f"/account/subscriptions/{life['ko'].subscription()['id']}/leave"
    back = life["ko"].see(path)["refund_krw"]
    assert 0 < back < 10 * MORNING.price_krw
    assert life["ko"].ask("leave", when="now", refund_krw=back).status_code == 303


def leave_later(life: Life) -> None:
    """At the end of the period that is paid, after staying once."""
    for what, form in (("leave", {"when": "period_end"}), ("stay", {}), ("leave", {"when": "period_end"})):
        assert life["in"].ask(what, **form).status_code == 303


def raise_the_price(life: Life) -> None:
    """All who have Morning are asked; one agrees, and one says nothing."""
    in_40_days = calendar.seoul_day(life.shop.clock.now()) + timedelta(days=40)
    assert pricing.set_price(life.shop.billing, MORNING, DEARER, in_40_days).asked >= 2
    life.travel("day")
    assert life["ari"].ask("price", price_krw=DEARER, consent="y").status_code == 303


STORY: dict[int, tuple[Callable[[Life], None], ...]] = {
    0: (begin,),
    1: (mend,),
    2: (lose_answers,),
    3: (choose,),
    4: (take_back,),
    5: (leave_now,),
    6: (go_away_for_three_days,),
    7: (buy_about_midnight,),
    8: (lose_a_card, raise_the_price),
    9: (leave_later,),
}
"""What happens in which month, counted from the first."""


@pytest.fixture
def clock(sandbox_app: Flask) -> Clock:
    """The shop's time is the sandbox's, as in the demo."""
    parts = sandbox_app.extensions["sandbox"]
    return LentClock(parts.clock.now, parts.advance)


@pytest.fixture
def life(shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Life:
    """A shop on its first day; nobody really waits for a slow card."""
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, 0.01)))
    sandbox.advance(seconds=(BEGINS - shop.clock.now()).total_seconds())
    return Life(shop, sandbox)


def test_a_year_of_ten_shoppers_agrees_with_the_ledger_to_the_won(life: Life) -> None:
    """Each order, each month, and everything together; nobody is charged twice for a period, or after the end."""
    for month in range(MONTHS):
        for happens in STORY.get(month, ()):
            happens(life)
        life.travel("month")

    assert all(shopper.agrees_with_ledger() for shopper in life.people.values())
    assert net_of_all(life) == life.sandbox.net()
    assert no_period_was_paid_twice(life)
    assert captured_after_the_end(life) == []
    assert all(attempts <= 4 for attempts in automatic_attempts(life).values())
    ended: Counter[str] = Counter()
    for first_day in months():
        figures = monthly.month(life.shop.billing, first_day)
        ended.update({str(reason): count for reason, count in figures.ended.items()})
        assert (figures.charged_krw, figures.refunded_krw) == of_the_ledger(life, first_day), first_day
    assert len(life.charged) == len(set(life.charged))
    assert +ended == Counter(left=2, unpaid=2, refunded=1, price=1)
    assert life["ari"].subscription()["price"] == DEARER
    assert life["eun"].subscription()["plan"] == "daybreak"
    assert life.skipped() == 1
    assert {name: life.status(name) for name in life.people if name != "ari"} == {
        "bom": ("active", None),
        "chan": ("ended", "unpaid"),
        "dan": ("active", None),
        "eun": ("active", None),
        "gaon": ("ended", "unpaid"),
        "haru": ("ended", "refunded"),
        "in": ("ended", "left"),
        "jun": ("ended", "price"),
        "ko": ("ended", "left"),
    }


def months() -> Iterator[date]:
    """The first day of each month of the year."""
    for number in range(MONTHS + 1):
        yield calendar.interval(BEGINS.date().replace(day=1), Every.MONTH, number).begins_on


def net_of_all(life: Life) -> int:
    """The won that the shop believes i'mport holds, over all shoppers."""
    return sum(payment["net"] for shopper in life.people.values() for payment in shopper.account()["payments"])


def of_the_ledger(life: Life, first_day: date) -> tuple[int, int]:
    """What i'mport captured and cancelled in a month of Seoul's."""
    payments = life.sandbox.ledger()["payments"]
    captured = sum(payment["amount"] for payment in payments if is_in(payment["paid_at"], first_day))
    cancels = (cancel for payment in payments for cancel in payment["cancels"])
    return captured, sum(cancel["amount"] for cancel in cancels if is_in(cancel["at"], first_day))


def is_in(seconds: int, first_day: date) -> bool:
    """Whether a moment is in a month of Seoul's."""
    return datetime.fromtimestamp(seconds, SEOUL).date().replace(day=1) == first_day


def attempts_of_all(life: Life) -> list[Payment]:
    """Every attempt at a period."""
    with life.shop.billing.database.reading() as session:
        return list(session.scalars(select(Payment).where(Payment.attempt.is_not(None))))


def no_period_was_paid_twice(life: Life) -> bool:
    """By the ledger, not by what the shop says."""
    captured = {payment["merchant_uid"] for payment in life.sandbox.ledger()["payments"]}
    paid = Counter(attempt.checkout_id for attempt in attempts_of_all(life) if attempt.merchant_uid in captured)
    return set(paid.values()) == {1}


def captured_after_the_end(life: Life) -> list[str]:
    """Orders of subscriptions that had ended when i'mport captured them."""
    captured_at = {payment["merchant_uid"]: payment["paid_at"] for payment in life.sandbox.ledger()["payments"]}
    with life.shop.billing.database.reading() as session:
        ended = {row.id: row.ended_at.timestamp() for row in session.scalars(select(Subscription)) if row.ended_at}
    return [
        attempt.merchant_uid
        for attempt in attempts_of_all(life)
        if captured_at.get(attempt.merchant_uid, 0) > ended.get(attempt.subscription_id or 0, float("inf"))
    ]


def automatic_attempts(life: Life) -> Counter[int | None]:
    """How many attempts at each period began by themselves."""
    return Counter(attempt.checkout_id for attempt in attempts_of_all(life) if attempt.automatic)
