"""What is looked at on this machine and at i'mport: each check by itself, all of them in one table.

A check changes nothing and moves no money. What it says names no secret.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from sqlalchemy import make_url

from storefront.billing import Billing
from storefront.billing.attention import open_items
from storefront.billing.mailing.carriers import CarrierError, MailServer, carrier_for
from storefront.billing.reconciling.readiness import Readiness, examine
from storefront.config import Settings
from storefront.doctor.outside import Outside, Reply
from storefront.iamport import PgSetting, RejectedError, SilenceError
from storefront.iamport.errors import UnauthorizedError

IMPORTS_SENDERS = ("52.78.100.19", "52.78.48.223", "52.78.5.241")
"""Where webhooks come from, as i'mport publishes it."""
MOST_APART = timedelta(minutes=1)
"""i'mport keeps time by NTP; a machine that does not is further off than this."""
CERTIFICATE_LEFT = timedelta(days=14)
"""Less is a renewal that has failed."""
_OK, _FORBIDDEN = 200, 403


class State(StrEnum):
    """How something stands."""

    OK = "ok"
    YOURS = "yours"
    """Nothing is broken; somebody with a real account has to settle it."""
    BROKEN = "broken"


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        name: the check's.
        state: how it stands.
        says: what was found, in one sentence.
        next: what to do, if anything.
    """

    name: str
    state: State
    says: str
    next: str = ""


Found = tuple[State, str, str]


@dataclass(frozen=True)
class Patient:
    """The shop that is looked at, and what was found out of its database."""

    billing: Billing
    outside: Outside
    readiness: Readiness

    @property
    def url(self) -> str:
        """The shop's public address."""
        return self.billing.settings.public_url

    @property
    def is_public(self) -> bool:
        """Whether the internet could reach that address at all."""
        return self.billing.settings.is_public


def look_at(billing: Billing, outside: Outside) -> list[Finding]:
    """Every check, in the order in which one mends things."""
    readiness = examine(billing) if _has_database(billing) else Readiness(database={"ok": False, "reason": "none yet"})
    patient = Patient(billing, outside, readiness)
    return [Finding(name, *check(patient)) for name, check in CHECKS.items()]


def _has_database(billing: Billing) -> bool:
    """Whether there is one to look at: connecting to an SQLite file makes it."""
    address = make_url(billing.settings.database_url)
    return address.get_backend_name() != "sqlite" or Path(str(address.database)).exists()


def _good(says: str) -> Found:
    return State.OK, says, ""


def _keys(patient: Patient) -> Found:
    api = patient.billing.settings.imp_api_url
    try:
        patient.billing.gateway.payments_of(f"doctor-{secrets.token_hex(8)}")
    except UnauthorizedError:
        return State.BROKEN, "i'mport refuses IMP_KEY and IMP_SECRET", "copy both anew from i'mport's console"
    except (SilenceError, RejectedError) as error:
        why = error.reason if isinstance(error, SilenceError) else "it refused to look anything up"
        return State.BROKEN, f"{api} does not answer ({why})", "see whether this machine may reach it, and IMP_API_URL"
    return _good(f"{api} knows them")


def _clock(patient: Patient) -> Found:
    offset = patient.billing.gateway.clock_offset
    if abs(offset) > MOST_APART:
        side = "behind" if offset > timedelta(0) else "ahead of"
        says = f"this machine is {abs(offset).total_seconds():.0f} s {side} i'mport"
        return State.BROKEN, says, "keep its time by NTP"
    return _good("the same as i'mport's")


def _account(patient: Patient) -> Found:
    settings = patient.billing.settings
    if settings.beside_sandbox:
        next_step = "put the merchant's IMP_CODE, IMP_KEY and IMP_SECRET into .env"
        return State.YOURS, "i'mport is played by the sandbox", next_step
    if not settings.imp_live:
        return State.YOURS, "payments of a test channel are taken for good", "set IMP_LIVE=on when real money moves"
    return _good("real money moves")


def _jtnet(patient: Patient) -> Found:
    """A window that opens with another contract than the recurring one takes money and stores no key."""
    settings = patient.billing.settings
    try:
        listed = patient.billing.gateway.pg_settings()
    except SilenceError:
        return State.BROKEN, "i'mport does not say which settings there are", "mend the keys first"
    windows = [one for one in listed if (one.provider, one.kind) == ("jtnet", "payment")]
    if not windows:
        says = "i'mport has no JTNet setting for the payment window"
        return State.BROKEN, says, "put JTNet's MID, key and cancel password into i'mport's console"
    ids = ", ".join(one.pg_id for one in windows)
    meant = [one for one in windows if _is_meant(settings, one)]
    if not meant:
        name = "IMP_CHANNEL_KEY" if settings.imp_channel_key else "IMP_PG"
        return State.BROKEN, f"{name} is none of the settings at i'mport ({ids})", "copy it anew from i'mport's console"
    if len(meant) > 1:
        next_step = "set IMP_PG to jtnet.{MID} of the one whose contract is for recurring payments"
        return State.YOURS, f"there are several ({ids}), and IMP_PG names none of them", next_step
    if meant[0].is_test and settings.imp_live:
        says = f"{meant[0].pg_id} is in test mode, and its payments are refused with IMP_LIVE"
        return State.BROKEN, says, "put JTNet's live MID into i'mport's console"
    return _good(f"windows open with {meant[0].pg_id}")


def _is_meant(settings: Settings, setting: PgSetting) -> bool:
    """Whether a window of this shop may open with a setting."""
    if settings.imp_channel_key:
        return setting.channel_key == settings.imp_channel_key
    return settings.imp_pg in (setting.provider, f"{setting.provider}.{setting.pg_id}")


