"""i'mport's envelope: `{code, message, response}` around every answer."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from storefront.sandbox.wire.refusals import Refusal

RULE, DOCUMENT, WARNING = "X-Sandbox-Rule", "X-Sandbox-Document", "X-Sandbox-Warning"
"""Headers of ours that explain a refusal, or what was probably not meant, so that the body stays i'mport's."""


def done(response: Any, *, status: int = 200, warning: str | None = None) -> Response:
    """The envelope of success: code 0, no message; a warning goes out as a header."""
    answer = _envelope(0, None, response, status)
    _explain(answer, WARNING, warning)
    return answer


def refused(refusal: Refusal, document: str | None = None) -> Response:
    """The envelope of a refusal.

    Args:
        refusal: the code, the text and the rule that was broken.
        document: the official document that describes the operation, if there is one.
    """
    answer = _envelope(refusal.code, refusal.message, None, refusal.status)
    _explain(answer, RULE, refusal.rule)
    _explain(answer, DOCUMENT, document)
    return answer


def _explain(answer: Response, header: str, text: str | None) -> None:
    if text:
        answer.headers[header] = "".join(letter if " " <= letter <= "~" else "?" for letter in text)


def _envelope(code: int, message: str | None, response: Any, status: int) -> Response:
    answer = jsonify({"code": code, "message": message, "response": response})
    answer.status_code = status
    answer.content_type = "application/json; charset=UTF-8"
    return answer
