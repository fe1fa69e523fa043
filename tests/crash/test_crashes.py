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
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from storefront import config, create_billing
from storefront.billing import reconciliation
from storefront.clock import Clock
from tests.crash import killer
from tests.people import HttpBrowser, Sandbox, Shopper
from tests.servers import keys_for, running

ROOT = Path(__file__).resolve().parents[2]
MOST_STEPS = 60


class Shop:
    """A shop that can be killed, and a person to use it."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self._folder = folder
        self._settings = {**keys_for(sandbox.url), "RATE_LIMITS": "off", "CHARGE_GRACE": "0", "IMP_TIMEOUT": "5"}
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error::ResourceWarning", "-m", "tests.crash.victim", str(port)],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env=os.environ | self._settings | {"PYTHONPATH": str(ROOT)},
        )
        self._life = 0
        self.died_at = ""
        self.url = f"http://127.0.0.1:{port}"
        self.live()
        self.shopper = Shopper(HttpBrowser(self.url), sandbox).sign_up()

    def live(self, kill_at: int = 0) -> None:
        """Begin a life that ends at a step, or not by itself."""
        assert self._process.stdin
        assert self._process.stdout
        (self._folder / "steps").write_text("")
        self._process.stdin.write(f"{kill_at}\n")
        word, pid = self._process.stdout.readline().split()
        assert word == "alive"
        self._life = int(pid)

    def end_at_a_step(self, number: int) -> None:
        """Begin a life that ends at a step of its own."""
        self.die()
        self.live(kill_at=number)

    def end_while_asking(self, moment: str, number: int) -> None:
        """Let this life end while i'mport is at a request: before its work or after it."""
        killer.load(self.sandbox.session, self.sandbox.url, pid=self._life, number=number, moment=moment)

    def let_imports_work_go_on(self) -> bool:
        """What i'mport was at when the shop died is done now; whether there was something."""
        killer.go_on(self.sandbox.session, self.sandbox.url)
        return self.died_at.startswith(killer.BEFORE + " the work")

    def die(self) -> bool:
        """End the life, by force as well; whether it had ended before."""
        assert self._process.stdout
        survived = True
        try:
            requests.get(f"{self.url}/healthz", timeout=5)
        except requests.RequestException:
            survived = False
        if survived:
            os.kill(self._life, signal.SIGKILL)
        assert self._process.stdout.readline() == "dead\n"
        killed_at = killer.killed_at(self.sandbox.session, self.sandbox.url)
        self.died_at = killed_at or (self._folder / "steps").read_text().rstrip().rpartition("\n")[2]
        return not survived

    def reconcile(self) -> None:
        """What `storefront reconcile` does, an hour later."""
        values = {**os.environ, **self._settings}
        database = f"sqlite:///{self._folder / 'instance' / 'shop.sqlite'}"
        settings = config.load(values, public_url=self.url, database_url=database)
        clock = Clock()
        clock.advance(timedelta(hours=1))
        billing = create_billing(settings, clock=clock)
        for _ in range(2):
            report = reconciliation.reconcile(billing)
            assert report.needs_person == []
        billing.database.close()

    def close(self) -> None:
        """No more lives."""
        self.die()
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=10)
        if self._process.stdout:
            self._process.stdout.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop and a sandbox, in processes of their own."""
    command = ("sandbox", "--port", "0")
    with (
        running(tmp_path, "tests.crash.killer", *command, PYTHONPATH=str(ROOT)) as beside,
        requests.Session() as session,
    ):
        session.trust_env = False
        shop = Shop(tmp_path, Sandbox(session, beside.urls["sandbox"]))
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


def refund(shop: Shop, payment: dict[str, Any]) -> None:
    """Get everything back."""
    shop.shopper.refund(payment["merchant_uid"], token="give-it-back")


def removal(shop: Shop, card: dict[str, Any]) -> None:
    """Never charge that card again."""
    shop.shopper.remove_card(card["id"])


def nothing(_shop: Shop) -> None:
    """Needs nothing to begin with."""


def a_card(shop: Shop) -> dict[str, Any]:
    """A stored card."""
    return shop.shopper.register_card()


def a_payment(shop: Shop) -> dict[str, Any]:
    """A bag that was paid for."""
    return shop.shopper.buy("pay")


def charged_once(shop: Shop, card: dict[str, Any]) -> bool:
    """One capture with the card, for the price of one bag."""
    payments = shop.sandbox.ledger()["payments"]
    return [payment["net"] for payment in payments if payment["customer_uid"] == card["customer_uid"]] == [16_900]


def returned(shop: Shop, payment: dict[str, Any]) -> bool:
    """I'mport holds nothing of the payment."""
    return shop.sandbox.net(payment["merchant_uid"]) == 0


def gone(shop: Shop, card: dict[str, Any]) -> bool:
    """I'mport holds no key of the card."""
    return not shop.sandbox.keys()[card["customer_uid"]]


ENDS: dict[Callable[..., None], Callable[[Shop, Any], bool]] = {charge: charged_once, refund: returned, removal: gone}


JOURNEYS = pytest.mark.parametrize(
    ("journey", "prepare"),
    [
        (checkout, nothing),
        (registration, nothing),
        (refusal, nothing),
        (charge, a_card),
        (refund, a_payment),
        (removal, a_card),
    ],
    ids=lambda function: function.__name__,
)


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
