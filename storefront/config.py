"""The settings: read once from the environment and `.env`, checked before anything starts.

A message about a setting names it and says what to do; it never repeats a secret.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

IAMPORT_API_URL = "https://api.iamport.kr"
IAMPORT_SDK_URL = "https://cdn.iamport.kr/v1/iamport.js"
PUBLISHED_SECRET_KEYS = ("change-me", "only-for-the-demo-on-this-machine")
"""Out of earlier examples and sources. Whoever knows the key can be any shopper, so these are as good as none."""
SHORTEST_SECRET_KEY = 16

_KEYS = ("IMP_CODE", "IMP_KEY", "IMP_SECRET")
_ADDRESS = re.compile(r"[^\s<>@]+@[^\s<>@]+>?$")
_PG = re.compile(r"jtnet(\.[A-Za-z0-9_-]{1,80})?")
_DATABASES = ("sqlite", "postgresql+psycopg")
_STORAGES = ("memory", "redis", "rediss")
_YES, _NO = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class SettingsError(Exception):
    """The shop cannot start like this. The text has one line for each setting to mend."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Settings:
    """Everything the shop may be told from outside."""

    secret_key: str = field(repr=False)
    """Signs sessions; empty if the shop is to make one and keep it (see `storefront.secret_key`)."""
    database_url: str = field(repr=False)
    public_url: str
    """The shop's own address, without a slash at its end. Absolute addresses are made from it, never from a request."""
    imp_code: str
    imp_key: str = field(repr=False)
    imp_secret: str = field(repr=False)
    imp_pg: str = "jtnet"
    imp_channel_key: str | None = None
    imp_api_url: str = IAMPORT_API_URL
    imp_sdk_url: str = IAMPORT_SDK_URL
    imp_live: bool = False
    imp_timeout_s: float = 30.0
    webhook_ips: tuple[Network, ...] = ()
    trusted_proxy: str | None = None
    """The address of the reverse proxy whose `X-Forwarded-For` is believed."""
    charge_grace_s: int = 600
    rate_limits: bool = True
    rate_limit_storage: str = field(default="memory://", repr=False)
    """Where the throttles count: in each process, or in a Redis that all of them share."""
    secret_key_file: Path | None = None
    """Where a key is kept that the shop has made itself; None keeps it no longer than its process."""
    mail_url: str = field(default="", repr=False)
    """The mail server; empty: beside the sandbox the outbox page is all there is, elsewhere mails wait."""
    mail_from: str = ""
    """Who writes to shoppers."""
    bound_host: str | None = None
    """The address the shop listens on, by which it may be asked as well as by its public one."""

    @property
    def beside_sandbox(self) -> bool:
        """Whether i'mport is played by the sandbox: its API is on this very machine."""
        return _is_loopback(self.imp_api_url)

    @property
    def is_public(self) -> bool:
        """Whether the internet could reach the shop's address at all."""
        return not _is_loopback(self.public_url)

    @property
    def is_demo(self) -> bool:
        """Whether no real money can move: then everything may be shown and played, and a demo shopper needs no password."""
        return self.beside_sandbox and not self.imp_live

    @property
    def sandbox_url(self) -> str | None:
        """Where the demo's sandbox answers: its clock is the shop's, and pages lead to its console."""
        return self.imp_api_url if self.is_demo else None

    @property
    def notice_url(self) -> str | None:
        """Where i'mport should send webhooks, if it can reach us: the internet does not reach a loopback address."""
        if not self.is_public and not self.beside_sandbox:
            return None
        return f"{self.public_url}/webhooks/iamport"

    @property
    def return_url(self) -> str:
        """Where a phone comes back to (`m_redirect_url`). i'mport adds the query, so it has none of its own."""
        return f"{self.public_url}/payments/complete/mobile"

    def at(self, public_url: str) -> Settings:
        """The same settings for a shop that has just been given its address."""
        return replace(self, public_url=public_url.rstrip("/"))


