"""What drifted in the sites, since when, who did it, and when each site was last looked at.

Revision: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trailwatch.store.columns import Moment, Words

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "drift",
        sa.Column("id", Words(), nullable=False),
        sa.Column("site", Words(), nullable=False),
        sa.Column("key", Words(), nullable=False),
        sa.Column("message", Words(), nullable=False),
        sa.Column("found_at", Moment(), nullable=False),
        sa.Column("gone_at", Moment(), nullable=True),
        sa.Column("body", Words(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "drift_open",
        "drift",
        ["site", "key"],
        unique=True,
        sqlite_where=sa.text("gone_at IS NULL"),
        postgresql_where=sa.text("gone_at IS NULL"),
    )
    op.create_index("drift_message", "drift", ["message"], unique=False)
    op.create_table(
        "drift_check",
        sa.Column("site", Words(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("body", Words(), nullable=False),
        sa.PrimaryKeyConstraint("site"),
    )
