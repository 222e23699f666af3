"""Who proposed and approved a plan, why, what became of it, and the settings before and after.

Revision: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trailwatch.store.columns import Json, Moment, Words

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for name in ("why", "created_name", "approved_by", "approved_name", "cancelled_by"):
        op.add_column("plan", sa.Column(name, Words(), nullable=False, server_default=""))
    for name in ("approved_at", "ended_at"):
        op.add_column("plan", sa.Column(name, Moment(), nullable=True))
    for name in ("before", "after", "outcome"):
        op.add_column("plan", sa.Column(name, Json(), nullable=True))
