"""The REST operations. Each names its own in i'mport's V1 description; all answer in i'mport's envelope.

The name stands first in the view's docstring, and goes out with every refusal.
"""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response, current_app, request

from storefront.sandbox.books import codes, pg_settings, prepared
from storefront.sandbox.books.schedules import LATEST_AT
from storefront.sandbox.parts import sandbox
from storefront.sandbox.rest.envelope import done, refused
from storefront.sandbox.wire.paging import paging
from storefront.sandbox.wire.parameters import Parameters
from storefront.sandbox.wire.refusals import BALANCE, NO_CUSTOMER, NOT_FOUND, Refusal, unknown_key

blueprint = Blueprint("rest", __name__)

LONGEST_ID = 500
"""In a list of ids to look up: what is longer than an id can be is only an id that nobody knows."""
SLOW_S = "sandbox.slow_s"
"""Where an operation puts the seconds its answer is kept back, once its work is committed."""


@blueprint.before_request
def check_token() -> None:
    """Everything but getToken needs a token."""
    if request.endpoint != "rest.get_token":
        sandbox().tokens.check(request)
        sandbox().schedules.run_due()


@blueprint.post("/users/getToken")
def get_token() -> Response:
    """`POST /users/getToken`."""
    return done(sandbox().tokens.issue(Parameters.of(request, status=400)))


@blueprint.get("/users/pg")
def get_pg_settings() -> Response:
    """`GET /users/pg`."""
    settings = sandbox().settings
    same = {"pg_provider": "jtnet", "sandbox": settings.test_channel, "type": "payment", "channel_name": "JTNet"}
    return done([{**same, "pg_id": one.pg_id, "channel_key": one.channel_key} for one in pg_settings.listed(settings)])


@blueprint.get("/cards")
def get_cards() -> Response:
    """`GET /cards`."""
    return done(codes.listed(codes.CARDS))


@blueprint.get("/cards/<id:code>")
def get_card(code: str) -> Response:
    """`GET /cards/{card_standard_code}`."""
    return done(codes.found(codes.CARDS, code))


@blueprint.get("/banks")
def get_banks() -> Response:
    """`GET /banks`."""
    return done(codes.listed(codes.BANKS))


@blueprint.get("/banks/<id:code>")
def get_bank(code: str) -> Response:
    """`GET /banks/{bank_standard_code}`."""
    return done(codes.found(codes.BANKS, code))


@blueprint.get("/payments/<id:imp_uid>")
def get_payment(imp_uid: str) -> Response:
    """`GET /payments/{imp_uid}`; a test channel's payments only with `include_sandbox`."""
    payment = sandbox().payments.get(imp_uid)
    hidden = payment is not None and payment["sandbox"] and not Parameters.of(request).flag("include_sandbox")
    if payment is None or hidden:
        rule = (
            "this payment was made through a test channel (--test-channel): it is found with include_sandbox=true only"
            if hidden
            else "no payment of that imp_uid"
        )
        raise Refusal(NOT_FOUND, code=-1, status=404, rule=rule)
    return done(payment)


@blueprint.get("/payments")
def get_payments() -> Response:
    """`GET /payments?imp_uid[]=…&merchant_uid[]=…`; HTTP 207 when some are missing."""
    parameters = Parameters.of(request, status=400)
    imp_uids, merchant_uids = (parameters.texts(name, LONGEST_ID) for name in ("imp_uid", "merchant_uid"))
    found, complete = sandbox().payments.several(imp_uids, merchant_uids)
    if not found:
        raise Refusal(NOT_FOUND, code=-1, status=404, rule="none of these ids")
    return done(found, status=200 if complete else 207)


@blueprint.get("/payments/find/<id:merchant_uid>")
@blueprint.get("/payments/find/<id:merchant_uid>/<status>")
def find_payment(merchant_uid: str, status: str | None = None) -> Response:
    """`GET /payments/find/{merchant_uid}/{payment_status}`."""
    sorting = Parameters.of(request, status=400).text("sorting", 20) or "-started"
    return done(sandbox().payments.find(merchant_uid, status, sorting))


