"""Stories that the sandbox plays by itself: those that ship, those that are posted, and those that nobody could play."""

from __future__ import annotations

import copy
import html
import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from storefront.sandbox import SandboxSettings, create_sandbox
from storefront.sandbox.console.scenarios.reading import BadScenario
from storefront.sandbox.console.scenarios.shelf import shipped
from storefront.sandbox.testing import SandboxClient, SandboxError
from tests.people import Sandbox
from tests.servers import storefront
from tests.wsgi import SANDBOX_URL, session_for

AGAIN = "/subscribe/payments/again"
ORDER = {"customer_uid": "key-${run}", "merchant_uid": "order-${run}", "amount": 1_000, "name": "원두"}
STORY: dict[str, Any] = {
    "name": "one-charge",
    "about": "A key is charged once.",
    "steps": [
        {
            "call": {
                "method": "POST",
                "path": "/subscribe/customers/key-${run}",
                "body": {"channel_key": "channel-1", "card_number": "4242424242424242", "expiry": "2040-12"},
            }
        },
        {"call": {"method": "POST", "path": AGAIN, "body": ORDER}, "as": "charge", "expect": {"code": 0}},
        {"call": {"method": "GET", "path": "/payments/${charge}"}, "expect": {"response": {"status": "paid"}}},
    ],
    "ledger": {
        "orders": {"order-${run}": {"captured": 1_000, "cancelled": 0, "net": 1_000}},
        "keys": {"key-${run}": True},
    },
}


@pytest.fixture
def tester(sandbox: Sandbox, sandbox_app: Flask) -> SandboxClient:
    """Somebody who plays scenarios; their webhooks reach the sandbox itself."""
    sandbox_app.extensions["sandbox"].webhooks.open_session = lambda: session_for(sandbox_app)
    return SandboxClient(sandbox.url, session=sandbox.session)


def changed(**parts: Any) -> dict[str, Any]:
    """The story with other parts."""
    return {**copy.deepcopy(STORY), **parts}


@pytest.mark.parametrize("name", shipped())
def test_what_ships_goes_as_it_says_and_can_be_played_again(tester: SandboxClient, name: str) -> None:
    """Each step and the ledger; the second time with orders and keys of its own, and no fault is left behind."""
    for _ in range(2):
        run = tester.scenarios.play(name)
        assert [step["missing"] for step in run.steps] == [[]] * len(run.steps)
        assert [line for line in run.ledger if not line["ok"]] == []
        assert run.ok
    assert tester.at.get("faults") == {"faults": []}


def test_ten_and_more_ship_each_told_in_both_languages() -> None:
    """None leaves out what the ledger must say, nor a step that is held to something."""
    assert len(shipped()) >= 10
    for one in shipped().values():
        assert one.about["ko"] != one.about["en"]
        assert any(step.expect for step in one.steps)


def test_the_ledger_is_the_judge(tester: SandboxClient, sandbox: Sandbox) -> None:
    """A scenario that says something else than the books is not as it must be, and says where."""
    wrong = changed()
    wrong["ledger"]["orders"]["order-${run}"]["net"] = 900
    wrong["steps"][2]["expect"] = {"response": {"status": "failed"}}
    assert tester.scenarios.add(wrong) == "one-charge"
    run = tester.scenarios.play("one-charge")
    [order, key] = run.ledger
    assert (run.ok, order["ok"], key["ok"]) == (False, False, True)
    assert (order["of"], order["must"]["net"], order["is"]["net"]) == (f"order-{run.id}", 900, 1_000)
    assert run.steps[2]["missing"] == ['answer.response.status must be "failed", and is "paid"']
    assert sandbox.net(f"order-{run.id}") == 1_000


def test_a_posted_scenario_stays_until_the_next_reset_and_may_be_posted_anew(tester: SandboxClient) -> None:
    """It is listed with how it went; one that ships keeps its name."""
    tester.scenarios.add(STORY)
    tester.scenarios.add(changed(about="told anew"))
    run = tester.scenarios.play("one-charge")
    [listed] = [one for one in tester.at.get("scenarios")["scenarios"] if one["name"] == "one-charge"]
    assert (listed["about"], listed["last"]["id"], listed["last"]["ok"]) == ("told anew", run.id, True)
    assert tester.at.get("scenarios/one-charge")["about"] == "told anew"
    assert tester.at.get(f"scenarios/runs/{run.id}")["steps"] == run.steps
    with pytest.raises(SandboxError, match="name: answer-lost is taken"):
        tester.scenarios.add(changed(name="answer-lost"))
    tester.at.post("reset")
    assert tester.scenarios.names() == list(shipped())
    with pytest.raises(SandboxError, match="there is no scenario named 'one-charge'"):
        tester.scenarios.play("one-charge")


