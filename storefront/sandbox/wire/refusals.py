"""What i'mport says when it refuses.

Every text is i'mport's own as far as anybody has published it; the ones marked *invented* are ours.
"""

from __future__ import annotations

NOT_FOUND = "존재하지 않는 결제정보입니다."
UNAUTHORIZED = "Unauthorized"
WRONG_KEYS = "인증에 실패하였습니다. API키와 secret을 확인하세요."
MISSING_KEYS = "imp_key, imp_secret 파라메터가 누락되었습니다."
BAD_STATUS = "지원되지 않는 상태값입니다."
UNKNOWN_BUYER = "등록되지 않은 구매자입니다."
DUPLICATE_ORDER = "이미 주문이 이루어진 건입니다. (동일한 merchant_uid로 결제 또는 취소된 기록이 있습니다)"
NOTHING_TO_CANCEL = "취소할 결제건이 존재하지 않습니다."
FULLY_CANCELLED = "이미 전액취소된 주문입니다."
NO_ID_TO_CANCEL = "취소할 결제건의 imp_uid 또는 merchant_uid를 지정해주셔야합니다."
WRONG_CHECKSUM = "취소가능금액이 checksum과 일치하지 않습니다."  # invented
MORE_THAN_LEFT = "취소요청금액이 취소가능금액보다 큽니다."  # invented
ALREADY_PREPARED = "결제정보 사전등록에 실패하였습니다(이미 등록된 merchant_uid입니다)."
NOT_PREPARED = "사전등록된 결제정보가 존재하지 않습니다."
NO_SCHEDULE = "취소할 예약결제 기록이 존재하지 않습니다."
NO_CUSTOMER = "등록된 고객정보가 없습니다."
ALREADY_SCHEDULED = "이미 예약된 merchant_uid입니다."  # invented
UNREADABLE = "요청을 읽을 수 없습니다."  # invented
BALANCE = (
    "(현재는 PAYCO, KCP만 지원됩니다) 결제건에 대한 금액상세정보가 확인되지 않습니다. "
    "결제 상태가 paid 또는 cancelled가 아닌 경우 확인되지 않습니다."
)
CARD_NOT_VERIFIED = "카드정보 인증에 실패하였습니다."
KEY_NOT_ISSUED = "카드정보 인증 및 빌키 발급에 실패하였습니다."
CARD_NOT_CHECKED = "카드정보 확인에 실패하였습니다."
SCHEDULE_NOT_WAITING = "예약 상태의 결제가 아닙니다."  # invented
SCHEDULE_NOT_FAILED = "실패하거나 철회된 예약결제가 아닙니다."  # invented
NOT_SIMULATED = "지원하지 않는 API입니다"  # invented
NO_KEY_IN_PG = "비인증결제모듈 사용정보를 찾을 수 없습니다."
BAD_CARD_NUMBER = "유효하지않은 카드번호를 입력하셨습니다."


def unknown_key(customer_uid: str) -> str:
    """What i'mport says about a customer_uid under which no key is stored."""
    return f"요청하신 customer_uid({customer_uid})로 등록된 정보를 찾을 수 없습니다."


class Refusal(Exception):  # noqa: N818 - it is i'mport's answer, not our mistake
    """I'mport says no.

    Attributes:
        code: never 0; 1 for validation and "not found", -1 for authentication and PG failures.
        message: the text.
        status: the HTTP status; a refusal of business is HTTP 200.
        rule: which rule of i'mport was broken, for the header that explains.
    """

    def __init__(self, message: str, *, code: int = 1, status: int = 200, rule: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.rule = code, message, status, rule


def missing(name: str, *, status: int = 200) -> Refusal:
    """A required parameter is not there; that it is code 1 is documented, the text is invented."""
    return Refusal(f"필수 파라메터가 누락되었습니다: {name}", status=status, rule=f"{name} is required")


def invalid(name: str, why: str, *, status: int = 200) -> Refusal:
    """A parameter cannot be used; the text is invented."""
    return Refusal(f"파라메터 값이 올바르지 않습니다: {name}", status=status, rule=f"{name}: {why}")
