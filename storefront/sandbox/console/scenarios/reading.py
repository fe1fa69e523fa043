"""A scenario out of JSON. What nobody could play is refused, with a text that begins with the place that is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from storefront.sandbox.books import cards
from storefront.sandbox.books.faults import BadFault
from storefront.sandbox.console.asked import BadRequest
from storefront.sandbox.console.scenarios.acts import ACTS
from storefront.sandbox.console.scenarios.filling import INBOX, NOW, RUN, Names, filled
from storefront.sandbox.wire.parameters import storable
from storefront.sandbox.wire.refusals import Refusal

MOST_STEPS = 50
LONGEST_ABOUT = 500
LANGUAGES = ("ko", "en")
SUMS = ("captured", "cancelled", "net")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_PAYMENT_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TRIAL = {RUN: "1", INBOX: "http://127.0.0.1/inbox"}
_CARDS = {one.name for one in cards.BEHAVIOURS} | {one.number for one in cards.BEHAVIOURS}


class BadScenario(ValueError):  # noqa: N818 - a tester's mistake
    """The text says where and why."""


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        act: one of `ACTS`.
        body: what is said of it, its names not yet filled in.
        expect: what must be in what comes of it.
        name: under which later steps know the payment it makes.
    """

    act: str
    body: Mapping[str, Any]
    expect: Mapping[str, Any]
    name: str | None


@dataclass(frozen=True)
class Scenario:
    """A story.

    Attributes:
        name: what it is called.
        about: what it shows, by language.
        steps: what happens, in turn.
        orders: the sums that the ledger must have for each order in the end, in won.
        keys: whether each billing key must be stored in the end.
        document: all of it, as it came.
    """

    name: str
    about: Mapping[str, str]
    steps: tuple[Step, ...]
    orders: Mapping[str, Mapping[str, int]]
    keys: Mapping[str, bool]
    document: Mapping[str, Any]


def read(document: object) -> Scenario:
    """A scenario that can be played.

    Raises:
        BadScenario: it cannot; the text begins with the place.
    """
    fields = _object("scenario", document, ("name", "about", "steps", "ledger"), ("about",))
    name, steps = fields["name"], fields["steps"]
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BadScenario("name: up to 40 small letters, digits and dashes")
    if not isinstance(steps, list) or not 0 < len(steps) <= MOST_STEPS:
        raise BadScenario(f"steps: a list of 1 to {MOST_STEPS} steps")
    names = Names(0, _TRIAL)
    told = tuple(_step(f"steps[{position}]", step, names) for position, step in enumerate(steps))
    ledger = _object("ledger", fields["ledger"], ("orders", "keys"), ("keys",))
    orders, keys = _orders(ledger["orders"], names), _keys(ledger.get("keys", {}), names)
    for order in sorted({order for step in told for order in _orders_in(step.body)} - orders.keys()):
        raise BadScenario(f"ledger.orders: say what {order} must hold")
    return Scenario(name, _about(fields.get("about", "")), told, orders, keys, fields)


def _step(at: str, step: object, names: Names) -> Step:
    fields = _object(at, step, (*ACTS, "as", "expect"), (*ACTS, "as", "expect"))
    acts = fields.keys() & ACTS.keys()
    if len(acts) != 1:
        raise BadScenario(f"{at}: exactly one of {', '.join(ACTS)}")
    [act] = acts
    body = _object(f"{at}.{act}", fields[act], ACTS[act].fields, ACTS[act].fields)
    expect, name = fields.get("expect", {}), fields.get("as")
    if not isinstance(expect, dict):
        raise BadScenario(f"{at}.expect: an object with what must be in the answer")
    if name is not None and (not isinstance(name, str) or not _PAYMENT_NAME.fullmatch(name)):
        raise BadScenario(f"{at}.as: a name in small letters, for the payment this step makes")
    if name in (RUN, NOW, INBOX):
        raise BadScenario(f"{at}.as: {name} has a meaning already")
    _try(f"{at}.{act}", act, body, names)
    if name is not None:
        names[name] = "imp_000000000000"
    _fill(f"{at}.expect", expect, names)
    return Step(act, body, expect, name)


def _try(at: str, act: str, body: Mapping[str, Any], names: Names) -> None:
    body = _fill(at, body, names)
    if any(card not in _CARDS for card in _cards_in(body)):
        raise BadScenario(
            f"{at}: a test card, by name or number; scenarios are kept, and other cards' numbers never are"
        )
    try:
        ACTS[act].check(body)
    except (BadRequest, BadFault) as error:
        raise BadScenario(f"{at}.{error}") from None
    except Refusal as error:
        raise BadScenario(f"{at}.{error.rule}") from None


def _fill(at: str, value: Any, names: Names) -> Any:
    try:
        return filled(value, names)
    except KeyError as error:
        raise BadScenario(f"{at}: no step before is named ${{{error.args[0]}}}") from None
    except ValueError:
        raise BadScenario(f"{at}: a $ that begins no ${{name}} is written $$") from None


def _orders(orders: object, names: Names) -> dict[str, dict[str, int]]:
    if not isinstance(orders, dict) or not orders:
        raise BadScenario(f"ledger.orders: an object with {', '.join(SUMS)} for each merchant_uid")
    for order, sums in orders.items():
        at = f"ledger.orders.{order}"
        for name, won in _object(at, sums, SUMS).items():
            if isinstance(won, bool) or not isinstance(won, int) or won < 0:
                raise BadScenario(f"{at}.{name}: whole won, not negative")
    _fill("ledger.orders", orders, names)
    return orders


def _keys(keys: object, names: Names) -> dict[str, bool]:
    if not isinstance(keys, dict) or not all(isinstance(is_stored, bool) for is_stored in keys.values()):
        raise BadScenario("ledger.keys: an object that says true (stored) or false for each customer_uid")
    _fill("ledger.keys", keys, names)
    return keys


def _about(about: object) -> dict[str, str]:
    texts = dict.fromkeys(LANGUAGES, about) if isinstance(about, str) else _object("about", about, LANGUAGES)
    for text in texts.values():
        if not isinstance(text, str) or len(text) > LONGEST_ABOUT or not text.isprintable():
            raise BadScenario(f"about: one line of up to {LONGEST_ABOUT} characters, or one in each of ko and en")
    return texts


def _object(at: str, value: object, fields: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadScenario(f"{at}: an object")
    for name in value.keys() - set(fields):
        raise BadScenario(
            f"{at}: {name if storable(name) else 'a field'} is not known here; {', '.join(fields) or 'nothing'} is"
        )
    for name in fields:
        if name not in optional and name not in value:
            raise BadScenario(f"{at}: {name} is missing")
    return value


def _orders_in(value: Any) -> Iterator[str]:
    """The orders that a step names."""
    for found in _values(value, "merchant_uid"):
        yield from (str(one) for one in (found if isinstance(found, list) else [found]))


def _cards_in(value: Any) -> Iterator[str]:
    for name in ("card", "card_number"):
        yield from (found if found in _CARDS else cards.digits(str(found)) for found in _values(value, name))


def _values(value: Any, name: str) -> Iterator[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict) and value.get(name) is not None:
        yield value[name]
    for item in inner:
        yield from _values(item, name)
