"""What happens next to a subscription: single decisions, and whole lives made up by Hypothesis."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_mock_engine
from sqlalchemy.orm.attributes import set_committed_value

from storefront.billing.changing import pricing
from storefront.billing.subscriptions import calendar, decisions, dunning, outcomes
from storefront.billing.subscriptions.standing import Standing
from storefront.billing.subscriptions.step import Charge, End, Miss, PastDue, Skip, Wait
from storefront.models import Card, Checkout, Payment, Subscription
from storefront.states import CardStatus, EndReason, Every, PaymentStatus, PeriodStatus, SubscriptionStatus

SEOUL = ZoneInfo("Asia/Seoul")
ANCHOR = date(2026, 11, 27)
BEGAN = datetime(2026, 11, 27, 2, tzinfo=UTC)
_END_OF_LIFE = timedelta(days=500)


def at(day: str, hour: int = 9, minute: int = 0, second: int = 0) -> datetime:
    """A moment in Seoul."""
    return datetime.fromisoformat(day).replace(hour=hour, minute=minute, second=second, tzinfo=SEOUL).astimezone(UTC)


@dataclass
class Life:
    """A subscription in memory, with just as much of a session as its rules ask for."""

    every: Every = Every.MONTH
    now: datetime = BEGAN
    attempts: list[Payment] = field(default_factory=list)
    periods: list[Checkout] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)
    info: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Paid today, with a card that can be charged."""
        self.cards = [Card(id=1, status=CardStatus.ACTIVE)]
        self.subscription = Subscription(
            id=1,
            shopper_id=1,
            version=1,
            status=SubscriptionStatus.ACTIVE,
            moved_at=self.now,
            plan="morning",
            name="아침 원두 200g",
            every=self.every,
            price_krw=14_900,
            card_id=1,
            card_since=self.now,
            card_refused=False,
            anchor_on=ANCHOR,
            began_at=self.now,
        )
        self.standing().plan(self.now)

    def add(self, row: Any) -> None:
        """What a session does with a new row."""
        if isinstance(row, Payment):
            row.given_up = False
        (self.attempts if isinstance(row, Payment) else self.periods).append(row)

    def flush(self) -> None:
        """What a session does with rows that need an id."""

    def get_bind(self) -> Any:
        """What a session does when it is asked which database it speaks to."""
        return create_mock_engine("sqlite://", lambda *_: None)

    def execute(self, _statement: object, mail: dict[str, Any]) -> None:
        """What a session does with a mail."""
        self.mails.append(mail["kind"])

    def get_one(self, _model: type[Card], card_id: int) -> Card:
        """What a session does with an id."""
        return self.cards[card_id - 1]

    def scalars(self, _query: object) -> Life:
        """What a session does with the only query that is asked."""
        return self

    def all(self) -> list[Payment]:
        """The attempts at the present period."""
        return [attempt for attempt in self.attempts if attempt.checkout is self.period]

    @property
    def period(self) -> Checkout | None:
        """The one that was begun last."""
        return self.periods[-1] if self.periods else None

    @property
    def card(self) -> Card:
        """The subscription's."""
        return self.get_one(Card, self.subscription.card_id)

    def standing(self) -> Standing:
        """What `step` is asked about."""
        return Standing(self.subscription, self.period, self.all(), self.card)

    def look(self) -> Any:
        """Decide and write, as a worker does; the decision."""
        decision = self.standing().decide(self.now)
        if isinstance(decision, Charge):
            decisions.open_attempt(self, self.standing(), decision, self.now)  # type: ignore[arg-type]
        elif not (isinstance(decision, Wait) and decision.behind):
            decisions.write(self, self.standing(), decision, self.now)  # type: ignore[arg-type]
        # However it was decided, nobody finds it due again at this moment.
        assert self.subscription.wake_at is None or self.subscription.wake_at > self.now
        return decision

    def pass_to(self, moment: datetime) -> Any:
        """Time passes without anybody looking; then somebody looks."""
        self.now = moment
        return self.look()

    def live_to(self, moment: datetime) -> None:
        """A worker looks at every moment something is due."""
        while self.subscription.wake_at is not None and self.subscription.wake_at <= moment:
            self.pass_to(max(self.now, self.subscription.wake_at))
            self.end("paid")
        self.now = moment

    def end(self, outcome: str) -> None:
        """The open attempt's outcome, if there is one."""
        payment = self.attempts[-1] if self.attempts else None
        if payment is None or payment.status != PaymentStatus.REQUESTED:
            return
        assert payment.checkout is not None
        set_committed_value(payment.checkout, "subscription", self.subscription)
        if outcome == "paid":
            payment.status = PaymentStatus.PAID
            payment.checkout.paid_by = payment.merchant_uid
            outcomes.paid(self, payment, self.now)  # type: ignore[arg-type]
        else:
            payment.status = PaymentStatus.FAILED
            payment.failed_at = self.now
            payment.given_up = outcome == dunning.GIVEN_UP
            outcomes.failed(self, payment, outcome, self.now)  # type: ignore[arg-type]

    def decline(self, kind: str = dunning.UNKNOWN) -> None:
        """A look, and its attempt is refused."""
        assert isinstance(self.look(), Charge)
        self.end(kind)

    def change_card(self) -> None:
        """Another card that can be charged."""
        self.cards.append(Card(id=len(self.cards) + 1, status=CardStatus.ACTIVE))
        self.subscription.card_id, self.subscription.card_since = len(self.cards), self.now
        self.subscription.card_refused = False
        self.standing().plan(self.now)

    def next_at(self) -> datetime | None:
        """When the next charge happens by itself."""
        upcoming = self.standing().upcoming()
        return upcoming.at if upcoming else None


