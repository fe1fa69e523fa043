"""Anything in any order: sign-ups, windows, charges, refunds, removals, faults, restarts, lies; the ledger is the judge.

Some thousand steps by default; `--long` plays a hundred thousand.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.model.stage import GRACE_S, Stage
from tests.people import Shopper

AGAIN = "/subscribe/payments/again"
CARDS = ("approve", "approve", "approve-2", "decline-limit", "decline-later")
PLANS = ("daybreak", "morning", "noon")
FAULTS = ("error", "cut_before", "cut_after", "error_after", "garbage", "unauthorized")
PATHS = (AGAIN, "/payments/cancel", "/payments/*", "/subscribe/customers/*", "/payments/findAll/*", "/users/getToken")
DOORS = ("callback", "redirect", "redirect without a session", "webhook", "form webhook")
STEPS_OF_A_PLAY = 50

Choice = st.integers(min_value=0, max_value=10**6)
stage: Stage


class Shopping(RuleBasedStateMachine):
    """Some shoppers, one shop, one i'mport, and bad luck."""

    def __init__(self) -> None:
        super().__init__()
        stage.clear()
        self.people: list[Shopper] = []
        self.orders: list[tuple[int, dict[str, Any]]] = []
        self.payments: list[tuple[str, str]] = []
        self.undone: Counter[str] = Counter()
        self.steps = 0
        self.is_silent = False
        """Whether something happened that nobody but a sweep can find."""

    @initialize(cards=st.lists(st.sampled_from(CARDS), min_size=1, max_size=2))
    def somebody_has_a_card(self, cards: list[str]) -> None:
        """Something to begin with."""
        for card in cards:
            self.somebody_signs_up()
            self.somebody_orders(len(self.people) - 1, "morning", "register", 0)
            self.somebody_pays(0, card, None, late=False, swapped=None, tells=True)

    @rule()
    @precondition(lambda self: len(self.people) < 3)
    def somebody_signs_up(self) -> None:
        """Somebody new."""
        self.people.append(stage.shopper(f"shopper-{len(self.people)}@example.com"))

    @rule(who=Choice, plan=st.sampled_from(PLANS), mode=st.sampled_from(("pay", "pay", "register")), form=Choice)
    @precondition(lambda self: self.people)
    def somebody_orders(self, who: int, plan: str, mode: str, form: int) -> None:
        """With a form of their own or one that was used before."""
        number = who % len(self.people)
        reply = self.people[number].post(
            f"/checkout/{plan}",
            {
                "mode": mode,
                "name": "김아침",
                "email": "achim@example.com",
                "phone": "010-1234-5678",
                "consent": "y",
                "token": f"form-{number}-{plan}-{form % 4}",
            },
        )
        assert reply.status_code == 303
        page = self.people[number].browser.get(reply.headers["Location"])
        start = page.text.find('id="request-pay">')
        if page.status_code == 200 and start > 0:
            text = page.text[start:].split(">", 1)[1].split("</script>")[0]
            self.orders.append((number, json.loads(text)))

    @rule(
        which=Choice,
        card=st.sampled_from(CARDS),
        forged=st.sampled_from((None, None, None, 1, 100, 20_000)),
        late=st.booleans(),
        swapped=st.one_of(st.none(), st.none(), st.none(), Choice),
        tells=st.booleans(),
    )
    @precondition(lambda self: self.orders)
    def somebody_pays(
        self, which: int, card: str, forged: int | None, late: bool, swapped: int | None, tells: bool
    ) -> None:
        """In the window, perhaps with another amount or another key's name than the shop's."""
        who, params = self.orders[-1 - which % min(len(self.orders), 6)]
        if swapped is not None:
            params = {**params, "customer_uid": self.orders[swapped % len(self.orders)][1]["customer_uid"]}
        result = stage.sandbox.pay(params, card, charge_amount=forged, late=late)
        if result["imp_uid"]:
            self.payments.append((result["imp_uid"], result["merchant_uid"]))
        if tells:
            assert self.people[who].tell(result).status_code == 200

    @rule(which=Choice, other=st.one_of(st.none(), st.none(), Choice), door=st.sampled_from(DOORS), who=Choice)
    @precondition(lambda self: self.payments and self.people)
    def somebody_brings_news(self, which: int, other: int | None, door: str, who: int) -> None:
        """True or made up, first or again, in any order."""
        imp_uid, merchant_uid = self.payments[which % len(self.payments)]
        if other is not None:
            merchant_uid = self.payments[other % len(self.payments)][1]
        shopper, ids = self.people[who % len(self.people)], {"imp_uid": imp_uid, "merchant_uid": merchant_uid}
        browser = shopper.browser if door == "redirect" else stage.browser()
        if door == "callback":
            reply = shopper.post_json("/payments/complete", ids)
        elif door == "webhook":
            reply = browser.post("/webhooks/iamport", json={**ids, "status": "paid"})
        elif door == "form webhook":
            reply = browser.post("/webhooks/iamport", data={**ids, "status": "cancelled"})
        else:
            reply = browser.get(f"/payments/complete/mobile?{urlencode({**ids, 'imp_success': 'true'})}")
        assert reply.status_code in (200, 303, 404, 503)

    @rule(which=Choice, again=st.booleans())
    @precondition(lambda _self: stage.all_webhooks())
    def imports_tells(self, which: int, again: bool) -> None:
        """One of its webhooks, whichever."""
        hooks = stage.all_webhooks() if again else stage.waiting_webhooks()
        if hooks:
            stage.deliver(hooks[which % len(hooks)])

    @rule(who=Choice, which=Choice, plan=st.sampled_from(PLANS), press=Choice)
    @precondition(lambda self: self.people)
    def somebody_orders_another_bag(self, who: int, which: int, plan: str, press: int) -> None:
        """With one of their cards, stored or removed, by a new press or one that was sent before."""
        shopper = self.people[who % len(self.people)]
        cards = shopper.account()["cards"]
        if cards:
            reply = shopper.charge(cards[which % len(cards)]["id"], plan, f"press-{press % 30}")
            assert reply.status_code in (303, 400)

    @rule(who=Choice, which=Choice, press=Choice)
    @precondition(lambda self: self.people)
    def somebody_wants_a_refund(self, who: int, which: int, press: int) -> None:
        """Of anything they ever ordered."""
        shopper = self.people[who % len(self.people)]
        payments = shopper.account()["payments"]
        if payments:
            reply = shopper.refund(payments[which % len(payments)]["merchant_uid"], f"refund-{press % 30}")
            assert reply.status_code in (303, 400)

    @rule(who=Choice, which=Choice)
    @precondition(lambda self: self.people)
    def somebody_removes_a_card(self, who: int, which: int) -> None:
        """Any of theirs."""
        shopper = self.people[who % len(self.people)]
        cards = shopper.account()["cards"]
        if cards:
            assert shopper.remove_card(cards[which % len(cards)]["id"]).status_code == 303

    @rule(path=st.sampled_from(PATHS), kind=st.sampled_from(FAULTS), times=st.integers(1, 3))
    def something_breaks(self, path: str, kind: str, times: int) -> None:
        """A call to i'mport will go wrong."""
        stage.sandbox.fault(path, kind, times=times, seconds=0)

    @rule(kind=st.sampled_from(("drop", "repeat", "hold", "first")))
    def a_webhook_goes_astray(self, kind: str) -> None:
        """Lost, repeated, held back, or faster than the reply."""
        stage.sandbox.fault("webhook", kind)
        self.is_silent = self.is_silent or kind == "drop"

    @rule(what=st.sampled_from(("a webhook", "a cancel", "a look", "reconcile")), which=Choice)
    def something_will_happen_meanwhile(self, what: str, which: int) -> None:
        """While the shop waits for the answer of its next call."""
        acts: dict[str, Callable[[], None]] = {
            "a webhook": lambda: self.imports_tells_now(which),
            "a cancel": lambda: self.cancel_and_tell(which),
            "a look": lambda: self.look(which),
            "reconcile": lambda: [stage.reconcile(), None][1],
        }
        stage.adapter.interruption = acts[what]

    def imports_tells_now(self, which: int) -> None:
        """The next webhook."""
        hooks = stage.waiting_webhooks()
        if hooks:
            stage.deliver(hooks[which % len(hooks)])

    def cancel_and_tell(self, which: int) -> None:
        """Somebody cancels in the console, and the shop hears of it at once."""
        held = [payment for payment in stage.sandbox.ledger()["payments"] if payment["net"]]
        if held:
            imp_uid = held[which % len(held)]["imp_uid"]
            stage.sandbox.cancel_in_console(imp_uid)
            self.imports_tells_now(-1)

    def look(self, which: int) -> None:
        """Somebody opens their account page."""
        if self.people:
            self.people[which % len(self.people)].account()

    @rule(which=Choice, amount=st.one_of(st.none(), st.integers(1, 5_000)))
    def somebody_cancels_in_the_console(self, which: int, amount: int | None) -> None:
        """In full or in part, and the shop hears of it when the webhook is delivered."""
        held = [payment for payment in stage.sandbox.ledger()["payments"] if payment["net"] > (amount or 0)]
        if held:
            stage.sandbox.cancel_in_console(held[which % len(held)]["imp_uid"], amount)

    @rule(which=Choice)
    def support_takes_a_cancel_back(self, which: int) -> None:
        """And says so; nothing else would tell the shop."""
        cancelled = [payment for payment in stage.sandbox.ledger()["payments"] if payment["cancelled"]]
        if not cancelled:
            return
        payment = cancelled[which % len(cancelled)]
        self.mend()
        stage.sandbox.undo_cancel(payment["imp_uid"])
        self.undone[payment["merchant_uid"]] += 1
        assert stage.webhook({"imp_uid": payment["imp_uid"], "merchant_uid": payment["merchant_uid"]}) == 200

    @rule(which=Choice)
    @precondition(lambda self: self.payments)
    def a_card_company_approves_late(self, which: int) -> None:
        """What had failed is captured after all."""
        rows = stage.books.store.all("SELECT imp_uid FROM payment WHERE status = 'failed' AND amount > 0 ORDER BY id")
        if rows:
            stage.sandbox.approve_late(rows[which % len(rows)]["imp_uid"])

    @rule(seconds=st.sampled_from((1, 30, GRACE_S + 60, 3_600, 23 * 3_600, 25 * 3_600)))
    def time_passes(self, seconds: int) -> None:
        """A second, or more than a day."""
        stage.pass_time(seconds)

    @rule()
    def the_shop_is_restarted(self) -> None:
        """Everybody has to sign in again, and nothing else is different."""
        stage.restart()
        self.people = [stage.sign_in(person.email) for person in self.people]

    @rule()
    def it_is_reconciled(self) -> None:
        """As the worker does all the time."""
        stage.reconcile()

    @rule()
    @precondition(lambda self: self.steps > 15)
    def everything_comes_to_rest(self) -> None:
        """Nothing is broken, everything is told; then shop and ledger say the same."""
        self.steps = 0
        self.mend()
        for webhook in stage.waiting_webhooks():
            stage.deliver(webhook)
        if not self.is_silent:
            self.money_agrees([person.account() for person in self.people])
        stage.pass_time(GRACE_S + 60)
        for _ in range(3):
            stage.reconcile()
        self.is_silent = False
        accounts = [person.account() for person in self.people]
        self.money_agrees(accounts)
        self.states_make_sense(accounts)
        self.keys_agree(accounts)
        self.charges_were_sent_once()
        self.nobody_sees_anothers(accounts)

    def teardown(self) -> None:
        """Whatever happened, it ends well."""
        self.everything_comes_to_rest()

    @invariant()
    def time_goes_on(self) -> None:
        """Counts the steps since everything was at rest."""
        self.steps += 1

    def mend(self) -> None:
        """Nothing is broken any more."""
        stage.sandbox.mend()
        stage.adapter.interruption = None

    @staticmethod
    def money_agrees(accounts: list[dict[str, Any]]) -> None:
        """Captured minus cancelled, for each order."""
        theirs: Counter[str] = Counter()
        for payment in stage.sandbox.ledger()["payments"]:
            theirs[payment["merchant_uid"]] += payment["net"]
        ours = {order["merchant_uid"]: order["net"] for account in accounts for order in account["payments"]}
        assert {uid: net for uid, net in ours.items() if net} == {uid: net for uid, net in theirs.items() if net}

    def states_make_sense(self, accounts: list[dict[str, Any]]) -> None:
        """What a state promises about the money, and each decision at most as often as it can happen."""
        timelines = stage.timelines()
        for order in (order for account in accounts for order in account["payments"]):
            events = timelines[order["merchant_uid"]]
            if order["status"] == "paid":
                assert order["net"] == order["amount"], order
            if order["status"] in ("ready", "failed", "expired", "refused"):
                assert order["net"] == 0, order
            assert order["status"] != "refusing", order
            assert events["paid"] + events["approved_late"] + events["refused"] <= 1, (order, events)
            assert events["cancel_undone"] <= self.undone[order["merchant_uid"]], (order, events)

    @staticmethod
    def keys_agree(accounts: list[dict[str, Any]]) -> None:
        """No key is left behind a card that is removed, or behind an order that is not paid."""
        kept: set[str] = set()
        for account in accounts:
            kept |= {card["customer_uid"] for card in account["cards"] if card["status"] in ("active", "suspended")}
            kept |= {order["customer_uid"] for order in account["payments"] if order["status"] == "ready"}
        assert {uid for uid, exists in stage.sandbox.keys().items() if exists} <= kept

    @staticmethod
    def charges_were_sent_once() -> None:
        """A charge is repeated by reconcile alone, and never before its grace time is over."""
        sent: dict[str, list[float]] = {}
        for call in stage.sandbox.requests(AGAIN):
            if call["status"] != 401:
                sent.setdefault(json.loads(call["body"])["merchant_uid"], []).append(call["at"])
        for times in sent.values():
            assert all(later - earlier >= GRACE_S for earlier, later in pairwise(times)), times

    def nobody_sees_anothers(self, accounts: list[dict[str, Any]]) -> None:
        """An order belongs to whoever ordered it."""
        for number, person in enumerate(self.people):
            for order in accounts[number - 1]["payments"][:1] if len(accounts) > 1 else []:
                assert person.browser.get(f"/payments/{order['merchant_uid']}").status_code == 404


def test_in_any_order_shop_and_ledger_agree(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The whole machine, the same plays in every run."""
    global stage  # noqa: PLW0603 - Hypothesis makes the machines itself
    steps = 100_000 if request.config.getoption("--long") else 2_500
    stage = Stage(tmp_path_factory.mktemp("model"))
    profile = settings(
        max_examples=steps // STEPS_OF_A_PLAY,
        stateful_step_count=STEPS_OF_A_PLAY,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(Shopping, settings=profile)
    finally:
        stage.close()
