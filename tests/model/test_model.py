"""Anything in any order: windows, charges, renewals, refunds, leaving, faults, restarts, lies; the ledger is the judge.

Ten thousand steps by default; `--long` plays a hundred thousand.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test

from tests.model import checks
from tests.model.stage import GRACE_S, Stage
from tests.model.subscribers import Subscribers

STEPS_OF_A_PLAY = 100
STEPS_WITHOUT_REST = 25
BREATH_S = 61
"""What is being sent is left to its sender for a minute; after that, whoever looks sends it again."""


class Shopping(Subscribers):
    """Some shoppers, one shop, one i'mport, and bad luck."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.steps = 0
        """How many since everything was at rest."""
        self.removed: dict[str, set[str]] = {}
        """Cards that the shop has said are removed, and what had been captured with them by then."""

    @invariant()
    def time_goes_on(self) -> None:
        """A second for each step, and whatever card is removed by now is never charged again."""
        self.steps += 1
        self.stage.steps += 1
        self.stage.pass_time(1)
        for (customer_uid,) in self.stage.shop(
            "SELECT customer_uid FROM card WHERE status = 'removed' AND activated_at IS NOT NULL"
        ):
            if customer_uid not in self.removed:
                rows = self.stage.imports(
                    "SELECT imp_uid FROM payment WHERE customer_uid = ? AND paid_at > 0", customer_uid
                )
                self.removed[customer_uid] = {row["imp_uid"] for row in rows}

    @rule(pause=st.sampled_from((GRACE_S + 60, 25 * 3_600)))
    @precondition(lambda self: self.steps > STEPS_WITHOUT_REST)
    def everything_comes_to_rest(self, pause: int) -> None:
        """Nothing is broken, everything is told; then shop and ledger say the same."""
        self.come_to_rest(pause)

    def come_to_rest(self, pause: int) -> list[dict[str, Any]]:
        """Everybody's account, after everything was found to be right."""
        self.steps = 0
        self.stage.mend()
        for webhook in self.stage.webhooks("pending", "held", "failed"):
            self.stage.deliver(webhook)
        self.stage.pass_time(BREATH_S)
        if not self.is_silent:
            checks.money_agrees(self.stage, self.accounts())
        self.stage.pass_time(pause)
        for _ in range(3):
            if not self.stage.reconcile().changed:
                break
        self.is_silent = False
        self.work()
        accounts = self.accounts()
        checks.money_agrees(self.stage, accounts)
        checks.states_make_sense(self.stage, accounts, self.undone)
        checks.payments_are_their_own(self.stage, accounts)
        checks.cancels_have_their_reasons(self.stage, accounts, self.wanted_back, self.left)
        checks.keys_agree(self.stage, accounts)
        checks.removed_cards_are_charged_no_more(self.stage, self.removed)
        checks.charges_were_sent_once(self.stage)
        checks.periods_are_paid_once(accounts, self.undone)
        checks.dunning_has_an_end(self.stage)
        checks.who_has_left_is_charged_no_more(
            self.stage, {one: self.captured_for(one) for one in self.left}, self.left
        )
        checks.subscriptions_make_sense(self.stage, accounts)
        self.send_mails()
        checks.news_is_told(self.stage)
        return accounts

    def teardown(self) -> None:
        """Whatever happened, it ends well."""
        checks.nobody_sees_anothers(self.people, self.come_to_rest(GRACE_S + 60))

    def accounts(self) -> list[dict[str, Any]]:
        """What everybody's account says."""
        return [player.account() for player in self.people]


def test_in_any_order_shop_and_ledger_agree(request: pytest.FixtureRequest) -> None:
    """The whole machine, the same plays in every run."""
    steps = 100_000 if request.config.getoption("--long") else 10_000
    profile = settings(
        # Hypothesis ends many a play early; more of them make up for it.
        max_examples=steps * 14 // 10 // STEPS_OF_A_PLAY,
        stateful_step_count=STEPS_OF_A_PLAY,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    with time_machine.travel(datetime(2026, 3, 2, 9, tzinfo=UTC), tick=False):
        stage = Stage()
        try:
            run_state_machine_as_test(lambda: Shopping(stage), settings=profile)
        finally:
            stage.close()
    assert stage.steps >= steps
