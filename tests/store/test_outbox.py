"""The wanted state of messages, and who may write what became of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from trailwatch.store import lanes, outbox, results
from trailwatch.store.database import Database
from trailwatch.store.lanes import Claim, Move, Rules
from trailwatch.store.outbox import Outgoing, Sent

NOW = datetime(2025, 2, 2, 12, 0, tzinfo=UTC)
RULES = Rules(post_interval=timedelta(seconds=1), post_burst=1, lease=timedelta(seconds=10))
CHANNEL = "C1"


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def say(db: Database, key: str, text: str = "t", lane: str = CHANNEL, **more: object) -> None:
    with db.transaction() as tx:
        outbox.say(tx, Outgoing(key, lane, text, **more), NOW)  # type: ignore[arg-type]


def find(db: Database, key: str) -> Sent:
    with db.reading() as tx:
        found = outbox.find(tx, key)
    assert found is not None
    return found


def claim(db: Database, seconds: float, owner: str = "one") -> Claim | None:
    with db.transaction() as tx:
        return lanes.claim(tx, owner=owner, now=after(seconds), rules=RULES)


def take(db: Database, seconds: float, owner: str = "one") -> Claim:
    claimed = claim(db, seconds, owner)
    assert claimed is not None
    return claimed


def sent(db: Database, held: Claim, ts: str, seconds: float) -> bool:
    with db.transaction() as tx:
        return results.sent(tx, held, channel=CHANNEL, ts=ts, now=after(seconds), rules=RULES)


def test_one_message_of_a_lane_is_in_flight(db: Database) -> None:
    for key in ("a", "b"):
        say(db, key)
    say(db, "c", lane="C2")
    first, other = take(db, 0), take(db, 0)
    assert {first.key, other.key} == {"a", "c"}
    assert claim(db, 0) is None
    assert sent(db, first, "1.0", 0)
    assert claim(db, 0.5) is None
    with db.reading() as tx:
        assert lanes.next_due(tx) == after(1)
    assert take(db, 1).key == "b"


def test_revisions_grow_with_content_only(db: Database) -> None:
    say(db, "a", "one")
    say(db, "a", "one")
    assert find(db, "a").rev == 1
    held = take(db, 0)
    say(db, "a", "two")
    say(db, "a", "three")
    assert (held.rev, held.text) == (1, "one")
    assert sent(db, held, "1.0", 0)
    row = find(db, "a")
    assert (row.state, row.rev, row.sent_rev) == ("queued", 3, 1)
    edit = take(db, 0)
    assert (edit.move, edit.text, edit.ts, edit.rev) == (Move.EDIT, "three", "1.0", 3)
    with db.transaction() as tx:
        assert results.edited(tx, edit, now=after(0))
    assert find(db, "a").state == "sent"


def test_a_stale_holder_writes_nothing(db: Database) -> None:
    say(db, "a")
    stale = take(db, 0)
    assert claim(db, 9, "two") is None
    look = take(db, 11, "two")
    assert (look.move, look.settled) == (Move.LOOK, False)
    assert not sent(db, stale, "9.9", 11)
    with db.transaction() as tx:
        assert not results.extend(tx, stale, after(30))
        assert not results.edited(tx, stale, now=after(11))
        assert not results.ambiguous(tx, stale, error="", now=after(11), rules=RULES)
        assert results.refused(tx, stale, error="", now=after(11)) is None
        assert results.absent(tx, look, now=after(11), rules=RULES)
    assert claim(db, 12) is None
    settled = take(db, 14)
    assert settled.settled
    with db.transaction() as tx:
        results.absent(tx, settled, now=after(14), rules=RULES)
    again = take(db, 15)
    assert again.move is Move.POST
    assert sent(db, again, "2.0", 15)
    # The stale one was applied after all: whoever finds out asks for a look.
    with db.transaction() as tx:
        results.suspect(tx, stale, now=after(16))
    verify = take(db, 16)
    assert (verify.move, verify.ts) == (Move.VERIFY, "2.0")
    with db.transaction() as tx:
        assert results.verified(tx, verify, now=after(16), rules=RULES)
    assert find(db, "a").ts == "2.0"


def test_a_dead_process_lanes_are_freed(db: Database) -> None:
    say(db, "a")
    take(db, 0, "one")
    with db.transaction() as tx:
        assert lanes.release(tx, "two", NOW) == 0
        assert lanes.release(tx, "one", NOW) == 1
    assert take(db, 0, "one").move is Move.LOOK


def test_a_message_moves_to_another_lane_until_it_is_tried(db: Database) -> None:
    say(db, "a")
    say(db, "reply", thread_of="a")
    say(db, "a", lane="C2")
    assert (find(db, "a").lane, find(db, "reply").lane) == ("C2", "C2")
    say(db, "late", lane="C1", thread_of="a")
    assert find(db, "late").lane == "C2"
    held = take(db, 0)
    assert (held.key, held.channel) == ("a", "C2")
    assert sent(db, held, "1.0", 0)
    say(db, "a", "changed", lane="C3")
    assert find(db, "a").lane == "C2"


def test_what_was_never_posted_is_retracted_without_a_call(db: Database) -> None:
    say(db, "a")
    with db.transaction() as tx:
        assert outbox.retract(tx, "a", NOW)
        assert outbox.retract(tx, "a", NOW)
        assert not outbox.retract(tx, "unknown", NOW)
    assert find(db, "a").state == "retracted"
    assert claim(db, 0) is None
    say(db, "a", "t")
    assert take(db, 1).move is Move.POST


def test_a_retraction_while_the_post_is_under_way(db: Database) -> None:
    say(db, "a")
    held = take(db, 0)
    with db.transaction() as tx:
        outbox.retract(tx, "a", NOW)
    assert sent(db, held, "1.0", 0)
    gone = take(db, 1)
    assert (gone.move, gone.ts) == (Move.DELETE, "1.0")
    with db.transaction() as tx:
        results.deleted(tx, gone, now=after(1))
    assert (find(db, "a").state, find(db, "a").ts) == ("retracted", None)


def test_edits_wait_where_the_workspace_has_had_enough(db: Database) -> None:
    say(db, "a")
    assert sent(db, take(db, 0), "1.0", 0)
    say(db, "a", "two")
    with db.transaction() as tx:
        held = lanes.claim(tx, owner="one", now=after(1), rules=RULES, no_edits_before=after(5))
        assert held is None
        assert lanes.next_due(tx) == after(5)
    assert take(db, 5).move is Move.EDIT


def test_several_messages_at_once(db: Database) -> None:
    with db.transaction() as tx:
        outbox.say_all(tx, [Outgoing("b", "C2", "x"), Outgoing("a", "C1", "x")], NOW)
        assert outbox.find(tx, "none") is None
    assert find(db, "a").state == find(db, "b").state == "queued"


@pytest.mark.parametrize("burst", [1, 3])
def test_a_burst_is_followed_by_the_pace(db: Database, burst: int) -> None:
    rules = Rules(post_interval=timedelta(seconds=2), post_burst=burst)
    for number in range(5):
        say(db, f"m{number}")
    times = []
    for tenth in range(120):
        with db.transaction() as tx:
            held = lanes.claim(tx, owner="one", now=after(tenth / 10), rules=rules)
            if held is not None:
                times.append(tenth / 10)
                results.sent(
                    tx, held, channel="C1", ts=f"{tenth}.0", now=after(tenth / 10), rules=rules
                )
    waits = [late - early for early, late in pairwise(times)]
    assert waits[: burst - 1] == pytest.approx([0.1] * (burst - 1))
    assert times[4] == pytest.approx(2.0 * (5 - burst))
