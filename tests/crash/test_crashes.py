"""The shop is killed at every step of every journey; after a restart and `reconcile` it agrees with the ledger.

A step is one of its own (`victim`), or a request that i'mport is at work on (`killer`). Nothing is charged twice, no won
is lost, no key is left behind. No step is named here: N goes up until a journey gets through unharmed.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pytest
import requests

from storefront import config, create_billing
from storefront.billing import Billing
from storefront.billing.reconciling import reconciliation
from storefront.billing.renewing import renewal
from storefront.clock import LentClock
from tests.crash import killer
from tests.people import HttpBrowser, Sandbox, Shopper, fresh_sandbox
from tests.servers import keys_for, running

ROOT = Path(__file__).resolve().parents[2]
MOST_STEPS = 60
MOST_LOOKS = 1_000


class Shop:
    """A shop that can be killed, and a person to use it."""

    def __init__(self, folder: Path, sandbox: Sandbox, victim: subprocess.Popen[str]) -> None:
        self.sandbox = sandbox
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self._folder, self._victim = folder, victim
        self._life = 0
        self.died_at = ""
        self.url = f"http://127.0.0.1:{self._port}"
        self.live()
        self.shopper = Shopper(HttpBrowser(self.url), sandbox).sign_up()

    def live(self, what: str | None = None) -> None:
        """Begin a life: to serve, or `renew`."""
        assert self._victim.stdin
        assert self._victim.stdout
        (self._folder / "steps").write_text("")
        (self._folder / "doom").unlink(missing_ok=True)
        self._victim.stdin.write(f"{what or self._port} {self._folder}\n")
        word, pid = self._victim.stdout.readline().split()
        assert word == "alive"
        self._life = int(pid)

    def end_at_a_step(self, number: int) -> None:
        """Let this life end at one of its own steps from here on; it has to fetch a new token on the way."""
        self.sandbox.lose_token()
        (self._folder / "doom").write_text(str(number))

    def end_while_asking(self, moment: str, number: int) -> None:
        """Let this life end while i'mport is at a request: before its work or after it."""
        killer.load(self.sandbox.session, self.sandbox.url, pid=self._life, number=number, moment=moment)

    def let_imports_work_go_on(self) -> bool:
        """What i'mport was at when the shop died is done now; whether there was something."""
        killer.go_on(self.sandbox.session, self.sandbox.url)
        return self.died_at.startswith(killer.BEFORE + " the work")

    def renew(self, end_at: Callable[[int], None], number: int) -> bool:
        """A life that only renews, ended like that, and one that serves again; whether the first has got through."""
        self.die()
        self.live("renew")
        end_at(number)
        if not (self._folder / "doom").exists():
            (self._folder / "doom").write_text("0")
        assert self._victim.stdout
        assert self._victim.stdout.readline() == "dead\n"
        self._note_the_end()
        was_killed = self.died_at.startswith((killer.BEFORE, killer.AFTER, f"{number} "))
        if not was_killed:
            killer.go_on(self.sandbox.session, self.sandbox.url)  # or it would be the next one that asks
        self.live()
        return not was_killed

    def die(self) -> bool:
        """End the life, by force as well; whether it had ended before."""
        assert self._victim.stdout
        survived = True
        try:
            requests.get(f"{self.url}/healthz", timeout=5)
        except requests.RequestException:
            survived = False
        if survived:
            try:
                os.kill(self._life, signal.SIGKILL)
            except ProcessLookupError:  # an errand of it went on beyond its request, and came to the end
                survived = False
        assert self._victim.stdout.readline() == "dead\n"
        self._note_the_end()
        return not survived

    def _note_the_end(self) -> None:
        killed_at = killer.killed_at(self.sandbox.session, self.sandbox.url)
        self.died_at = killed_at or (self._folder / "steps").read_text().rstrip().rpartition("\n")[2]

    @cached_property
    def billing(self) -> Billing:
        """What `storefront reconcile` works with, by the sandbox's time."""
        values = {**os.environ, **settings_for(self.sandbox.url)}
        settings = config.load(values, public_url=self.url, folder=self._folder / "instance")
        clock = LentClock(
            lambda: datetime.fromtimestamp(self.sandbox.now(), UTC), lambda s: self.sandbox.advance(seconds=s)
        )
        return create_billing(settings, clock=clock)

    def reconcile(self) -> None:
        """What the shop does by itself within an hour; what earlier lives have left at rest is seldom due by then."""
        self.billing.clock.advance(timedelta(hours=1))
        for _ in range(2):
            renewal.renew(self.billing, senders=1)
            report = reconciliation.reconcile(self.billing, only_due=True)
            assert report.needs_person == []

    def close(self) -> None:
        """No more lives."""
        self.die()
        self.billing.database.close()


