"""What the payment window does, without a browser: the pages and `POST /_sandbox/pay` both call `pay`.

Source: the JTNet billing guide (amount 0 issues a key, an amount issues a key and captures) and the SDK's callback and
redirect in both styles.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from storefront.sandbox.books import cards, pg_settings, prepared
from storefront.sandbox.books.cards import Behaviour, CardInput, InvalidCard
from storefront.sandbox.books.charges import LONGEST_CUSTOM_DATA
from storefront.sandbox.books.payments import Draft
from storefront.sandbox.parts import Sandbox
from storefront.sandbox.window import confirmation
from storefront.sandbox.window.returning import way_back, with_answer
from storefront.sandbox.wire.objects import BUYER_LENGTHS
from storefront.sandbox.wire.parameters import LARGEST_AMOUNT, storable, whole

__all__ = ["CardInput", "InvalidCard", "WindowResult", "customer_uid_of", "opening_error", "pay", "refuse"]

Device = Literal["pc", "mobile"]
Sdk = Literal["new", "old"]
Outcome = Literal["card", "cancel", "close", "lose_callback"]

CANCELLED = ("F1002", "[결제포기] 사용자가 결제를 취소하셨습니다")
ALREADY_PAID = ("F0007", "이미 결제가 이루어진 거래건입니다.")
AMOUNT_CHANGED = ("F1003", "사전등록된 결제금액과 요청한 결제금액이 일치하지 않습니다.")  # invented
UNKNOWN_MERCHANT = ("F0001", "등록되지 않은 가맹점 식별코드입니다.")  # invented
_INVALID = "F0001"
_DECLINED = "F0005"


@dataclass(frozen=True)
class WindowResult:
    """How a window ended.

    Attributes:
        imp_uid: the payment it made, if it made one.
        merchant_uid: the order.
        status: the payment's status, if there is one.
        callback: what the page's callback gets (desktop), unless it is lost.
        redirect: where the browser goes (phone), unless it is lost.
    """

    imp_uid: str | None
    merchant_uid: str
    status: str | None
    callback: dict[str, Any] | None
    redirect: str | None


def opening_error(sandbox: Sandbox, params: Mapping[str, Any], *, late: bool = False) -> tuple[str, str] | None:
    """Why a window does not open, as `(error_code, error_msg)`, or None.

    Args:
        sandbox: its books.
        params: what the page gave `IMP.request_pay`.
        late: the window was open before another one paid, so "already paid" was not checked.
    """
    problem = _malformed(params, customer_uid_of(sandbox, params))
    if problem:
        return _INVALID, problem
    merchant_uid = str(params["merchant_uid"])
    if not late and sandbox.payments.is_taken(merchant_uid):
        return ALREADY_PAID
    registered = prepared.amount_of(sandbox.store, merchant_uid)
    if registered is not None and registered != _amount(params):
        return AMOUNT_CHANGED
    return None


def customer_uid_of(sandbox: Sandbox, params: Mapping[str, Any]) -> str | None:
    """The name under which a window stores its card; None if it stores none, because none is given or its setting cannot.

    Args:
        sandbox: its books.
        params: what the page gave `IMP.request_pay`.
    """
    name = params.get("customer_uid")
    return str(name) if name and pg_settings.chosen(sandbox.settings, params).stores_keys else None


def refuse(
    params: Mapping[str, Any], *, device: Device, sdk: Sdk, error: tuple[str, str], page: str | None = None
) -> WindowResult:
    """End a window that does not open.

    Args:
        params: what the page gave `IMP.request_pay`.
        device: a desktop ends with a callback, a phone with a redirect.
        sdk: the old style says `success`, the new one does not.
        error: the error's code and text.
        page: the address of the page, from which a relative `m_redirect_url` begins.

    Returns:
        An ending without a payment.
    """
    return _Ending(params, device, sdk, page).failed(None, None, *error)


def pay(
    sandbox: Sandbox,
    params: Mapping[str, Any],
    *,
    device: Device,
    sdk: Sdk,
    card: CardInput | None,
    outcome: Outcome,
    charge_amount: int | None = None,
    late: bool = False,
    user_agent: str | None = None,
    opened_at: int | None = None,
    page: str | None = None,
) -> WindowResult:
    """Go through the window.

    Args:
        sandbox: its books.
        params: what the page gave `IMP.request_pay`.
        device: a desktop ends with a callback, a phone with a redirect.
        sdk: the old style says `success`, the new one does not.
        card: what was typed; needed when the outcome is `card` or `lose_callback`.
        outcome: what the buyer does, or what happens to the answer.
        charge_amount: won captured instead of the order's amount; a forgery behind the page's back.
        late: see `opening_error`.
        user_agent: the browser's.
        opened_at: when the window was opened, in UNIX seconds; now if it opens and ends at once.
        page: see `refuse`.

    Returns:
        How it ended.

    Raises:
        InvalidCard: malformed card data; nothing has happened and the window keeps its form.
    """
    error = opening_error(sandbox, params, late=late)
    ending = _Ending(params, device, sdk, page)
    if error:
        return ending.failed(None, None, *error)
    if outcome == "close":
        return ending.lost(None, None)
    draft = replace(_draft(sandbox, params, device, user_agent), started_at=opened_at)
    if outcome == "cancel":
        return _cancel(sandbox, ending, draft)
    if card is None:
        raise InvalidCard({"card_number": "유효하지않은 카드번호를 입력하셨습니다."})
    behaviour = cards.check(card, sandbox.clock.now(), luhn=sandbox.settings.luhn)
    return _use_card(sandbox, ending, draft, card, behaviour, outcome, charge_amount)


def _cancel(sandbox: Sandbox, ending: _Ending, draft: Draft) -> WindowResult:
    if sandbox.settings.cancelled_windows_stay_ready:
        return ending.failed(sandbox.payments.leave_ready(draft), "ready", *CANCELLED)
    return ending.failed(sandbox.payments.decline(draft, CANCELLED[1]), "failed", *CANCELLED)


def _use_card(
    sandbox: Sandbox,
    ending: _Ending,
    draft: Draft,
    card: CardInput,
    behaviour: Behaviour,
    outcome: Outcome,
    charge_amount: int | None,
) -> WindowResult:
    number = cards.number_of(card)
    card_code, card_name = cards.issuer(number)
    facts = {"card_code": card_code, "card_name": card_name, "card_number": cards.masked(number), "card_type": 0}
    imp_uid = sandbox.payments.new_imp_uid(draft.channel)
    amount = draft.amount if charge_amount is None else charge_amount
    draft = replace(draft, card=facts, amount=amount, imp_uid=imp_uid)
    problem = _problem(sandbox, behaviour, ending.params.get("confirm_url"), draft, imp_uid)
    if problem:
        sandbox.payments.decline(draft, problem)
        result = ending.failed(imp_uid, "failed", _DECLINED, problem)
    else:
        with sandbox.store.transaction():
            sandbox.payments.approve(draft)
            if draft.customer_uid:
                sandbox.keys.store(draft.customer_uid, card, behaviour)
                if draft.amount:
                    sandbox.keys.count_capture(draft.customer_uid)
            sandbox.webhooks.queue(draft.notice_url, imp_uid, draft.merchant_uid, "paid")
        result = ending.paid(imp_uid, sandbox.payments.get(imp_uid) or {})
    sandbox.webhooks.deliver_first()
    time.sleep(behaviour.slow_s)
    return ending.lost(result.imp_uid, result.status) if outcome == "lose_callback" else result


def _problem(sandbox: Sandbox, behaviour: Behaviour, confirm_url: object, draft: Draft, imp_uid: str) -> str | None:
    """Why the card company, or else the shop, does not approve; None if both do."""
    if behaviour.window_decline:
        return sandbox.settings.decline_reason or behaviour.window_decline
    if not confirm_url:
        return None
    return confirmation.objection(sandbox.settings, str(confirm_url), imp_uid, draft.merchant_uid, draft.amount)


@dataclass(frozen=True)
class _Ending:
    """Says how it ended, in the words of the SDK's style."""

    params: Mapping[str, Any]
    device: Device
    sdk: Sdk
    page: str | None

    @property
    def merchant_uid(self) -> str:
        return str(self.params.get("merchant_uid") or "")

    def lost(self, imp_uid: str | None, status: str | None) -> WindowResult:
        return WindowResult(imp_uid, self.merchant_uid, status, None, None)

    def paid(self, imp_uid: str, payment: Mapping[str, Any]) -> WindowResult:
        ids = {"imp_uid": imp_uid, "merchant_uid": self.merchant_uid}
        told = ids if self.sdk == "new" else {"success": True, **ids, **_old_facts(payment)}
        query = ids if self.sdk == "new" else {**ids, "imp_success": "true"}
        return self._told(imp_uid, "paid", told, query)

    def failed(self, imp_uid: str | None, status: str | None, code: str, message: str) -> WindowResult:
        ids = {"imp_uid": imp_uid, "merchant_uid": self.merchant_uid}
        error = {"error_code": code, "error_msg": message}
        told: dict[str, Any] = {**ids, **error}
        query: dict[str, Any] = {**{name: value or "" for name, value in ids.items()}, **error}
        if self.sdk == "old":
            told = {"success": False, **told, "pay_method": "card", "pg_provider": "jtnet", "pg_type": "payment"}
            query = {**query, "imp_success": "false"}
        return self._told(imp_uid, status, told, query)

    def _told(
        self, imp_uid: str | None, status: str | None, told: dict[str, Any], query: dict[str, Any]
    ) -> WindowResult:
        if self.device == "pc":
            return WindowResult(imp_uid, self.merchant_uid, status, told, None)
        return WindowResult(imp_uid, self.merchant_uid, status, None, self._redirect(query))

    def _redirect(self, query: dict[str, Any]) -> str | None:
        address = way_back(self.params.get("m_redirect_url"), self.page)
        return with_answer(address, query) if address else None


