"""What the shop remembers: shoppers, cards, subscriptions, checkouts, payments, refunds, mails, and what happened when.

Amounts are whole won, times are UTC. What several may write carries a `version`: SQLAlchemy adds
`WHERE version = …` to every UPDATE, so of two writers who read the same row one writes and the other hears of it.
"""

from __future__ import annotations

import secrets
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Enum,
    ForeignKey,
    Index,
    MetaData,
    String,
    UniqueConstraint,
    exists,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, column_property, mapped_column, relationship

from storefront.database import UtcDateTime
from storefront.states import (
    CARD_MOVES,
    PAYMENT_MOVES,
    PERIOD_MOVES,
    REFUND_MOVES,
    SUBSCRIPTION_MOVES,
    CardStatus,
    EndReason,
    Every,
    PaymentStatus,
    PeriodStatus,
    Purpose,
    RefundReason,
    RefundStatus,
    SubscriptionStatus,
    check_move,
)


def _word(states: type[StrEnum]) -> Enum:
    """A state is stored as its word, so that the tables can be read and no database needs a type of its own."""
    return Enum(states, native_enum=False, length=16, values_callable=lambda kinds: [kind.value for kind in kinds])


def new_session_id() -> str:
    """A name for the sessions of one shopper, which nobody can guess and none has had before."""
    return secrets.token_urlsafe(32)


class Base(DeclarativeBase):
    """Every table; constraints have names, so that migrations can speak of them on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        CardStatus: _word(CardStatus),
        EndReason: _word(EndReason),
        Every: _word(Every),
        PaymentStatus: _word(PaymentStatus),
        PeriodStatus: _word(PeriodStatus),
        Purpose: _word(Purpose),
        RefundReason: _word(RefundReason),
        RefundStatus: _word(RefundStatus),
        SubscriptionStatus: _word(SubscriptionStatus),
    }


class Price(Base):
    """What a plan costs from a day on; before the first of them the catalogue's price counts."""

    __tablename__ = "price"
    __table_args__ = (UniqueConstraint("plan", "begins_on"), CheckConstraint("price_krw > 0", name="price"))

    id: Mapped[int] = mapped_column(primary_key=True)
    plan: Mapped[str] = mapped_column(String(32))
    price_krw: Mapped[int] = mapped_column(BigInteger)
    begins_on: Mapped[date]


class Shopper(Base):
    """Somebody who signed up."""

    __tablename__ = "shopper"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(255))
    phone: Mapped[str | None] = mapped_column(String(16))
    password_hash: Mapped[str] = mapped_column(String(255))
    session_id: Mapped[str] = mapped_column(String(64), unique=True, default=new_session_id)
    """What the cookies of this shopper's sessions name them by; a new one ends them all."""
    created_at: Mapped[datetime]


class Card(Base):
    """One `customer_uid`: the name under which i'mport keeps one billing key. The shop never sees the key itself."""

    __tablename__ = "card"

    id: Mapped[int] = mapped_column(primary_key=True)
    shopper_id: Mapped[int] = mapped_column(ForeignKey("shopper.id"), index=True)
    customer_uid: Mapped[str] = mapped_column(String(80), unique=True)
    status: Mapped[CardStatus] = mapped_column(default=CardStatus.PENDING, index=True)
    card_name: Mapped[str | None] = mapped_column(String(80))
    card_number: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    """By i'mport's clock, for it is compared with i'mport's `paid_at`."""
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    def move(self, new: CardStatus) -> str:
        """Enter a state the table of moves allows, and say which event that is."""
        happened = check_move(CARD_MOVES, self.status, new)
        self.status = new
        return happened


