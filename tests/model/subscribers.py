"""Subscriptions in the model: they begin, fall due, are changed, left and recovered, and workers die meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from storefront.billing.mailing import sending
from storefront.billing.renewing import renewal
from storefront.billing.subscriptions.step import BREATH
from tests.model.fate import Fate
from tests.model.players import CARDS, PRICES, TROUBLES, Choice, one_of
from tests.model.stage import AGAIN, Interruption, Stage, Subject

MOST_SUBSCRIPTIONS = 3
MOST_LOOKS = 12
WAYS_TO_LEAVE = ("period_end", "now", "now", "stale")
MEANWHILE = ("leaves", "changes the card", "renews", "looks")
ANSWERS = (303, 400, 404, 409)
"""What a form may say: done, wrong, another's, too late."""


class KilledError(BaseException):
    """The process is gone, as far as it can be within one."""


@dataclass(frozen=True)
class Kept:
    """A subscription as the shop has it."""

    id: int
    owner: str
    status: str

    @property
    def path(self) -> str:
        """Its page."""
        return f"/account/subscriptions/{self.id}"


class Subscribers(Fate):
    """What happens to standing orders."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.left: dict[int, set[str]] = {}
        """Subscriptions that are ended or being left, and what i'mport had captured for them by then."""

    @rule(
        who=Choice,
        plan=st.sampled_from(sorted(PRICES)),
        every=st.sampled_from(("month", "month", "year")),
        mode=st.sampled_from(("pay", "pay", "register")),
        card=st.sampled_from(CARDS),
    )
    @precondition(lambda self: self.may_order() and len(self.subscriptions()) < MOST_SUBSCRIPTIONS)
    def somebody_subscribes(self, who: int, plan: str, every: str, mode: str, card: str) -> None:
        """Pay the first month or year in a window, or register a card for one that begins later."""
        player, windows = self.people[who % len(self.people)], len(self.windows)
        self.order(player, plan, mode, f"terms-{self.stage.steps}", every=every)
        if len(self.windows) > windows:
            self.pay(*self.windows[-1], card, None, late=False, tells=True)

    @rule(which=Choice, trouble=st.sampled_from((*TROUBLES, "killed")))
    @precondition(lambda self: self.subscriptions("active", "past_due"))
    def the_next_one_falls_due(self, which: int, trouble: str | None) -> None:
        """Time goes to the moment at which something happens to a subscription, and whoever works does it then."""
        kept = one_of(self.subscriptions("active", "past_due"), which)
        [[away]] = self.stage.shop(
            "SELECT ceil((julianday(wake_at) - julianday(?)) * 86400) FROM subscription WHERE id = ?",
            self.stage.clock.now().strftime("%Y-%m-%d %H:%M:%S"),
            kept.id,
        )
        self.stage.pass_time(max(int(away), 0) + 1)
        self.somebody_works(trouble)

    @rule(trouble=st.sampled_from((*TROUBLES, "killed")))
    @precondition(lambda self: self.subscriptions("active", "past_due"))
    def somebody_works(self, trouble: str | None) -> None:
        """A look of a worker's, which may be killed while i'mport has charged and its answer is on the way."""
        if trouble == "killed":
            self.stage.adapter.interruption = Interruption("a charge", _die)
        elif trouble:
            self.stage.break_call(AGAIN, trouble)
        told, quiet = (
            self.told_charges(),
            self.stage.adapter.interruption is None and not self.stage.books.faults.shown(),
        )
        first = self.newest_order()
        try:
            renewal.renew(self.stage.billing, senders=1)
        except KilledError:
            self.stage.restart()
        self.stage.adapter.interruption = None
        charged = self.charges_since(first)
        assert len({subscription_id for subscription_id, *_ in charged}) == len(charged), "two charges in one breath"
        if quiet:
            for subscription_id, amount, plan, period in charged:
                assert told.get(subscription_id) == (amount, plan, period), "another charge than was told"
        self.send_mails()

    @rule(what=st.sampled_from(MEANWHILE))
    @precondition(lambda self: self.subscriptions("active", "past_due"))
    def a_renewal_is_interrupted(self, what: str) -> None:
        """Its shopper or another worker acts while i'mport's answer is on the way."""
        self.stage.mend()
        self.stage.adapter.interruption = Interruption("a charge", self.meanwhile(what))
        renewal.renew(self.stage.billing, senders=1)
        self.stage.adapter.interruption = None

    def meanwhile(self, what: str) -> Callable[[Subject], None]:
        """What somebody may do in the middle of a renewal."""

        def act(subject: Subject) -> None:
            if what == "renews":
                renewal.renew(self.stage.billing, senders=1)
                return
            rows = self.stage.shop(
                "SELECT subscription_id FROM payment WHERE merchant_uid = ? AND subscription_id IS NOT NULL",
                subject.merchant_uid,
            )
            for kept in self.subscriptions("active", "past_due"):
                if rows and kept.id == rows[0][0]:
                    if what == "leaves":
                        self.leave(kept, "now")
                    elif what == "looks":
                        self.seen(kept)
                    else:
                        self.change_card(kept, 0)

        return act

    @rule(which=Choice, how=st.sampled_from(WAYS_TO_LEAVE))
    @precondition(lambda self: self.subscriptions("active", "past_due"))
    def somebody_leaves(self, which: int, how: str) -> None:
        """At the period's end or now, with the sum that is shown or another one."""
        self.leave(one_of(self.subscriptions("active", "past_due"), which), how)

    def leave(self, kept: Kept, how: str) -> None:
        """One of the two choices; who was shown another sum is asked again, and nothing has happened."""
        player = self.called(kept.owner)
        before = self.seen(kept)
        shown = player.browser.get(f"{kept.path}/leave", headers={"Accept": "application/json"})
        if before["status"] == "ended" or shown.status_code != 200:
            return
        refund_krw = shown.get_json()["refund_krw"] + (how == "stale")
        form = {"when": "period_end"} if how == "period_end" else {"when": "now", "refund_krw": refund_krw}
        reply = player.post(f"{kept.path}/leave", form)
        after = self.seen(kept)
        if how == "stale":
            assert reply.status_code == 409
            assert after["reason"] in (before["reason"], "refunded")
        elif reply.status_code == 409:
            # What i'mport was asked on the way was news to the shop: another sum is left, or nothing.
            asked_anew = player.browser.get(f"{kept.path}/leave", headers={"Accept": "application/json"})
            assert asked_anew.status_code == 409 or asked_anew.get_json()["refund_krw"] != refund_krw
        else:
            assert reply.status_code == 303
            assert after["status"] == "ended" or after["leaves_on"], after
            assert after["next"] is None

    @rule(which=Choice, what=st.sampled_from(("stay", "skip", "unskip")))
    @precondition(lambda self: self.subscriptions())
    def somebody_changes_their_mind(self, which: int, what: str) -> None:
        """They stay after all, or do without the next bag, or not."""
        self.ask(one_of(self.subscriptions(), which), what)

    @rule(which=Choice, plan=st.sampled_from(sorted(PRICES)))
    @precondition(lambda self: self.subscriptions())
    def somebody_wants_another_coffee(self, which: int, plan: str) -> None:
        """From the next bag on."""
        kept = one_of(self.subscriptions(), which)
        price = PRICES[plan] * (10 if self.seen(kept)["every"] == "year" else 1)
        self.ask(kept, "plan", plan=plan, price_krw=price, consent="y")

    @rule(which=Choice, card=Choice)
    @precondition(lambda self: self.subscriptions() and self.stored_cards())
    def somebody_pays_with_another_card(self, which: int, card: int) -> None:
        """From the next charge on, which may be at once."""
        self.change_card(one_of(self.subscriptions(), which), card)

    def change_card(self, kept: Kept, card: int) -> None:
        """Any card that was ever stored, by whomever."""
        cards = self.stored_cards()
        if cards:
            self.ask(kept, "card", card=one_of(cards, card).id)

    @rule(which=Choice, card=Choice, press=st.integers(0, 30), trouble=st.sampled_from(TROUBLES))
    @precondition(lambda self: self.subscriptions("past_due") and self.stored_cards())
    def somebody_pays_what_they_owe(self, which: int, card: int, press: int, trouble: str | None) -> None:
        """One press is sent once."""
        if trouble:
            self.stage.break_call(AGAIN, trouble)
        quiet, first = self.stage.adapter.interruption is None, self.newest_order()
        kept = one_of(self.subscriptions("past_due"), which)
        self.ask(kept, "pay", card=one_of(self.stored_cards(), card).id, token=f"owed-{press}")
        if quiet:
            assert len(self.charges_since(first)) <= 1, "one press was sent twice"

    @rule(who=Choice, which=Choice, what=st.sampled_from(("", "/leave")))
    @precondition(lambda self: len(self.people) > 1 and self.subscriptions())
    def somebody_pries_into_a_subscription(self, who: int, which: int, what: str) -> None:
        """Of somebody else: there is nothing, and nothing comes of it."""
        kept, player = one_of(self.subscriptions(), which), self.people[who % len(self.people)]
        if kept.owner != player.email:
            before = self.stage.shop("SELECT id, status, version FROM subscription ORDER BY id")
            assert player.browser.get(kept.path + what).status_code == 404
            assert player.post(f"{kept.path}/leave", {"when": "period_end"}).status_code == 404
            assert self.stage.shop("SELECT id, status, version FROM subscription ORDER BY id") == before

    @invariant()
    def who_leaves_is_remembered(self) -> None:
        """From now on nothing new may be captured for them and kept; who stays after all is charged again."""
        gone = {
            row[0]
            for row in self.stage.shop("SELECT id FROM subscription WHERE status = 'ended' OR leaves_on NOT NULL")
        }
        self.left = {one: captured for one, captured in self.left.items() if one in gone}
        for subscription_id in gone - set(self.left):
            self.left[subscription_id] = self.captured_for(subscription_id)

    @invariant()
    def nobody_owes_what_is_paid(self) -> None:
        """A subscription that waits for a payment has a last period that nothing has paid."""
        owing = "SELECT max(period.number), period.paid_by FROM checkout period JOIN subscription ON subscription.id"
        owing += (
            " = period.subscription_id WHERE period.number NOT NULL AND status = 'past_due' GROUP BY subscription.id"
        )
        assert [row for row in self.stage.shop(owing) if row[1] is not None] == []

    def captured_for(self, subscription_id: int) -> set[str]:
        """The payments that i'mport has captured for a subscription."""
        ours = [
            row[0]
            for row in self.stage.shop("SELECT merchant_uid FROM payment WHERE subscription_id = ?", subscription_id)
        ]
        rows = self.stage.imports(
            "SELECT imp_uid FROM payment WHERE paid_at > 0 AND merchant_uid IN (SELECT value FROM json_each(?))",
            json.dumps(ours),
        )
        return {row["imp_uid"] for row in rows}

    def work(self) -> None:
        """Look until nothing is due; what is decided one after the other is a breath apart."""
        for _ in range(MOST_LOOKS):
            report = renewal.renew(self.stage.billing, senders=1)
            assert not report.troubled
            assert not report.is_behind
            if not report.sent and not report.decided:
                return
            self.stage.pass_time(int(BREATH.total_seconds()) + 1)
        pytest.fail("something is due again and again")

    def send_mails(self) -> None:
        """All that are waiting."""
        while sending.send_waiting(self.stage.billing):
            pass

    def subscriptions(self, *states: str) -> list[Kept]:
        """Those that there are, or those in some states."""
        rows = self.stage.shop(
            "SELECT subscription.id, email, status FROM subscription JOIN shopper ON shopper.id = shopper_id ORDER BY 1"
        )
        return [Kept(*row) for row in rows if not states or row[2] in states]

    def seen(self, kept: Kept) -> dict[str, Any]:
        """What its page says."""
        return self.called(kept.owner).see(kept.path)

    def ask(self, kept: Kept, what: str, **form: Any) -> int:
        """Send one of its forms; nothing but an answer comes of what is wrong."""
        status = int(self.called(kept.owner).post(f"{kept.path}/{what}", form).status_code)
        assert status in ANSWERS, (what, status)
        return status

    def told_charges(self) -> dict[int, tuple[int, str, str]]:
        """What each subscription's page says will be charged next: how much, for what, for which period."""
        found: dict[int, tuple[int, str, str]] = {}
        for kept in self.subscriptions("active", "past_due"):
            following = self.seen(kept)["next"]
            if following:
                found[kept.id] = (following["amount"], following["plan"], following["on"])
        return found

    def newest_order(self) -> int:
        """The last row of the shop's payments."""
        return int(self.stage.shop("SELECT coalesce(max(id), 0) FROM payment")[0][0])

    def charges_since(self, row: int) -> list[tuple[int, int, str, str]]:
        """The charges for subscriptions that were written after a row: whose, how much, for what, for which period."""
        return [
            (found[0], found[1], found[2], str(found[3]))
            for found in self.stage.shop(
                "SELECT payment.subscription_id, payment.amount_krw, payment.plan, checkout.begins_on FROM payment"
                " JOIN checkout ON checkout.id = payment.checkout_id"
                " WHERE payment.id > ? AND payment.subscription_id NOT NULL AND purpose = 'renewal'",
                row,
            )
        ]


def _die(_subject: Subject) -> None:
    raise KilledError
