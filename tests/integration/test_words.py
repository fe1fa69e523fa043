"""What pages say about a payment: whose doing it was, in the reader's language, and never more than is known."""

from __future__ import annotations

import re
from typing import Any

import pytest

from storefront.states import PaymentStatus
from storefront.web import presentation
from storefront.web.card_words import COMPANIES, card_company, reason
from tests.conftest import Shop
from tests.people import ENGLISH, Sandbox, Shopper

TIME = re.compile(r'<time datetime="([^"]*)"')
HTML_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+\d\d:\d\d")


def page_of(shopper: Shopper, merchant_uid: str, language: str = "en") -> str:
    """The page of a payment."""
    shopper.browser.get(f"/language/{language}")
    return str(shopper.browser.get(f"/payments/{merchant_uid}").text)


@pytest.mark.parametrize(
    ("language", "headline"), [("en", "You left the payment window"), ("ko", "결제창을 닫으셨어요")]
)
@pytest.mark.parametrize("mode", ["pay", "register"])
def test_who_left_the_window_reads_that_they_left(shopper: Shopper, mode: str, language: str, headline: str) -> None:
    """It is no failure of theirs or of the card company, and i'mport's own mark for it is no word for people."""
    payment = shopper.buy(mode, outcome="cancel")

    said = page_of(shopper, payment["merchant_uid"], language).partition("mr-how")[0]

    assert f">{headline}</h1>" in said
    assert "결제포기" not in said
    assert "is-failed" not in said
    assert "card company" not in said


@pytest.mark.parametrize(
    ("how", "way_on"),
    [
        ({"outcome": "cancel"}, "Start again"),
        ({"charge_amount": 100}, "Start again"),
        ({"card": "decline-limit"}, "Try again with another card"),
    ],
)
def test_another_card_is_named_only_where_a_card_was_at_fault(
    shopper: Shopper, how: dict[str, Any], way_on: str
) -> None:
    """Who closed the window, or was charged another sum, starts again with whichever card."""
    said = page_of(shopper, shopper.buy("pay", **how)["merchant_uid"])

    assert [text for text in ("Start again<", "Try again with another card<") if text in said] == [f"{way_on}<"]


@pytest.mark.parametrize("card", ["new", ""])
def test_the_price_of_a_year_is_not_called_a_bags(shopper: Shopper, card: str) -> None:
    """Through the window, and with the card that is stored."""
    shopper.register_card()
    shopper.browser.get("/language/en")

    page = shopper.browser.get(f"/checkout/morning?every=year&card={card}").text

    assert "first year" in page.lower()
    assert "pay for the first bag" not in page
    assert ">First bag<" not in page


def test_a_window_that_was_left_without_a_trace_at_imports_reads_the_same(shopper: Shopper) -> None:
    """Then the browser alone has said so, and the order stays open."""
    params = shopper.order("pay")
    left = {"error_code": "F1002", "error_msg": "[결제포기] 사용자가 결제를 취소하셨습니다"}
    shopper.tell({"imp_uid": None, "merchant_uid": params["merchant_uid"], "callback": left})

    said = page_of(shopper, params["merchant_uid"]).partition("mr-how")[0]

    assert ">You left the payment window</h1>" in said
    assert "결제포기" not in said
    assert "Go on where you stopped" in said


def test_a_declined_registration_says_that_the_card_was_not_registered(shopper: Shopper) -> None:
    """Nobody wanted to pay anything."""
    declined = shopper.buy("register", card="decline-stolen")

    said = page_of(shopper, declined["merchant_uid"]).partition("mr-how")[0]

    assert ">Your card was not registered</h1>" in said
    assert "The card is reported lost or stolen." in said
    assert "payment did not go through" not in said


@pytest.mark.parametrize(
    ("card", "english", "korean"),
    [
        ("decline-limit", "The card&#39;s limit is used up.", "[8381] 한도초과"),
        ("decline-stolen", "The card is reported lost or stolen.", "[8350] 도난·분실 카드"),
        ("decline-expired", "The card has expired.", "[8322] 유효기간 만료"),
    ],
)
def test_a_decline_is_told_in_the_language_of_the_page(shopper: Shopper, card: str, english: str, korean: str) -> None:
    """I'mport passes on the card company's Korean; the Korean page says what it means, and keeps it with its code."""
    declined = shopper.buy("pay", card=card)["merchant_uid"]

    assert english in page_of(shopper, declined, "en")
    assert re.search(rf"요\. \({re.escape(korean)}", page_of(shopper, declined, "ko"))
    assert korean not in page_of(shopper, declined, "en")


