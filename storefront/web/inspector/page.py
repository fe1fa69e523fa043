"""The page: each step with what was said and what it took, and i'mport's books beside the shop's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import Blueprint, Flask, abort, current_app, render_template
from flask_login import login_required

from storefront.billing.orders import history
from storefront.billing.payments import checkout
from storefront.config import Settings
from storefront.demo_sandbox import DemoSandbox
from storefront.iamport.masking import without_card_numbers
from storefront.journal import Exchange, Journal
from storefront.models import Payment
from storefront.web import limits
from storefront.web.inspector import commands, sources, texts
from storefront.web.inspector.commands import Command
from storefront.web.inspector.steps import Step, steps_of
from storefront.web.inspector.texts import Trap
from storefront.web.presentation import result_of
from storefront.web.shop import PAGE_BUDGET_S, billing, only_in_the_demo, order_or_404, settings, shopper_id
from storefront.web.source import Piece
from storefront.web.timeline import lines_of

blueprint = Blueprint("inspector", __name__, url_prefix="/payments")

_SAID = {
    "window_opened": "IMP.request_pay",
    "window_calls_back": "rsp",
    "window_redirects": "m_redirect_url",
    "callback": "POST /payments/complete",
    "window_error": "POST /payments/complete",
    "redirect": "GET /payments/complete/mobile",
}
"""How those steps are called that are no request to i'mport."""


def init_app(app: Flask) -> None:
    """Know where the sandbox is."""
    shop: Settings = app.extensions["settings"]
    if shop.sandbox_url:
        app.extensions["demo_sandbox"] = DemoSandbox(shop.sandbox_url)


@dataclass(frozen=True)
class Shown:
    """A step as the page shows it.

    Attributes:
        step: who, whom, what.
        sentence: who told or asked whom, in words.
        summary: what was said, in a line.
        sent: what was sent, with its fields.
        answered: what came back.
        command: the same by hand.
        code: the functions that do it.
        trap: what the official guide leaves out here.
    """

    step: Step
    sentence: str
    summary: str
    sent: str
    answered: str
    command: Command | None
    code: list[Piece]
    trap: Trap | None


blueprint.before_request(only_in_the_demo)


@blueprint.get("/<merchant_uid>/how")
@login_required  # type: ignore[untyped-decorator]
@limits.LOOK_UP
def how(merchant_uid: str) -> str:
    """How a payment went. Nothing is asked of i'mport for it, and nothing changes."""
    payment = history.find_payment(billing(), shopper_id(), order_or_404(merchant_uid))
    if payment is None:
        abort(404)
    issued_key = payment.card.customer_uid if payment.purpose.issues_key else None
    journal = Journal(current_app.extensions["demo_sandbox"])
    record = journal.of(merchant_uid, payment.imp_uid, issued_key, within_s=PAGE_BUDGET_S)
    return render_template(
        "payments/how.html",
        payment=payment,
        result=result_of(payment),
        steps=[_shown(step, payment) for step in steps_of(lines_of(payment), record)],
        books=record.books if record else None,
    )


def _shown(step: Step, payment: Payment) -> Shown:
    line = step.line
    functions = sources.sources_of(_what_was_done(step), line.kind, payment.purpose)
    return Shown(
        step=step,
        sentence=texts.sentence(line),
        summary=_summary(step),
        sent=_sent(step, payment),
        answered=_answered(step.reply) if step.reply else "",
        command=_command(step, payment),
        code=[sources.piece_of(function) for function in functions],
        trap=texts.trap(line.name, payment.amount_krw),
    )


def _what_was_done(step: Step) -> str:
    is_of_all = step.request is not None and "/findAll/" in step.request.path
    return "look_up_all" if is_of_all else step.line.name


def _summary(step: Step) -> str:
    """`POST /payments/cancel · HTTP 200 · 12 ms`, as far as it is known."""
    asked, reply = step.request, step.reply
    said = _SAID.get(step.line.name) or (f"{asked.method} {urlsplit(asked.path).path}" if asked else "")
    status = f"HTTP {reply.status}" if reply and reply.status else ""
    took = f"{reply.took_ms:.0f} ms" if reply and reply.took_ms is not None else ""
    return " · ".join(filter(None, (said, status, took)))


def _sent(step: Step, payment: Payment) -> str:
    """What was sent, one parameter on a line."""
    match step.line.name:
        case "window_opened":
            return _pretty(checkout.parameters_of(settings(), payment))
        case "callback" | "window_error" | "redirect":
            return _pretty({"merchant_uid": payment.merchant_uid, **step.line.detail})
    if step.facts:
        return _pretty(step.facts)
    asked = step.request
    if asked is None:
        return ""
    query = "\n".join(f"{name}={value}" for name, value in parse_qsl(asked.query))
    return "\n".join(filter(None, (query, _masked(asked.body) if asked.body not in ("", "{}") else "")))


def _answered(reply: Exchange) -> str:
    return _masked(reply.reply)


def _command(step: Step, payment: Payment) -> Command | None:
    told = step.line.detail
    match step.line.name:
        case "window_opened":
            return commands.open_window(settings(), checkout.parameters_of(settings(), payment))
        case "callback" | "window_error":
            return commands.tell({"imp_uid": None, "merchant_uid": payment.merchant_uid, **told})
        case "redirect":
            return commands.come_back(settings(), {"merchant_uid": payment.merchant_uid, **told})
    return commands.request(settings(), step.request) if step.request else None


def _masked(text: str) -> str:
    """What others wrote down has been masked by them, and is once more."""
    try:
        return _pretty(json.loads(text))
    except ValueError:
        return without_card_numbers(text)


def _pretty(value: Any) -> str:
    return without_card_numbers(json.dumps(value, ensure_ascii=False, indent=2))
