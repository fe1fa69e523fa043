"""The lessons' pages: what goes wrong elsewhere, a button that does it here, and how this shop came through."""

from __future__ import annotations

import logging
import threading
from typing import Any

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_login import current_user, login_required

from storefront.billing.orders import history
from storefront.billing.payments import settlement
from storefront.demo_sandbox import Books, DemoSandbox, SandboxError
from storefront.models import Payment
from storefront.web import errors, limits
from storefront.web.inspector import sources
from storefront.web.lessons.doors import Browser, DoorClosedError
from storefront.web.lessons.plays import Stage
from storefront.web.lessons.table import LESSONS, Lesson
from storefront.web.presentation import result_of
from storefront.web.shop import PAGE_BUDGET_S, billing, only_in_the_demo, order_or_404, shopper_id

blueprint = Blueprint("lessons", __name__, url_prefix="/lessons")

log = logging.getLogger(__name__)

_playing = threading.Lock()
"""One lesson at a time: what one breaks must not hit another."""


blueprint.before_request(only_in_the_demo)


@blueprint.get("")
def contents() -> str:
    """All of them."""
    return render_template("lessons/contents.html", lessons=LESSONS)


@blueprint.get("/<name>")
@limits.LOOK_UP
def show(name: str) -> str:
    """One of them; once it was played, how its order went."""
    number = _number_or_404(name)
    lesson = LESSONS[number]
    payment = _played(request.args.get("order", ""))
    return render_template(
        "lessons/lesson.html",
        lesson=lesson,
        number=number + 1,
        count=len(LESSONS),
        code=[sources.piece_of(source) for source in lesson.code],
        before=LESSONS[number - 1] if number else None,
        after=LESSONS[number + 1] if number + 1 < len(LESSONS) else None,
        payment=payment,
        result=result_of(payment) if payment else None,
        books=_books(payment) if payment else None,
    )


@blueprint.post("/<name>")
@login_required  # type: ignore[untyped-decorator]
@limits.PAY
def play(name: str) -> Any:
    """Do it to an order of the shopper's own."""
    lesson = LESSONS[_number_or_404(name)]
    if not _playing.acquire(timeout=PAGE_BUDGET_S):
        text = gettext("Somebody is playing a lesson at this moment. Press again in a few seconds; nothing was done.")
        return errors.explain(409, gettext("One lesson at a time"), text)
    try:
        merchant_uid = _play(lesson)
    except (SandboxError, DoorClosedError) as stopped:
        log.warning("lesson_stopped", extra={"fields": {"lesson": lesson.name, "at": repr(stopped)}})
        text = gettext(
            "The shop or the sandbox did not answer as usual. Nothing is left broken, and no real money moves here. "
            "Your account page shows what was charged; wait a minute and play it again."
        )
        return errors.explain(503, gettext("The lesson stopped half-way"), text)
    finally:
        _playing.release()
    return redirect(url_for("lessons.show", name=lesson.name, order=merchant_uid, _anchor="happened"), 303)


def _play(lesson: Lesson) -> str:
    return lesson.play(Stage(Browser.of_this_request(), _sandbox()))


def _number_or_404(name: str) -> int:
    number = next((number for number, lesson in enumerate(LESSONS) if lesson.name == name), None)
    if number is None:
        abort(404)
    return number


def _played(merchant_uid: str) -> Payment | None:
    """The order a lesson ended at, settled as its own page would; 404 if it is not this shopper's."""
    if not merchant_uid:
        return None
    if not current_user.is_authenticated:
        abort(404)
    settlement.refresh(billing(), shopper_id(), order_or_404(merchant_uid))
    payment = history.find_payment(billing(), shopper_id(), merchant_uid)
    if payment is None:
        abort(404)
    return payment


def _books(payment: Payment) -> Books | None:
    try:
        return _sandbox().books(payment.merchant_uid)
    except SandboxError:
        return None


def _sandbox() -> DemoSandbox:
    found: DemoSandbox = current_app.extensions["demo_sandbox"]
    return found
