"""What a prototype of the delivery lacked, where no other test shows that it is there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from tests.store.kept_alerts import an_alert
from trailwatch.alert import AlertState
from trailwatch.follow_up import Pair
from trailwatch.store import alerts, channels, follows, inbox, letters, outbox, retention, storms
from trailwatch.store.database import Database
from trailwatch.store.follows import Follow
from trailwatch.store.gauges import gauges
from trailwatch.store.health import pulse
from trailwatch.store.outbox import MessageState, Outgoing
from trailwatch.store.tables import arrival, message
from trailwatch.storm import StormRules

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def test_pairs_are_counted_told_once_and_deleted_with_their_alert(db: Database) -> None:
    eve = Pair("123456789012", "eve\x00\ud800", "CreateUser", "203.0.113.7", "ok", 2, NOW, NOW)
    bob = Pair("123456789012", "bob", "CreateUser", "203.0.113.7", "ok", 1, NOW + DAY, NOW + DAY)
    with db.transaction() as tx:
        follows.count(tx, "a1", [eve])
        follows.count(tx, "a1", [bob, eve])
        follows.save(tx, Follow("a1", NOW, 5, {"e-1": "2026"}, 1, NOW))
    with db.transaction() as tx:
        known = follows.get(tx, "a1")
        assert known == Follow("a1", NOW, 5, {"e-1": "2026"}, 1, NOW)
        waiting = follows.untold(tx, "a1", 10)
        assert [(one.principal[:3], one.count) for one in waiting] == [("eve", 4), ("bob", 1)]
        assert follows.totals(tx, "a1") == (2, 2, NOW + DAY)
        follows.mark_told(tx, "a1", [bob])
        assert [one.principal[:3] for one in follows.untold(tx, "a1", 10)] == ["eve"]
        counts = retention.prune(tx, NOW)  # its alert is no longer kept
        assert (counts["alert_pair"], counts["alert_follow"]) == (2, 1)


def test_a_lost_channel_is_news_once_and_is_tried_again(db: Database) -> None:
    with db.transaction() as tx:
        assert channels.lose(tx, "C1", "is_archived", NOW)
        assert not channels.lose(tx, "C1", "is_archived", NOW + timedelta(minutes=30))
        assert channels.is_lost(tx, "C1", NOW + timedelta(minutes=80))
        assert not channels.is_lost(tx, "C1", NOW + timedelta(minutes=100))
        assert channels.lost(tx, NOW + timedelta(hours=3)) == {"C1": ("is_archived", NOW)}
        assert channels.lose(tx, "C1", "not_in_channel", NOW + 2 * DAY)


def test_what_waits_and_what_is_dead_can_be_seen(db: Database) -> None:
    with db.transaction() as tx:
        outbox.say(tx, Outgoing("m", "C1", "x"), NOW)
        inbox.put(tx, key="i", source="opsgenie", body="{}", at=NOW)
        inbox.put_dead(tx, key="d", source="opsgenie", body="{}", at=NOW, error="odd")
    with db.transaction() as tx:
        numbers = gauges(tx, NOW + timedelta(seconds=9))
        assert (numbers["message_queued"], numbers["inbox_new"], numbers["inbox_dead"]) == (1, 1, 1)
        assert numbers["message_oldest_seconds"] == numbers["inbox_oldest_seconds"] == 9
        assert pulse(tx).lanes == {"C1": 1} and pulse(tx).last_delivery == NOW
        (letter,) = letters.dead(tx)
        assert letters.send_again(tx, letter, NOW) and letters.dead(tx) == []


def test_a_dead_letter_is_kept_for_long(db: Database) -> None:
    with db.transaction() as tx:
        inbox.put_dead(tx, key="d", source="opsgenie", body="{}", at=NOW, error="odd")
        assert retention.prune(tx, NOW + 80 * DAY)["inbox"] == 0
        assert retention.prune(tx, NOW + 100 * DAY)["inbox"] == 1


def test_messages_of_open_alerts_are_kept_however_old_they_are(db: Database) -> None:
    """One that is forgotten would be posted a second time when its alert is closed."""
    with db.transaction() as tx:
        for name in ("open", "closed", "stormed"):
            state = AlertState.CLOSED if name == "closed" else AlertState.OPEN
            kept = an_alert(id=name, alias=name, router_id=name, state=state)
            alerts.save(tx, kept)
        storms.arrive(tx, "C1", "stormed", "t", NOW, StormRules(limit=1))
        tx.execute(arrival.update().where(arrival.c.alert == "stormed").values(storm="s1"))
        for key, parent in (
            ("alert:open", None),
            ("pairs:1", "alert:open"),
            ("alert:closed", None),
            ("storm:s1", None),
            ("storm:s1:0", "storm:s1"),
            ("storm:s2", None),
        ):
            outbox.say(tx, Outgoing(key, "C1", "x", thread_of=parent), NOW)
        tx.execute(message.update().values(state=MessageState.SENT, verify_at=None))
        retention.prune(tx, NOW + 200 * DAY)
        left = set(tx.execute(select(message.c.key)).scalars())
    assert left == {"alert:open", "pairs:1", "storm:s1", "storm:s1:0"}


def test_a_message_goes_to_another_lane_only_while_no_call_is_under_way(db: Database) -> None:
    with db.transaction() as tx:
        outbox.say(tx, Outgoing("m", "C1", "x"), NOW)
        outbox.say(tx, Outgoing("reply", "C1", "y", thread_of="m"), NOW)
        assert outbox.reroute(tx, "m", "C2", NOW)
        assert not outbox.reroute(tx, "m", "C2", NOW)
        assert not outbox.reroute(tx, "unknown", "C2", NOW)
        moved = [outbox.find(tx, key) for key in ("m", "reply")]
    assert [one.lane for one in moved if one] == ["C2", "C2"]
