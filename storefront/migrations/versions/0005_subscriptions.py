"""Subscriptions, their periods and their mails."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_EVERY = sa.Enum("once", "month", "year", name="every", native_enum=False, length=16)
_PERIOD = sa.Enum(
    "due",
    "paid",
    "unpaid",
    "skipped",
    "missed",
    "lapsed",
    "refunded",
    name="periodstatus",
    native_enum=False,
    length=16,
)
_A_PERIOD_IS_WHOLE = (
    "(number IS NULL) = (period_status IS NULL) AND (number IS NULL) = (begins_on IS NULL)"
    " AND (number IS NULL) = (ends_on IS NULL) AND (number IS NULL OR subscription_id IS NOT NULL)"
)
_OPEN, _WAITING = sa.text("status = 'requested'"), sa.text("sent_at IS NULL AND dropped_at IS NULL")


def upgrade() -> None:
    _create_subscription()
    with op.batch_alter_table("checkout") as batch:
        batch.add_column(sa.Column("every", _EVERY, nullable=False, server_default="once"))
        batch.add_column(sa.Column("price_krw", sa.BigInteger(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("closes_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("subscription_id", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("number", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("begins_on", sa.Date(), nullable=True))
        batch.add_column(sa.Column("ends_on", sa.Date(), nullable=True))
        batch.add_column(sa.Column("period_status", _PERIOD, nullable=True))
        batch.add_column(sa.Column("trouble_at", sa.DateTime(timezone=True), nullable=True))
    _fill_checkouts()
    with op.batch_alter_table("checkout") as batch:
        batch.alter_column("every", server_default=None)
        batch.alter_column("price_krw", server_default=None)
        batch.alter_column("closes_at", nullable=False)
        batch.create_foreign_key(
            batch.f("fk_checkout_subscription_id_subscription"), "subscription", ["subscription_id"], ["id"]
        )
        batch.create_unique_constraint(batch.f("uq_checkout_subscription_id"), ["subscription_id", "number"])
        batch.create_check_constraint("period", _A_PERIOD_IS_WHOLE)
    with op.batch_alter_table("payment") as batch:
        batch.add_column(sa.Column("subscription_id", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("attempt", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("automatic", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch.add_column(sa.Column("declined_as", sa.String(length=16), nullable=True))
        batch.add_column(sa.Column("every", _EVERY, nullable=False, server_default="once"))
        batch.add_column(sa.Column("first_on", sa.Date(), nullable=True))
        batch.add_column(sa.Column("language", sa.String(length=8), nullable=True))
        batch.create_foreign_key(
            batch.f("fk_payment_subscription_id_subscription"), "subscription", ["subscription_id"], ["id"]
        )
        batch.create_unique_constraint(batch.f("uq_payment_checkout_id"), ["checkout_id", "attempt"])
        batch.create_index(batch.f("ix_payment_subscription_id"), ["subscription_id"])
        batch.create_index(
            "uq_payment_open_attempt",
            ["subscription_id"],
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        )
    with op.batch_alter_table("payment") as batch:
        batch.alter_column("automatic", server_default=None)
        batch.alter_column("every", server_default=None)
    _create_mail()


def _create_subscription() -> None:
    op.create_table(
        "subscription",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("shopper_id", sa.Integer(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("active", "past_due", "ended", name="subscriptionstatus", native_enum=False, length=16),
            nullable=False,
        ),
        sa.Column(
            "reason",
            sa.Enum("left", "unpaid", "refunded", "price", name="endreason", native_enum=False, length=16),
            nullable=True,
        ),
        sa.Column("wake_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("plan", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("every", _EVERY, nullable=False),
        sa.Column("price_krw", sa.BigInteger(), nullable=False),
        sa.Column("consent_version", sa.String(length=32), nullable=False),
        sa.Column("consent_price_krw", sa.BigInteger(), nullable=False),
        sa.Column("consent_first_on", sa.Date(), nullable=False),
        sa.Column("consent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("buyer_name", sa.String(length=255), nullable=False),
        sa.Column("buyer_email", sa.String(length=64), nullable=False),
        sa.Column("buyer_phone", sa.String(length=16), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("card_id", sa.Integer(), nullable=False),
        sa.Column("card_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("card_refused", sa.Boolean(), nullable=False),
        sa.Column("anchor_on", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("attempted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("noticed", sa.String(length=100), nullable=True),
        sa.Column("leaves_on", sa.Date(), nullable=True),
        sa.Column("skip_number", sa.Integer(), nullable=True),
        sa.Column("next_plan", sa.String(length=32), nullable=True),
        sa.Column("next_name", sa.String(length=40), nullable=True),
        sa.Column("next_price_krw", sa.BigInteger(), nullable=True),
        sa.Column("next_consent_version", sa.String(length=32), nullable=True),
        sa.Column("next_consent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("new_price_krw", sa.BigInteger(), nullable=True),
        sa.Column("new_price_from", sa.Date(), nullable=True),
        sa.Column("new_price_announced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("new_price_agreed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("new_price_consent_version", sa.String(length=32), nullable=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status = 'ended' OR wake_at IS NOT NULL", name=op.f("ck_subscription_wakes")),
        sa.CheckConstraint("(status = 'ended') = (reason IS NOT NULL)", name=op.f("ck_subscription_reason")),
        sa.CheckConstraint("price_krw > 0", name=op.f("ck_subscription_price")),
        sa.ForeignKeyConstraint(["shopper_id"], ["shopper.id"], name=op.f("fk_subscription_shopper_id_shopper")),
        sa.ForeignKeyConstraint(["card_id"], ["card.id"], name=op.f("fk_subscription_card_id_card")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription")),
    )
    for column in ("shopper_id", "card_id", "wake_at"):
        op.create_index(op.f(f"ix_subscription_{column}"), "subscription", [column])


def _create_mail() -> None:
    op.create_table(
        "mail",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=150), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("shopper_id", sa.Integer(), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=True),
        sa.Column("payment_id", sa.Integer(), nullable=True),
        sa.Column("to", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dropped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dropped_why", sa.String(length=100), nullable=True),
        sa.ForeignKeyConstraint(["shopper_id"], ["shopper.id"], name=op.f("fk_mail_shopper_id_shopper")),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscription.id"], name=op.f("fk_mail_subscription_id_subscription")
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_mail_payment_id_payment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail")),
        sa.UniqueConstraint("key", name=op.f("uq_mail_key")),
    )
    for column in ("shopper_id", "subscription_id"):
        op.create_index(op.f(f"ix_mail_{column}"), "mail", [column])
    op.create_index("ix_mail_waiting", "mail", ["next_try_at"], sqlite_where=_WAITING, postgresql_where=_WAITING)


def _fill_checkouts() -> None:
    """A window's checkout closes a day after it began; its price is what its newest attempt was agreed to at."""
    later = "datetime(began_at, '+1 day')" if op.get_bind().dialect.name == "sqlite" else "began_at + interval '1 day'"
    agreed = "SELECT consent_price_krw FROM payment WHERE checkout_id = checkout.id ORDER BY id DESC LIMIT 1"
    op.execute(f"UPDATE checkout SET closes_at = {later}, price_krw = coalesce(({agreed}), 0)")  # noqa: S608


def downgrade() -> None:
    op.drop_table("mail")
    with op.batch_alter_table("payment") as batch:
        batch.drop_index("uq_payment_open_attempt")
        batch.drop_index(batch.f("ix_payment_subscription_id"))
        batch.drop_constraint(batch.f("uq_payment_checkout_id"), type_="unique")
        batch.drop_constraint(batch.f("fk_payment_subscription_id_subscription"), type_="foreignkey")
        for column in ("subscription_id", "attempt", "automatic", "declined_as", "every", "first_on", "language"):
            batch.drop_column(column)
    with op.batch_alter_table("checkout") as batch:
        batch.drop_constraint(batch.f("ck_checkout_period"), type_="check")
        batch.drop_constraint(batch.f("uq_checkout_subscription_id"), type_="unique")
        batch.drop_constraint(batch.f("fk_checkout_subscription_id_subscription"), type_="foreignkey")
        for column in ("every", "price_krw", "closes_at", "subscription_id", "number"):
            batch.drop_column(column)
        for column in ("begins_on", "ends_on", "period_status", "trouble_at"):
            batch.drop_column(column)
    op.drop_table("subscription")
