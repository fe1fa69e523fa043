"""What people can do to a payment without the shop: cancel it in i'mport's console, have a cancel undone, approve it late.

The shop hears of it by a webhook, or never. Source: the webhook guide and the questions and answers of i'mport's help.
"""

from __future__ import annotations

from typing import Any

from storefront.sandbox.parts import Sandbox

ACTS = ("cancel", "undo-cancel", "approve")


class NotPossible(ValueError):  # noqa: N818 - a tester's mistake
    """The payment is not in a state for that; the text says why."""


def act(sandbox: Sandbox, name: str, imp_uid: str, amount: int | None = None) -> dict[str, Any]:
    """Do it.

    Args:
        sandbox: its books.
        name: one of `ACTS`.
        imp_uid: the payment.
        amount: won to cancel; everything that is left if not told.

    Returns:
        The Payment object after it.

    Raises:
        NotPossible: nothing has changed.
    """
    with sandbox.store.transaction():
        if name == "cancel":
            return _cancel(sandbox, imp_uid, amount)
        payment = (
            sandbox.payments.approve_late(imp_uid) if name == "approve" else sandbox.payments.undo_cancels(imp_uid)
        )
        if payment is None:
            raise NotPossible(f"{imp_uid} is not " + ("failed" if name == "approve" else "cancelled"))
        if name == "approve":  # nothing documents a webhook when a cancel is undone
            _tell(sandbox, payment)
        return payment


def _cancel(sandbox: Sandbox, imp_uid: str, amount: int | None) -> dict[str, Any]:
    payment = sandbox.payments.get(imp_uid)
    left = payment["amount"] - payment["cancel_amount"] if payment and payment["paid_at"] else 0
    if not left or (amount or 0) > left:
        raise NotPossible(f"of {imp_uid} {left} won can be cancelled")
    sandbox.payments.write_cancel(imp_uid, amount or left, "관리자 콘솔")
    payment = sandbox.payments.get(imp_uid) or {}
    _tell(sandbox, payment, cancellation_id=payment["cancel_history"][-1]["cancellation_id"])
    return payment


def _tell(sandbox: Sandbox, payment: dict[str, Any], **more: Any) -> None:
    imp_uid = payment["imp_uid"]
    notice_url = sandbox.payments.notice_url(imp_uid)
    sandbox.webhooks.queue(notice_url, imp_uid, payment["merchant_uid"], payment["status"], **more)
