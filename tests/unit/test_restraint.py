"""A slow i'mport takes half of the threads at most, and a silent one is left alone for a while."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from flask import Flask

from storefront import serving
from storefront.iamport import Iamport, RejectedError, SilenceError, restraint
from storefront.iamport.restraint import PLACES, REST_S, SILENCES, Breaker
from tests.moody import Moody, moody
from tests.wsgi import SANDBOX_URL, WsgiAdapter


class Time:
    """Seconds in one's hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """What a monotonic clock shows."""
        return self.now


class Crowded(WsgiAdapter):
    """Keeps everybody waiting, and counts how many do."""

    def __init__(self, app: Flask) -> None:
        super().__init__(app)
        self.waiting, self.most = 0, 0
        self.may_go = threading.Event()
        self._lock = threading.Lock()

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Wait until all may go."""
        if "getToken" not in str(request.url):
            with self._lock:
                self.waiting += 1
                self.most = max(self.most, self.waiting)
            self.may_go.wait(10)
            with self._lock:
                self.waiting -= 1
        return super().send(request, **options)


@pytest.fixture
def imports(sandbox_app: Flask) -> Iterator[Moody]:
    """The sandbox behind a socket."""
    with moody(sandbox_app) as server:
        yield server


@pytest.fixture
def time() -> Time:
    """The breaker's."""
    return Time()


@pytest.fixture
def gateway(imports: Moody, time: Time) -> Iamport:
    """A client whose breaker lives by that time."""
    return Iamport(imports.url, "sandbox_key", "sandbox_secret", breaker=Breaker(time))


def is_silent(gateway: Iamport) -> bool:
    """Whether it asks in vain."""
    try:
        gateway.payment("imp_1")
    except SilenceError:
        return True
    return False


def test_pages_that_wait_are_half_of_the_threads_that_serve(sandbox_app: Flask, monkeypatch: Any) -> None:
    """Forty ask at once: sixteen wait for i'mport, the others go on without it."""
    assert PLACES * 2 == serving.SHOP_THREADS
    monkeypatch.setattr(restraint, "QUEUE_S", 0.05)
    adapter, session = Crowded(sandbox_app), requests.Session()
    session.mount("http://", adapter)
    gateway = Iamport(SANDBOX_URL, "sandbox_key", "sandbox_secret", session=session)
    with ThreadPoolExecutor(40) as pool:
        asked = [pool.submit(is_silent, gateway.within(5)) for _ in range(40)]
        while sum(one.done() for one in asked) < 40 - PLACES or adapter.waiting < PLACES:
            pass
        adapter.may_go.set()

    assert sum(one.result() for one in asked) == 40 - PLACES
    assert adapter.most == PLACES


def test_several_silences_in_a_row_and_i_mport_is_left_alone(imports: Moody, gateway: Iamport, time: Time) -> None:
    """Then one in a while tries, and the first answer is enough for everybody."""
    imports.be("fails", "/payments")
    assert [is_silent(gateway.within(5)) for _ in range(SILENCES + 3)] == [True] * (SILENCES + 3)
    asked = imports.asked["/payments/imp_1"]
    assert asked == SILENCES

    time.now += REST_S
    assert is_silent(gateway)
    assert is_silent(gateway)
    assert imports.asked["/payments/imp_1"] == asked + 1

    imports.mend()
    assert is_silent(gateway)
    time.now += REST_S
    assert [is_silent(gateway.within(5)) for _ in range(4)] == [False] * 4


def test_a_page_that_was_turned_away_asks_no_more(imports: Moody, gateway: Iamport, time: Time) -> None:
    """Otherwise it would queue again for each of its orders."""
    imports.be("fails", "/payments")
    for _ in range(SILENCES):
        is_silent(gateway)
    page = gateway.within(5)
    assert is_silent(page)
    assert page.time_left_s == 0

    imports.mend()
    time.now += REST_S

    assert is_silent(page)
    assert not is_silent(gateway.within(5))


def test_what_a_shopper_asked_for_is_tried_all_the_same(imports: Moody, gateway: Iamport) -> None:
    """And if it is answered, everybody asks again."""
    imports.be("fails", "/payments")
    for _ in range(SILENCES):
        is_silent(gateway)
    imports.mend()
    assert is_silent(gateway)

    assert not is_silent(gateway.insisting())

    assert not is_silent(gateway)


def test_unknown_and_rejected_are_answers(imports: Moody, gateway: Iamport) -> None:
    """They end a row of silences, and begin none."""
    order = {"merchant_uid": "mr_1", "amount": 1, "name": "x", "buyer_name": "x", "buyer_email": "x", "buyer_tel": "1"}
    for _ in range(SILENCES):
        assert gateway.payment("imp_1") is None
        with pytest.raises(RejectedError):
            gateway.charge_again(customer_uid="nobody", **order)  # type: ignore[arg-type]
        imports.be("fails", "/payments")
        for _ in range(SILENCES - 1):
            assert is_silent(gateway)
        imports.mend()


def test_who_had_hardly_any_time_says_nothing_about_i_mport(imports: Moody, gateway: Iamport) -> None:
    """The last call of a page is cut short by the page."""
    imports.be("hangs", "/payments")
    for _ in range(SILENCES + 1):
        assert is_silent(gateway.within(0.02))
    imports.mend()

    assert not is_silent(gateway)


def test_a_page_knows_whether_it_heard_everything(imports: Moody, gateway: Iamport) -> None:
    """So that it can say what it does not know; "unknown" is an answer."""
    view = gateway.within(5)
    view.payment("imp_1")
    assert view.heard_all
    imports.be("cuts", "/payments/imp_2")
    with pytest.raises(SilenceError):
        view.payment("imp_2")

    assert not view.heard_all
    assert gateway.within(5).heard_all
