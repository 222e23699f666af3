"""When each on-call service was last compared with.

Revision: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trailwatch.store.columns import Moment, Words

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "compared_service",
        sa.Column("name", Words(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
