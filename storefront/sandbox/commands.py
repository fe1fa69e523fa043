"""The sandbox's own commands, for a command line that has them or for one of their own."""

from __future__ import annotations

import errno
import secrets
import threading
from typing import Any

import click
from flask import Flask

from storefront.sandbox import SandboxSettings, create_sandbox
from storefront.sandbox.books.seed import BadSeedError
from storefront.sandbox.console.scenarios import playing, shelf
from storefront.sandbox.console.scenarios.reading import BadScenario
from storefront.sandbox.console.scenarios.views import inbox
from storefront.sandbox.server import LOCALHOST, create_server, serve
from storefront.sandbox.tools import listen, trigger
from storefront.sandbox.webhooks import MOST_RESENDS, RemoteTargetError

DEFAULTS = SandboxSettings()
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@click.command()
@click.option("--port", type=click.IntRange(0, 65_535), default=8001, show_default=True, help="The sandbox's port.")
@click.option(
    "--host", default=LOCALHOST, show_default=True, help="The address to listen at; another one needs --token."
)
@click.option(
    "--token",
    envvar="SANDBOX_TOKEN",
    help="What /_sandbox/ asks other machines for; without it one is made up and said at the start.",
)
@click.option("--key", default=DEFAULTS.key, show_default=True, help="The REST API key it accepts.")
@click.option("--secret", default=DEFAULTS.secret, show_default=True, help="The REST API secret it accepts.")
@click.option("--code", default=DEFAULTS.code, show_default=True, help="The merchant's identification code.")
@click.option("--webhook-url", help="Where webhooks go when a payment names no notice_url.")
@click.option(
    "--webhook-content-type",
    type=click.Choice(["json", "form"]),
    default="json",
    show_default=True,
    help="How a webhook's body is written.",
)
@click.option(
    "--webhook-resends",
    type=click.IntRange(0, MOST_RESENDS),
    default=0,
    show_default=True,
    help="How often a webhook that failed is sent again, a minute apart.",
)
@click.option("--allow-remote-webhooks", is_flag=True, help="Send webhooks to other machines too.")
@click.option("--state", default=":memory:", help="The file that keeps its state.", show_default=True)
@click.option("--seed", type=int, help="Makes ids the same in every run.")
@click.option("--seed-file", type=click.Path(exists=True, dir_okay=False), help="JSON with payments to begin with.")
@click.option(
    "--scenario",
    type=click.Path(exists=True, dir_okay=False),
    help="JSON with a scenario: it is played once the sandbox is ready, and again from the console.",
)
@click.option(
    "--test-channel/--no-test-channel",
    default=DEFAULTS.test_channel,
    help="Play a test channel, whose payments are looked up with include_sandbox=true only; JTNet's set-up has none.",
)
@click.option("--unknown-key-is-404", is_flag=True, help="HTTP 404 for an unknown customer_uid instead of 200.")
@click.option("--schedule-lists-are-arrays", is_flag=True, help="An array of schedules instead of a page.")
@click.option("--cancelled-windows-stay-ready", is_flag=True, help="A cancelled window leaves `ready`, not `failed`.")
@click.option("--decline-reason", metavar="TEXT", help="What every declined card says.")
@click.option("--confirm-as-form", is_flag=True, help="Ask a confirm_url with a form instead of JSON.")
@click.option(
    "--older-clients", is_flag=True, help="Do without parameters that clients older than their rule leave out."
)
@click.option("--general-pg-id", metavar="MID", help="A second JTNet setting, listed first, that stores no keys.")
@click.option("--luhn", is_flag=True, help="Refuse card numbers whose check digit is wrong.")
@click.option("--extra-fields", is_flag=True, help="Objects with a field that nobody knows.")
def sandbox(host: str, port: int, token: str | None, **options: Any) -> None:
    """The i'mport sandbox alone, for any shop in any language."""
    if host not in _LOOPBACK:
        token = token or secrets.token_urlsafe(16)
    try:
        app = create_sandbox(SandboxSettings(token=token, **options))
    except RemoteTargetError as error:
        raise click.ClickException(f"--webhook-url: {error}, --allow-remote-webhooks allows it") from None
    except (BadSeedError, BadScenario) as error:
        raise click.ClickException(str(error)) from None
    sockets: dict[int, Any] = {}
    try:
        server = create_server(app, host, port, map=sockets)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise click.ClickException(f"--host {host}: {error.strerror or error}") from None
        raise click.ClickException(f"port {port} is taken; choose another one with --port") from None
    if token is not None:
        click.echo(
            f"warning: whoever reaches {host}:{server.effective_port} can use this sandbox. "
            f"Never give it real cards. /_sandbox/ asks for the token {token} (/_sandbox/?token={token} in a browser)",
            err=True,
        )
    name = LOCALHOST if host in _LOOPBACK else f"[{host}]" if ":" in host else host
    click.echo(f"ready sandbox=http://{name}:{server.effective_port}")
    if options["scenario"]:
        threading.Thread(target=_play, args=(app, options["scenario"], server.effective_port), daemon=True).start()
    serve(server, sockets)


def _play(app: Flask, path: str, port: int) -> None:
    """Play a file's scenario beside the server, which takes its webhooks, and say how it went."""
    run = playing.play(app, app.extensions["sandbox"], shelf.of_file(path), inbox(port))
    for position, step in enumerate(run["steps"]):
        for missing in step["missing"]:
            click.echo(f"steps[{position}]: {missing}")
    for line in run["ledger"]:
        if not line["ok"]:
            click.echo(f"ledger: {line['of']} must be {line['must']}, and is {line['is']}")
    verdict = "as it must be" if run["ok"] else "not as it must be"
    click.echo(f"scenario {run['name']}: {verdict}, see /_sandbox/console/scenarios/{run['id']}")


@click.group()
def alone() -> None:
    """The i'mport sandbox, where it is installed without the shop."""


ALL = (sandbox, listen, trigger)
for _command in ALL:
    alone.add_command(_command)
