"""Our own table of the billing operations: what each answers, field by field.

Written from the field lists of the V1 description, the answers people have published, and what the official clients
demand. An address is spelled as the description spells it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from tests.contract.kinds import Either, Flag, Kind, ListOf, Maybe, Null, Number, Object, Text

EXTRA = frozenset({"sandbox_unknown_field"})
"""The field that a sandbox adds when it is asked to try out strict clients."""

UID, ORDER, CUSTOMER_UID = Text(32), Text(40), Text(80)
WON = Number()
SECONDS = Number(whole=True)
"""A moment; what never happened is 0, not null."""
ANY_TEXT = Maybe(Text())
BUYER: dict[str, Kind] = {
    "buyer_name": Maybe(Text(16)),
    "buyer_email": Maybe(Text(64)),
    "buyer_tel": Maybe(Text(16)),
    "buyer_addr": Maybe(Text(128)),
    "buyer_postcode": Maybe(Text(8)),
}
CARD: dict[str, Kind] = {
    "card_code": ANY_TEXT,
    "card_issuer_code": ANY_TEXT,
    "card_issuer_name": ANY_TEXT,
    "card_publisher_code": ANY_TEXT,
    "card_publisher_name": ANY_TEXT,
    "card_number": ANY_TEXT,
    "card_type": Maybe(Number(whole=True)),
}
CANCEL = Object(
    {
        "pg_tid": Text(64),
        "amount": WON,
        "cancelled_at": SECONDS,
        "reason": Text(),
        "receipt_url": ANY_TEXT,
        "cancellation_id": Text(),
    },
    required=frozenset({"pg_tid", "amount", "cancelled_at", "reason", "cancellation_id"}),
)
PAYMENT = Object(
    {
        "imp_uid": UID,
        "merchant_uid": ORDER,
        "pay_method": Text(20),
        "channel": Text(choices=("pc", "mobile", "api")),
        "pg_provider": Text(16),
        "emb_pg_provider": Maybe(Text(16)),
        "pg_tid": Maybe(Text(64)),
        "pg_id": Text(80),
        "escrow": Flag(),
        "sandbox": Flag(),
        "apply_num": Maybe(Text(20)),
        "bank_code": ANY_TEXT,
        "bank_name": ANY_TEXT,
        **CARD,
        "card_name": ANY_TEXT,
        "card_quota": Number(whole=True),
        "vbank_code": ANY_TEXT,
        "vbank_name": ANY_TEXT,
        "vbank_num": Maybe(Text(32)),
        "vbank_holder": ANY_TEXT,
        "vbank_date": SECONDS,
        "vbank_issued_at": SECONDS,
        "name": Maybe(Text(40)),
        "amount": WON,
        "cancel_amount": WON,
        "currency": Text(),
        **BUYER,
        "custom_data": ANY_TEXT,
        "user_agent": ANY_TEXT,
        "status": Text(choices=("ready", "paid", "cancelled", "failed")),
        "started_at": SECONDS,
        "paid_at": SECONDS,
        "failed_at": SECONDS,
        "cancelled_at": SECONDS,
        "fail_reason": ANY_TEXT,
        "cancel_reason": ANY_TEXT,
        "receipt_url": ANY_TEXT,
        "cancel_history": ListOf(CANCEL),
        "cancel_receipt_urls": ListOf(Text()),
        "deposit_history": ListOf(Null()),
        "cash_receipt_issued": Flag(),
        "customer_uid": Maybe(CUSTOMER_UID),
        "customer_uid_usage": Maybe(Text(choices=("issue", "payment", "payment.scheduled"))),
        "promotion": Maybe(Object({"id": Text(), "discount": WON})),
    },
    required=frozenset({"imp_uid", "merchant_uid", "amount", "cancel_amount", "currency", "status", "sandbox"}),
    optional=EXTRA,
)
CUSTOMER = Object(
    {
        "customer_uid": CUSTOMER_UID,
        "pg_provider": Text(16),
        "pg_id": Text(80),
        "sandbox": Flag(),
        "customer_id": ANY_TEXT,
        **CARD,
        "card_name": Text(),
        "customer_name": Maybe(Text(20)),
        "customer_tel": Maybe(Text(20)),
        "customer_email": Maybe(Text(200)),
        "customer_addr": Maybe(Text(200)),
        "customer_postcode": Maybe(Text(8)),
        "inserted": SECONDS,
        "updated": SECONDS,
    },
    required=frozenset({"customer_uid", "pg_provider", "pg_id", "card_name", "inserted", "updated", "sandbox"}),
    optional=EXTRA,
)
SCHEDULE = Object(
    {
        "customer_uid": CUSTOMER_UID,
        "merchant_uid": ORDER,
        "imp_uid": Maybe(UID),
        "pg_provider": Text(16),
        "pg_id": Text(64),
        "customer_id": ANY_TEXT,
        "schedule_at": SECONDS,
        "executed_at": SECONDS,
        "revoked_at": SECONDS,
        "amount": WON,
        "currency": Text(),
        "name": Maybe(Text(40)),
        **BUYER,
        "custom_data": ANY_TEXT,
        "schedule_status": Text(choices=("scheduled", "executed", "revoked")),
        "payment_status": Maybe(Text(choices=("paid", "failed", "cancelled"))),
        "fail_reason": ANY_TEXT,
        "promotion_id": ANY_TEXT,
    },
    required=frozenset({"customer_uid", "merchant_uid", "schedule_at", "amount", "schedule_status"}),
    optional=EXTRA,
)
TOKEN = Object({"access_token": Text(), "now": SECONDS, "expired_at": SECONDS})
PREPARED = Object({"merchant_uid": ORDER, "amount": WON, "currency": Text()})
PG_SETTING = Object(
    {
        "pg_provider": Text(16),
        "pg_id": Text(80),
        "sandbox": Flag(),
        "type": Text(choices=("payment", "api_payment", "certification")),
        "channel_name": ANY_TEXT,
        "channel_key": ANY_TEXT,
    },
    required=frozenset({"pg_provider", "pg_id", "sandbox", "type"}),
)


def paged(kind: Kind) -> Object:
    """One page of a list."""
    number = Number(whole=True)
    return Object({"total": number, "previous": number, "next": number, "list": ListOf(kind)})


SCHEDULES = Either(paged(SCHEDULE), ListOf(SCHEDULE))
"""A page as the clients model it, or the array of the description."""


@dataclass(frozen=True)
class Operation:
    """An operation and its answers.

    Attributes:
        method: the HTTP method.
        path: its address as the description spells it.
        response: what stands in the envelope when code is 0; None if JTNet's payments never have it.
        statuses: the HTTP statuses it may answer with.
        required: what its body or query must have.
    """

    method: str
    path: str
    response: Kind | None
    statuses: tuple[int, ...]
    required: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """How people call it."""
        return f"{self.method} {self.path}"

    @cached_property
    def address(self) -> re.Pattern[str]:
        """Recognises its addresses: the status may be left out, and a slash may be added."""
        spelled = self.path.replace("/{payment_status}", "(/[^/]+)?") if self.is_status_optional else self.path
        return re.compile(re.sub(r"{\w+}", "[^/]+", spelled) + "/?")

    @property
    def is_status_optional(self) -> bool:
        """Whether `{payment_status}` may be left out."""
        return "/find" in self.path


CODE = Object({"code": Text(), "name": Text()})
_BODY = (200, 400, 401, 413)
"""400 for a body that cannot be read."""
OPERATIONS = (
    Operation("POST", "/users/getToken", TOKEN, (200, 400, 401, 413), ("imp_key", "imp_secret")),
    Operation("GET", "/users/pg", ListOf(PG_SETTING), (200, 401)),
    Operation("GET", "/payments", ListOf(PAYMENT), (200, 207, 400, 401, 404)),
    Operation("POST", "/payments/cancel", PAYMENT, _BODY),
    Operation("POST", "/payments/prepare", PREPARED, _BODY, ("merchant_uid", "amount")),
    Operation("PUT", "/payments/prepare", PREPARED, (*_BODY, 404), ("merchant_uid", "amount")),
    Operation("GET", "/payments/prepare/{merchant_uid}", PREPARED, (200, 401, 404)),
    Operation("GET", "/payments/find/{merchant_uid}/{payment_status}", PAYMENT, (200, 400, 401, 404)),
    Operation("GET", "/payments/findAll/{merchant_uid}/{payment_status}", paged(PAYMENT), (200, 400, 401, 404)),
    Operation("GET", "/payments/status/{payment_status}", paged(PAYMENT), (200, 400, 401)),
    Operation("GET", "/payments/{imp_uid}", PAYMENT, (200, 401, 404)),
    Operation("GET", "/payments/{imp_uid}/balance", None, (401, 404)),
    Operation("GET", "/subscribe/customers", ListOf(CUSTOMER), (200, 207, 401, 404), ("customer_uid[]",)),
    Operation("GET", "/subscribe/customers/{customer_uid}", CUSTOMER, (200, 401, 404)),
    Operation("POST", "/subscribe/customers/{customer_uid}", CUSTOMER, _BODY, ("channel_key", "card_number", "expiry")),
    Operation("DELETE", "/subscribe/customers/{customer_uid}", CUSTOMER, (200, 401, 404)),
    Operation("GET", "/subscribe/customers/{customer_uid}/payments", paged(PAYMENT), (200, 400, 401, 404)),
    Operation("GET", "/subscribe/customers/{customer_uid}/schedules", SCHEDULES, (200, 400, 401), ("from", "to")),
    Operation(
        "POST", "/subscribe/payments/onetime", PAYMENT, _BODY, ("merchant_uid", "amount", "card_number", "expiry")
    ),
    Operation("POST", "/subscribe/payments/again", PAYMENT, _BODY, ("customer_uid", "merchant_uid", "amount", "name")),
    Operation("POST", "/subscribe/payments/schedule", ListOf(SCHEDULE), _BODY, ("customer_uid", "schedules")),
    Operation("GET", "/subscribe/payments/schedule", SCHEDULES, (200, 400, 401), ("schedule_from", "schedule_to")),
    Operation("POST", "/subscribe/payments/unschedule", ListOf(SCHEDULE), _BODY),
    Operation("GET", "/subscribe/payments/schedule/{merchant_uid}", SCHEDULE, (200, 401, 404)),
    Operation("PUT", "/subscribe/payments/schedule/{merchant_uid}", SCHEDULE, (*_BODY, 404), ("schedule_at",)),
    Operation(
        "POST", "/subscribe/payments/schedule/{merchant_uid}/reschedule", SCHEDULE, (*_BODY, 404), ("schedule_at",)
    ),
    Operation("POST", "/subscribe/payments/schedule/{merchant_uid}/retry", PAYMENT, (*_BODY, 404)),
    Operation(
        "GET", "/subscribe/payments/schedule/customers/{customer_uid}", SCHEDULES, (200, 400, 401), ("from", "to")
    ),
)
REQUIRED_OF_SCHEDULE = ("merchant_uid", "schedule_at", "amount", "currency", "name")
"""What each of the `schedules` must have."""
CODES = (
    Operation("GET", "/cards", ListOf(CODE), (200, 401)),
    Operation("GET", "/cards/{card_standard_code}", CODE, (200, 401, 404)),
    Operation("GET", "/banks", ListOf(CODE), (200, 401)),
    Operation("GET", "/banks/{bank_standard_code}", CODE, (200, 401, 404)),
)
"""No billing operations, but clients that show a card's or bank's name ask for them."""
ELSEWHERE = Operation("", "", None, (200, 403, 404, 405, 413, 501))
"""Whatever else is asked of i'mport's API: it never succeeds, and says so in the envelope."""
_NOT_REST = re.compile(r"/payments/(ready|open|window|fail)(/.*)?|/users/pg/.+")
"""Pages and scripts of the service host, at addresses beside the operations."""
_REST = re.compile(r"/(payments|subscribe|users|certifications|cards|banks)(/.*)?")


def operation_of(method: str, path: str) -> Operation | None:
    """The operation behind a request, or None if it is no business of the API's; the first in the table wins."""
    if _NOT_REST.fullmatch(path) or not _REST.fullmatch(path):
        return None
    found = (one for one in (*OPERATIONS, *CODES) if one.method == method and one.address.fullmatch(path))
    return next(found, ELSEWHERE)
