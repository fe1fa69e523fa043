"""The pages themselves: well-formed, in both languages, and with the words of strangers shown as words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import html5lib
import pytest
from babel.messages.frontend import CommandLineInterface
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from tests.conftest import Shop
from tests.people import BUYER, ENGLISH, Sandbox, Shopper

ROOT = Path(__file__).resolve().parents[2]
CATALOG = ROOT / "storefront" / "translations" / "ko" / "LC_MESSAGES" / "messages.po"
SCRIPT = "<script>alert('x')</script>"


def every_page(shopper: Shopper, sandbox: Sandbox) -> dict[str, Any]:
    """Every page and state a shopper can come to."""
    paid = shopper.buy("pay")
    declined = shopper.buy("pay", card="decline-limit")
    refused = shopper.buy("pay", card="approve", charge_amount=100)
    registered = shopper.buy("register", "noon")
    refunded = shopper.buy("pay")
    shopper.refund(refunded["merchant_uid"])
    ready = shopper.order("pay")
    card = shopper.active_cards()[0]
    sandbox.fault("/subscribe/payments/again", "cut_before")
    requested = shopper.charged(card["id"])
    orders = (paid, declined, refused, registered, refunded, ready, requested)
    paths = ["/", "/terms", "/account", "/checkout/morning", "/nowhere", "/payments/complete/mobile?imp_uid=imp_1"]
    paths += [f"/payments/{order['merchant_uid']}" for order in orders]
    paths += [f"/checkout/morning/{ready['merchant_uid']}"]
    pages = {path: shopper.browser.get(path) for path in paths}
    pages["/checkout/morning with messages"] = shopper.post("/checkout/morning", {})
    sandbox.fault("/payments/prepare", "error")
    reply = shopper.post("/checkout/morning", {**BUYER, "mode": "pay"})
    pages["the pay page without i'mport"] = shopper.browser.get(reply.headers["Location"])
    return pages


@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_page_is_well_formed_and_in_one_language(shopper: Shopper, sandbox: Sandbox, language: str) -> None:
    """Strictly parsed, with a title, one first heading, ids that are unique, and every label's field."""
    shopper.browser.get(f"/language/{language}")
    for path, page in every_page(shopper, sandbox).items():
        parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
        tree = parser.parse(page.text)
        assert tree.get("lang") == language, path
        assert [heading.tag for heading in tree.iter("h1")] == ["h1"], path
        assert (tree.findtext(".//title") or "").strip(), path
        ids = [element.get("id") for element in tree.iter() if element.get("id")]
        assert len(ids) == len(set(ids)), path
        assert {label.get("for") for label in tree.iter("label") if label.get("for")} <= set(ids), path
        assert tree.find(".//meta[@name='csrf-token']").get("content"), path
        words = " ".join(tree.find(".//main").itertext())
        assert bool(
            re.search(
                "[가-힣]",
                re.sub(
                    r"(아침|새벽|한낮) 원두|김아침|\[\d+\].*|신한카드|국민KB카드|삼성카드|현대카드|BC카드", "", words
                ),
            )
        ) == (language == "ko"), path


def test_the_language_is_the_browsers_until_somebody_chooses(shop: Shop) -> None:
    """And the choice is remembered."""
    browser = shop.browser()
    assert '<html lang="en"' in browser.get("/", headers={"Accept-Language": "en-GB,en;q=0.9"}).text
    assert '<html lang="ko"' in browser.get("/", headers={"Accept-Language": "ko-KR"}).text
    assert '<html lang="ko"' in browser.get("/", headers={"Accept-Language": "tlh"}).text

    browser.get("/language/en?next=/terms")

    assert '<html lang="en"' in browser.get("/", headers={"Accept-Language": "ko-KR"}).text