def _old_facts(payment: Mapping[str, Any]) -> dict[str, Any]:
    names = (
        "pay_method name currency pg_provider pg_tid apply_num buyer_name buyer_email buyer_tel buyer_addr buyer_postcode "
        "custom_data status paid_at receipt_url card_name bank_name card_quota card_number customer_uid"
    )
    return {
        "paid_amount": payment.get("amount"),
        "pg_type": "payment",
        **{name: payment.get(name) for name in names.split()},
    }


def _malformed(params: Mapping[str, Any], customer_uid: str | None) -> str | None:  # noqa: PLR0911 - one line for each rule
    for name, longest in (("merchant_uid", 40), ("name", 40), ("customer_uid", 80)):
        value = params.get(name)
        if value is not None and (not isinstance(value, str | int) or len(str(value)) > longest):
            return f"{name}은(는) {longest}자 이하의 문자여야 합니다."
        if value is not None and not storable(str(value)):
            return f"{name}에 사용할 수 없는 문자가 있습니다."
    if not params.get("merchant_uid"):
        return "merchant_uid가 누락되었습니다."
    if not _is_kept(_custom_data(params)):
        return f"custom_data는 {LONGEST_CUSTOM_DATA}자 이하의 문자여야 합니다."
    if params.get("pay_method", "card") != "card":
        return "정기결제는 카드(card)만 지원합니다."
    if _amount(params) is None:
        return "결제금액이 올바르지 않습니다."
    if _amount(params) == 0 and customer_uid is None:
        return "결제금액은 0원보다 커야 합니다."
    return None


