"""Muted alarms, questions to a person whether it was them, and roles in one channel.

Revision: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trailwatch.store.columns import Moment, Words

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "mute",
        sa.Column("id", Words(), nullable=False),
        sa.Column("alarm", Words(), nullable=False),
        sa.Column("name", Words(), nullable=False),
        sa.Column("site", Words(), nullable=False),
        sa.Column("why", Words(), nullable=False),
        sa.Column("by", Words(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("until", Moment(), nullable=False),
        sa.Column("way", Words(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("ended_by", Words(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("mute_alarm", "mute", ["alarm", "ended_at"], unique=False)
    op.create_table(
        "question",
        sa.Column("id", Words(), nullable=False),
        sa.Column("alert", Words(), nullable=False),
        sa.Column("person", Words(), nullable=False),
        sa.Column("name", Words(), nullable=False),
        sa.Column("asked_by", Words(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("until", Moment(), nullable=False),
        sa.Column("answer", Words(), nullable=False),
        sa.Column("reason", Words(), nullable=False),
        sa.Column("answered_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("question_alert", "question", ["alert"], unique=True)
    op.create_table(
        "channel_grant",
        sa.Column("channel", Words(), nullable=False),
        sa.Column("subject", Words(), nullable=False),
        sa.Column("role", Words(), nullable=False),
        sa.Column("by", Words(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "subject"),
    )
