"""Test cards: a number chooses what happens. Only masked numbers are ever stored."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from storefront.sandbox.wire.parameters import Parameters
from storefront.sandbox.wire.refusals import BAD_CARD_NUMBER, NO_KEY_IN_PG, Refusal

SEOUL = ZoneInfo("Asia/Seoul")
_NUMBER = re.compile(r"[0-9]{14,16}")
_EXPIRY = re.compile(r"(0[1-9]|1[0-2])\s*/?\s*(?:20)?([0-9]{2})")
_BIRTH = re.compile(r"[0-9]{6}|[0-9]{10}")
_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2212"
LONGEST_NUMBER = 16
_PASSWORD = re.compile(r"[0-9]{2}")

LIMIT = "[8381] 한도초과"
STOLEN = "[8350] 도난·분실 카드"
EXPIRED = "[8322] 유효기간 만료"
SLOW_S = 10.0


@dataclass(frozen=True)
class Behaviour:
    """What a card does.

    Attributes:
        name: its name in the contract with testers.
        number: the card number that chooses it.
        korean: what the drawer calls it.
        english: the same in English.
        window_decline: why the window declines it, or None.
        captures: how many captures its key allows, or None for any number.
        later_decline: why charges beyond that are declined.
        slow_s: seconds it answers late, the work done first.
    """

    name: str
    number: str
    korean: str
    english: str
    window_decline: str | None = None
    captures: int | None = None
    later_decline: str = LIMIT
    slow_s: float = 0.0


BEHAVIOURS = (
    Behaviour("approve", "4242424242424242", "승인", "Approved"),
    Behaviour("decline-limit", "4000000000009995", "한도 초과로 거절", "Declined: over the limit", LIMIT),
    Behaviour("decline-stolen", "4000000000009979", "도난·분실로 거절", "Declined: stolen", STOLEN),
    Behaviour("decline-expired", "4000000000000069", "유효기간 지남", "Declined: expired", EXPIRED),
    Behaviour(
        "decline-later",
        "4000000000000341",
        "등록은 되고 다음 결제부터 거절",
        "Approved now, declined later",
        captures=0,
    ),
    Behaviour("approve-2", "4000000000003220", "두 번 승인 뒤 거절", "Approved twice, then declined", captures=2),
    Behaviour("slow", "4000000000000259", "10초 뒤에 답", "Answers after 10 seconds", slow_s=SLOW_S),
)

_BY_NUMBER = {behaviour.number: behaviour for behaviour in BEHAVIOURS}
_BY_NAME = {behaviour.name: behaviour for behaviour in BEHAVIOURS}

_ISSUERS = (("366", "신한카드"), ("381", "국민KB카드"), ("365", "삼성카드"), ("367", "현대카드"), ("361", "BC카드"))


@dataclass(frozen=True)
class CardInput:
    """What somebody typed into the window. The number is never kept."""

    number: str
    expiry: str
    birth: str
    pwd_2digit: str

    def __repr__(self) -> str:
        """Without the number, so that it reaches no log."""
        return f"CardInput({masked(digits(self.number))})"


class InvalidCard(Exception):  # noqa: N818 - i'mport's answer to a typing mistake
    """Malformed card data; the window keeps its form.

    Attributes:
        fields: a message for each input that has to be mended.
    """

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = fields


def named(name: str) -> CardInput | None:
    """The test card of a name, or the card of a number, with everything else filled in; None if it is neither."""
    behaviour = _BY_NAME.get(name)
    number = behaviour.number if behaviour else digits(name)
    return CardInput(number, "12/40", "900101", "12") if number else None


def behaviour_of(number: str) -> Behaviour:
    """What a card does; a number that is in no table approves."""
    return _BY_NUMBER.get(number, _BY_NAME["approve"])


def behaviour_named(name: str) -> Behaviour:
    """What a stored card does."""
    return _BY_NAME.get(name, _BY_NAME["approve"])


def digits(text: str) -> str:
    """A number without the spaces and dashes people group it with, and the invisible marks that come along when copied."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(letter for letter in plain if unicodedata.category(letter)[0] not in "ZC" and letter not in _DASHES)


def number_of(card: CardInput) -> str:
    """A card's number, which i'mport cuts after sixteen digits."""
    return digits(card.number)[:LONGEST_NUMBER]


def check(card: CardInput, now: datetime, *, luhn: bool = False) -> Behaviour:
    """The behaviour of a card whose data are well formed.

    Args:
        card: what was typed.
        now: what its expiry is compared with.
        luhn: refuse a number whose check digit is wrong, as real card companies do.

    Raises:
        InvalidCard: a field is malformed.
    """
    problems: dict[str, str] = {}
    number = number_of(card)
    if not _NUMBER.fullmatch(number) or (luhn and not _has_check_digit(number)):
        problems["card_number"] = "유효하지않은 카드번호를 입력하셨습니다."
    if not _EXPIRY.fullmatch(card.expiry.strip()):
        problems["expiry"] = "유효기간을 MM/YY로 입력해 주세요."
    if not _BIRTH.fullmatch(digits(card.birth)):
        problems["birth"] = "생년월일 6자리 또는 사업자번호 10자리를 입력해 주세요."
    if not _PASSWORD.fullmatch(card.pwd_2digit):
        problems["pwd_2digit"] = "비밀번호 앞 두 자리를 입력해 주세요."  # noqa: S105 - a message
    if problems:
        raise InvalidCard(problems)
    behaviour = behaviour_of(number)
    if _is_past(card.expiry, now):
        return Behaviour(behaviour.name, behaviour.number, "", "", window_decline=EXPIRED)
    return behaviour


def typed(parameters: Parameters, now: datetime, *, luhn: bool) -> tuple[CardInput, Behaviour]:
    """The card in a server's parameters, and what it does: `card_number`, `expiry` (YYYY-MM), `birth`, `pwd_2digit`.

    Raises:
        Refusal: it cannot be a card.
    """
    for name in ("channel_key", "channel_group_id"):
        parameters.text(name, 55)
    if not (parameters.text("pg", 80) or "jtnet").startswith("jtnet"):
        raise Refusal(NO_KEY_IN_PG, rule="pg: this merchant has JTNet only")
    number, expiry = parameters.required_text("card_number", 30), digits(parameters.required_text("expiry", 10))
    birth, password = parameters.text("birth", 10) or "900101", parameters.text("pwd_2digit", 2) or "00"
    card = CardInput(number, f"{expiry[4:6]}/{expiry[2:4]}", birth, password)
    try:
        return card, check(card, now, luhn=luhn)
    except InvalidCard as invalid_card:
        raise Refusal(BAD_CARD_NUMBER, code=-1, rule=", ".join(invalid_card.fields)) from None


def masked(number: str) -> str:
    """A number as i'mport shows it: eight digits, four stars, and the rest that makes up the last four."""
    return f"{number[:8]}****{number[-4:]}" if _NUMBER.fullmatch(number) else "****"


def issuer(number: str) -> tuple[str, str]:
    """A card company's code and name for a number."""
    return _ISSUERS[int(number[-4:]) % len(_ISSUERS)]


def _has_check_digit(number: str) -> bool:
    """Whether the last digit is the one that Luhn's sum asks for."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in number[-2::-2])
    return (sum(int(digit) for digit in number[::-2]) + sum(doubled)) % 10 == 0


def _is_past(expiry: str, now: datetime) -> bool:
    found = _EXPIRY.fullmatch(expiry.strip())
    if not found:
        return False
    seoul = now.astimezone(SEOUL)
    return (2000 + int(found[2]), int(found[1])) < (seoul.year, seoul.month)
