"""The objects of i'mport's answers, with every field of the official description.

Source: the schemas `PaymentAnnotation`, `CustomerAnnotation` and `ScheduleResultAnnotation` of the V1 description.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from sqlite3 import Row
from typing import Any

from storefront.sandbox.settings import SandboxSettings

RECEIPT = "https://www.tpay.co.kr/issue/ChkIssueLoader.jsp?TID={}&type=0"
EXTRA_FIELD = "sandbox_unknown_field"
BUYER_LENGTHS = {"buyer_name": 16, "buyer_email": 64, "buyer_tel": 16, "buyer_addr": 128, "buyer_postcode": 8}
"""What a payment says of its buyer, and how many characters of it."""


def payment(settings: SandboxSettings, row: Row, cancels: Sequence[Row]) -> dict[str, Any]:
    """A Payment object."""
    details: dict[str, Any] = json.loads(row["details"])
    pg_tid = details.get("pg_tid")
    history = [
        {
            "pg_tid": pg_tid,
            "amount": cancel["amount"],
            "cancelled_at": cancel["at"],
            "reason": cancel["reason"],
            "receipt_url": RECEIPT.format(pg_tid),
            "cancellation_id": cancel["cancellation_id"],
        }
        for cancel in cancels
    ]
    return {
        "imp_uid": row["imp_uid"],
        "merchant_uid": row["merchant_uid"],
        "pay_method": "card",
        "channel": row["channel"],
        "pg_provider": "jtnet",
        "emb_pg_provider": None,
        "pg_tid": pg_tid,
        "pg_id": details.get("pg_id") or settings.pg_id,
        "escrow": False,
        "sandbox": settings.test_channel,
        "apply_num": details.get("apply_num"),
        "bank_code": None,
        "bank_name": None,
        "card_code": details.get("card_code"),
        "card_name": details.get("card_name"),
        "card_issuer_code": None,
        "card_issuer_name": None,
        "card_publisher_code": None,
        "card_publisher_name": None,
        "card_quota": details.get("card_quota", 0),
        "card_number": details.get("card_number"),
        "card_type": details.get("card_type"),
        "vbank_code": None,
        "vbank_name": None,
        "vbank_num": None,
        "vbank_holder": None,
        "vbank_date": 0,
        "vbank_issued_at": 0,
        "name": row["name"],
        "amount": row["amount"],
        "cancel_amount": row["cancel_amount"],
        "currency": row["currency"],
        **{field: details.get(field) for field in BUYER_LENGTHS},
        "custom_data": details.get("custom_data"),
        "user_agent": details.get("user_agent"),
        "status": row["status"],
        "started_at": row["started_at"],
        "paid_at": row["paid_at"],
        "failed_at": row["failed_at"],
        "cancelled_at": row["cancelled_at"],
        "fail_reason": details.get("fail_reason"),
        "cancel_reason": history[-1]["reason"] if history else None,
        "receipt_url": RECEIPT.format(pg_tid) if row["paid_at"] and row["amount"] else None,
        "cancel_history": history,
        "cancel_receipt_urls": [entry["receipt_url"] for entry in history],
        "deposit_history": [],
        "cash_receipt_issued": False,
        "customer_uid": row["customer_uid"],
        "customer_uid_usage": row["usage"],
        "promotion": None,
        **_extra(settings),
    }


def schedule(settings: SandboxSettings, row: Row) -> dict[str, Any]:
    """A ScheduleResult object."""
    details: dict[str, Any] = json.loads(row["details"])
    status = "revoked" if row["revoked_at"] else "executed" if row["executed_at"] else "scheduled"
    return {
        "customer_uid": row["customer_uid"],
        "merchant_uid": row["merchant_uid"],
        "imp_uid": row["imp_uid"],
        "pg_provider": "jtnet",
        "pg_id": settings.pg_id,
        "customer_id": details.get("customer_id"),
        "schedule_at": row["schedule_at"],
        "executed_at": row["executed_at"],
        "revoked_at": row["revoked_at"],
        "amount": row["amount"],
        "currency": details["currency"],
        "name": details["name"],
        **{field: details["buyer"].get(field) for field in BUYER_LENGTHS},
        "custom_data": details["custom_data"],
        "schedule_status": status,
        "payment_status": row["payment_status"],
        "fail_reason": row["fail_reason"],
        "promotion_id": None,
        **_extra(settings),
    }


def customer(settings: SandboxSettings, row: Row) -> dict[str, Any]:
    """A Customer object: what i'mport tells of a billing key."""
    details: dict[str, Any] = json.loads(row["details"])
    return {
        "customer_uid": row["customer_uid"],
        "pg_provider": "jtnet",
        "pg_id": settings.pg_id,
        "sandbox": settings.test_channel,
        "customer_id": details.get("customer_id"),
        "card_code": row["card_code"],
        "card_name": row["card_name"],
        "card_issuer_code": None,
        "card_issuer_name": None,
        "card_publisher_code": None,
        "card_publisher_name": None,
        "card_number": row["card_number"],
        "card_type": 0,
        "customer_name": details.get("customer_name"),
        "customer_tel": details.get("customer_tel"),
        "customer_email": details.get("customer_email"),
        "customer_addr": details.get("customer_addr"),
        "customer_postcode": details.get("customer_postcode"),
        "inserted": row["inserted"],
        "updated": row["updated"],
        **_extra(settings),
    }


def _extra(settings: SandboxSettings) -> dict[str, Any]:
    """What a strict client stumbles over."""
    return {EXTRA_FIELD: {"since": "tomorrow"}} if settings.extra_fields else {}
