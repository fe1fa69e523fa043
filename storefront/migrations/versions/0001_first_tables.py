"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shopper",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shopper")),
        sa.UniqueConstraint("email", name=op.f("uq_shopper_email")),
    )
    op.create_table(
        "stray",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("imp_uid", sa.String(length=40), nullable=False),
        sa.Column("merchant_uid", sa.String(length=255), nullable=False),
        sa.Column("amount_krw", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stray")),
        sa.UniqueConstraint("imp_uid", name=op.f("uq_stray_imp_uid")),
    )
    op.create_table(
        "sweep",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweep")),
    )
    op.create_table(
        "card",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("shopper_id", sa.Integer(), nullable=False),
        sa.Column("customer_uid", sa.String(length=80), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending", "active", "removing", "removed", "suspended", name="cardstatus", native_enum=False, length=16
            ),
            nullable=False,
        ),
        sa.Column("card_name", sa.String(length=80), nullable=True),
        sa.Column("card_number", sa.String(length=32), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("charged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["shopper_id"], ["shopper.id"], name=op.f("fk_card_shopper_id_shopper")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card")),
        sa.UniqueConstraint("customer_uid", name=op.f("uq_card_customer_uid")),
    )
    with op.batch_alter_table("card", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_card_shopper_id"), ["shopper_id"], unique=False)

    op.create_table(
        "checkout",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("shopper_id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("plan", sa.String(length=32), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_by", sa.String(length=40), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["shopper_id"], ["shopper.id"], name=op.f("fk_checkout_shopper_id_shopper")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkout")),
        sa.UniqueConstraint("paid_by", name=op.f("uq_checkout_paid_by")),
        sa.UniqueConstraint("shopper_id", "token", name=op.f("uq_checkout_shopper_id")),
    )
    op.create_table(
        "payment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("merchant_uid", sa.String(length=40), nullable=False),
        sa.Column("imp_uid", sa.String(length=40), nullable=True),
        sa.Column("shopper_id", sa.Integer(), nullable=False),
        sa.Column("card_id", sa.Integer(), nullable=False),
        sa.Column("checkout_id", sa.Integer(), nullable=True),
        sa.Column("identity", sa.String(length=100), nullable=True),
        sa.Column(
            "purpose",
            sa.Enum("register", "first", "extra", "renewal", name="purpose", native_enum=False, length=16),
            nullable=False,
        ),
        sa.Column("plan", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("amount_krw", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "ready",
                "requested",
                "paid",
                "failed",
                "cancelled",
                "refusing",
                "refused",
                "expired",
                name="paymentstatus",
                native_enum=False,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("buyer_name", sa.String(length=16), nullable=False),
        sa.Column("buyer_email", sa.String(length=64), nullable=False),
        sa.Column("buyer_phone", sa.String(length=16), nullable=False),
        sa.Column("consent_version", sa.String(length=32), nullable=True),
        sa.Column("consent_price_krw", sa.BigInteger(), nullable=True),
        sa.Column("consent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("captured", sa.Boolean(), nullable=False),
        sa.Column("captured_krw", sa.BigInteger(), nullable=False),
        sa.Column("cancelled_krw", sa.BigInteger(), nullable=False),
        sa.Column("fail_reason", sa.String(length=500), nullable=True),
        sa.Column("refusal", sa.String(length=16), nullable=True),
        sa.Column("told_error", sa.String(length=500), nullable=True),
        sa.Column("attention", sa.String(length=100), nullable=True),
        sa.Column("apply_num", sa.String(length=32), nullable=True),
        sa.Column("card_name", sa.String(length=80), nullable=True),
        sa.Column("card_number", sa.String(length=32), nullable=True),
        sa.Column("receipt_url", sa.String(length=500), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("prepared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("send_ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("given_up", sa.Boolean(), nullable=False),
        sa.Column("checks", sa.Integer(), nullable=False),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount_krw >= 0", name=op.f("ck_payment_amount")),
        sa.CheckConstraint("cancelled_krw >= 0 AND cancelled_krw <= captured_krw", name=op.f("ck_payment_cancelled")),
        sa.ForeignKeyConstraint(["card_id"], ["card.id"], name=op.f("fk_payment_card_id_card")),
        sa.ForeignKeyConstraint(["checkout_id"], ["checkout.id"], name=op.f("fk_payment_checkout_id_checkout")),
        sa.ForeignKeyConstraint(["shopper_id"], ["shopper.id"], name=op.f("fk_payment_shopper_id_shopper")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
        sa.UniqueConstraint("identity", name=op.f("uq_payment_identity")),
        sa.UniqueConstraint("imp_uid", name=op.f("uq_payment_imp_uid")),
        sa.UniqueConstraint("merchant_uid", name=op.f("uq_payment_merchant_uid")),
    )
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_payment_card_id"), ["card_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_payment_checkout_id"), ["checkout_id"], unique=False)
        batch_op.create_index("ix_payment_open", ["status", "next_check_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_payment_shopper_id"), ["shopper_id"], unique=False)

    op.create_table(
        "event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("payment_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_event_payment_id_payment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_payment_id"), ["payment_id"], unique=False)

    op.create_table(
        "refund",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("payment_id", sa.Integer(), nullable=False),
        sa.Column("identity", sa.String(length=150), nullable=False),
        sa.Column("imp_uid", sa.String(length=40), nullable=False),
        sa.Column("amount_krw", sa.BigInteger(), nullable=False),
        sa.Column("checksum_krw", sa.BigInteger(), nullable=False),
        sa.Column("total_krw", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column(
            "status",
            sa.Enum("requested", "done", "failed", name="refundstatus", native_enum=False, length=16),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_refund_payment_id_payment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
        sa.UniqueConstraint("identity", name=op.f("uq_refund_identity")),
    )
    with op.batch_alter_table("refund", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_refund_payment_id"), ["payment_id"], unique=False)

    # ### end Alembic commands ###


def downgrade() -> None:
    with op.batch_alter_table("refund", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_refund_payment_id"))

    op.drop_table("refund")
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_event_payment_id"))

    op.drop_table("event")
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_payment_shopper_id"))
        batch_op.drop_index("ix_payment_open")
        batch_op.drop_index(batch_op.f("ix_payment_checkout_id"))
        batch_op.drop_index(batch_op.f("ix_payment_card_id"))

    op.drop_table("payment")
    op.drop_table("checkout")
    with op.batch_alter_table("card", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_card_shopper_id"))

    op.drop_table("card")
    op.drop_table("sweep")
    op.drop_table("stray")
    op.drop_table("shopper")
    # ### end Alembic commands ###