@pytest.fixture
def life() -> Life:
    """Begun on 27 November 2026, its period 0 not paid yet."""
    return Life()


@pytest.fixture
def running(life: Life) -> Life:
    """Its period 0, from 27 November to 27 December, is paid."""
    life.look()
    life.end("paid")
    return life


@pytest.fixture
def owing(running: Life) -> Life:
    """Period 1 was declined once, on 27 December a few seconds after nine."""
    running.live_to(at("2026-12-26"))
    running.now = at("2026-12-27", 9, 0, 5)
    running.decline()
    return running


def test_a_rise_concerns_what_begins_thirty_days_after_its_mail(running: Life) -> None:
    """To the second; whoever is told later is asked about the period after that."""
    running.subscription.new_price_from = date(2026, 12, 27)
    in_time = at("2026-12-27", hour=0) - timedelta(days=30)

    assert pricing.first_period_if_told(running.subscription, in_time) == date(2026, 12, 27)
    assert pricing.first_period_if_told(running.subscription, in_time + timedelta(seconds=1)) == date(2027, 1, 27)


def test_a_period_is_charged_at_nine_of_its_first_day(running: Life) -> None:
    """Not a second earlier; for the agreed price, as the first attempt at period 1."""
    running.now = at("2026-12-21")
    running.look()  # its notice
    running.now = at("2026-12-27", 8, 59, 59)
    waiting, due = running.look(), running.pass_to(at("2026-12-27"))

    assert waiting == Wait(at("2026-12-27"))
    assert isinstance(due, Charge)
    assert (due.attempt, due.upcoming.interval.number, due.upcoming.terms.price_krw) == (1, 1, 14_900)
    assert running.period is not None
    assert running.period.period_status == PeriodStatus.UNPAID
    assert running.attempts[-1].identity == "renewal:1:1:1"


def test_an_open_attempt_is_waited_for_whatever_else_is_due(running: Life) -> None:
    """Weeks later too: nobody makes another one, nothing ends and nothing is missed."""
    running.live_to(at("2026-12-26"))
    running.pass_to(at("2026-12-27"))

    for day in ("2026-12-28", "2027-01-06", "2027-01-27", "2027-03-27"):
        assert isinstance(running.pass_to(at(day)), Wait)
    assert [attempt.attempt for attempt in running.attempts] == [1, 1]


def test_a_shop_that_was_down_charges_the_running_period_and_never_the_past(running: Life) -> None:
    """December's period is over and missed; January's is charged a breath later, not in the same one."""
    missed = running.pass_to(at("2027-01-30", 15))

    assert isinstance(missed, Miss)
    assert [interval.number for interval in missed.intervals] == [1]
    assert running.subscription.wake_at == at("2027-01-30", 15, 1)
    charge = running.pass_to(at("2027-01-30", 15, 1))
    assert isinstance(charge, Charge)
    assert charge.upcoming.interval.number == 2
    assert [period.period_status for period in running.periods][:2] == [PeriodStatus.PAID, PeriodStatus.MISSED]


