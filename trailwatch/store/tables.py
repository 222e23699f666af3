"""Knows the tables as the newest migration leaves them. Never reads or writes a row."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    text,
)

from trailwatch.store.columns import Json, Moment, Words

metadata = MetaData()

# SQLite numbers rows by itself only where the key is called INTEGER.
Number = BigInteger().with_variant(Integer, "sqlite")

inbox = Table(
    "inbox",
    metadata,
    Column("seq", Number, primary_key=True, autoincrement=True),
    Column("key", Words, nullable=False, unique=True),
    Column("lane", Words, nullable=False),
    Column("source", Words, nullable=False),
    Column("body", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("state", Words, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("failures", Integer, nullable=False, default=0),
    Column("next_at", Moment, nullable=False),
    Column("owner", Words),
    Column("token", Words),
    Column("lease", Moment),
    Column("error", Words, nullable=False, default=""),
    Column("finished_at", Moment),
    sqlite_autoincrement=True,
)
Index("inbox_open", inbox.c.state, inbox.c.next_at)
Index("inbox_lane", inbox.c.lane, inbox.c.seq)

alert = Table(
    "alert",
    metadata,
    Column("id", Words, primary_key=True),
    Column("alias", Words, nullable=False),
    Column("router_id", Words, nullable=False),
    Column("state", Words, nullable=False),
    Column("severity", Words, nullable=False),
    Column("account", Words, nullable=False),
    Column("region", Words, nullable=False),
    Column("detection_id", Words, nullable=False),
    Column("first_seen", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("words", Words, nullable=False),
    Column("body", Words, nullable=False),
)
Index("alert_alias", alert.c.alias, alert.c.first_seen)
Index("alert_router_id", alert.c.router_id)
Index("alert_state", alert.c.state)
Index("alert_first_seen", alert.c.first_seen)

# What the bot keeps for sites that have no on-call service.
direct_alert = Table(
    "direct_alert",
    metadata,
    Column("id", Words, primary_key=True),
    Column("alias", Words, nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("body", Words, nullable=False),
)
Index("direct_alert_alias", direct_alert.c.alias, direct_alert.c.closed)

# The same alarm in a second on-call service, while a site moves from one to another.
alert_twin = Table(
    "alert_twin",
    metadata,
    Column("router_id", Words, primary_key=True),
    Column("alert", Words, nullable=False),
)
Index("alert_twin_alert", alert_twin.c.alert)

# The notes on an alert, those of the on-call service included.
alert_note = Table(
    "alert_note",
    metadata,
    Column("key", Words, primary_key=True),
    Column("alert", Words, nullable=False),
    Column("router_id", Words, nullable=False),
    Column("by", Words, nullable=False),
    Column("text", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("ours", Boolean, nullable=False),
    Column("there", Words, nullable=False),
)
Index("alert_note_alert", alert_note.c.alert)
Index("alert_note_there", alert_note.c.router_id, alert_note.c.there)

# On-call services that do not answer, and since when.
away_service = Table(
    "away_service",
    metadata,
    Column("name", Words, primary_key=True),
    Column("error", Words, nullable=False),
    Column("since", Moment, nullable=False),
)

# When everything of an on-call service was last compared with what is shown.
compared_service = Table(
    "compared_service",
    metadata,
    Column("name", Words, primary_key=True),
    Column("at", Moment, nullable=False),
)

# Channels that were archived or left, and since when; whoever must know is told once.
lost_channel = Table(
    "lost_channel",
    metadata,
    Column("channel", Words, primary_key=True),
    Column("error", Words, nullable=False),
    Column("since", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
)

# How far the events of an alarm that is on have been followed.
alert_follow = Table(
    "alert_follow",
    metadata,
    Column("alert", Words, primary_key=True),
    Column("cursor", Moment, nullable=False),
    Column("total", Integer, nullable=False, default=0),
    Column("seen", Json, nullable=False),
    Column("told", Integer, nullable=False, default=0),
    Column("told_at", Moment),
    Column("ended_at", Moment),
)

# Who did what behind an alert, each pair once, with how often.
alert_pair = Table(
    "alert_pair",
    metadata,
    Column("alert", Words, primary_key=True),
    Column("pair", Words, primary_key=True),
    Column("account", Words, nullable=False),
    Column("principal", Words, nullable=False),
    Column("event", Words, nullable=False),
    Column("address", Words, nullable=False),
    Column("result", Words, nullable=False),
    Column("count", Integer, nullable=False),
    Column("first_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("told", Integer, nullable=False, default=0),
    Column("targets", Json),  # null in rows from before 0012
)

lane = Table(
    "lane",
    metadata,
    Column("key", Words, primary_key=True),
    Column("channel", Words, nullable=False),
    Column("seq", BigInteger, nullable=False, default=0),
    Column("due_at", Moment),
    Column("owner", Words),
    Column("token", Words),
    Column("lease", Moment),
    Column("post_from", Moment),
    Column("edit_from", Moment),
)
Index("lane_due", lane.c.due_at)

message = Table(
    "message",
    metadata,
    Column("key", Words, primary_key=True),
    Column("lane", Words, ForeignKey("lane.key"), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("thread_of", Words),
    Column("broadcast", Boolean, nullable=False, default=False),
    Column("body", Words, nullable=False),
    Column("gone", Boolean, nullable=False, default=False),
    Column("rev", Integer, nullable=False),
    Column("sent_rev", Integer, nullable=False, default=0),
    Column("state", Words, nullable=False),
    Column("channel", Words),
    Column("ts", Words),
    Column("token", Words),
    Column("attempts", Integer, nullable=False, default=0),
    Column("attempt_rev", Integer, nullable=False, default=0),
    Column("first_attempt_at", Moment),
    Column("attempted_at", Moment),
    Column("unknown_at", Moment),
    Column("next_at", Moment),
    Column("verify_at", Moment),
    Column("verify_round", Integer, nullable=False, default=0),
    Column("flagged", Boolean, nullable=False, default=False),
    Column("error", Words, nullable=False, default=""),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("sent_at", Moment),
)
Index("message_lane", message.c.lane, message.c.state, message.c.seq)
Index("message_thread", message.c.thread_of)
Index("message_state", message.c.state)
Index(
    "message_verify",
    message.c.lane,
    message.c.verify_at,
    sqlite_where=text("verify_at IS NOT NULL"),
    postgresql_where=text("verify_at IS NOT NULL"),
)

job = Table(
    "job",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("kind", Words, nullable=False),
    Column("key", Words),
    Column("args", Json, nullable=False),
    Column("state", Words, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("failures", Integer, nullable=False, default=0),
    Column("resumed", Boolean, nullable=False, default=False),
    Column("at", Moment, nullable=False),
    Column("next_at", Moment, nullable=False),
    Column("owner", Words),
    Column("token", Words),
    Column("lease", Moment),
    Column("error", Words, nullable=False, default=""),
    Column("finished_at", Moment),
    sqlite_autoincrement=True,
)
Index("job_open", job.c.state, job.c.next_at)
Index(
    "job_key",
    job.c.key,
    unique=True,
    sqlite_where=text("state IN ('queued', 'running')"),
    postgresql_where=text("state IN ('queued', 'running')"),
)

job_step = Table(
    "job_step",
    metadata,
    Column("job", Number, ForeignKey("job.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Words, primary_key=True),
    Column("state", Words, nullable=False),
    Column("result", Json),
    Column("at", Moment, nullable=False),
)

schedule = Table(
    "schedule",
    metadata,
    Column("name", Words, primary_key=True),
    Column("spec", Words, nullable=False),
    Column("next_due", Moment, nullable=False),
)

tick = Table(
    "tick",
    metadata,
    Column("key", Words, primary_key=True),
    Column("schedule", Words, nullable=False),
    Column("due", Moment, nullable=False),
    Column("at", Moment, nullable=False),
    Column("job", Number),
)
Index("tick_at", tick.c.at)

audit = Table(
    "audit",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False),
    Column("actor_id", Words, nullable=False),
    Column("actor_name", Words, nullable=False),
    Column("channel", Words, nullable=False),
    Column("action", Words, nullable=False),
    Column("subject", Words, nullable=False),
    Column("outcome", Words, nullable=False),
    Column("detail", Json, nullable=False),
    sqlite_autoincrement=True,
)
Index("audit_at", audit.c.at)
Index("audit_subject", audit.c.subject)

plan = Table(
    "plan",
    metadata,
    Column("id", Words, primary_key=True),
    Column("site", Words, nullable=False),
    Column("state", Words, nullable=False),
    Column("created_by", Words, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("body", Words, nullable=False),
    Column("digest", Words, nullable=False),
    Column("channel", Words, nullable=False),
    Column("message_key", Words, nullable=False),
    Column("result", Json),
    Column("why", Words, nullable=False, default="", server_default=""),
    Column("created_name", Words, nullable=False, default="", server_default=""),
    Column("approved_by", Words, nullable=False, default="", server_default=""),
    Column("approved_name", Words, nullable=False, default="", server_default=""),
    Column("cancelled_by", Words, nullable=False, default="", server_default=""),
    Column("approved_at", Moment),
    Column("ended_at", Moment),
    Column("before", Json),
    Column("after", Json),
    Column("outcome", Json),
)
Index("plan_site", plan.c.site, plan.c.created_at)

drift = Table(
    "drift",
    metadata,
    Column("id", Words, primary_key=True),
    Column("site", Words, nullable=False),
    Column("key", Words, nullable=False),
    Column("message", Words, nullable=False),
    Column("found_at", Moment, nullable=False),
    Column("gone_at", Moment),
    Column("body", Words, nullable=False),
)
Index(
    "drift_open",
    drift.c.site,
    drift.c.key,
    unique=True,
    sqlite_where=text("gone_at IS NULL"),
    postgresql_where=text("gone_at IS NULL"),
)
Index("drift_message", drift.c.message)

drift_check = Table(
    "drift_check",
    metadata,
    Column("site", Words, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("body", Words, nullable=False),
)

secret = Table(
    "secret",
    metadata,
    Column("name", Words, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("at", Moment, nullable=False),
)

site_config = Table(
    "site_config",
    metadata,
    Column("name", Words, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("body", Words, nullable=False),
    Column("by", Words, nullable=False),
    Column("at", Moment, nullable=False),
)

# "grant" is a word of SQL.
access_grant = Table(
    "access_grant",
    metadata,
    Column("subject", Words, primary_key=True),
    Column("role", Words, nullable=False),
    Column("by", Words, nullable=False),
    Column("at", Moment, nullable=False),
)

# What a principal was seen with: an address, a region, or itself.
sighting = Table(
    "sighting",
    metadata,
    Column("principal", Words, primary_key=True),
    Column("kind", Words, primary_key=True),
    Column("value", Words, primary_key=True),
    Column("first_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
)
Index("sighting_last", sighting.c.last_at)

# A search whose result is shown in pages: what a button's opaque id stands for.
event_search = Table(
    "event_search",
    metadata,
    Column("id", Words, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("body", Json, nullable=False),
)
Index("event_search_at", event_search.c.at)

# An alarm that nobody is to be told of for a while; `way`: who keeps quiet, CloudWatch or the bot.
mute = Table(
    "mute",
    metadata,
    Column("id", Words, primary_key=True),
    Column("alarm", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("site", Words, nullable=False),
    Column("why", Words, nullable=False),
    Column("by", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("until", Moment, nullable=False),
    Column("way", Words, nullable=False),
    Column("held", Integer, nullable=False),
    Column("ended_at", Moment),
    Column("ended_by", Words, nullable=False),
)
Index("mute_alarm", mute.c.alarm, mute.c.ended_at)

# When a new alert came to a channel, and which storm lists it instead of a message of its own.
arrival = Table(
    "arrival",
    metadata,
    Column("alert", Words, primary_key=True),
    Column("channel", Words, nullable=False),
    Column("title", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("storm", Words),
    Column("page", Integer, nullable=False),
    Column("rev", Integer, nullable=False),
    Column("shown_rev", Integer, nullable=False),
)
Index("arrival_channel", arrival.c.channel, arrival.c.at)
Index("arrival_storm", arrival.c.storm, arrival.c.page)

storm = Table(
    "storm",
    metadata,
    Column("id", Words, primary_key=True),
    Column("channel", Words, nullable=False),
    Column("began_at", Moment, nullable=False),
    Column("above_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("asked_by", Words, nullable=False),
    Column("asked_at", Moment),
)
Index("storm_channel", storm.c.channel, storm.c.ended_at)

question = Table(
    "question",
    metadata,
    Column("id", Words, primary_key=True),
    Column("alert", Words, nullable=False),
    Column("person", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("asked_by", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("until", Moment, nullable=False),
    Column("answer", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("answered_at", Moment),
)
Index("question_alert", question.c.alert, unique=True)

channel_grant = Table(
    "channel_grant",
    metadata,
    Column("channel", Words, primary_key=True),
    Column("subject", Words, primary_key=True),
    Column("role", Words, nullable=False),
    Column("by", Words, nullable=False),
    Column("at", Moment, nullable=False),
)
