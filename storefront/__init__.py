"""Morning Roast: a coffee shop that shows JTNet subscription billing through i'mport, end to end.

`web` holds the pages, `billing` what they mean, `iamport` the gateway's REST API, `models` what is remembered.
`sandbox` is an application of its own that plays i'mport; the two know each other only by address.
"""

from __future__ import annotations

from pathlib import Path

from flask import Flask

import storefront.web as web_pages
from storefront.billing import Billing
from storefront.clock import Clock, SandboxClock
from storefront.config import Settings
from storefront.database import Database
from storefront.iamport import Iamport

_HERE = Path(__file__).resolve().parent
# In a checkout templates/ and static/ stand beside the package, in an installed one inside it.
_ROOT = _HERE if (_HERE / "templates").is_dir() else _HERE.parent


def create_app(
    settings: Settings | None = None, *, clock: Clock | None = None, gateway: Iamport | None = None
) -> Flask:
    """The shop as a WSGI application.

    Args:
        settings: checked settings, see `storefront.config.load`. Without them, as Flask's own command and WSGI servers
            call this, they are read from the environment and `.env`, and the database is brought up to date.
        clock: the source of "now"; a test or the demo passes one it can move. Without one it is this machine's time,
            or the sandbox's beside a sandbox.
        gateway: i'mport's client; a test passes one with a transport of its own.

    Returns:
        The application. The database of given settings has to be up to date (`storefront db upgrade`).

    Raises:
        SettingsError: something is missing or does not fit. The shop must not start.
    """
    if settings is None:
        from storefront import starting  # noqa: PLC0415 - which begins with this function

        return starting.app_from_environment()
    app = Flask(__name__, template_folder=str(_ROOT / "templates"), static_folder=str(_ROOT / "static"))
    app.extensions["settings"] = settings
    app.extensions["billing"] = create_billing(settings, clock=clock, gateway=gateway)
    web_pages.init_app(app)
    return app


def create_billing(settings: Settings, *, clock: Clock | None = None, gateway: Iamport | None = None) -> Billing:
    """What the shop and its background work have in common: database, gateway and time."""
    clock = clock or _clock(settings)
    return Billing(
        settings=settings,
        database=Database(settings.database_url),
        gateway=gateway or _gateway(settings, clock),
        clock=clock,
    )


def _clock(settings: Settings) -> Clock:
    """The time: this machine's, or beside the sandbox the sandbox's, which can be moved."""
    return SandboxClock(settings.sandbox_url) if settings.sandbox_url else Clock()


def _gateway(settings: Settings, clock: Clock) -> Iamport:
    return Iamport(
        settings.imp_api_url,
        settings.imp_key,
        settings.imp_secret,
        live=settings.imp_live,
        timeout_s=settings.imp_timeout_s,
        clock=clock,
    )
