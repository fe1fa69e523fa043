"""The home page, and what belongs to no other page: language and theme."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for

from storefront.web.i18n import LANGUAGE_COOKIE, LANGUAGES, THEME_COOKIE, THEMES
from storefront.web.security import own_path
from storefront.web.shop import settings

blueprint = Blueprint("home", __name__)

ONE_YEAR_S = 365 * 86_400


@blueprint.app_context_processor
def give_settings() -> dict[str, Any]:
    """Whether this is a demo, and where its sandbox is."""
    return {"sandbox_url": settings().sandbox_url}


@blueprint.get("/")
def show() -> str:
    """The plans."""
    return render_template("home/home.html")


@blueprint.get("/terms")
def terms() -> str:
    """How buying, storing a card, refunds and leaving work."""
    return render_template("home/terms.html")


@blueprint.get("/language/<code>")
def choose_language(code: str) -> Any:
    """Remember a language and go back."""
    return _remember(LANGUAGE_COOKIE, code, LANGUAGES)


@blueprint.get("/theme/<code>")
def choose_theme(code: str) -> Any:
    """Remember day or night and go back."""
    return _remember(THEME_COOKIE, code, THEMES)


def _remember(cookie: str, value: str, allowed: tuple[str, ...]) -> Any:
    if value not in allowed:
        abort(404)
    answer = redirect(own_path(request.args.get("next")) or url_for("home.show"), 303)
    secure = settings().public_url.startswith("https://")
    answer.set_cookie(cookie, value, max_age=ONE_YEAR_S, httponly=True, samesite="Lax", secure=secure)
    return answer
