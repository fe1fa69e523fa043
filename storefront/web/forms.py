"""The forms. A field's message says how to mend it."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, PasswordField, RadioField, StringField, TelField
from wtforms.validators import DataRequired, Email, InputRequired, Length, ValidationError

from storefront.billing.catalogue import Plan
from storefront.billing.payments.checkout import Buyer, Wish
from storefront.billing.subscriptions.calendar import seoul_day
from storefront.states import Every
from storefront.web.i18n import choose_language
from storefront.web.passwords import new_password_field
from storefront.web.shop import billing
from storefront.web.typed import is_readable, korean_number, length, plain, plain_email, plain_phone

CONSENT_VERSION = "2026-11-28.2"
"""Changes whenever the text of the consent box does; stored with each consent."""

LONGEST_EMAIL = 64
LONGEST_NAME = 64
"""Characters as people see them; some, like a family in one picture, are written with a dozen of the computer's."""
_ROOM_FOR_A_NAME = 255
DEFAULT_WAIT, LONGEST_WAIT = timedelta(days=7), timedelta(days=60)
"""How long after registering a card its subscription is charged for the first time."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _today() -> date:
    return seoul_day(billing().clock.now())


def first_days(today: date) -> tuple[date, date]:
    """The first and the last day on which a subscription without a payment today may begin."""
    return today + timedelta(days=1), today + LONGEST_WAIT


def _day(text: str | None) -> date | None:
    """A day written as YYYY-MM-DD; None for anything else."""
    if not _DAY.fullmatch(text or ""):
        return None
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        return None


def readable(_form: FlaskForm, field: Any) -> None:
    """Characters that can be stored and shown; the page that asks again does not repeat what it cannot show."""
    text = field.data or ""
    if not is_readable(text):
        field.data = ""
        raise ValidationError(_l("There are characters in here that we cannot store."))


def short_in_lower_case(_form: FlaskForm, field: Any) -> None:
    """At most 64 characters as we store an address: some letters become two in lower case."""
    if len((field.data or "").lower()) > LONGEST_EMAIL:
        raise ValidationError(_l("At most 64 characters, please."))


def short_enough_for_a_name(_form: FlaskForm, field: Any) -> None:
    """At most 64 characters, and no more than the database has room for."""
    text = field.data or ""
    if len(text) > _ROOM_FOR_A_NAME or length(text) > LONGEST_NAME:
        raise ValidationError(_l("At most 64 characters, please."))


def korean_phone(_form: FlaskForm, field: Any) -> None:
    """A Korean number, mobile, landline or personal."""
    if korean_number(field.data or "") is None:
        raise ValidationError(_l("Please enter a phone number like 010-1234-5678."))


class ConsentField(BooleanField):
    """A box that is ticked by `y` and by nothing else: what somebody may have meant otherwise is no consent."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Whether it was ticked."""
        self.data = valuelist == ["y"]

    def _value(self) -> str:
        return "y"


class _Person(FlaskForm):
    """A name and an e-mail address."""

    name = StringField(
        _l("Name"),
        filters=[plain],
        validators=[
            DataRequired(_l("Please enter your name.")),
            short_enough_for_a_name,
            readable,
        ],
        render_kw={"autocomplete": "name"},
    )
    email = EmailField(
        _l("E-mail"),
        filters=[plain_email],
        validators=[
            DataRequired(_l("Please enter your e-mail address.")),
            short_in_lower_case,
            readable,
            Email(_l("Please enter an address like achim@example.com.")),
        ],
        render_kw={"autocomplete": "email"},
    )


class SignUpForm(_Person):
    """Becoming a shopper."""

    password = new_password_field(_l("Password"))


class ChangePasswordForm(FlaskForm):
    """Another password, for whoever knows the present one."""

    current = PasswordField(
        _l("Current password"),
        validators=[DataRequired(_l("Please enter your password.")), Length(max=200)],
        render_kw={"autocomplete": "current-password"},
    )
    password = new_password_field(_l("New password"))