def test_no_page_keeps_a_word_of_the_language_it_was_first_shown_in(shopper: Shopper) -> None:
    """A template is compiled once: what it can compute by then would stay Korean for everybody."""
    pages = {}
    for language in ("ko", "en"):
        shopper.browser.get(f"/language/{language}")
        pages[language] = {path: shopper.browser.get(path).text for path in ("/", "/checkout/morning", "/account")}

    assert "오늘 0원" in pages["ko"]["/checkout/morning"]
    assert "today ₩0" in pages["en"]["/checkout/morning"]
    assert [path for path, text in pages["en"].items() if re.search(r"[0-9]원", text)] == []


def test_every_text_of_the_shop_is_translated(tmp_path: Path) -> None:
    """Collected anew and compared: nothing missing, nothing left over, nothing fuzzy, every placeholder kept."""
    collected = tmp_path / "messages.pot"
    command = ["pybabel", "-q", "extract", "-F", str(ROOT / "babel.cfg"), "-k", "_l", "-k", "lazy_gettext"]
    CommandLineInterface().run([*command, "-o", str(collected), str(ROOT)])
    with collected.open("rb") as file:
        wanted = {str(message.id) for message in read_po(file) if message.id}
    with CATALOG.open("rb") as file:
        catalog = read_po(file, locale="ko")
    translated = {str(message.id): message for message in catalog if message.id}

    assert wanted, "nothing was collected"
    assert wanted == set(translated)
    assert [message.id for message in translated.values() if message.fuzzy or not message.string] == []
    holes = re.compile(r"%\(\w+\)s")
    for message in translated.values():
        assert sorted(holes.findall(str(message.id))) == sorted(holes.findall(str(message.string)))


def test_the_compiled_translations_are_those_of_the_catalogue() -> None:
    """`make messages` was run."""
    with CATALOG.open("rb") as file:
        written = {str(message.id): str(message.string) for message in read_po(file, locale="ko") if message.id}
    with CATALOG.with_suffix(".mo").open("rb") as file:
        compiled = {str(message.id): str(message.string) for message in read_mo(file) if message.id}

    assert compiled == written


def test_a_buyers_script_is_shown_as_text(shopper: Shopper) -> None:
    """In forms, on receipts and inside the JSON of the pay page."""
    name = "<b>'\"</script>"
    params = shopper.order("pay", name=name)
    assert params["buyer_name"] == name

    for path in (f"/checkout/morning/{params['merchant_uid']}", "/checkout/morning"):
        page = shopper.browser.get(path).text
        assert "<b>'" not in page
        assert page.count("</script>") == page.count("<script")


def test_imports_texts_are_shown_as_text(shopper: Shopper) -> None:
    """The error of a callback, on the page and in the timeline."""
    params = shopper.order("pay")
    body = {"imp_uid": None, "merchant_uid": params["merchant_uid"], "error_code": SCRIPT, "error_msg": SCRIPT}
    assert shopper.post_json("/payments/complete", body).status_code == 200

    page = shopper.browser.get(f"/payments/{params['merchant_uid']}").text

    assert "alert(&#39;x&#39;)" in page
    assert SCRIPT not in page


def test_the_home_page_leads_to_every_checkout_with_its_price(shop: Shop) -> None:
    """Links that scripts can find, and prices a person can read."""
    page = shop.browser().get("/", headers=ENGLISH).text
    links = dict(re.findall(r'<a[^>]*href="/checkout/(\w+)"[^>]*data-price="(\d+)"', page))

    assert links == {"daybreak": "18900", "morning": "14900", "noon": "16900"}
    for price in ("₩18,900", "₩14,900", "₩16,900"):
        assert price in page


def test_a_receipt_shows_what_a_receipt_needs(shopper: Shopper) -> None:
    """Approval number, both ids, the masked card, the time in Seoul, and the tax."""
    shopper.browser.get("/language/en")
    payment = shopper.buy("pay")
    page = shopper.browser.get(f"/payments/{payment['merchant_uid']}").text

    for fact in (
        payment["imp_uid"],
        payment["merchant_uid"],
        "42424242****4242",
        "₩1,355",
        "₩14,900",
        "Approval number",
    ):
        assert fact in page
    assert re.search(r"\d+\s[A-Z][a-z]{2}\s20\d\d, \d\d:\d\d", page)


