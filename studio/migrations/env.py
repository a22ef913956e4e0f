"""Runs the migrations on the connection that `studio.schema.upgrade` hands over."""

from alembic import context

from studio.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
