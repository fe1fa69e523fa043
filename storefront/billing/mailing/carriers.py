"""What carries a mail: a mail server, or nothing at all where the outbox page is all that anybody reads."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTPUTF8
from email.utils import format_datetime
from typing import Protocol
from urllib.parse import unquote, urlsplit

from storefront.billing.mails.texts import Letter
from storefront.config import Settings
from storefront.models import Mail

TIMEOUT_S = 10.0
"""How long a mail server may take for one answer."""
_SUBMISSION, _SUBMISSION_OVER_TLS = 587, 465


class UndeliverableError(Exception):
    """The mail server will never take this mail: trying again changes nothing."""


class CarrierError(Exception):
    """The mail server cannot be reached or does not want mails now. Try again later."""


class Carrier(Protocol):
    """Takes one mail after the other."""

    def carry(self, mail: Mail, letter: Letter) -> None:
        """Take a mail on its way.

        Raises:
            CarrierError: try again later; it may have been taken.
            UndeliverableError: do not try again.
        """


class OutboxOnly:
    """Beside the sandbox nothing leaves the machine: a mail is sent when it may be read on the outbox page."""

    def carry(self, mail: Mail, letter: Letter) -> None:
        """Leave it where it is."""


@dataclass(frozen=True)
class MailServer:
    """An SMTP server.

    Attributes:
        host: its name.
        port: 587 unless the address says something else, 465 for TLS from the beginning.
        over_tls: TLS from the beginning; otherwise STARTTLS is used when it is offered, and demanded with a password.
        sender: what stands in `From`.
        user: whom to sign in as, if at all.
        password: with which password.
    """

    host: str
    port: int
    over_tls: bool
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)

    def carry(self, mail: Mail, letter: Letter) -> None:
        """Hand a mail to the server."""
        try:
            with self._connected() as server:
                server.send_message(_message(mail, letter, self.sender))
        except smtplib.SMTPRecipientsRefused as refused:
            codes = {code for code, _text in refused.recipients.values()}
            if all(code >= 500 for code in codes):  # noqa: PLR2004 - a permanent refusal in SMTP
                raise UndeliverableError(f"refused with {min(codes)}") from None
            raise CarrierError(f"refused with {min(codes)} for now") from None
        except smtplib.SMTPDataError as refused:
            if refused.smtp_code >= 500:  # noqa: PLR2004
                raise UndeliverableError(f"refused with {refused.smtp_code}") from None
            raise CarrierError(f"refused with {refused.smtp_code} for now") from None
        except (OSError, smtplib.SMTPException) as error:
            # The exception's own text may hold addresses and the password's user: its kind says enough.
            raise CarrierError(type(error).__name__) from None

    def reach(self) -> None:
        """Connect and sign in, and send nothing.

        Raises:
            CarrierError: mails would have to wait; the text is what kind of trouble it is.
        """
        try:
            with self._connected():
                pass
        except (OSError, smtplib.SMTPException) as error:
            raise CarrierError(type(error).__name__) from None

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        context = ssl.create_default_context()
        if self.over_tls:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT_S, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_S)
        try:
            server.ehlo()
            if not self.over_tls and (self.password or server.has_extn("starttls")):
                server.starttls(context=context)
            if self.user:
                server.login(self.user, self.password)
            yield server
        finally:
            # What it has taken it has taken, however it says goodbye.
            with suppress(OSError, smtplib.SMTPException):
                server.quit()
            server.close()


def carrier_for(settings: Settings) -> Carrier | None:
    """Who carries this shop's mails; None if nobody does, and they wait until somebody is named.

    Args:
        settings: `MAIL_URL` and `MAIL_FROM`.
    """
    if not settings.mail_url:
        return OutboxOnly() if settings.is_demo else None
    parts = urlsplit(settings.mail_url)
    over_tls = parts.scheme == "smtps"
    return MailServer(
        host=parts.hostname or "",
        port=parts.port or (_SUBMISSION_OVER_TLS if over_tls else _SUBMISSION),
        over_tls=over_tls,
        sender=settings.mail_from,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def _message(mail: Mail, letter: Letter, sender: str) -> EmailMessage:
    message = EmailMessage(policy=SMTPUTF8)
    message["Subject"] = letter.subject
    message["From"] = sender
    message["To"] = mail.to
    message["Date"] = format_datetime(mail.written_at)
    # The same news has the same id: a mail program shows once what a crash in the very sending sent twice.
    message["Message-ID"] = f"<{mail.kind}.{mail.id}@{sender.rpartition('@')[2].rstrip('>')}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    return message
