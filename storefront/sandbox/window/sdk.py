"""The browser SDKs: the new style (`/v1/iamport.js`) and the old one (`/js/iamport.payment-….js`) from one source.

The script learns from its own address which style it is and where the sandbox is.
"""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, abort, send_from_directory

blueprint = Blueprint("sdk", __name__)

STATIC = Path(__file__).resolve().parent.parent / "static"


@blueprint.get("/v1/iamport.js")
def new_sdk() -> Response:
    """The new SDK: its callback has no `success`."""
    return _script()


@blueprint.get("/js/iamport.payment-<version>.js")
def old_sdk(version: str) -> Response:
    """The old SDK: its callback says `success`, its redirect `imp_success`."""
    if not version.replace(".", "").isdecimal():
        abort(404)
    return _script()


def _script() -> Response:
    return send_from_directory(STATIC, "iamport.js", mimetype="text/javascript")
