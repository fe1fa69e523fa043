"""The people and machines of the story: a shopper with a browser, and the sandbox as its testers see it.

Both speak only what the contract with the outside says, so the same words work in one process (a WSGI client) and
over HTTP (`requests`).
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from typing import Any, Protocol

import requests

from storefront.sandbox.testing import SandboxClient
from tests.contract.checking import CONTRACT
from tests.wsgi import WsgiAdapter

BUYER = {"name": "김아침", "email": "achim@example.com", "phone": "010-1234-5678", "consent": "y"}


ENGLISH = {"Accept-Language": "en"}
PASSWORD = "good-morning-coffee"
SESSION_CHANGES = ("/signup", "/login", "/logout", "/account/password")
"""Where a session ends and another one begins, with another token for its forms."""


class Reply(Protocol):
    """What both kinds of browser give back."""

    status_code: int
    text: str
    headers: Mapping[str, str]


class Browser(Protocol):
    """Keeps cookies and follows no redirect."""

    def get(self, path: str, **options: Any) -> Any:
        """GET a path of the shop."""

    def post(self, path: str, **options: Any) -> Any:
        """POST to a path of the shop."""


class HttpBrowser:
    """A browser over HTTP."""

    def __init__(self, shop_url: str) -> None:
        self._shop_url = shop_url
        self._session = requests.Session()
        self._session.trust_env = False

    def copy(self) -> HttpBrowser:
        """Another browser with the same cookies, as if they were stolen."""
        thief = HttpBrowser(self._shop_url)
        thief._session.cookies.update(self._session.cookies)
        return thief

    def get(self, path: str, **options: Any) -> Any:
        """GET, without following a redirect."""
        return self._session.get(self._shop_url + path, allow_redirects=False, timeout=30, **options)

    def post(self, path: str, **options: Any) -> Any:
        """POST, without following a redirect."""
        return self._session.post(self._shop_url + path, allow_redirects=False, timeout=30, **options)


@dataclass
class Sandbox:
    """The sandbox in our stories' words: ledgers and windows are the JSON that its addresses give."""

    session: requests.Session
    url: str

    def __post_init__(self) -> None:
        """Hold the replies of another process against i'mport's contract too; in this one the adapter does."""
        if not isinstance(self.session.get_adapter(self.url), WsgiAdapter):
            self.session.hooks["response"].append(CONTRACT.see)

    def ledger(self, merchant_uid: str | None = None) -> dict[str, Any]:
        """What was really captured and cancelled: the truth every shop is compared with."""
        return self._get("ledger", merchant_uid=merchant_uid)

    def net(self, merchant_uid: str | None = None) -> int:
        """The won that i'mport holds, in all or for one order."""
        return int(self.ledger(merchant_uid)["net"])

    def keys(self) -> dict[str, bool]:
        """Every billing key ever issued, by customer_uid, and whether it still exists."""
        return {key["customer_uid"]: not key["deleted_at"] for key in self.ledger()["billing_keys"]}

    def stored_keys(self) -> list[str]:
        """The customer_uids under which a billing key exists now."""
        return [key["customer_uid"] for key in self.ledger()["billing_keys"] if not key["deleted_at"]]

    def pay(self, params: dict[str, Any], card: str = "approve", **options: Any) -> dict[str, Any]:
        """What the payment window does with a card, without a browser."""
        return vars(self._client.pay(params, card, **options))

    def cancel_in_console(self, imp_uid: str, amount: int | None = None) -> None:
        """Somebody cancels a payment without the shop."""
        self._client.console.cancel(imp_uid, amount)

    def undo_cancel(self, imp_uid: str) -> None:
        """I'mport's support takes a cancel back."""
        self._client.console.undo_cancel(imp_uid)

    def approve_late(self, imp_uid: str) -> None:
        """The card company approves a payment after all."""
        self._client.console.approve(imp_uid)

    def call(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """A REST call with the merchant's keys, past the shop; the envelope."""
        return dict(self.send(method, path, json=body or None).json())

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        """The same with any options of `requests`; the whole reply."""
        headers = {"Authorization": self.token(), **options.pop("headers", {})}
        return self.session.request(method, self.url + path, headers=headers, timeout=30, **options)

    def token(self) -> str:
        """The access token."""
        keys = {"imp_key": "sandbox_key", "imp_secret": "sandbox_secret"}
        got = self.session.post(f"{self.url}/users/getToken", json=keys, timeout=30).json()
        return str(got["response"]["access_token"])

    def now(self) -> int:
        """I'mport's time."""
        return int(self._get("clock")["now"])

    def issue_key(self, customer_uid: str, card_number: str = "4242-4242-4242-4242") -> None:
        """A key appears under a name, although no window was paid in."""
        card = {"channel_key": "channel-key-1", "card_number": card_number, "expiry": "2040-12"}
        assert self.call("POST", f"/subscribe/customers/{customer_uid}", **card)["code"] == 0

    def fault(self, path: str, kind: str, **options: Any) -> None:
        """Break the next request to a path."""
        self._client.faults.add(path, kind, **options)

    def lose_token(self) -> None:
        """The access token is worth nothing any more, as if it had run out."""
        keys = {"imp_key": "sandbox_key", "imp_secret": "sandbox_secret"}
        self.fault("/users/getToken", "unauthorized")
        assert self.session.post(f"{self.url}/users/getToken", json=keys, timeout=30).status_code == 401

    def mend(self) -> None:
        """Clear every fault."""
        self._client.faults.clear()

    def advance(self, **by: float) -> None:
        """Move i'mport's clock."""
        self._client.clock.advance(**by)

    def requests(self, path: str | None = None) -> list[dict[str, Any]]:
        """The REST calls it got, oldest first."""
        return list(self._get("requests", path=path)["requests"])

    def webhooks(self) -> list[dict[str, Any]]:
        """The webhooks it has sent or means to send."""
        return list(self._get("webhooks")["webhooks"])

    def drain(self, timeout: float = 10) -> dict[str, Any]:
        """Wait until every webhook has been delivered or given up."""
        return vars(self._client.webhooks.drain(timeout))

    def resend(self, webhook_id: int) -> None:
        """One of them is delivered now, first time or again."""
        self._client.webhooks.resend(webhook_id)

    @property
    def _client(self) -> SandboxClient:
        """What the tests of other shops use."""
        return SandboxClient(self.url, session=self.session)

    def _get(self, path: str, /, **query: Any) -> dict[str, Any]:
        return dict(self._client.at.get(path, **query))


@contextmanager
def fresh_sandbox(url: str) -> Iterator[Sandbox]:
    """The sandbox of another process, as it was at first, until the block ends."""
    with requests.Session() as session:
        session.trust_env = False
        session.post(f"{url}/_sandbox/reset", timeout=30).raise_for_status()
        yield Sandbox(session, url)


class Shopper:
    """Somebody who shops with a browser."""

    def __init__(self, browser: Browser, sandbox: Sandbox, email: str | None = None) -> None:
        self.browser = browser
        self.sandbox = sandbox
        self.email = email or f"shopper-{secrets.token_hex(4)}@example.com"
        self._token: str | None = None

    def sign_up(self) -> Shopper:
        """Become a shopper, signed in from then on."""
        form = {"name": "김아침", "email": self.email, "password": PASSWORD}
        reply = self.post("/signup", form)
        assert reply.status_code == 303, reply.text
        return self

    def csrf_token(self, page: str = "/terms") -> str:
        """The token that every page carries, and that a session keeps: it is read once."""
        if self._token is None:
            found = re.search(r'<meta name="csrf-token" content="([^"]+)"', self.browser.get(page).text)
            assert found, "the page has no CSRF token"
            self._token = found[1]
        return self._token

    def post(self, path: str, form: dict[str, Any], **options: Any) -> Any:
        """Send a form."""
        reply = self.browser.post(path, data={"csrf_token": self.csrf_token(), **form}, **options)
        if path.startswith(SESSION_CHANGES):
            self._token = None
        return reply

    def post_json(self, path: str, body: Any) -> Any:
        """Send JSON as the page's script does."""
        return self.browser.post(path, json=body, headers={"X-CSRFToken": self.csrf_token()})

    def see(self, path: str) -> dict[str, Any]:
        """A page's facts as JSON."""
        reply = self.browser.get(path, headers={"Accept": "application/json"})
        assert reply.status_code == 200, reply.text
        return dict(json.loads(reply.text))

    def payment(self, merchant_uid: str) -> dict[str, Any]:
        """What the shop says about an order."""
        return self.see(f"/payments/{merchant_uid}")

    def account(self) -> dict[str, Any]:
        """What the account page shows."""
        return self.see("/account")

    def agrees_with_ledger(self) -> bool:
        """Whether the shop says of each order of this shopper what the ledger says, to the won."""
        said = {payment["merchant_uid"]: payment["net"] for payment in self.account()["payments"]}
        return said == {merchant_uid: self.sandbox.net(merchant_uid) for merchant_uid in said}

    def active_cards(self) -> list[dict[str, Any]]:
        """The cards that can be charged."""
        return [card for card in self.account()["cards"] if card["status"] == "active"]

    def order(self, mode: str = "pay", plan: str = "morning", **fields: str) -> dict[str, Any]:
        """Fill in the checkout and come to the page with the pay button; the parameters it would open a window with."""
        reply = self.post(f"/checkout/{plan}", {**BUYER, "mode": mode, **fields})
        assert reply.status_code == 303, reply.text
        return self.order_page(reply.headers["Location"])

    def order_page(self, address: str) -> dict[str, Any]:
        """The page with the pay button; the parameters it would open a window with."""
        page = self.browser.get(_path(address))
        found = re.search(r'<script type="application/json" id="request-pay">(.*?)</script>', page.text, re.S)
        assert found, page.text
        return dict(json.loads(unescape(found[1])))

    def tell(self, result: dict[str, Any]) -> Any:
        """What the page's script posts after the window has closed."""
        said = result["callback"] or {}
        body = {"imp_uid": result["imp_uid"], "merchant_uid": result["merchant_uid"]}
        body |= {name: said[name] for name in ("error_code", "error_msg") if said.get(name)}
        return self.post_json("/payments/complete", body)

    def buy(
        self,
        mode: str = "pay",
        plan: str = "morning",
        card: str = "approve",
        terms: Mapping[str, str] | None = None,
        **window: Any,
    ) -> dict[str, Any]:
        """The whole way through the window, and what the shop says about the order in the end."""
        params = self.order(mode, plan, **(terms or {}))
        result = self.sandbox.pay(params, card, **window)
        if result["callback"] is not None:
            assert self.tell(result).status_code == 200
        return self.payment(params["merchant_uid"])

    def subscribe(
        self, plan: str = "morning", card: str = "approve", mode: str = "pay", every: str = "month", **terms: str
    ) -> dict[str, Any]:
        """Begin a subscription; the payment it begins with."""
        return self.buy(mode, plan, card, {"every": every, **terms})

    def subscription(self) -> dict[str, Any]:
        """The shopper's only subscription, as programs see it."""
        [found] = self.account()["subscriptions"]
        return self.see(f"/account/subscriptions/{found['id']}")

    def ask(self, what: str, **form: Any) -> Any:
        """Send one of the forms of the shopper's only subscription."""
        [found] = self.account()["subscriptions"]
        return self.post(f"/account/subscriptions/{found['id']}/{what}", form)

    def register_card(self, card: str = "approve") -> dict[str, Any]:
        """Store a card for 0 won; the card as the account page shows it."""
        payment = self.buy("register", card=card)
        assert payment["status"] == "paid", payment
        return next(card for card in self.active_cards() if card["customer_uid"] == payment["customer_uid"])

    def charge(self, card_id: int | str, plan: str = "noon", token: str | None = None) -> Any:
        """Press the button for another bag."""
        return self.post("/account/charge", {"card": card_id, "plan": plan, "token": token or secrets.token_hex(8)})

    def charged(self, card_id: int | str, plan: str = "noon", token: str | None = None) -> dict[str, Any]:
        """Press the button and look at the order it led to."""
        reply = self.charge(card_id, plan, token)
        assert reply.status_code == 303, reply.text
        return self.see(_path(reply.headers["Location"]))

    def refund(self, merchant_uid: str, token: str | None = None) -> Any:
        """Ask for the money back."""
        return self.post(f"/payments/{merchant_uid}/refund", {"token": token or secrets.token_hex(8)})

    def remove_card(self, card_id: int | str) -> Any:
        """Have a card removed."""
        return self.post(f"/account/cards/{card_id}/remove", {})


def _path(location: str) -> str:
    return re.sub(r"^https?://[^/]+", "", location)
