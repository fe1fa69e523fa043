"""The command line: `storefront demo | run | sandbox | listen | trigger | reconcile | renew | report | price | attention | worker | doctor | db`."""

from __future__ import annotations

import errno
import math
import os
import re
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from flask import Flask

from storefront import background, config, create_billing, logs, revision, serving, starting
from storefront.billing import Billing, monthly
from storefront.billing.attention import DATABASE_TROUBLE, open_items
from storefront.billing.catalogue import PLANS
from storefront.billing.changing import pricing
from storefront.billing.reconciling import desk, reconciliation
from storefront.billing.renewing import forecast, renewal
from storefront.billing.subscriptions.standing import MovedOnError
from storefront.clock import SEOUL, Clock, LentClock
from storefront.config import Settings
from storefront.doctor.command import doctor
from storefront.iamport import SilenceError
from storefront.sandbox import SandboxSettings, commands, create_sandbox
from storefront.sandbox.server import LOCALHOST
from storefront.sandbox.server import create_server as create_sandbox_server
from storefront.states import EndReason

SANDBOX = SandboxSettings()
_MONTH = re.compile("20[0-9]{2}-(0[1-9]|1[0-2])")
_GRACE_BESIDE_SANDBOX = "5"
"""`CHARGE_GRACE` of the demo: beside the sandbox nothing is on its way for longer, and nobody waits ten minutes for an answer."""
_DAY = re.compile("20[0-9]{2}-[0-9]{2}-[0-9]{2}")
_LAST_YEAR = 2099
_PORT = click.IntRange(0, 65_535)
_ITEM = click.IntRange(1, 2**31 - 1)


def _moment(_context: click.Context, _option: click.Parameter, text: str | None) -> datetime | None:
    """A moment as people write it: without a zone it is Seoul's, without a time the day's end."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter("write it like 2027-01-31 or 2027-01-31T09:00+09:00") from None
    if moment.year > _LAST_YEAR:
        raise click.BadParameter(f"choose a year up to {_LAST_YEAR}")
    if len(text) <= len("2027-01-31"):
        moment += timedelta(days=1)
    return moment if moment.tzinfo else moment.replace(tzinfo=SEOUL)


def _finite(_context: click.Context, _option: click.Parameter, number: float) -> float:
    if math.isnan(number):  # which is in every range
        raise click.BadParameter("write a number")
    return number


def _first_day(_context: click.Context, _option: click.Parameter, text: str) -> date:
    if not _MONTH.fullmatch(text):
        raise click.BadParameter("write it like 2027-01")
    return date.fromisoformat(f"{text}-01")


def _day(_context: click.Context, _option: click.Parameter, text: str) -> date:
    if not _DAY.fullmatch(text):
        raise click.BadParameter("write it like 2027-01-31")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise click.BadParameter("there is no such day") from None


class _Commands(click.Group):
    """Commands whose machine, folder or database may not be as they should: a line says so, and no traceback."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except DATABASE_TROUBLE as error:
            why = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
            if "no such" in why:  # a table or a column of SQLite's: a mistake of ours
                raise
            raise _UnaskedError(f"the database cannot be used: {why}") from None
        except OSError as error:
            if error.filename is None:
                raise
            raise click.ClickException(f"{error.filename}: {error.strerror}") from None


@click.group(cls=_Commands)
def main() -> None:
    """Morning Roast: JTNet subscription billing through i'mport, end to end."""
    serving.end_on_signals()
    logs.configure()


for _command in commands.ALL:
    main.add_command(_command)
main.add_command(doctor)