def test_a_reason_that_nobody_knows_is_quoted_as_korean(shop: Shop) -> None:
    """A screen reader has to change its voice for it, and markup in it stays text."""
    with shop.app.test_request_context(headers=ENGLISH):
        assert reason("전산 <b>장애</b>") == '<span lang="ko">전산 &lt;b&gt;장애&lt;/b&gt;</span>'
        assert reason(None) == ""
    with shop.app.test_request_context(headers={"Accept-Language": "ko"}):
        assert reason("전산 장애") == "전산 장애"


def test_card_companies_have_their_own_names_in_english(shop: Shop, sandbox: Sandbox) -> None:
    """Every one that i'mport lists; one that is new keeps its name."""
    listed = {card["name"] for card in sandbox.call("GET", "/cards")["response"]}

    assert listed == set(COMPANIES)
    with shop.app.test_request_context(headers=ENGLISH):
        assert card_company("신한카드") == "Shinhan Card"
        assert card_company("새 카드") == "새 카드"
    with shop.app.test_request_context(headers={"Accept-Language": "ko"}):
        assert card_company("신한카드") == "신한카드"


def test_times_are_written_as_html_reads_them(shopper: Shopper) -> None:
    """HTML knows milliseconds at most; a page that says microseconds has no valid time in it."""
    paid = shopper.buy("pay")

    pages = (f"/payments/{paid['merchant_uid']}", f"/payments/{paid['merchant_uid']}/how", "/demo/outbox")
    times = [time for page in pages for time in TIME.findall(shopper.browser.get(page).text)]

    assert len(times) > len(pages)
    assert all(HTML_TIME.fullmatch(time) for time in times), times


def test_no_exceptions_name_is_in_a_timeline(shopper: Shopper, sandbox: Sandbox) -> None:
    """What broke is said in words, in the page's language."""
    shopper.register_card()
    card = shopper.active_cards()[0]
    sandbox.fault("/subscribe/payments/again", "cut_before")
    charged = shopper.charged(card["id"])["merchant_uid"]

    english, korean = (page_of(shopper, charged, language) for language in ("en", "ko"))

    assert "the connection broke off" in english
    assert "연결이 끊김" in korean
    assert not re.search(r"[A-Z][a-z]+(?:Error|Timeout)\b", english + korean)


def test_a_theme_is_the_systems_the_day_or_the_night(shopper: Shopper) -> None:
    """And the one that is chosen is marked, for those who do not see it too."""
    for theme, attribute in (("dark", 'data-bs-theme="dark"'), ("light", 'data-bs-theme="light"'), ("system", "")):
        shopper.browser.get(f"/theme/{theme}")
        page = shopper.browser.get("/").text
        assert attribute in page.partition("<head>")[0]
        assert ("data-bs-theme" in page.partition("<head>")[0]) == bool(attribute)
        assert re.search(rf'href="/theme/{theme}[^"]*"\s*aria-current="true"', page)


def test_a_receipt_names_the_seller(shopper: Shopper) -> None:
    """It takes the place of a card slip, so it says from whom."""
    paid = shopper.buy("pay")

    receipt = page_of(shopper, paid["merchant_uid"], "ko").partition('class="mr-receipt"')[2].partition("</section>")[0]

    assert "사업자등록번호" in receipt


def test_a_registration_that_is_being_refused_is_not_said_to_have_cost_anything(
    shopper: Shopper, sandbox: Sandbox
) -> None:
    """Its key is still to be deleted, and that is all: no money is on its way back, for none has left."""
    one, other = (shopper.order("register", token="one-checkout-two-windows") for _ in range(2))
    shopper.tell(sandbox.pay(one))
    sandbox.fault("/subscribe/customers/*", "error", method="DELETE", times=0)
    shopper.tell(sandbox.pay(other))
    assert shopper.payment(other["merchant_uid"])["status"] == "refusing"

    said = page_of(shopper, other["merchant_uid"]).partition("mr-how")[0]

    assert "We did not accept this card registration" in said
    assert "Nothing left your card." in said
    assert "returned" not in said


def test_every_state_of_a_registration_has_words_of_its_own_or_a_payments() -> None:
    """None is left out."""
    said = presentation._REGISTRATIONS.keys() | presentation._RESULTS.keys()

    assert said == set(PaymentStatus)
