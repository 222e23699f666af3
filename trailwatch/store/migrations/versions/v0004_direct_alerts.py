"""Alerts of sites without an on-call service, which the bot itself keeps; and twins of alerts.

Revision: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trailwatch.store.columns import Moment, Words

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "direct_alert",
        sa.Column("id", Words(), nullable=False),
        sa.Column("alias", Words(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.Column("body", Words(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("direct_alert_alias", "direct_alert", ["alias", "closed"], unique=False)
    op.create_table(
        "alert_twin",
        sa.Column("router_id", Words(), nullable=False),
        sa.Column("alert", Words(), nullable=False),
        sa.PrimaryKeyConstraint("router_id"),
    )
    op.create_index("alert_twin_alert", "alert_twin", ["alert"], unique=False)
