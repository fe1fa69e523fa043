"""The ledger: what was really captured and cancelled. The truth a shop is compared with."""

from __future__ import annotations

from typing import Any

from storefront.sandbox.books.store import Store

_CAPTURED = "paid_at > 0 AND amount > 0"


def ledger(store: Store, merchant_uid: str | None = None) -> dict[str, Any]:
    """Sums, captured payments in order, and every billing key ever issued.

    Args:
        store: the sandbox's store.
        merchant_uid: only this order's sums and payments; the keys are always all.
    """
    where, values = (f"{_CAPTURED} AND merchant_uid = ?", [merchant_uid]) if merchant_uid else (_CAPTURED, [])
    rows = store.all(f"SELECT * FROM payment WHERE {where} ORDER BY id", *values)  # noqa: S608
    payments = [
        {
            "imp_uid": row["imp_uid"],
            "merchant_uid": row["merchant_uid"],
            "customer_uid": row["customer_uid"],
            "amount": row["amount"],
            "cancelled": row["cancel_amount"],
            "net": row["amount"] - row["cancel_amount"],
            "currency": row["currency"],
            "status": row["status"],
            "channel": row["channel"],
            "usage": row["usage"],
            "paid_at": row["paid_at"],
            "cancels": _cancels(store, row["imp_uid"]) if row["cancel_amount"] else [],
        }
        for row in rows
    ]
    captured, cancelled = sum(row["amount"] for row in rows), sum(row["cancel_amount"] for row in rows)
    keys = store.all("SELECT customer_uid, card_number, card_code, inserted, deleted_at FROM billing_key ORDER BY id")
    return {
        "captured": captured,
        "cancelled": cancelled,
        "net": captured - cancelled,
        "payments": payments,
        "billing_keys": [dict(key) for key in keys],
    }


def _cancels(store: Store, imp_uid: str) -> list[dict[str, Any]]:
    rows = store.all("SELECT amount, at, reason FROM cancel WHERE imp_uid = ? ORDER BY id", imp_uid)
    return [dict(row) for row in rows]
