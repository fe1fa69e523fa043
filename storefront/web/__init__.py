"""The shop's pages. Views read a form, call billing, and render or redirect; no rule about money lives here."""

from __future__ import annotations

from flask import Flask

from storefront import secret_key
from storefront.config import Settings
from storefront.web import (
    account,
    assets,
    auth,
    card_words,
    changes,
    checkout,
    demo,
    errors,
    formats,
    guide,
    health,
    home,
    i18n,
    inspector,
    lessons,
    limits,
    payments,
    proxy,
    security,
    shop,
    subscriptions,
    webhooks,
)
from storefront.wording import KOREAN

LARGEST_BODY = 64 * 1024
"""Bytes; the longest thing anybody sends is a checkout form."""


def init_app(app: Flask) -> None:
    """Give an application the shop's pages."""
    settings: Settings = app.extensions["settings"]
    app.config.update(
        SECRET_KEY=settings.secret_key or secret_key.kept_in(settings.secret_key_file),
        SESSION_COOKIE_NAME="morning_roast",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.public_url.startswith("https://"),
        WTF_CSRF_TIME_LIMIT=None,  # whoever pays an hour after opening the page must not fail at the callback
        MAX_CONTENT_LENGTH=LARGEST_BODY,
        MAX_FORM_MEMORY_SIZE=LARGEST_BODY,
        BABEL_DEFAULT_LOCALE=KOREAN,
        BABEL_TRANSLATION_DIRECTORIES="translations",
    )
    for part in (assets, shop, i18n, security, limits, auth, formats, card_words, errors, health, proxy, inspector):
        part.init_app(app)
    for part in (
        home,
        guide,
        health,
        auth,
        checkout,
        payments,
        inspector,
        lessons,
        webhooks,
        account,
        subscriptions,
        changes,
        demo,
    ):
        app.register_blueprint(part.blueprint)
    security.csrf.exempt(webhooks.blueprint)
