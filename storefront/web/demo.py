"""What exists beside the sandbox only: the outbox, where mails are read that nobody carries."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, jsonify, render_template

from storefront.billing.mailing import sending
from storefront.models import Mail
from storefront.web.shop import billing, settings, wants_json

blueprint = Blueprint("demo", __name__, url_prefix="/demo")


@blueprint.before_request
def _only_beside_the_sandbox() -> None:
    if not settings().beside_sandbox or settings().imp_live:
        abort(404)


@blueprint.get("/outbox")
def outbox() -> Any:
    """Every mail the shop has written: a page, newest first, or JSON, oldest first."""
    mails = sending.outbox(billing())
    if wants_json():
        return jsonify([_as_json(mail) for mail in mails])
    return render_template(
        "demo/outbox.html", mails=[(mail, sending.letter_of(billing(), mail)) for mail in reversed(mails)]
    )


def _as_json(mail: Mail) -> dict[str, Any]:
    """A mail as programs see it; times in UNIX seconds."""
    return {
        "to": mail.to,
        "kind": mail.kind,
        "subject": mail.subject,
        "language": mail.language,
        "written_at": int(mail.written_at.timestamp()),
        "sent_at": int(mail.sent_at.timestamp()) if mail.sent_at else None,
        "dropped": mail.dropped_why,
        "text": sending.letter_of(billing(), mail).text,
    }
