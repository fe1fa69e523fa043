"""The demo's sandbox, asked and set up over HTTP as its testers do: faults, the window without a browser, the ledger.

i'mport itself has no such addresses. Only what explains or plays something beside the sandbox speaks to them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests

from storefront.iamport import SilenceError
from storefront.iamport.deadline import Deadline
from storefront.iamport.transport import Transport

PATIENCE_S = 2.0
"""How long one answer is waited for, if nothing else is said."""
_WAIT_FOR_WEBHOOKS_S = 1.0
_OK = (200, 201)


class SandboxError(Exception):
    """The sandbox did not answer in time, or not in its own words; what it was asked may have happened."""


@dataclass(frozen=True)
class Books:
    """What i'mport has captured and given back for one order, in won, and the names of all billing keys it stores."""

    captured: int
    cancelled: int
    net: int
    keys: frozenset[str]


class DemoSandbox:
    """The sandbox at an address.

    Args:
        url: where it answers.
        session: what carries the requests; a test may pass its own.
    """

    def __init__(self, url: str, session: requests.Session | None = None) -> None:
        self._transport = Transport(url.rstrip("/"), session)

    def ask(
        self,
        method: str,
        address: str,
        *,
        query: list[tuple[str, str]] | None = None,
        body: dict[str, Any] | None = None,
        deadline: Deadline | None = None,
    ) -> Any:
        """One request, under `/_sandbox/`.

        Args:
            method: of HTTP.
            address: what follows `/_sandbox/`.
            query: its query.
            body: what is sent, as JSON.
            deadline: until when to wait; a moment if none is given.

        Returns:
            The answer's JSON.

        Raises:
            SandboxError: see there.
        """
        deadline = deadline or Deadline.within(PATIENCE_S)
        try:
            answer = self._transport.send(method, f"/_sandbox/{address}", deadline, query=query, body=body)
            if answer.status not in _OK:
                raise SandboxError(address)
            return json.loads(answer.body)
        except (SilenceError, ValueError):
            raise SandboxError(address) from None

    def now(self) -> datetime:
        """Its time. `SandboxError` as for `ask`."""
        return datetime.fromtimestamp(self.ask("GET", "clock")["now"], UTC)

    def books(self, merchant_uid: str, deadline: Deadline | None = None) -> Books:
        """The sums of one order. `SandboxError` as for `ask`."""
        found = self.ask("GET", "ledger", query=[("merchant_uid", merchant_uid)], deadline=deadline)
        keys = frozenset(key["customer_uid"] for key in found["billing_keys"] if not key["deleted_at"])
        return Books(int(found["captured"]), int(found["cancelled"]), int(found["net"]), keys)

    def pay(self, params: Mapping[str, Any], card: str = "approve", **options: Any) -> dict[str, Any]:
        """What the payment window does with a card. `SandboxError` as for `ask`.

        Args:
            params: what a page would give `IMP.request_pay`.
            card: the name of a test card.
            options: device, outcome, charge_amount, late, as `POST /_sandbox/pay` takes them.

        Returns:
            The ids, and what the browser is told: callback or redirect.
        """
        return dict(self.ask("POST", "pay", body={"params": dict(params), "card": card, **options}))

    @contextmanager
    def fault(self, path: str, kind: str) -> Iterator[None]:
        """The next request to a path goes wrong, if it comes before the block ends. `SandboxError` as for `ask`."""
        number = self.ask("POST", "faults", body={"path": path, "kind": kind})["id"]
        try:
            yield
        finally:
            with suppress(SandboxError):
                self.ask("DELETE", f"faults/{number}")

    def deliver_webhooks(self) -> None:
        """Wait a moment for the webhooks that are on their way. `SandboxError` as for `ask`."""
        self.ask("POST", "webhooks/drain", body={"timeout": _WAIT_FOR_WEBHOOKS_S})

    def release_webhooks(self, merchant_uid: str) -> None:
        """Deliver what was held back about an order. `SandboxError` as for `ask`."""
        for hook in self.ask("GET", "webhooks")["webhooks"]:
            if hook["state"] == "held" and hook["body"].get("merchant_uid") == merchant_uid:
                self.ask("POST", f"webhooks/{hook['id']}/release", body={})