@blueprint.get("/payments/findAll/<id:merchant_uid>")
@blueprint.get("/payments/findAll/<id:merchant_uid>/<status>")
def find_all_payments(merchant_uid: str, status: str | None = None) -> Response:
    """`GET /payments/findAll/{merchant_uid}/{payment_status}`."""
    parameters = Parameters.of(request, status=400)
    sorting = parameters.text("sorting", 20) or "-started"
    page, limit = paging(parameters)
    return done(sandbox().payments.find_all(merchant_uid, status, page, limit, sorting))


@blueprint.get("/payments/status/<status>")
def payments_by_status(status: str) -> Response:
    """`GET /payments/status/{payment_status}`."""
    return done(sandbox().payments.by_status(status, Parameters.of(request, status=400)))


@blueprint.get("/payments/<id:imp_uid>/balance")
def balance(imp_uid: str) -> Response:
    """`GET /payments/{imp_uid}/balance`, which JTNet does not have."""
    if sandbox().payments.get(imp_uid) is None:
        raise Refusal(NOT_FOUND, code=-1, status=404, rule="no payment of that imp_uid")
    raise Refusal(BALANCE, status=404, rule="only PAYCO and KCP have a balance")


@blueprint.post("/payments/cancel")
def cancel_payment() -> Response:
    """`POST /payments/cancel`."""
    parameters = Parameters.of(request)
    payment = sandbox().payments.cancel(parameters)
    if parameters.flag("enable_webhook"):
        last = payment["cancel_history"][-1]["cancellation_id"]
        ids = (payment["imp_uid"], payment["merchant_uid"])
        notice_url = sandbox().payments.notice_url(payment["imp_uid"])
        sandbox().webhooks.queue(notice_url, *ids, "cancelled", cancellation_id=last)
    return done(payment)


@blueprint.post("/payments/prepare")
def prepare() -> Response:
    """`POST /payments/prepare`."""
    return done(prepared.register(sandbox().store, Parameters.of(request)))


@blueprint.put("/payments/prepare")
def change_prepared() -> Response:
    """`PUT /payments/prepare`."""
    return done(prepared.change(sandbox().store, Parameters.of(request)))


@blueprint.get("/payments/prepare/<id:merchant_uid>")
def get_prepared(merchant_uid: str) -> Response:
    """`GET /payments/prepare/{merchant_uid}`."""
    return done(prepared.get(sandbox().store, merchant_uid))


@blueprint.get("/subscribe/customers/<id:customer_uid>")
def get_key(customer_uid: str) -> Response:
    """`GET /subscribe/customers/{customer_uid}`."""
    return done(sandbox().keys.get(customer_uid))


@blueprint.get("/subscribe/customers")
def get_keys() -> Response:
    """`GET /subscribe/customers?customer_uid[]=…`; HTTP 207 when some are missing."""
    found, asked = [], Parameters.of(request, status=400).texts("customer_uid", LONGEST_ID)
    for customer_uid in asked[:100]:
        if sandbox().keys.row(customer_uid):
            found.append(sandbox().keys.get(customer_uid))
    if not found:
        raise Refusal(NO_CUSTOMER, status=404, rule="none of these customer_uids")
    return done(found, status=200 if len(found) == len(asked) else 207)


@blueprint.post("/subscribe/customers/<id:customer_uid>")
def issue_key(customer_uid: str) -> Response:
    """`POST /subscribe/customers/{customer_uid}`."""
    return done(sandbox().keys.issue(customer_uid, Parameters.of(request)))


@blueprint.delete("/subscribe/customers/<id:customer_uid>")
def delete_key(customer_uid: str) -> Response:
    """`DELETE /subscribe/customers/{customer_uid}`."""
    return done(sandbox().keys.delete(customer_uid))


@blueprint.get("/subscribe/customers/<id:customer_uid>/payments")
def payments_of_key(customer_uid: str) -> Response:
    """`GET /subscribe/customers/{customer_uid}/payments`."""
    page, _ = paging(Parameters.of(request, status=400), least=0)
    listed = sandbox().payments.of_key(customer_uid, page)
    if not listed["total"] and sandbox().keys.row(customer_uid) is None:
        raise Refusal(unknown_key(customer_uid), status=404, rule="no payments of that customer_uid")
    return done(listed)


@blueprint.post("/subscribe/payments/again")
def charge_again() -> Response:
    """`POST /subscribe/payments/again`."""
    return _after(*sandbox().charges.again(Parameters.of(request)))


