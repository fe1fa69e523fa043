"""What needs a person is a list: several reasons at once, each since when, until it is over or closed."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_OPEN = sa.text("closed_at IS NULL")
_MOMENT = sa.DateTime(timezone=True)
_ATTENTION = sa.table(
    "attention",
    sa.column("reason", sa.String()),
    sa.column("subject", sa.String()),
    sa.column("since", _MOMENT),
    sa.column("detail", sa.JSON()),
    sa.column("closed_at", _MOMENT),
)
_PAYMENT = sa.table(
    "payment",
    sa.column("merchant_uid", sa.String()),
    sa.column("attention", sa.String()),
    sa.column("created_at", _MOMENT),
)
_STRAY = sa.table(
    "stray",
    sa.column("imp_uid", sa.String()),
    sa.column("merchant_uid", sa.String()),
    sa.column("amount_krw", sa.BigInteger()),
    sa.column("seen_at", _MOMENT),
)


def upgrade() -> None:
    op.create_table(
        "attention",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("checked_at", _MOMENT, nullable=True),
        sa.Column("closed_at", _MOMENT, nullable=True),
        sa.Column("closed_why", sa.String(length=500), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attention")),
    )
    op.create_index(
        "uq_attention_open", "attention", ["subject", "reason"], unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
    )
    _fill_the_list()
    with op.batch_alter_table("payment") as payment:
        payment.drop_column("attention")
    with op.batch_alter_table("stray") as stray:
        stray.drop_column("reported_at")


def downgrade() -> None:
    with op.batch_alter_table("stray") as stray:
        stray.add_column(sa.Column("reported_at", _MOMENT, nullable=True))
    with op.batch_alter_table("payment") as payment:
        payment.add_column(sa.Column("attention", sa.String(length=100), nullable=True))
    reason = sa.select(sa.func.max(_ATTENTION.c.reason)).where(
        _ATTENTION.c.subject == _PAYMENT.c.merchant_uid, _ATTENTION.c.closed_at.is_(None)
    )
    op.execute(_PAYMENT.update().values(attention=reason.scalar_subquery()))
    op.drop_table("attention")


def _fill_the_list() -> None:
    """Strays that a report has named are in it too: whether anybody read that report is not known."""
    connection = op.get_bind()
    orders = sa.select(_PAYMENT).where(_PAYMENT.c.attention.is_not(None))
    items = [
        {"reason": row.attention[:32], "subject": row.merchant_uid, "since": row.created_at, "detail": {}}
        for row in connection.execute(orders)
    ]
    items += [
        {
            "reason": "stray",
            "subject": row.imp_uid,
            "since": row.seen_at,
            "detail": {"merchant_uid": row.merchant_uid, "amount": row.amount_krw},
        }
        for row in connection.execute(sa.select(_STRAY))
    ]
    if items:
        connection.execute(_ATTENTION.insert(), items)
