"""Prices that change on a day."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "price",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("plan", sa.String(length=32), nullable=False),
        sa.Column("price_krw", sa.BigInteger(), nullable=False),
        sa.Column("begins_on", sa.Date(), nullable=False),
        sa.CheckConstraint("price_krw > 0", name=op.f("ck_price_price")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price")),
        sa.UniqueConstraint("plan", "begins_on", name=op.f("uq_price_plan")),
    )


def downgrade() -> None:
    op.drop_table("price")
