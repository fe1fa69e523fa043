"""The commands, in processes of their own, as people and other people's scripts use them."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

import pytest
import requests

from storefront.clock import SEOUL
from tests.people import HttpBrowser, Sandbox, Shopper
from tests.servers import keys_for, storefront

PATIENCE_S = 20.0


@dataclass
class Place:
    """A shop and a sandbox in processes of their own, and the folder they are started in."""

    folder: Path
    shop_url: str
    sandbox: Sandbox
    settings: dict[str, str]

    def shopper(self) -> Shopper:
        """Somebody new."""
        return Shopper(HttpBrowser(self.shop_url), self.sandbox).sign_up()

    def run(self, *arguments: str, stdout: int | IO[str] = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
        """A command to its end."""
        return command(self.folder, *arguments, stdout=stdout, **self.settings)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """`storefront sandbox` and `storefront run`."""
    with storefront(tmp_path, "sandbox", "--port", "0") as beside, requests.Session() as session:
        session.trust_env = False
        url = beside.urls["sandbox"]
        settings = keys_for(url) | {"CHARGE_GRACE": "0", "DATABASE_URL": f"sqlite:///{tmp_path / 'shop.sqlite'}"}
        with storefront(tmp_path, "run", "--port", "0", **settings) as shop:
            yield Place(tmp_path, shop.urls["shop"], Sandbox(session, url), settings)


def command(
    folder: Path, *arguments: str, stdout: int | IO[str] = subprocess.PIPE, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run `storefront …` to its end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IMP_")}
    return subprocess.run(
        [sys.executable, "-m", "storefront", *arguments],
        cwd=folder,
        env=environment | settings,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )


def comes_true(what: Callable[[], bool]) -> bool:
    """Whether something happens by itself before our patience ends."""
    deadline = time.monotonic() + PATIENCE_S
    while not (happened := what()) and time.monotonic() < deadline:
        pass
    return happened


def test_reconcile_says_what_it_did_and_fails_when_a_person_has_to_look(place: Place) -> None:
    """0 while everything can be decided; 1 for a capture that nobody ordered."""
    shopper, sandbox = place.shopper(), place.sandbox
    params = shopper.order("pay")
    sandbox.fault("webhook", "drop", times=0)
    sandbox.pay(params, outcome="lose_callback")

    good = place.run("reconcile")
    assert good.returncode == 0, good.stderr
    assert good.stdout.splitlines() == ["looked at 1 open orders", f"changed: {params['merchant_uid']}"]
    assert shopper.payment(params["merchant_uid"])["net"] == sandbox.net() == 14_900

    stray = sandbox.pay({"pg": "jtnet", "merchant_uid": "nobodys", "amount": 700, "name": "tea"})
    bad = place.run("reconcile")
    assert bad.returncode == 1
    assert f"needs a person: stray {stray['imp_uid']}" in bad.stdout
    assert sandbox.net() == 15_600


def test_what_needs_a_person_is_listed_shown_and_closed(place: Place) -> None:
    """Until then every report names it, also when nobody could read the last one."""
    stray = place.sandbox.pay({"pg": "jtnet", "merchant_uid": "nobodys", "amount": 700, "name": "tea"})
    place.shopper().order("pay")
    with open("/dev/full", "w") as full:
        lost = place.run("reconcile", stdout=full)
    assert lost.returncode == 1
    assert "could not be written" in lost.stderr

    listed = place.run("attention")
    assert listed.stdout.startswith(f"stray {stray['imp_uid']} since ")
    number = listed.stdout.partition("(#")[2].partition(")")[0]
    shown = place.run("attention", "show", number)
    assert "paid, 700 won, 0 won cancelled, 700 won held" in shown.stdout
    closed = place.run("attention", "close", number, "--why", "our other shop's")

    assert [listed.returncode, shown.returncode, closed.returncode] == [0, 0, 0]
    assert place.run("attention", "list").stdout == "nothing needs a person\n"
    assert place.run("reconcile").returncode == 0
    again = place.run("attention", "close", number, "--why", "once more")
    assert (again.returncode, again.stdout) == (1, "")


def test_a_deaf_shop_says_so(place: Place) -> None:
    """With wrong keys, and with i'mport silent, there is no 0; nothing is closed either."""
    wrong = place.settings | {"IMP_SECRET": "another"}
    stray = place.sandbox.pay({"pg": "jtnet", "merchant_uid": "nobodys", "amount": 700, "name": "tea"})
    assert place.run("reconcile").returncode == 1

    deaf = command(place.folder, "reconcile", **wrong)
    unasked = command(place.folder, "attention", "close", "1", "--why", "x", **wrong)
    with storefront(place.folder, "worker", "--every", "0.1", **wrong):
        assert comes_true(lambda: '"deaf"' in (place.folder / "log").read_text())

    assert (deaf.returncode, unasked.returncode) == (2, 2)
    assert "could not ask i'mport about" in deaf.stdout
    assert stray["imp_uid"] in deaf.stdout
    assert "nothing has changed" in unasked.stderr
    assert "another" not in deaf.stdout + deaf.stderr + unasked.stderr


