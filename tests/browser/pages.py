"""The pages as people use them: buttons and fields by their names."""

from __future__ import annotations

import re
import secrets
from typing import Any

from playwright.sync_api import FrameLocator, Page, Route, expect

from tests.people import Sandbox

CARDS = {
    "approve": "Approved",
    "decline-limit": "Declined: over the limit",
    "decline-stolen": "Declined: stolen",
    "decline-expired": "Declined: expired",
    "decline-later": "Approved now, declined later",
}


class Window:
    """The payment window: a dialog over the page on a desktop, a page of its own on a phone."""

    def __init__(self, page: Page, device: str, frame: str = "iframe.imp-frame") -> None:
        self.page, self.is_phone = page, device == "phone"
        self.inside: Page | FrameLocator = page if self.is_phone else page.frame_locator(frame)
        expect(self.inside.get_by_role("heading", name="You are paying for this order")).to_be_visible()

    def pick(self, card: str) -> Window:
        """One tap in the drawer fills the form."""
        name = re.compile(re.escape(CARDS[card]))
        if not self.inside.get_by_role("button", name=name).first.is_visible():
            self.inside.get_by_text("Choose a test card").click()
        self.inside.get_by_role("button", name=name).first.click()
        return self

    def happen(self, what: str) -> Window:
        """Choose what should go wrong."""
        self.inside.get_by_text("What should happen?").click()
        self.inside.get_by_label(re.compile(what)).check()
        return self

    def pay(self) -> None:
        """Agree and press the button that says how much."""
        self.inside.get_by_role("checkbox", name=re.compile("^I agree")).check()
        self.inside.get_by_role("button", name=re.compile("store card|Store card", re.IGNORECASE)).click()

    def cancel(self) -> None:
        """Leave without paying."""
        self.inside.get_by_role("button", name="Cancel").click()


class Journey:
    """Somebody who shops in a browser, and the ledger that knows what it cost them."""

    def __init__(self, page: Page, shop_url: str, sandbox: Sandbox, device: str) -> None:
        self.page, self.shop_url, self.sandbox, self.device = page, shop_url, sandbox, device
        self.email = f"shopper-{secrets.token_hex(4)}@example.com"
        self.password = "good-morning-coffee"

    def sign_up(self) -> Journey:
        """Become a shopper, the short way: this browser has the cookie afterwards."""
        page = self.page.request.get(f"{self.shop_url}/signup").text()
        token = re.search(r'name="csrf-token" content="([^"]+)"', page)
        assert token
        form = {"csrf_token": token[1], "name": "Achim Kim", "email": self.email, "password": self.password}
        assert self.page.request.post(f"{self.shop_url}/signup", form=form).ok
        return self

    def sign_up_by_hand(self) -> Journey:
        """Become a shopper, as people do."""
        self.page.goto(f"{self.shop_url}/signup")
        self.page.get_by_label("Name").fill("Achim Kim")
        self.page.get_by_label("E-mail").fill(self.email)
        self.page.get_by_label("Password").fill(self.password)
        self.page.get_by_role("main").get_by_role("button", name="Sign up").click()
        expect(self.page.get_by_role("heading", name="Account", level=1)).to_be_visible()
        return self

    def order(self, plan: str = "Morning", *, only_register: bool = False) -> str:
        """From the home page to the page with the pay button; the order number."""
        self.page.goto(self.shop_url)
        self.page.get_by_role("link", name=f"Choose {plan}").click()
        if only_register:
            self.page.get_by_role("radio", name=re.compile("Only register")).check()
        self.page.get_by_label("Mobile phone").fill("010-1234-5678")
        self.page.get_by_role("checkbox", name=re.compile("^I agree")).check()
        self.page.get_by_role("button", name=re.compile("^Go on to")).click()
        expect(self.page.get_by_role("heading", name="Almost there")).to_be_visible()
        return self.page.url.rsplit("/", 1)[1]

    def open_window(self) -> Window:
        """Press the button that says how much."""
        self.page.locator("button[data-action=pay]").click()
        return Window(self.page, self.device)

    def buy(self, card: str = "approve", plan: str = "Morning", *, only_register: bool = False) -> str:
        """The whole way; the order number."""
        merchant_uid = self.order(plan, only_register=only_register)
        self.open_window().pick(card).pay()
        return merchant_uid

    def subscribe(self) -> str:
        """Pay for Morning each month from today on; the address of the subscription's page."""
        self.page.goto(f"{self.shop_url}/checkout/morning?every=month")
        self.page.get_by_label("Mobile phone").fill("010-1234-5678")
        self.page.get_by_role("checkbox", name=re.compile("^I agree")).check()
        self.page.get_by_role("button", name=re.compile("^Go on to")).click()
        self.open_window().pick("approve").pay()
        self.sees("You paid ₩14,900")
        account = self.page.request.get(f"{self.shop_url}/account", headers={"Accept": "application/json"}).json()
        return f"{self.shop_url}/account/subscriptions/{account['subscriptions'][0]['id']}"

    def sees(self, headline: str) -> None:
        """The page says so, in its first words."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text(headline)

    def go_to_account(self) -> None:
        """Open the account page."""
        self.page.goto(f"{self.shop_url}/account")

    def charge_again(self, plan: str = "Noon") -> None:
        """Order another bag."""
        self.go_to_account()
        self.page.get_by_role("radio", name=re.compile(plan)).check()
        self.page.get_by_role("button", name=re.compile(f"^Pay .* for {plan}$")).click()

    def facts(self, merchant_uid: str) -> dict[str, Any]:
        """What the shop says about an order."""
        reply = self.page.request.get(
            f"{self.shop_url}/payments/{merchant_uid}", headers={"Accept": "application/json"}
        )
        return dict(reply.json())

    def agrees_with_ledger(self, merchant_uid: str, net: int) -> dict[str, Any]:
        """Shop and ledger say the same about an order, to the won."""
        facts = self.facts(merchant_uid)
        assert facts["net"] == net
        assert self.sandbox.net(merchant_uid) == net
        return facts


def hold(page: Page, address: str) -> list[Route]:
    """Keep answers back; the list gets what waits for one."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    page.route(address, keep)
    return held