def environment(directory: Path | None = None) -> dict[str, str]:
    """The environment on top of the `.env` file of a directory (the present one if none is named)."""
    file = (directory or Path.cwd()) / ".env"
    try:
        in_file = dotenv_values(file)
    except UnicodeDecodeError:
        raise SettingsError([f"{file}: save it as UTF-8"]) from None
    return {name: value for name, value in {**in_file, **os.environ}.items() if value is not None}


def has_keys(values: Mapping[str, str]) -> bool:
    """Whether any of i'mport's keys is set: then i'mport is meant, and the others must be there too."""
    return any(values.get(name, "").strip() for name in _KEYS)


def is_live(values: Mapping[str, str]) -> bool:
    """Whether real money is meant to move, whatever else is missing."""
    return values.get("IMP_LIVE", "").strip().lower() in _YES


def load(values: Mapping[str, str], *, public_url: str, folder: Path) -> Settings:
    """Settings out of the environment.

    Args:
        values: names and values, as `environment()` gives them.
        public_url: where the shop listens; its own address too when `PUBLIC_URL` is not set.
        folder: where the database is kept when `DATABASE_URL` is not set, and the shop's own key when the database has no
            folder to keep it beside.

    Returns:
        The settings.

    Raises:
        SettingsError: something is missing or does not fit; every such setting has its line. The shop must not start.
    """
    reader = _Reader(values)
    live = reader.switch("IMP_LIVE", default=False)
    secret_key = reader.text("SECRET_KEY", "")
    database_url = reader.database("DATABASE_URL", _in_a_file(folder.resolve() / "shop.sqlite"))
    settings = Settings(
        secret_key="" if secret_key in PUBLISHED_SECRET_KEYS else secret_key,
        database_url=database_url,
        public_url=reader.url("PUBLIC_URL", public_url),
        imp_code=reader.required("IMP_CODE"),
        imp_key=reader.required("IMP_KEY"),
        imp_secret=reader.required("IMP_SECRET"),
        imp_pg=reader.matching("IMP_PG", "jtnet", _PG, "jtnet or jtnet.{MID}"),
        imp_channel_key=reader.text("IMP_CHANNEL_KEY", "") or None,
        imp_api_url=reader.url("IMP_API_URL", IAMPORT_API_URL),
        imp_sdk_url=reader.url("IMP_SDK_URL", IAMPORT_SDK_URL),
        imp_live=live,
        imp_timeout_s=reader.number("IMP_TIMEOUT", 30, least=1),
        webhook_ips=reader.networks("IMP_WEBHOOK_IPS"),
        trusted_proxy=reader.address("TRUSTED_PROXY"),
        charge_grace_s=reader.number("CHARGE_GRACE", 600, least=0),
        rate_limits=reader.switch("RATE_LIMITS", default=True),
        rate_limit_storage=reader.storage("RATE_LIMIT_STORAGE", "memory://"),
        secret_key_file=_folder_of(database_url, folder) / "secret_key",
        mail_url=reader.mail_server("MAIL_URL"),
        mail_from=reader.text("MAIL_FROM", ""),
        bound_host=urlsplit(public_url).hostname,
    )
    if settings.mail_url and not _ADDRESS.search(settings.mail_from):
        reader.problems.append("MAIL_FROM: with MAIL_URL it must be an address, like Morning Roast <hello@example.com>")
    if live:
        reader.problems += _live_problems(settings)
    if reader.problems:
        raise SettingsError(reader.problems)
    return settings


def _in_a_file(file: Path) -> str:
    """The address of a file, in whose name `?` and `%` mean nothing."""
    return URL.create("sqlite", database=str(file)).render_as_string(hide_password=False)


def _folder_of(database_url: str, otherwise: Path) -> Path:
    """The folder of the database's file, if it is one."""
    address = make_url(database_url)
    in_a_file = address.get_backend_name() == "sqlite" and address.database not in (None, "", ":memory:")
    return Path(str(address.database)).resolve().parent if in_a_file else otherwise.resolve()


