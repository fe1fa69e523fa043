"""Our own table of the billing operations: what each answers, field by field.

Written from the field lists of the V1 description, the answers people have published, and what the official clients
demand. An address is spelled as the description spells it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from storefront.sandbox.rest.addresses import NOT_REST
from storefront.sandbox.wire.kinds import Either, Flag, Kind, ListOf, Maybe, Null, Number, Object, Text

EXTRA = frozenset({"sandbox_unknown_field"})
"""The field that a sandbox adds when it is asked to try out strict clients."""

UID, ORDER, CUSTOMER_UID = Text(32), Text(40), Text(80)
WON = Number()
SECONDS = Number(whole=True)
"""A moment; what never happened is 0, not null."""
ANY_TEXT = Maybe(Text())
BUYER_LENGTHS = {"buyer_name": 16, "buyer_email": 64, "buyer_tel": 16, "buyer_addr": 128, "buyer_postcode": 8}
BUYER: dict[str, Kind] = {name: Maybe(Text(longest)) for name, longest in BUYER_LENGTHS.items()}
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
STATUSES = Text(choices=("all", "ready", "paid", "cancelled", "failed"))
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
        optional: what it may have besides; of which kind each is, is in `SENT`.
    """

    method: str
    path: str
    response: Kind | None
    statuses: tuple[int, ...]
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

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


