"""Whatever i'mport does, a call ends when it is to end, and hurts nobody who comes after it. Over real sockets."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import chain, repeat

import pytest
from flask import Flask

from storefront.clock import Clock
from storefront.iamport import Iamport, NotAskedError, SilenceError, deadline, transport
from storefront.iamport import token as token_module
from storefront.iamport.deadline import Deadline
from storefront.iamport.transport import Transport
from tests.moody import MOODS, Moody, moody, took_s

BOUND_S = 0.4
"""A call that goes well fits into it, also on a busy machine."""
GENEROUS_S = BOUND_S + 8
"""What a call that is bounded so may take there; without the bound it would take 20."""
TOKEN = "/users/getToken"


@pytest.fixture
def imports(sandbox_app: Flask) -> Iterator[Moody]:
    """The sandbox behind a socket."""
    with moody(sandbox_app) as server:
        yield server


@pytest.fixture
def gateway(imports: Moody) -> Iamport:
    """A client that waits that long."""
    return Iamport(imports.url, "sandbox_key", "sandbox_secret", timeout_s=BOUND_S)


@pytest.mark.parametrize("path", [TOKEN, "/payments/"])
@pytest.mark.parametrize("mood", MOODS)
def test_a_call_ends_in_time_and_the_next_one_goes_well(imports: Moody, gateway: Iamport, mood: str, path: str) -> None:
    """Connect, wait and body together: an answer that drips is not waited for as long as it drips."""
    imports.be(mood, path)

    def ask() -> None:
        with pytest.raises(SilenceError):
            gateway.payment("imp_1")

    assert took_s(ask) < GENEROUS_S
    imports.mend()
    assert gateway.payment("imp_1") is None


@pytest.mark.parametrize("mood", ["never ends", "counts for ever"])
def test_an_answer_that_does_not_end_is_not_kept(imports: Moody, monkeypatch: pytest.MonkeyPatch, mood: str) -> None:
    """However much time there is, memory is not taken for ever."""
    monkeypatch.setattr(transport, "LARGEST_ANSWER", 100_000)
    patient = Iamport(imports.url, "sandbox_key", "sandbox_secret", timeout_s=15)
    imports.be(mood)

    def ask() -> None:
        with pytest.raises(SilenceError):
            patient.payment("imp_1")

    assert took_s(ask) < 5


def test_a_host_that_does_not_take_the_call_is_not_waited_for() -> None:
    """Its queue is full, so connecting hangs."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        callers = [socket.socket() for _ in range(4)]
        for caller in callers:
            caller.setblocking(False)
            caller.connect_ex(full.getsockname())
        silent = Iamport(f"http://127.0.0.1:{full.getsockname()[1]}", "key", "secret", timeout_s=BOUND_S)

        def ask() -> None:
            with pytest.raises(SilenceError):
                silent.payment("imp_1")

        assert took_s(ask) < GENEROUS_S
        for caller in callers:
            caller.close()


def test_a_name_that_nobody_resolves_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's resolver may take half a minute, and has no time-out of its own."""
    asked = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments: asked.wait(20) and [])
    silent = Iamport("http://imports.example", "key", "secret", timeout_s=BOUND_S)

    def ask() -> None:
        with pytest.raises(SilenceError):
            silent.payment("imp_1")

    assert took_s(ask) < GENEROUS_S
    asked.set()