def test_two_periods_are_not_charged_by_themselves_in_twenty_hours(running: Life) -> None:
    """The shop was down until the last afternoon of a period; the next one's charge waits for the morning after its own."""
    running.live_to(at("2026-12-26"))
    assert isinstance(running.pass_to(at("2027-01-26", 15)), Charge)
    running.end("paid")

    assert running.next_at() == at("2027-01-28")
    assert isinstance(running.pass_to(at("2027-01-27")), Wait)
    assert isinstance(running.pass_to(at("2027-01-28")), Charge)


def test_a_clock_that_is_behind_decides_nothing_and_says_so(owing: Life) -> None:
    """It shows a time at which the last decision had not been made."""
    planned = owing.subscription.wake_at

    assert owing.pass_to(at("2026-12-27", 8, 59)) == Wait(planned, behind=True)


def test_a_period_that_is_not_wanted_is_skipped_and_the_next_one_charged(running: Life) -> None:
    """The wish is used up."""
    running.subscription.skip_number = 1
    running.standing().plan(running.now)
    upcoming = running.standing().upcoming()

    assert upcoming is not None
    assert upcoming.at == at("2027-01-27")
    assert isinstance(running.pass_to(at("2026-12-27")), Skip)
    assert running.subscription.skip_number is None
    running.live_to(at("2027-01-26"))
    assert isinstance(running.pass_to(at("2027-01-27")), Charge)


@pytest.mark.parametrize("hours", [0, 9, 9 + 24 * 60])
def test_whoever_left_is_not_charged_whenever_somebody_looks(running: Life, hours: int) -> None:
    """It ends as the paid period is over, before the next one is due; also if nobody looked for months."""
    running.subscription.leaves_on = date(2026, 12, 27)
    running.standing().plan(running.now)

    assert running.next_at() is None
    assert running.subscription.wake_at == at("2026-12-27", 0)
    assert running.pass_to(at("2026-12-27", 0) + timedelta(hours=hours)) == End(EndReason.LEFT)
    assert (running.subscription.status, running.subscription.wake_at) == (SubscriptionStatus.ENDED, None)


def test_a_price_that_was_not_agreed_to_ends_it_before_it_is_charged(running: Life) -> None:
    """At the end of the period before; agreed to, it is the next period's price."""
    running.subscription.new_price_krw, running.subscription.new_price_from = 16_900, date(2026, 12, 20)
    assert running.next_at() is not None, "nobody has been told"
    running.subscription.new_price_announced_at = running.now
    assert running.next_at() is None
    assert running.standing().decide(at("2026-12-27", 0)) == End(EndReason.PRICE)

    running.subscription.new_price_agreed_at = running.now
    running.live_to(at("2026-12-27"))

    assert running.attempts[-1].amount_krw == running.subscription.price_krw == 16_900
    assert (running.subscription.new_price_krw, running.subscription.new_price_from) == (None, None)


def test_another_plan_comes_with_the_next_period_and_settles_the_price(running: Life) -> None:
    """Its name, its price and the consent to it."""
    running.subscription.new_price_krw, running.subscription.new_price_from = 16_900, date(2026, 12, 20)
    running.subscription.new_price_announced_at = running.now
    running.subscription.next_plan, running.subscription.next_name = "noon", "한낮 원두 200g"
    running.subscription.next_price_krw = 18_900

    running.live_to(at("2026-12-27"))

    charged = running.attempts[-1]
    assert (charged.plan, charged.name, charged.amount_krw) == ("noon", "한낮 원두 200g", 18_900)
    assert running.subscription.plan == "noon"
    assert (running.subscription.next_plan, running.subscription.new_price_krw) == (None, None)


@pytest.mark.parametrize("status", [CardStatus.PENDING, CardStatus.REMOVING, CardStatus.REMOVED, CardStatus.SUSPENDED])
def test_without_a_card_it_is_past_due_at_once_and_ends_ten_days_later(running: Life, status: CardStatus) -> None:
    """No attempt is made, none is planned."""
    running.live_to(at("2026-12-26"))
    running.card.status = status

    assert running.next_at() is None
    assert isinstance(running.pass_to(at("2026-12-27")), PastDue)
    assert running.subscription.status == SubscriptionStatus.PAST_DUE
    assert running.subscription.wake_at == at("2027-01-06")
    assert running.pass_to(at("2027-01-06")) == End(EndReason.UNPAID)
    assert running.period is not None
    assert running.period.period_status == PeriodStatus.LAPSED
    assert len(running.attempts) == 1


