"""The codes of card companies and banks, for clients that show their names."""

from __future__ import annotations

import pytest

from tests.people import Sandbox


@pytest.mark.parametrize(("path", "code", "name"), [("/cards", "361", "BC카드"), ("/banks", "088", "신한은행")])
def test_codes_are_listed_and_found_one_by_one(sandbox: Sandbox, path: str, code: str, name: str) -> None:
    """Nobody's code is a 404 with a reason."""
    listed = sandbox.call("GET", path)["response"]
    assert {"code": code, "name": name} in listed
    assert sandbox.call("GET", f"{path}/{code}")["response"] == {"code": code, "name": name}
    unknown = sandbox.send("GET", f"{path}/999")
    assert (unknown.status_code, unknown.json()["code"], unknown.json()["response"]) == (404, -1, None)


def test_every_card_has_a_company_of_the_list(sandbox: Sandbox) -> None:
    """Whatever its number."""
    names = {one["code"]: one["name"] for one in sandbox.call("GET", "/cards")["response"]}
    for number in range(5):
        sandbox.issue_key("customer-1", f"4000-0000-0000-000{number}")
        key = sandbox.call("GET", "/subscribe/customers/customer-1")["response"]
        assert names[key["card_code"]] == key["card_name"]
