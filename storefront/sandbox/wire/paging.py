"""Lists come in pages."""

from __future__ import annotations

from typing import Any

from storefront.sandbox.wire.parameters import Parameters


def paging(parameters: Parameters, *, least: int = 1) -> tuple[int, int]:
    """The page and its size: 20 unless told, 1,000 at most. Where page 0 is allowed it is the first one."""
    page = parameters.number("page", 1, least=least, most=10**9)
    return page or 1, parameters.number("limit", 20, least=1, most=1000)


def paged(total: int, page: int, limit: int, found: list[dict[str, Any]]) -> dict[str, Any]:
    """I'mport's page: `previous` and `next` are page numbers, 0 when there is none."""
    following = page + 1 if page * limit < total else 0
    return {"total": total, "previous": page - 1, "next": following, "list": found}