@blueprint.post("/subscribe/payments/onetime")
def charge_once() -> Response:
    """`POST /subscribe/payments/onetime`."""
    return _after(*sandbox().charges.onetime(Parameters.of(request)))


@blueprint.post("/subscribe/payments/schedule")
def schedule() -> Response:
    """`POST /subscribe/payments/schedule`."""
    return _scheduled(sandbox().schedules.add(Parameters.of(request)))


@blueprint.get("/subscribe/payments/schedule")
def get_schedules() -> Response:
    """`GET /subscribe/payments/schedule`."""
    return done(sandbox().schedules.search(Parameters.of(request, status=400)))


@blueprint.get("/subscribe/payments/schedule/<id:merchant_uid>")
def get_schedule(merchant_uid: str) -> Response:
    """`GET /subscribe/payments/schedule/{merchant_uid}`."""
    return done(sandbox().schedules.get(merchant_uid))


@blueprint.put("/subscribe/payments/schedule/<id:merchant_uid>")
def move_schedule(merchant_uid: str) -> Response:
    """`PUT /subscribe/payments/schedule/{merchant_uid}`."""
    return _scheduled(sandbox().schedules.move(merchant_uid, Parameters.of(request, status=400)))


@blueprint.post("/subscribe/payments/schedule/<id:merchant_uid>/reschedule")
def reschedule(merchant_uid: str) -> Response:
    """`POST /subscribe/payments/schedule/{merchant_uid}/reschedule`."""
    return _scheduled(sandbox().schedules.again_at(merchant_uid, Parameters.of(request, status=400)))


@blueprint.post("/subscribe/payments/schedule/<id:merchant_uid>/retry")
def retry_schedule(merchant_uid: str) -> Response:
    """`POST /subscribe/payments/schedule/{merchant_uid}/retry`."""
    return done(sandbox().schedules.retry(merchant_uid))


@blueprint.get("/subscribe/payments/schedule/customers/<id:customer_uid>")
@blueprint.get("/subscribe/customers/<id:customer_uid>/schedules")
def schedules_of_key(customer_uid: str) -> Response:
    """`GET /subscribe/payments/schedule/customers/{customer_uid}` and `GET /subscribe/customers/{customer_uid}/schedules`."""
    return done(sandbox().schedules.of_customer(customer_uid, Parameters.of(request, status=400)))


@blueprint.post("/subscribe/payments/unschedule")
def unschedule() -> Response:
    """`POST /subscribe/payments/unschedule`."""
    return done(sandbox().schedules.revoke(Parameters.of(request)))


@blueprint.route("/subscribe/payments/foreign", methods=["GET", "POST"])
def foreign() -> Response:
    """An operation older clients still try; they expect HTTP 200."""
    raise Refusal("지원하지 않는 기능입니다.", code=-1, rule="foreign cards are not simulated")


@blueprint.route("/certifications/<path:_rest>", methods=["GET", "POST", "DELETE"])
def certification(_rest: str) -> Response:
    """Identity checks; older clients expect HTTP 404."""
    raise Refusal("인증결과가 존재하지 않습니다.", code=-1, status=404, rule="certifications are not simulated")


def _after(payment: dict[str, Any], slow_s: float) -> Response:
    """The reply of a charge; a slow card keeps it back, its work done and committed."""
    request.environ[SLOW_S] = slow_s
    return done(payment)


def _scheduled(schedules: Any) -> Response:
    """The reply of what plans a charge; i'mport takes a time in milliseconds without a word, and never charges."""
    latest = max(one["schedule_at"] for one in (schedules if isinstance(schedules, list) else [schedules]))
    warning = (
        f"schedule_at {latest} looks like milliseconds: it is in seconds, and is never due"
        if latest > LATEST_AT
        else None
    )
    return done(schedules, warning=warning)


@blueprint.app_errorhandler(Refusal)
def answer_refusal(refusal: Refusal) -> Response:
    """Every refusal is an envelope."""
    return refused(refusal, _document())


def _document() -> str | None:
    """The official document of the operation that was asked for; None for what i'mport does not describe."""
    view = current_app.view_functions.get(request.endpoint or "")
    named = re.match(r"`([A-Z]+ /[^`?]*)", (view and view.__doc__) or "")
    return f"V1 API description, {named[1]}" if named else None
