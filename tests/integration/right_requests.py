"""What a right request to each address looks like: the generated ones are almost like these.

Words in capitals stand for what exists in a world (`World.names`), so that the same request can be sent to two worlds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from tests.people import BUYER

Spelling = Literal["query", "form", "JSON", "form or JSON"]

PATH_PARTS = {
    "merchant_uid": "PAID_ORDER",
    "imp_uid": "PAID_IMP_UID",
    "customer_uid": "STORED_KEY",
    "card_id": "CARD_ID",
    "subscription_id": "SUBSCRIPTION_ID",
    "window_id": "OPEN_WINDOW",
    "webhook_id": "1",
    "fault_id": "1",
    "plan": "morning",
    "code": "imp00000000",
    "status": "paid",
    "act": "cancel",
    "tab": "payments",
    "version": "1.1.5",
    "pg": "jtnet",
    "mid": "tpaytest2m",
    "name": "window.css",
    "filename": "theme.css",
}
"""What stands in a path unless the operation says something else."""


@dataclass(frozen=True)
class Right:
    """A request that is accepted.

    Attributes:
        fields: its parameters.
        spelling: how they are sent.
        path: parts of its path that differ from `PATH_PARTS`.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    spelling: Spelling = "form or JSON"
    path: dict[str, str] = field(default_factory=dict)


_BUYER = {
    "buyer_name": "김아침",
    "buyer_email": "achim@example.com",
    "buyer_tel": "010-1234-5678",
    "buyer_addr": "서울시",
    "buyer_postcode": "04524",
}
_CARD = {
    "channel_key": "channel-key-1",
    "card_number": "4242-4242-4242-4242",
    "expiry": "2040-12",
    "birth": "900101",
    "pwd_2digit": "12",
}
_NOTICE = "http://127.0.0.1:8000/webhooks/iamport"
_ORDER = {"merchant_uid": "new-order", "amount": 1_000, "name": "원두", "currency": "KRW", **_BUYER}
_MORE = {"custom_data": "{}", "notice_url": _NOTICE, "card_quota": 0}
_SCHEDULE = {**_ORDER, **_MORE, "schedule_at": 4_000_000_000}
_WINDOW = {
    **_ORDER,
    "pay_method": "card",
    "pg": "jtnet",
    "customer_uid": "new-key",
    "language": "ko",
    "notice_url": _NOTICE,
    "m_redirect_url": "http://127.0.0.1:8000/payments/complete/mobile",
    "custom_data": {"a": [1]},
}
_PAGING = {"page": 1, "limit": 20, "sorting": "-started"}
_BETWEEN = {"schedule_from": 3_999_999_000, "schedule_to": 4_000_001_000, "schedule_status": "scheduled", "page": 1}
_IDS = {"imp_uid": "PAID_IMP_UID", "merchant_uid": "PAID_ORDER"}
_PERSON = {"name": "이새벽", "email": "new@example.com", "password": "good-morning-coffee"}

