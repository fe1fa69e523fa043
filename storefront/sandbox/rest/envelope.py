"""i'mport's envelope: `{code, message, response}` around every answer."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from storefront.sandbox.wire.refusals import Refusal


def done(response: Any, *, status: int = 200) -> Response:
    """The envelope of success: code 0, no message."""
    return _envelope(0, None, response, status)


RULE, DOCUMENT = "X-Sandbox-Rule", "X-Sandbox-Document"
"""Headers of ours that explain a refusal, so that its body stays i'mport's."""


def refused(refusal: Refusal, document: str | None = None) -> Response:
    """The envelope of a refusal.

    Args:
        refusal: the code, the text and the rule that was broken.
        document: the official document that describes the operation, if there is one.
    """
    answer = _envelope(refusal.code, refusal.message, None, refusal.status)
    for header, text in ((RULE, refusal.rule), (DOCUMENT, document)):
        if text:
            answer.headers[header] = "".join(letter if " " <= letter <= "~" else "?" for letter in text)
    return answer


def _envelope(code: int, message: str | None, response: Any, status: int) -> Response:
    answer = jsonify({"code": code, "message": message, "response": response})
    answer.status_code = status
    answer.content_type = "application/json; charset=UTF-8"
    return answer
