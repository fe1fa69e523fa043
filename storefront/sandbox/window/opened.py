"""The payment windows that were opened: what each was asked for, and how it ended.

In a frame on another origin a browser keeps no cookie, so a window is found again by an address nobody can guess.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from storefront.sandbox.books import history
from storefront.sandbox.parts import Sandbox

_AT_WORK = "null"
"""Stands where the ending will be, from the press of the button until there is one."""


@dataclass(frozen=True)
class Opening:
    """What a page asked for.

    Attributes:
        code: the merchant's identification code, as the page gave it to `IMP.init`.
        params: what the page gave `IMP.request_pay`.
        device: a desktop gets a callback, a phone a redirect.
        sdk: the style of the script the page uses.
        request_id: names the callback that waits for the answer.
        parent: the origin of the page around the frame; None when nobody waits around one.
        page: the address of the page that asked, if it is known.
    """

    code: str
    params: dict[str, Any]
    device: Literal["pc", "mobile"]
    sdk: Literal["new", "old"]
    request_id: str
    parent: str | None
    page: str | None = None


@dataclass(frozen=True)
class Ending:
    """How a window ended.

    Attributes:
        status: the payment's status, or None if there is no payment.
        callback: what the page is told (desktop).
        redirect: where the browser goes (phone).
        is_lost: nobody is told, because somebody wanted it so.
    """

    status: str | None
    callback: dict[str, Any] | None
    redirect: str | None
    is_lost: bool = False


@dataclass(frozen=True)
class OpenedWindow:
    """One window.

    Attributes:
        id: its unguessable name.
        opening: what it was asked for.
        ending: how it ended, or None.
        is_at_work: a button was pressed and the card company has not answered yet.
        at: when it was opened, in UNIX seconds.
    """

    id: str
    opening: Opening
    at: int
    ending: Ending | None = None
    is_at_work: bool = False


def remember(sandbox: Sandbox, opening: Opening) -> OpenedWindow:
    """Write down a window that opens."""
    window_id = sandbox.identifiers.window()
    at = sandbox.clock.seconds()
    sandbox.store.insert("opened_window", id=window_id, at=at, request=json.dumps(asdict(opening)))
    step(sandbox, opening.params, "opened", device=opening.device, sdk=opening.sdk, page=opening.page)
    return OpenedWindow(window_id, opening, at)


def step(sandbox: Sandbox, params: dict[str, Any], name: str, **facts: Any) -> None:
    """Write a step of a window down, for whoever looks at its order, its key or its payment."""
    ids = {name: str(params[name]) for name in ("merchant_uid", "customer_uid") if params.get(name)}
    at = sandbox.clock.now().timestamp()
    things = (*ids.values(), facts.get("imp_uid"))
    history.record(sandbox.store, at, "window", {"step": name, **ids, **facts}, things)


def find(sandbox: Sandbox, window_id: str) -> OpenedWindow | None:
    """The window of an id, or None."""
    row = sandbox.store.one("SELECT request, result, at FROM opened_window WHERE id = ?", window_id)
    if row is None:
        return None
    opening, result = Opening(**json.loads(row["request"])), row["result"]
    if result is None or result == _AT_WORK:
        return OpenedWindow(window_id, opening, row["at"], is_at_work=result == _AT_WORK)
    return OpenedWindow(window_id, opening, row["at"], Ending(**json.loads(result)))


def begin(sandbox: Sandbox, window_id: str) -> bool:
    """Take the one press a window has; False when it was pressed before."""
    claimed = "UPDATE opened_window SET result = ? WHERE id = ? AND result IS NULL"
    return sandbox.store.write(claimed, _AT_WORK, window_id) == 1


def give_back(sandbox: Sandbox, window_id: str) -> None:
    """Nothing has come of the press: the window can be used again."""
    sandbox.store.write("UPDATE opened_window SET result = NULL WHERE id = ? AND result = ?", window_id, _AT_WORK)


def end(sandbox: Sandbox, window_id: str, ending: Ending) -> None:
    """Write down how it ended, so that a reload tells the same."""
    sandbox.store.write("UPDATE opened_window SET result = ? WHERE id = ?", json.dumps(asdict(ending)), window_id)
