"""Calls that take effect long after their caller gave up, or was gone: what is newest stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from trailwatch.clock import utc_now
from trailwatch.store import lanes, outbox, results
from trailwatch.store.lanes import Move, Rules
from trailwatch.store.outbox import Outgoing

pytestmark = pytest.mark.parametrize("url", ["sqlite"], indirect=True)

RULES = Rules(post_interval=timedelta(0), edit_interval=timedelta(0))


def test_a_verification_that_is_applied_late_does_not_stay(
    bot: Any, slack: Any, until: Any
) -> None:
    """The second saying of the newest content may itself come late, over something newer."""
    sender = bot.sender()
    bot.say("a", "r1")
    bot.await_sent("a")
    slack.fault("chat.update", "lost", count=1)
    bot.say("a", "r2")
    bot.await_sent("a")
    slack.fault("chat.update", "lost", count=1, late=0.6)
    until(lambda: sender.metrics().get("slack_verifies_total"))
    seen: list[str] = []
    slack.stand_in.space.watch = lambda what, message: seen.append(message.text)
    bot.say("a", "r3")
    until(lambda: seen[-2:] == ["r2", "r3"])
    assert slack.texts() == ["r3"]


def test_who_dies_in_a_verification_has_it_repeated_later(bot: Any) -> None:
    """Its call may be on its way still: verified again only when that has had its time."""
    now = utc_now()

    def claim(at: timedelta) -> lanes.Claim | None:
        with bot.db.transaction() as tx:
            return lanes.claim(tx, owner="one", now=now + at, rules=RULES)

    with bot.db.transaction() as tx:
        outbox.say(tx, Outgoing("a", "C1", "r1"), now)
    posted = claim(timedelta(0))
    assert posted is not None and posted.move is Move.POST
    with bot.db.transaction() as tx:
        assert results.sent(tx, posted, channel="C1", ts="1.0", now=now, rules=RULES)
        results.suspect(tx, replace(posted, move=Move.EDIT), now=now)
    verify = claim(timedelta(seconds=1))
    assert verify is not None and verify.move is Move.VERIFY
    with bot.db.transaction() as tx:
        lanes.release(tx, "one", now + timedelta(seconds=2))
    assert claim(timedelta(seconds=2)) is None
    again = claim(timedelta(seconds=1) + RULES.verify[0])
    assert again is not None and again.move is Move.VERIFY
    with bot.db.transaction() as tx:
        assert results.verified(tx, again, now=now, rules=RULES)
    assert claim(timedelta(minutes=5)) is None


def test_what_is_suspected_during_a_verification_is_verified_again(bot: Any) -> None:
    """A stopped process came back and wrote over what the verification had just said."""
    now = utc_now()
    with bot.db.transaction() as tx:
        outbox.say(tx, Outgoing("a", "C1", "r1"), now)
        posted = lanes.claim(tx, owner="one", now=now, rules=RULES)
        assert posted is not None
        assert results.sent(tx, posted, channel="C1", ts="1.0", now=now, rules=RULES)
        results.suspect(tx, replace(posted, move=Move.EDIT), now=now)
        verify = lanes.claim(tx, owner="one", now=now, rules=RULES)
        assert verify is not None and verify.move is Move.VERIFY
        results.suspect(tx, replace(posted, move=Move.EDIT), now=now)
        assert results.verified(tx, verify, now=now, rules=RULES)
        again = lanes.claim(tx, owner="one", now=now, rules=RULES)
        assert again is not None and again.move is Move.VERIFY
        assert results.verified(tx, again, now=now, rules=RULES)
        assert lanes.claim(tx, owner="one", now=now + timedelta(hours=1), rules=RULES) is None


def test_a_lost_answer_after_a_lost_claim_is_verified(bot: Any, slack: Any, until: Any) -> None:
    """Stopped beyond its lease in the middle of a post; whether Slack took it, it never hears."""
    slack.fault("chat.postMessage", "timeout", seconds=0.9, count=1)
    slow = bot.sender("slow", threads=1, lease=timedelta(seconds=0.2))
    bot.say("a", "r1")
    until(lambda: slack.count("chat.postMessage") or bot.find("a").state == "sending")
    quick = timedelta(seconds=0.1)
    other = bot.sender("other", bot.second(), settle=quick, verify=(2 * quick,))
    until(lambda: slack.texts() == ["r1"])
    until(lambda: other.metrics().get("slack_verifies_total"))
    until(lambda: slow.metrics().get("slack_ambiguous_total"))
    slack.client.chat_postMessage(
        channel=slack.channel,
        text="r1",
        metadata={"event_type": "trailwatch_message", "event_payload": {"key": "a"}},
    )
    until(lambda: len(slack.texts()) == 1)
    both = (slow, other)
    until(lambda: any(one.metrics().get("slack_twins_removed_total") for one in both))
