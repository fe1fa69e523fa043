"""Payments and keys to begin with, from a JSON file: for test suites that expect orders to be there.

`{"payments": [{"merchant_uid", "amount", "imp_uid"?, "status"?, "name"?, "customer_uid"?}],
"billing_keys": [{"customer_uid", "card"?}]}`; the status is `paid` unless told, the card a test card's name or number,
`approve` unless told.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from storefront.sandbox.books import cards
from storefront.sandbox.books.charges import draft_of
from storefront.sandbox.books.keys import Keys
from storefront.sandbox.books.payments import STATUSES, Payments
from storefront.sandbox.books.store import Store
from storefront.sandbox.wire.parameters import Parameters
from storefront.sandbox.wire.refusals import Refusal

LONGEST_IMP_UID = 32


class BadSeedError(ValueError):
    """The file cannot be used; the text says why, and nothing of it was stored."""


def load(store: Store, keys: Keys, payments: Payments, path: str) -> None:
    """Store what a file says, unless the sandbox has payments or keys already.

    Raises:
        BadSeedError: mend the file.
    """
    if store.one("SELECT 1 FROM payment UNION SELECT 1 FROM billing_key"):
        return
    try:
        seed = json.loads(Path(path).read_text(encoding="utf-8"))
        with store.transaction():
            for key in seed.get("billing_keys", []):
                _store_key(keys, key)
            for payment in seed.get("payments", []):
                _store_payment(payments, payment)
    except OSError as error:
        raise BadSeedError(f"{path} cannot be read: {error.strerror}") from None
    except Refusal as refusal:
        raise BadSeedError(f"{path}: {refusal.rule or refusal.message}") from None
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise BadSeedError(f"{path} is not a seed: {error}") from None


def _store_key(keys: Keys, key: dict[str, Any]) -> None:
    card = cards.named(str(key.get("card", "approve")))
    if card is None:
        raise ValueError(f"{key['card']} is no card")
    keys.store(str(key["customer_uid"]), card, cards.behaviour_of(cards.digits(card.number)))


def _store_payment(payments: Payments, payment: dict[str, Any]) -> None:
    status = payment.get("status", "paid")
    if status not in STATUSES:
        raise ValueError(f"{status} is none of {', '.join(STATUSES)}")
    parameters = Parameters(payment)
    imp_uid = parameters.text("imp_uid", LONGEST_IMP_UID)
    if imp_uid and payments.get(imp_uid):
        raise ValueError(f"two payments cannot both be {imp_uid}")
    draft = replace(draft_of(parameters, payment.get("customer_uid"), usage=None), imp_uid=imp_uid)
    if status == "failed":
        payments.decline(draft, cards.LIMIT)
    elif status == "ready":
        payments.leave_ready(draft)
    else:
        imp_uid = payments.approve(draft)
        if status == "cancelled":
            payments.write_cancel(imp_uid, draft.amount, "취소요청api")
