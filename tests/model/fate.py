"""What befalls the shoppers and the shop: messages, i'mport's people, faults, time, and everything at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from urllib.parse import urlencode

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model.players import PRICES, Choice, Players
from tests.model.stage import AGAIN, CALLS, GRACE_S, Interruption, Stage, Subject

FAULTS = ("error", "cut_before", "cut_after", "error_after", "garbage", "unauthorized")
PATHS = (AGAIN, "/payments/cancel", "/payments/*", "/subscribe/customers/*", "/payments/findAll/*", "/users/getToken")
DOORS = ("callback", "redirect", "redirect without a session", "webhook", "form webhook")
ACTS = ("told", "cancelled", "refunded", "looked at", "card removed", "reconciled", "pressed")
PAIRS = ("own", "own", "same card", "same card", "any", "nothing", "nobody's")
"""Which order a message names beside a payment."""
STEPS_BETWEEN_SWEEPS = 10
STEPS_BETWEEN_RESTARTS = 20


class Fate(Players):
    """Everything that is not a shopper's doing."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.undone: Counter[str] = Counter()
        """How often a cancel of an order's payment was taken back."""
        self.reconciled_at = self.restarted_at = stage.steps
        """At which step of all plays that happened the last time."""
        self.is_silent = False
        """Whether something happened that nobody but a sweep can find."""

    @rule(which=Choice, pair=st.sampled_from(PAIRS), other=Choice, door=st.sampled_from(DOORS))
    def somebody_brings_news(self, which: int, pair: str, other: int, door: str) -> None:
        """True or made up, first or again, in any order; a message whose ids are of two orders changes neither."""
        payments = self.stage.imports(
            "SELECT imp_uid, merchant_uid, customer_uid FROM payment ORDER BY id DESC LIMIT 8"
        )
        if not payments:
            return
        subject = Subject(*payments[which % len(payments)])
        self.tell(door, subject, self.named_by(subject, pair, other))

    @rule(which=Choice, door=st.sampled_from(DOORS), plan=st.sampled_from(sorted(PRICES)))
    @precondition(lambda self: any(card.status == "active" for card in self.stored_cards()))
    def a_payment_is_said_to_be_the_one_that_got_lost(self, which: int, door: str, plan: str) -> None:
        """Same card, same price, and both orders wait for an answer: only the payment's own word tells them apart."""
        active = [card for card in self.stored_cards() if card.status == "active"]
        card, number = active[which % len(active)], self.stage.steps
        self.stage.mend()
        self.stage.break_call(AGAIN, "cut_before")
        self.press(card, plan, f"lost-{number}")
        self.stage.break_call(AGAIN, "cut_after")
        self.press(card, plan, f"arrived-{number}")
        lost, arrived = (self.presses[card.owner, f"{how}-{number}"] for how in ("lost", "arrived"))
        for row in self.stage.imports(
            "SELECT imp_uid, merchant_uid, customer_uid FROM payment WHERE merchant_uid = ?", arrived
        ):
            self.tell(door, Subject(*row), lost)

    def tell(self, door: str, subject: Subject, named: str | None) -> None:
        """Bring news of a payment, with an order's number; if it is not the payment's own, nothing may come of it."""
        quiet, before = self.stage.adapter.interruption is None, self.state_of(named)
        status = self.bring(door, subject.imp_uid, named)
        if quiet and named != subject.merchant_uid:
            assert self.state_of(named) == before, f"an order was changed by news of another one's payment: {before}"
        assert status in (200, 303, 404, 503), status

    def named_by(self, subject: Subject, pair: str, other: int) -> str | None:
        """The order number a message says: the payment's own, another one's, nobody's or none."""
        if pair in ("own", "nothing", "nobody's"):
            return {"own": subject.merchant_uid, "nothing": None, "nobody's": "mr_never_ordered"}[pair]
        orders = self.stage.shop(
            "SELECT merchant_uid FROM payment JOIN card ON card.id = card_id"
            " WHERE merchant_uid <> ? AND (customer_uid = ? OR ?)"
            " ORDER BY captured, payment.id DESC LIMIT 4",
            subject.merchant_uid,
            subject.customer_uid,
            pair == "any",
        )
        return orders[other % len(orders)][0] if orders else None

    def bring(self, door: str, imp_uid: str, merchant_uid: str | None) -> int:
        """Go through a door with two ids, as whoever may; the answer's status."""
        ids = {"imp_uid": imp_uid} | ({"merchant_uid": merchant_uid} if merchant_uid else {})
        owner = self.owner_of(merchant_uid) or self.people[0]
        if door == "callback":
            return int(owner.post_json("/payments/complete", {"merchant_uid": "mr_not_told"} | ids).status_code)
        if door == "webhook":
            return self.stage.webhook(**ids, status="paid")
        if door == "form webhook":
            reply = self.stage.browser().post("/webhooks/iamport", data={**ids, "status": "cancelled"})
            return int(reply.status_code)
        browser = owner.browser if door == "redirect" else self.stage.browser()
        return int(browser.get(f"/payments/complete/mobile?{urlencode({**ids, 'imp_success': 'true'})}").status_code)

    def state_of(self, merchant_uid: str | None) -> list[tuple[object, ...]]:
        """What an order is, and what is being given back for it."""
        return self.stage.shop(
            "SELECT status, imp_uid, captured, captured_krw, cancelled_krw,"
            " (SELECT count(*) FROM attention WHERE subject = merchant_uid AND closed_at IS NULL),"
            " (SELECT count(*) FROM refund WHERE payment_id = payment.id) FROM payment WHERE merchant_uid = ?",
            merchant_uid,
        )

    @rule(which=Choice, again=st.booleans())
    @precondition(lambda self: self.stage.webhooks())
    def imports_tells(self, which: int, again: bool) -> None:
        """One of its webhooks, whichever."""
        hooks = self.stage.webhooks() if again else self.stage.webhooks("pending", "held", "failed")
        if hooks:
            self.stage.deliver(hooks[which % len(hooks)])

    @rule(path=st.sampled_from(PATHS), kind=st.sampled_from(FAULTS), times=st.integers(1, 3))
    def something_breaks(self, path: str, kind: str, times: int) -> None:
        """A call to i'mport will go wrong."""
        self.stage.break_call(path, kind, times)

    @rule(kind=st.sampled_from(("drop", "repeat", "hold", "first")))
    def a_webhook_goes_astray(self, kind: str) -> None:
        """Lost, repeated, held back, or faster than the reply."""
        self.stage.break_call("webhook", kind)
        self.is_silent = self.is_silent or kind == "drop"

    @rule(call=st.sampled_from(tuple(CALLS)), what=st.sampled_from(ACTS))
    def something_will_happen_meanwhile(self, call: str, what: str) -> None:
        """To the very payment the shop is asking about, while it waits for the answer."""
        self.stage.adapter.interruption = Interruption(call, self.act(what))

    @rule(which=Choice, what=st.sampled_from(("told", "cancelled", "refunded")))
    @precondition(lambda self: self.stage.ledger()["payments"])
    def two_doors_are_entered_at_once(self, which: int, what: str) -> None:
        """The slower one brings an answer from before; what stands in the end is what i'mport says now."""
        captured = self.stage.ledger()["payments"]
        payment = captured[-1 - which % min(len(captured), 6)]
        self.stage.mend()
        self.stage.adapter.interruption = Interruption("a look-up", self.act(what))
        imp_uid, merchant_uid = payment["imp_uid"], payment["merchant_uid"]
        assert self.stage.webhook(imp_uid=imp_uid, merchant_uid=merchant_uid) == 200
        self.stage.adapter.interruption = None
        [[held]] = self.stage.imports("SELECT amount - cancel_amount FROM payment WHERE imp_uid = ?", imp_uid)
        for status, ours in self.stage.shop(
            "SELECT status, captured_krw - cancelled_krw FROM payment WHERE imp_uid = ? AND captured", imp_uid
        ):
            assert ours == held, f"{status}: an older answer was written over a newer one, {ours} instead of {held} won"

    def act(self, what: str) -> Callable[[Subject], None]:
        """What can happen to a payment."""
        acts: dict[str, Callable[[Subject], None]] = {
            "told": self.is_told,
            "cancelled": self.is_cancelled,
            "refunded": self.is_refunded,
            "looked at": self.is_looked_at,
            "card removed": self.loses_its_card,
            "reconciled": self.is_found,
            "pressed": self.is_pressed_again,
        }
        return acts[what]

    def is_told(self, subject: Subject) -> None:
        """By a webhook."""
        self.stage.webhook(imp_uid=subject.imp_uid, merchant_uid=subject.merchant_uid)

    def is_cancelled(self, subject: Subject) -> None:
        """In the console, and the shop hears of it at once, if it can."""
        rows = self.stage.imports(
            "SELECT 1 FROM payment WHERE imp_uid = ? AND paid_at > 0 AND amount > cancel_amount", subject.imp_uid
        )
        if rows:
            self.stage.sandbox.cancel_in_console(subject.imp_uid)
            self.is_told(subject)

    def is_refunded(self, subject: Subject) -> None:
        """Its shopper presses the button in another tab."""
        self.want_back(subject.merchant_uid, "another-tab")

    def is_looked_at(self, subject: Subject) -> None:
        """Its shopper opens its page."""
        owner = self.owner_of(subject.merchant_uid)
        if owner:
            owner.payment(subject.merchant_uid)

    def loses_its_card(self, subject: Subject) -> None:
        """Its shopper has the card removed."""
        for card in self.stored_cards():
            if card.customer_uid == subject.customer_uid:
                assert self.called(card.owner).remove_card(card.id).status_code == 303

    def is_found(self, _subject: Subject) -> None:
        """By `reconcile`."""
        self.stage.reconcile()

    def is_pressed_again(self, subject: Subject) -> None:
        """The second click of a double click."""
        for (email, token), merchant_uid in list(self.presses.items()):
            if merchant_uid == subject.merchant_uid:
                card = next((card for card in self.stored_cards() if card.owner == email), None)
                if card:
                    self.press(card, "noon", token)

    @rule(which=Choice, amount=st.one_of(st.none(), st.integers(1, 5_000)))
    @precondition(lambda self: self.stage.ledger()["net"])
    def somebody_cancels_in_the_console(self, which: int, amount: int | None) -> None:
        """In full or in part, and the shop hears of it when the webhook is delivered."""
        held = [payment for payment in self.stage.ledger()["payments"] if payment["net"] > (amount or 0)]
        if held:
            self.stage.sandbox.cancel_in_console(held[which % len(held)]["imp_uid"], amount)

    @rule(which=Choice)
    @precondition(lambda self: self.stage.imports("SELECT 1 FROM payment WHERE status = 'cancelled'"))
    def support_takes_a_cancel_back(self, which: int) -> None:
        """And says so; nothing else would tell the shop."""
        cancelled = [payment for payment in self.stage.ledger()["payments"] if payment["cancelled"]]
        if not cancelled:
            return
        payment = cancelled[which % len(cancelled)]
        self.stage.mend()
        self.stage.sandbox.undo_cancel(payment["imp_uid"])
        self.undone[payment["merchant_uid"]] += 1
        assert self.stage.webhook(imp_uid=payment["imp_uid"], merchant_uid=payment["merchant_uid"]) == 200

    @rule(which=Choice)
    @precondition(lambda self: self.stage.imports("SELECT 1 FROM payment WHERE status = 'failed' AND amount > 0"))
    def a_card_company_approves_late(self, which: int) -> None:
        """What had failed is captured after all."""
        rows = self.stage.imports("SELECT imp_uid FROM payment WHERE status = 'failed' AND amount > 0 ORDER BY id")
        if rows:
            self.stage.sandbox.approve_late(rows[which % len(rows)][0])

    @rule(seconds=st.sampled_from((30, GRACE_S + 60, 3_600, 23 * 3_600, 25 * 3_600)))
    def time_passes(self, seconds: int) -> None:
        """Half a minute, or more than a day."""
        self.stage.pass_time(seconds)

    @rule()
    @precondition(lambda self: self.stage.steps >= self.restarted_at + STEPS_BETWEEN_RESTARTS)
    def the_shop_is_restarted(self) -> None:
        """Nobody notices."""
        self.restarted_at = self.stage.steps
        self.stage.restart()

    @rule()
    @precondition(lambda self: self.stage.steps >= self.reconciled_at + STEPS_BETWEEN_SWEEPS)
    def it_is_reconciled(self) -> None:
        """As the worker does all the time; there is little to find right after the last time."""
        self.reconciled_at = self.stage.steps
        self.stage.reconcile()
