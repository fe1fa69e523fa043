"""Mails: written with what they tell, told once, sent only while they are true, and never lost by a server that is away."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as email_policy
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from storefront.billing import Billing
from storefront.billing.mailing import sending
from storefront.billing.mailing.carriers import Carrier, CarrierError, OutboxOnly, UndeliverableError, carrier_for
from storefront.billing.mails.texts import Letter
from storefront.models import Mail
from tests.conftest import Shop
from tests.integration.news import tell
from tests.people import BUYER, Sandbox, Shopper


def outbox(shop: Shop) -> list[dict[str, Any]]:
    """What the outbox page gives to programs."""
    mails = shop.browser().get("/demo/outbox", headers={"Accept": "application/json"}).get_json()
    assert isinstance(mails, list)
    return mails


def kinds(shop: Shop) -> list[str]:
    """What was told, oldest first."""
    return [mail["kind"] for mail in outbox(shop)]


class Pigeon:
    """A carrier in a test's hand: it fails as told, and remembers what it carried."""

    def __init__(self, *failures: Exception) -> None:
        self.failures, self.carried = list(failures), list[str]()

    def carry(self, mail: Mail, letter: Letter) -> None:  # noqa: ARG002 - what a carrier is given
        """Fail, or carry."""
        if self.failures:
            raise self.failures.pop(0)
        self.carried.append(letter.subject)


class Postbox:
    """What a real mail server has received."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answer = "250 OK"

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take an address, or refuse it as told."""
        if self.answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.answer

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the mail."""
        message = message_from_bytes(envelope.content or b"", policy=email_policy)  # type: ignore[arg-type]
        assert isinstance(message, EmailMessage)
        self.mails.append(message)
        return "250 OK"


@pytest.fixture
def postbox() -> Iterator[tuple[Postbox, str]]:
    """A mail server on this machine, and its address."""
    box = Postbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    try:
        yield box, f"smtp://127.0.0.1:{port}"
    finally:
        server.stop()


def by_mail(billing: Billing, url: str) -> Carrier:
    """What carries mails of a shop whose settings name that server."""
    carrier = carrier_for(replace(billing.settings, mail_url=url, mail_from="아침로스팅 <hello@example.com>"))
    assert carrier is not None
    return carrier


def test_a_receipt_is_written_with_the_payment_and_sent_once(shop: Shop, shopper: Shopper) -> None:
    """Its callback, its webhook and a second look tell the same news."""
    payment = shopper.buy()
    shop.deliver_webhooks()
    shop.reconcile()

    assert [(mail["kind"], mail["to"], mail["sent_at"]) for mail in outbox(shop)] == [("receipt", shopper.email, None)]
    assert [sending.send_waiting(shop.billing), sending.send_waiting(shop.billing)] == [1, 0]
    receipt = outbox(shop)[0]
    assert receipt["sent_at"] >= receipt["written_at"]
    assert f"/payments/{payment['merchant_uid']}" in receipt["text"]


def test_a_mail_speaks_the_language_of_the_checkout(shop: Shop, shopper: Shopper) -> None:
    """Whatever language its shopper's browser has later; amounts and plans are written as pages write them."""
    shopper.browser.get("/language/en")
    shopper.buy()
    shopper.browser.get("/language/ko")

    mail = outbox(shop)[0]

    assert (mail["language"], mail["subject"]) == ("en", "Morning Roast: you paid ₩14,900")
    assert "You paid ₩14,900 for Morning" in mail["text"]


def test_a_card_stored_for_nothing_has_no_receipt(shop: Shop, shopper: Shopper) -> None:
    """Nothing was paid."""
    shopper.register_card()

    assert kinds(shop) == []


