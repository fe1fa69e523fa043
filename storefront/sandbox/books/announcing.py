"""How the books tell the merchant of a payment, without knowing by which way."""

from __future__ import annotations

from typing import Any, Protocol


class Announce(Protocol):
    """Writes down, in the caller's transaction, that a merchant is to be told of a payment."""

    def __call__(self, notice_url: str | None, imp_uid: str, merchant_uid: str, status: str, **more: Any) -> None:
        """Tell of it.

        Args:
            notice_url: where the payment wants it, if it named an address.
            imp_uid: the payment.
            merchant_uid: its order.
            status: `paid`, `failed` or `cancelled`.
            more: what else is said.
        """