def _amount(params: Mapping[str, Any]) -> int | None:
    amount = whole(params.get("amount"))
    return amount if amount is not None and 0 <= amount <= LARGEST_AMOUNT else None


def _draft(sandbox: Sandbox, params: Mapping[str, Any], device: Device, user_agent: str | None) -> Draft:
    customer_uid = customer_uid_of(sandbox, params)
    buyer = {name: _short(params.get(name), longest) for name, longest in BUYER_LENGTHS.items()}
    return Draft(
        merchant_uid=str(params["merchant_uid"]),
        amount=_amount(params) or 0,
        name=_short(params.get("name"), 40),
        channel=device,
        customer_uid=customer_uid,
        usage="issue" if customer_uid else None,
        buyer=buyer,
        custom_data=_custom_data(params),
        user_agent=_short(user_agent, 300),
        notice_url=_notice_url(params),
        pg_id=pg_settings.chosen(sandbox.settings, params).pg_id,
    )


def _custom_data(params: Mapping[str, Any]) -> str | None:
    """What the page wants to have back, as JSON text."""
    custom = params.get("custom_data")
    return None if custom is None else json.dumps(custom, ensure_ascii=False)


def _is_kept(custom_data: str | None) -> bool:
    return custom_data is None or (len(custom_data) <= LONGEST_CUSTOM_DATA and storable(custom_data))


def _short(value: Any, longest: int) -> str | None:
    if value is None or value == "" or not storable(str(value)):
        return None
    return str(value)[:longest]


def _notice_url(params: Mapping[str, Any]) -> str | None:
    value = params.get("notice_url")
    first = value[0] if isinstance(value, list) and value else value
    return first if isinstance(first, str) and first else None
