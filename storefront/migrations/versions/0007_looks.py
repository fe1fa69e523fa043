"""What the background asks for every few seconds is found without reading all there ever was."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_card_status"), "card", ["status"])
    op.create_index(op.f("ix_subscription_moved_at"), "subscription", ["moved_at"])
    op.create_index("ix_attention_about", "attention", ["subject", "reason"])
    op.create_index("ix_refund_status", "refund", ["status", "done_at"])
    captured_twice = sa.text("event = 'extra_capture'")
    op.create_index(
        "ix_event_extra_capture", "event", ["at"], sqlite_where=captured_twice, postgresql_where=captured_twice
    )


def downgrade() -> None:
    op.drop_index("ix_event_extra_capture", "event")
    op.drop_index("ix_refund_status", "refund")
    op.drop_index("ix_attention_about", "attention")
    op.drop_index(op.f("ix_subscription_moved_at"), "subscription")
    op.drop_index(op.f("ix_card_status"), "card")
