"""A name for each shopper's sessions, which nobody can guess. Whoever is signed in signs in once more."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

shopper = sa.table("shopper", sa.column("id", sa.Integer), sa.column("session_id", sa.String))


def upgrade() -> None:
    with op.batch_alter_table("shopper") as batch:
        batch.add_column(sa.Column("session_id", sa.String(length=64), nullable=True))
    connection = op.get_bind()
    for shopper_id in connection.scalars(sa.select(shopper.c.id)).all():
        named = shopper.update().where(shopper.c.id == shopper_id).values(session_id=secrets.token_urlsafe(32))
        connection.execute(named)
    with op.batch_alter_table("shopper") as batch:
        batch.alter_column("session_id", existing_type=sa.String(length=64), nullable=False)
        batch.create_unique_constraint(op.f("uq_shopper_session_id"), ["session_id"])


def downgrade() -> None:
    with op.batch_alter_table("shopper") as batch:
        batch.drop_constraint(op.f("uq_shopper_session_id"), type_="unique")
        batch.drop_column("session_id")
