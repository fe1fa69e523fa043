"""Every operation of the table is called, and does what it is for."""

from __future__ import annotations

import pytest

from storefront.sandbox.rest.table import OPERATIONS, Operation
from tests.contract.conftest import Walk
from tests.people import Sandbox


def test_every_operation_of_the_table_succeeds_and_refuses(walked: Walk) -> None:
    """But for two: nothing of JTNet's has a balance, and a list of settings has nothing to refuse but the token."""
    everything = {operation.name for operation in OPERATIONS}
    assert everything - walked.replies.keys() == {"GET /payments/{imp_uid}/balance"}
    assert everything - walked.refused == {"GET /users/pg", "POST /users/getToken"}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
@pytest.mark.parametrize("token", [None, "", "Bearer ", "f" * 40])
def test_no_operation_but_get_token_works_without_a_token(
    sandbox: Sandbox, operation: Operation, token: str | None
) -> None:
    """401, code -1, `Unauthorized`; getToken says that its own parameters are missing."""
    path = operation.path.replace("{payment_status}", "all").replace("{", "").replace("}", "")
    headers = {} if token is None else {"Authorization": token}
    reply = sandbox.session.request(operation.method, sandbox.url + path, headers=headers)
    if operation.path == "/users/getToken":
        assert (reply.status_code, reply.json()["message"]) == (400, "imp_key, imp_secret 파라메터가 누락되었습니다.")
    else:
        assert reply.status_code == 401
        assert reply.json() == {"code": -1, "message": "Unauthorized", "response": None}