class Subscription(Base):
    """A standing order of one plan with one card. What is due is found by `wake_at` and by nothing else."""

    __tablename__ = "subscription"
    __table_args__ = (
        CheckConstraint("status = 'ended' OR wake_at IS NOT NULL", name="wakes"),
        CheckConstraint("(status = 'ended') = (reason IS NOT NULL)", name="reason"),
        CheckConstraint("price_krw > 0", name="price"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    shopper_id: Mapped[int] = mapped_column(ForeignKey("shopper.id"), index=True)
    status: Mapped[SubscriptionStatus] = mapped_column(default=SubscriptionStatus.ACTIVE)
    reason: Mapped[EndReason | None]
    wake_at: Mapped[datetime | None] = mapped_column(index=True)
    """The next moment at which anything about it happens; recomputed by every write."""
    moved_at: Mapped[datetime] = mapped_column(index=True)
    """The moment of the latest decision: whoever finds an earlier time on their clock decides nothing."""
    version: Mapped[int] = mapped_column(default=1)

    plan: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(40))
    every: Mapped[Every]
    price_krw: Mapped[int] = mapped_column(BigInteger)
    """Agreed for the present period."""
    consent_version: Mapped[str] = mapped_column(String(32))
    consent_price_krw: Mapped[int] = mapped_column(BigInteger)
    consent_first_on: Mapped[date]
    consent_at: Mapped[datetime]
    buyer_name: Mapped[str] = mapped_column(String(255))
    buyer_email: Mapped[str] = mapped_column(String(64))
    buyer_phone: Mapped[str] = mapped_column(String(16))
    language: Mapped[str] = mapped_column(String(8))

    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"), index=True)
    """Perhaps one that was never active (paid without a key) or is not any more: then it needs another."""
    card_since: Mapped[datetime]
    card_refused: Mapped[bool] = mapped_column(default=False)
    """Whether this card was refused for good (stolen, closed, expired): it is never charged again for this."""

    anchor_on: Mapped[date]
    number: Mapped[int | None]
    """Of the last period that was begun; None before the first."""
    attempted_at: Mapped[datetime | None]
    """When a charge last began by itself."""
    noticed: Mapped[str | None] = mapped_column(String(100))
    """Which charge the last notice told of: period, sum, card and plan."""

    leaves_on: Mapped[date | None]
    skip_number: Mapped[int | None]
    """Which period is not wanted; it counts until that period is begun."""
    next_plan: Mapped[str | None] = mapped_column(String(32))
    """Another plan from the next period on, with what was agreed to."""
    next_name: Mapped[str | None] = mapped_column(String(40))
    next_price_krw: Mapped[int | None] = mapped_column(BigInteger)
    next_consent_version: Mapped[str | None] = mapped_column(String(32))
    next_consent_at: Mapped[datetime | None]
    new_price_krw: Mapped[int | None] = mapped_column(BigInteger)
    """Another price of the same plan, from the first period that begins on `new_price_from` or later."""
    new_price_from: Mapped[date | None]
    new_price_announced_at: Mapped[datetime | None]
    """When its mail was sent; a price that nobody has been told of concerns no period."""
    new_price_agreed_at: Mapped[datetime | None]
    new_price_consent_version: Mapped[str | None] = mapped_column(String(32))

    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    def move(self, new: SubscriptionStatus) -> str:
        """Enter a state the table of moves allows, and say which event that is."""
        happened = check_move(SUBSCRIPTION_MOVES, self.status, new)
        self.status = new
        return happened


class Checkout(Base):
    """One decision to buy. It may take several attempts (payments); the first one paid wins.

    A period of a subscription is such a decision too: it has a number and days. A checkout that belongs to a
    subscription without being one of its periods stores a card for it.
    """

    __tablename__ = "checkout"
    __table_args__ = (
        UniqueConstraint("shopper_id", "token"),
        UniqueConstraint("subscription_id", "number"),
        CheckConstraint(
            "(number IS NULL) = (period_status IS NULL) AND (number IS NULL) = (begins_on IS NULL)"
            " AND (number IS NULL) = (ends_on IS NULL) AND (number IS NULL OR subscription_id IS NOT NULL)",
            name="period",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    shopper_id: Mapped[int] = mapped_column(ForeignKey("shopper.id"))
    token: Mapped[str] = mapped_column(String(64))
    """The form's; on other terms, or too late, the same form begins further ones (`payments.checkout.of_form`)."""
    plan: Mapped[str] = mapped_column(String(32))
    every: Mapped[Every] = mapped_column(default=Every.ONCE)
    price_krw: Mapped[int] = mapped_column(BigInteger)
    began_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    """What is paid from this moment on goes back: a day after a window's checkout began, or the end of a period."""
    paid_by: Mapped[str | None] = mapped_column(String(40), unique=True)
    version: Mapped[int] = mapped_column(default=1)

    subscription_id: Mapped[int | None] = mapped_column(ForeignKey("subscription.id"))
    number: Mapped[int | None]
    begins_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    period_status: Mapped[PeriodStatus | None]
    trouble_at: Mapped[datetime | None]
    """When the period's first attempt failed, or no card was found for it; dunning counts from here."""
    heard_at: Mapped[datetime | None]
    """When the shop last heard that an attempt at it had failed, which may be days after it did: no next one begins before."""

    subscription: Mapped[Subscription | None] = relationship(lazy="raise", viewonly=True)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    def move(self, new: PeriodStatus) -> str:
        """Enter a state of a period that the table of moves allows, and say which event that is."""
        happened = check_move(PERIOD_MOVES, self.period_status or PeriodStatus.DUE, new)
        self.period_status = new
        return happened


class Attention(Base):
    """One thing that needs a person, from when it was noticed until it is over or a person has closed it."""

    __tablename__ = "attention"
    __table_args__ = (
        Index(
            "uq_attention_open",
            "subject",
            "reason",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("ix_attention_about", "subject", "reason"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(80))
    """An order number of ours, the imp_uid of a payment that is none of our orders', a subscription, or the clock."""
    since: Mapped[datetime]
    detail: Mapped[dict[str, Any]]
    checked_at: Mapped[datetime | None]
    """When i'mport was last asked whether it is over."""
    closed_at: Mapped[datetime | None]
    closed_why: Mapped[str | None] = mapped_column(String(500))
    """What the person said who closed it; nothing if it was over by itself."""


class Payment(Base):
    """One order number at i'mport (`merchant_uid`), written down before anything leaves the shop."""

    __tablename__ = "payment"
    __table_args__ = (
        CheckConstraint("amount_krw >= 0", name="amount"),
        CheckConstraint("cancelled_krw >= 0 AND cancelled_krw <= captured_krw", name="cancelled"),
        Index("ix_payment_open", "status", "next_check_at"),
        UniqueConstraint("checkout_id", "attempt"),
        Index(
            "uq_payment_open_attempt",
            "subscription_id",
            unique=True,
            sqlite_where=text("status = 'requested'"),
            postgresql_where=text("status = 'requested'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    merchant_uid: Mapped[str] = mapped_column(String(40), unique=True)
    imp_uid: Mapped[str | None] = mapped_column(String(40), unique=True)
    shopper_id: Mapped[int] = mapped_column(ForeignKey("shopper.id"), index=True)
    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"), index=True)
    checkout_id: Mapped[int | None] = mapped_column(ForeignKey("checkout.id"), index=True)
    identity: Mapped[str | None] = mapped_column(String(100), unique=True)
    """What makes a charge this charge and no other: the button's token, or subscription, period and attempt."""
    subscription_id: Mapped[int | None] = mapped_column(ForeignKey("subscription.id"), index=True)
    """Whose period this pays; its checkout is that period."""
    attempt: Mapped[int | None]
    automatic: Mapped[bool] = mapped_column(default=False)
    """Whether this charge began by itself, and not because its shopper asked for it."""
    declined_as: Mapped[str | None] = mapped_column(String(16))
    """Which kind of refusal ended it; see `subscriptions.dunning`."""
    purpose: Mapped[Purpose]
    plan: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(40))
    amount_krw: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3), default="KRW")
    status: Mapped[PaymentStatus]
    version: Mapped[int] = mapped_column(default=1)

    buyer_name: Mapped[str] = mapped_column(String(255))
    buyer_email: Mapped[str] = mapped_column(String(64))
    buyer_phone: Mapped[str] = mapped_column(String(16))
    consent_version: Mapped[str | None] = mapped_column(String(32))
    consent_price_krw: Mapped[int | None] = mapped_column(BigInteger)
    consent_at: Mapped[datetime | None]
    every: Mapped[Every] = mapped_column(default=Every.ONCE)
    first_on: Mapped[date | None]
    language: Mapped[str | None] = mapped_column(String(8))

    captured: Mapped[bool] = mapped_column(default=False)
    captured_krw: Mapped[int] = mapped_column(BigInteger, default=0)
    cancelled_krw: Mapped[int] = mapped_column(BigInteger, default=0)
    fail_reason: Mapped[str | None] = mapped_column(String(500))
    refusal: Mapped[str | None] = mapped_column(String(16))
    told_error: Mapped[str | None] = mapped_column(String(500))
    apply_num: Mapped[str | None] = mapped_column(String(32))
    card_name: Mapped[str | None] = mapped_column(String(80))
    card_number: Mapped[str | None] = mapped_column(String(32))
    receipt_url: Mapped[str | None] = mapped_column(String(500))

    created_at: Mapped[datetime]
    prepared_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]

    first_sent_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    send_ended_at: Mapped[datetime | None]
    sends: Mapped[int] = mapped_column(default=0)
    given_up: Mapped[bool] = mapped_column(default=False)
    checks: Mapped[int] = mapped_column(default=0)
    next_check_at: Mapped[datetime | None]
    needs_person: Mapped[bool] = column_property(
        exists().where(Attention.subject == merchant_uid, Attention.closed_at.is_(None)).correlate_except(Attention)
    )
    """Whether anything about this order waited for a person when the row was read."""

    # For looking only: a row names another one by its id, so that a flush need not search for what hangs together.
    card: Mapped[Card] = relationship(lazy="raise", viewonly=True)
    checkout: Mapped[Checkout | None] = relationship(lazy="raise", viewonly=True)
    events: Mapped[list[Event]] = relationship(lazy="raise", viewonly=True, order_by="(Event.at, Event.id)")
    refunds: Mapped[list[Refund]] = relationship(lazy="raise", viewonly=True, order_by="Refund.id")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    def move(self, new: PaymentStatus) -> str:
        """Enter a state the table of moves allows, and say which event that is."""
        happened = check_move(PAYMENT_MOVES, self.status, new)
        self.status = new
        return happened

    @property
    def has_lost(self) -> bool:
        """Whether another attempt has paid what this one is for."""
        return self.checkout is not None and self.checkout.paid_by not in (None, self.merchant_uid)

    @property
    def held_krw(self) -> int:
        """What i'mport holds of this row's own payment, in won."""
        return self.captured_krw - self.cancelled_krw

    @property
    def net_krw(self) -> int:
        """What we believe i'mport holds for this order in won: its own payment, and extra captures not yet returned."""
        return self.held_krw + sum(refund.amount_krw for refund in self.extra_refunds)

    @property
    def extra_refunds(self) -> list[Refund]:
        """The newest refund of each extra capture that has not been returned."""
        newest = {refund.imp_uid: refund for refund in self.refunds if refund.is_extra}
        return [refund for refund in newest.values() if refund.status != RefundStatus.DONE]


class Refund(Base):
    """One return of money, written down before the first call and repeated word for word until it is confirmed.

    Only what a leaving owes is reworded, once i'mport has refused it because a part was cancelled in the console.
    """

    __tablename__ = "refund"
    __table_args__ = (Index("ix_refund_status", "status", "done_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"), index=True)
    identity: Mapped[str] = mapped_column(String(150), unique=True)
    imp_uid: Mapped[str] = mapped_column(String(40))
    amount_krw: Mapped[int] = mapped_column(BigInteger)
    checksum_krw: Mapped[int] = mapped_column(BigInteger)
    """What could still be cancelled when this was decided: i'mport refuses a repeat that no longer fits."""
    total_krw: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[RefundReason]
    status: Mapped[RefundStatus] = mapped_column(default=RefundStatus.REQUESTED)
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    payment: Mapped[Payment] = relationship(lazy="raise", viewonly=True)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    def move(self, new: RefundStatus) -> str:
        """Enter a state the table of moves allows, and say which event that is."""
        happened = check_move(REFUND_MOVES, self.status, new)
        self.status = new
        return happened

    @property
    def is_extra(self) -> bool:
        """Whether this returns a capture that is not the row's own payment."""
        return self.reason == RefundReason.EXTRA

    @property
    def cancelled_after_krw(self) -> int:
        """The payment's cancelled total once this refund is through, in won."""
        return self.total_krw - self.checksum_krw + self.amount_krw


class Event(Base):
    """One line of a payment's timeline: what was told, asked or decided. Never a secret, never a whole card number."""

    __tablename__ = "event"
    __table_args__ = (
        Index(
            "ix_event_extra_capture",
            "at",
            sqlite_where=text("event = 'extra_capture'"),
            postgresql_where=text("event = 'extra_capture'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"), index=True)
    at: Mapped[datetime]
    event: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(8))
    detail: Mapped[dict[str, Any]]


class Mail(Base):
    """A mail, written down in the transaction of what it tells and sent afterwards by whoever claims it."""

    __tablename__ = "mail"
    __table_args__ = (
        Index(
            "ix_mail_waiting",
            "next_try_at",
            sqlite_where=text("sent_at IS NULL AND dropped_at IS NULL"),
            postgresql_where=text("sent_at IS NULL AND dropped_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(150), unique=True)
    """Its kind and what it is about: the same news is never told twice."""
    kind: Mapped[str] = mapped_column(String(32))
    shopper_id: Mapped[int] = mapped_column(ForeignKey("shopper.id"), index=True)
    subscription_id: Mapped[int | None] = mapped_column(ForeignKey("subscription.id"), index=True)
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))
    to: Mapped[str] = mapped_column(String(64))
    language: Mapped[str] = mapped_column(String(8))
    subject: Mapped[str] = mapped_column(String(100))
    payload: Mapped[dict[str, Any]]
    """What its text is made of."""
    written_at: Mapped[datetime]
    next_try_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime | None]
    dropped_at: Mapped[datetime | None]
    dropped_why: Mapped[str | None] = mapped_column(String(100))


class Stray(Base):
    """A captured payment for which the shop has no order. It is reported to a person and never touched."""

    __tablename__ = "stray"

    id: Mapped[int] = mapped_column(primary_key=True)
    imp_uid: Mapped[str] = mapped_column(String(40), unique=True)
    merchant_uid: Mapped[str] = mapped_column(String(255))
    amount_krw: Mapped[int] = mapped_column(BigInteger)
    seen_at: Mapped[datetime]


class Sweep(Base):
    """One successful look of `reconcile` at what i'mport knows; the next one begins where it ended."""

    __tablename__ = "sweep"

    id: Mapped[int] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
