"""Which passwords nobody should choose here."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import PasswordField
from wtforms.validators import DataRequired, Length, ValidationError

SHORTEST, LONGEST = 8, 200
_TRIED_FIRST = 2
"""The least score of zxcvbn's that is accepted: below it a million guesses, begun with the commonest, find the password."""
_LONGEST_JUDGED = 72
"""Characters that zxcvbn looks at; whatever is longer is not among the common ones."""


def new_password_field(label: Any) -> PasswordField:
    """A field for a password that is chosen here."""
    return PasswordField(
        label,
        validators=[
            DataRequired(_l("Please choose a password.")),
            Length(min=SHORTEST, max=LONGEST, message=_l("At least 8 characters, please.")),
            uncommon,
        ],
        render_kw={"autocomplete": "new-password"},
    )


def uncommon(_form: FlaskForm, field: Any) -> None:
    """None of those that are tried first: `password1`, `qwerty123`, a year or a name in another spelling."""
    from zxcvbn import zxcvbn  # noqa: PLC0415 - its lists take 15 MB, which a shop needs once somebody signs up

    if zxcvbn(str(field.data)[:_LONGEST_JUDGED])["score"] < _TRIED_FIRST:
        raise ValidationError(
            _l("Many people use this password or one like it, so it is tried first. Please choose another.")
        )
