"""Thousands of requests as nobody should send them: a clear answer to each, and a refused one changes nothing."""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import html5lib
import pytest
import time_machine
from flask import Flask
from hypothesis import HealthCheck, example, given, seed
from hypothesis import settings as hypothesis_settings

from storefront.clock import Clock
from storefront.config import Settings
from storefront.sandbox import SandboxSettings, create_sandbox
from tests.conftest import SHOP_URL, Shop, shop_beside
from tests.integration.generated import Asker, Generated, Operation, almost_right, operations, requests_to
from tests.integration.right_requests import OF_SANDBOX, OF_SHOP, Right
from tests.integration.worlds import Answer, World
from tests.people import Sandbox
from tests.wsgi import SANDBOX_URL, session_for

SHOPPERS: list[Asker] = [
    (("Cookie", "morning_roast=SHOPPER_SESSION"), ("X-CSRFToken", "SHOPPER_CSRF")),
    (("Cookie", "morning_roast=STRANGER_SESSION"), ("X-CSRFToken", "STRANGER_CSRF")),
    (("Cookie", "morning_roast=SHOPPER_SESSION"), ("X-CSRFToken", "STRANGER_CSRF")),
    (("Cookie", "morning_roast=SHOPPER_SESSION"),),
    (("Cookie", "morning_roast=SHOPPER_SESSIO"), ("X-CSRFToken", "\xff")),
    (),
]
PROGRAMS: list[Asker] = [
    (("Authorization", "API_TOKEN"),),
    (("Authorization", "Bearer API_TOKEN"),),
    (("X-ImpTokenHeader", "API_TOKEN"),),
    (("Authorization", "API_TOKE"),),
    (("Authorization", "Bearer \xff"),),
    (),
]
OF_EACH_SHOP_OPERATION, OF_EACH_SANDBOX_OPERATION, OF_EACH_IN_BOTH_SHOPS = 40, 15, 10
LEAK = re.compile(
    r"Traceback|File \"|site-packages|(?<!/guide/code)/storefront/|psycopg|sqlalchemy|werkzeug|\b[A-Z]\w+(?:Error|Exception)\b"
)


@pytest.fixture
def world(shop: Shop, sandbox_app: Flask) -> World:
    """Where the requests go."""
    return World(shop, sandbox_app)


