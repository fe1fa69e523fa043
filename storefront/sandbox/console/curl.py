"""The command that repeats a request, to be pasted into a shell."""

from __future__ import annotations

import shlex

from storefront.sandbox.settings import SandboxSettings

_KNOWN_SECRET = SandboxSettings().secret
_NOT_KEPT = "…"


def with_token(settings: SandboxSettings, origin: str, method: str, path: str, query: str = "", body: str = "") -> str:
    """A REST call, and the line before it that fetches its token.

    Args:
        settings: the merchant. Its secret is written out only if it is the one in every README.
        origin: where the sandbox answers.
        method: the HTTP method.
        path: the path, quoted.
        query: the query, quoted.
        body: the JSON body; `{}` is none.

    Returns:
        Two commands; one for getToken itself.
    """
    ask = f"curl -s {origin}/users/getToken {_keys(settings)}"
    if path.rstrip("/") == "/users/getToken":
        return ask
    address = origin + path + (f"?{query}" if query else "")
    call = ["curl", *_method(method), '-H "Authorization: $TOKEN"', *_json(body), shlex.quote(address)]
    take = r"""sed 's/.*"access_token": *"\([^"]*\)".*/\1/'"""
    return _hint(body) + f"TOKEN=$({ask} | {take})\n" + " ".join(call)


def without_token(method: str, address: str, body: str = "") -> str:
    """A call that asks for no token: a webhook, or an address of the sandbox's own."""
    return " ".join(["curl", *_method(method), *_json(body), shlex.quote(address)])


def _keys(settings: SandboxSettings) -> str:
    if settings.secret == _KNOWN_SECRET:
        return f"-d imp_key={shlex.quote(settings.key)} -d imp_secret={_KNOWN_SECRET}"
    return '--data-urlencode "imp_key=$IMP_KEY" --data-urlencode "imp_secret=$IMP_SECRET"'


def _method(method: str) -> list[str]:
    return [] if method == "GET" else ["-X", shlex.quote(method)]


def _json(body: str) -> list[str]:
    return [] if body in ("", "{}") else ["-H 'Content-Type: application/json'", "-d", shlex.quote(body)]


def _hint(body: str) -> str:
    missing = _NOT_KEPT in body or "\\u2026" in body
    return "# Card data are not kept: write them where \\u2026 stands.\n" if missing else ""
