"""`listen` and `trigger`, for people who know Stripe's: see webhooks as they come, and make one come."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import click
import requests

from storefront.sandbox.testing import SandboxClient, SandboxError, Webhook

LOOK_EVERY_S = 0.3
AMOUNT = 14_900
AGAIN = "/subscribe/payments/again"
SCHEDULE = "/subscribe/payments/schedule"

_sandbox_option = click.option(
    "--sandbox", "url", default="http://localhost:8001", show_default=True, help="The sandbox's address."
)
_token_option = click.option("--token", envvar="SANDBOX_TOKEN", help="Its token, if it serves a network.")


@click.command()
@click.argument("target", metavar="URL")
@_sandbox_option
@_token_option
def listen(target: str, url: str, token: str | None) -> None:
    """Have a sandbox's webhooks sent to URL, and print each as it comes, until Ctrl-C.

    A payment that names a notice_url keeps it; its webhooks are printed too.
    """
    with _asking(url, token) as sandbox:
        seen = max((hook.id for hook in sandbox.webhooks.all()), default=0)
        before = sandbox.webhooks.aim(target)
        click.echo(f"listening: webhooks of {url} go to {target}")
        try:
            for hook in _coming(sandbox, seen):
                click.echo(_line(hook))
        finally:
            sandbox.webhooks.aim(before)


def _coming(sandbox: SandboxClient, seen: int) -> Iterator[Webhook]:
    """Every webhook once it has been tried, or is known to go nowhere; for ever."""
    waiting: set[int] = set()
    while True:
        first = min(waiting, default=seen + 1)
        for hook in sandbox.webhooks.all(after=first - 1):
            if hook.id <= seen and hook.id not in waiting:
                continue
            seen = max(seen, hook.id)
            if hook.attempts or hook.state in ("dropped", "held"):
                waiting.discard(hook.id)
                yield hook
            else:
                waiting.add(hook.id)
        time.sleep(LOOK_EVERY_S)


def _line(hook: Webhook) -> str:
    said = " ".join(str(hook.body.get(name)) for name in ("status", "imp_uid", "merchant_uid"))
    if not hook.attempts:
        return f"{said} -> {hook.url}: {hook.state}"
    last = hook.attempts[-1]
    return f"{said} -> {hook.url}: {last['status'] or last['error']} ({last['ms']} ms)"


def _window(sandbox: SandboxClient, amount: int = AMOUNT, *, card: str = "approve", key: str | None = None) -> str:
    """Go through a window; the payment's imp_uid."""
    params: dict[str, Any] = {"pg": "jtnet", "merchant_uid": _new("trigger"), "amount": amount, "name": "Trigger"}
    return str(sandbox.pay(params | ({"customer_uid": key} if key else {}), card=card).imp_uid)


def _paid(sandbox: SandboxClient) -> None:
    _window(sandbox)


def _cancelled(sandbox: SandboxClient) -> None:
    sandbox.console.cancel(_window(sandbox))


def _cancelled_in_part(sandbox: SandboxClient) -> None:
    sandbox.console.cancel(_window(sandbox), 1_000)


def _key_issued(sandbox: SandboxClient) -> None:
    _window(sandbox, 0, key=_new("card"))


def _charged_again(sandbox: SandboxClient) -> None:
    key = _new("card")
    _window(sandbox, 0, key=key)
    sandbox.call("POST", AGAIN, customer_uid=key, merchant_uid=_new("trigger"), amount=AMOUNT, name="Trigger")


def _schedule_paid(sandbox: SandboxClient) -> None:
    _schedule(sandbox, card="approve")


def _schedule_failed(sandbox: SandboxClient) -> None:
    _schedule(sandbox, card="decline-later")


def _schedule(sandbox: SandboxClient, *, card: str) -> None:
    key = _new("card")
    _window(sandbox, 0, card=card, key=key)
    due = {"merchant_uid": _new("trigger"), "schedule_at": sandbox.clock.now + 60, "amount": AMOUNT}
    sandbox.call("POST", SCHEDULE, customer_uid=key, schedules=[{**due, "name": "Trigger", "currency": "KRW"}])
    sandbox.clock.advance(seconds=60)


EVENTS: dict[str, Callable[[SandboxClient], None]] = {
    "payment.paid": _paid,
    "payment.cancelled": _cancelled,
    "payment.cancelled-in-part": _cancelled_in_part,
    "billing-key.issued": _key_issued,
    "again.paid": _charged_again,
    "schedule.paid": _schedule_paid,
    "schedule.failed": _schedule_failed,
}
"""What i'mport tells by itself: of declined windows and charges it sends nothing. What came before (a payment to cancel, a
card to charge) sends its webhook too."""


@click.command()
@click.argument("event", type=click.Choice(list(EVENTS)))
@_sandbox_option
@_token_option
def trigger(event: str, url: str, token: str | None) -> None:
    """Make EVENT happen at a sandbox, and print the webhooks it caused."""
    with _asking(url, token) as sandbox:
        seen = max((hook.id for hook in sandbox.webhooks.all()), default=0)
        EVENTS[event](sandbox)
        sandbox.webhooks.drain()
        caused = sandbox.webhooks.all(after=seen)
    for hook in caused:
        click.echo(_line(hook))
    if not caused:
        click.echo("it happened, and nobody is told: start `listen URL`, or the sandbox with --webhook-url")


@contextmanager
def _asking(url: str, token: str | None) -> Iterator[SandboxClient]:
    """A sandbox that runs by itself; whatever it cannot do is said in one line."""
    with closing(SandboxClient(url.rstrip("/"), token=token)) as sandbox:
        try:
            yield sandbox
        except SandboxError as refused:
            raise click.ClickException(str(refused)) from None
        except requests.RequestException:
            raise click.ClickException(f"no sandbox answers at {url}; --sandbox names another address") from None


def _new(kind: str) -> str:
    return f"{kind}_{secrets.token_hex(8)}"
