"""On-call services that do not answer.

Revision: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trailwatch.store.columns import Moment, Words

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "away_service",
        sa.Column("name", Words(), nullable=False),
        sa.Column("error", Words(), nullable=False),
        sa.Column("since", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