OF_SHOP = {
    "GET auth.login": Right({"next": "/account"}, "query"),
    "POST auth.change_password": Right({"current": "good-morning-coffee", "password": "good-morning-coffee"}, "form"),
    "POST auth.login": Right({"email": "SHOPPER_EMAIL", "password": "good-morning-coffee", "next": "/account"}, "form"),
    "POST auth.signup": Right(_PERSON | {"next": "/account"}, "form"),
    "POST auth.login_demo": Right({"next": "/account"}, "form"),
    "POST auth.logout": Right({}, "form"),
    "GET checkout.begin": Right({"token": "a-token"}, "query"),
    "POST checkout.begin": Right(
        # Without the card it is the window's form.
        {**BUYER, "mode": "pay", "every": "month", "token": "a-token", "card": "CARD_ID", "checkout": "a-checkout"},
        "form",
    ),
    "GET checkout.pay": Right(path={"merchant_uid": "READY_ORDER"}, spelling="query"),
    "GET payments.show": Right(path={"merchant_uid": "READY_ORDER"}, spelling="query"),
    "GET inspector.how": Right(path={"merchant_uid": "READY_ORDER"}, spelling="query"),
    "GET lessons.show": Right({"order": "PAID_ORDER"}, "query", {"name": "two-tabs"}),
    "POST lessons.play": Right(path={"name": "amount-forged"}, spelling="form"),
    "POST payments.refund": Right({"token": "a-token"}, "form"),
    "POST payments.complete": Right(
        {
            "imp_uid": "",
            "merchant_uid": "READY_ORDER",
            "error_code": "F1002",
            "error_msg": "결제포기",
            "success": False,
        },
        "JSON",
    ),
    "GET payments.complete_on_phone": Right(
        {"imp_uid": "", "merchant_uid": "READY_ORDER", "error_msg": "결제포기", "imp_success": "false"},
        "query",
    ),
    "GET account.show": Right({"page": "1"}, "query"),
    "POST account.charge": Right({"card": "CARD_ID", "plan": "noon", "token": "a-token"}, "form"),
    "POST account.remove_card": Right({}, "form"),
    "POST subscriptions.pay": Right({"card": "CARD_ID", "token": "a-token"}, "form"),
    "POST changes.leave": Right({"when": "now", "refund_krw": "14900"}, "form"),
    "POST changes.stay": Right({}, "form"),
    "POST changes.skip": Right({}, "form"),
    "POST changes.unskip": Right({}, "form"),
    "POST changes.choose_plan": Right({"plan": "noon", "price_krw": "16900", "consent": "y"}, "form"),
    "POST changes.agree_to_price": Right({"price_krw": "15900", "consent": "y"}, "form"),
    "POST demo.move_time": Right({"to": "next"}, "form"),
    "POST subscriptions.change_card": Right({"card": "CARD_ID"}, "form"),
    "POST webhooks.receive": Right(_IDS | {"status": "paid", "cancellation_id": "c_1"}),
    "GET home.choose_language": Right({"next": "/account"}, "query", {"code": "ko"}),
    "GET home.choose_theme": Right({"next": "/account"}, "query", {"code": "dark"}),
}

_SCHEDULED = {"merchant_uid": "SCHEDULED_ORDER"}

