"""Styles, scripts and pictures: small, and never fetched twice."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import html5lib
import pytest

from storefront import create_app
from storefront.config import Settings
from storefront.web import assets
from tests import stylesheet
from tests.conftest import SHOP_URL, Browser, Shop
from tests.integration.test_pages import every_page
from tests.people import Sandbox, Shopper


@pytest.fixture
def browser(shop: Shop) -> Browser:
    """Somebody's."""
    return shop.browser()


def files_of(page: str) -> list[str]:
    """What a page wants besides itself."""
    return sorted(set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page)))


def test_what_a_page_names_is_compressed_and_kept_for_a_year(browser: Browser) -> None:
    """In all it is a twentieth of what it was, and a cookie that changes changes nothing about it."""
    total = 0
    paths = files_of(browser.get("/").text)
    for path in paths:
        plain, small = browser.get(path), browser.get(path, headers={"Accept-Encoding": "br, gzip"})
        assert small.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert (small.headers["Vary"], small.headers["Content-Encoding"]) == ("Accept-Encoding", "gzip")
        assert "Set-Cookie" not in small.headers
        assert "Content-Encoding" not in plain.headers
        assert gzip.decompress(small.data) == plain.data
        total += len(small.data)
    assert len(paths) <= 9
    assert total < 30_000


@pytest.mark.parametrize("encoding", ["gzip", "identity", "gzip;q=0", ""])
def test_who_has_a_file_is_told_so(browser: Browser, encoding: str) -> None:
    """By its ETag; the compressed and the plain one are two."""
    accepted = {"Accept-Encoding": encoding}
    for path in (*files_of(browser.get("/").text), "/static/css/theme.css"):
        got = browser.get(path, headers=accepted)
        again = browser.get(path, headers=accepted | {"If-None-Match": got.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["Cache-Control"] == got.headers["Cache-Control"]
        assert browser.get(path, headers=accepted | {"If-None-Match": '"another"'}).status_code == 200
        assert ("gzip" in got.headers["ETag"]) == (encoding == "gzip")


def test_under_its_plain_name_a_file_is_asked_about_each_time(browser: Browser) -> None:
    """For whoever links to it from elsewhere."""
    reply = browser.get("/static/css/theme.css")

    assert reply.headers["Cache-Control"] == "public, max-age=0"
    assert reply.data == Path("static/css/theme.css").read_bytes()


def test_a_file_can_be_looked_at_and_had_in_parts(shop: Shop, browser: Browser) -> None:
    """HEAD and ranges, with the headers that every page has."""
    [path] = [path for path in files_of(browser.get("/").text) if "/theme." in path]
    whole = browser.get(path)
    head = shop.app.test_client().head(path, base_url=SHOP_URL)
    part = browser.get(path, headers={"Range": "bytes=3-9"})

    assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", str(len(whole.data)))
    assert (part.status_code, part.data) == (206, whole.data[3:10])
    assert browser.get(path, headers={"Range": "bytes=9999999-"}).status_code == 416
    for name in ("Content-Security-Policy", "X-Content-Type-Options", "X-Request-Id"):
        assert whole.headers[name]


@pytest.mark.parametrize(
    "path", ["/static/css/theme.000000000000.css", "/static/css", "/static/", "/static/../a", "/static/%00"]
)
def test_a_file_that_is_not_there_is_said_to_be_missing(browser: Browser, path: str) -> None:
    """Like any other page; an old name is not answered with new content."""
    reply = browser.get(path)

    assert reply.status_code == 404
    assert "<h1" in reply.text


def test_another_content_is_another_name(tmp_path: Path) -> None:
    """So a new release is seen at once."""
    (tmp_path / "a.css").write_text("p { color: red }")
    (tmp_path / "b.css").write_text("p { color: tan }")

    files = assets._read(tmp_path)

    first, second = (files[name].named.split(".")[1] for name in ("a.css", "b.css"))
    assert first != second


def test_who_works_on_the_pages_sees_every_change(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `flask run --debug` the files are served as they lie there."""
    monkeypatch.setenv("FLASK_DEBUG", "1")
    app = create_app(settings)
    page = Browser(app).get("/").text

    assert "/static/css/theme.css" in files_of(page)
    with Browser(app).get("/static/css/theme.css") as reply:
        assert reply.headers["Cache-Control"] == "no-cache"
    app.extensions["billing"].database.close()


def test_bootstraps_stylesheet_is_cut_down_to_what_the_pages_wear() -> None:
    """If this fails, the pages or Bootstrap have changed: `make styles`."""
    assert stylesheet.TRIMMED.read_text() == stylesheet.of_the_pages()
    assert len(stylesheet.TRIMMED.read_bytes()) < 0.15 * len(stylesheet.whole())


def test_no_page_wears_what_was_cut_away(shopper: Shopper, sandbox: Sandbox) -> None:
    """Held against the pages themselves, in every state a shopper can come to."""
    worn = {name for page in every_page(shopper, sandbox).values() for name in classes_of(page.text)}
    needed = stylesheet.rules(stylesheet.trimmed(worn.__contains__))
    kept = stylesheet.rules(stylesheet.TRIMMED.read_text())

    assert {"btn-primary", "form-control", "alert-warning"} <= worn
    assert {selector for selector in needed if selector not in kept} == set()


def classes_of(page: str) -> Iterator[str]:
    """Every class an element of the page has."""
    for element in html5lib.parse(page, namespaceHTMLElements=False).iter():
        yield from (element.get("class") or "").split()