def with_step(step: Any) -> dict[str, Any]:
    """The story with another last step."""
    return changed(steps=[*STORY["steps"][:2], step])


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (changed(nmae="x"), "scenario: nmae is not known here"),
        ({"name": "x", "steps": []}, "scenario: ledger is missing"),
        (changed(name="Big Name"), "name: up to 40 small letters"),
        (changed(about=["x"]), "about: an object"),
        (changed(steps=[]), "steps: a list of 1 to 50"),
        (with_step({"expect": {}}), "steps[2]: exactly one of pay, call"),
        (with_step({"mend": {}, "clock": {"advance": 1}}), "steps[2]: exactly one of"),
        (with_step({"sleep": 3}), "steps[2]: sleep is not known here"),
        (with_step({"clock": {"advance": -1}}), "steps[2].clock.advance: a number from 0"),
        (with_step({"clock": {}}), "steps[2].clock.advance: seconds"),
        (with_step({"fault": {"path": AGAIN, "kind": "explode"}}), "steps[2].fault.kind: one of delay"),
        (with_step({"call": {"method": "PATCH", "path": "/payments"}}), "steps[2].call.method: one of GET"),
        (with_step({"call": {"path": "//elsewhere"}}), "steps[2].call.path: an address of the REST API"),
        (with_step({"call": {"path": "/payments/${frist}"}}), "steps[2].call: no step before is named ${frist}"),
        (with_step({"call": {"path": "/payments/$5"}}), "steps[2].call: a $ that begins no ${name} is written $$"),
        (with_step({"pay": {"params": []}}), "steps[2].pay.params: the parameters of request_pay"),
        (with_step({"pay": {"params": {}, "outcome": "run"}}), "steps[2].pay.outcome: one of card"),
        (with_step({"pay": {"params": {}, "card": "5555-4444-3333-1111"}}), "steps[2].pay: a test card"),
        (
            with_step({"call": {"path": "/a", "body": {"card_number": "5555444433331111"}}}),
            "steps[2].call: a test card",
        ),
        (with_step({"console": {"act": "burn", "imp_uid": "x"}}), "steps[2].console.act: one of cancel"),
        (with_step({"webhooks": {}}), "steps[2].webhooks.imp_uid: the payment"),
        (with_step({"mend": {}, "as": "now"}), "steps[2].as: now has a meaning already"),
        (with_step({"mend": {}, "expect": []}), "steps[2].expect: an object"),
        (with_step({"pay": {"params": {"merchant_uid": "another"}}}), "ledger.orders: say what another must hold"),
        (changed(ledger={"orders": {}}), "ledger.orders: an object with captured"),
        (
            changed(ledger={"orders": {"order-${run}": {"captured": 1}}}),
            "ledger.orders.order-${run}: cancelled is missing",
        ),
        (changed(ledger={**STORY["ledger"], "keys": {"key": "yes"}}), "ledger.keys: an object that says true"),
    ],
)
def test_what_nobody_could_play_is_refused_with_its_place(tester: SandboxClient, document: Any, says: str) -> None:
    """Before anything of it has happened."""
    reply = tester.session.post(f"{tester.url}/_sandbox/scenarios", json=document)
    assert (reply.status_code, set(reply.json())) == (400, {"error"})
    assert reply.json()["error"].startswith(says)
    assert tester.scenarios.names() == list(shipped())


def test_a_step_that_cannot_be_done_says_why_and_the_story_goes_on(tester: SandboxClient) -> None:
    """Cancelling what was never paid."""
    never = {"console": {"act": "cancel", "imp_uid": "imp_1"}, "expect": {"refused": "of imp_1 0 won can be cancelled"}}
    tester.scenarios.add(with_step(never))
    assert tester.scenarios.play("one-charge").ok


