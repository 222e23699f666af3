"""Notes on alerts, of people in Slack and in the on-call service.

Revision: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trailwatch.store.columns import Moment, Words

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "alert_note",
        sa.Column("key", Words(), nullable=False),
        sa.Column("alert", Words(), nullable=False),
        sa.Column("router_id", Words(), nullable=False),
        sa.Column("by", Words(), nullable=False),
        sa.Column("text", Words(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("ours", sa.Boolean(), nullable=False),
        sa.Column("there", Words(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("alert_note_alert", "alert_note", ["alert"], unique=False)
    op.create_index("alert_note_there", "alert_note", ["router_id", "there"], unique=False)