def explore(
    app: Flask, right: dict[str, Right], askers: list[Asker], number: int, check: Callable[[Generated], None]
) -> int:
    """Check almost right requests to each operation, and so many at random, always the same ones; how many they were."""
    sent = 0

    def explore_one(operation: Operation) -> None:
        @seed(zlib.crc32(f"{operation.name} {operation.rule}".encode()))
        @hypothesis_settings(
            max_examples=number, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(requests_to(operation, askers))
        def explored(request: Generated) -> None:
            nonlocal sent
            sent += 1
            check(request)

        for request in almost_right(operation, askers[0]):
            explored = example(request)(explored)
        explored()

    for operation in operations(app, right):
        explore_one(operation)
    return sent


def test_every_address_that_takes_something_is_described(world: World) -> None:
    """A new one has to say what a right request looks like; otherwise only noise would reach it."""
    for app, right in ((world.shop.app, OF_SHOP), (world.sandbox_app, OF_SANDBOX)):
        names = {operation.name for operation in operations(app, right)}
        assert set(right) <= names
        assert {name for name in names if name.startswith(("POST ", "PUT ", "PATCH "))} <= set(right)


def test_whatever_the_shop_is_sent_it_answers_clearly_and_refuses_without_a_trace(world: World) -> None:
    """No 5xx, no stack trace; after a 4xx the database and i'mport are as they were."""
    app, is_well_formed = world.shop.app, Parsing(world)

    def check(request: Generated) -> None:
        answer = world.send(app, SHOP_URL, request)
        assert answer.status < 500 or is_not_ready(answer), answer
        assert not LEAK.search(answer.text), answer
        assert is_well_formed(answer), answer
        changed = world.begin_again()
        assert not changed or answer.status < 400, changed

    assert explore(app, OF_SHOP, SHOPPERS, OF_EACH_SHOP_OPERATION, check) >= 2_000


def test_whatever_the_sandbox_is_sent_it_answers_in_its_own_words_and_refuses_without_a_trace(world: World) -> None:
    """REST addresses answer with an envelope, its own ones with an error; what is refused has done nothing."""
    app, is_well_formed = world.sandbox_app, Parsing(world)

    def check(request: Generated) -> None:
        answer = world.send(app, SANDBOX_URL, request)
        assert answer.status < 500 or is_not_simulated(answer), answer
        assert not LEAK.search(answer.text), answer
        assert is_well_formed(answer), answer
        assert answer.status < 400 or request.method == "HEAD" or is_refusal(request, answer), answer
        changed = world.begin_again()
        assert not changed or not is_refused(answer), changed

    assert explore(app, OF_SANDBOX, PROGRAMS, OF_EACH_SANDBOX_OPERATION, check) >= 2_000


class Parsing:
    """Whether answers can be read as what they say they are; the same page is read once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._read: set[str] = set()

    def __call__(self, answer: Answer) -> bool:
        """Whether this one can; otherwise the parser says why."""
        if answer.content_type == "application/json" and answer.text:
            json.loads(answer.text, parse_constant=_no_json)
        elif answer.content_type == "text/html" and answer.text and not 300 <= answer.status < 400:
            page = self._world.masked(answer.text)
            if page not in self._read:
                html5lib.HTMLParser(strict=True).parse(answer.text)
                self._read.add(page)
        return True


def _no_json(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def is_not_ready(answer: Answer) -> bool:
    """Whether the shop says at its own address for that what it still needs before it can do its work."""
    return answer.status == 503 and json.loads(answer.text).get("ready") is False


def is_not_simulated(answer: Answer) -> bool:
    """Whether the sandbox says that i'mport has such an address, and it has not."""
    return answer.status == 501 and (not answer.text or json.loads(answer.text)["code"] == -1)


def is_refusal(request: Generated, answer: Answer) -> bool:
    """Whether a refusal has the form that programs expect; payment window and console speak to people."""
    if answer.content_type == "text/html":
        return request.path.startswith(("/payments/window/", "/_sandbox/console/"))
    body = json.loads(answer.text)
    if request.path.startswith("/_sandbox"):
        return set(body) == {"error"} and isinstance(body["error"], str)
    return set(body) == {"code", "message", "response"} and body["code"] != 0 and body["response"] is None


def is_refused(answer: Answer) -> bool:
    """Whether the sandbox says no; business is refused with HTTP 200 and a code."""
    if answer.content_type == "application/json" and answer.text and answer.status < 400:
        body = json.loads(answer.text)
        return isinstance(body, dict) and body.get("code", 0) != 0
    return answer.status >= 400


POSTGRESQL = os.environ.get("TEST_DATABASE_URL", "")


@pytest.fixture
def worlds(settings: Settings, tmp_path: Path) -> Iterator[list[World]]:
    """Two worlds alike, one on SQLite and one on PostgreSQL, in which the same happens at the same moment."""
    with ExitStack() as stack:
        stack.enter_context(time_machine.travel("2026-11-24T10:00:00+09:00", tick=False))
        found = []
        for url in (f"sqlite:///{tmp_path / 'other.sqlite'}", POSTGRESQL):
            app = create_sandbox(SandboxSettings(background=False, seed=1, webhook_url=f"{SHOP_URL}/webhooks/iamport"))
            stack.callback(app.extensions["sandbox"].close)
            sandbox = Sandbox(session_for(app), SANDBOX_URL)
            shop = shop_beside(replace(settings, database_url=url), app, sandbox, Clock())
            found.append(World(stack.enter_context(shop), app))
        yield found


@pytest.mark.skipif("postgresql" not in POSTGRESQL, reason="TEST_DATABASE_URL names no PostgreSQL")
def test_both_databases_lead_to_the_same_answers(worlds: list[World]) -> None:
    """What one can store and the other cannot is refused at the door."""

    def check(request: Generated) -> None:
        answers = [world.send(world.shop.app, SHOP_URL, request) for world in worlds]
        first, second = (
            (answer.status, world.masked(answer.location), world.masked(answer.text))
            for world, answer in zip(worlds, answers, strict=True)
        )
        assert first == second
        changed, also_changed = (world.begin_again() for world in worlds)
        assert changed == also_changed

    assert explore(worlds[0].shop.app, OF_SHOP, SHOPPERS, OF_EACH_IN_BOTH_SHOPS, check) >= 500
