"""People: a shopper has a phone number, and names may be longer than i'mport's."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SHORT, LONG = sa.String(length=16), sa.String(length=255)


def upgrade() -> None:
    with op.batch_alter_table("shopper") as shopper:
        shopper.alter_column("name", existing_type=SHORT, type_=LONG, existing_nullable=False)
        shopper.add_column(sa.Column("phone", SHORT, nullable=True))
    with op.batch_alter_table("payment") as payment:
        payment.alter_column("buyer_name", existing_type=SHORT, type_=LONG, existing_nullable=False)


def downgrade() -> None:
    op.execute("UPDATE payment SET buyer_name = substr(buyer_name, 1, 16)")
    with op.batch_alter_table("payment") as payment:
        payment.alter_column("buyer_name", existing_type=LONG, type_=SHORT, existing_nullable=False)
    op.execute("UPDATE shopper SET name = substr(name, 1, 16)")
    with op.batch_alter_table("shopper") as shopper:
        shopper.drop_column("phone")
        shopper.alter_column("name", existing_type=LONG, type_=SHORT, existing_nullable=False)
