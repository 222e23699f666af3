"""What was seen of each principal, and the searches whose results are paged through.

Revision: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trailwatch.store.columns import Json, Moment, Words

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "sighting",
        sa.Column("principal", Words(), nullable=False),
        sa.Column("kind", Words(), nullable=False),
        sa.Column("value", Words(), nullable=False),
        sa.Column("first_at", Moment(), nullable=False),
        sa.Column("last_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("principal", "kind", "value"),
    )
    op.create_index("sighting_last", "sighting", ["last_at"], unique=False)
    op.create_table(
        "event_search",
        sa.Column("id", Words(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("body", Json(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("event_search_at", "event_search", ["at"], unique=False)
