"""When Slack is late, silent, down or says no: nothing lost, nothing twice, newest text."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from slack_sdk import WebClient

from sandbox.slack.workspace import BOT_USER
from trailwatch.clock import utc_now
from trailwatch.store import outbox

pytestmark = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
"""What is PostgreSQL's own is tested in test_outbox, test_sender and test_kill."""


@pytest.mark.parametrize("kind", ["lost", "reset", "status", "timeout"])
def test_an_ambiguous_post_stands_once(bot: Any, slack: Any, kind: str) -> None:
    sender = bot.sender(timeout=2 if kind == "timeout" else 10)
    slack.fault("chat.postMessage", kind, status=500, seconds=4, count=1)
    bot.say("a", "one")
    bot.say("b", "two")
    bot.await_sent("b")
    assert slack.texts() == ["one", "two"]
    numbers = sender.metrics()
    assert numbers["slack_ambiguous_total"] == 1
    posts = slack.count("chat.postMessage")
    if kind == "lost":
        assert numbers["slack_adopted_total"] == 1 and posts == 2
    else:
        assert numbers["slack_reposted_total"] == 1 and posts == 3
    assert bot.find("a").ts == slack.shown()[0]["ts"]


def test_a_twin_that_appears_late_is_removed(bot: Any, slack: Any, until: Any) -> None:
    sender = bot.sender(verify=(timedelta(seconds=3),))
    slack.fault("chat.postMessage", "lost", count=1, late=2)
    bot.say("a", "one")
    ours = bot.await_sent("a")
    bot.say("a", "two")
    until(lambda: sender.metrics().get("slack_twins_removed_total"))
    until(lambda: len(slack.shown()) == 1)
    (shown,) = slack.shown()
    assert shown["ts"] == ours.ts == bot.find("a").ts
    assert shown["text"] == "two"


def test_an_edit_that_is_applied_late_does_not_stay(bot: Any, slack: Any, until: Any) -> None:
    sender = bot.sender(verify=(timedelta(seconds=2),))
    bot.say("a", "r1")
    bot.await_sent("a")
    seen: list[str] = []
    slack.stand_in.space.watch = lambda what, message: seen.append(message.text)
    slack.fault("chat.update", "lost", count=1, late=1)
    bot.say("a", "r2")
    until(lambda: sender.metrics().get("slack_ambiguous_total"))
    bot.say("a", "r3")
    bot.await_sent("a")
    until(lambda: seen[-2:] == ["r2", "r3"])
    assert slack.texts() == ["r3"]
    until(lambda: sender.metrics().get("slack_verifies_total") == 1)


def test_retry_after_is_waited_for(bot: Any, slack: Any) -> None:
    bot.sender()
    slack.fault("chat.postMessage", "status", status=429, retry_after=1, count=1)
    began = time.monotonic()
    bot.say("a", "one")
    bot.say("b", "two")
    bot.await_sent("b")
    assert time.monotonic() - began >= 1
    assert slack.texts() == ["one", "two"]
    assert slack.count("chat.postMessage") == 3


def test_slack_that_is_down_is_waited_for(bot: Any, slack: Any, until: Any) -> None:
    nobody = WebClient("xoxb-1", base_url="http://127.0.0.1:9/api/")
    sender = bot.sender(client=nobody)
    bot.say("a", "one")
    until(lambda: sender.metrics().get("slack_unreached_total"))
    until(lambda: bot.find("a").state == "queued")
    bot.end()
    bot.sender()
    bot.await_sent("a")
    assert slack.texts() == ["one"]
    assert slack.count("conversations.history") == 0


def test_what_slack_refuses_for_good_is_kept_and_the_rest_goes_on(
    bot: Any, slack: Any, until: Any
) -> None:
    bot.sender()
    bot.say("bad", "x", blocks=[{"type": "nonsense"}])
    bot.say("gone", "x", lane="C0NOWHERE1")
    bot.say("good", "fine")
    bot.await_sent("good")
    until(lambda: len(bot.trouble) == 2)
    errors = {sent.key: sent.error for sent in bot.trouble}
    assert errors["bad"].startswith("invalid_blocks: ") and errors["gone"] == "channel_not_found"
    with bot.db.reading() as tx:
        assert {sent.key for sent in outbox.dead(tx)} == {"bad", "gone"}

    bot.say("gone", "x", lane=slack.channel)
    bot.say("bad", "mended")
    bot.await_sent("gone")
    bot.await_sent("bad")
    assert sorted(slack.keys()) == ["bad", "gone", "good"]
    with bot.db.transaction() as tx:
        assert outbox.dead(tx) == []
        assert not outbox.resend(tx, "good", utc_now())
        assert not outbox.resend(tx, "unknown", utc_now())


