"""Runs the steps on the connection that trailwatch.store.migrate hands over; opens none itself."""

from __future__ import annotations

from alembic import context

from trailwatch.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # Without this each step would end the caller's transaction, and a half-migrated database
    # could be left behind.
    transaction_per_migration=False,
)
context.run_migrations()