def settings_for(sandbox_url: str) -> dict[str, str]:
    """The settings of a shop beside a sandbox."""
    return {**keys_for(sandbox_url), "RATE_LIMITS": "off", "CHARGE_GRACE": "0", "IMP_TIMEOUT": "5"}


@pytest.fixture(scope="module")
def sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a sandbox with a killer around it, in a process of its own."""
    folder, command = tmp_path_factory.mktemp("sandbox"), ("sandbox", "--port", "0")
    with running(folder, "tests.crash.killer", *command, PYTHONPATH=str(ROOT)) as beside:
        yield beside.urls["sandbox"]


@pytest.fixture(scope="module")
def victim(sandbox_url: str) -> Iterator[subprocess.Popen[str]]:
    """The process whose forks are the lives of shops."""
    command = [sys.executable, "-W", "error::ResourceWarning", "-m", "tests.crash.victim"]
    environment = os.environ | settings_for(sandbox_url) | {"PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1, env=environment) as process:
        yield process


@pytest.fixture
def shop(tmp_path: Path, sandbox_url: str, victim: subprocess.Popen[str]) -> Iterator[Shop]:
    """A new shop, and a sandbox that has forgotten the last one."""
    with fresh_sandbox(sandbox_url) as sandbox:
        shop = Shop(tmp_path, sandbox, victim)
        yield shop
        shop.close()


def checkout(shop: Shop, _prepared: None) -> None:
    """Order, pay in the window, come back."""
    params = shop.shopper.order("pay")
    shop.shopper.tell(shop.sandbox.pay(params))


def registration(shop: Shop, _prepared: None) -> None:
    """Register a card for nothing."""
    params = shop.shopper.order("register")
    shop.shopper.tell(shop.sandbox.pay(params))


def refusal(shop: Shop, _prepared: None) -> None:
    """Another amount is captured than was ordered."""
    params = shop.shopper.order("pay")
    shop.shopper.tell(shop.sandbox.pay(params, charge_amount=100))


def charge(shop: Shop, card: dict[str, Any]) -> None:
    """Press the button for another bag."""
    shop.shopper.charge(card["id"], token=f"press-of-card-{card['id']}")


def purchase(shop: Shop, card: dict[str, Any]) -> None:
    """Press the checkout's button, with a stored card."""
    press = {"card": card["id"], "every": "month", "consent": "y", "token": f"purchase-with-card-{card['id']}"}
    shop.shopper.post("/checkout/morning", press)


def refund(shop: Shop, payment: dict[str, Any]) -> None:
    """Get everything back."""
    shop.shopper.refund(payment["merchant_uid"], token="give-it-back")


def removal(shop: Shop, card: dict[str, Any]) -> None:
    """Never charge that card again."""
    shop.shopper.remove_card(card["id"])


def leaving(shop: Shop, subscription: dict[str, Any]) -> None:
    """Leave it at once, for the sum that the page shows; whoever has left is shown none."""
    path = f"/account/subscriptions/{subscription['id']}/leave"
    if shop.shopper.see(f"/account/subscriptions/{subscription['id']}")["status"] == "ended":
        return
    shown = shop.shopper.see(path)
    shop.shopper.post(path, {"when": "now", "refund_krw": str(shown["refund_krw"])})


def change_of_card(shop: Shop, subscription: dict[str, Any]) -> None:
    """Have what is owed charged to another card."""
    shop.shopper.post(f"/account/subscriptions/{subscription['id']}/card", {"card": subscription["another"]})


def nothing(_shop: Shop) -> None:
    """Needs nothing to begin with."""


def a_card(shop: Shop) -> dict[str, Any]:
    """A stored card."""
    return shop.shopper.register_card()


def a_payment(shop: Shop) -> dict[str, Any]:
    """A bag that was paid for."""
    return shop.shopper.buy("pay")


def a_subscription(shop: Shop) -> dict[str, Any]:
    """One that is paid for a month."""
    shop.shopper.subscribe()
    return next(row for row in shop.shopper.account()["subscriptions"] if row["status"] == "active")