def test_a_button_shows_its_receipt_and_its_refund_is_told(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """Whoever orders another bag looks at its page; in the language its card was stored in they hear of the rest."""
    shopper.browser.get("/language/en")
    card = shopper.register_card()
    payment = shopper.charged(card["id"])

    sandbox.cancel_in_console(payment["imp_uid"])
    tell(shop, payment["imp_uid"], payment["merchant_uid"])

    assert [(mail["kind"], mail["language"]) for mail in outbox(shop)] == [("refunded", "en")]


def test_money_that_came_back_is_told_when_i_mport_says_so_and_once_for_each_sum(
    shop: Shop, shopper: Shopper, sandbox: Sandbox
) -> None:
    """First a part, then the rest; hearing of either again tells nothing new."""
    payment = shopper.buy()
    for amount in (900, None):
        sandbox.cancel_in_console(payment["imp_uid"], amount)
        tell(shop, payment["imp_uid"], payment["merchant_uid"])
        tell(shop, payment["imp_uid"], payment["merchant_uid"])

    assert kinds(shop) == ["receipt", "refunded", "refunded"]
    partly, wholly = outbox(shop)[1:]
    assert "900" in partly["text"]
    assert "14,900" in wholly["text"]


def test_the_end_of_a_subscription_is_told_with_its_reason(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """The money of the present period was given back: that is two pieces of news."""
    payment = shopper.subscribe()
    sandbox.cancel_in_console(payment["imp_uid"])
    tell(shop, payment["imp_uid"], payment["merchant_uid"])
    tell(shop, payment["imp_uid"], payment["merchant_uid"])

    assert sorted(kinds(shop)) == ["ended", "receipt", "refunded"]


def test_what_is_no_longer_true_is_not_sent(shop: Shop, shopper: Shopper, sandbox: Sandbox) -> None:
    """A cancel that was undone before anybody was told of it is dropped, and shown as dropped."""
    payment = shopper.buy()
    sandbox.cancel_in_console(payment["imp_uid"])
    tell(shop, payment["imp_uid"], payment["merchant_uid"])
    sandbox.undo_cancel(payment["imp_uid"])
    tell(shop, payment["imp_uid"], payment["merchant_uid"])

    sending.send_waiting(shop.billing)

    told = {mail["kind"]: (bool(mail["sent_at"]), mail["dropped"]) for mail in outbox(shop)}
    assert told == {"receipt": (True, None), "refunded": (False, "no longer true")}


def test_a_server_that_is_away_loses_no_mail(shop: Shop, shopper: Shopper) -> None:
    """It is tried again, each time after a longer pause, and sent when the server is back."""
    shopper.buy()
    pigeon = Pigeon(CarrierError("away"), CarrierError("away"))
    tries = []
    for minutes in (0, 1, 1, 4):
        shop.pass_time(minutes=minutes)
        tries.append(sending.send_waiting(shop.billing, pigeon))

    assert tries == [0, 0, 0, 1]
    assert len(pigeon.carried) == 1


def test_an_address_that_does_not_exist_is_not_tried_for_ever(shop: Shop, shopper: Shopper) -> None:
    """The server said so; the outbox shows it."""
    shopper.buy()

    assert sending.send_waiting(shop.billing, Pigeon(UndeliverableError("refused with 550"))) == 0
    shop.pass_time(days=1)
    assert sending.send_waiting(shop.billing, Pigeon()) == 0
    assert outbox(shop)[0]["dropped"] == "refused with 550"


def test_a_mail_is_claimed_by_one_sender(shop: Shop, shopper: Shopper) -> None:
    """Another one that looks in the very moment of sending finds nothing to send."""
    shopper.buy()
    seen: list[int] = []

    class Curious(Pigeon):
        def carry(self, mail: Mail, letter: Letter) -> None:
            seen.append(sending.send_waiting(shop.billing, Pigeon()))
            super().carry(mail, letter)

    assert sending.send_waiting(shop.billing, Curious()) == 1
    assert seen == [0]


def test_a_death_in_the_very_sending_sends_it_again_later(shop: Shop, shopper: Shopper) -> None:
    """Twice at worst, and never not at all."""
    shopper.buy()
    with pytest.raises(KeyboardInterrupt):
        sending.send_waiting(shop.billing, Pigeon(KeyboardInterrupt()))  # type: ignore[arg-type]

    assert sending.send_waiting(shop.billing, Pigeon()) == 0
    shop.pass_time(minutes=5)
    assert sending.send_waiting(shop.billing, Pigeon()) == 1


def test_a_real_server_gets_it_as_it_was_written(shop: Shop, shopper: Shopper, postbox: tuple[Postbox, str]) -> None:
    """Korean and all: subject, sender, text and link arrive as they are in the outbox."""
    box, url = postbox
    shopper.buy()

    assert sending.send_waiting(shop.billing, by_mail(shop.billing, url)) == 1

    received, mail = box.mails[0], outbox(shop)[0]
    assert received["Subject"] == mail["subject"] == "아침로스팅: 14,900원 결제됐어요"
    assert received["From"] == "아침로스팅 <hello@example.com>"
    assert received["To"] == shopper.email
    assert re.sub(r"\s+", " ", received.get_content()) == re.sub(r"\s+", " ", mail["text"]) + " "


@pytest.mark.parametrize(("answer", "dropped"), [("550 no such user", "refused with 550"), ("450 later", None)])
def test_a_server_s_refusal_is_final_or_not(
    shop: Shop, shopper: Shopper, postbox: tuple[Postbox, str], answer: str, dropped: str | None
) -> None:
    """As SMTP has it: 5xx for good, 4xx for now."""
    box, url = postbox
    box.answer = answer
    shopper.buy()

    assert sending.send_waiting(shop.billing, by_mail(shop.billing, url)) == 0
    assert outbox(shop)[0]["dropped"] == dropped


def test_nobody_to_carry_them_lets_mails_wait(shop: Shop) -> None:
    """Where money is real a shop without a mail server writes them down all the same."""
    settings = shop.billing.settings

    assert isinstance(carrier_for(settings), OutboxOnly)
    assert carrier_for(replace(settings, imp_api_url="https://api.iamport.kr")) is None
    assert carrier_for(replace(settings, imp_live=True)) is None


def test_a_password_is_shown_nowhere(shop: Shop) -> None:
    """Not where a server is printed, and not where settings are."""
    settings = replace(shop.billing.settings, mail_url="smtps://me:pa%3Ass-word@mail.example.com")
    carrier = carrier_for(settings)

    assert getattr(carrier, "password", "") == "pa:ss-word"
    assert "ss-word" not in f"{carrier!r} {settings!r}"


def test_the_outbox_is_a_page_for_people_too(shop: Shop, shopper: Shopper) -> None:
    """Newest first, with a link that leads to the payment."""
    payment = shopper.buy()

    page = shopper.browser.get("/demo/outbox").text

    assert shopper.email in page
    assert f'href="{shop.billing.settings.public_url}/payments/{payment["merchant_uid"]}"' in page
    assert BUYER["phone"] not in page


@pytest.mark.parametrize("setting", [{"imp_api_url": "https://api.iamport.kr"}, {"imp_live": True}])
def test_the_outbox_exists_beside_the_sandbox_only(shop: Shop, setting: dict[str, Any]) -> None:
    """Elsewhere it would show everybody's mails to anybody."""
    shop.app.extensions["billing"] = replace(shop.billing, settings=replace(shop.billing.settings, **setting))

    assert shop.browser().get("/demo/outbox").status_code == 404
