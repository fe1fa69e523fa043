"""Korean and English: chosen by the browser, switched with a link and remembered in a cookie. And day or night."""

from __future__ import annotations

from typing import Any

from flask import Flask, request
from flask_babel import Babel, get_locale, gettext

from storefront.clock import SEOUL
from storefront.wording import KOREAN

LANGUAGES = (KOREAN, "en")
LANGUAGE_COOKIE = "morning_roast_language"
THEMES = ("system", "light", "dark")
"""As the reader's machine has it, or always one of both."""
THEME_COOKIE = "morning_roast_theme"


def init_app(app: Flask) -> None:
    """Translate the application."""
    Babel(app, locale_selector=choose_language, timezone_selector=lambda: SEOUL.key)

    @app.context_processor
    def give_language() -> dict[str, Any]:
        theme = request.cookies.get(THEME_COOKIE)
        return {"language": language(), "languages": LANGUAGES, "theme": theme if theme in THEMES else THEMES[0]}


def choose_language() -> str:
    """The cookie's language, else the browser's, else Korean."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in LANGUAGES:
        return str(chosen)
    return request.accept_languages.best_match(LANGUAGES) or KOREAN


def language() -> str:
    """The language this page is in."""
    return str(get_locale() or KOREAN)


def plan_text(code: str) -> dict[str, str]:
    """What a plan is called, and what it tastes of."""
    texts = {
        "daybreak": {
            "name": gettext("Daybreak"),
            "roast": gettext("Light"),
            "notes": gettext("Jasmine, peach, honey. Clear and light."),
            "picture": gettext("A pale blue bag, just before sunrise"),
        },
        "morning": {
            "name": gettext("Morning"),
            "roast": gettext("Medium"),
            "notes": gettext("Roasted almond, orange, milk chocolate. Good for every day."),
            "picture": gettext("An apricot bag, the sun rising"),
        },
        "noon": {
            "name": gettext("Noon"),
            "roast": gettext("Dark"),
            "notes": gettext("Dark chocolate, brown sugar. Goes well with milk."),
            "picture": gettext("A yellow bag, the sun high up"),
        },
    }
    return texts.get(code, {"name": code, "roast": "", "notes": "", "picture": ""})
