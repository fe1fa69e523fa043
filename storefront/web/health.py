"""Whether the shop is alive: for load balancers and whoever watches, who may ask by any address of the machine."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def alive() -> Any:
    """The process answers; nothing else is looked at."""
    return jsonify({"status": "ok"})
