"""When alerts came to a channel, and the storms in which they share one message.

Revision: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trailwatch.store.columns import Moment, Words

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "storm",
        sa.Column("id", Words(), nullable=False),
        sa.Column("channel", Words(), nullable=False),
        sa.Column("began_at", Moment(), nullable=False),
        sa.Column("above_at", Moment(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("asked_by", Words(), nullable=False),
        sa.Column("asked_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("storm_channel", "storm", ["channel", "ended_at"], unique=False)
    op.create_table(
        "arrival",
        sa.Column("alert", Words(), nullable=False),
        sa.Column("channel", Words(), nullable=False),
        sa.Column("title", Words(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("storm", Words(), nullable=True),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("shown_rev", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("alert"),
    )
    op.create_index("arrival_channel", "arrival", ["channel", "at"], unique=False)
    op.create_index("arrival_storm", "arrival", ["storm", "page"], unique=False)