@main.command()
@click.option("--port", type=_PORT, default=8000, show_default=True, help="The shop's port.")
@click.option("--sandbox-port", type=_PORT, default=8001, show_default=True, help="The sandbox's port.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default="instance",
    show_default=True,
    help="The databases' folder.",
)
@click.option("--no-browser", is_flag=True, help="Do not open a browser.")
def demo(port: int, sandbox_port: int, data: Path, no_browser: bool) -> None:
    """Shop, sandbox and background work in one process; nothing has to be set up."""
    values = _environment()
    if config.is_live(values):
        raise click.ClickException("demo never runs with IMP_LIVE; use `storefront run`")
    data.mkdir(parents=True, exist_ok=True)
    sockets: serving.SocketMap = {}
    listening = _listen("--port", port, serving.listen)
    shop_url = starting.address(serving.HOST, listening.getsockname()[1])
    servers: list[Any] = []
    clock: Clock | None = None
    beside = "i'mport"
    if not config.has_keys(values):
        sandbox = create_sandbox(
            SandboxSettings(state=str((data / "sandbox.sqlite").resolve()), webhook_url=f"{shop_url}/webhooks/iamport")
        )
        server = _listen(
            "--sandbox-port", sandbox_port, lambda port: create_sandbox_server(sandbox, LOCALHOST, port, map=sockets)
        )
        servers.append(server)
        beside = f"http://localhost:{server.effective_port}"
        values = {"CHARGE_GRACE": _GRACE_BESIDE_SANDBOX, **values, **_sandbox_keys(beside)}
        clock = _time_of(sandbox)
    settings = _load(values, public_url=shop_url, folder=data)
    with starting.said_by_line():
        app = starting.ready_app(settings, clock)
    servers.insert(0, serving.serve_shop(app, listening, sockets))
    if settings.beside_sandbox:
        click.echo("i'mport is played by the sandbox: no account, no internet, no real money")
        click.echo(f"ready shop={settings.public_url} sandbox={beside}")
    else:
        click.echo(f"talking to i'mport at {settings.imp_api_url}")
        click.echo(f"ready shop={settings.public_url}")
    if not no_browser and sys.stdout.isatty():
        webbrowser.open(settings.public_url)
    billing: Billing = app.extensions["billing"]
    with background.working(billing, senders=renewal.SENDERS_BESIDE_PAGES) as finish_work:

        def finish() -> None:
            finish_work()
            billing.errands.close()

        serving.run(servers, sockets, finish=finish)


@main.command()
@click.option("--port", type=_PORT, default=8000, show_default=True, help="The shop's port.")
@click.option("--host", default=serving.HOST, show_default=True, help="The address to listen at.")
def run(port: int, host: str) -> None:
    """The shop alone, from its settings."""
    listening = _listen("--port", port, lambda port: serving.listen(port, host))
    bound = starting.address(host, listening.getsockname()[1])
    settings = _load(_environment(), public_url=bound, folder=starting.INSTANCE)
    with starting.said_by_line():
        app = starting.ready_app(settings)
    sockets: serving.SocketMap = {}
    server = serving.serve_shop(app, listening, sockets)
    click.echo(f"ready shop={settings.public_url}")
    serving.run([server], sockets, finish=app.extensions["billing"].errands.close)


@main.command()
def reconcile() -> None:
    """Finish what is open and look for what nobody told us.

    Ends with 0 if all is well, 1 if a person is needed, 2 if i'mport could not be asked.
    """
    report = reconciliation.reconcile(_billing())
    lines = [f"looked at {len(report.looked_at)} open orders"]
    for title, found in (
        ("changed", report.changed),
        ("undecided", report.undecided),
        ("could not ask i'mport about", report.unheard),
        ("needs a person", report.needs_person),
    ):
        lines += [f"{title}: {line}" for line in found]
    _say(lines)
    sys.exit(2 if report.unheard else 1 if report.needs_person else 0)


@main.group(invoke_without_command=True)
@click.pass_context
def attention(context: click.Context) -> None:
    """What needs a person: list it, look at an item, close one."""
    if context.invoked_subcommand is None:
        context.invoke(list_attention)


@attention.command("list")
def list_attention() -> None:
    """Everything that is open, the oldest first."""
    items = open_items(_billing())
    _say([desk.line(item) for item in items] or ["nothing needs a person"])