def _address(patient: Patient) -> Found:
    if not patient.is_public:
        return State.YOURS, f"{patient.url} is this machine's own", "set PUBLIC_URL to the address shoppers will use"
    if not patient.url.startswith("https://"):
        return State.BROKEN, f"{patient.url} is not encrypted", "serve it by https, and say so in PUBLIC_URL"
    reply = _reply(lambda: patient.outside.get(f"{patient.url}/healthz"))
    if reply is None:
        return (
            State.BROKEN,
            f"nobody answers at {patient.url}",
            "start the shop; look at the proxy and at the name's DNS",
        )
    if reply.body != {"status": "ok"}:
        says = f"{patient.url}/healthz is not answered by this shop (HTTP {reply.status})"
        return State.BROKEN, says, "lead the proxy to this shop, with the Host header as it came"
    return _good(f"{patient.url} is this shop")


def _certificate(patient: Patient) -> Found:
    if not patient.is_public or not patient.url.startswith("https://"):
        return (
            State.YOURS,
            "there is no https yet",
            "let a proxy end TLS before the shop (docs/operating.md), and set PUBLIC_URL",
        )
    try:
        left = patient.outside.certificate_ends(patient.url) - patient.billing.clock.now()
    except OSError as error:
        return State.BROKEN, f"nobody can trust it ({type(error).__name__})", "renew it, with its whole chain"
    if left < CERTIFICATE_LEFT:
        return State.BROKEN, f"it ends in {left.days} days", "renew it, and see why that did not happen by itself"
    return _good(f"it holds for {left.days} days")


def _webhook(patient: Patient) -> Found:
    address = patient.billing.settings.notice_url
    if address is None or not patient.is_public:
        return State.YOURS, "the internet does not reach it", "set PUBLIC_URL; i'mport then gets it as notice_url"
    body = {"imp_uid": "imp_000000000000", "merchant_uid": "doctor", "status": "paid"}
    reply = _reply(lambda: patient.outside.post(address, body))
    if reply is None:
        return State.BROKEN, f"nobody answers at {address}", "let POST through to it"
    if reply.status == _FORBIDDEN and patient.billing.settings.webhook_ips:
        return _good(f"{address} lets only IMP_WEBHOOK_IPS in")
    if reply.status != _OK:
        says = f"{address} answers a webhook with HTTP {reply.status}, so i'mport's would be lost"
        return State.BROKEN, says, "let POST through to it, without a redirect, a sign-in or a firewall's question"
    return _good(f"{address} takes webhooks; the console needs it as well, for cancels made there")


def _senders(patient: Patient) -> Found:
    allowed = patient.billing.settings.webhook_ips
    wanted = ",".join(IMPORTS_SENDERS)
    if not allowed:
        return State.YOURS, "webhooks are taken from everywhere (and never believed)", f"IMP_WEBHOOK_IPS={wanted}"
    missing = [one for one in IMPORTS_SENDERS if not any(ipaddress.ip_address(one) in network for network in allowed)]
    if missing:
        return State.BROKEN, f"IMP_WEBHOOK_IPS keeps {', '.join(missing)} out", f"IMP_WEBHOOK_IPS={wanted}"
    return _good("i'mport's addresses alone may send webhooks")


def _database(patient: Patient) -> Found:
    facts = patient.readiness.database
    if not facts["ok"]:
        return (
            State.BROKEN,
            f"it does not answer ({facts.get('reason')})",
            "see DATABASE_URL and whether it runs; storefront db upgrade makes a new one",
        )
    return _good("it answers")


def _schema(patient: Patient) -> Found:
    facts = patient.readiness.schema
    if not facts["ok"]:
        found, needed = str(facts.get("found") or ""), str(facts.get("needed") or "")
        is_newer = found > needed > ""
        helps = "install that version, or restore the backup from before it" if is_newer else "storefront db upgrade"
        return State.BROKEN, f"it is {found or 'not there'}, this shop needs {needed or 'its own'}", helps
    return _good(f"it is {facts['needed']}")


def _last_look(patient: Patient) -> Found:
    facts = patient.readiness.last_look
    if facts["ok"]:
        return _good(f"{facts['age_s']} s ago")
    never = facts.get("age_s") is None
    says = "nobody has looked at i'mport for lost messages" + ("" if never else f" for {facts['age_s']} s")
    return State.BROKEN, says, "run storefront worker beside the shop, or storefront reconcile from cron"


def _attention(patient: Patient) -> Found:
    if not patient.readiness.schema["ok"]:
        return State.BROKEN, "it cannot be read", "mend the database first"
    waiting = len(open_items(patient.billing))
    if waiting:
        return State.YOURS, f"{waiting} of them", "storefront attention"
    return _good("nothing")


def _mail(patient: Patient) -> Found:
    carrier = carrier_for(patient.billing.settings)
    if not isinstance(carrier, MailServer):
        return State.YOURS, "no mail leaves this machine", "set MAIL_URL and MAIL_FROM"
    try:
        carrier.reach()
    except CarrierError as error:
        return State.BROKEN, f"{carrier.host} takes no mail ({error})", "see MAIL_URL: host, port, user, password"
    return _good(f"{carrier.host} takes mails")


def _reply(ask: Callable[[], Reply]) -> Reply | None:
    try:
        return ask()
    except OSError:
        return None


CHECKS: dict[str, Callable[[Patient], Found]] = {
    "keys": _keys,
    "clock": _clock,
    "account": _account,
    "JTNet": _jtnet,
    "address": _address,
    "certificate": _certificate,
    "webhook": _webhook,
    "senders": _senders,
    "database": _database,
    "schema": _schema,
    "last look": _last_look,
    "needs a person": _attention,
    "mail": _mail,
}
"""By the name that is printed. `settings` comes before all of them: without settings nothing can be looked at."""
