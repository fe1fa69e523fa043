"""Scheduled charges: kept until they are due, then run in order, each with its webhook.

Source: the operations under `/subscribe/payments/schedule`. Nothing repeats by itself: a shop schedules the next charge
after each run.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

from storefront.sandbox.books import cards
from storefront.sandbox.books.announcing import Announce
from storefront.sandbox.books.charges import LONGEST_CHANNEL, Charges, draft_of
from storefront.sandbox.books.clock import MovableClock
from storefront.sandbox.books.keys import Keys
from storefront.sandbox.books.payments import Draft, Payments
from storefront.sandbox.books.store import Row, Store
from storefront.sandbox.settings import SandboxSettings
from storefront.sandbox.wire import objects, requirements
from storefront.sandbox.wire.paging import paged, paging
from storefront.sandbox.wire.parameters import Parameters
from storefront.sandbox.wire.refusals import (
    ALREADY_SCHEDULED,
    CARD_NOT_CHECKED,
    DUPLICATE_ORDER,
    NO_CUSTOMER,
    NO_SCHEDULE,
    NOT_FOUND,
    SCHEDULE_NOT_FAILED,
    SCHEDULE_NOT_WAITING,
    UNKNOWN_BUYER,
    UNREADABLE,
    Refusal,
    unknown_key,
)

LONGEST_CUSTOMER_ID = 64
LONGEST_SEARCH_S = 92 * 86_400
"""Three months; no three in a row are longer."""
LATEST_AT = 10**11
"""Whatever is later was meant in milliseconds; i'mport takes it all the same."""
_LARGEST_AT = 10**14
_STATES = {
    "scheduled": "executed_at = 0 AND revoked_at = 0",
    "executed": "executed_at > 0",
    "revoked": "revoked_at > 0",
}
_WAITING = _STATES["scheduled"]
_SORTINGS = {None: "schedule_at DESC, id DESC", "scheduled": "schedule_at, id"}