def an_owed_period(shop: Shop) -> dict[str, Any]:
    """A subscription whose card was declined when its next month fell due, and another card."""
    owing = next((row for row in shop.shopper.account()["subscriptions"] if row["status"] == "active"), None)
    owing = owing or a_subscription(shop)
    bad, another = shop.shopper.register_card("decline-later"), shop.shopper.register_card()["id"]
    shop.shopper.post(f"/account/subscriptions/{owing['id']}/card", {"card": bad["id"]})
    to_the_next_charge(shop)
    renewal.renew(shop.billing, senders=1)
    for _ in range(MOST_LOOKS):  # the serving process hears of the new time within a fifth of a second
        owed = shop.shopper.see(f"/account/subscriptions/{owing['id']}")
        if (owed["status"], owed["period"]["status"]) == ("past_due", "unpaid"):
            return {**owed, "another": another}
    raise AssertionError(owed)


def to_the_next_charge(shop: Shop) -> None:
    """Time goes to where the only subscription that goes on is charged next."""
    [going] = [row for row in shop.shopper.account()["subscriptions"] if row["next"]]
    shop.sandbox.advance(seconds=going["next"]["at"] - shop.sandbox.now())


def left(shop: Shop, subscription: dict[str, Any]) -> bool:
    """It has ended, and its payment was cancelled once at most, by what the shop says."""
    now = shop.shopper.see(f"/account/subscriptions/{subscription['id']}")
    [paid] = now["period"]["attempts"]
    [captured] = shop.sandbox.ledger(paid)["payments"]
    return (now["status"], now["reason"], now["next"]) == ("ended", "left", None) and len(captured["cancels"]) == 1


def recovered_once(shop: Shop, subscription: dict[str, Any]) -> bool:
    """The period that was owed is paid once, with the other card."""
    now = shop.shopper.see(f"/account/subscriptions/{subscription['id']}")
    captured = [shop.sandbox.ledger(attempt)["captured"] for attempt in now["period"]["attempts"]]
    same = now["period"]["number"] == subscription["period"]["number"]
    return same and (now["status"], now["card"], sum(captured)) == ("active", subscription["another"], 14_900)


def charged_once(shop: Shop, card: dict[str, Any]) -> bool:
    """One capture with the card, for the price of one bag."""
    payments = shop.sandbox.ledger()["payments"]
    return [payment["net"] for payment in payments if payment["customer_uid"] == card["customer_uid"]] == [16_900]


def begun_once(shop: Shop, card: dict[str, Any]) -> bool:
    """One capture with the card, and the subscription whose first period it has paid."""
    paid = [
        payment["net"]
        for payment in shop.sandbox.ledger()["payments"]
        if payment["customer_uid"] == card["customer_uid"]
    ]
    begun = [row["period"]["status"] for row in shop.shopper.account()["subscriptions"] if row["card"] == card["id"]]
    return (paid, begun) == ([14_900], ["paid"])


def returned(shop: Shop, payment: dict[str, Any]) -> bool:
    """I'mport holds nothing of the payment."""
    return shop.sandbox.net(payment["merchant_uid"]) == 0


def gone(shop: Shop, card: dict[str, Any]) -> bool:
    """I'mport holds no key of the card."""
    return not shop.sandbox.keys()[card["customer_uid"]]


ENDS: dict[Callable[..., None], Callable[[Shop, Any], bool]] = {
    charge: charged_once,
    purchase: begun_once,
    refund: returned,
    removal: gone,
    leaving: left,
    change_of_card: recovered_once,
}


JOURNEYS = pytest.mark.parametrize(
    ("journey", "prepare"),
    [
        (checkout, nothing),
        (registration, nothing),
        (refusal, nothing),
        (charge, a_card),
        (purchase, a_card),
        (refund, a_payment),
        (removal, a_card),
    ],
    ids=lambda function: function.__name__,
)


@pytest.mark.parametrize(
    ("journey", "prepare"), [(leaving, a_subscription), (change_of_card, an_owed_period)], ids=lambda one: one.__name__
)
def test_killed_at_any_step_of_a_subscriptions_own_journeys_everything_adds_up(
    shop: Shop, journey: Callable[[Shop, Any], None], prepare: Callable[[Shop], Any]
) -> None:
    """What they ask i'mport is a charge or a refund, whose answers on their way are the test's below."""
    repeat_until_unharmed(shop, journey, prepare, shop.end_at_a_step)