def test_a_deadline_that_ends_while_the_request_is_made_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A moment was left when it was looked at, and none when it was to become a time-out."""
    moments = chain([0.0], repeat(2.0))
    monkeypatch.setattr(deadline.time, "monotonic", lambda: next(moments))

    with pytest.raises(SilenceError):
        Transport("http://127.0.0.1:9").send("GET", "/payments/imp_1", Deadline(1.0))


def test_who_waits_a_while_in_all_asks_no_more_when_it_is_over(imports: Moody, gateway: Iamport) -> None:
    """The calls of one page share its time."""
    view = gateway.within(BOUND_S)
    assert view.payment("imp_1") is None
    imports.be("hangs")
    with pytest.raises(SilenceError):
        view.payment("imp_1")
    before = imports.asked.total()

    for ask in (view.payment, view.payments_of, view.billing_key, view.delete_billing_key):
        with pytest.raises(NotAskedError):
            ask("imp_1")

    assert imports.asked.total() == before
    assert view.time_left_s == 0.0
    assert gateway.time_left_s is None


def test_a_view_never_waits_longer_than_the_client(gateway: Iamport) -> None:
    """And a view of a view no longer than the first."""
    assert gateway.within(0.2).within(60).time_left_s <= 0.2  # type: ignore[operator]


def test_everybody_who_needs_a_token_waits_for_one_request(imports: Moody) -> None:
    """And no longer than they wait for anything: not one after the other."""
    gateway = Iamport(imports.url, "sandbox_key", "sandbox_secret", timeout_s=3.0)
    imports.be("hangs", TOKEN)
    together = threading.Barrier(20)

    def ask(_number: int) -> None:
        together.wait()
        with pytest.raises(SilenceError):
            gateway.payment("imp_1")

    with ThreadPoolExecutor(20) as pool:
        assert took_s(lambda: list(pool.map(ask, range(20)))) < 20
    assert imports.asked[TOKEN] < 5  # one, but for whoever is so late that the first has given up


def test_who_has_more_time_than_the_one_who_asks_for_the_token_goes_on(imports: Moody) -> None:
    """A page that gives up takes nobody's answer away who can wait."""
    patient = Iamport(imports.url, "sandbox_key", "sandbox_secret", timeout_s=20)
    imports.be("hangs", TOKEN)
    with ThreadPoolExecutor(2) as pool:
        hurried = pool.submit(patient.within(0.2).payment, "imp_1")
        while not imports.asked[TOKEN]:
            time.sleep(0.001)
        answer = pool.submit(patient.payment, "imp_1")
        with pytest.raises(SilenceError):
            hurried.result(timeout=5)
        while imports.asked[TOKEN] < 2:
            time.sleep(0.001)
        imports.mend()  # who hangs gets nothing any more
        with pytest.raises(SilenceError):
            answer.result(timeout=5)
    assert patient.payment("imp_1") is None


def test_a_token_that_drips_stops_nobody_once_imports_is_well(imports: Moody, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes later asks anew instead of waiting for it."""
    monkeypatch.setattr(token_module, "PATIENCE_S", 0.1)
    patient = Iamport(imports.url, "sandbox_key", "sandbox_secret", timeout_s=20)
    imports.be("drips its body", TOKEN)
    with ThreadPoolExecutor(1) as pool:
        dripping = pool.submit(patient.payment, "imp_1")
        while not imports.asked[TOKEN]:
            time.sleep(0.001)
        time.sleep(0.1)
        imports._mood = ""  # well again, but the old answer goes on dripping

        assert patient.within(2).payment("imp_1") is None

        assert not dripping.done()
        imports.mend()
        with pytest.raises(SilenceError):
            dripping.result(timeout=5)


def test_imports_clock_is_compared_with_ours(imports: Moody, sandbox_app: Flask) -> None:
    """Nothing is said of less than what a second and the way there may be."""
    ours = Clock()
    gateway = Iamport(imports.url, "sandbox_key", "sandbox_secret", clock=ours)
    assert gateway.clock_offset == timedelta(0)
    gateway.payment("imp_1")
    assert gateway.clock_offset == timedelta(0)

    sandbox_app.extensions["sandbox"].advance(120)
    late = Iamport(imports.url, "sandbox_key", "sandbox_secret", clock=ours)
    late.payment("imp_1")

    assert abs(late.clock_offset - timedelta(seconds=120)) < timedelta(seconds=2)
    assert late.within(1).imports_time(ours.now()) - ours.now() > timedelta(seconds=117)
