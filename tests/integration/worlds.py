"""A world: a shop and a sandbox in which everything has happened once, to which the same can be sent again and again."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from storefront.models import Base
from tests.conftest import Shop
from tests.integration.generated import Generated
from tests.people import Shopper
from tests.wsgi import SANDBOX_URL

_LOGS = ("request", "mention", "event", "token", "tally")
"""What the sandbox writes down about requests, whatever comes of them, and what it counts by itself."""

_RANDOM = re.compile(
    r"mr_[0-9]{8}_\w{20}|card_\w{40}|imps?_[0-9]{12}|\b[0-9a-f]{32,40}\b"
    r"|(?<=csrf-token\" content=\")[^\"]+|(?<=csrf_token\" value=\")[^\"]+|(?<=csrf_token\" type=\"hidden\" value=\")[^\"]+"
    r"|(?<=name=\"token\" value=\")[^\"]+|(?<=name=\"checkout\" value=\")[^\"]+|(?<=[?;&]token=)[\w-]+"
)

_QUERIES = {table.name: text(f"SELECT * FROM {table.name} ORDER BY id") for table in Base.metadata.sorted_tables}  # noqa: S608

State = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    content_type: str
    location: str | None
    text: str


class World:
    """A shop and its sandbox.

    Args:
        shop: the shop, empty.
        sandbox_app: its sandbox, empty.

    Attributes:
        names: what the words in capitals of a generated request stand for here.
    """

    def __init__(self, shop: Shop, sandbox_app: Flask) -> None:
        self.shop, self.sandbox_app = shop, sandbox_app
        self.books = sandbox_app.extensions["sandbox"]
        with shop.billing.database.writing() as session:
            self._count_on(session)
        self.names = self._live_once()
        self._patterns = [(name.encode(), value.encode()) for name, value in self.names.items()]
        tables = self.books.store.all("SELECT name FROM sqlite_schema WHERE type = 'table'")
        self._tables = [f"main.{row['name']}" for row in tables if row["name"] not in _LOGS]
        self._beginning = self.state()
        self._rows = self._all_rows()

    def send(self, app: Flask, address: str, request: Generated) -> Answer:
        """Send a request to one of the two applications."""
        lie = {} if request.length is None else {"CONTENT_LENGTH": request.length}
        reply = app.test_client(use_cookies=False).open(
            path=self._here(request.path.encode("latin-1")).decode("latin-1"),
            method=request.method,
            query_string=self._here(request.query).decode("latin-1"),
            data=self._here(request.body),
            content_type=request.content_type or None,
            headers=[(name, self._here(value.encode("latin-1")).decode("latin-1")) for name, value in request.headers],
            base_url=address,
            environ_overrides={"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "50000", **lie},
        )
        with reply:
            return Answer(
                reply.status_code, reply.mimetype, reply.headers.get("Location"), reply.get_data(as_text=True)
            )

    def state(self) -> State:
        """Everything both remember, table by table."""
        with self.shop.billing.database.engine.connect() as connection:
            state: State = {name: [tuple(row) for row in connection.execute(query)] for name, query in _QUERIES.items()}
        for name in self._tables:
            state[name] = sorted((tuple(row) for row in self.books.store.all(f"SELECT * FROM {name}")), key=repr)  # noqa: S608
        return state

    def begin_again(self) -> set[str]:
        """Make everything as it was at first; the tables that had changed."""
        state = self.state()
        changed = {name for name, rows in state.items() if rows != self._beginning[name]}
        if changed:
            self._put_back()
        return changed

    def _all_rows(self) -> dict[str, list[dict[str, Any]]]:
        with self.shop.billing.database.reading() as session:
            rows = {
                table.name: [dict(row) for row in session.execute(select(table)).mappings()]
                for table in Base.metadata.sorted_tables
            }
        for name in self._tables:
            rows[name] = [dict(row) for row in self.books.store.all(f"SELECT * FROM {name}")]  # noqa: S608
        return rows

    def _put_back(self) -> None:
        self.books.reset()
        for name in self._tables:
            for row in self._rows[name]:
                self.books.store.insert(name, **row)
        self.books.store.insert("token", value=self.names["API_TOKEN"], expired_at=10**10)
        with self.shop.billing.database.writing() as session:
            for table in reversed(Base.metadata.sorted_tables):
                session.execute(table.delete())
            for table in Base.metadata.sorted_tables:
                if self._rows[table.name]:
                    session.execute(table.insert(), self._rows[table.name])
            self._count_on(session)

    @staticmethod
    def _count_on(session: Session) -> None:
        """PostgreSQL gives a number once; SQLite goes on from the highest there is. Here both do."""
        if session.get_bind().dialect.name == "postgresql":
            for table in Base.metadata.sorted_tables:
                highest = session.scalar(select(func.max(table.c.id))) or 0
                sequence = func.pg_get_serial_sequence(table.name, "id")
                session.execute(select(func.setval(sequence, highest + 1, text("false"))))

    def masked(self, words: str | None) -> str:
        """A text without what differs from world to world."""
        for name, value in self.names.items():
            words = (words or "").replace(value, name) if len(value) > 5 else words
        return _RANDOM.sub("…", words or "")

    def _here(self, words: bytes) -> bytes:
        for name, value in self._patterns:
            words = words.replace(name, value)
        return words

    def _live_once(self) -> dict[str, str]:
        """Somebody buys, is declined, gets money back, leaves a window open; somebody else has a card as well."""
        shopper = Shopper(self.shop.browser(), self.shop.sandbox, "shopper@example.com").sign_up()
        somebody = Shopper(self.shop.browser(), self.shop.sandbox, "somebody@example.com").sign_up()
        others = somebody.register_card()
        card, paid, returned = shopper.register_card(), shopper.buy("pay"), shopper.buy("pay")
        shopper.refund(returned["merchant_uid"], token="returned")
        subscribed = shopper.subscribe()
        declined, ready = shopper.buy("pay", card="decline-limit"), shopper.order("pay")
        sandbox = self.shop.sandbox
        order = {"customer_uid": card["customer_uid"], "name": "원두"}
        later = {"schedule_at": 4_000_000_000, "amount": 1_000, "name": "원두", "currency": "KRW"}
        for merchant_uid in ("scheduled", "revoked"):
            wanted = {**order, "schedules": [{**later, "merchant_uid": merchant_uid}]}
            assert sandbox.call("POST", "/subscribe/payments/schedule", **wanted)["code"] == 0
        assert sandbox.call("POST", "/subscribe/payments/unschedule", merchant_uid=["revoked"])["code"] == 0
        stranger = Shopper(self.shop.browser(), sandbox)
        return {
            "PAID_ORDER": paid["merchant_uid"],
            "PAID_IMP_UID": paid["imp_uid"],
            "DECLINED_IMP_UID": declined["imp_uid"],
            "READY_ORDER": ready["merchant_uid"],
            "OTHERS_ORDER": somebody.account()["payments"][0]["merchant_uid"],
            "STORED_KEY": card["customer_uid"],
            "CARD_ID": str(card["id"]),
            "SUBSCRIPTION_ID": str(subscribed["subscription"]),
            "OTHERS_CARD_ID": str(others["id"]),
            "SCHEDULED_ORDER": "scheduled",
            "REVOKED_ORDER": "revoked",
            "OPEN_WINDOW": self._open_window(ready),
            "SHOPPER_EMAIL": shopper.email,
            "SHOPPER_CSRF": shopper.csrf_token(),
            "SHOPPER_SESSION": self._session(shopper),
            "STRANGER_CSRF": stranger.csrf_token(),
            "STRANGER_SESSION": self._session(stranger),
            "API_TOKEN": self.books.store.one("SELECT value FROM token")["value"],
        }

    @staticmethod
    def _session(shopper: Shopper) -> str:
        return str(shopper.browser.cookie("morning_roast"))

    def _open_window(self, params: dict[str, Any]) -> str:
        query = {"code": "imp00000000", "params": json.dumps(params), "device": "pc", "sdk": "new"}
        reply = self.sandbox_app.test_client().get("/payments/open", query_string=query, base_url=SANDBOX_URL)
        return str(reply.headers["Location"]).rpartition("/")[2]
