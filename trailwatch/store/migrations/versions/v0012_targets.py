"""What was touched behind an alert, with who did what.

Revision: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trailwatch.store.columns import Json

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("alert_pair", sa.Column("targets", Json(), nullable=True))
