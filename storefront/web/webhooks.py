"""I'mport's webhook. Anybody may post here, so nothing in the body is believed: it only says where to look."""

from __future__ import annotations

import ipaddress
from typing import Any

from flask import Blueprint, abort, jsonify, request

from storefront.billing.payments import settlement
from storefront.billing.payments.settlement import Door
from storefront.iamport import SilenceError
from storefront.web.messages import read_anybodys_ids, read_json_or_form
from storefront.web.shop import billing, settings

blueprint = Blueprint("webhooks", __name__)


@blueprint.post("/webhooks/iamport")
def receive() -> Any:
    """200 once the state is stored, and for repeats and payments we do not know; 503 when another try would help."""
    _check_sender()
    message = read_json_or_form()
    imp_uid, merchant_uid = read_anybodys_ids(message)
    if imp_uid is None:
        abort(400)
    status = message.get("status")
    told = {"status": status} if isinstance(status, str) else {}
    try:
        settlement.settle(billing(), Door.WEBHOOK, imp_uid=imp_uid, merchant_uid=merchant_uid, told_facts=told)
    except SilenceError:
        return jsonify({"error": "i'mport could not be asked; send it again"}), 503
    return jsonify({"status": "ok"})


def _check_sender() -> None:
    """Optional, and never the only check: an address can be anybody's behind a proxy."""
    allowed = settings().webhook_ips
    if allowed and not any(ipaddress.ip_address(request.remote_addr or "0.0.0.0") in network for network in allowed):  # noqa: S104
        abort(403)
