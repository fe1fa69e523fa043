"""Checkout: the order is written down first, then it becomes the parameters of the payment window."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any, Literal

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storefront.billing import identifiers
from storefront.billing.catalogue import Plan
from storefront.billing.context import Billing
from storefront.billing.orders import history, timeline
from storefront.billing.orders.judgement import CHECKOUT_LIFETIME
from storefront.billing.orders.timeline import asked, decided
from storefront.billing.payments.charges import NoChargeNeededError
from storefront.config import Settings
from storefront.iamport import names
from storefront.models import Card, Checkout, Payment
from storefront.states import CardStatus, Every, PaymentStatus, Purpose
from storefront.wording import KOREAN

Mode = Literal["register", "pay"]

FIRST_CHECK_AFTER = timedelta(minutes=5)
"""When `reconcile` first looks at an open window by itself; people take their time."""

_TIME_TO_PAY = timedelta(hours=1)
"""A new attempt needs some time to be paid in."""
_FURTHER, _LONGEST_FORM_TOKEN = ".", 39
"""What no form's token has in it, and how much of one is kept before it: with a new token behind, 64 characters."""


@dataclass(frozen=True)
class Buyer:
    """Who pays.

    Attributes:
        name: at most 255 characters; i'mport gets as many as it keeps.
        email: at most 64 characters.
        phone: at most 16 characters.
    """

    name: str
    email: str
    phone: str


@dataclass(frozen=True)
class Wish:
    """What a shopper has decided and agreed to.

    Attributes:
        plan: what is bought; the price is the catalogue's.
        mode: `register` stores a card for 0 won, `pay` stores it and pays the first bag.
        every: `once`, or how often it is charged from then on.
        first_on: with `register` and not `once`, the day of the first charge.
        consent_version: which text the shopper agreed to.
        language: of the pages on which they did; mails are written in it.
        subscription_id: with `register` and `once`, the subscription that is to be charged to the new card.
    """

    plan: Plan
    mode: Mode
    consent_version: str
    every: Every = Every.ONCE
    first_on: date | None = None
    language: str = KOREAN
    subscription_id: int | None = None

    @property
    def price_krw(self) -> int:
        """What one payment takes, in won."""
        return self.plan.price_of(self.every)

    def is_that_of(self, checkout: Checkout) -> bool:
        """Whether a checkout was begun for this; other terms are another decision."""
        terms = (self.plan.code, self.every, self.price_krw, self.subscription_id)
        # What was bought may have become a subscription since; then it belongs to that.
        belongs_to = checkout.subscription_id if self.subscription_id else None
        return terms == (checkout.plan, checkout.every, checkout.price_krw, belongs_to)


def begin(billing: Billing, *, shopper_id: int, wish: Wish, buyer: Buyer, token: str | None = None) -> Payment:
    """Write an attempt to pay down, before any window opens.

    Args:
        billing: settings, database, gateway, clock.
        shopper_id: who buys.
        wish: what, and on which terms.
        buyer: who is named to i'mport.
        token: the form's, so that several attempts belong to one checkout; without one, or with other terms than that
            one's, a new checkout begins.

    Returns:
        The committed attempt (`ready`); or, if this checkout has been paid already, the payment that did it; or, where
        a new checkout would begin, the charge for the old one whose outcome is not known yet.
    """
    token = token if token and identifiers.is_token(token) else identifiers.new_token()
    attempt = _Attempt(shopper_id, wish, buyer)
    try:
        try:
            merchant_uid = _write_down(billing, attempt, token)
        except IntegrityError:
            # The same form arrived twice at once and both began the checkout; now it is there.
            merchant_uid = _write_down(billing, attempt, token)
    except NoChargeNeededError as decided_by:
        merchant_uid = decided_by.merchant_uid
    payment = history.find_payment(billing, shopper_id, merchant_uid)
    if payment is None:
        raise LookupError(merchant_uid)
    return payment


def of_token(session: Session, shopper_id: int, wish: Wish, token: str, now: datetime) -> Checkout:
    """The checkout of a form: begun now if it is new, if its terms are others, or if paying it would soon be too late.

    Args:
        session: the caller's transaction.
        shopper_id: who buys.
        wish: what, and on which terms.
        token: the form's.
        now: this moment.

    Returns:
        The checkout, locked; perhaps it has been paid already.
    """
    mine = select(Checkout).where(Checkout.shopper_id == shopper_id, of_form(token)).order_by(Checkout.id)
    begun = session.scalars(mine.with_for_update()).all()
    for checkout in begun:
        if wish.is_that_of(checkout) and (checkout.paid_by or now < checkout.closes_at - _TIME_TO_PAY):
            return checkout
    checkout = Checkout(
        shopper_id=shopper_id,
        token=f"{form_token(token)}{_FURTHER}{identifiers.new_token()}" if begun else form_token(token),
        plan=wish.plan.code,
        every=wish.every,
        price_krw=wish.price_krw,
        began_at=now,
        closes_at=now + CHECKOUT_LIFETIME,
        subscription_id=wish.subscription_id,
    )
    session.add(checkout)
    return checkout


def form_token(token: str) -> str:
    """What all checkouts have in common that were begun with one form; it may be sent in the place of its token."""
    of_the_form = token.partition(_FURTHER)[0]
    if len(of_the_form) <= _LONGEST_FORM_TOKEN:
        return of_the_form
    return sha256(of_the_form.encode()).hexdigest()[:_LONGEST_FORM_TOKEN]


