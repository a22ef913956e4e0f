"""Runs the migrations on the connection that `studio.database.tables.upgrade` hands over."""

from alembic import context

from studio.database.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
