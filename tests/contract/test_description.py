"""The sandbox's own description: made of the table that every reply is held against, and missing nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
import schemathesis
from flask import Flask

from storefront.sandbox.rest.table import CODES, OPERATIONS
from storefront.sandbox.testing.client import own_session
from tests.contract.conftest import Walk
from tests.people import Sandbox
from tests.servers import storefront

NOT_IN_LIFE = ("/subscribe/payments/foreign", "/certifications/")
"""What only older clients ask for, to be refused."""
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
MOST_EXAMPLES = 50


@pytest.fixture
def described(sandbox: Sandbox) -> dict[str, Any]:
    """The document."""
    document: dict[str, Any] = sandbox.session.get(f"{sandbox.url}/_sandbox/openapi.json").json()
    return document


def spelled(rule: str) -> str:
    """An address as a description spells it, its variables without their names."""
    return re.sub(r"<[^<>]+>|{\w+}", "{}", rule)


def test_it_is_a_valid_openapi_document(described: dict[str, Any]) -> None:
    """For every tool that reads one."""
    schemathesis.openapi.from_dict(described).validate()


def test_it_names_every_operation_of_the_table_and_what_each_requires(described: dict[str, Any]) -> None:
    """With its statuses, and with the token that all but one ask for."""
    for one in (*OPERATIONS, *CODES):
        told = described["paths"][one.path][one.method.lower()]
        assert set(told["responses"]) == {str(status) for status in one.statuses}
        queries = {item["name"] for item in told["parameters"] if item["in"] == "query" and item["required"]}
        schema = told.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        assert queries | set(schema.get("required", ())) == set(one.required)
        assert bool(told["security"]) == (one.path != "/users/getToken")


def test_it_names_everything_that_answers_programs(described: dict[str, Any], sandbox_app: Flask) -> None:
    """REST operations and the addresses for testers; pages for people are left out."""
    listening = {
        (spelled(rule.rule), method.lower())
        for rule in sandbox_app.url_map.iter_rules()
        if rule.endpoint.startswith(("rest.", "control.", "scenarios."))
        and not rule.rule.startswith(("/_sandbox/console", *NOT_IN_LIFE))
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    without_status = {(path, method) for path, method in listening if re.fullmatch(r"/payments/find(All)?/{}", path)}
    told = {(spelled(path), method) for path, methods in described["paths"].items() for method in methods}
    assert told == listening - without_status


def test_what_operations_answer_is_what_it_says(described: dict[str, Any], walked: Walk) -> None:
    """Success by success, against its schemas."""
    for one in OPERATIONS:
        if one.name in walked.replies:
            reply = walked.replies[one.name]
            told = described["paths"][one.path][one.method.lower()]["responses"][str(reply.status_code)]
            [success, _refusal] = told["content"]["application/json"]["schema"]["anyOf"]
            fastjsonschema.validate({**success, "components": described["components"]}, reply.json())


@pytest.mark.parametrize("paths", ["^(?!/_sandbox)", "^/_sandbox(?!/reset$)"], ids=["operations", "for testers"])
def test_generated_requests_are_answered_as_described(
    paths: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Whatever a machine makes of the description: no HTTP 500, no status and no field that it does not name."""
    if not request.config.getoption("--long"):
        pytest.skip("--long generates requests for a minute or two")
    with storefront(tmp_path, "sandbox", "--port", "0") as running:
        url = running.urls["sandbox"]
        told = subprocess.run(
            [
                *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{url}/_sandbox/openapi.json"),
                *("--header", f"Authorization: {Sandbox(own_session(), url).token()}", "--include-path-regex", paths),
                *("--checks", CHECKS, "--phases", "examples,coverage,fuzzing"),
                *("--max-examples", str(MOST_EXAMPLES), "--no-color"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert told.returncode == 0, told.stdout[:5_000]
