"""The sandbox as tests see it: the addresses under `/_sandbox/` as Python, with types.

It speaks HTTP only, so it serves a sandbox of this process as well as one that `storefront sandbox` runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from flask import Flask

from storefront.sandbox.doorkeeper import TOKEN_HEADER
from storefront.sandbox.settings import SandboxSettings
from storefront.sandbox.testing.observations import (
    BillingKey,
    Cancel,
    Captured,
    Drained,
    Ledger,
    RestCall,
    ScenarioRun,
    Webhook,
    known,
)
from storefront.sandbox.window.paying import Device, Outcome, Sdk, WindowResult

DEFAULTS = SandboxSettings()
TIMEOUT_S = 60.0
_UNITS_S = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400}


class SandboxError(ValueError):
    """The sandbox cannot do what the test asks for; the text says why."""


class Addresses:
    """The JSON addresses under `/_sandbox/`."""

    def __init__(self, session: requests.Session, url: str, token: str | None = None) -> None:
        self._session, self._root = session, f"{url}/_sandbox/"
        self._headers = {TOKEN_HEADER: token} if token else {}

    def get(self, path: str, /, **query: Any) -> Any:
        """GET; a parameter that is None is left out."""
        return self._read(self._ask("GET", path, params=query))

    def put(self, path: str, /, **body: Any) -> Any:
        """PUT a JSON object."""
        return self._read(self._ask("PUT", path, json=body))

    def post(self, path: str, /, **body: Any) -> Any:
        """POST a JSON object."""
        return self._read(self._ask("POST", path, json=body))

    def delete(self, path: str) -> Any:
        """DELETE."""
        return self._read(self._ask("DELETE", path))

    def _ask(self, method: str, path: str, **what: Any) -> requests.Response:
        return self._session.request(method, self._root + path, headers=self._headers, timeout=TIMEOUT_S, **what)

    @staticmethod
    def _read(reply: requests.Response) -> Any:
        if reply.status_code in (400, 401, 404):
            raise SandboxError(reply.json()["error"])
        reply.raise_for_status()
        return reply.json()


@dataclass(frozen=True)
class Faults:
    """What shall go wrong."""

    _at: Addresses

    def add(self, path: str, kind: str, **options: Any) -> int:
        """Break the next request to a path.

        Args:
            path: the exact path, or its beginning and a `*`, or `webhook`.
            kind: before the work `delay`, `error`, `cut_before`, `unauthorized`; after it `delay_after`, `error_after`,
                `cut_after`, `garbage`; for webhooks `drop`, `delay`, `repeat`, `hold`, `first`.
            options: `method`, `status` of an error (500), `seconds` of a delay, `times` (1; 0 is until cleared),
                `probability` (1; 0.1 strikes every tenth request, the same ones in every run of a sandbox with a seed).

        Returns:
            The fault's id.

        Raises:
            SandboxError: there is no such fault.
        """
        return int(self._at.post("faults", path=path, kind=kind, **options)["id"])

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._at.delete("faults")


@dataclass(frozen=True)
class SandboxClock:
    """I'mport's time; the tested shop has its own."""

    _at: Addresses

    @property
    def now(self) -> int:
        """Now, in UNIX seconds, as every time of i'mport's."""
        return int(self._at.get("clock")["now"])

    def advance(self, **by: float) -> None:
        """Move time forward by `days`, `hours`, `minutes` and `seconds`; what is scheduled meanwhile is charged."""
        self._at.post("clock", advance=int(sum(_UNITS_S[unit] * amount for unit, amount in by.items())))


@dataclass(frozen=True)
class Webhooks:
    """What i'mport tells the shop by itself."""

    _at: Addresses

    def all(self, *, after: int = 0) -> list[Webhook]:
        """Every webhook, oldest first; of those with an id beyond `after`."""
        return [known(Webhook, row) for row in self._at.get("webhooks", after=after)["webhooks"]]

    def aim(self, url: str | None) -> str | None:
        """Say where they go when a payment names no `notice_url` (None: nowhere); where they went before.

        Raises:
            SandboxError: it is no address, or one on another machine.
        """
        before: str | None = self._at.get("webhooks/target")["url"]
        self._at.put("webhooks/target", url=url)
        return before

    def drain(self, timeout: float = 10) -> Drained:
        """Wait until every webhook has been delivered or given up, so that a test needs no sleep."""
        return known(Drained, self._at.post("webhooks/drain", timeout=timeout))

    def resend(self, webhook_id: int) -> Webhook:
        """Send one now, whether it was held, dropped or delivered before; it, after delivery."""
        return known(Webhook, self._at.post(f"webhooks/{webhook_id}/resend"))


@dataclass(frozen=True)
class Books:
    """All that the sandbox knows, to be kept and put back."""

    _at: Addresses

    def save(self) -> dict[str, Any]:
        """Everything but access tokens, as one document of JSON."""
        document: dict[str, Any] = self._at.get("state")
        return document

    def load(self, document: Mapping[str, Any]) -> None:
        """Put a document in the place of everything; time goes on from the moment it was saved.

        Raises:
            SandboxError: it is none, or one of another version; nothing has changed.
        """
        self._at.put("state", **document)


@dataclass(frozen=True)
class Scenarios:
    """Stories that the sandbox plays by itself."""

    _at: Addresses

    def names(self) -> list[str]:
        """Those that there are."""
        return [one["name"] for one in self._at.get("scenarios")["scenarios"]]

    def add(self, document: Mapping[str, Any]) -> str:
        """Keep one until the next reset; its name.

        Raises:
            SandboxError: nobody could play it; the text begins with the place that is wrong.
        """
        return str(self._at.post("scenarios", **document)["name"])

    def play(self, name: str) -> ScenarioRun:
        """Play one from beginning to end.

        Raises:
            SandboxError: there is none of that name.
        """
        return known(ScenarioRun, self._at.post(f"scenarios/{name}/run"))