def test_the_timeline_tells_who_said_what_and_what_followed(shopper: Shopper) -> None:
    """In order: written down, told in advance, heard, read, decided."""
    payment = shopper.buy("pay")
    events = [event["event"] for event in payment["events"]]

    story = ["ordered", "prepared", "callback", "looked_up", "paid", "key_read", "key_issued"]
    assert [event for event in events if event in story] == story


def test_before_anything_opens_the_page_says_what_is_charged_and_how_to_stop(shopper: Shopper) -> None:
    """And the box is not ticked for anybody."""
    shopper.browser.get("/language/en")
    form = shopper.browser.get("/checkout/morning").text
    params = shopper.order("pay")
    pay = shopper.browser.get(f"/checkout/morning/{params['merchant_uid']}").text

    consent = re.search(r'<input[^>]*name="consent"[^>]*>', form)
    assert consent
    assert "checked" not in consent[0]
    for page in (form, pay):
        assert "nothing is charged automatically" in page.lower()
        assert "remove the card" in page.lower()


def test_the_history_comes_in_pages(shopper: Shopper) -> None:
    """Twenty at a time, each payment once, and the newest first."""
    card = shopper.register_card()
    bought = [shopper.charged(card["id"])["merchant_uid"] for _ in range(24)]

    shown = [
        re.findall(r'href="/payments/(mr_\w+)"', shopper.browser.get(f"/account?page={page}").text)
        for page in (1, 2, 3)
    ]

    assert [len(page) for page in shown] == [20, 5, 0]
    assert (shown[0] + shown[1])[:24] == bought[::-1]


@pytest.mark.parametrize(
    "spelling", ["010-1234-5678", "010 1234 5678", "010.1234.5678", "+82 10-1234-5678", "+82 (0)10 1234 5678"]
)
def test_a_phone_number_may_be_spelled_as_people_do(shopper: Shopper, spelling: str) -> None:
    """What i'mport is told is what a Korean card company reads."""
    form = {**BUYER, "phone": spelling, "mode": "pay", "token": "a-form"}

    reply = shopper.post("/checkout/morning", form)

    assert reply.status_code == 303
    page = shopper.browser.get(reply.headers["Location"]).text
    assert re.search(r"010-?1234-?5678", page)


def test_the_account_page_leads_with_what_is_charged_next_and_how_to_stop_it(shopper: Shopper) -> None:
    """How much, when, to which card, and the way to leave; after that the period's bag, another bag, cards, history."""
    shopper.browser.get("/language/en")
    shopper.subscribe()
    number = shopper.subscription()["id"]

    page = shopper.browser.get("/account").text

    order = [
        "What is charged next",
        "₩14,900",
        ", 09:00",
        " 4242",
        "This period's bag",
        f"/account/subscriptions/{number}/leave",
        "Order another bag",
        'id="cards"',
        'id="hist"',
    ]
    found = [page.find(words) for words in order]
    assert -1 not in found
    assert found == sorted(found)


def test_what_is_charged_first_comes_first_and_what_has_ended_comes_last(shop: Shop, shopper: Shopper) -> None:
    """Whichever was begun earlier."""
    shopper.browser.get("/language/en")
    shopper.subscribe("noon")
    shopper.ask("leave", when="now", refund_krw="16900")
    shopper.subscribe("daybreak", every="year")
    shop.pass_time(days=1)
    shopper.subscribe("morning")

    page = shopper.browser.get("/account").text

    found = [page.find(title) for title in ("Morning, every month", "Daybreak, every year", "Noon, every month")]
    assert -1 not in found
    assert found == sorted(found)