@attention.command("show")
@click.argument("item_id", metavar="ID", type=_ITEM)
def show_attention(item_id: int) -> None:
    """An item, what i'mport says of it now, and the ways out."""
    with _refusals():
        look = desk.show(_billing(), item_id)
    item = look.item
    closed = (
        f"closed {item.closed_at:%Y-%m-%d %H:%M} UTC: {item.closed_why or 'it is over'}" if item.closed_at else None
    )
    _say([desk.line(item), *([closed] if closed else []), *look.says, look.ways_out])


@attention.command("close")
@click.argument("item_id", metavar="ID", type=_ITEM)
@click.option("--why", required=True, help="The reason; the order's timeline shows it.")
def close_attention(item_id: int, why: str) -> None:
    """Ask i'mport about an item, and close it."""
    if not why.strip():
        raise click.BadParameter("say why", param_hint="--why")
    with _refusals():
        item = desk.close(_billing(), item_id, why)
    _say([f"closed: {desk.line(item)}" if item.closed_why else f"it was over already: {desk.line(item)}"])


@main.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be charged.")
@click.option(
    "--until", callback=_moment, metavar="TIME", help="With --dry-run: up to when, e.g. 2027-01-31 or …T09:00+09:00."
)
def renew(*, dry_run: bool, until: datetime | None) -> None:
    """Charge the subscriptions that are due now, and do what else is due about them."""
    if until is not None and not dry_run:
        raise click.UsageError("--until belongs to --dry-run: nothing is charged before it is due")
    billing = _billing()
    if dry_run:
        _say([*_foreseen(billing, until), "nothing was charged"])
        return
    report = renewal.renew(billing)
    if report.is_behind:
        raise click.ClickException("this machine's clock is behind what is stored: nothing was charged, set it right")
    outcomes = renewal.outcomes_of(billing, report.sent)
    lines = [f"{payment.merchant_uid}: {payment.status}, {payment.amount_krw} won" for payment in outcomes]
    _say([*lines, f"charged {len(report.sent)}, decided {report.decided} others"])
    sys.exit(1 if report.troubled else 0)


@main.command()
@click.option(
    "--every",
    type=click.FloatRange(0.1, 3_600),
    callback=_finite,
    default=background.EVERY_S,
    show_default=True,
    help="Seconds between two looks.",
)
def worker(every: float) -> None:
    """Renew and reconcile by itself, until ended; any number of workers may run at once."""
    # It may be started beside a shop that is just making the tables: until then its looks fail, and it goes on.
    billing = _billing_as_it_is()
    starting.warn_about(billing.settings)
    with background.working(billing, every_s=every):
        click.echo("ready")
        threading.Event().wait()


@main.command()
@click.argument("plan", type=click.Choice([plan.code for plan in PLANS]))
@click.argument("won", type=click.IntRange(100, 10_000_000))
@click.option("--from", "begins_on", required=True, callback=_day, metavar="YYYY-MM-DD", help="A day of Seoul's.")
def price(plan: str, won: int, begins_on: date) -> None:
    """Have a plan cost WON a month from a day on, at least 31 days ahead; who pays less is asked to agree."""
    [sold] = [sold for sold in PLANS if sold.code == plan]
    try:
        announced = pricing.set_price(_billing(), sold, won, begins_on)
    except pricing.TooSoonError:
        raise click.ClickException(f"choose a day at least {pricing.SET_BEFORE_DAYS} days ahead") from None
    except MovedOnError:
        raise click.ClickException("a subscription is being changed at this moment: say it again") from None
    _say(
        [
            f"{plan} costs {won:,} won from {begins_on} on",
            f"asked {announced.asked}, lowered {announced.lowered}, unchanged {announced.unchanged} subscriptions",
        ]
    )


@main.command()
@click.option("--month", "first_day", required=True, callback=_first_day, metavar="YYYY-MM", help="A month of Seoul's.")
def report(first_day: date) -> None:
    """A month in figures: charged, refunded, declined, recovered, active, left and ended."""
    figures = monthly.month(_billing(), first_day)
    others = {reason.value: count for reason, count in figures.ended.items() if reason != EndReason.LEFT}
    _say(
        [
            f"{first_day:%Y-%m}",
            f"charged    {figures.charged_krw:>12,} won, {figures.charges} charges",
            f"refunded   {figures.refunded_krw:>12,} won",
            f"recovered  {figures.recovered_krw:>12,} won, {figures.recovered} periods",
            f"declined   {_by_name(figures.declined)}",
            f"active     {figures.active}",
            f"left       {figures.ended[EndReason.LEFT]}",
            f"ended      {_by_name(others)}",
        ]
    )