def test_a_fault_that_was_never_met_is_cleared_in_the_end(tester: SandboxClient) -> None:
    """It does not wait for the next shop."""
    tester.scenarios.add(with_step({"fault": {"path": AGAIN, "kind": "error", "times": 0}}))
    assert tester.scenarios.play("one-charge").ok
    assert tester.at.get("faults") == {"faults": []}


def test_one_press_in_the_console_plays_it_and_shows_every_event(sandbox: Sandbox) -> None:
    """The steps with what was asked and answered, what the ledger must say and says, and the timeline."""
    english = {"Accept-Language": "en"}
    page = sandbox.session.get(f"{sandbox.url}/_sandbox/console/scenarios", headers=english).text
    assert page.count('name="name"') == len(shipped())
    pressed = sandbox.session.post(
        f"{sandbox.url}/_sandbox/console/scenarios",
        data={"name": "answer-lost"},
        headers={**english, "Origin": sandbox.url},
        allow_redirects=False,
    )
    assert pressed.status_code == 303
    run = html.unescape(sandbox.session.get(SANDBOX_URL + pressed.headers["Location"], headers=english).text)
    for told in (
        "Set a fault",
        '"lost": true',
        "month-2-1",
        "The ledger must say",
        "fault: cut_after",
        f"POST {AGAIN}",
    ):
        assert told in run
    assert "not as it must be" not in run
    assert (
        "Run 1: as it must be" in sandbox.session.get(f"{sandbox.url}/_sandbox/console/scenarios", headers=english).text
    )


@pytest.mark.parametrize("path", ["console/scenarios/1", "scenarios/runs/1", "scenarios/nothing"])
def test_what_was_never_played_is_not_there(sandbox: Sandbox, path: str) -> None:
    """HTTP 404 with a text."""
    reply = sandbox.session.get(f"{sandbox.url}/_sandbox/{path}")
    assert reply.status_code == 404
    assert reply.json()["error"].startswith("there is no")


def test_runs_and_posted_scenarios_are_part_of_a_saved_state(tester: SandboxClient) -> None:
    """A loaded one plays on with the next number."""
    tester.scenarios.add(STORY)
    first = tester.scenarios.play("one-charge")
    saved = tester.books.save()
    tester.at.post("reset")
    tester.books.load(saved)
    second = tester.scenarios.play("one-charge")
    assert (first.id, second.id, second.ok) == (1, 2, True)


def test_a_file_brings_a_scenario_that_stays(tmp_path: Path) -> None:
    """Beside those that ship, after a reset too."""
    path = tmp_path / "story.json"
    path.write_text(json.dumps(STORY))
    app = create_sandbox(SandboxSettings(background=False, scenario=str(path)))
    tester = SandboxClient(SANDBOX_URL, session=session_for(app))
    tester.at.post("reset")
    assert tester.scenarios.names() == ["one-charge", *shipped()]
    assert tester.scenarios.play("one-charge").ok
    app.extensions["sandbox"].close()


@pytest.mark.parametrize("text", ["{", '{"name": "x"}', "[]"])
def test_a_file_that_is_no_scenario_is_named_at_the_start(tmp_path: Path, text: str) -> None:
    """Rather than when somebody presses its button."""
    path = tmp_path / "story.json"
    path.write_text(text)
    with pytest.raises(BadScenario, match=str(path)):
        create_sandbox(SandboxSettings(background=False, scenario=str(path)))


def test_the_example_of_the_docs_can_be_played(tester: SandboxClient) -> None:
    """As it stands there."""
    text = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")
    [example] = [block.split("```")[0] for block in text.split("```json\n")[1:]]
    assert tester.scenarios.play(tester.scenarios.add(json.loads(example))).ok


def test_a_file_is_played_once_the_sandbox_is_ready(tmp_path: Path) -> None:
    """Over HTTP, its webhooks included; the command says how it went, and goes on serving."""
    path = shipped()["webhook-twice"].document
    (tmp_path / "story.json").write_text(json.dumps({**path, "name": "mine"}))
    with storefront(tmp_path, "sandbox", "--port", "0", "--scenario", "story.json") as running:
        said = running.process.stdout.readline()
        assert said == "scenario mine: as it must be, see /_sandbox/console/scenarios/1\n"
        assert SandboxClient(running.urls["sandbox"]).at.get("scenarios/runs/1")["ok"]