def test_a_soft_refusal_is_tried_again_after_one_three_and_seven_days(owing: Life) -> None:
    """At nine; four attempts in all, and the end comes ten days after the first failure."""
    tried = []
    while owing.subscription.status == SubscriptionStatus.PAST_DUE:
        assert owing.subscription.wake_at is not None
        owing.now = owing.subscription.wake_at
        if isinstance(owing.look(), Charge):
            tried.append(owing.now)
            owing.end(dunning.UNKNOWN)

    assert tried == [at("2026-12-28"), at("2026-12-30"), at("2027-01-03")]
    assert (owing.subscription.reason, owing.subscription.ended_at) == (EndReason.UNPAID, at("2027-01-06", 9, 0, 5))


def test_a_retry_keeps_twenty_hours_from_whatever_was_tried_before(owing: Life) -> None:
    """Also from an attempt that its shopper asked for."""
    owing.change_card()
    owing.now = at("2026-12-27", 14)
    owing.decline()

    assert owing.attempts[-1].automatic is False
    assert owing.next_at() == at("2026-12-29")


def test_a_recovered_payment_pays_the_same_period_and_moves_no_date(owing: Life) -> None:
    """The anchor stays."""
    owing.pass_to(at("2026-12-30", 11))
    owing.end("paid")

    assert owing.subscription.status == SubscriptionStatus.ACTIVE
    assert owing.next_at() == at("2027-01-27")


def test_a_card_refused_for_good_is_not_tried_again_and_another_one_is_at_once(running: Life) -> None:
    """In this period, and in no later one either, although somebody paid this one by hand."""
    running.live_to(at("2026-12-26"))
    running.now = at("2026-12-27")
    running.decline("stolen")
    assert running.subscription.wake_at == at("2027-01-06")
    assert running.next_at() is None

    running.now = at("2026-12-28", 20)
    running.change_card()
    assert running.next_at() == running.now
    running.look()
    running.end("paid")

    assert running.subscription.status == SubscriptionStatus.ACTIVE


def test_a_charge_that_was_given_up_is_tried_at_the_next_nine_and_counts(running: Life) -> None:
    """It was no decline, so its day is not one of the ladder's."""
    running.live_to(at("2026-12-26"))
    running.pass_to(at("2026-12-27"))
    running.now = at("2026-12-28", 9, 5)
    running.end(dunning.GIVEN_UP)

    assert running.next_at() == at("2026-12-29")
    running.now = at("2026-12-29")
    running.decline()
    assert running.next_at() == at("2026-12-30")


def test_dunning_ends_with_its_period_if_that_is_sooner(owing: Life) -> None:
    """Nothing is tried for a period that is over."""
    assert owing.period is not None
    owing.period.closes_at = at("2026-12-30", 0)

    owing.pass_to(at("2026-12-28"))
    owing.end(dunning.UNKNOWN)

    assert owing.next_at() is None
    assert owing.pass_to(at("2026-12-30", 0)) == End(EndReason.UNPAID)


def test_a_notice_is_due_a_week_before_and_again_for_other_news(running: Life) -> None:
    """Another card, sum or plan is other news; then it is due at once."""
    assert running.subscription.wake_at == at("2026-12-20")
    notice = running.pass_to(at("2026-12-20"))
    assert isinstance(notice, Wait)
    assert notice.notice is not None
    assert running.subscription.wake_at == at("2026-12-27")

    running.now = at("2026-12-22")
    running.change_card()
    assert running.look().notice is not None
    assert running.look() == Wait(at("2026-12-27"))


