"""The shop's own doors, from outside: a lesson knocks at them as any browser does, and is treated like any.

Each request goes through the whole application, with its session, its forms' tokens and its throttles, without the detour
over a network that a shop behind a proxy might not reach itself by.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from contextvars import Context
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, current_app, request
from flask_login import current_user
from flask_wtf.csrf import generate_csrf
from werkzeug.test import TestResponse

from storefront.web.shop import is_id

_PARAMETERS = re.compile(r'<script type="application/json" id="request-pay">(.*?)</script>', re.DOTALL)
_SHOWN, _SENT_ON = 200, 303


class DoorClosedError(Exception):
    """The shop did not answer as it does when all is well. What was done before stays done."""


@dataclass(frozen=True)
class Browser:
    """A browser of the signed-in shopper's, or one without any cookie.

    Attributes:
        shop: the application.
        address: where it is asked.
        peer: from which address.
        headers: what every request carries.
        buyer: who pays, as the checkout form wants it.
    """

    shop: Flask
    address: str
    peer: str
    headers: Mapping[str, str]
    buyer: Mapping[str, str]

    @classmethod
    def of_this_request(cls) -> Browser:
        """The one that has pressed the button."""
        given = {name: request.headers[name] for name in ("Cookie", "User-Agent") if name in request.headers}
        token = {"X-CSRFToken": generate_csrf(), "Referer": request.host_url}
        buyer = {"name": current_user.name, "email": current_user.email, "phone": "010-1234-5678", "consent": "y"}
        shop: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # a proxy is nothing in a thread
        return cls(shop, request.host_url, request.remote_addr or "", {**given, **token}, buyer)

    def another(self) -> Browser:
        """One that has never been here."""
        return replace(self, headers={})

    def order(self, plan: str = "morning", **fields: str) -> dict[str, Any]:
        """Fill in the checkout; what its page would open the payment window with. `DoorClosedError` as for `see`."""
        reply = self._send("POST", f"/checkout/{plan}", _SENT_ON, data={**self.buyer, "mode": "pay", **fields})
        page = self._send("GET", _path(reply), _SHOWN)
        found = _PARAMETERS.search(page.get_data(as_text=True))
        if found is None:
            raise DoorClosedError(plan)
        return dict(json.loads(found[1]))

    def tell(self, ended: Mapping[str, Any]) -> None:
        """What the page's script posts when the window has closed. `DoorClosedError` as for `see`."""
        ids = {"imp_uid": ended["imp_uid"], "merchant_uid": ended["merchant_uid"]}
        self._send("POST", "/payments/complete", _SHOWN, json=ids)

    def come_back(self, redirect: str) -> None:
        """Follow the address a phone's window ends with. `DoorClosedError` as for `see`."""
        parts = urlsplit(redirect)
        self._send("GET", f"{parts.path}?{parts.query}", _SHOWN)

    def card(self, customer_uid: str) -> int:
        """The number of a stored card. `DoorClosedError` as for `see`, and if there is no such card."""
        for card in self.see("/account")["cards"]:
            if card["customer_uid"] == customer_uid:
                return int(card["id"])
        raise DoorClosedError("card")

    def subscription(self, card: int) -> str:
        """The path of the subscription that is charged to a card. `DoorClosedError` as for `card`."""
        for subscription in self.see("/account")["subscriptions"]:
            if subscription["card"] == card:
                return f"/account/subscriptions/{subscription['id']}"
        raise DoorClosedError("subscription")

    def charge(self, card: int, token: str | None = None) -> str:
        """Press the button for another bag; the order number. `DoorClosedError` as for `see`."""
        form = {"card": card, "plan": "morning", "token": token or secrets.token_hex(8)}
        return self._order_of(self._send("POST", "/account/charge", _SENT_ON, data=form))

    def refund(self, merchant_uid: str) -> None:
        """Ask for the money back. `DoorClosedError` as for `see`."""
        self._send("POST", f"/payments/{merchant_uid}/refund", _SENT_ON, data={"token": secrets.token_hex(8)})

    def press(self, path: str, **form: Any) -> None:
        """Send any other form that leads on to a page. `DoorClosedError` as for `see`."""
        self._send("POST", path, _SENT_ON, data=form)

    def next_charge(self, subscription: str) -> datetime:
        """When a subscription is charged next. `DoorClosedError` as for `see`, and if it is not."""
        coming = self.see(subscription)["next"]
        if coming is None:
            raise DoorClosedError(subscription)
        return datetime.fromtimestamp(coming["at"], UTC)

    def last_attempt(self, subscription: str) -> str:
        """The latest order of a subscription's present period. `DoorClosedError` as for `see`, and if there is none."""
        attempts = self.see(subscription)["period"]["attempts"]
        if not attempts:
            raise DoorClosedError(subscription)
        return str(attempts[-1])

    def go_to(self, moment: datetime) -> None:
        """Let time pass up to a moment; what falls due on the way is done. `DoorClosedError` as for `see`."""
        self._send("POST", "/demo/time", _SHOWN, json={"to": int(moment.timestamp())})

    def see(self, path: str) -> dict[str, Any]:
        """A page's facts.

        Raises:
            DoorClosedError: the shop answered anything else.
        """
        return dict(self._send("GET", path, _SHOWN, headers={"Accept": "application/json"}).get_json())

    def _send(
        self, method: str, path: str, expected: int, headers: Mapping[str, str] | None = None, **body: Any
    ) -> TestResponse:
        knock = partial(
            self.shop.test_client(use_cookies=False).open,
            path,
            method=method,
            base_url=self.address,
            headers={**self.headers, **(headers or {})},
            environ_overrides={"REMOTE_ADDR": self.peer},
            **body,
        )
        # In a context of its own: it must see nothing of the request that plays the lesson, nor leave anything there.
        reply: TestResponse = Context().run(knock)
        if reply.status_code != expected:
            raise DoorClosedError(path, reply.status_code)
        return reply

    @staticmethod
    def _order_of(reply: TestResponse) -> str:
        merchant_uid = _path(reply).rpartition("/")[2]
        if not is_id(merchant_uid):
            raise DoorClosedError(merchant_uid)
        return merchant_uid


def _path(reply: TestResponse) -> str:
    return urlsplit(reply.headers["Location"]).path