class SignInForm(FlaskForm):
    """Being recognised."""

    email = EmailField(
        _l("E-mail"),
        filters=[plain_email],
        validators=[DataRequired(_l("Please enter your e-mail address.")), Length(max=200), readable],
        render_kw={"autocomplete": "email"},
    )
    password = PasswordField(
        _l("Password"),
        validators=[DataRequired(_l("Please enter your password.")), Length(max=200)],
        render_kw={"autocomplete": "current-password"},
    )


class CheckoutForm(_Person):
    """How often, what to do now, who pays, and the consent to all of it."""

    every = RadioField(
        _l("How often do you want it?"),
        choices=[kind.value for kind in Every],  # type: ignore[misc]  # the stubs know the older tuples only
        default=Every.ONCE.value,
    )
    mode = RadioField(
        _l("When do you want your first bag?"),
        choices=["pay", "register"],  # type: ignore[list-item]  # the stubs know the older tuples only
        default="pay",
        validators=[InputRequired(_l("Please choose one."))],
    )
    first_on = StringField(
        _l("When may we charge it for the first time?"),
        default=lambda: f"{_today() + DEFAULT_WAIT}",
        filters=[plain],
    )
    phone = TelField(
        _l("Mobile phone"),
        filters=[plain_phone],
        validators=[DataRequired(_l("Please enter a phone number like 010-1234-5678.")), korean_phone, readable],
        render_kw={"autocomplete": "tel"},
    )
    consent = ConsentField(
        _l("Consent"),
        validators=[DataRequired(_l("Without your consent we do not store a card."))],
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        earliest, latest = first_days(_today())
        self.first_on.render_kw = {"type": "date", "min": f"{earliest}", "max": f"{latest}"}

    def validate_first_on(self, field: Any) -> None:
        """A day from tomorrow on, and not too far away; it matters only if nothing is paid today."""
        if not self._charges_later():
            return
        day, (earliest, latest) = _day(field.data), first_days(_today())
        if day is None or not earliest <= day <= latest:
            raise ValidationError(_l("Please choose a day between tomorrow and 60 days from now."))

    def wish(self, plan: Plan) -> Wish:
        """What was decided; only of a form that was found valid."""
        return Wish(
            plan=plan,
            mode="register" if self.mode.data == "register" else "pay",
            every=Every(self.every.data),
            first_on=_day(self.first_on.data) if self._charges_later() else None,
            consent_version=CONSENT_VERSION,
            language=choose_language(),
        )

    def _charges_later(self) -> bool:
        return self.mode.data == "register" and self.every.data in (Every.MONTH, Every.YEAR)

    def buyer(self) -> Buyer:
        """Who pays; only of a form that was found valid."""
        return Buyer(str(self.name.data), str(self.email.data), str(self.phone.data))


class StoredCardForm(FlaskForm):
    """A purchase with a card that is stored already: how often, and the consent to what is charged automatically."""

    every = RadioField(
        choices=[kind.value for kind in Every],  # type: ignore[misc]  # the stubs know the older tuples only
        default=Every.ONCE.value,
    )
    mode = StringField(default="pay")
    consent = ConsentField(_l("Consent"))

    def validate_mode(self, field: Any) -> None:
        """Whoever wants to pay nothing today is not charged."""
        if field.data not in (None, "", "pay"):
            raise ValidationError(_l("A stored card pays today. To be charged later, register the card anew."))

    def validate_consent(self, field: Any) -> None:
        """Needed for what is charged automatically; one bag is bought by pressing the button that says how much."""
        if self.every.data != Every.ONCE and not field.data:
            raise ValidationError(_l("Without your consent nothing is charged automatically."))

    def wish(self, plan: Plan) -> Wish:
        """What was decided; only of a form that was found valid."""
        return Wish(
            plan=plan,
            mode="pay",
            every=Every(self.every.data),
            consent_version=CONSENT_VERSION,
            language=choose_language(),
        )
