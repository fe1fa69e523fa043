"""The shop's last word: just before a window's payment is approved, its `confirm_url` is asked.

Source: the guide to the confirm process. Anything but HTTP 200 within ten seconds stops the payment. Whether the question
is JSON or a form is not written down, so the settings say.
"""

from __future__ import annotations

import requests

from storefront.sandbox.settings import SandboxSettings
from storefront.sandbox.wire.addresses import is_loopback
from storefront.sandbox.wire.parameters import storable

TIMEOUT_S = 10.0
STOPPED = "고객사 요청에 의해 결제를 중단합니다. (상세사유 : {})"
NO_REASON = "알 수 없음"
ELSEWHERE = "이 컴퓨터가 아닌 confirm_url"  # invented
LONGEST_REASON = 200


def objection(settings: SandboxSettings, url: str, imp_uid: str, merchant_uid: str, amount: int) -> str | None:
    """Ask a shop whether a payment may be approved.

    Args:
        settings: they allow other machines, or do not, and say how the body is written.
        url: the shop's `confirm_url`.
        imp_uid: the payment to be.
        merchant_uid: its order.
        amount: the won about to be captured.

    Returns:
        The payment's `fail_reason`, or None if it may be approved.
    """
    if not (settings.allow_remote_webhooks or is_loopback(url)):
        return STOPPED.format(ELSEWHERE)
    asked = {"imp_uid": imp_uid, "merchant_uid": merchant_uid, "amount": amount}
    form, value = (asked, None) if settings.confirm_as_form else (None, asked)
    try:
        with requests.Session() as session:
            session.trust_env = False
            reply = session.post(url, data=form, json=value, timeout=TIMEOUT_S, allow_redirects=False)
    except requests.RequestException:
        return STOPPED.format(NO_REASON)
    return None if reply.status_code == requests.codes.ok else STOPPED.format(_reason(reply))


def _reason(reply: requests.Response) -> str:
    try:
        said = reply.json()
    except (ValueError, RecursionError):
        return NO_REASON
    reason = said.get("reason") if isinstance(said, dict) else None
    if not isinstance(reason, str) or not reason or not storable(reason):
        return NO_REASON
    return reason[:LONGEST_REASON]