def test_a_dead_message_can_be_sent_again(bot: Any, slack: Any, until: Any) -> None:
    bot.sender()
    bot.say("a", "one", thread_of=None)
    bot.await_sent("a")
    slack.stand_in.space.channels[slack.channel].is_archived = True
    bot.say("a", "two")
    until(lambda: bot.find("a").state == "dead")
    assert bot.find("a").error == "is_archived"
    slack.stand_in.space.channels[slack.channel].is_archived = False
    with bot.db.transaction() as tx:
        assert outbox.resend(tx, "a", utc_now())
    bot.await_sent("a")
    assert slack.texts() == ["two"]


def test_a_token_that_is_refused_kills_no_message(bot: Any, slack: Any, until: Any) -> None:
    wrong = WebClient("xoxb-wrong", base_url=slack.stand_in.api_url)
    sender = bot.sender(client=wrong)
    bot.say("a", "one")
    until(lambda: sender.metrics().get("slack_held_total"))
    until(lambda: bot.find("a").error == "invalid_auth")
    assert bot.find("a").state == "queued"
    assert bot.trouble == []


def test_a_refused_look_up_never_leads_to_a_second_post(bot: Any, slack: Any, until: Any) -> None:
    bot.sender()
    members = slack.stand_in.space.channels[slack.channel].members
    slack.fault("chat.postMessage", "lost", count=1)
    slack.fault("conversations.history", "status", status=500)
    bot.say("a", "one")
    until(lambda: slack.count("conversations.history"))
    members.remove(BOT_USER)
    slack.faults.clear()
    until(lambda: bot.trouble)
    found = bot.find("a")
    assert (found.state, found.flagged, found.error) == ("unknown", True, "not_in_channel")
    with bot.db.reading() as tx:
        assert [sent.key for sent in outbox.dead(tx)] == ["a"]

    members.add(BOT_USER)
    bot.say("b", "two")
    bot.await_sent("b")
    assert bot.find("a").state == "unknown"
    with bot.db.transaction() as tx:
        assert outbox.resend(tx, "a", utc_now())
    bot.await_sent("a")
    assert slack.texts() == ["one", "two"]


def test_a_post_is_found_behind_pages_of_others(bot: Any, slack: Any, until: Any) -> None:
    sender = bot.sender(settle=timedelta(seconds=1), timeout=3)
    slack.fault("chat.postMessage", "lost", count=1)
    slack.fault("conversations.history", "status", status=500)
    bot.say("a", "one")
    until(lambda: slack.count("conversations.history"))
    for number in range(230):
        slack.client.chat_postMessage(channel=slack.channel, text=f"noise {number}")
    slack.faults.clear()  # only now can the look see anything
    bot.await_sent("a")
    assert slack.keys() == ["a"]
    assert sender.metrics()["slack_adopted_total"] == 1
    assert slack.count("conversations.history") >= 3


def test_a_lost_reply_is_found_in_its_thread_behind_pages(bot: Any, slack: Any, until: Any) -> None:
    sender = bot.sender(settle=timedelta(seconds=1), timeout=3)
    bot.say("parent", "one")
    ts = bot.await_sent("parent").ts
    slack.fault("chat.postMessage", "lost", count=1)
    slack.fault("conversations.replies", "status", status=500)
    bot.say("reply", "two", thread_of="parent")
    until(lambda: slack.count("conversations.replies"))
    for number in range(230):
        slack.client.chat_postMessage(channel=slack.channel, text=f"noise {number}", thread_ts=ts)
    slack.faults.clear()
    bot.await_sent("reply")
    assert slack.keys_everywhere().count("reply") == 1
    assert sender.metrics()["slack_adopted_total"] == 1
    assert slack.count("conversations.history") == 0


def test_without_reconciliation_there_are_duplicates(bot: Any, slack: Any) -> None:
    """The negative control: the tests above can fail."""
    bot.sender(reconcile=False)
    slack.fault("chat.postMessage", "lost", count=1)
    bot.say("a", "one")
    bot.await_sent("a")
    assert slack.texts() == ["one", "one"]