def test_subscriptions_renew_by_a_command_and_by_a_worker_in_the_sandboxs_time(place: Place) -> None:
    """A dry run only says so; shop, command and worker take their time from the sandbox, which can skip a month."""
    shopper, sandbox = place.shopper(), place.sandbox
    payment = shopper.subscribe()
    [subscription] = shopper.account()["subscriptions"]
    due_on = subscription["next"]["on"]
    foretold = f"subscription {payment['subscription']}: morning, period 1, 14900 won to"

    today = place.run("renew", "--dry-run")
    later = place.run("renew", "--dry-run", "--until", due_on)
    early = place.run("renew")
    assert [run.returncode for run in (today, later, early)] == [0, 0, 0], early.stderr
    assert today.stdout.splitlines() == ["nothing was charged"]
    assert later.stdout.startswith(foretold)
    assert later.stdout.splitlines()[0].endswith(f"on {due_on} 09:00 Seoul")
    assert early.stdout.splitlines() == ["charged 0, decided 0 others"]
    assert sandbox.net() == 14_900

    sandbox.advance(seconds=subscription["next"]["at"] - sandbox.now() + 1)
    renewed = place.run("renew")
    assert renewed.returncode == 0, renewed.stderr
    assert ": paid, 14900 won" in renewed.stdout
    assert sandbox.net() == 2 * 14_900

    with storefront(place.folder, "worker", "--every", "0.1", **place.settings):
        sandbox.advance(days=32)
        assert comes_true(lambda: sandbox.net() == 3 * 14_900)
    assert comes_true(lambda: shopper.account()["subscriptions"][0]["period"]["number"] == 2)
    assert shopper.agrees_with_ledger()


def test_a_month_is_told_in_figures(place: Place) -> None:
    """What came in and went out, and who stays."""
    shopper, sandbox = place.shopper(), place.sandbox
    shopper.subscribe()
    bag = shopper.buy("pay", "noon")
    sandbox.cancel_in_console(bag["imp_uid"], 900)
    shopper.payment(bag["merchant_uid"])
    place.run("reconcile")
    month = datetime.fromtimestamp(sandbox.now(), SEOUL).strftime("%Y-%m")

    figures = place.run("report", "--month", month)

    captured = sandbox.ledger()["captured"]
    assert figures.returncode == 0, figures.stderr
    assert [line.split()[:2] for line in figures.stdout.splitlines()] == [
        [month],
        ["charged", f"{captured:,}"],
        ["refunded", "900"],
        ["recovered", "0"],
        ["declined", "0"],
        ["active", "1"],
        ["left", "0"],
        ["ended", "0"],
    ]
    for wrong in ("2027", "2027-13", "2027-1", "soon", "0000-01", "9999-12"):
        assert place.run("report", "--month", wrong).returncode == 2


def test_a_price_is_set_a_month_ahead_and_told(place: Place) -> None:
    """With clear words for what cannot be set."""
    place.shopper().subscribe()
    today = datetime.fromtimestamp(place.sandbox.now(), SEOUL).date()
    day, too_soon = (f"{today + timedelta(days=days)}" for days in (40, 30))

    done = place.run("price", "morning", "15900", "--from", day)

    said = f"morning costs 15,900 won from {day} on\nasked 1, lowered 0, unchanged 0 subscriptions\n"
    assert (done.returncode, done.stdout) == (0, said)
    refused = place.run("price", "morning", "15900", "--from", too_soon)
    assert (refused.returncode, "at least 31 days ahead" in refused.stderr) == (1, True)
    wrong = (("midnight", "15900", day), ("morning", "0", day), ("morning", "15900", "soon"))
    for plan, won, begins_on in (*wrong, ("morning", "15900", "2027-02-30")):
        assert place.run("price", plan, won, "--from", begins_on).returncode == 2


