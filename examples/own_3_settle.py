"""Step 3 of `docs/take-it-home.md`: orders, cards and settling as they are, without a page of this shop."""

import os
import re
from datetime import UTC, datetime
from pathlib import Path

from yourshop.billing import Billing
from yourshop.billing.catalogue import PLANS
from yourshop.billing.payments import charges, checkout, settlement
from yourshop.billing.payments.settlement import Door
from yourshop.billing.reconciling import reconciliation
from yourshop.clock import Clock
from yourshop.config import load
from yourshop.database import Database
from yourshop.iamport import Iamport, SilenceError
from yourshop.models import Base, Shopper

ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
"""What i'mport's numbers and ours look like; whatever else comes in is nobody's."""
URL = "http://127.0.0.1:3000"
BUYER = checkout.Buyer("Kim", "kim@example.com", "010-1234-5678")


def open_shop(folder: Path) -> Billing:
    """What every act of billing needs; one for the whole process."""
    keys = {"IMP_CODE": "imp00000000", "IMP_KEY": "sandbox_key", "IMP_SECRET": "sandbox_secret"}
    api = os.environ.get("IMP_API_URL", "http://localhost:8001")
    database_url = f"sqlite:///{(folder / 'orders.sqlite').resolve()}"
    values = {"SECRET_KEY": "a-key-of-your-own", "IMP_API_URL": api, "DATABASE_URL": database_url, **keys}
    settings = load(values, public_url=URL, folder=folder)
    clock = Clock()
    database = Database(settings.database_url)
    Base.metadata.create_all(database.engine)  # in earnest: a migration
    return Billing(settings, database, Iamport(api, settings.imp_key, settings.imp_secret, clock=clock), clock)


def new_shopper(billing: Billing) -> int:
    """Your own table of users, in the end."""
    shopper = Shopper(email="kim@example.com", name="Kim", password_hash="-", created_at=datetime.now(UTC))  # noqa: S106
    with billing.database.writing() as session:
        session.add(shopper)
        session.flush()
        return int(shopper.id)


def window_parameters(billing: Billing, shopper_id: int) -> dict:
    """For the page with the button."""
    wish = checkout.Wish(plan=PLANS[0], mode="pay", consent_version="1")  # "register": a card alone, for 0 won
    return checkout.request_pay_parameters(
        billing, checkout.begin(billing, shopper_id=shopper_id, wish=wish, buyer=BUYER)
    )


def hear(billing: Billing, door: Door, message: dict) -> tuple[int, str]:
    """For the callback, the phone's return and the webhook: only the ids are used. The answer's code, and what to say."""
    ids = {name: message.get(name) for name in ("imp_uid", "merchant_uid")}
    if not all(value is None or (isinstance(value, str) and ID.fullmatch(value)) for value in ids.values()):
        return 400, "no ids"
    try:
        order = settlement.settle(billing, door, **ids)
    except SilenceError:
        return 503, "tell me again"
    return 200, order.status if order else "not ours"


def one_more(billing: Billing, shopper_id: int, card_id: int, token: str) -> str:
    """For the button on the account page; the token makes two clicks one charge. The order's number."""
    return charges.charge_again(billing, shopper_id=shopper_id, card_id=card_id, plan=PLANS[0], token=token)


def every_five_minutes(billing: Billing) -> None:
    """For a cron job or a thread: what was lost, what is unknown, what nobody told us."""
    reconciliation.reconcile(billing)