@pytest.mark.parametrize("moment", [None, killer.BEFORE, killer.AFTER])
def test_a_renewal_killed_at_any_step_is_captured_once(shop: Shop, moment: str | None) -> None:
    """By itself or while i'mport is at work for it; another one finishes what it has begun, in the same hour."""
    subscription = a_subscription(shop)
    end_at = shop.end_at_a_step if moment is None else partial(shop.end_while_asking, moment)
    for number in range(1, MOST_STEPS):
        to_the_next_charge(shop)
        is_through = shop.renew(end_at, number)
        where = shop.died_at
        everything_adds_up(shop, where)
        if shop.let_imports_work_go_on():
            everything_adds_up(shop, f"{where}, which came late")
        now = shop.shopper.see(f"/account/subscriptions/{subscription['id']}")
        paid = [(payment["period"], payment["net"]) for payment in shop.shopper.account()["payments"]]
        assert sorted(paid) == [(period, 14_900) for period in range(number + 1)], where
        assert (now["period"]["number"], now["period"]["status"]) == (number, "paid"), where
        if is_through:
            assert number > 2, "nothing has ended it"
            return
    pytest.fail(f"not through after {MOST_STEPS} steps")


@JOURNEYS
def test_killed_at_any_step_everything_adds_up_in_the_end(
    shop: Shop, journey: Callable[[Shop, Any], None], prepare: Callable[[Shop], Any]
) -> None:
    """One life for each step, and one after it to see what became of it."""
    repeat_until_unharmed(shop, journey, prepare, shop.end_at_a_step)


@JOURNEYS
def test_killed_while_imports_answer_is_on_its_way_everything_adds_up_in_the_end(
    shop: Shop, journey: Callable[[Shop, Any], None], prepare: Callable[[Shop], Any]
) -> None:
    """At every request of the journey: i'mport does its work for nobody, at once or when the shop is back already."""
    for moment in (killer.BEFORE, killer.AFTER):
        repeat_until_unharmed(shop, journey, prepare, partial(shop.end_while_asking, moment))


def repeat_until_unharmed(
    shop: Shop,
    journey: Callable[[Shop, Any], None],
    prepare: Callable[[Shop], Any],
    end_at: Callable[[int], None],
) -> None:
    """Go on the journey with the shop's end one further each time, until it is beyond the journey's."""
    for number in range(1, MOST_STEPS):
        prepared = prepare(shop)
        end_at(number)
        try:
            journey(shop, prepared)
        except (requests.RequestException, AssertionError):
            assert shop.die(), "the journey failed although the shop lived"
        else:
            if not shop.die():
                shop.let_imports_work_go_on()
                shop.live()
                assert number > 1, "nothing has ended it"
                break
        where = shop.died_at
        shop.live()
        everything_adds_up(shop, where)
        if shop.let_imports_work_go_on():
            everything_adds_up(shop, f"{where}, which came late")
        if journey in ENDS:
            journey(shop, prepared)  # the shopper presses again
            everything_adds_up(shop, f"{where}, and pressed again")
            assert ENDS[journey](shop, prepared), where
    else:
        pytest.fail(f"not through after {MOST_STEPS} steps")


def everything_adds_up(shop: Shop, where: str) -> None:
    """Shop and ledger agree, to the won and to the key."""
    shop.reconcile()
    account, ledger = shop.shopper.account(), shop.sandbox.ledger()
    ours = {payment["merchant_uid"]: payment["net"] for payment in account["payments"]}
    theirs: dict[str, int] = {}
    captures: dict[str, int] = {}
    for payment in ledger["payments"]:
        theirs[payment["merchant_uid"]] = theirs.get(payment["merchant_uid"], 0) + payment["net"]
        captures[payment["merchant_uid"]] = captures.get(payment["merchant_uid"], 0) + 1
    assert {uid: net for uid, net in ours.items() if net} == {uid: net for uid, net in theirs.items() if net}, where
    assert set(theirs) <= set(ours), where
    assert set(captures.values()) <= {1}, where
    assert not {payment["status"] for payment in account["payments"]} & {"requested", "refusing"}, where
    active = {card["customer_uid"] for card in account["cards"] if card["status"] == "active"}
    stored = {key["customer_uid"] for key in ledger["billing_keys"] if not key["deleted_at"]}
    assert stored == active, where
    assert "removing" not in {card["status"] for card in account["cards"]}, where
