"""Who may come in: this machine only, or with a token everybody on the network.

None of the sandbox's pages asks for a password. So it answers to its own names only, on this machine only, and another
page's script changes nothing. Told to serve a network, what i'mport really has stays as open as i'mport is (it asks for
its own keys), and everything under `/_sandbox/` asks for the token that was said at the start.
"""

from __future__ import annotations

import ipaddress
import secrets
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import abort, redirect, request

from storefront.sandbox.console.scenarios.filling import INBOX_PATH
from storefront.sandbox.parts import sandbox

TOKEN_HEADER = "X-Sandbox-Token"  # noqa: S105 - its name
_COOKIE = "sandbox_token"
_QUERY = "token"
_OWN_NAMES = ("localhost", "127.0.0.1", "::1")
_PLAYED_NAMES = ("api.iamport.kr", "service.iamport.kr", "cdn.iamport.kr")
"""A machine or a browser may be told that these are here, so that programs which know no other name meet the sandbox."""


def check() -> Any:
    """Let a request in (None), or answer it: HTTP 403, 401 without the token, or the page without the token in its address."""
    is_own = request.path.startswith("/_sandbox") and request.path != INBOX_PATH
    token = sandbox().settings.token
    if token is None:
        _keep_to_this_machine(is_own=is_own)
    if not is_own:
        return None
    _refuse_other_pages()
    return None if token is None else _ask_for(token)


def _keep_to_this_machine(*, is_own: bool) -> None:
    if urlsplit(f"//{request.host}").hostname not in (_OWN_NAMES if is_own else _OWN_NAMES + _PLAYED_NAMES):
        abort(403, "the sandbox answers to localhost only")
    if not _is_loopback(request.remote_addr):
        abort(403, "the sandbox is for this machine only; --host serves a network")


def _refuse_other_pages() -> None:
    origin = request.headers.get("Origin")
    if request.method not in ("GET", "HEAD") and origin not in (None, request.host_url.rstrip("/")):
        abort(403, "another page may not change the sandbox")


def _ask_for(token: str) -> Any:
    given = request.headers.get(TOKEN_HEADER) or request.cookies.get(_COOKIE) or request.args.get(_QUERY, "")
    if not secrets.compare_digest(given.encode(), token.encode()):
        abort(401, f"this sandbox serves a network: send its token as {TOKEN_HEADER}, or open /_sandbox/?{_QUERY}=…")
    if request.method != "GET" or _QUERY not in request.args:
        return None
    # A browser keeps it as a cookie, so that it stands in no address that is shared or logged.
    rest = urlencode([(name, value) for name, value in request.args.items(multi=True) if name != _QUERY])
    answer = redirect(f"{request.path}?{rest}" if rest else request.path, 303)
    answer.set_cookie(_COOKIE, token, httponly=True, samesite="Strict")
    return answer


def _is_loopback(address: str | None) -> bool:
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False
