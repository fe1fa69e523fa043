"""The client: one method for each operation the shop uses.

Look-ups may be repeated by anybody at any time. What moves money is sent once by each call of a method here; the only
replay is after a 401, which i'mport answers before it does anything.
"""

from __future__ import annotations

import copy
import re
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import requests

from storefront.clock import Clock
from storefront.iamport import lists, names
from storefront.iamport.deadline import Deadline
from storefront.iamport.errors import NotAskedError, NotFoundError, RejectedError, SilenceError, UnreadableAnswerError
from storefront.iamport.line import Line, Request
from storefront.iamport.restraint import Breaker
from storefront.iamport.transport import Transport
from storefront.iamport.types import BillingKey, Payment, PgSetting, UnreadableError, UnreadablePayment

_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


class Iamport:
    """i'mport's REST API for one pair of keys.

    Args:
        api_url: where the API is, e.g. `https://api.iamport.kr`.
        key: the REST API key.
        secret: the REST API secret. It is sent to getToken and appears nowhere else.
        live: whether real money moves. Outside of it payments of a test channel are asked for as well.
        timeout_s: how many seconds a call may take in all: token, connecting, waiting and reading.
        session: what carries the requests; a test may pass its own.
        clock: our own time, to compare i'mport's with.
        breaker: knows when asking is not worth it; a test may pass its own.

    Attributes:
        heard_all: whether i'mport has answered everything that this view of the client was asked.
    """

    def __init__(
        self,
        api_url: str,
        key: str,
        secret: str,
        *,
        live: bool = False,
        timeout_s: float = 30.0,
        session: requests.Session | None = None,
        clock: Clock | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        transport = Transport(api_url.rstrip("/"), session)
        credentials = {"imp_key": key, "imp_secret": secret}
        self._line = Line(transport, credentials, clock or Clock(), breaker or Breaker())
        self._live = live
        self._timeout_s = timeout_s
        self._ends: Deadline | None = None
        self._insists = False
        self.heard_all = True

    def within(self, seconds: float) -> Iamport:
        """The same client for a page, which waits so many seconds in all, however many calls it makes.

        Once they are over a call raises NotAskedError at once. So it does while too many other pages wait already, and
        for a few seconds after i'mport has been silent several times in a row. After that its page asks no more.
        """
        return self._view(self._deadline(seconds), insists=False)

    def insisting(self) -> Iamport:
        """The same client for what a shopper asked for: each call has its own time, and is tried in any case."""
        return self._view(None, insists=True)

    @property
    def time_left_s(self) -> float | None:
        """The seconds left of `within`; None if only each call is bounded."""
        return self._ends.left_s if self._ends else None

    def place(self) -> AbstractContextManager[None]:
        """One of the places of pages that wait for i'mport, for a page that waits for somebody who asks it.

        Raises:
            NotAskedError: all are taken.
        """
        return self._line.bulkhead.place(self._ends) if self._ends else nullcontext()

    @property
    def clock_offset(self) -> timedelta:
        """How far i'mport's clock is ahead of ours, as of the last token.

        It is nothing while the difference could as well be the way there or the fraction of a second i'mport leaves out.
        """
        return self._line.clock_offset

    def imports_time(self, moment: datetime) -> datetime:
        """A moment of our clock as i'mport's clock shows it, to be compared with `paid_at` and its like."""
        return moment + self.clock_offset

    def learn_the_time(self) -> None:
        """Compare clocks, unless that has been done. Operation `POST /users/getToken`.

        Raises:
            SilenceError: nothing is known of i'mport's clock.
        """
        self._line.sign_in(self._deadline(self._timeout_s))

    def listening(self) -> Iamport:
        """The same view of the client, which has heard everything so far."""
        return self._view(self._ends, insists=self._insists)

    def payment(self, imp_uid: str) -> Payment | None:
        """One payment, as it stands now. Operation `GET /payments/{imp_uid}`.

        Returns:
            The payment, or None when i'mport says that it knows none.

        Raises:
            SilenceError: nothing is known; keep what you have.
        """
        query = {} if self._live else {"include_sandbox": "true"}
        try:
            return _parse_payment(self._look_up(f"/payments/{_quoted(imp_uid)}", query))
        except NotFoundError:
            return None

    def payments_of(self, merchant_uid: str) -> list[Payment]:
        """Every payment ever tried under an order number. Operation `GET /payments/findAll/{merchant_uid}`.

        All statuses and all pages, because declined attempts must not hide a captured one.

        Raises:
            SilenceError: nothing is known; keep what you have.
        """
        try:
            items = self._list(f"/payments/findAll/{_quoted(merchant_uid)}", {})
        except NotFoundError:
            return []
        return [_parse_payment(item) for item in items]

    def payments_by_status(self, status: str, begin: datetime, end: datetime) -> list[Payment | UnreadablePayment]:
        """The payments that entered a status in a window of time, oldest first. Operation `GET /payments/status/…`.

        Args:
            status: `paid`, `cancelled`, `failed`, `ready` or `all`.
            begin: the window's first moment.
            end: its last; at most 90 days later.

        Returns:
            The payments. One that cannot be read does not keep the others from being looked at: a person looks at it.

        Raises:
            SilenceError: the look is incomplete; begin again later.
        """
        query = {"from": str(int(begin.timestamp())), "to": str(int(end.timestamp())), "sorting": "started"}
        try:
            items = self._list(f"/payments/status/{_quoted(status)}", query)
        except NotFoundError:
            return []
        return [_payment_or_reason(item) for item in items]

    def prepare(self, merchant_uid: str, amount: int) -> None:
        """Register the amount of a window that is about to open. Operation `POST /payments/prepare`.

        i'mport then refuses to open a window for this order with another amount. Registering the same amount
        again is no error.

        Args:
            merchant_uid: the order.
            amount: won.

        Raises:
            RejectedError: i'mport will not register it; do not open the window.
            SilenceError: nothing is known; do not open the window yet.
        """
        operation, body = "/payments/prepare", {"merchant_uid": merchant_uid, "amount": amount}
        try:
            registered = _amount_in(self._call("POST", operation, body=body))
        except RejectedError:
            if self.prepared_amount(merchant_uid) != amount:
                raise
        else:
            # `code: 0` alone is no success.
            if registered != amount and self.prepared_amount(merchant_uid) != amount:
                raise SilenceError(f"POST {operation}", "no amount in it")

    def prepared_amount(self, merchant_uid: str) -> int | None:
        """The registered amount in won, or None. Operation `GET /payments/prepare/{merchant_uid}`.

        Raises:
            SilenceError: nothing is known.
        """
        operation = f"/payments/prepare/{_quoted(merchant_uid)}"
        try:
            answer = self._call("GET", operation)
        except (NotFoundError, RejectedError):
            return None
        amount = _amount_in(answer)
        if amount is None:
            raise SilenceError(f"GET {operation}", "no amount in it")
        return amount

    def charge_again(
        self,
        *,
        customer_uid: str,
        merchant_uid: str,
        amount: int,
        name: str,
        buyer_name: str,
        buyer_email: str,
        buyer_tel: str,
        notice_url: str | None = None,
    ) -> Payment:
        """Charge a stored billing key. Operation `POST /subscribe/payments/again`.

        Args:
            customer_uid: which key.
            merchant_uid: the order; new for every attempt and already committed by the caller.
            amount: won, more than 0.
            name: what is bought, at most 40 characters.
            buyer_name: of any length; i'mport gets as much of it as it keeps.
            buyer_email: at most 64 characters.
            buyer_tel: at most 16 characters.
            notice_url: where i'mport should send this payment's webhook, if not to the console's address.

        Returns:
            The payment. **Read its status**: `paid` is a charge, `failed` is a card that was declined.

        Raises:
            RejectedError: not charged as far as i'mport says. Look the order up once before believing it: "this
                order exists already" may be our own earlier success.
            SilenceError: it may have been charged. Never repeat it under another order number; look it up.
        """
        body = {
            "customer_uid": customer_uid,
            "merchant_uid": merchant_uid,
            "amount": amount,
            "name": name,
            "buyer_name": names.as_kept(buyer_name),
            "buyer_email": buyer_email,
            "buyer_tel": buyer_tel,
        }
        if notice_url:
            body["notice_url"] = notice_url
        return _parse_payment(self._call("POST", "/subscribe/payments/again", body=body))

    def cancel(self, *, imp_uid: str, amount: int, checksum: int, reason: str) -> Payment:
        """Give money back. Operation `POST /payments/cancel`.

        Args:
            imp_uid: which payment. Never an order number: several payments may stand under one.
            amount: won to give back, more than 0 (i'mport reads 0 as "everything").
            checksum: what the caller believes can still be cancelled, in won. i'mport refuses if it is not so, which
                makes a repeat harmless.
            reason: for the merchant's records.

        Returns:
            The payment after the cancel.

        Raises:
            RejectedError: not cancelled; read the payment, it may have been cancelled before.
            SilenceError: it may have been cancelled; read the payment before repeating this word for word.
            ValueError: amount is not more than 0; nothing was sent.
        """
        if amount <= 0:
            raise ValueError("a cancel of 0 would cancel everything")
        body = {"imp_uid": imp_uid, "amount": amount, "checksum": checksum, "reason": reason}
        return _parse_payment(self._call("POST", "/payments/cancel", body=body))

    def billing_key(self, customer_uid: str) -> BillingKey | None:
        """The key stored under a name, or None when i'mport says there is none.

        Operation `GET /subscribe/customers/{customer_uid}`. "None" comes as HTTP 404 or as HTTP 200 with a code.

        Raises:
            SilenceError: nothing is known.
        """
        operation = f"/subscribe/customers/{_quoted(customer_uid)}"
        try:
            return BillingKey.parse(self._call("GET", operation))
        except (NotFoundError, RejectedError):
            return None
        except UnreadableError as unreadable:
            raise SilenceError(f"GET {operation}", str(unreadable)) from unreadable

    def delete_billing_key(self, customer_uid: str) -> None:
        """Delete the key under a name; that there is none is fine. It cannot be undone.

        Operation `DELETE /subscribe/customers/{customer_uid}`. Read the key afterwards to be sure.

        Raises:
            SilenceError: it may be deleted or not; read it.
        """
        try:
            self._call("DELETE", f"/subscribe/customers/{_quoted(customer_uid)}")
        except (NotFoundError, RejectedError):
            return

    def unschedule(self, customer_uid: str) -> None:
        """Revoke every charge i'mport has scheduled for a key; that there are none is fine.

        Operation `POST /subscribe/payments/unschedule`. Deleting a key is not documented to do this.

        Raises:
            SilenceError: they may be revoked or not; ask again.
        """
        try:
            self._call("POST", "/subscribe/payments/unschedule", body={"customer_uid": customer_uid})
        except (NotFoundError, RejectedError):
            return

    def pg_settings(self) -> list[PgSetting]:
        """The merchant's settings for payment companies. Operation `GET /users/pg`.

        Raises:
            SilenceError: nothing is known.
        """
        operation = "/users/pg"
        try:
            return [PgSetting.parse(one) for one in self._look_up(operation, {}) or []]
        except (NotFoundError, UnreadableError, TypeError) as unreadable:
            raise SilenceError(f"GET {operation}", "no list of settings") from unreadable

    def _list(self, path: str, query: dict[str, str]) -> list[Any]:
        return lists.read_whole(f"GET {path}", lambda page: self._look_up(path, query | page))

    def _look_up(self, path: str, query: dict[str, str]) -> Any:
        try:
            return self._call("GET", path, query=query)
        except RejectedError as refused:
            # Only "unknown" is an answer to "what do you know"; a refusal to look tells nothing.
            raise SilenceError(f"GET {path}", f"code {refused.code}") from refused

    def _call(
        self, method: str, path: str, *, query: dict[str, str] | None = None, body: dict[str, Any] | None = None
    ) -> Any:
        deadline, is_page = self._deadline(self._timeout_s), self._ends is not None
        try:
            request = Request(method, path, query or {}, body)
            return self._line.call(request, deadline, in_a_place=is_page, insists=self._insists)
        except NotFoundError:
            raise
        except SilenceError as silence:
            self.heard_all = False
            if is_page and isinstance(silence, NotAskedError):
                self._ends = Deadline.within(0)  # a page that was turned away once does not queue again for each order
            raise

    def _deadline(self, seconds: float) -> Deadline:
        return self._ends.but_at_most(seconds) if self._ends else Deadline.within(seconds)

    def _view(self, ends: Deadline | None, *, insists: bool) -> Iamport:
        view = copy.copy(self)
        view._ends, view._insists, view.heard_all = ends, insists, True
        return view


def _quoted(name: str) -> str:
    """An id as a part of a path. Anything but an id is a mistake of ours: the doors have checked it before."""
    if not _ID.fullmatch(name):
        raise ValueError("not an id")
    return quote(name, safe="")


def _amount_in(registered: object) -> int | None:
    """The won that a registration names, if it is one."""
    amount = registered.get("amount") if isinstance(registered, dict) else None
    return int(amount) if isinstance(amount, int | float) and not isinstance(amount, bool) else None


def _payment_or_reason(body: object) -> Payment | UnreadablePayment:
    try:
        return Payment.parse(body)
    except UnreadableError as unreadable:
        return UnreadablePayment(_name(body, "imp_uid") or "?", str(unreadable), _name(body, "merchant_uid"))


def _parse_payment(body: object) -> Payment:
    try:
        return Payment.parse(body)
    except UnreadableError as unreadable:
        raise UnreadableAnswerError(
            str(unreadable), imp_uid=_name(body, "imp_uid"), merchant_uid=_name(body, "merchant_uid")
        ) from unreadable


def _name(body: object, field: str) -> str | None:
    """An id out of an object that cannot be read as a whole."""
    name = body.get(field) if isinstance(body, dict) else None
    return name if isinstance(name, str) and _ID.fullmatch(name) else None
