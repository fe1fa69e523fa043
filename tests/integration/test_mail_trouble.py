"""Mails that make trouble, and servers that do: nobody else's mail waits for it, and none is sent twice."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NoReturn
from unittest.mock import Mock

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from storefront.billing.mailing import sending
from storefront.billing.mailing.carriers import CarrierError, carrier_for
from storefront.billing.mails.texts import Letter
from storefront.config import Settings
from storefront.models import Mail
from tests.conftest import Shop
from tests.people import Shopper


class Postman:
    """Carries every mail but those to one address, whose box is full."""

    def __init__(self, full: str = "nobody") -> None:
        self.full, self.carried = full, list[str]()

    def carry(self, mail: Mail, letter: Letter) -> None:
        """Remember whom it went to."""
        if mail.to == self.full:
            raise CarrierError("refused with 452 for now")
        assert letter.text
        self.carried.append(mail.to)


class CurtServer:
    """An SMTP server that says what it is told at the end of a mail, and at the end of it all."""

    def __init__(self, taken: bytes, goodbye: bytes) -> None:
        self.taken, self.goodbye, self.mails = taken, goodbye, 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"smtp://127.0.0.1:{self.socket.getsockname()[1]}"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb", buffering=0) as line:
                self._talk(line)

    def _talk(self, line: Any) -> None:
        line.write(b"220 hello\r\n")
        while word := line.readline()[:4].upper():
            if word == b"DATA":
                line.write(b"354 go on\r\n")
                while line.readline() not in (b".\r\n", b""):
                    pass
                self.mails += self.taken.startswith(b"250")
                line.write(self.taken)
            elif word == b"QUIT":
                line.write(self.goodbye)
                return
            else:
                line.write(b"250 ok\r\n")


@pytest.fixture
def curt(request: pytest.FixtureRequest) -> Iterator[CurtServer]:
    """Such a server, until the story ends."""
    server = CurtServer(*request.param)
    yield server
    server.socket.close()


def test_a_mailbox_that_is_full_for_weeks_stops_nobody_elses_mail(
    shop: Shop, shopper: Shopper, another_shopper: Shopper
) -> None:
    """It is tried ever more seldom, up to a bound."""
    shopper.buy()
    postman = Postman(full=shopper.email)
    for _ in range(60):
        shop.pass_time(hours=6)
        sending.send_waiting(shop.billing, postman)
    another_shopper.buy()

    assert sending.send_waiting(shop.billing, postman) == 1
    assert postman.carried == [another_shopper.email]


@pytest.mark.parametrize("broken", [{"kind": "news_of_tomorrow"}, {"payload": {}}], ids=["unknown", "empty"])
def test_a_mail_that_cannot_be_written_stops_nobody_elses(
    shop: Shop, shopper: Shopper, another_shopper: Shopper, broken: dict[str, object]
) -> None:
    """It is left alone for a while; time goes on, too."""
    shopper.buy()
    another_shopper.buy()
    with shop.billing.database.writing() as session:
        first = session.scalar(select(Mail.id).order_by(Mail.id).limit(1))
        session.execute(update(Mail).where(Mail.id == first).values(**broken))
    postman = Postman()

    sending.send_waiting(shop.billing, postman)

    assert postman.carried == [another_shopper.email]
    shop.pass_time(hours=1)
    assert sending.send_waiting(shop.billing, postman) == 0
    with shop.billing.database.reading() as session:
        waits_until = session.scalar(select(Mail.next_try_at).where(Mail.id == first))
    assert waits_until is not None
    assert waits_until > shop.clock.now()


def test_a_bad_mail_beside_a_busy_database_ends_no_look(
    shop: Shop, shopper: Shopper, another_shopper: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong with it cannot even be written down; everything is tried again later."""
    shopper.buy()
    another_shopper.buy()

    def locked() -> NoReturn:
        raise OperationalError("UPDATE mail", {}, Exception("database is locked"))

    def stumble(*_mail: object) -> NoReturn:
        busy.setattr(shop.billing.database, "writing", locked)
        raise ValueError

    with monkeypatch.context() as busy:
        assert sending.send_waiting(shop.billing, Mock(carry=stumble)) == 0
        busy.setattr(sending, "carrier_for", lambda _settings: Mock(carry=stumble))
        sending.send_all(shop.billing)  # it ends

    shop.pass_time(minutes=5)
    assert sending.send_waiting(shop.billing, Postman()) == 2


def test_one_bad_mail_does_not_stop_the_demos_time(shop: Shop, shopper: Shopper) -> None:
    """Time goes on to the next charge all the same."""
    shopper.subscribe()
    with shop.billing.database.writing() as session:
        session.execute(update(Mail).values(payload={}))

    assert shopper.post("/demo/time", {"to": "charge"}).status_code == 303


@pytest.mark.parametrize("curt", [(b"250 taken\r\n", b"421 closing\r\n")], indirect=True)
def test_a_mail_that_was_taken_is_not_sent_again_because_of_how_the_server_said_goodbye(
    shop: Shop, shopper: Shopper, settings: Settings, curt: CurtServer
) -> None:
    """Twice only after a death in the very sending."""
    shopper.buy()
    carrier = carrier_for(replace(settings, mail_url=curt.url, mail_from="shop@example.com"))
    for _ in range(3):
        sending.send_waiting(shop.billing, carrier)
        shop.pass_time(hours=1)

    assert curt.mails == 1


@pytest.mark.parametrize(
    ("curt", "is_dropped"),
    [((b"554 no such mails here\r\n", b"221 bye\r\n"), True), ((b"451 not now\r\n", b"221 bye\r\n"), False)],
    indirect=["curt"],
    ids=["for good", "for now"],
)
def test_a_mail_that_is_refused_after_its_text_is_tried_again_or_not(
    shop: Shop, shopper: Shopper, settings: Settings, curt: CurtServer, is_dropped: bool
) -> None:
    """As the server says."""
    shopper.buy()

    sending.send_waiting(shop.billing, carrier_for(replace(settings, mail_url=curt.url, mail_from="shop@example.com")))

    [mail] = sending.outbox(shop.billing)
    assert (mail.dropped_why is not None, mail.sent_at) == (is_dropped, None)