def of_form(token: str) -> ColumnElement[bool]:
    """Every checkout that was begun with a form: on its first terms, on others, and after the first was over."""
    beginning = f"{form_token(token)}{_FURTHER}"
    further = func.substr(Checkout.token, 1, len(beginning)) == beginning  # LIKE does not tell a from A on SQLite
    return or_(Checkout.token.in_((token, form_token(token))), further)


def under_way(session: Session, shopper_id: int, token: str, *, but: int | None = None) -> str | None:
    """The charge for a form's checkout whose outcome is not known yet: until it is, nobody buys the same a second time.

    Args:
        session: the caller's transaction, with the checkout locked (`of_token`).
        shopper_id: who buys.
        token: the form's.
        but: a checkout whose own charge does not count: a window may be opened for it, for only one of both wins it.
    """
    charge = (
        select(Payment.merchant_uid)
        .join(Payment.checkout)
        .where(Checkout.shopper_id == shopper_id, of_form(token), Checkout.id.is_distinct_from(but))
        .where(Payment.status == PaymentStatus.REQUESTED)
    )
    return session.scalar(charge.limit(1))


def request_pay_parameters(billing: Billing, payment: Payment) -> dict[str, Any]:
    """What the page hands to `IMP.request_pay`, from the row alone.

    An amount above 0 is registered with i'mport first, so that a page that was tampered with cannot open a window for
    another one. (i'mport does not document registering 0.)

    Args:
        billing: settings, database, gateway, clock.
        payment: an attempt that is `ready`, with its card.

    Returns:
        The parameters by the names of i'mport's guide; `amount` is a number of won.

    Raises:
        SilenceError: the amount could not be registered; show no button, nothing is charged, try again.
        RejectedError: i'mport will not register it; the same, but trying again needs a new attempt.
    """
    if payment.amount_krw > 0 and payment.prepared_at is None:
        billing.gateway.prepare(payment.merchant_uid, payment.amount_krw)
        _note_prepared(billing, payment)
    return parameters_of(billing.settings, payment)


def parameters_of(settings: Settings, payment: Payment) -> dict[str, Any]:
    """The same, of a window that may have been opened long ago; nobody is asked."""
    where = {"channelKey": settings.imp_channel_key} if settings.imp_channel_key else {}
    notice = {"notice_url": settings.notice_url} if settings.notice_url else {}
    return {
        "pg": settings.imp_pg,
        **where,
        "pay_method": "card",
        "merchant_uid": payment.merchant_uid,
        "name": payment.name,
        "amount": payment.amount_krw,
        "customer_uid": payment.card.customer_uid,
        "buyer_email": payment.buyer_email,
        "buyer_name": names.as_kept(payment.buyer_name),
        "buyer_tel": payment.buyer_phone,
        "m_redirect_url": settings.return_url,
        **notice,
    }


@dataclass(frozen=True)
class _Attempt:
    """What the shopper decided."""

    shopper_id: int
    wish: Wish
    buyer: Buyer

    def row(self, now: datetime, card: Card, checkout: Checkout) -> Payment:
        wish = self.wish
        return Payment(
            merchant_uid=identifiers.new_merchant_uid(now),
            shopper_id=self.shopper_id,
            card_id=card.id,
            checkout_id=checkout.id,
            purpose=Purpose.FIRST if wish.mode == "pay" else Purpose.REGISTER,
            plan=wish.plan.code,
            name=wish.plan.order_name,
            amount_krw=wish.price_krw if wish.mode == "pay" else 0,
            status=PaymentStatus.READY,
            buyer_name=self.buyer.name,
            buyer_email=self.buyer.email,
            buyer_phone=self.buyer.phone,
            consent_version=wish.consent_version,
            consent_price_krw=wish.price_krw,
            consent_at=now,
            every=wish.every,
            first_on=wish.first_on,
            language=wish.language,
            created_at=now,
            next_check_at=now + FIRST_CHECK_AFTER,
        )


def _write_down(billing: Billing, attempt: _Attempt, token: str) -> str:
    now = billing.clock.now()
    with billing.database.writing() as session:
        checkout = of_token(session, attempt.shopper_id, attempt.wish, token, now)
        if checkout.paid_by is not None:
            return checkout.paid_by
        charge = under_way(session, attempt.shopper_id, token, but=checkout.id)
        if charge is not None:
            raise NoChargeNeededError(charge)
        card = Card(
            shopper_id=attempt.shopper_id,
            customer_uid=identifiers.new_customer_uid(),
            status=CardStatus.PENDING,
            created_at=now,
        )
        session.add(card)
        session.flush()
        payment = attempt.row(now, card, checkout)
        session.add(payment)
        session.flush()
        timeline.write(session, payment, [decided(now, "ordered", amount=payment.amount_krw)])
        return payment.merchant_uid


def _note_prepared(billing: Billing, payment: Payment) -> None:
    now = billing.clock.now()
    with billing.database.writing() as session:
        row = session.get_one(Payment, payment.id, with_for_update=True)
        row.prepared_at = now
        timeline.write(session, row, [asked(now, "prepared", amount=row.amount_krw)])
