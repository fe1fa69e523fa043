"""Lists in pages, read so that nothing in them can hide: all of it, or silence.

i'mport's envelope is `{total, previous, next, list}`; `next` is 0 after the last page. A page that is missing, cut short
or shifted by what happened while it was read must not look like "there is no such payment": a captured order would then
fail, and a captured charge be sent again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from storefront.iamport.errors import NotFoundError, SilenceError

PAGE_SIZE = 1000
"""The most i'mport gives in one page."""
MOST_PAGES = 100
"""No list that the shop asks for is longer; what goes on and on is no answer."""
_LOOKS = 3
"""How often a list of several pages may turn out to be another one than the time before."""

Ask = Callable[[dict[str, str]], Any]
"""Asks for one page by the query it is given, and gives back the `response` part of the envelope."""


def read_whole(operation: str, ask: Ask) -> list[Any]:
    """Every item of a list.

    One page is one answer and stands for itself. Of several, each is asked for a moment later than the one before:
    something may have left the list and moved what followed across a page's edge, unseen. So such a list is read again
    until it comes out the same twice.

    Args:
        operation: its name, for errors.
        ask: asks for one page.

    Returns:
        The items as i'mport wrote them, in its order.

    Raises:
        NotFoundError: i'mport says that there is nothing.
        SilenceError: it did not come whole; nothing is known of what is not in it either.
    """
    items, pages = _read(operation, ask)
    for _ in range(_LOOKS - 1):
        if pages == 1:
            return items
        before, (items, pages) = items, _read(operation, ask)
        if _names(before) == _names(items):
            return items
    raise SilenceError(operation, "it changed while it was read")


def _read(operation: str, ask: Ask) -> tuple[list[Any], int]:
    """All pages once, and how many there were."""
    items: list[Any] = []
    total, page, pages = None, 1, 0
    while page:
        pages += 1
        if pages > MOST_PAGES:
            raise SilenceError(operation, "its pages do not end")
        answer = _page(operation, ask, page)
        if total not in (None, answer["total"]):
            raise SilenceError(operation, "it changed while it was read")
        total = answer["total"]
        items += answer["list"]
        page = _following(operation, answer, page)
    if len(set(_names(items))) != total:
        raise SilenceError(operation, f"{len(set(_names(items)))} of {total} came")
    return items, pages


def _page(operation: str, ask: Ask, page: int) -> dict[str, Any]:
    try:
        answer = ask({"limit": str(PAGE_SIZE), "page": str(page)})
    except NotFoundError as unknown:
        if page == 1:
            raise
        # It was there a moment ago, so this is no answer to what was asked.
        raise SilenceError(operation, "a page of it is gone") from unknown
    if not isinstance(answer, dict) or not isinstance(answer.get("list"), list):
        raise SilenceError(operation, "no list in it")
    if type(answer.get("total")) is not int:
        raise SilenceError(operation, "no total in it")
    return answer


def _following(operation: str, answer: dict[str, Any], page: int) -> int:
    following = answer.get("next") or 0
    if type(following) is not int or (following and following <= page):
        raise SilenceError(operation, "its pages do not go on")
    return following


def _names(items: list[Any]) -> list[str]:
    """What tells the items apart: i'mport's id, or for an item without one its own text."""
    return [str(item.get("imp_uid") or item) if isinstance(item, dict) else str(item) for item in items]
