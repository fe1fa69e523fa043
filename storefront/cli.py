"""The command line: `storefront demo | run | sandbox | reconcile | worker | db`."""

from __future__ import annotations

import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from flask import Flask

from storefront import background, config, create_app, create_billing, logs, serving
from storefront.billing import Billing, shoppers
from storefront.billing.reconciling import reconciliation
from storefront.clock import Clock
from storefront.config import Settings, SettingsError
from storefront.sandbox import SandboxSettings, commands, create_sandbox
from storefront.sandbox.server import create_server as create_sandbox_server

SANDBOX = SandboxSettings()
INSTANCE = Path("instance")
"""Where a shop keeps what it needs, unless told otherwise."""


@click.group()
def main() -> None:
    """Morning Roast: JTNet subscription billing through i'mport, end to end."""
    serving.end_on_signals()
    logs.configure()


main.add_command(commands.sandbox)


@main.command()
@click.option("--port", default=8000, show_default=True, help="The shop's port.")
@click.option("--sandbox-port", default=8001, show_default=True, help="The sandbox's port.")
@click.option(
    "--data", type=click.Path(path_type=Path), default="instance", show_default=True, help="The databases' folder."
)
@click.option("--no-browser", is_flag=True, help="Do not open a browser.")
def demo(port: int, sandbox_port: int, data: Path, no_browser: bool) -> None:
    """Shop, sandbox and background work in one process; nothing has to be set up."""
    values = config.environment()
    data.mkdir(parents=True, exist_ok=True)
    sockets: serving.SocketMap = {}
    listening = _listen("--port", port, serving.listen)
    shop_url = f"http://{serving.HOST}:{listening.getsockname()[1]}"
    servers: list[Any] = []
    clock = Clock()
    beside = "i'mport"
    if not config.has_keys(values):
        sandbox = create_sandbox(
            SandboxSettings(state=str((data / "sandbox.sqlite").resolve()), webhook_url=f"{shop_url}/webhooks/iamport")
        )
        server = _listen(
            "--sandbox-port", sandbox_port, lambda port: create_sandbox_server(sandbox, serving.HOST, port, map=sockets)
        )
        servers.append(server)
        beside = f"http://localhost:{server.effective_port}"
        values = {**values, **_sandbox_keys(beside)}
        clock = _SandboxTime(sandbox)
    settings = _load(values, public_url=shop_url, folder=data)
    if settings.imp_live:
        raise click.ClickException("demo never runs with IMP_LIVE; use `storefront run`")
    app = _migrated_shop(settings, clock)
    servers.insert(0, serving.serve_shop(app, listening, sockets, trusted_proxy=settings.trusted_proxy))
    if settings.beside_sandbox:
        shoppers.demo_shopper(app.extensions["billing"])
        click.echo("i'mport is played by the sandbox: no account, no internet, no real money")
        click.echo(f"ready shop={settings.public_url} sandbox={beside}")
    else:
        click.echo(f"talking to i'mport at {settings.imp_api_url}")
        click.echo(f"ready shop={settings.public_url}")
    if not no_browser and sys.stdout.isatty():
        webbrowser.open(settings.public_url)
    with background.reconciling(app.extensions["billing"]):
        serving.run(servers, sockets)


@main.command()
@click.option("--port", default=8000, show_default=True, help="The shop's port.")
def run(port: int) -> None:
    """The shop alone, from its settings."""
    listening = _listen("--port", port, serving.listen)
    bound = f"http://{serving.HOST}:{listening.getsockname()[1]}"
    settings = _load(config.environment(), public_url=bound, folder=INSTANCE)
    app = _migrated_shop(settings, Clock())
    if settings.beside_sandbox:
        shoppers.demo_shopper(app.extensions["billing"])
    sockets: serving.SocketMap = {}
    server = serving.serve_shop(app, listening, sockets, trusted_proxy=settings.trusted_proxy)
    click.echo(f"ready shop={settings.public_url}")
    serving.run([server], sockets)


@main.command()
def reconcile() -> None:
    """Finish what is open and look for what nobody told us; 1 when a person has to look."""
    report = reconciliation.reconcile(_billing())
    click.echo(f"looked at {len(report.looked_at)} open orders")
    for title, lines in (
        ("changed", report.changed),
        ("undecided", report.undecided),
        ("needs a person", report.needs_person),
    ):
        for line in lines:
            click.echo(f"{title}: {line}")
    sys.exit(1 if report.needs_person else 0)


@main.command()
@click.option("--every", default=5.0, show_default=True, help="Seconds between two looks.")
def worker(every: float) -> None:
    """Reconcile by itself, until ended."""
    click.echo("ready")
    background.reconcile_forever(_billing(), every_s=every, stop=threading.Event())


@main.group()
def db() -> None:
    """The shop's database."""


@db.command()
def upgrade() -> None:
    """Bring the database to the newest schema."""
    from storefront import schema  # noqa: PLC0415 - a running shop does without Alembic

    schema.upgrade(_billing().database)
    click.echo("the database has the newest schema")


class _SandboxTime(Clock):
    """The demo's time is the sandbox's, so that its console can skip a month for both."""

    def __init__(self, sandbox: Flask) -> None:
        super().__init__()
        self._sandbox = sandbox.extensions["sandbox"].clock

    def now(self) -> datetime:
        """The sandbox's present moment."""
        now: datetime = self._sandbox.now()
        return now


def _listen(option: str, port: int, start: Callable[[int], Any]) -> Any:
    try:
        return start(port)
    except (serving.PortTakenError, OSError):
        raise click.ClickException(f"port {port} is taken; choose another one with {option}") from None


def _load(values: dict[str, str], *, public_url: str, folder: Path) -> Settings:
    with _said_by_line():
        return config.load(values, public_url=public_url, folder=folder)


@contextmanager
def _said_by_line() -> Iterator[None]:
    """What is wrong with the settings is an answer to whoever started this, and no traceback."""
    try:
        yield
    except SettingsError as error:
        raise click.ClickException("\n".join(["the settings need mending:", *error.problems])) from None


def _sandbox_keys(sandbox_url: str) -> dict[str, str]:
    return {
        "IMP_CODE": SANDBOX.code,
        "IMP_KEY": SANDBOX.key,
        "IMP_SECRET": SANDBOX.secret,
        "IMP_API_URL": sandbox_url,
        "IMP_SDK_URL": f"{sandbox_url}/v1/iamport.js",
    }


def _billing() -> Billing:
    """Billing without a web application, for the commands that serve nothing."""
    settings = _load(config.environment(), public_url="http://127.0.0.1:8000", folder=INSTANCE)
    return create_billing(settings)


def _migrated_shop(settings: Settings, clock: Clock) -> Flask:
    from storefront import schema  # noqa: PLC0415

    with _said_by_line():
        app = create_app(settings, clock=clock)
    schema.upgrade(app.extensions["billing"].database)
    return app
