"""What i'mport answers, parsed once at the edge: won as `int`, UNIX seconds as aware UTC times, 0 as "never"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from storefront.iamport.masking import without_card_numbers


class UnreadableError(ValueError):
    """The answer is not shaped the way i'mport describes it; the client turns this into silence."""


STATUSES = ("ready", "paid", "failed", "cancelled")
LONGEST_ID = 40
"""Characters. i'mport's own ids have 32 at most; its description names no length for the others."""
LONGEST_SHOWN = {"fail_reason": 500, "apply_num": 32, "card_name": 80, "card_number": 32, "receipt_url": 500}
LONGEST_TIME = 20
LATEST_TIME = 253_402_214_400
"""UNIX seconds: the last day of the year 9999, of which the calendar of Seoul has no evening."""


@dataclass(frozen=True)
class Payment:
    """i'mport's Payment object, as far as the shop uses it. The amounts are in won.

    Source: the `PaymentAnnotation` schema of the official V1 API description.
    """

    imp_uid: str
    merchant_uid: str
    status: str
    amount: int
    cancel_amount: int
    currency: str
    sandbox: bool
    customer_uid: str | None = None
    customer_uid_usage: str | None = None
    paid_at: datetime | None = None
    failed_at: datetime | None = None
    cancelled_at: datetime | None = None
    fail_reason: str | None = None
    apply_num: str | None = None
    card_name: str | None = None
    card_number: str | None = None
    receipt_url: str | None = None

    @property
    def captured(self) -> bool:
        """Whether money (or a 0-won registration) was ever taken; it stays true after a cancel."""
        return self.paid_at is not None

    @property
    def held(self) -> int:
        """What is left of the capture, in won. A status of `cancelled` also means cancelled in part."""
        return self.amount - self.cancel_amount if self.captured else 0

    @classmethod
    def parse(cls, body: object) -> Payment:
        """Read i'mport's JSON object. Fields we do not know are ignored, as i'mport asks of its clients.

        Raises:
            UnreadableError: a field the shop decides by is missing or of the wrong kind.
        """
        fields = _object(body)
        status = _text(fields, "status")
        if status not in STATUSES:
            raise UnreadableError("status is none that i'mport describes")
        amount, cancel_amount = _won(fields, "amount"), _won(fields, "cancel_amount", missing=0)
        if cancel_amount > amount:
            raise UnreadableError("cancel_amount is more than amount")
        return cls(
            imp_uid=_id(fields, "imp_uid"),
            merchant_uid=_text(fields, "merchant_uid"),
            status=status,
            amount=amount,
            cancel_amount=cancel_amount,
            currency=_text(fields, "currency"),
            sandbox=fields.get("sandbox") is True,
            customer_uid=_optional_text(fields, "customer_uid"),
            customer_uid_usage=_optional_text(fields, "customer_uid_usage"),
            paid_at=_time(fields, "paid_at"),
            failed_at=_time(fields, "failed_at"),
            cancelled_at=_time(fields, "cancelled_at"),
            fail_reason=_shown(fields, "fail_reason"),
            apply_num=_shown(fields, "apply_num"),
            card_name=_shown(fields, "card_name"),
            card_number=_card_number(fields),
            receipt_url=_shown(fields, "receipt_url"),
        )


@dataclass(frozen=True)
class UnreadablePayment:
    """One payment of a list that cannot be read: another shop's of the same account may be in dollars and cents.

    Attributes:
        imp_uid: its id, or a question mark if not even that is there.
        reason: which field is not as described.
        merchant_uid: its order, if that can be read.
    """

    imp_uid: str
    reason: str
    merchant_uid: str | None = None


@dataclass(frozen=True)
class BillingKey:
    """i'mport's record of one billing key. The key itself never leaves i'mport.

    Source: the `CustomerAnnotation` schema of the official V1 API description.
    """

    customer_uid: str
    card_name: str | None
    card_number: str | None

    @classmethod
    def parse(cls, body: object) -> BillingKey:
        """Read i'mport's JSON object.

        Raises:
            UnreadableError: it does not name its customer_uid.
        """
        fields = _object(body)
        return cls(
            customer_uid=_text(fields, "customer_uid"),
            card_name=_shown(fields, "card_name"),
            card_number=_card_number(fields),
        )


@dataclass(frozen=True)
class PgSetting:
    """One of the merchant's settings in i'mport's console: a payment company, and the contract's id there.

    Source: the `PgSettingAnnotation` schema of the official V1 API description.
    """

    provider: str
    pg_id: str
    kind: str
    """`payment` for the payment window; `api_payment` and `certification` are something else."""
    is_test: bool
    channel_key: str | None

    @classmethod
    def parse(cls, body: object) -> PgSetting:
        """Read i'mport's JSON object.

        Raises:
            UnreadableError: it does not name its company and what it is for.
        """
        fields = _object(body)
        return cls(
            provider=_text(fields, "pg_provider"),
            pg_id=_text(fields, "pg_id"),
            kind=_text(fields, "type"),
            is_test=fields.get("sandbox") is True,
            channel_key=_optional_text(fields, "channel_key"),
        )


def _object(body: object) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise UnreadableError("an object was expected")
    return body


def _text(fields: Mapping[str, Any], name: str) -> str:
    text = _optional_text(fields, name)
    if text is None:
        raise UnreadableError(f"{name} is missing")
    return text


def _optional_text(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, str):
        # A lone surrogate or a NUL can be stored by one database and not by another.
        return value.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # a numeric id arrives as a number
    raise UnreadableError(f"{name} is not a text")


def _id(fields: Mapping[str, Any], name: str) -> str:
    text = _text(fields, name)
    if len(text) > LONGEST_ID:
        raise UnreadableError(f"{name} is longer than {LONGEST_ID} characters")
    return text


def _shown(fields: Mapping[str, Any], name: str) -> str | None:
    """What people read and nothing depends on: as much of it as a database keeps."""
    text = _optional_text(fields, name)
    return text[: LONGEST_SHOWN[name]] if text else None


def _card_number(fields: Mapping[str, Any]) -> str | None:
    """As much of a card's number as i'mport shows; should that ever be all of it, nothing of it goes any further."""
    number = _shown(fields, "card_number")
    return without_card_numbers(number) if number else None


def _won(fields: Mapping[str, Any], name: str, missing: int | None = None) -> int:
    value = fields.get(name, missing)
    value = missing if value is None else value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise UnreadableError(f"{name} is not a number")
    try:
        exact = Decimal(str(value))
    except InvalidOperation:
        raise UnreadableError(f"{name} is not a number") from None
    if not exact.is_finite() or exact != exact.to_integral_value() or not 0 <= exact < 10**12:
        raise UnreadableError(f"{name} is not a whole amount of won")
    return int(exact)


def _time(fields: Mapping[str, Any], name: str) -> datetime | None:
    seconds = fields.get(name) or 0
    if isinstance(seconds, str) and seconds.isdecimal() and len(seconds) <= LONGEST_TIME:
        seconds = int(seconds)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise UnreadableError(f"{name} is not a time")
    if seconds == 0:
        return None
    if seconds >= LATEST_TIME:
        raise UnreadableError(f"{name} is not a time")
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise UnreadableError(f"{name} is not a time") from None
