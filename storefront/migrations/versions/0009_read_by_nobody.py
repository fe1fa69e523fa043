"""Three moments that were written down and read by nobody."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.drop_column("card", "charged_at")
    op.drop_column("card", "checked_at")
    op.drop_column("mail", "claimed_at")


def downgrade() -> None:
    op.add_column("mail", sa.Column("claimed_at", _MOMENT))
    op.add_column("card", sa.Column("checked_at", _MOMENT))
    op.add_column("card", sa.Column("charged_at", _MOMENT))
