"""A small shop, as its shoppers see it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import requests

from tests.people import Sandbox


@dataclass
class Shop:
    """What can be done with both of them."""

    session: requests.Session
    url: str
    sandbox: Sandbox

    def order(self, path: str = "/") -> dict[str, Any]:
        """Open the page; what its button would give `IMP.request_pay`."""
        page = self.session.get(self.url + path, timeout=30)
        found = re.search(r"const params = (\{.*?\});", page.text)
        assert found, page.text
        assert f'<script src="{self.sandbox.url}/v1/iamport.js">' in page.text
        return dict(json.loads(found[1]))

    def come_back(self, imp_uid: str | None, merchant_uid: str) -> Any:
        """The browser says what the window told it; the status the shop shows."""
        query = {"imp_uid": imp_uid or "", "merchant_uid": merchant_uid}
        return self.session.get(f"{self.url}/complete", params=query, timeout=30).json()["status"]

    def bought(self) -> dict[str, Any]:
        """Pay for a bag and come back; the parameters of its window."""
        params = self.order()
        assert self.come_back(self.sandbox.pay(params)["imp_uid"], params["merchant_uid"]) == "paid"
        return params

    def status(self, merchant_uid: str) -> Any:
        """What the order's page says."""
        return self.session.get(f"{self.url}/orders/{merchant_uid}", timeout=30).json()["status"]

    def charge_again(self, merchant_uid: str) -> dict[str, Any]:
        """Press the button for another bag; the new order."""
        return dict(self.session.post(f"{self.url}/again/{merchant_uid}", timeout=30).json())
