"""The forms with which a shopper changes a subscription or leaves it. Each goes back to the subscription's page."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Blueprint, abort, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_login import login_required

from storefront.billing.changing import leaving
from storefront.billing.renewing.asking import SubscriptionNotFoundError, TooLateError
from storefront.billing.subscriptions import overview
from storefront.states import SubscriptionStatus
from storefront.web import limits
from storefront.web.shop import billing, number_or_404, read_number, shopper_id, wants_json
from storefront.web.standing_orders import words_of

blueprint = Blueprint("changes", __name__, url_prefix="/account/subscriptions/<subscription_id>")


@blueprint.get("/leave")
@login_required  # type: ignore[untyped-decorator]
@limits.LOOK_UP
def leave_page(subscription_id: str) -> Any:
    """Both ways to leave, with what each of them means today."""
    return _leave_page(number_or_404(subscription_id))


@blueprint.post("/leave")
@login_required  # type: ignore[untyped-decorator]
@limits.PAY
def leave(subscription_id: str) -> Any:
    """End it: at the end of what is paid, or now."""
    when = request.form.get("when")
    if when == "period_end":
        return _change(subscription_id, leaving.leave_at_the_end)
    refund_krw = read_number(request.form.get("refund_krw", ""))
    if when != "now" or refund_krw is None:
        return _leave_page(number_or_404(subscription_id), gettext("Please choose one."), 400)
    return _change(subscription_id, partial(leaving.leave_now, refund_krw=refund_krw))


@blueprint.post("/stay")
@login_required  # type: ignore[untyped-decorator]
@limits.PAY
def stay(subscription_id: str) -> Any:
    """Not leave after all."""
    return _change(subscription_id, leaving.stay)


def _change(subscription_id: str, act: Callable[..., None]) -> Any:
    number = number_or_404(subscription_id)
    try:
        act(billing(), shopper_id=shopper_id(), subscription_id=number)
    except SubscriptionNotFoundError:
        abort(404)
    except leaving.OtherSumError:
        return _leave_page(number, gettext("The sum that comes back has changed. Please look again."), 409)
    except TooLateError:
        return _too_late(number)
    return redirect(url_for("subscriptions.show", subscription_id=number), 303)


def _leave_page(number: int, problem: str | None = None, status: int = 200) -> Any:
    found = overview.find(billing(), shopper_id(), number)
    if found is None:
        abort(404)
    if found.subscription.status == SubscriptionStatus.ENDED:
        return _too_late(number)
    choices = leaving.choices(billing(), number)
    if wants_json():
        leaves_on = choices.leaves_on.isoformat() if choices.leaves_on else None
        error = {"error": problem} if problem else {}
        return jsonify({"refund_krw": choices.refund_krw, "leaves_on": leaves_on, **error}), status
    words = words_of(found)
    page = render_template("account/leave.html", found=found, words=words, choices=choices, problem=problem)
    return page, status


def _too_late(number: int) -> Any:
    problem = gettext("It has changed meanwhile, so nothing was done. Please look again.")
    if wants_json():
        return jsonify({"error": problem}), 409
    found = overview.find(billing(), shopper_id(), number)
    if found is None:
        abort(404)
    return render_template("account/too_late.html", words=words_of(found), number=number, problem=problem), 409