def _live_problems(settings: Settings) -> list[str]:
    problems = []
    if len(settings.secret_key) < SHORTEST_SECRET_KEY:
        problems.append(
            f"SECRET_KEY: with IMP_LIVE it must be your own, at least {SHORTEST_SECRET_KEY} characters; "
            'make one with: python -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    for name, address in (
        ("PUBLIC_URL", settings.public_url),
        ("IMP_API_URL", settings.imp_api_url),
        ("IMP_SDK_URL", settings.imp_sdk_url),
    ):
        if urlsplit(address).scheme != "https":
            problems.append(f"{name}: with IMP_LIVE it must begin with https://")
    return problems


class _Reader:
    """Reads one value after the other and collects what is wrong, so that everything is said at once."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.problems: list[str] = []

    def text(self, name: str, default: str) -> str:
        return self._values.get(name, "").strip() or default

    def required(self, name: str) -> str:
        value = self.text(name, "")
        if not value:
            self.problems.append(f"{name}: missing; the i'mport console shows it")
        return value

    def matching(self, name: str, default: str, pattern: re.Pattern[str], wanted: str) -> str:
        value = self.text(name, default)
        if not pattern.fullmatch(value):
            self.problems.append(f"{name}: should be {wanted}")
        return value

    def url(self, name: str, default: str) -> str:
        value = self.text(name, default).rstrip("/")
        try:
            parts = urlsplit(value)
            readable = parts.port != 0 and bool((parts.hostname or "").encode("idna"))
        except ValueError:
            readable = False
        if not readable or parts.scheme not in ("http", "https") or parts.query or parts.fragment:
            self.problems.append(f"{name}: should be an address that begins with https:// (or http://)")
            return default
        return value

    def mail_server(self, name: str) -> str:
        value = self.text(name, "")
        try:
            parts = urlsplit(value)
            readable = parts.scheme in ("smtp", "smtps") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            readable = False
        if value and not readable:
            self.problems.append(f"{name}: should be smtp://user:password@host:587 or smtps://user:password@host")
            return ""
        return value

    def database(self, name: str, default: str) -> str:
        value = self.text(name, default)
        kind = value.partition("://")[0]
        if not _is_database(value):
            begin = " or ".join(f"{known}://" for known in _DATABASES)
            self.problems.append(f"{name}: should be an address that begins with {begin}")
            return default
        if kind != "sqlite" and find_spec("psycopg") is None:
            self.problems.append(f"{name}: PostgreSQL needs a driver; install it with: pip install '.[postgresql]'")
        return value

    def storage(self, name: str, default: str) -> str:
        value = self.text(name, default)
        kind, separator, _ = value.partition("://")
        if kind not in _STORAGES or not separator:
            self.problems.append(f"{name}: should begin with {', '.join(f'{known}://' for known in _STORAGES)}")
            return default
        if kind != "memory" and find_spec("redis") is None:
            self.problems.append(f"{name}: Redis needs a driver; install it with: pip install '.[redis]'")
            return default
        return value

    def address(self, name: str) -> str | None:
        value = self.text(name, "")
        try:
            return str(ipaddress.ip_address(value)) if value else None
        except ValueError:
            self.problems.append(f"{name}: should be one address")
            return None

    def number(self, name: str, default: int, *, least: int) -> int:
        value = self.text(name, str(default))
        if not value.isdecimal() or int(value) < least:
            self.problems.append(f"{name}: should be a whole number of seconds, {least} or more")
            return default
        return int(value)

    def switch(self, name: str, *, default: bool) -> bool:
        value = self.text(name, "on" if default else "off").lower()
        if value not in _YES + _NO:
            self.problems.append(f"{name}: should be on or off")
        return value in _YES

    def networks(self, name: str) -> tuple[Network, ...]:
        names = [part.strip() for part in self.text(name, "").split(",") if part.strip()]
        try:
            return tuple(ipaddress.ip_network(part) for part in names)
        except ValueError:
            self.problems.append(f"{name}: should be addresses or networks, separated by commas")
            return ()


def _is_database(address: str) -> bool:
    try:
        return make_url(address).drivername in _DATABASES
    except (ArgumentError, ValueError):
        return False


@cache
def _is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
