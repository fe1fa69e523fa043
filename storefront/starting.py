"""A shop out of its settings, ready to serve: what `storefront run`, Flask's own command and every WSGI server begin with."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import click
from flask import Flask

from storefront import config, create_app, logs, revision
from storefront.billing import Billing, shoppers
from storefront.clock import Clock
from storefront.config import Settings, SettingsError

INSTANCE = Path("instance")
"""Where a shop keeps what it needs, unless told otherwise."""
_USUAL_HOST, _USUAL_PORT = "127.0.0.1", 8000

log = logging.getLogger(__name__)


def app_from_environment() -> Flask:
    """The shop that the environment and `.env` describe, for whoever serves it.

    Raises:
        SettingsError: something is missing or does not fit. The shop must not start. A command line says it by itself.
    """
    logs.configure()
    with said_by_line() if click.get_current_context(silent=True) else nullcontext():
        settings = config.load(config.environment(), public_url=_where_it_is_served(), folder=INSTANCE)
        return ready_app(settings)


def ready_app(settings: Settings, clock: Clock | None = None) -> Flask:
    """The shop with a database that is up to date, and the demo shopper where no real money moves."""
    app = create_app(settings, clock=clock)
    billing: Billing = app.extensions["billing"]
    _bring_up_to_date(billing)
    warn_about(settings)
    if settings.is_demo:
        shoppers.demo_shopper(billing)
    app.shell_context_processor(lambda: {"billing": billing})
    billing.database.close()  # a server may fork now, and no two processes may share a connection
    return app


def warn_about(settings: Settings) -> None:
    """What a shop can be started without, and should not be for long."""
    if not settings.mail_url and not settings.is_demo:
        log.warning("mails_wait", extra={"fields": {"missing": "MAIL_URL"}})


@contextmanager
def said_by_line() -> Iterator[None]:
    """What is wrong with the settings is an answer to whoever started this, and no traceback."""
    try:
        yield
    except SettingsError as error:
        raise click.ClickException("\n".join(["the settings need mending:", *error.problems])) from None


def address(host: str, port: int) -> str:
    """Where a shop that listens there is found from this machine."""
    try:
        if ipaddress.ip_address(host).is_unspecified:  # every address of the machine, which is no name for any
            host = _USUAL_HOST
    except ValueError:
        pass
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _bring_up_to_date(billing: Billing) -> None:
    with billing.database.engine.connect() as connection:
        if revision.found(connection) == revision.needed():
            return
    from storefront import schema  # noqa: PLC0415 - a shop whose database is up to date does without Alembic

    try:
        schema.upgrade(billing.database)
    except schema.NewerError as error:
        raise SettingsError([f"DATABASE_URL: {error}"]) from None


def _where_it_is_served() -> str:
    """Where `flask run` says it will listen; another server is told the usual place, or `PUBLIC_URL` says where it is."""
    context = click.get_current_context(silent=True)
    options = context.params if context and context.info_name == "run" else {}
    return address(options.get("host") or _USUAL_HOST, options.get("port") or _USUAL_PORT)