REQUIRED_OF_SCHEDULE = ("merchant_uid", "schedule_at", "amount", "currency", "name")
"""What each of the `schedules` must have."""
CODE = Object({"code": Text(), "name": Text()})
AMOUNT = Number(whole=True, least=0)
SCHEDULED = Object(
    {
        "merchant_uid": ORDER,
        "schedule_at": Number(whole=True, least=0),
        "amount": AMOUNT,
        "currency": Text(3),
        "name": Text(40),
        **{name: Text(longest) for name, longest in (("custom_data", 4000), ("notice_url", 500))},
    },
    required=frozenset(REQUIRED_OF_SCHEDULE),
)
_MOMENT = Number(whole=True, least=0)
SENT: dict[str, Kind] = {
    "imp_key": Text(200),
    "imp_secret": Text(400),
    "imp_uid": UID,
    "merchant_uid": ORDER,
    "customer_uid": CUSTOMER_UID,
    "imp_uid[]": ListOf(UID),
    "merchant_uid[]": ListOf(ORDER),
    "customer_uid[]": ListOf(CUSTOMER_UID),
    "amount": AMOUNT,
    "checksum": AMOUNT,
    "tax_free": AMOUNT,
    "vat_amount": AMOUNT,
    "currency": Text(3),
    "name": Text(40),
    "reason": Text(255),
    "channel_key": Text(55),
    "pg": Text(80),
    "card_number": Text(30),
    "expiry": Text(10),
    "birth": Text(10),
    "pwd_2digit": Text(2),
    "card_quota": Number(whole=True, least=0),
    "custom_data": Text(4000),
    "notice_url": Text(500),
    **{name: Text(longest) for name, longest in BUYER_LENGTHS.items()},
    "schedules": ListOf(SCHEDULED),
    "schedule_at": _MOMENT,
    "from": _MOMENT,
    "to": _MOMENT,
    "schedule_from": _MOMENT,
    "schedule_to": _MOMENT,
    "schedule_status": Text(20),
    "sorting": Text(20),
    "page": Number(whole=True, least=1),
    "limit": Number(whole=True, least=1),
    "include_sandbox": Flag(),
    "enable_webhook": Flag(),
}
"""What is sent to the operations, by its name in a body or a query."""
_CHARGE = ("currency", "tax_free", "vat_amount", "card_quota", "custom_data", "notice_url", *BUYER_LENGTHS)
_PAGE = ("page", "limit")
_BODY = (200, 400, 401, 413)
"""400 for a body that cannot be read."""
OPERATIONS = (
    Operation("POST", "/users/getToken", TOKEN, (200, 400, 401, 413), ("imp_key", "imp_secret")),
    Operation("GET", "/users/pg", ListOf(PG_SETTING), (200, 401)),
    Operation("GET", "/payments", ListOf(PAYMENT), (200, 207, 400, 401, 404), optional=("imp_uid[]", "merchant_uid[]")),
    Operation(
        "POST",
        "/payments/cancel",
        PAYMENT,
        _BODY,
        optional=(
            "imp_uid",
            "merchant_uid",
            "amount",
            "checksum",
            "tax_free",
            "vat_amount",
            "reason",
            "enable_webhook",
        ),
    ),
    Operation("POST", "/payments/prepare", PREPARED, _BODY, ("merchant_uid", "amount"), optional=("currency",)),
    Operation("PUT", "/payments/prepare", PREPARED, (*_BODY, 404), ("merchant_uid", "amount"), optional=("currency",)),
    Operation("GET", "/payments/prepare/{merchant_uid}", PREPARED, (200, 401, 404)),
    Operation(
        "GET", "/payments/find/{merchant_uid}/{payment_status}", PAYMENT, (200, 400, 401, 404), optional=("sorting",)
    ),
    Operation(
        "GET",
        "/payments/findAll/{merchant_uid}/{payment_status}",
        paged(PAYMENT),
        (200, 400, 401, 404),
        optional=("sorting", *_PAGE),
    ),
    Operation(
        "GET",
        "/payments/status/{payment_status}",
        paged(PAYMENT),
        (200, 400, 401),
        optional=("from", "to", "sorting", *_PAGE),
    ),
    Operation("GET", "/payments/{imp_uid}", PAYMENT, (200, 401, 404), optional=("include_sandbox",)),
    Operation("GET", "/payments/{imp_uid}/balance", None, (401, 404)),
    Operation("GET", "/subscribe/customers", ListOf(CUSTOMER), (200, 207, 400, 401, 404), ("customer_uid[]",)),
    Operation("GET", "/subscribe/customers/{customer_uid}", CUSTOMER, (200, 401, 404)),
    Operation(
        "POST",
        "/subscribe/customers/{customer_uid}",
        CUSTOMER,
        _BODY,
        ("channel_key", "card_number", "expiry"),
        optional=("birth", "pwd_2digit", "pg"),
    ),
    Operation("DELETE", "/subscribe/customers/{customer_uid}", CUSTOMER, (200, 401, 404)),
    Operation(
        "GET", "/subscribe/customers/{customer_uid}/payments", paged(PAYMENT), (200, 400, 401, 404), optional=("page",)
    ),
    Operation(
        "GET",
        "/subscribe/customers/{customer_uid}/schedules",
        SCHEDULES,
        (200, 400, 401),
        ("from", "to"),
        optional=("schedule_status", "page"),
    ),
    Operation(
        "POST",
        "/subscribe/payments/onetime",
        PAYMENT,
        _BODY,
        ("merchant_uid", "amount", "card_number", "expiry"),
        optional=("name", "customer_uid", "birth", "pwd_2digit", "pg", *_CHARGE),
    ),
    Operation(
        "POST",
        "/subscribe/payments/again",
        PAYMENT,
        _BODY,
        ("customer_uid", "merchant_uid", "amount", "name"),
        optional=_CHARGE,
    ),
    Operation(
        "POST",
        "/subscribe/payments/schedule",
        ListOf(SCHEDULE),
        _BODY,
        ("customer_uid", "schedules"),
        optional=("card_number", "expiry", "birth", "pwd_2digit", "pg"),
    ),
    Operation(
        "GET",
        "/subscribe/payments/schedule",
        SCHEDULES,
        (200, 400, 401),
        ("schedule_from", "schedule_to"),
        optional=("schedule_status", "sorting", *_PAGE),
    ),
    Operation(
        "POST", "/subscribe/payments/unschedule", ListOf(SCHEDULE), _BODY, optional=("customer_uid", "merchant_uid")
    ),
    Operation("GET", "/subscribe/payments/schedule/{merchant_uid}", SCHEDULE, (200, 401, 404)),
    Operation("PUT", "/subscribe/payments/schedule/{merchant_uid}", SCHEDULE, (*_BODY, 404), ("schedule_at",)),
    Operation(
        "POST", "/subscribe/payments/schedule/{merchant_uid}/reschedule", SCHEDULE, (*_BODY, 404), ("schedule_at",)
    ),
    Operation("POST", "/subscribe/payments/schedule/{merchant_uid}/retry", PAYMENT, (*_BODY, 404)),
    Operation(
        "GET",
        "/subscribe/payments/schedule/customers/{customer_uid}",
        SCHEDULES,
        (200, 400, 401),
        ("from", "to"),
        optional=("schedule_status", "page"),
    ),
)
CODES = (
    Operation("GET", "/cards", ListOf(CODE), (200, 401)),
    Operation("GET", "/cards/{card_standard_code}", CODE, (200, 401, 404)),
    Operation("GET", "/banks", ListOf(CODE), (200, 401)),
    Operation("GET", "/banks/{bank_standard_code}", CODE, (200, 401, 404)),
)
"""No billing operations, but clients that show a card's or bank's name ask for them."""
ELSEWHERE = Operation("", "", None, (200, 403, 404, 405, 413, 501))
"""Whatever else is asked of i'mport's API: it never succeeds, and says so in the envelope."""
_REST = re.compile(r"/(payments|subscribe|users|certifications|cards|banks)(/.*)?")


def operation_of(method: str, path: str) -> Operation | None:
    """The operation behind a request, or None if it is no business of the API's; the first in the table wins."""
    if NOT_REST.fullmatch(path) or not _REST.fullmatch(path):
        return None
    found = (one for one in (*OPERATIONS, *CODES) if one.method == method and one.address.fullmatch(path))
    return next(found, ELSEWHERE)


NAMED: dict[str, Kind] = {"Payment": PAYMENT, "Customer": CUSTOMER, "Schedule": SCHEDULE}
"""The objects that many operations answer with."""
