"""Channels that were lost; and who did what behind an alert while its alarm is on.

Revision: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trailwatch.store.columns import Json, Moment, Words

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "lost_channel",
        sa.Column("channel", Words(), nullable=False),
        sa.Column("error", Words(), nullable=False),
        sa.Column("since", Moment(), nullable=False),
        sa.Column("seen_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("channel"),
    )
    op.create_table(
        "alert_follow",
        sa.Column("alert", Words(), nullable=False),
        sa.Column("cursor", Moment(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("seen", Json(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("told_at", Moment(), nullable=True),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("alert"),
    )
    op.create_table(
        "alert_pair",
        sa.Column("alert", Words(), nullable=False),
        sa.Column("pair", Words(), nullable=False),
        sa.Column("account", Words(), nullable=False),
        sa.Column("principal", Words(), nullable=False),
        sa.Column("event", Words(), nullable=False),
        sa.Column("address", Words(), nullable=False),
        sa.Column("result", Words(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_at", Moment(), nullable=False),
        sa.Column("last_at", Moment(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("alert", "pair"),
    )
