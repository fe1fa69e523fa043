"""The same step by hand: a command for a shell, or a script for a browser's console. They hold no secret."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from storefront.config import Settings
from storefront.journal import Exchange


@dataclass(frozen=True)
class Command:
    """Something to copy.

    Attributes:
        language: `curl` or `JavaScript`.
        text: the command.
    """

    language: str
    text: str


def token(settings: Settings) -> str:
    """Fetch an access token into `$TOKEN`; the keys are in the reader's environment."""
    ask = (
        f"curl -s {settings.imp_api_url}/users/getToken"
        ' --data-urlencode "imp_key=$IMP_KEY" --data-urlencode "imp_secret=$IMP_SECRET"'
    )
    take = r"""sed 's/.*"access_token": *"\([^"]*\)".*/\1/'"""
    return f"TOKEN=$({ask} | {take})"


def request(settings: Settings, exchange: Exchange) -> Command:
    """Ask i'mport the same once more, or post the same webhook."""
    query = f"?{exchange.query}" if exchange.query else ""
    if "://" in exchange.path:
        return Command("curl", _curl(exchange, exchange.path))
    address = f"{settings.imp_api_url}{exchange.path}{query}"
    call = _curl(exchange, address, '-H "Authorization: $TOKEN"')
    return Command("curl", f"{token(settings)}\n{call}")


def come_back(settings: Settings, said: Mapping[str, Any]) -> Command:
    """Come back from the window as a phone did, without having been there."""
    return Command("curl", f"curl -si {shlex.quote(f'{settings.return_url}?{urlencode(said)}')}")


def open_window(settings: Settings, parameters: Mapping[str, Any]) -> Command:
    """Open the window, from the console of a page that has the SDK."""
    shown = json.dumps(parameters, ensure_ascii=False, indent=2)
    return Command(
        "JavaScript",
        f'IMP.init("{settings.imp_code}");\nIMP.request_pay({shown}, function (rsp) {{\n  console.log(rsp);\n}});',
    )


def tell(message: Mapping[str, Any]) -> Command:
    """Say what the page's callback said, from the console of any page of the shop."""
    body = json.dumps(message, ensure_ascii=False)
    return Command(
        "JavaScript",
        """const csrf = document.querySelector('meta[name="csrf-token"]').content;
const reply = await fetch("/payments/complete", {
  method: "POST",
  headers: { "Content-Type": "application/json", "X-CSRFToken": csrf },
"""
        f"  body: JSON.stringify({body}),\n"
        """});
console.log(await reply.json());""",
    )


def _curl(exchange: Exchange, address: str, *headers: str) -> str:
    method = [] if exchange.method == "GET" else ["-X", exchange.method]
    body = [] if exchange.body in ("", "{}") else ["-H 'Content-Type: application/json'", "-d", _quoted(exchange.body)]
    return " ".join(["curl -s", *method, *headers, *body, shlex.quote(address)])


def _quoted(body: str) -> str:
    try:
        return shlex.quote(json.dumps(json.loads(body), ensure_ascii=False))
    except ValueError:
        return shlex.quote(body)
