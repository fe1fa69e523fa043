"""What card companies and the payment window say, in the language of the page: i'mport passes on Korean texts only.

A refusal that is known is told in our own words, with who can mend it; a Korean page keeps the text with its code beside
them, for whoever calls the card company. Anything else is quoted as it came, on an English page marked as Korean so that
it is read out as such.
"""

from __future__ import annotations

import re

from flask import Flask
from flask_babel import gettext
from markupsafe import Markup

from storefront import wording
from storefront.billing.mails.texts import refusal_text
from storefront.billing.subscriptions import dunning
from storefront.web.formats import when_shown
from storefront.web.i18n import language

COMPANIES = {
    "BC카드": "BC Card",
    "KDB산업은행카드": "KDB Card",
    "NH카드": "NH NongHyup Card",
    "광주카드": "Kwangju Card",
    "국민KB카드": "KB Kookmin Card",
    "롯데카드": "Lotte Card",
    "삼성카드": "Samsung Card",
    "새마을금고카드": "MG Card",
    "수협카드": "Suhyup Card",
    "신한카드": "Shinhan Card",
    "신협카드": "Shinhyup Card",
    "씨티카드": "Citi Card",
    "우리카드": "Woori Card",
    "우체국카드": "Korea Post Card",
    "전북카드": "Jeonbuk Card",
    "제주카드": "Jeju Card",
    "카카오뱅크카드": "KakaoBank Card",
    "케이뱅크카드": "K bank Card",
    "하나카드": "Hana Card",
    "현대카드": "Hyundai Card",
}
"""Card companies as i'mport names them, and as they call themselves in English."""

_WINDOW_TEXTS = (
    (re.compile("사용자가 결제를 취소"), "The buyer closed the payment window."),
    (re.compile("이미 결제가 이루어진"), "This order has been paid already."),
    (re.compile("유효하지\\s*않은 카드번호"), "The card number is not valid."),
    (re.compile("결제를 중단합니다"), "The shop stopped the payment."),
    (re.compile("결제요청에 실패"), "The payment window could not reach the card company."),
)
_HANGUL = re.compile("[가-힣]")


def init_app(app: Flask) -> None:
    """Give the templates these filters."""
    for written in (card_company, reason):
        app.jinja_env.filters[written.__name__] = when_shown(written)


def card_company(name: str | None) -> str:
    """A card company's name; one that is not known as it came."""
    return COMPANIES.get(name or "", name or "") if _is_foreign() else name or ""


def reason(text: str | None) -> str | Markup:
    """Why a payment did not happen, out of i'mport's text; one that is not known as it came."""
    if not text or not _HANGUL.search(text):
        return text or ""
    meaning = _meaning(text)
    if not _is_foreign():
        return f"{meaning} ({text})" if meaning else text
    return _from_the_window(text) or meaning or Markup('<span lang="ko">{}</span>').format(text)


def _meaning(text: str) -> str | None:
    kind = dunning.kind_of(text)
    return None if kind == dunning.UNKNOWN else refusal_text(kind, gettext)


def _from_the_window(text: str) -> str | None:
    return next((english for pattern, english in _WINDOW_TEXTS if pattern.search(text)), None)


def _is_foreign() -> bool:
    return language() != wording.KOREAN
