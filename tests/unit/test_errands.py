"""Errands: so many and no more, waited for as long as a page has time, and finished before the process ends."""

from __future__ import annotations

import logging
import threading

import pytest

from storefront.billing.errands import BusyError, Errands
from storefront.iamport import Iamport

GATEWAY = Iamport("http://imports.example", "key", "secret")


def test_a_page_goes_on_when_its_time_is_over_and_the_errand_too() -> None:
    """And it is known what the errand is about until it is done."""
    errands, may_go, done = Errands(1), threading.Event(), threading.Event()

    with errands.place("order") as errand:
        errand.send(lambda: (may_go.wait(10), done.set()), GATEWAY.within(0.05))  # type: ignore[arg-type,func-returns-value]

    assert not done.is_set()
    assert errands.are_about("order")
    may_go.set()
    errands.finish()
    assert done.is_set()
    assert not errands.are_about("order")


def test_a_page_waits_for_an_errand_that_is_quick() -> None:
    """Most are."""
    errands, done = Errands(1), threading.Event()
    with errands.place("order") as errand:
        errand.send(done.set, GATEWAY.within(10))
    assert done.is_set()


def test_whoever_has_no_end_goes_in_person() -> None:
    """In the same thread, so that it raises where it is called."""
    here = []
    with Errands(1).place("order") as errand:
        errand.send(lambda: here.append(threading.current_thread()), GATEWAY)
    assert here == [threading.current_thread()]


def test_without_a_place_nothing_is_begun_and_a_place_that_was_not_used_is_free_again() -> None:
    """The place is taken before anything is written down."""
    errands, may_go = Errands(1), threading.Event()
    for _ in range(3):
        with errands.place("not sent"):
            pass
    with errands.place("order") as errand:
        errand.send(lambda: may_go.wait(10) and None, GATEWAY.within(0))

    with pytest.raises(BusyError), errands.place("another"):
        pytest.fail("there is a place")  # pragma: no cover

    may_go.set()
    errands.finish()
    with errands.place("another"):
        pass


def test_the_end_waits_for_whoever_is_out_and_lets_nobody_else_go() -> None:
    """What was sent is written down before the process ends."""
    errands, may_go, done = Errands(2), threading.Event(), threading.Event()
    with errands.place("order") as errand:
        errand.send(lambda: (may_go.wait(10), done.set()), GATEWAY.within(0))  # type: ignore[arg-type,func-returns-value]
    threading.Timer(0.05, may_go.set).start()

    errands.close()

    assert done.is_set()
    with pytest.raises(BusyError), errands.place("another"):
        pytest.fail("there is a place")  # pragma: no cover


def test_whoever_has_a_place_when_the_end_comes_goes_in_person() -> None:
    """Its order is written down, and the page that asked for it is still finished."""
    errands, done = Errands(1), threading.Event()
    with errands.place("order") as errand:
        errands.close()
        errand.send(done.set, GATEWAY.within(10))
    assert done.is_set()


def test_an_errand_that_fails_is_logged_and_frees_its_place(caplog: pytest.LogCaptureFixture) -> None:
    """The page has what is written down, and says that."""
    errands = Errands(1)
    for _ in range(2):
        with errands.place("order") as errand:
            errand.send(lambda: 1 / 0, GATEWAY.within(10))  # type: ignore[arg-type,return-value]
        errands.finish()
    told = [(record.levelno, record.getMessage(), record.fields) for record in caplog.records]  # type: ignore[attr-defined]
    assert told == [(logging.ERROR, "errand_failed", {"subject": "order"})] * 2
