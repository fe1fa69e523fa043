"""Payments as i'mport keeps them: approved, declined, cancelled, looked up."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from storefront.sandbox.books import tally
from storefront.sandbox.books.cards import SEOUL
from storefront.sandbox.books.clock import MovableClock
from storefront.sandbox.books.identifiers import Identifiers
from storefront.sandbox.books.store import Row, Store
from storefront.sandbox.settings import SandboxSettings
from storefront.sandbox.wire import objects
from storefront.sandbox.wire.paging import paged, paging
from storefront.sandbox.wire.parameters import Parameters
from storefront.sandbox.wire.refusals import (
    BAD_STATUS,
    FULLY_CANCELLED,
    MORE_THAN_LEFT,
    NO_ID_TO_CANCEL,
    NOT_FOUND,
    NOTHING_TO_CANCEL,
    UNREADABLE,
    WRONG_CHECKSUM,
    Refusal,
)

STATUSES = ("ready", "paid", "cancelled", "failed")
SORTINGS = {
    "-started": "started_at DESC, id DESC",
    "started": "started_at, id",
    "-paid": "paid_at DESC, id DESC",
    "paid": "paid_at, id",
    "-updated": "updated_at DESC, id DESC",
    "updated": "updated_at, id",
}
_STATUS_TIME = {
    "all": "started_at",
    "ready": "started_at",
    "paid": "paid_at",
    "cancelled": "cancelled_at",
    "failed": "failed_at",
}
LONGEST_SEARCH_S = 90 * 86_400
MOST_IDS = 100
FEW = 200
"""Payments that are sorted sooner than they are looked for in order."""


@dataclass(frozen=True)
class Draft:
    """A payment about to be written: the order, and where it comes from."""

    merchant_uid: str
    amount: int
    name: str | None
    channel: str
    currency: str = "KRW"
    customer_uid: str | None = None
    usage: str | None = None
    card: dict[str, Any] = field(default_factory=dict)
    buyer: dict[str, Any] = field(default_factory=dict)
    custom_data: str | None = None
    user_agent: str | None = None
    card_quota: int = 0
    notice_url: str | None = None
    imp_uid: str | None = None
    """Its id, if it was told to somebody before; a new one unless told."""
    started_at: int | None = None
    """When its window was opened, in UNIX seconds; when it happens, unless told."""
    pg_id: str | None = None
    """The MID it goes through; that of recurring payments, unless told."""
    customer_id: str | None = None
    """The merchant's own number of the buyer, which only a schedule shows."""
    at: int | None = None
    """When it happens, in UNIX seconds; now, unless a schedule was due earlier."""


