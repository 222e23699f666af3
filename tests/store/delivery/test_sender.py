"""From the outbox to Slack while all goes well: content, order, pace, threads."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from trailwatch.clock import utc_now
from trailwatch.store import outbox

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "*Root*"}}


def test_a_message_is_posted_edited_and_retracted(bot: Any, slack: Any, until: Any) -> None:
    bot.sender()
    bot.say("a", "one", blocks=[SECTION], metadata={"alert_id": "a1", "count": 2})
    first = bot.await_sent("a")
    (shown,) = slack.shown()
    assert shown["ts"] == first.ts and shown["channel"] == first.channel == slack.channel
    assert (shown["text"], shown["blocks"]) == ("one", [SECTION])
    assert shown["metadata"] == {
        "event_type": "trailwatch_message",
        "event_payload": {"alert_id": "a1", "count": 2, "key": "a"},
    }
    (call,) = slack.called("chat.postMessage")
    assert call["arguments"]["unfurl_links"] is False and call["arguments"]["unfurl_media"] is False

    bot.say("a", "two")
    assert bot.await_sent("a").ts == first.ts
    (shown,) = slack.shown()
    assert shown["text"] == "two" and not shown["blocks"]
    with bot.db.reading() as tx:
        found = outbox.at_ts(tx, slack.channel, first.ts)
    assert found is not None and found.key == "a"

    with bot.db.transaction() as tx:
        assert outbox.retract(tx, "a", utc_now())
    until(lambda: not slack.shown())
    until(lambda: bot.find("a").state == "retracted")
    bot.say("a", "three")
    assert bot.await_sent("a").ts != first.ts
    assert slack.texts() == ["three"]


def test_the_same_content_again_calls_nobody(bot: Any, slack: Any) -> None:
    bot.sender()
    bot.say("a", "one", metadata={"x": 1, "y": 2})
    bot.await_sent("a")
    bot.say("a", "one", metadata={"y": 2, "x": 1})
    assert bot.find("a").rev == 1
    assert slack.count("chat.update") == 0


def test_the_first_post_follows_the_commit_at_once(bot: Any, slack: Any) -> None:
    bot.sender()
    bot.say("warm", "up")
    bot.await_sent("warm")
    waits = []
    for number in range(20):
        key = f"m{number}"
        began = time.monotonic()
        bot.say(key, "now")
        while slack.count("chat.postMessage") < number + 2:
            assert time.monotonic() < began + 60
            time.sleep(0.0005)
        waits.append(time.monotonic() - began)
    # Polling would take half a second each time; a busy machine is late now and then.
    assert sorted(waits)[3] < 0.4


def test_a_lane_is_in_order_and_lanes_do_not_wait_for_each_other(bot: Any, slack: Any) -> None:
    other = slack.stand_in.space.channel_for_bot("C0SECALERT").id
    dm = slack.stand_in.users[0]["id"]
    bot.sender()
    for number in range(30):
        bot.say(f"m{number}", f"m{number}", lane=other)
        if number % 10 == 0:
            bot.say(f"d{number}", f"d{number}", lane=dm)
    bot.await_sent("m29")
    direct = bot.await_sent("d20")
    assert slack.texts(other) == [f"m{number}" for number in range(30)]
    assert direct.channel is not None and direct.channel.startswith("D")
    bot.say("d20", "changed", lane=dm)
    bot.await_sent("d20")
    assert slack.texts(direct.channel) == ["d0", "d10", "changed"]


def test_posts_keep_the_pace(bot: Any, slack: Any) -> None:
    slack.stand_in.space.posts.rate = 5.0
    slack.stand_in.space.posts.burst = 2.0
    bot.sender(post_interval=timedelta(seconds=0.22), post_burst=2)
    began = time.monotonic()
    for number in range(6):
        bot.say(f"m{number}", f"m{number}")
    bot.await_sent("m5")
    assert time.monotonic() - began >= 0.85
    assert slack.texts() == [f"m{number}" for number in range(6)]


def test_an_edit_does_not_wait_for_the_pace_of_posts(bot: Any, slack: Any) -> None:
    bot.sender(post_interval=timedelta(seconds=30), post_burst=2)
    for key in ("a", "b", "c"):
        bot.say(key, key)
    bot.await_sent("b")
    bot.say("a", "changed")
    bot.await_sent("a")
    assert slack.texts() == ["changed", "b"]
    assert bot.find("c").state == "queued"


def test_a_superseded_edit_is_never_sent(bot: Any, slack: Any) -> None:
    bot.sender()
    bot.say("a", "r1")
    bot.await_sent("a")
    slack.fault("chat.update", "status", status=429, retry_after=3, count=1)
    for number in range(2, 12):
        bot.say("a", f"r{number}")
    bot.await_sent("a")
    updates = [call["arguments"]["text"] for call in slack.called("chat.update")]
    assert updates[-1] == "r11" and len(updates) <= 3
    assert slack.texts() == ["r11"]


def test_a_reply_waits_for_its_parent(bot: Any, slack: Any, until: Any) -> None:
    bot.sender()
    bot.say("reply", "second", thread_of="parent", broadcast=True)
    bot.say("other", "first")
    bot.await_sent("other")
    assert slack.texts() == ["first"]
    bot.say("parent", "the alarm")
    reply, parent = bot.await_sent("reply"), bot.await_sent("parent")
    shown = {message["ts"]: message for message in slack.shown()}
    assert shown[reply.ts]["thread_ts"] == parent.ts
    assert shown[reply.ts]["reply_broadcast"] is True
    slack.fault("chat.postMessage", "lost", count=1)
    bot.say("reply2", "third", thread_of="parent")
    assert bot.await_sent("reply2").ts in {m["ts"] for m in slack.shown()}
    assert slack.keys().count("reply2") == 1


def test_two_replicas_share_the_work(bot: Any, slack: Any) -> None:
    first, other = bot.sender("one"), bot.sender("two", bot.second())
    channels = [slack.channel, *(user["id"] for user in slack.stand_in.users)]
    lanes = {number: channels[number % len(channels)] for number in range(60)}
    for number, lane in lanes.items():
        bot.say(f"m{number}", f"m{number}", lane=lane)
    for number in range(0, 60, 4):
        bot.say(f"m{number}", f"m{number} changed", lane=lanes[number])
    for number in range(60):
        bot.await_sent(f"m{number}")
    assert sorted(slack.keys_everywhere()) == sorted(f"m{number}" for number in range(60))
    numbers = [int(text[1:].split()[0]) for text in slack.texts()]
    assert numbers == sorted(numbers)
    posts = [sender.metrics().get("slack_posts_total", 0) for sender in (first, other)]
    assert sum(posts) == 60
    if bot.db.path is None:
        # On SQLite another process learns of new work by polling only.
        assert all(posts)