OF_SANDBOX = {
    "POST rest.get_token": Right({"imp_key": "sandbox_key", "imp_secret": "sandbox_secret"}),
    "GET rest.get_payment": Right({"include_sandbox": "true"}, "query"),
    "GET rest.get_payments": Right({"imp_uid[]": "PAID_IMP_UID", "merchant_uid[]": "PAID_ORDER"}, "query"),
    "GET rest.find_payment": Right({"sorting": "-started"}, "query"),
    "GET rest.find_all_payments": Right(_PAGING, "query"),
    "GET rest.payments_by_status": Right({**_PAGING, "from": 1_795_000_000, "to": 1_796_000_000}, "query"),
    "POST rest.cancel_payment": Right(
        {**_IDS, "amount": 100, "checksum": 14_900, "reason": "a reason", "enable_webhook": True}
    ),
    "POST rest.prepare": Right({"merchant_uid": "new-order", "amount": 1_000, "currency": "KRW"}),
    "PUT rest.change_prepared": Right({"merchant_uid": "READY_ORDER", "amount": 1_000}),
    "GET rest.get_prepared": Right(path={"merchant_uid": "READY_ORDER"}, spelling="query"),
    "GET rest.get_keys": Right({"customer_uid[]": "STORED_KEY"}, "query"),
    "POST rest.issue_key": Right({**_CARD, "customer_name": "김아침", "customer_email": "achim@example.com"}),
    "GET rest.payments_of_key": Right({"page": 1}, "query"),
    "POST rest.charge_again": Right({**_ORDER, **_MORE, "customer_uid": "STORED_KEY"}),
    "POST rest.charge_once": Right({**_ORDER, **_MORE, **_CARD, "customer_uid": "new-key"}),
    "POST rest.schedule": Right({"customer_uid": "STORED_KEY", "checking_amount": 0, "schedules": [_SCHEDULE]}, "JSON"),
    "GET rest.get_schedules": Right({**_BETWEEN, "limit": 20}, "query"),
    "GET rest.schedules_of_key": Right({**_BETWEEN, "sorting": "scheduled"}, "query"),
    "GET rest.get_schedule": Right(path=_SCHEDULED, spelling="query"),
    "PUT rest.move_schedule": Right({"schedule_at": 4_000_000_001}, path=_SCHEDULED),
    "POST rest.reschedule": Right({"schedule_at": 4_000_000_001}, path={"merchant_uid": "REVOKED_ORDER"}),
    "POST rest.retry_schedule": Right(path=_SCHEDULED),
    "POST rest.unschedule": Right({"customer_uid": "STORED_KEY", "merchant_uid": ["SCHEDULED_ORDER"]}, "JSON"),
    "POST rest.foreign": Right({}),
    "POST rest.certification": Right({}),
    "GET service.settings_of": Right({"callback": "back"}, "query"),
    "GET service.open_window": Right(
        {"code": "imp00000000", "params": _WINDOW, "device": "pc", "sdk": "new", "request_id": "r", "parent": _NOTICE},
        "query",
    ),
    "POST service.use_window": Right(
        {**_CARD, "expiry": "12/40", "agree": "y", "action": "pay", "webhook": "hold", "forge": "y"}, "form"
    ),
    "GET control.show_ledger": Right({"merchant_uid": "PAID_ORDER"}, "query"),
    "GET control.show_requests": Right({"after": 1, "path": "/payments/prepare"}, "query"),
    "GET control.show_history": Right({"about": "PAID_ORDER"}, "query"),
    "POST control.send_webhook": Right({}, "JSON"),
    "PUT control.aim_webhooks": Right({"url": _NOTICE}, "JSON"),
    # A right one holds all the books, and is sent in test_saved_states: here are its refusals.
    "PUT control.load_state": Right({"clock": 0}, "JSON"),
    "POST control.drain_webhooks": Right({"timeout": 5}, "JSON"),
    "POST control.act_in_console": Right({"amount": 100}, "JSON"),
    "POST control.add_fault": Right(
        {"path": "/payments/*", "kind": "error", "method": "GET", "status": 503, "seconds": 0, "times": 1}, "JSON"
    ),
    "POST control.advance_clock": Right({"advance": 60}, "JSON"),
    "POST control.reset": Right({}, "JSON"),
    "POST control.pay": Right(
        {
            "params": _WINDOW,
            "device": "mobile",
            "card": "approve",
            "outcome": "card",
            "sdk": "new",
            "charge_amount": 100,
            "late": False,
        },
        "JSON",
    ),
    "POST scenarios.take_webhook": Right({"imp_uid": "PAID_IMP_UID", "merchant_uid": "PAID_ORDER", "status": "paid"}),
    "POST scenarios.add_scenario": Right(
        {
            "name": "one-window",
            "about": "A window is closed.",
            "steps": [{"pay": {"params": _WINDOW, "card": "approve", "outcome": "close"}}],
            "ledger": {"orders": {}, "keys": {}},
        },
        "JSON",
    ),
    "POST scenarios.run_scenario": Right({}, "JSON", {"name": "window-closed"}),
    "POST scenarios.press_play": Right({"name": "window-closed"}, "form"),
    "GET console.show": Right({"q": "paid"}, "query"),
    "POST console.press": Right({"tab": "faults", "id": "1"}, "form", {"act": "day"}),
    "POST console.break_as_usual": Right({"preset": "answer_lost"}, "form"),
    "POST console.send_again": Right({"method": "GET", "target": "/payments/PAID_IMP_UID", "body": ""}, "form"),
    "POST console.break_something": Right(
        {"path": "/payments/*", "kind": "error", "method": "GET", "status": "503", "seconds": "0", "times": "1"}, "form"
    ),
}