@pytest.mark.parametrize("until", ["soon", "2027-13-01", "31.12.2027"])
def test_a_moment_that_is_none_is_refused(tmp_path: Path, until: str) -> None:
    """And a real one belongs to a dry run."""
    assert command(tmp_path, "renew", "--dry-run", "--until", until).returncode == 2
    assert command(tmp_path, "renew", "--until", "2027-01-31").returncode == 2


def test_the_worker_finds_what_nobody_told_the_shop(place: Place) -> None:
    """A cancel in the console whose webhook was lost; opening the order's page would not ask about it again."""
    shopper, sandbox = place.shopper(), place.sandbox
    paid = shopper.buy("pay")
    sandbox.fault("webhook", "drop", times=0)
    sandbox.cancel_in_console(paid["imp_uid"])
    assert shopper.payment(paid["merchant_uid"])["net"] == 14_900

    with storefront(place.folder, "worker", "--every", "0.1", **place.settings):
        assert comes_true(lambda: shopper.payment(paid["merchant_uid"])["status"] == "cancelled")

    assert shopper.payment(paid["merchant_uid"])["net"] == sandbox.net() == 0


def test_the_demo_reconciles_by_itself_and_lives_by_the_sandboxs_clock(tmp_path: Path) -> None:
    """An order whose browser never came back is looked up five minutes later, and a skipped day ends it."""
    arguments = ("demo", "--port", "0", "--sandbox-port", "0", "--data", str(tmp_path), "--no-browser")
    with storefront(tmp_path, *arguments) as demo, requests.Session() as session:
        session.trust_env = False
        sandbox = Sandbox(session, demo.urls["sandbox"])
        shopper = Shopper(HttpBrowser(demo.urls["shop"]), sandbox).sign_up()
        params = shopper.order("pay")
        sandbox.advance(minutes=6)

        looked = f"/payments/findAll/{params['merchant_uid']}"
        assert comes_true(lambda: bool(sandbox.requests(looked)))

        sandbox.advance(days=1)
        assert shopper.payment(params["merchant_uid"])["status"] == "expired"

        shopper.register_card()
        sandbox.fault("/subscribe/payments/again", "cut_before")
        lost = shopper.charged(shopper.active_cards()[0]["id"])["merchant_uid"]
        sandbox.advance(seconds=5)  # the demo's own CHARGE_GRACE: nobody waits ten minutes beside a sandbox
        assert comes_true(lambda: shopper.payment(lost)["status"] == "paid")
        assert sandbox.net(lost) == shopper.payment(lost)["amount"]
    assert {"shop.sqlite", "sandbox.sqlite"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_demo_cleanly(tmp_path: Path, end: signal.Signals) -> None:
    """With 0, and with nothing said about it."""
    arguments = ("demo", "--port", "0", "--sandbox-port", "0", "--data", str(tmp_path), "--no-browser")
    with storefront(tmp_path, *arguments) as demo:
        demo.process.send_signal(end)
        assert demo.process.wait(timeout=30) == 0
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_the_demo_ends_only_once_the_charge_it_is_at_has_been_answered(tmp_path: Path) -> None:
    """Its sandbox answers until then: the next start finds the charge paid, and nothing to clear up."""
    arguments = ("demo", "--port", "0", "--sandbox-port", "0", "--data", str(tmp_path), "--no-browser")
    with storefront(tmp_path, *arguments) as demo, requests.Session() as session:
        session.trust_env = False
        sandbox = Sandbox(session, demo.urls["sandbox"])
        shopper = Shopper(HttpBrowser(demo.urls["shop"]), sandbox).sign_up()
        shopper.register_card()
        sandbox.fault("/subscribe/payments/again", "delay_after", seconds=9)
        shopper.charge(shopper.active_cards()[0]["id"])

    with sqlite3.connect(tmp_path / "shop.sqlite") as books:
        [[status, events]] = books.execute(
            "SELECT status, (SELECT group_concat(event) FROM event WHERE payment_id = payment.id)"
            " FROM payment WHERE purpose = 'extra'"
        )
    assert (status, "charge_answered" in events) == ("paid", True)


@pytest.mark.parametrize(
    ("option", "arguments"),
    [
        ("--port", ("demo", "--sandbox-port", "0", "--port")),
        ("--sandbox-port", ("demo", "--port", "0", "--sandbox-port")),
        ("--port", ("sandbox", "--port")),
        ("--port", ("run", "--port")),
    ],
)
def test_a_taken_port_is_one_line_that_names_the_option(
    tmp_path: Path, option: str, arguments: tuple[str, ...]
) -> None:
    """And nothing is left running."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = command(tmp_path, *arguments, port, **keys_for("http://localhost:1") if arguments[0] == "run" else {})

    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert f"port {port} is taken" in line
    assert line.endswith(option)


def test_the_demo_never_runs_with_real_money(tmp_path: Path) -> None:
    """Not even by mistake."""
    live = keys_for("https://api.iamport.kr") | {
        "IMP_LIVE": "on",
        "IMP_SDK_URL": "https://cdn.iamport.kr/v1/iamport.js",
        "PUBLIC_URL": "https://shop.example.com",
        "SECRET_KEY": "a-long-secret-of-our-own",
    }
    ended = command(tmp_path, "demo", "--port", "0", **live)

    assert ended.returncode == 1
    assert "IMP_LIVE" in ended.stderr
    assert "sandbox_secret" not in ended.stdout + ended.stderr


def test_the_demo_refuses_real_money_before_anything_else_is_asked_for(tmp_path: Path) -> None:
    """Nobody is sent for a key and an https address to be refused all the same; and nothing is left behind."""
    ended = command(tmp_path, "demo", "--port", "0", "--sandbox-port", "0", IMP_LIVE="on")

    assert (ended.returncode, ended.stderr) == (1, "Error: demo never runs with IMP_LIVE; use `storefront run`\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["run", "worker"])
def test_who_names_no_mail_server_is_warned_at_the_start(tmp_path: Path, name: str) -> None:
    """Away from the sandbox, where no outbox shows the mails that wait; 192.0.2.1 is nobody's."""
    port = ("--port", "0") if name == "run" else ()
    with storefront(tmp_path, name, *port, **keys_for("http://192.0.2.1")):
        pass

    assert "MAIL_URL" in (tmp_path / "log").read_text()


def test_settings_that_do_not_fit_are_named_one_line_each(tmp_path: Path) -> None:
    """Before anything is served, and without their values."""
    ended = command(tmp_path, "run", IMP_SECRET="a-secret-nobody-may-read", IMP_TIMEOUT="soon")

    assert ended.returncode == 1
    for name in ("IMP_CODE", "IMP_KEY", "IMP_TIMEOUT"):
        assert name in ended.stderr
    assert "a-secret-nobody-may-read" not in ended.stderr


def test_behind_a_proxy_it_counts_who_asks_the_proxy(tmp_path: Path) -> None:
    """Its word is taken if the settings name it, and nobody's otherwise."""
    settings = keys_for("http://localhost:1") | {"IMP_WEBHOOK_IPS": "203.0.113.0/24"}

    def status(url: str, sender: str) -> int:
        reply = requests.post(f"{url}/webhooks/iamport", json={}, headers={"X-Forwarded-For": sender}, timeout=30)
        return reply.status_code

    with storefront(tmp_path, "run", "--port", "0", **settings) as shop:
        assert status(shop.urls["shop"], "203.0.113.7") == 403
    with storefront(tmp_path, "run", "--port", "0", TRUSTED_PROXY="127.0.0.1", **settings) as shop:
        assert status(shop.urls["shop"], "203.0.113.7") == 400  # let in, and then it names no payment
        assert status(shop.urls["shop"], "198.51.100.7") == 403


def test_several_may_be_started_together_on_an_empty_database(tmp_path: Path) -> None:
    """One of them makes the tables, and the others find them made."""
    settings = keys_for("http://localhost:1") | {"DATABASE_URL": f"sqlite:///{tmp_path / 'shop.sqlite'}"}

    with ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(lambda _: command(tmp_path, "db", "upgrade", **settings), range(4)))

    assert [one.returncode for one in ended] == [0] * 4, [one.stderr for one in ended]


def test_the_shop_brings_its_own_time_zones(tmp_path: Path) -> None:
    """Small machines have none; without Seoul's no command would start."""
    answer = command(tmp_path, "--help", PYTHONTZPATH="")

    assert answer.returncode == 0, answer.stderr