@main.group()
def db() -> None:
    """The shop's database."""


@db.command()
def upgrade() -> None:
    """Bring the database to the newest schema."""
    from storefront import schema  # noqa: PLC0415 - a running shop does without Alembic

    try:
        schema.upgrade(_billing_as_it_is().database)
    except schema.NewerError as error:
        raise _UnaskedError(str(error)) from None
    click.echo("the database has the newest schema")


def _foreseen(billing: Billing, until: datetime | None) -> Iterator[str]:
    for each in forecast.foresee(billing, until or billing.clock.now()):
        interval, terms = each.upcoming.interval, each.upcoming.terms
        yield (
            f"subscription {each.subscription_id}: {terms.plan}, period {interval.number}, {terms.price_krw} won"
            f" to {each.card_number} on {each.upcoming.at.astimezone(SEOUL):%Y-%m-%d %H:%M} Seoul"
        )


def _by_name(counts: Mapping[str, int]) -> str:
    names = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    return f"{sum(counts.values())}" + (f" ({names})" if names else "")


class _UnaskedError(click.ClickException):
    exit_code = 2


@contextmanager
def _refusals() -> Iterator[None]:
    """Why an item is not closed or shown: in one line, with 1, or 2 if i'mport could not be asked."""
    try:
        yield
    except desk.NotOpenError as error:
        raise click.ClickException(f"nothing open has the number {error}") from None
    except MovedOnError:
        raise click.ClickException("it is being changed at this moment: try again") from None
    except desk.StillHeldError as error:
        raise click.ClickException(f"{error} that is not in the shop's books: cancel it in the console first") from None
    except SilenceError as silence:
        raise _UnaskedError(f"i'mport could not be asked, so nothing has changed ({silence.reason})") from None


def _say(lines: list[str]) -> None:
    """Print lines, or fail: what was not written must not look as if it had been."""
    try:
        click.echo("\n".join(lines))
        sys.stdout.flush()
    except OSError as error:
        # Python would try once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.ClickException(f"the report could not be written: {error.strerror}") from None


def _time_of(sandbox: Flask) -> Clock:
    """The demo's time is the sandbox's: whoever moves one of them, in the shop or in the console, moves both."""
    parts = sandbox.extensions["sandbox"]
    return LentClock(parts.clock.now, parts.advance)


def _listen(option: str, port: int, start: Callable[[int], Any]) -> Any:
    try:
        return start(port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise click.ClickException(f"cannot listen there: {error.strerror}") from None
        raise click.ClickException(f"port {port} is taken; choose another one with {option}") from None


def _environment() -> dict[str, str]:
    with starting.said_by_line():
        return config.environment()


def _load(values: dict[str, str], *, public_url: str, folder: Path) -> Settings:
    with starting.said_by_line():
        return config.load(values, public_url=public_url, folder=folder)


def _sandbox_keys(sandbox_url: str) -> dict[str, str]:
    return {
        "IMP_CODE": SANDBOX.code,
        "IMP_KEY": SANDBOX.key,
        "IMP_SECRET": SANDBOX.secret,
        "IMP_API_URL": sandbox_url,
        "IMP_SDK_URL": f"{sandbox_url}/v1/iamport.js",
    }


def _billing_as_it_is() -> Billing:
    """Billing without a web application, for the commands that serve nothing."""
    settings = _load(_environment(), public_url="http://127.0.0.1:8000", folder=starting.INSTANCE)
    return create_billing(settings)


def _billing() -> Billing:
    """The same, over a database that has its tables."""
    billing = _billing_as_it_is()
    with billing.database.engine.connect() as connection:
        trouble = revision.mismatch(connection)
    if trouble:
        raise _UnaskedError(trouble)
    return billing
