"""How Alembic runs a migration: on the connection `storefront.schema` hands it."""

from alembic import context

from storefront.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite cannot alter much: Alembic copies the table instead.
    render_as_batch=True,
    compare_type=True,
)

with context.begin_transaction():
    context.run_migrations()