class Schedules:
    """The book of schedules."""

    def __init__(
        self,
        settings: SandboxSettings,
        store: Store,
        clock: MovableClock,
        payments: Payments,
        keys: Keys,
        charges: Charges,
        announce: Announce,
    ) -> None:
        self._settings, self._store, self._clock = settings, store, clock
        self._payments, self._keys, self._charges, self._announce = payments, keys, charges, announce

    def add(self, parameters: Parameters) -> list[dict[str, Any]]:
        """Schedule charges, all of them or none. Operation `POST /subscribe/payments/schedule`.

        Returns:
            The ScheduleResult objects, in the order they were sent.

        Raises:
            Refusal: nothing was scheduled.
        """
        customer_uid = parameters.required_text("customer_uid", 80)
        parameters.text("channel_key", LONGEST_CHANNEL)
        wanted = parameters.objects("schedules")
        with self._store.transaction():
            key = self._key(customer_uid, parameters)
            customer_id = parameters.text("customer_id", LONGEST_CUSTOMER_ID)
            drafts = [(replace(_draft(one, key), customer_id=customer_id), self._moment(one)) for one in wanted]
            for one in wanted:
                requirements.check(self._settings, "schedule", one)
            self._check_card(key, drafts[0][0], parameters.number("checking_amount", 0, least=0, most=10**7))
            return [self._write(draft, at) for draft, at in drafts]

    def get(self, merchant_uid: str) -> dict[str, Any]:
        """The newest schedule of an order.

        Raises:
            Refusal: HTTP 404, there is none.
        """
        return objects.schedule(self._settings, self._row(merchant_uid))

    def search(self, parameters: Parameters) -> Any:
        """Every customer's schedules in three months at most. Operation `GET /subscribe/payments/schedule`.

        Raises:
            Refusal: HTTP 400, the window or another value cannot be used.
        """
        return self._search(parameters, "schedule_", "1 = 1", [])

    def of_customer(self, customer_uid: str, parameters: Parameters) -> Any:
        """One customer's schedules in three months at most.

        Raises:
            Refusal: HTTP 400, the window or another value cannot be used.
        """
        return self._search(parameters, "", "customer_uid = ?", [customer_uid])

    def revoke(self, parameters: Parameters) -> list[dict[str, Any]]:
        """Revoke what waits, by customer or by order. Operation `POST /subscribe/payments/unschedule`.

        Raises:
            Refusal: nothing waits for that.
        """
        customer_uid, merchant_uids = parameters.text("customer_uid", 80), parameters.texts("merchant_uid", 40)
        if customer_uid is None and not merchant_uids:
            raise Refusal(NO_SCHEDULE, rule="customer_uid or merchant_uid is required")
        where, values = [_WAITING], list[Any]()
        if customer_uid is not None:
            where, values = [*where, "customer_uid = ?"], [customer_uid]
        if merchant_uids:
            where.append(f"merchant_uid IN ({', '.join('?' for _ in merchant_uids)})")
            values += merchant_uids
        with self._store.transaction():
            query = f"SELECT id FROM schedule WHERE {' AND '.join(where)} ORDER BY schedule_at, id"  # noqa: S608
            ids = [row["id"] for row in self._store.all(query, *values)]
            if not ids:
                raise Refusal(NO_SCHEDULE, rule="no schedule waits for that")
            return [self._change(schedule_id, revoked_at=self._clock.seconds()) for schedule_id in ids]

    def move(self, merchant_uid: str, parameters: Parameters) -> dict[str, Any]:
        """Another time for a schedule that waits. Operation `PUT /subscribe/payments/schedule/{merchant_uid}`.

        Raises:
            Refusal: HTTP 404, there is none; HTTP 400, it does not wait or the time is past.
        """
        with self._store.transaction():
            row = self._row(merchant_uid)
            if row["executed_at"] or row["revoked_at"]:
                raise Refusal(SCHEDULE_NOT_WAITING, status=400, rule="the schedule was executed or revoked")
            return self._change(row["id"], schedule_at=self._moment(parameters))

    def again_at(self, merchant_uid: str, parameters: Parameters) -> dict[str, Any]:
        """Another time for one that failed or was revoked. Operation `POST …/{merchant_uid}/reschedule`.

        Raises:
            Refusal: HTTP 404, there is none; HTTP 400, it neither failed nor was revoked, or the time is past.
        """
        with self._store.transaction():
            row = self._row(merchant_uid)
            if not row["revoked_at"] and row["payment_status"] != "failed":
                raise Refusal(SCHEDULE_NOT_FAILED, status=400, rule="the schedule has neither failed nor been revoked")
            nothing = {"executed_at": 0, "revoked_at": 0, "imp_uid": None, "payment_status": None, "fail_reason": None}
            return self._change(row["id"], schedule_at=self._moment(parameters), **nothing)

    def retry(self, merchant_uid: str) -> dict[str, Any]:
        """Charge one that failed or was revoked, now. Operation `POST …/{merchant_uid}/retry`.

        Returns:
            The Payment object; its status says whether it was captured this time.

        Raises:
            Refusal: HTTP 404, no schedule or no key; HTTP 400, it has neither failed nor been revoked, or its number was
                paid otherwise.
        """
        with self._store.transaction():
            row = self._row(merchant_uid)
            if not row["revoked_at"] and row["payment_status"] != "failed":
                raise Refusal(SCHEDULE_NOT_FAILED, status=400, rule="the schedule has neither failed nor been revoked")
            if self._payments.is_taken(merchant_uid):
                raise Refusal(DUPLICATE_ORDER, code=-1, status=400, rule="merchant_uid was paid or cancelled before")
            if self._keys.row(row["customer_uid"]) is None:
                raise Refusal(unknown_key(row["customer_uid"]), status=404, rule="no billing key under that name")
            return self._charge(row, self._clock.seconds())

    def run_due(self) -> None:
        """Charge everything whose time has come, the earliest first, each as of the time it was due."""
        while (row := self._next_due()) is not None:
            with self._store.transaction():
                if self._store.one(f"SELECT 1 FROM schedule WHERE id = ? AND {_WAITING}", row["id"]):  # noqa: S608
                    self._run(row)

    def next_at(self) -> int | None:
        """When the next one is due, in UNIX seconds, or None."""
        row = self._store.one(f"SELECT min(schedule_at) AS at FROM schedule WHERE {_WAITING}")  # noqa: S608
        return row["at"] if row else None

    def _next_due(self) -> Row | None:
        query = f"SELECT * FROM schedule WHERE {_WAITING} AND schedule_at <= ? ORDER BY schedule_at, id LIMIT 1"  # noqa: S608
        return self._store.one(query, self._clock.seconds())

    def _run(self, row: Row) -> None:
        """Charge a schedule that is due. A number that was paid otherwise meanwhile gets no second payment."""
        if self._payments.is_taken(row["merchant_uid"]):
            facts = {"payment_status": "failed", "fail_reason": DUPLICATE_ORDER}
            self._change(row["id"], executed_at=row["schedule_at"], **facts)
        else:
            self._charge(row, row["schedule_at"])

    def _charge(self, row: Row, at: int) -> dict[str, Any]:
        draft = replace(Draft(**json.loads(row["details"])), at=at)
        key = self._keys.row(row["customer_uid"])
        if key is not None:
            imp_uid = self._charges.charge_key(key, draft, scheduled=True)
        else:
            imp_uid = self._payments.decline(draft, UNKNOWN_BUYER)
            self._announce(draft.notice_url, imp_uid, draft.merchant_uid, "failed")
        payment = self._payments.get(imp_uid) or {}
        facts = {"payment_status": payment["status"], "fail_reason": payment["fail_reason"]}
        self._change(row["id"], executed_at=at, revoked_at=0, imp_uid=imp_uid, **facts)
        return payment

    def _key(self, customer_uid: str, parameters: Parameters) -> Row:
        key = self._keys.row(customer_uid)
        if key is None:
            if parameters.text("card_number", 30) is None:
                raise Refusal(NO_CUSTOMER, rule="no billing key under that customer_uid, and no card to make one of")
            try:
                card, behaviour = cards.typed(parameters, self._clock.now(), luhn=self._settings.luhn)
            except Refusal as refusal:
                raise Refusal(f"{CARD_NOT_CHECKED} {refusal.message}", rule=refusal.rule) from None
            if behaviour.window_decline:
                raise Refusal(f"{CARD_NOT_CHECKED} {behaviour.window_decline}", rule="the card company declined")
            self._keys.store(customer_uid, card, behaviour)
            key = self._keys.row(customer_uid)
        if key is None:
            raise Refusal(NO_CUSTOMER)
        return key

    def _check_card(self, key: Row, draft: Draft, amount: int) -> None:
        """The test charge that `checking_amount` asks for, given back at once."""
        if not amount:
            return
        behaviour = cards.behaviour_named(key["behaviour"])
        if behaviour.captures is not None and key["captures"] >= behaviour.captures:
            raise Refusal(f"{CARD_NOT_CHECKED} {behaviour.later_decline}", rule="the card company declined")
        check = replace(draft, merchant_uid=f"check_{draft.merchant_uid}"[:40], amount=amount, usage="payment")
        self._payments.write_cancel(self._payments.approve(check), amount, "카드 확인")

    def _moment(self, parameters: Parameters) -> int:
        at = parameters.number("schedule_at", -1, least=0, most=_LARGEST_AT)
        if at < 0:
            raise parameters.missing("schedule_at")
        if at <= self._clock.seconds():
            raise parameters.invalid("schedule_at", "should be in the future")
        return at

    def _write(self, draft: Draft, at: int) -> dict[str, Any]:
        waits = f"SELECT 1 FROM schedule WHERE merchant_uid = ? AND {_WAITING}"  # noqa: S608
        if self._store.one(waits, draft.merchant_uid) or self._payments.is_taken(draft.merchant_uid):
            raise Refusal(ALREADY_SCHEDULED, rule="merchant_uid is scheduled or paid already")
        if draft.amount == 0:
            raise Refusal(UNREADABLE, rule="amount should be more than 0")
        schedule_id = self._store.insert(
            "schedule",
            merchant_uid=draft.merchant_uid,
            customer_uid=draft.customer_uid,
            schedule_at=at,
            amount=draft.amount,
            details=json.dumps(asdict(draft)),
        )
        return self._change(schedule_id)

    def _change(self, schedule_id: int, **facts: Any) -> dict[str, Any]:
        for name, value in facts.items():
            self._store.write(f"UPDATE schedule SET {name} = ? WHERE id = ?", value, schedule_id)  # noqa: S608
        row = self._store.one("SELECT * FROM schedule WHERE id = ?", schedule_id)
        if row is None:
            raise LookupError(schedule_id)
        return objects.schedule(self._settings, row)

    def _row(self, merchant_uid: str) -> Row:
        row = self._store.one("SELECT * FROM schedule WHERE merchant_uid = ? ORDER BY id DESC LIMIT 1", merchant_uid)
        if row is None:
            raise Refusal(NOT_FOUND, code=-1, status=404, rule="no schedule of that merchant_uid")
        return row

    def _search(self, parameters: Parameters, prefix: str, where: str, values: list[Any]) -> Any:
        begin, end = (_bound(parameters, prefix, name) for name in ("from", "to"))
        if not 0 <= end - begin <= LONGEST_SEARCH_S:
            raise parameters.invalid("schedule_to", "is after schedule_from, by three months at most")
        state = parameters.text("schedule_status", 20) or parameters.text("schedule-status", 20)
        if state is not None and state not in _STATES:
            raise parameters.invalid("schedule_status", f"is one of {', '.join(_STATES)}")
        sorting = parameters.text("sorting", 20)
        if sorting not in _SORTINGS:
            raise parameters.invalid("sorting", "is scheduled, or is left out")
        where = f"{where} AND schedule_at >= ? AND schedule_at < ? AND {_STATES[state] if state else '1 = 1'}"
        page, limit = paging(parameters, least=0)
        values = [*values, begin, end]
        query = f"SELECT * FROM schedule WHERE {where} ORDER BY {_SORTINGS[sorting]} LIMIT ? OFFSET ?"  # noqa: S608
        found = [
            objects.schedule(self._settings, row) for row in self._store.all(query, *values, limit, (page - 1) * limit)
        ]
        if self._settings.schedule_lists_are_arrays:
            return found
        total = self._store.number(f"SELECT count(*) FROM schedule WHERE {where}", *values)  # noqa: S608
        return paged(total, page, limit, found)


def _draft(parameters: Parameters, key: Row) -> Draft:
    """A charge to come; what it does not say of the buyer is what is stored of the card's owner."""
    draft = draft_of(parameters, key["customer_uid"], usage="payment.scheduled")
    owner = json.loads(key["details"])
    stored = {name: owner.get(name.replace("buyer", "customer")) for name in draft.buyer}
    buyer = {
        name: value or (stored[name] or "")[: objects.BUYER_LENGTHS[name]] or None
        for name, value in draft.buyer.items()
    }
    return replace(draft, buyer=buyer)


def _bound(parameters: Parameters, prefix: str, name: str) -> int:
    """One end of a window; the prefix is how the description spells it, and clients send either."""
    for spelling in (f"schedule_{name}", name):
        if parameters.raw(spelling) not in (None, ""):
            return parameters.number(spelling, 0, least=0, most=LATEST_AT)
    raise parameters.missing(f"{prefix}{name}")
