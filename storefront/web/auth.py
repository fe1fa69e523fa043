"""Signing up, in and out, and another password."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Flask, abort, flash, jsonify, redirect, render_template, request, session, url_for
from flask_babel import gettext
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user, logout_user

from storefront.billing import shoppers
from storefront.models import Shopper
from storefront.web import limits
from storefront.web.forms import ChangePasswordForm, SignInForm, SignUpForm
from storefront.web.security import own_path
from storefront.web.shop import billing, settings, shopper_id, wants_json

blueprint = Blueprint("auth", __name__)


@dataclass
class SignedIn(UserMixin):  # type: ignore[misc]
    """The shopper of this session."""

    id: int
    name: str
    email: str
    phone: str | None
    session_id: str

    @classmethod
    def of(cls, shopper: Shopper) -> SignedIn:
        """What the pages need to know of a shopper."""
        return cls(shopper.id, shopper.name, shopper.email, shopper.phone, shopper.session_id)

    def get_id(self) -> str:
        """What the cookie names the shopper by."""
        return self.session_id


def init_app(app: Flask) -> None:
    """Recognise shoppers by their session."""
    manager = LoginManager(app)
    manager.user_loader(_load)
    manager.unauthorized_handler(_ask_to_sign_in)


@blueprint.route("/login", methods=["GET", "POST"])
@limits.SIGN_IN
@limits.ACCOUNT_NAMED
def login() -> Any:
    """Sign in, then go on to where one wanted to go."""
    if current_user.is_authenticated and request.method == "GET":
        return redirect(_next())
    form = SignInForm()
    if form.validate_on_submit():
        shopper = shoppers.authenticate(billing(), email=str(form.email.data), password=str(form.password.data))
        if shopper is not None:
            return _signed_in(shopper)
        form.email.errors = [*form.email.errors, gettext("This e-mail and password do not belong together.")]
    return _page("auth/login.html", form)


@blueprint.route("/signup", methods=["GET", "POST"])
@limits.SIGN_IN
def signup() -> Any:
    """Become a shopper, signed in from then on."""
    form = SignUpForm()
    if form.validate_on_submit():
        try:
            shopper = shoppers.sign_up(
                billing(), name=str(form.name.data), email=str(form.email.data), password=str(form.password.data)
            )
        except shoppers.EmailTakenError:
            form.email.errors = [*form.email.errors, gettext("Somebody has signed up with this e-mail already.")]
        else:
            return _signed_in(shopper)
    return _page("auth/signup.html", form)


@blueprint.post("/login/demo")
@limits.SIGN_IN
def login_demo() -> Any:
    """Continue as the demo shopper; only where no real money can move."""
    if not settings().is_demo:
        abort(404)
    return _signed_in(shoppers.demo_shopper(billing()))


@blueprint.post("/logout")
@login_required  # type: ignore[untyped-decorator]
def logout() -> Any:
    """Sign out, here and wherever a copy of the cookie is."""
    shoppers.end_sessions(billing(), shopper_id())
    logout_user()
    session.clear()
    return redirect(url_for("home.show"), 303)


@blueprint.route("/account/password", methods=["GET", "POST"])
@login_required  # type: ignore[untyped-decorator]
@limits.SIGN_IN
@limits.ACCOUNT_SIGNED_IN
def change_password() -> Any:
    """Another password; whoever else is signed in with the old one is not any more."""
    form = ChangePasswordForm()
    if form.validate_on_submit():
        try:
            shopper = shoppers.change_password(
                billing(), shopper_id(), current=str(form.current.data), new=str(form.password.data)
            )
        except shoppers.WrongPasswordError:
            form.current.errors = [*form.current.errors, gettext("This is not your password.")]
        else:
            answer = _signed_in(shopper)
            flash(gettext("Your password is changed, and you are signed out everywhere else."))
            return answer
    return _page("auth/password.html", form)


def _load(session_id: str) -> SignedIn | None:
    shopper = shoppers.find_by_session(billing(), session_id)
    return SignedIn(**shopper) if shopper else None


def _ask_to_sign_in() -> Any:
    if wants_json():
        return jsonify({"error": gettext("Please sign in first")}), 401
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("auth.login", next=wanted), 303)


def _signed_in(shopper: Shopper) -> Any:
    target = _next()
    session.clear()  # nothing of whoever used this browser before goes on
    login_user(SignedIn.of(shopper))
    return redirect(target, 303)


def _next() -> str:
    return own_path(request.values.get("next")) or url_for("account.show")


def _page(template: str, form: ChangePasswordForm | SignInForm | SignUpForm) -> Any:
    page = render_template(template, form=form, next=own_path(request.values.get("next")))
    return page, 400 if form.is_submitted() else 200
