"""The forms with which a shopper changes a subscription or leaves it. Each goes back to the subscription's page."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Blueprint, abort, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_login import login_required

from storefront.billing.changing import leaving, next_bag, pricing
from storefront.billing.changing.changes import OtherSumError
from storefront.billing.renewing.asking import SubscriptionNotFoundError, TooLateError
from storefront.billing.subscriptions import overview
from storefront.states import SubscriptionStatus
from storefront.web import limits
from storefront.web.i18n import plan_text
from storefront.web.shop import billing, find_plan, number_or_404, read_number, shopper_id, shown_number, wants_json
from storefront.web.standing_orders import words_of
from storefront.web.subscriptions import say_once

PLAN_CONSENT_VERSION = "plan-2026-11-27"
"""Changes whenever the text beside the box of another plan does; stored with each consent."""

PRICE_CONSENT_VERSION = "price-2026-11-27"
"""The same for the box of a higher price."""

blueprint = Blueprint("changes", __name__, url_prefix="/account/subscriptions/<subscription_id>")


@blueprint.get("/leave")
@login_required  # type: ignore[untyped-decorator]
@limits.LOOK_UP
def leave_page(subscription_id: str) -> Any:
    """Both ways to leave, with what each of them means today."""
    number = number_or_404(subscription_id)
    leaving.ask_what_is_held(billing(), shopper_id=shopper_id(), subscription_id=number)
    return _leave_page(number)


@blueprint.post("/leave")
@login_required  # type: ignore[untyped-decorator]
@limits.PAY
def leave(subscription_id: str) -> Any:
    """End it: at the end of what is paid, or now."""
    when = request.form.get("when")
    if when == "period_end":
        return _change(subscription_id, gettext("You have left."), leaving.leave_at_the_end)
    refund_krw = read_number(request.form.get("refund_krw", ""))
    if when != "now" or refund_krw is None:
        return _leave_page(number_or_404(subscription_id), gettext("Please choose one."), 400)
    leave_now = partial(leaving.leave_now, refund_krw=refund_krw)
    return _change(subscription_id, gettext("You have left."), leave_now, _other_refund)


@blueprint.post("/stay")
@login_required  # type: ignore[untyped-decorator]
@limits.PAY
def stay(subscription_id: str) -> Any:
    """Not leave after all."""
    return _change(subscription_id, gettext("You stay, and it goes on as before."), leaving.stay)


@blueprint.post("/skip")
@login_required  # type: ignore[untyped-decorator]
@limits.PAY
def skip(subscription_id: str) -> Any:
    """Leave the next bag out."""
    skip_bag = partial(next_bag.skip, next_number=shown_number("next"))
    return _change(subscription_id, gettext("The next bag is skipped."), skip_bag)


@blueprint.post("/unskip")
@login_required  # type: ignore[untyped-decorator]
@limits.PAY
def unskip(subscription_id: str) -> Any:
    """Want the next bag after all."""
    unskip_bag = partial(next_bag.unskip, next_number=shown_number("next"))
    return _change(subscription_id, gettext("The next bag comes after all."), unskip_bag)


@blueprint.post("/plan")
@login_required  # type: ignore[untyped-decorator]
@limits.PAY
def choose_plan(subscription_id: str) -> Any:
    """Have another coffee from the next bag on, for the sum that was shown."""
    plan, price_krw = find_plan(request.form.get("plan", "")), read_number(request.form.get("price_krw", ""))
    if plan is None or price_krw is None or not _agrees():
        return _not_done(number_or_404(subscription_id), gettext("Please choose a coffee and agree to its price."), 400)
    wanted = partial(next_bag.choose_plan, plan=plan, price_krw=price_krw, consent_version=PLAN_CONSENT_VERSION)
    done = gettext("From the next charge on you get %(name)s.", name=plan_text(plan.code)["name"])
    return _change(subscription_id, done, partial(wanted, next_number=shown_number("next")))


@blueprint.post("/price")
@login_required  # type: ignore[untyped-decorator]
@limits.PAY
def agree_to_price(subscription_id: str) -> Any:
    """Agree to a higher price."""
    price_krw = read_number(request.form.get("price_krw", ""))
    if price_krw is None or not _agrees():
        return _not_done(number_or_404(subscription_id), gettext("Please tick the box if you agree."), 400)
    agree = partial(pricing.agree, price_krw=price_krw, consent_version=PRICE_CONSENT_VERSION)
    return _change(subscription_id, gettext("You have agreed to the new price."), agree)


def _agrees() -> bool:
    return request.form.get("consent") == "y"


def _change(
    subscription_id: str, done: str, act: Callable[..., None], other_sum: Callable[[int], Any] | None = None
) -> Any:
    """Do what a form asks for, and go back to the subscription's page, which says that it is done.

    Whom another sum was shown is answered by `other_sum`.
    """
    number = number_or_404(subscription_id)
    try:
        act(billing(), shopper_id=shopper_id(), subscription_id=number)
    except SubscriptionNotFoundError:
        abort(404)
    except OtherSumError:
        if other_sum is not None:
            return other_sum(number)
        return _not_done(number, gettext("The price has changed meanwhile. Please look again."), 409)
    except TooLateError:
        return _too_late(number)
    say_once(number, done)
    return redirect(url_for("subscriptions.show", subscription_id=number), 303)


def _other_refund(number: int) -> Any:
    return _leave_page(number, gettext("The sum that comes back has changed. Please look again."), 409)


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
    return _not_done(number, gettext("It has changed meanwhile, so nothing was done. Please look again."), 409)


def _not_done(number: int, problem: str, status: int) -> Any:
    """Why nothing was changed; whoever may not know of the subscription is told 404."""
    found = overview.find(billing(), shopper_id(), number)
    if found is None:
        abort(404)
    if wants_json():
        return jsonify({"error": problem}), status
    return render_template("account/not_done.html", words=words_of(found), number=number, problem=problem), status
