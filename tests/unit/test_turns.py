"""Turns: who came first goes first, and giving up loses nobody's turn."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import TimeoutError as DatabaseTimeoutError

from storefront.turns import Turns

LONG_S = 30


def wait_for(turns: Turns, number: int) -> None:
    """Until so many wait."""
    pause = threading.Event()
    while turns.waiting != number:
        pause.wait(0.001)


def test_who_came_first_goes_first() -> None:
    """A crowd gets through in the order in which it came."""
    turns, order = Turns(), []

    def go(number: int) -> None:
        with turns.taken(LONG_S):
            order.append(number)

    with ThreadPoolExecutor(16) as pool, turns.taken(LONG_S):
        for number in range(16):
            pool.submit(go, number)
            wait_for(turns, number + 1)

    assert order == list(range(16))


def test_who_waits_too_long_is_told_and_does_not_stand_in_the_way() -> None:
    """The next one's turn comes all the same."""
    turns = Turns()
    with turns.taken(LONG_S):
        with pytest.raises(DatabaseTimeoutError, match="no turn to write"), turns.taken(0.001):
            pass
        assert turns.waiting == 0

    with turns.taken(0):
        pass


def test_a_block_that_raises_gives_its_turn_back() -> None:
    """Whatever happened in it."""
    turns = Turns()
    with pytest.raises(LookupError), turns.taken(0):
        raise LookupError

    with turns.taken(0):
        pass


def test_however_many_give_up_there_is_one_at_a_time_and_no_turn_is_lost() -> None:
    """Giving up may fall together with one's turn."""
    turns, inside = Turns(), threading.Semaphore(1)

    def try_often(_number: int) -> int:
        gone = 0
        for _ in range(200):
            try:
                with turns.taken(0.0001):
                    assert inside.acquire(blocking=False)
                    gone += 1
                    inside.release()
            except DatabaseTimeoutError:
                continue
        return gone

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(try_often, range(8))) > 0

    with turns.taken(0):
        assert turns.waiting == 0
