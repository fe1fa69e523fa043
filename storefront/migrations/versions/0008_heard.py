"""When the shop heard of a failed attempt, so that the next one does not begin on a day that is over by then."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("checkout", sa.Column("heard_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("checkout", "heard_at")
