"""The card companies' and banks' codes, which everybody in Korea uses.

Source: the code lists of the Korea Financial Telecommunications & Clearings Institute and of i'mport's documentation.
"""

from __future__ import annotations

from collections.abc import Mapping

from storefront.sandbox.wire.refusals import Refusal

CARDS: Mapping[str, str] = {
    "361": "BC카드",
    "364": "광주카드",
    "365": "삼성카드",
    "366": "신한카드",
    "367": "현대카드",
    "368": "롯데카드",
    "369": "수협카드",
    "370": "씨티카드",
    "371": "NH카드",
    "372": "전북카드",
    "373": "제주카드",
    "374": "하나카드",
    "381": "국민KB카드",
    "041": "우리카드",
    "002": "KDB산업은행카드",
    "045": "새마을금고카드",
    "048": "신협카드",
    "071": "우체국카드",
    "089": "케이뱅크카드",
    "090": "카카오뱅크카드",
}
BANKS: Mapping[str, str] = {
    "002": "KDB산업은행",
    "003": "IBK기업은행",
    "004": "KB국민은행",
    "007": "수협은행",
    "011": "NH농협은행",
    "012": "지역농축협",
    "020": "우리은행",
    "023": "SC제일은행",
    "027": "한국씨티은행",
    "031": "iM뱅크(대구)",
    "032": "BNK부산은행",
    "034": "광주은행",
    "035": "제주은행",
    "037": "전북은행",
    "039": "BNK경남은행",
    "045": "새마을금고",
    "048": "신협",
    "064": "산림조합",
    "071": "우체국",
    "081": "하나은행",
    "088": "신한은행",
    "089": "케이뱅크",
    "090": "카카오뱅크",
    "092": "토스뱅크",
}
_UNKNOWN = "존재하지 않는 코드입니다."  # invented


def listed(codes: Mapping[str, str]) -> list[dict[str, str]]:
    """All of them, as i'mport lists them."""
    return [{"code": code, "name": name} for code, name in codes.items()]


def found(codes: Mapping[str, str], code: str) -> dict[str, str]:
    """One of them.

    Raises:
        Refusal: HTTP 404, nobody has that code.
    """
    if code not in codes:
        raise Refusal(_UNKNOWN, code=-1, status=404, rule="nobody has that code")
    return {"code": code, "name": codes[code]}