EVENTS = st.one_of(
    st.tuples(st.just("wait"), st.floats(0.01, 24 * 45)),
    st.tuples(st.just("wake"), st.floats(0, 30)),
    st.tuples(st.just("end"), st.sampled_from(["paid", "unknown", "limit", "stolen", "given_up", "no_key"])),
    st.tuples(st.just("card"), st.sampled_from(["another", "removed"])),
    st.tuples(st.just("ask"), st.sampled_from(["paid", "limit", "stolen"])),
    st.tuples(st.just("wish"), st.sampled_from(["leave", "stay", "skip", "rise", "agree"])),
)
"""What may happen in a life; hours pass in between."""


@settings(max_examples=400, deadline=None)
@given(every=st.sampled_from([Every.MONTH, Every.YEAR]), events=st.lists(EVENTS, max_size=60))
def test_over_any_history_the_promises_hold(every: Every, events: list[tuple[str, Any]]) -> None:
    """At most 4 automatic attempts a period, never two in 20 hours, none after leaving or the end, and so on."""
    life = Life(every)
    for kind, detail in events:
        _happen(life, kind, detail)
        _check(life)


def _happen(life: Life, kind: str, detail: Any) -> None:
    subscription = life.subscription
    if kind == "wait":
        life.now += timedelta(hours=detail)
        life.look()
    elif kind == "wake" and subscription.wake_at is not None:
        life.pass_to(max(life.now, subscription.wake_at + timedelta(hours=detail)))
    elif kind == "end":
        life.end(detail)
    elif kind == "card" and detail == "another":
        life.change_card()
    elif kind == "card":
        life.card.status = CardStatus.REMOVED
    elif kind == "ask" and subscription.status == SubscriptionStatus.PAST_DUE and not life.standing().is_open():
        assert life.period is not None
        if dunning.may_be_asked_for(life.all()) and life.now < dunning.ends_at(life.period):
            decisions.open_asked_for(life, life.standing(), Card(id=99), "pay:1:token", life.now)  # type: ignore[arg-type]
            life.end(detail)
    elif kind == "wish":
        _wish(life, detail)


def _wish(life: Life, wish: str) -> None:
    subscription, period = life.subscription, life.period
    if subscription.status == SubscriptionStatus.ENDED or life.standing().is_open():
        return
    if wish == "leave" and period is not None and period.period_status == PeriodStatus.PAID:
        subscription.leaves_on = max(period.ends_on or ANCHOR, calendar.seoul_day(life.now))
    elif wish == "stay":
        subscription.leaves_on = None
    elif wish == "skip" and life.every == Every.MONTH:
        subscription.skip_number = (subscription.number or 0) + 1
    elif wish == "rise":
        subscription.new_price_krw, subscription.new_price_from = 20_000, calendar.seoul_day(life.now)
        subscription.new_price_agreed_at = None
    elif wish == "agree":
        subscription.new_price_agreed_at = life.now
    life.standing().plan(life.now)


def _check(life: Life) -> None:
    subscription = life.subscription
    by_itself = [attempt for attempt in life.attempts if attempt.automatic]
    for period in life.periods:
        tried = [attempt for attempt in life.attempts if attempt.checkout is period]
        assert sum(attempt.automatic for attempt in tried) <= 4
        assert sum(not attempt.automatic for attempt in tried) <= dunning.MOST_ASKED_FOR
        assert sum(attempt.status == PaymentStatus.PAID for attempt in tried) <= 1
        assert [attempt.attempt for attempt in tried] == list(range(1, len(tried) + 1))
        assert all(attempt.created_at < period.closes_at for attempt in tried)
    assert all(later.created_at - sooner.created_at >= dunning.REST for sooner, later in pairwise(by_itself))
    assert sum(attempt.status == PaymentStatus.REQUESTED for attempt in life.attempts) <= 1
    assert [period.number for period in life.periods] == list(range(len(life.periods)))
    if subscription.status == SubscriptionStatus.ENDED:
        assert subscription.wake_at is None
        assert subscription.ended_at is not None
        assert all(attempt.created_at <= subscription.ended_at for attempt in life.attempts)
        assert life.standing().decide(life.now + _END_OF_LIFE) == Wait(None)
        assert life.next_at() is None
    else:
        assert subscription.wake_at is not None
        decision = life.standing().decide(life.now)
        assert not isinstance(decision, Wait) or (decision.until is not None and decision.until > life.now)
    if subscription.leaves_on is not None:
        leaves_at = calendar.midnight_of(subscription.leaves_on)
        assert all(attempt.created_at < leaves_at for attempt in by_itself)