class Payments:
    """The book of payments."""

    def __init__(self, settings: SandboxSettings, store: Store, clock: MovableClock, identifiers: Identifiers) -> None:
        self._settings, self._store, self._clock, self._identifiers = settings, store, clock, identifiers

    def approve(self, draft: Draft) -> str:
        """Write a captured payment; its imp_uid."""
        now = draft.at or self._clock.seconds()
        return self._write(draft, "paid", paid_at=now, facts=self._approval(draft.amount, now, draft.pg_id))

    def decline(self, draft: Draft, reason: str) -> str:
        """Write a payment that was not captured; its imp_uid."""
        now = draft.at or self._clock.seconds()
        return self._write(draft, "failed", failed_at=now, facts={"fail_reason": reason})

    def decline_card(self, draft: Draft, reason: str) -> str:
        """Write a payment whose card was declined, with the reason that the settings give every decline; its imp_uid."""
        return self.decline(draft, self._settings.decline_reason or reason)

    def leave_ready(self, draft: Draft) -> str:
        """Write a payment that nobody finished; its imp_uid."""
        return self._write(draft, "ready", facts={})

    def approve_late(self, imp_uid: str) -> dict[str, Any] | None:
        """Capture a payment that had failed, as some card companies do after all; None if it has not failed."""
        with self._store.transaction():
            row = self._store.one("SELECT * FROM payment WHERE imp_uid = ? AND status = 'failed'", imp_uid)
            if row is None:
                return None
            now = self._clock.seconds()
            details = json.loads(row["details"])
            details |= {"fail_reason": None} | self._approval(row["amount"], now, details.get("pg_id"))
            self._store.write(
                "UPDATE payment SET status = 'paid', paid_at = ?, updated_at = ?, details = ? WHERE imp_uid = ?",
                now,
                now,
                json.dumps(details),
                imp_uid,
            )
            self._tell_schedule(imp_uid, "paid")
            return self.get(imp_uid)

    def undo_cancels(self, imp_uid: str) -> dict[str, Any] | None:
        """Take every cancel of a payment back, as i'mport's support can on the same day; None if there is none."""
        with self._store.transaction():
            undone = self._store.write(
                "UPDATE payment SET status = 'paid', cancel_amount = 0, cancelled_at = 0, updated_at = ?"
                " WHERE imp_uid = ? AND status = 'cancelled'",
                self._clock.seconds(),
                imp_uid,
            )
            if not undone:
                return None
            self._store.write("DELETE FROM cancel WHERE imp_uid = ?", imp_uid)
            self._tell_schedule(imp_uid, "paid")
            return self.get(imp_uid)

    def notice_url(self, imp_uid: str) -> str | None:
        """Where the payment's webhooks go, if it named an address."""
        row = self._store.one("SELECT details FROM payment WHERE imp_uid = ?", imp_uid)
        url = json.loads(row["details"]).get("notice_url") if row else None
        return str(url) if url else None

    def is_taken(self, merchant_uid: str) -> bool:
        """Whether an order number has been paid, or paid and cancelled: it cannot be used again."""
        found = self._store.one(
            "SELECT 1 FROM payment WHERE merchant_uid = ? AND status IN ('paid', 'cancelled') LIMIT 1", merchant_uid
        )
        return found is not None

    def get(self, imp_uid: str) -> dict[str, Any] | None:
        """One payment, or None."""
        row = self._store.one("SELECT * FROM payment WHERE imp_uid = ?", imp_uid)
        return self._objects([row])[0] if row else None

    def several(self, imp_uids: Sequence[str], merchant_uids: Sequence[str]) -> tuple[list[dict[str, Any]], bool]:
        """Payments by ids of both kinds, and whether every id was found."""
        if not imp_uids and not merchant_uids:
            raise Refusal(UNREADABLE, status=400, rule="imp_uid[] or merchant_uid[] is required")
        if len(imp_uids) + len(merchant_uids) > MOST_IDS:
            raise Refusal(UNREADABLE, status=400, rule=f"at most {MOST_IDS} ids")
        found = {imp_uid: self._store.one("SELECT * FROM payment WHERE imp_uid = ?", imp_uid) for imp_uid in imp_uids}
        newest = "SELECT * FROM payment WHERE merchant_uid = ? ORDER BY id DESC LIMIT 1"
        found |= {merchant_uid: self._store.one(newest, merchant_uid) for merchant_uid in merchant_uids}
        rows = {row["id"]: row for row in found.values() if row is not None}
        return self._objects(list(rows.values())), all(found.values())

    def find(self, merchant_uid: str, status: str | None, sorting: str) -> dict[str, Any]:
        """The first payment of an order.

        Raises:
            Refusal: HTTP 404, there is none; HTTP 400, a bad status or sorting.
        """
        where, values = _of_order(merchant_uid, status)
        query = f"SELECT * FROM payment WHERE {where} ORDER BY {_order(sorting)} LIMIT 1"  # noqa: S608
        row = self._store.one(query, *values)
        if row is None:
            raise Refusal(NOT_FOUND, code=-1, status=404, rule="no payment of that merchant_uid")
        return self._objects([row])[0]

    def find_all(self, merchant_uid: str, status: str | None, page: int, limit: int, sorting: str) -> dict[str, Any]:
        """Every payment of an order, paged.

        Raises:
            Refusal: HTTP 404, there is none; HTTP 400, a bad status or sorting.
        """
        where, values = _of_order(merchant_uid, status)
        listed = self._page(where, values, _order(sorting), page, limit)
        if not listed["total"]:
            raise Refusal(NOT_FOUND, code=-1, status=404, rule="no payment of that merchant_uid")
        return listed

    def by_status(self, status: str, parameters: Parameters) -> dict[str, Any]:
        """The payments that entered a status in a window of time, paged; at most 90 days of them.

        Raises:
            Refusal: HTTP 400, a bad status, window, sorting or page.
        """
        if status not in _STATUS_TIME:
            raise Refusal(BAD_STATUS, status=400, rule="the status is all, ready, paid, cancelled or failed")
        now = self._clock.seconds()
        end = parameters.number("to", now, least=0, most=10**11)
        begin = parameters.number("from", max(end - LONGEST_SEARCH_S, 0), least=0, most=10**11)
        if end - begin > LONGEST_SEARCH_S:
            raise Refusal(UNREADABLE, status=400, rule="from and to are at most 90 days apart")
        page, limit = paging(parameters)
        total = tally.count(self._store.number, status, begin, end)
        query = _of_status(status, parameters.text("sorting", 20) or "-started", is_few=total <= FEW)
        rows = self._store.all(query, begin, end, limit, (page - 1) * limit)
        if page > 1 and not rows:
            raise parameters.invalid("page", "there are fewer pages")
        return paged(total, page, limit, self._objects(rows))

    def of_key(self, customer_uid: str, page: int) -> dict[str, Any]:
        """The payments of a billing key, newest first, paged."""
        return self._page("customer_uid = ?", [customer_uid], "id DESC", page, 20)

    def cancel(self, parameters: Parameters) -> dict[str, Any]:
        """Cancel a payment in full or in part, and give it back as it is then.

        Raises:
            Refusal: nothing was cancelled.
        """
        imp_uid, merchant_uid = parameters.text("imp_uid", 40), parameters.text("merchant_uid", 40)
        amount, checksum, *_ = (parameters.won(name) for name in ("amount", "checksum", "tax_free", "vat_amount"))
        reason = parameters.text("reason", 255) or "취소요청api"
        if imp_uid is None and merchant_uid is None:
            raise Refusal(NO_ID_TO_CANCEL, rule="imp_uid or merchant_uid is required")
        with self._store.transaction():
            row = self._cancellable(imp_uid, merchant_uid)
            left = row["amount"] - row["cancel_amount"]
            if left == 0:
                raise Refusal(FULLY_CANCELLED, rule="nothing is left to cancel")
            if checksum is not None and checksum != left:
                raise Refusal(WRONG_CHECKSUM, rule="checksum differs from what can be cancelled")
            if amount and amount > left:
                raise Refusal(MORE_THAN_LEFT, rule="amount is more than what can be cancelled")
            self.write_cancel(row["imp_uid"], amount or left, reason)
            cancelled = self.get(row["imp_uid"])
        if cancelled is None:
            raise Refusal(NOTHING_TO_CANCEL)
        return cancelled

    def write_cancel(self, imp_uid: str, amount: int, reason: str) -> None:
        """Write one cancel; the status is `cancelled` after a part as well."""
        now = self._clock.seconds()
        cancellation_id = self._identifiers.cancellation_id()
        self._store.insert(
            "cancel", imp_uid=imp_uid, amount=amount, at=now, reason=reason, cancellation_id=cancellation_id
        )
        self._store.write(
            "UPDATE payment SET status = 'cancelled', cancel_amount = cancel_amount + ?, cancelled_at = ?, updated_at = ?"
            " WHERE imp_uid = ?",
            amount,
            now,
            now,
            imp_uid,
        )
        self._tell_schedule(imp_uid, "cancelled")

    def _tell_schedule(self, imp_uid: str, status: str) -> None:
        """The schedule that led to a payment shows what became of it."""
        query = "UPDATE schedule SET payment_status = ?, fail_reason = NULL WHERE imp_uid = ?"
        self._store.write(query, status, imp_uid)

    def _cancellable(self, imp_uid: str | None, merchant_uid: str | None) -> Row:
        if imp_uid is not None:  # it decides, even if the merchant_uid beside it would be right
            row = self._store.one("SELECT * FROM payment WHERE imp_uid = ?", imp_uid)
        else:
            row = self._store.one(
                "SELECT * FROM payment WHERE merchant_uid = ? ORDER BY paid_at = 0, id DESC LIMIT 1", merchant_uid
            )
        if row is None or not row["paid_at"]:
            raise Refusal(NOTHING_TO_CANCEL, rule="no captured payment of that id")
        return row

    def _write(self, draft: Draft, status: str, *, facts: dict[str, Any], paid_at: int = 0, failed_at: int = 0) -> str:
        now = draft.at or self._clock.seconds()
        imp_uid = draft.imp_uid or self.new_imp_uid(draft.channel)
        details = {
            **draft.card,
            **draft.buyer,
            **facts,
            "custom_data": draft.custom_data,
            "user_agent": draft.user_agent,
            "card_quota": draft.card_quota,
            "notice_url": draft.notice_url,
            "pg_id": draft.pg_id,
        }
        self._store.insert(
            "payment",
            imp_uid=imp_uid,
            merchant_uid=draft.merchant_uid,
            customer_uid=draft.customer_uid,
            name=draft.name,
            status=status,
            amount=draft.amount,
            currency=draft.currency,
            channel=draft.channel,
            usage=draft.usage,
            started_at=draft.started_at or now,
            paid_at=paid_at,
            failed_at=failed_at,
            updated_at=now,
            details=json.dumps(details),
        )
        return imp_uid

    def _approval(self, amount: int, at: int, pg_id: str | None) -> dict[str, Any]:
        pg_tid = self._identifiers.pg_tid(pg_id or self._settings.pg_id, datetime.fromtimestamp(at, SEOUL))
        return {"pg_tid": pg_tid, "apply_num": self._identifiers.apply_num() if amount else ""}

    def new_imp_uid(self, channel: str) -> str:
        """An id that no payment has; a server's payments have their own kind."""
        while True:
            imp_uid = self._identifiers.imp_uid(server_side=channel == "api")
            if not self._store.one("SELECT 1 FROM payment WHERE imp_uid = ?", imp_uid):
                return imp_uid

    def _page(self, where: str, values: Sequence[Any], order: str, page: int, limit: int) -> dict[str, Any]:
        total = self._store.number(f"SELECT count(*) FROM payment WHERE {where}", *values)  # noqa: S608
        query = f"SELECT * FROM payment WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608
        rows = self._store.all(query, *values, limit, (page - 1) * limit)
        return paged(total, page, limit, self._objects(rows))

    def _objects(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        cancels = "SELECT * FROM cancel WHERE imp_uid = ? ORDER BY id"
        return [
            objects.payment(
                self._settings, row, self._store.all(cancels, row["imp_uid"]) if row["cancel_amount"] else ()
            )
            for row in rows
        ]


def _of_order(merchant_uid: str, status: str | None) -> tuple[str, list[Any]]:
    if status is None:
        return "merchant_uid = ?", [merchant_uid]
    if status not in STATUSES:
        raise Refusal(BAD_STATUS, status=400, rule="the status is ready, paid, cancelled or failed")
    return "merchant_uid = ? AND status = ?", [merchant_uid, status]


def _of_status(status: str, sorting: str, *, is_few: bool) -> str:
    """The query for what entered a status between two moments, a page of it.

    Much of it, sorted by when it started, is met in that order rather than gathered and sorted; nothing enters a status
    before it has started, so the walk can begin at the second moment.
    """
    moment, order = _STATUS_TIME[status], _order(sorting)
    source, where = "payment", f"{moment} BETWEEN ?1 AND ?2"
    if status != "all":
        where = f"status = '{status}' AND {where}"
    if moment != "started_at":
        is_walk = order.startswith("started_at") and not is_few
        source += " INDEXED BY " + ("payment_status_started" if is_walk else f"payment_{status}")
        where += " AND started_at <= ?2" if is_walk else ""
    return f"SELECT * FROM {source} WHERE {where} ORDER BY {order} LIMIT ?3 OFFSET ?4"  # noqa: S608 - the names are ours


def _order(sorting: str) -> str:
    if sorting not in SORTINGS:
        raise Refusal(UNREADABLE, status=400, rule=f"sorting is one of {', '.join(SORTINGS)}")
    return SORTINGS[sorting]