@dataclass(frozen=True)
class Console:
    """What i'mport's people do to a payment without the shop."""

    _at: Addresses

    def cancel(self, imp_uid: str, amount: int | None = None) -> None:
        """Cancel it, in full unless an amount is given."""
        self._at.post(f"payments/{imp_uid}/cancel", **({"amount": amount} if amount else {}))

    def undo_cancel(self, imp_uid: str) -> None:
        """Take a cancel back."""
        self._at.post(f"payments/{imp_uid}/undo-cancel")

    def approve(self, imp_uid: str) -> None:
        """Approve a failed payment after all."""
        self._at.post(f"payments/{imp_uid}/approve")


def own_session() -> requests.Session:
    """A session that asks no proxy and no `.netrc`: either would get between a test and its sandbox."""
    session = requests.Session()
    session.trust_env = False
    return session


@dataclass
class SandboxClient:
    """A running sandbox, wherever it runs.

    Attributes:
        url: the REST API's address, which a shop has to use instead of `https://api.iamport.kr`.
        key: the REST API key it accepts.
        secret: the REST API secret it accepts.
        code: the merchant's identification code, for `IMP.init`.
        token: what it said at its start if it serves a network; None for one on this machine.
        session: what it is asked with.
    """

    url: str
    key: str = DEFAULTS.key
    secret: str = field(default=DEFAULTS.secret, repr=False)
    code: str = DEFAULTS.code
    token: str | None = field(default=None, repr=False)
    session: requests.Session = field(default_factory=own_session, repr=False)

    def __post_init__(self) -> None:
        """Name its parts."""
        self.at = Addresses(self.session, self.url, self.token)
        self.faults, self.clock = Faults(self.at), SandboxClock(self.at)
        self.webhooks, self.console, self.books = Webhooks(self.at), Console(self.at), Books(self.at)
        self.scenarios = Scenarios(self.at)

    def close(self) -> None:
        """Close its connections."""
        self.session.close()

    @property
    def sdk_url(self) -> str:
        """The browser SDK of the new style."""
        return f"{self.url}/v1/iamport.js"

    @property
    def old_sdk_url(self) -> str:
        """The browser SDK of the old style."""
        return f"{self.url}/js/iamport.payment-1.2.0.js"

    @property
    def cards(self) -> dict[str, str]:
        """The test cards' numbers by their names."""
        return {card["name"]: card["number"] for card in self.at.get("cards")}

    def ledger(self, merchant_uid: str | None = None) -> Ledger:
        """What was really captured and cancelled, in all or for one order; the keys are always all."""
        value = self.at.get("ledger", merchant_uid=merchant_uid)
        payments = [
            known(Captured, {**payment, "cancels": [known(Cancel, cancel) for cancel in payment["cancels"]]})
            for payment in value["payments"]
        ]
        keys = [known(BillingKey, key) for key in value["billing_keys"]]
        return known(Ledger, {**value, "payments": payments, "billing_keys": keys})

    def requests(self, path: str | None = None) -> list[RestCall]:
        """The REST calls it got, oldest first; of one path if told."""
        return [known(RestCall, row) for row in self.at.get("requests", path=path)["requests"]]

    def pay(
        self,
        params: Mapping[str, Any],
        card: str = "approve",
        *,
        device: Device = "pc",
        outcome: Outcome = "card",
        sdk: Sdk = "new",
        charge_amount: int | None = None,
        late: bool = False,
    ) -> WindowResult:
        """Go through the payment window without a browser.

        Args:
            params: what the page gives `IMP.request_pay`.
            card: a test card's name, or any number.
            device: a desktop ends with a callback, a phone with a redirect.
            outcome: whether the buyer pays, cancels or closes the window, or its answer is lost.
            sdk: the old style says `success`, the new one does not.
            charge_amount: won that are captured instead of the order's amount; a forgery behind the page's back.
            late: this window was open before another one paid the same order.

        Returns:
            What the page's callback or the browser's next address would be.

        Raises:
            SandboxError: these are no parameters, or the card's number is none.
        """
        options = {"device": device, "outcome": outcome, "sdk": sdk, "charge_amount": charge_amount, "late": late}
        return known(WindowResult, self.at.post("pay", params=dict(params), card=card, **options))

    def call(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """A REST call with the merchant's keys, past the shop; the whole envelope."""
        keys = {"imp_key": self.key, "imp_secret": self.secret}
        token = self.session.post(f"{self.url}/users/getToken", json=keys, timeout=TIMEOUT_S).json()
        headers = {"Authorization": token["response"]["access_token"]}
        reply = self.session.request(method, self.url + path, json=body or None, headers=headers, timeout=TIMEOUT_S)
        envelope: dict[str, Any] = reply.json()
        return envelope


@dataclass
class IamportSandbox(SandboxClient):
    """A sandbox of this process, which can also be told where its webhooks go."""

    app: Flask = field(kw_only=True, repr=False)

    @property
    def webhook_url(self) -> str | None:
        """Where webhooks go when a payment names no `notice_url`; an address on this machine."""
        url: str | None = self.app.extensions["sandbox"].webhooks.default_url
        return url

    @webhook_url.setter
    def webhook_url(self, url: str | None) -> None:
        self.app.extensions["sandbox"].webhooks.default_url = url
