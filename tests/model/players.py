"""What shoppers do, each with a browser of their own, and what must be true right after they did it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from storefront.billing.catalogue import PLANS
from tests.model.stage import AGAIN, Stage
from tests.people import BUYER, Shopper

CARDS = ("approve", "approve", "approve-2", "decline-limit", "decline-later")
PRICES = {plan.code: plan.price_krw for plan in PLANS}
TROUBLES = (None, None, "cut_before", "cut_after", "error_after", "garbage")
"""What may happen to the one call that an act makes first."""
PRYING = ("page", "json", "checkout", "refund", "callback", "charge", "remove", "stranger")
MOST_PEOPLE = 3
MOST_OPEN_WINDOWS = 4
MOST_WINDOWS = 12
"""In one play: what is settled, shown and compared grows with every order."""

Choice = st.integers(min_value=0, max_value=10**6)


class Player(Shopper):
    """A shopper whose browser asks for facts rather than pages."""

    def post(self, path: str, form: dict[str, Any], **options: Any) -> Any:
        """Send a form."""
        return super().post(path, form, headers={"Accept": "application/json"}, **options)


@dataclass(frozen=True)
class Stored:
    """A stored card, as the shop has it."""

    id: int
    owner: str
    customer_uid: str
    status: str


class Players(RuleBasedStateMachine):
    """The shoppers of one play."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        stage.clear()
        self.stage = stage
        self.people: list[Player] = []
        self.windows: list[tuple[Player, dict[str, Any]]] = []
        """The windows that were ever offered, as parameters; each can be opened again at any time."""
        self.presses: dict[tuple[str, str], str] = {}
        """Which order a press of the button for another bag led to, by shopper and token."""
        self.wanted_back: set[str] = set()
        """Orders that a shopper asked a refund of."""

    @initialize(
        cards=st.lists(st.sampled_from(CARDS[:3]), min_size=1, max_size=2), mode=st.sampled_from(("register", "pay"))
    )
    def somebody_has_a_card(self, cards: list[str], mode: str) -> None:
        """Something to begin with."""
        for card in cards:
            self.somebody_signs_up()
            self.somebody_orders(len(self.people) - 1, "morning", mode, 0)
            self.somebody_pays(0, card, late=False, tells=True)

    @rule()
    @precondition(lambda self: len(self.people) < MOST_PEOPLE)
    def somebody_signs_up(self) -> None:
        """Somebody new."""
        player = Player(self.stage.browser(), self.stage.sandbox, f"shopper-{len(self.people)}@example.com")
        player.sign_up()
        self.people.append(player)

    @rule(
        who=Choice, plan=st.sampled_from(sorted(PRICES)), mode=st.sampled_from(("pay", "pay", "register")), form=Choice
    )
    @precondition(lambda self: self.may_order())
    def somebody_orders(self, who: int, plan: str, mode: str, form: int) -> None:
        """With a form of their own or one that was used before."""
        self.order(self.people[who % len(self.people)], plan, mode, f"form-{plan}-{form % 4}")

    def order(self, player: Player, plan: str, mode: str, token: str, **terms: str) -> None:
        """Fill in the checkout; its window is offered if it is not paid yet."""
        reply = player.post(f"/checkout/{plan}", {**BUYER, "mode": mode, "token": token, **terms})
        assert reply.status_code == 303
        page = player.browser.get(reply.headers["Location"])
        start = page.text.find('id="request-pay">')
        if page.status_code == 200 and start > 0:
            text = page.text[start:].split(">", 1)[1].split("</script>")[0]
            self.windows.append((player, json.loads(text)))

    @rule(which=Choice, card=st.sampled_from(CARDS), late=st.booleans(), tells=st.booleans())
    @precondition(lambda self: self.windows)
    def somebody_pays(self, which: int, card: str, late: bool, tells: bool) -> None:
        """In a window that the shop has offered; perhaps in one that was left open while another one was paid in."""
        player, params = self.windows[-1 - which % min(len(self.windows), 6)]
        self.pay(player, params, card, None, late=late, tells=tells)

    @rule(
        which=Choice,
        fresh=st.booleans(),
        amount=st.sampled_from((None, 1, 100, 20_000)),
        swapped=st.one_of(st.none(), Choice),
        late=st.booleans(),
        tells=st.booleans(),
    )
    @precondition(lambda self: self.windows)
    def somebody_forges_a_window(
        self, which: int, fresh: bool, amount: int | None, swapped: int | None, late: bool, tells: bool
    ) -> None:
        """Another amount is captured, or another key's name is given, than the shop's; in a new order's or an old one."""
        if fresh and self.may_order():
            self.order(self.people[which % len(self.people)], "morning", "pay", f"forged-{self.stage.steps}")
            which = 0
        player, params = self.windows[-1 - which % min(len(self.windows), 6)]
        if swapped is not None:
            params = {**params, "customer_uid": self.windows[swapped % len(self.windows)][1]["customer_uid"]}
        self.pay(player, params, "approve", amount, late=late, tells=tells)

    def pay(
        self, player: Player, params: dict[str, Any], card: str, amount: int | None, *, late: bool, tells: bool
    ) -> None:
        """Go through a window, and perhaps back to the shop."""
        result = self.stage.sandbox.pay(params, card, charge_amount=amount, late=late)
        if tells:
            assert player.tell(result).status_code == 200

    @rule(
        which=Choice,
        stale=st.sampled_from((False, False, False, True)),
        plan=st.sampled_from(sorted(PRICES)),
        press=st.integers(0, 30),
        trouble=st.sampled_from(TROUBLES),
    )
    @precondition(lambda self: self.stored_cards())
    def somebody_orders_another_bag(self, which: int, stale: bool, plan: str, press: int, trouble: str | None) -> None:
        """With a card that is stored, or was; by a new press or one that was sent before."""
        cards = self.stored_cards()
        active = [card for card in cards if card.status == "active"]
        card = one_of(cards if stale or not active else active, which)
        if trouble:
            self.stage.break_call(AGAIN, trouble)
        self.press(card, plan, f"press-{press}")

    def press(self, card: Stored, plan: str, token: str) -> None:
        """Press the button for another bag: one press is one order, sent once and captured at most once.

        Whatever else happens meanwhile may send and capture more; then `checks` alone can tell.
        """
        identity, quiet = (card.owner, token), self.stage.adapter.interruption is None
        known = self.presses.get(identity)
        before = self.sent_and_captured(card.customer_uid)
        reply = self.called(card.owner).charge(card.id, plan, token)
        after = self.sent_and_captured(card.customer_uid)
        assert reply.status_code in (303, 400)
        if reply.status_code == 303:
            merchant_uid = reply.headers["Location"].rsplit("/", 1)[1]
            assert known in (None, merchant_uid), "one press has led to two orders"
            self.presses[identity] = merchant_uid
        if known or (quiet and reply.status_code == 400):
            assert after == before, "a press that counts for nothing was sent or captured"
        elif quiet:
            sent, captures, won = (late - early for early, late in zip(before, after, strict=True))
            assert sent <= 1, f"one press was sent {sent} times"
            assert captures <= 1, f"one press was captured {captures} times"
            assert won <= PRICES[plan], f"one press took {won} won"

    @rule(which=Choice, press=st.integers(0, 30), trouble=st.sampled_from(TROUBLES))
    def somebody_wants_a_refund(self, which: int, press: int, trouble: str | None) -> None:
        """Of something they ordered, most likely something they paid."""
        orders = self.stage.shop(
            "SELECT merchant_uid FROM payment ORDER BY status IN ('paid', 'cancelled') DESC, id DESC LIMIT 8"
        )
        if orders:
            if trouble:
                self.stage.break_call("/payments/cancel", trouble)
            self.want_back(one_of(orders, which)[0], f"refund-{press}")

    def want_back(self, merchant_uid: str, token: str) -> None:
        """Whoever ordered it asks for a refund."""
        owner = self.owner_of(merchant_uid)
        reply = owner.refund(merchant_uid, token) if owner else None
        if reply is not None:
            assert reply.status_code in (
                303,
                400,
                409,
            )  # who pays for a period has to leave instead, after the first day
            if reply.status_code == 303:
                self.wanted_back.add(merchant_uid)

    @rule(which=Choice, trouble=st.sampled_from(TROUBLES))
    @precondition(lambda self: self.stored_cards())
    def somebody_removes_a_card(self, which: int, trouble: str | None) -> None:
        """Any of theirs."""
        card = one_of(self.stored_cards(), which)
        if trouble:
            self.stage.break_call("/subscribe/customers/*", trouble)
        assert self.called(card.owner).remove_card(card.id).status_code == 303

    @rule(who=Choice, page=st.sampled_from(("application/json", "application/json", "application/json", "text/html")))
    @precondition(lambda self: self.people)
    def somebody_looks_at_their_account(self, who: int, page: str) -> None:
        """As a page or as facts."""
        player = self.people[who % len(self.people)]
        assert player.browser.get("/account", headers={"Accept": page}).status_code == 200

    @rule(who=Choice, which=Choice, how=st.sampled_from(PRYING))
    @precondition(lambda self: len(self.people) > 1)
    def somebody_pries(self, who: int, which: int, how: str) -> None:
        """Into an order or a card of somebody else's: there is nothing, nothing is changed and nobody is asked."""
        player = self.people[who % len(self.people)]
        orders = self.stage.shop(
            "SELECT merchant_uid, card_id, payment.plan FROM payment JOIN shopper ON shopper.id = shopper_id"
            " WHERE email <> ? ORDER BY payment.id",
            player.email,
        )
        if orders:
            merchant_uid, card_id, plan = one_of(orders, which)
            before = self.everything()
            status = self.pry(player, how, merchant_uid, card_id, plan)
            assert status == (303 if how == "stranger" else 404), (how, status)
            assert self.everything() == before, f"{how} has changed something"

    def pry(self, player: Player, how: str, merchant_uid: str, card_id: int, plan: str) -> int:
        """Try one thing with what belongs to somebody else; the answer's status."""
        if how == "callback":
            return int(player.post_json("/payments/complete", {"merchant_uid": merchant_uid}).status_code)
        if how == "refund":
            return int(player.refund(merchant_uid).status_code)
        if how == "charge":
            return int(player.charge(card_id, plan).status_code)
        if how == "remove":
            return int(player.remove_card(card_id).status_code)
        browser = self.stage.browser() if how == "stranger" else player.browser
        path = f"/checkout/{plan}/{merchant_uid}" if how == "checkout" else f"/payments/{merchant_uid}"
        accept = "application/json" if how == "json" else "text/html"
        return int(browser.get(path, headers={"Accept": accept}).status_code)

    def everything(self) -> tuple[list[Any], ...]:
        """What an act must not change if it is nobody's right: all that is stored, and all that was asked of i'mport."""
        return (
            self.stage.shop("SELECT merchant_uid, status, version, checks FROM payment ORDER BY id"),
            self.stage.shop("SELECT id, status, version FROM card ORDER BY id"),
            self.stage.shop("SELECT count(*) FROM event"),
            self.stage.shop("SELECT id, status FROM refund ORDER BY id"),
            [row[0] for row in self.stage.imports("SELECT count(*) FROM request")],
        )

    def stored_cards(self) -> list[Stored]:
        """The cards that were ever stored, the removed ones too."""
        rows = self.stage.shop(
            "SELECT card.id, email, customer_uid, status FROM card JOIN shopper ON shopper.id = shopper_id"
            " WHERE activated_at IS NOT NULL ORDER BY card.id DESC LIMIT 6"
        )
        return [Stored(*row) for row in rows]

    def may_order(self) -> bool:
        """Whether there is somebody, and there are not too many orders yet."""
        [[waiting]] = self.stage.shop("SELECT count(*) FROM payment WHERE status = 'ready'")
        return bool(self.people) and waiting < MOST_OPEN_WINDOWS and len(self.windows) < MOST_WINDOWS

    def sent_and_captured(self, customer_uid: str) -> tuple[int, int, int]:
        """How many charges were sent, and how many captures of how many won a key has seen."""
        [[sent]] = self.stage.imports("SELECT count(*) FROM request WHERE path = ? AND status <> 401", AGAIN)
        [[captures, won]] = self.stage.imports(
            "SELECT count(*), coalesce(sum(amount), 0) FROM payment WHERE customer_uid = ? AND paid_at > 0 AND amount > 0",
            customer_uid,
        )
        return sent, captures, won

    def called(self, email: str) -> Player:
        """The shopper of an address."""
        return next(player for player in self.people if player.email == email)

    def owner_of(self, merchant_uid: str | None) -> Player | None:
        """Whose order it is; None if it is none of the shop's."""
        rows = self.stage.shop(
            "SELECT email FROM shopper JOIN payment ON shopper.id = shopper_id WHERE merchant_uid = ?", merchant_uid
        )
        return self.called(rows[0][0]) if rows else None


def one_of(choices: list[Any], which: int) -> Any:
    """The one that a number chooses."""
    return choices[which % len(choices)]
