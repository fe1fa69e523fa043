"""Step 1 of `docs/take-it-home.md`: i'mport's client alone, with orders of your own."""

import os
import secrets
from dataclasses import dataclass, field

from yourshop.iamport import Iamport, RejectedError, SilenceError

iamport = Iamport(os.environ.get("IMP_API_URL", "http://localhost:8001"), "sandbox_key", "sandbox_secret")


@dataclass
class Order:
    """A row of yours, committed before anything is sent."""

    amount: int
    status: str = "requested"
    number: str = field(default_factory=lambda: f"order-{secrets.token_hex(10)}")


def charge(order: Order, customer_uid: str) -> None:
    """Charge a stored key; then the order is `paid`, `failed`, or still `requested`: look it up again later."""
    buyer = {"buyer_name": "Kim", "buyer_email": "kim@example.com", "buyer_tel": "010-1234-5678"}
    what = {"customer_uid": customer_uid, "merchant_uid": order.number, "amount": order.amount, "name": "Bag"}
    try:
        order.status = iamport.charge_again(**what, **buyer).status
    except (RejectedError, SilenceError):
        look_up(order)  # it may have been charged: never send it again under another number


def look_up(order: Order) -> None:
    """What became of an order; call it again later while it is `requested`, and give it up after a day."""
    try:
        payments = iamport.payments_of(order.number)
    except SilenceError:
        return  # silence is no answer
    if any(payment.captured and payment.amount == order.amount for payment in payments):
        order.status = "paid"
