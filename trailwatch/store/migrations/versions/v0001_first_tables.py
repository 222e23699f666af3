"""The first tables.

Revision: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trailwatch.store.columns import Json, Moment, Words

revision = "0001"
down_revision = None

Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "access_grant",
        sa.Column("subject", Words(), nullable=False),
        sa.Column("role", Words(), nullable=False),
        sa.Column("by", Words(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("subject"),
    )
    op.create_table(
        "alert",
        sa.Column("id", Words(), nullable=False),
        sa.Column("alias", Words(), nullable=False),
        sa.Column("router_id", Words(), nullable=False),
        sa.Column("state", Words(), nullable=False),
        sa.Column("severity", Words(), nullable=False),
        sa.Column("account", Words(), nullable=False),
        sa.Column("region", Words(), nullable=False),
        sa.Column("detection_id", Words(), nullable=False),
        sa.Column("first_seen", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.Column("words", Words(), nullable=False),
        sa.Column("body", Words(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("alert_alias", "alert", ["alias", "first_seen"], unique=False)
    op.create_index("alert_first_seen", "alert", ["first_seen"], unique=False)
    op.create_index("alert_router_id", "alert", ["router_id"], unique=False)
    op.create_index("alert_state", "alert", ["state"], unique=False)
    op.create_table(
        "audit",
        sa.Column("id", Number, autoincrement=True, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("actor_id", Words(), nullable=False),
        sa.Column("actor_name", Words(), nullable=False),
        sa.Column("channel", Words(), nullable=False),
        sa.Column("action", Words(), nullable=False),
        sa.Column("subject", Words(), nullable=False),
        sa.Column("outcome", Words(), nullable=False),
        sa.Column("detail", Json(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_at", "audit", ["at"], unique=False)
    op.create_index("audit_subject", "audit", ["subject"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("seq", Number, autoincrement=True, nullable=False),
        sa.Column("key", Words(), nullable=False),
        sa.Column("lane", Words(), nullable=False),
        sa.Column("source", Words(), nullable=False),
        sa.Column("body", Words(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("state", Words(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("next_at", Moment(), nullable=False),
        sa.Column("owner", Words(), nullable=True),
        sa.Column("token", Words(), nullable=True),
        sa.Column("lease", Moment(), nullable=True),
        sa.Column("error", Words(), nullable=False),
        sa.Column("finished_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("key"),
        sqlite_autoincrement=True,
    )
    op.create_index("inbox_lane", "inbox", ["lane", "seq"], unique=False)
    op.create_index("inbox_open", "inbox", ["state", "next_at"], unique=False)
    op.create_table(
        "job",
        sa.Column("id", Number, autoincrement=True, nullable=False),
        sa.Column("kind", Words(), nullable=False),
        sa.Column("key", Words(), nullable=True),
        sa.Column("args", Json(), nullable=False),
        sa.Column("state", Words(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("resumed", sa.Boolean(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("next_at", Moment(), nullable=False),
        sa.Column("owner", Words(), nullable=True),
        sa.Column("token", Words(), nullable=True),
        sa.Column("lease", Moment(), nullable=True),
        sa.Column("error", Words(), nullable=False),
        sa.Column("finished_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "job_key",
        "job",
        ["key"],
        unique=True,
        sqlite_where=sa.text("state IN ('queued', 'running')"),
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_index("job_open", "job", ["state", "next_at"], unique=False)
    op.create_table(
        "lane",
        sa.Column("key", Words(), nullable=False),
        sa.Column("channel", Words(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("owner", Words(), nullable=True),
        sa.Column("token", Words(), nullable=True),
        sa.Column("lease", Moment(), nullable=True),
        sa.Column("post_from", Moment(), nullable=True),
        sa.Column("edit_from", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("lane_due", "lane", ["due_at"], unique=False)
    op.create_table(
        "plan",
        sa.Column("id", Words(), nullable=False),
        sa.Column("site", Words(), nullable=False),
        sa.Column("state", Words(), nullable=False),
        sa.Column("created_by", Words(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("body", Words(), nullable=False),
        sa.Column("digest", Words(), nullable=False),
        sa.Column("channel", Words(), nullable=False),
        sa.Column("message_key", Words(), nullable=False),
        sa.Column("result", Json(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("plan_site", "plan", ["site", "created_at"], unique=False)
    op.create_table(
        "schedule",
        sa.Column("name", Words(), nullable=False),
        sa.Column("spec", Words(), nullable=False),
        sa.Column("next_due", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "secret",
        sa.Column("name", Words(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("name", "version"),
    )
    op.create_table(
        "site_config",
        sa.Column("name", Words(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", Words(), nullable=False),
        sa.Column("by", Words(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("name", "version"),
    )
    op.create_table(
        "tick",
        sa.Column("key", Words(), nullable=False),
        sa.Column("schedule", Words(), nullable=False),
        sa.Column("due", Moment(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("job", Number, nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("tick_at", "tick", ["at"], unique=False)
    op.create_table(
        "job_step",
        sa.Column("job", Number, nullable=False),
        sa.Column("name", Words(), nullable=False),
        sa.Column("state", Words(), nullable=False),
        sa.Column("result", Json(), nullable=True),
        sa.Column("at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["job.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job", "name"),
    )
    op.create_table(
        "message",
        sa.Column("key", Words(), nullable=False),
        sa.Column("lane", Words(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("thread_of", Words(), nullable=True),
        sa.Column("broadcast", sa.Boolean(), nullable=False),
        sa.Column("body", Words(), nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.Column("sent_rev", sa.Integer(), nullable=False),
        sa.Column("state", Words(), nullable=False),
        sa.Column("channel", Words(), nullable=True),
        sa.Column("ts", Words(), nullable=True),
        sa.Column("token", Words(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("attempt_rev", sa.Integer(), nullable=False),
        sa.Column("first_attempt_at", Moment(), nullable=True),
        sa.Column("attempted_at", Moment(), nullable=True),
        sa.Column("unknown_at", Moment(), nullable=True),
        sa.Column("next_at", Moment(), nullable=True),
        sa.Column("verify_at", Moment(), nullable=True),
        sa.Column("verify_round", sa.Integer(), nullable=False),
        sa.Column("flagged", sa.Boolean(), nullable=False),
        sa.Column("error", Words(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.Column("sent_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["lane"],
            ["lane.key"],
        ),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("message_lane", "message", ["lane", "state", "seq"], unique=False)
    op.create_index("message_state", "message", ["state"], unique=False)
    op.create_index("message_thread", "message", ["thread_of"], unique=False)
    op.create_index(
        "message_verify",
        "message",
        ["lane", "verify_at"],
        unique=False,
        sqlite_where=sa.text("verify_at IS NOT NULL"),
        postgresql_where=sa.text("verify_at IS NOT NULL"),
    )
