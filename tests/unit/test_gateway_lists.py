"""Lists in pages: all of it or silence, whatever happens while they are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from storefront.iamport import SilenceError
from storefront.iamport.errors import NotFoundError
from storefront.iamport.lists import MOST_PAGES, read_whole

OPERATION = "GET /payments/findAll/mr_1"


def paged(names: list[str], size: int = 2) -> Callable[[dict[str, str]], dict[str, Any]]:
    """A list of payments as i'mport gives it out; what is done to `names` shows from the next page on."""

    def ask(query: dict[str, str]) -> dict[str, Any]:
        page = int(query["page"])
        items = [{"imp_uid": name} for name in names[(page - 1) * size : page * size]]
        following = page + 1 if page * size < len(names) else 0
        return {"total": len(names), "previous": page - 1, "next": following, "list": items}

    return ask


def read(ask: Callable[[dict[str, str]], Any]) -> list[str]:
    """The ids of a list."""
    return [item["imp_uid"] for item in read_whole(OPERATION, ask)]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7])
def test_a_list_that_stands_still_comes_whole_and_in_its_order(count: int) -> None:
    """However many pages it has."""
    names = [f"imp_{number}" for number in range(count)]

    assert read(paged(names)) == names


@pytest.mark.parametrize(
    "answer",
    [
        {"total": 2, "next": 0, "list": [{"imp_uid": "imp_declined"}]},
        {"total": 1, "next": 0, "list": []},
        {"total": 1, "next": 0, "list": [{"imp_uid": "imp_1"}, {"imp_uid": "imp_2"}]},
        {"total": 2, "next": 0, "list": [{"imp_uid": "imp_1"}, {"imp_uid": "imp_1"}]},
        {"next": 0, "list": []},
        {"total": None, "next": 0, "list": []},
        {"total": True, "next": 0, "list": [{"imp_uid": "imp_1"}]},
        {"total": 1, "next": "2", "list": [{"imp_uid": "imp_1"}]},
        {"total": 1, "next": 1, "list": [{"imp_uid": "imp_1"}]},
        {"total": 0, "next": 0},
        {"total": 0, "next": 0, "list": {}},
        [],
        None,
    ],
)
def test_what_does_not_come_whole_is_silence(answer: object) -> None:
    """An empty list of one, a declined attempt of two, a page that leads nowhere: nothing is known."""
    with pytest.raises(SilenceError):
        read(lambda _query: answer)


def test_pages_that_never_end_are_left() -> None:
    """An ever-growing `next` was followed three thousand times."""
    asked: list[str] = []

    def ask(query: dict[str, str]) -> dict[str, Any]:
        asked.append(query["page"])
        page = int(query["page"])
        return {"total": 10_000, "next": page + 1, "list": [{"imp_uid": f"imp_{page}"}]}

    with pytest.raises(SilenceError, match="do not end"):
        read(ask)
    assert len(asked) == MOST_PAGES


def test_a_page_that_leads_back_to_itself_is_asked_for_once() -> None:
    """And the error says what was asked, and what was wrong with the answer."""
    asked: list[str] = []

    def ask(query: dict[str, str]) -> dict[str, Any]:
        asked.append(query["page"])
        return {"total": 3, "next": 1, "list": [{"imp_uid": "imp_1"}]}

    with pytest.raises(SilenceError, match="its pages do not go on") as silence:
        read(ask)

    assert asked == ["1"]
    assert OPERATION in str(silence.value)


def test_payments_that_change_while_they_are_read_are_the_same_list() -> None:
    """Two looks suffice: what tells payments apart is their id, not what became of them; the newer look counts."""
    looks: list[str] = []

    def ask(query: dict[str, str]) -> dict[str, Any]:
        looks.append(query["page"])
        page = int(query["page"])
        item = {"imp_uid": f"imp_{page}", "cancel_amount": len(looks)}
        return {"total": 2, "next": 2 if page == 1 else 0, "list": [item]}

    found = read_whole(OPERATION, ask)

    assert looks == ["1", "2", "1", "2"]
    assert [item["cancel_amount"] for item in found] == [3, 4]


def test_one_payment_in_two_states_is_not_two_payments() -> None:
    """It moved across an edge and changed on the way: another one is missing."""
    pages = {"1": ("imp_1", "paid", 2), "2": ("imp_1", "cancelled", 0)}

    def ask(query: dict[str, str]) -> dict[str, Any]:
        name, status, following = pages[query["page"]]
        return {"total": 2, "next": following, "list": [{"imp_uid": name, "status": status}]}

    with pytest.raises(SilenceError, match="1 of 2 came"):
        read(ask)


@pytest.mark.parametrize("items", [[{"status": "paid"}, {"status": "failed"}], ["one", "two"]])
def test_what_has_no_id_is_told_apart_by_what_it_is(items: list[Any]) -> None:
    """So that an answer nobody can read is handed on whole, for the caller to complain about."""
    assert read_whole(OPERATION, lambda _query: {"total": 2, "next": 0, "list": items}) == items


def test_a_payment_that_slips_across_an_edge_is_found_by_the_second_look() -> None:
    """One leaves the first page and another joins at the end, so the total stays; what moved up was never shown."""
    names = ["imp_1", "imp_2", "imp_captured", "imp_4"]
    whole = paged(names)

    def ask(query: dict[str, str]) -> dict[str, Any]:
        answer = whole(query)
        if names[0] == "imp_1":
            names[:] = [*names[1:], "imp_5"]
        return answer

    assert read(ask) == ["imp_2", "imp_captured", "imp_4", "imp_5"]


def test_a_list_that_is_another_one_at_every_look_is_silence() -> None:
    """There is no moment of which it tells."""
    names = [f"imp_{number}" for number in range(4)]
    whole = paged(names)

    def ask(query: dict[str, str]) -> dict[str, Any]:
        answer = whole(query)
        names[:] = [*names[1:], f"{names[-1]}x"]
        return answer

    with pytest.raises(SilenceError, match="changed while it was read"):
        read(ask)


def test_a_list_that_grows_between_its_pages_is_silence() -> None:
    """The next look finds it whole."""
    names = [f"imp_{number}" for number in range(4)]
    whole = paged(names)

    def ask(query: dict[str, str]) -> dict[str, Any]:
        answer = whole(query)
        names.append("imp_new")
        return answer

    with pytest.raises(SilenceError, match="changed while it was read"):
        read(ask)


def test_nothing_is_an_answer_but_a_page_that_is_gone_is_none() -> None:
    """HTTP 404 means "there is none" only for the whole list."""

    def gone(query: dict[str, str]) -> dict[str, Any]:
        if query["page"] == "2":
            raise NotFoundError(OPERATION, "HTTP 404")
        return {"total": 2, "next": 2, "list": [{"imp_uid": "imp_declined"}]}

    def unknown(_query: dict[str, str]) -> dict[str, Any]:
        raise NotFoundError(OPERATION, "HTTP 404")

    with pytest.raises(SilenceError, match="is gone"):
        read(gone)
    with pytest.raises(NotFoundError):
        read(unknown)
