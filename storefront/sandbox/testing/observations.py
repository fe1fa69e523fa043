"""What a tester sees at the sandbox, as Python: the ledger, the calls it got, the webhooks it sent."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

Known = TypeVar("Known")


@dataclass(frozen=True)
class Cancel:
    """A cancel that really happened."""

    amount: int
    at: int
    reason: str


@dataclass(frozen=True)
class Captured:
    """A payment that was really captured; its fields are named as i'mport names them."""

    imp_uid: str
    merchant_uid: str
    customer_uid: str | None
    amount: int
    cancelled: int
    net: int
    currency: str
    status: str
    channel: str
    usage: str | None
    paid_at: int
    cancels: list[Cancel]


@dataclass(frozen=True)
class BillingKey:
    """A billing key that was issued; `deleted_at` is None as long as it exists."""

    customer_uid: str
    card_number: str
    card_code: str
    inserted: int
    deleted_at: int | None


@dataclass(frozen=True)
class Ledger:
    """What was really captured and cancelled, in won: the truth a shop is compared with.

    Attributes:
        captured: the sum of all captures.
        cancelled: the sum of all cancels.
        net: what is left.
        payments: every captured payment, in order.
        billing_keys: every key ever issued, in order.
    """

    captured: int
    cancelled: int
    net: int
    payments: list[Captured]
    billing_keys: list[BillingKey]


@dataclass(frozen=True)
class RestCall:
    """A call of the REST API: what came, without secrets, and how it was answered."""

    id: int
    at: float
    method: str
    path: str
    body: str
    status: int
    code: int | None
    fault: str | None


@dataclass(frozen=True)
class Webhook:
    """A webhook and how its deliveries went; `state` is pending, held, delivered, failed or dropped."""

    id: int
    at: int
    url: str
    body: dict[str, Any]
    state: str
    attempts: list[dict[str, Any]]


@dataclass(frozen=True)
class Drained:
    """How many webhooks are delivered, and how many still wait."""

    delivered: int
    pending: int


@dataclass(frozen=True)
class ScenarioRun:
    """How a scenario went.

    Attributes:
        id: its number; its page is `/_sandbox/console/scenarios/<id>`.
        name: the scenario's.
        ok: whether every step led to what it must, and the ledger says what it must.
        steps: each with its `act`, what was `asked`, the `answer`, and what is `missing` in it.
        ledger: what each order and key `must` and does (`is`) hold.
    """

    id: int
    name: str
    ok: bool
    steps: list[dict[str, Any]]
    ledger: list[dict[str, Any]]


def known(kind: type[Known], values: Mapping[str, Any]) -> Known:
    """An object out of JSON; fields that came later than this code are left out."""
    names = (one.name for one in dataclasses.fields(kind))  # type: ignore[arg-type]
    return kind(**{name: values[name] for name in names})
