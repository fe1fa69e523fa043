"""Amounts registered before a window opens. Source: operations `POST | PUT | GET /payments/prepare`."""

from __future__ import annotations

from typing import Any

from storefront.sandbox.books.store import Store
from storefront.sandbox.wire.parameters import Parameters
from storefront.sandbox.wire.refusals import ALREADY_PREPARED, NOT_PREPARED, Refusal


def register(store: Store, parameters: Parameters) -> dict[str, Any]:
    """Lock an order's amount.

    Raises:
        Refusal: this order has one already.
    """
    merchant_uid, amount = parameters.required_text("merchant_uid", 40), parameters.required_won("amount")
    currency = parameters.text("currency", 3) or "KRW"
    with store.transaction():
        if _row(store, merchant_uid):
            raise Refusal(ALREADY_PREPARED, rule="merchant_uid is registered; PUT changes its amount")
        store.insert("prepared", merchant_uid=merchant_uid, amount=amount, currency=currency)
    return {"merchant_uid": merchant_uid, "amount": amount, "currency": currency}


def change(store: Store, parameters: Parameters) -> dict[str, Any]:
    """Lock another amount, and another currency if one is given.

    Raises:
        Refusal: HTTP 404, this order has none yet.
    """
    merchant_uid, amount = parameters.required_text("merchant_uid", 40), parameters.required_won("amount")
    currency = parameters.text("currency", 3)
    query = "UPDATE prepared SET amount = ?, currency = coalesce(?, currency) WHERE merchant_uid = ?"
    if not store.write(query, amount, currency, merchant_uid):
        raise Refusal(NOT_PREPARED, status=404, rule="merchant_uid is not registered")
    return get(store, merchant_uid)


def get(store: Store, merchant_uid: str) -> dict[str, Any]:
    """The amount of an order.

    Raises:
        Refusal: HTTP 404, there is none.
    """
    row = _row(store, merchant_uid)
    if row is None:
        raise Refusal(NOT_PREPARED, status=404, rule="merchant_uid is not registered")
    return row


def amount_of(store: Store, merchant_uid: str) -> int | None:
    """The registered amount, or None."""
    row = _row(store, merchant_uid)
    return int(row["amount"]) if row else None


def _row(store: Store, merchant_uid: str) -> dict[str, Any] | None:
    row = store.one("SELECT merchant_uid, amount, currency FROM prepared WHERE merchant_uid = ?", merchant_uid)
    return dict(row) if row else None
