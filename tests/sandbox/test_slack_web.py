"""slack_sdk's WebClient against the stand-in's Web API, response URLs, limits and faults."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from slack_sdk import WebClient, WebhookClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

from sandbox.faults import Faults, parse_fault
from sandbox.slack import SlackStandIn
from sandbox.wire import CallLog

DIVIDER = [{"type": "divider"}]
MODAL: dict[str, Any] = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "Look"},
    "blocks": DIVIDER,
}
HOME: dict[str, Any] = {"type": "home", "blocks": DIVIDER}


class Rig:
    """The stand-in with a clock that tests move, and a client that never retries."""

    def __init__(self, **options: Any) -> None:
        self.calls = CallLog()
        self.faults = Faults(lambda: 0.0)
        self.ahead = 0.0
        self.slack = SlackStandIn(
            calls=self.calls, faults=self.faults, clock=lambda: time.time() + self.ahead, **options
        )
        self.slack.start()
        self.channel = self.slack.channel
        self.client = WebClient(
            self.slack.bot_token, base_url=self.slack.api_url, retry_handlers=[]
        )

    def post(self, text: str = "hello", **more: Any) -> str:
        channel = more.pop("channel", self.channel)
        return str(self.client.chat_postMessage(channel=channel, text=text, **more)["ts"])

    def hook(self, *, on: str | None = None) -> WebhookClient:
        """A response_url as a command of bob's, or (`on`) a click of his on a message, has it."""
        space = self.slack.space
        hook = space.hooks.issue("U0BOB00000", self.channel, on)
        return WebhookClient(f"{space.base_url}/hooks/{hook.id}", retry_handlers=[])


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.slack.stop()


def refused(call: Callable[[], Any]) -> Any:
    with pytest.raises(SlackApiError) as refusal:
        call()
    return refusal.value.response


def test_a_message_keeps_what_was_sent(rig: Rig) -> None:
    metadata = {"event_type": "trailwatch_alert", "event_payload": {"alert_id": "a1", "n": 1}}
    attachments = [{"color": "#a30200", "blocks": DIVIDER}]
    answer = rig.client.chat_postMessage(
        channel=rig.channel,
        text="P1 <b>",
        blocks=DIVIDER,
        attachments=attachments,
        metadata=metadata,
        unfurl_links=False,
    )
    assert answer["message"]["blocks"][0]["block_id"]
    [message] = rig.slack.messages("security-alerts")
    assert message["blocks"] == DIVIDER
    assert message["attachments"] == attachments
    assert message["metadata"] == metadata
    assert message["text"] == "P1 <b>"
    assert re.fullmatch(r"\d{10}\.\d{6}", message["ts"])
    assert answer["ts"] == message["ts"]


def test_json_and_form_bodies_mean_the_same(rig: Rig) -> None:
    rig.client.api_call("chat.postMessage", json={"channel": rig.channel, "blocks": DIVIDER})
    rig.client.api_call("chat.postMessage", data={"channel": rig.channel, "text": "form"})
    rig.client.api_call(
        "chat.postMessage", params={"channel": rig.channel, "blocks": '[{"type":"divider"}]'}
    )
    messages = rig.slack.messages()
    assert [m["blocks"] for m in messages] == [DIVIDER, None, DIVIDER]
    stamps = [m["ts"] for m in messages]
    assert stamps == sorted(set(stamps))
    assert rig.slack.messages(since=stamps[1]) == messages[2:]


def test_threads(rig: Rig) -> None:
    parent = rig.post("parent")
    first = rig.post("one", thread_ts=parent)
    rig.post("two", thread_ts=parent, reply_broadcast=True)
    assert rig.slack.messages()[0]["reply_count"] == 2
    shown = rig.client.conversations_replies(channel=rig.channel, ts=parent, limit=2)
    assert [m["text"] for m in shown["messages"]] == ["parent", "one"]
    assert shown["has_more"]
    cursor = shown["response_metadata"]["next_cursor"]
    rest = rig.client.conversations_replies(channel=rig.channel, ts=parent, limit=2, cursor=cursor)
    assert [m["text"] for m in rest["messages"]] == ["two"]
    history = rig.client.conversations_history(channel=rig.channel)["messages"]
    assert [m["text"] for m in history] == ["two", "parent"]
    lost = refused(lambda: rig.post("x", thread_ts="1795428000.000100"))
    assert lost["error"] == "thread_not_found"
    nested = refused(lambda: rig.post("x", thread_ts=first))
    assert nested["error"] == "cannot_reply_to_message"


def test_history_by_time_with_metadata(rig: Rig) -> None:
    metadata = {"event_type": "a", "event_payload": {"n": 1}}
    stamps = [rig.post(str(n), metadata=metadata) for n in range(5)]
    between = rig.client.conversations_history(
        channel=rig.channel, oldest=stamps[1], latest=stamps[3]
    )
    assert [m["text"] for m in between["messages"]] == ["2"]
    inclusive = rig.client.conversations_history(
        channel=rig.channel,
        oldest=stamps[1],
        latest=stamps[3],
        inclusive=True,
        include_all_metadata=True,
    )
    assert [m["text"] for m in inclusive["messages"]] == ["3", "2", "1"]
    assert inclusive["messages"][0]["metadata"] == metadata
    assert "metadata" not in between["messages"][0]
    pages = rig.client.conversations_history(channel=rig.channel, limit=2)
    assert [len(p["messages"]) for p in pages] == [2, 2, 1]


def test_update_keeps_what_it_does_not_name(rig: Rig) -> None:
    ts = rig.post("first", blocks=DIVIDER)
    rig.client.chat_update(channel=rig.channel, ts=ts, text="second")
    [message] = rig.slack.messages()
    assert (message["text"], message["blocks"]) == ("second", DIVIDER)
    assert message["edited"]["user"] == message["user"]
    rig.client.chat_update(channel=rig.channel, ts=ts, text="third", blocks=[])
    assert rig.slack.messages()[0]["blocks"] is None
    named = refused(lambda: rig.client.chat_update(channel="security-alerts", ts=ts, text="x"))
    assert named["error"] == "channel_not_found"
    long = refused(lambda: rig.client.chat_update(channel=rig.channel, ts=ts, text="x" * 4001))
    assert long["error"] == "msg_too_long"
    theirs = rig.slack.say("alice", "general", "mine")
    other = refused(lambda: rig.client.chat_update(channel="C0GENERAL1", ts=theirs["ts"], text="x"))
    assert other["error"] == "cant_update_message"
    rig.client.chat_delete(channel=rig.channel, ts=ts)
    gone = refused(lambda: rig.client.chat_delete(channel=rig.channel, ts=ts))
    assert gone["error"] == "message_not_found"


def test_long_text_is_cut(rig: Rig) -> None:
    rig.post("x" * 40_005)
    assert len(rig.slack.messages()[0]["text"]) == 40_000


def test_refusals_of_posts(rig: Rig) -> None:
    empty = refused(lambda: rig.client.api_call("chat.postMessage", json={"channel": rig.channel}))
    assert empty["error"] == "no_text"
    nowhere = refused(lambda: rig.client.api_call("chat.postMessage", json={"text": "x"}))
    assert nowhere["error"] == "invalid_arguments"
    assert "channel" in nowhere["response_metadata"]["messages"][0]
    assert refused(lambda: rig.post(channel="C0NOWHERE1"))["error"] == "channel_not_found"
    assert refused(lambda: rig.post(channel="C0PRIVATE1"))["error"] == "channel_not_found"
    rig.slack.kick_bot("general")
    assert refused(lambda: rig.post(channel="general"))["error"] == "not_in_channel"
    rig.client.conversations_join(channel="C0GENERAL1")
    rig.post(channel="general")
    rig.slack.archive("general")
    assert refused(lambda: rig.post(channel="general"))["error"] == "is_archived"
    rig.slack.invite_bot("incident-room")
    rig.post(channel="C0PRIVATE1")
    assert rig.slack.messages("incident-room", "carol") == []
    assert len(rig.slack.messages("incident-room", "alice")) == 1


def test_invalid_blocks_say_where(rig: Rig) -> None:
    bad = [{"type": "header", "text": {"type": "plain_text", "text": "A" * 151}}]
    answer = refused(lambda: rig.post(blocks=bad))
    assert answer["error"] == "invalid_blocks"
    assert answer["response_metadata"]["messages"] == [
        "[ERROR] must be less than 151 characters [json-pointer:/blocks/0/text/text]"
    ]
    answer = refused(lambda: rig.post(attachments=[{"blocks": bad}]))
    assert answer["error"] == "invalid_attachments"
    assert "/attachments/0/blocks/0/text/text" in answer["response_metadata"]["messages"][0]
    answer = refused(
        lambda: rig.client.views_publish(user_id="U0BOB00000", view={"type": "home", "blocks": bad})
    )
    assert answer["error"] == "invalid_blocks"
    assert "/view/blocks/0/text/text" in answer["response_metadata"]["messages"][0]
    answer = refused(lambda: rig.client.blocks_validate(blocks=bad))
    assert answer["error"] == "invalid_blocks"
    assert answer["errors"][0]["pointer"] == "/blocks/0/text/text"
    assert rig.client.blocks_validate(blocks=DIVIDER)["ok"]
    assert rig.client.blocks_validate(view=MODAL)["ok"]
    assert refused(lambda: rig.client.blocks_validate())["error"] == "invalid_arguments"


def test_an_unknown_method(rig: Rig) -> None:
    answer = refused(lambda: rig.client.api_call("chat.shout", json={}))
    assert (answer["error"], answer["req_method"]) == ("unknown_method", "chat.shout")


def test_people_channels_and_groups(rig: Rig) -> None:
    client = rig.client
    alice = client.users_info(user="U0ALICE000")["user"]
    assert (alice["is_admin"], alice["profile"]["email"]) == (True, "alice@example.com")
    assert alice["tz_offset"] in (3600, 7200)
    by_name = {p["name"]: p for p in rig.slack.everybody}
    assert client.users_info(user=by_name["dave"]["id"])["user"]["is_restricted"]
    stranger = client.users_info(user=by_name["mallory"]["id"])["user"]
    assert stranger["is_stranger"]
    assert stranger["team_id"] != alice["team_id"]
    assert [u["name"] for u in rig.slack.users] == ["alice", "bob", "carol"]
    listed = [m["name"] for m in client.users_list()["members"]]
    assert "mallory" not in listed
    assert client.users_lookupByEmail(email="bob@example.com")["user"]["name"] == "bob"
    unknown = refused(lambda: client.users_lookupByEmail(email="x@example.com"))
    assert unknown["error"] == "users_not_found"
    assert refused(lambda: client.users_info(user="U0NOBODY00"))["error"] == "user_not_found"
    groups = client.usergroups_list(include_users=True)["usergroups"]
    assert groups[0]["users"] == ["U0ALICE000"]
    assert client.usergroups_users_list(usergroup=groups[1]["id"])["users"] == ["U0BOB00000"]
    names = [c["name"] for c in client.conversations_list()["channels"]]
    assert names == ["security-alerts", "general"]
    assert client.conversations_info(channel=rig.channel)["channel"]["is_member"]
    assert "U0BOB00000" in client.conversations_members(channel=rig.channel)["members"]
    assert client.auth_test()["bot_id"].startswith("B")
    assert client.team_info()["team"]["id"] == client.auth_test()["team_id"]
    assert client.bots_info()["bot"]["name"] == "trailwatch"


def test_a_direct_message_is_seen_by_one(rig: Rig) -> None:
    channel = rig.client.conversations_open(users="U0BOB00000")["channel"]["id"]
    rig.post("for you", channel=channel)
    rig.post("for you too", channel="U0BOB00000")
    assert len(rig.slack.messages(user="bob")) == 2
    assert rig.slack.messages(user="carol") == []


def test_ephemerals_are_for_one_and_in_no_history(rig: Rig) -> None:
    rig.client.chat_postEphemeral(channel=rig.channel, user="U0BOB00000", text="psst")
    assert [m["ephemeral"] for m in rig.slack.messages(user="bob")] == [True]
    assert rig.slack.messages(user="carol") == rig.slack.messages() == []
    assert rig.client.conversations_history(channel=rig.channel)["messages"] == []
    ts = rig.slack.messages(user="bob")[0]["ts"]
    answer = refused(lambda: rig.client.chat_update(channel=rig.channel, ts=ts, text="x"))
    assert answer["error"] == "message_not_found"


def test_a_file_is_uploaded_and_shared(rig: Rig) -> None:
    parent = rig.post()
    answer = rig.client.files_upload_v2(
        channel=rig.channel,
        filename="digest.csv",
        content="a,b\n1,2\n",
        title="Digest",
        initial_comment="the numbers",
        thread_ts=parent,
    )
    assert answer["file"]["title"] == "Digest"
    shared = rig.slack.messages()[-1]
    assert (shared["text"], shared["thread_ts"]) == ("the numbers", parent)
    assert shared["files"][0]["url_private"].startswith("http://127.0.0.1:")
    assert rig.client.files_info(file=answer["file"]["id"])["file"]["size"] == 8


def test_reactions_and_permalinks(rig: Rig) -> None:
    ts = rig.post()
    rig.client.reactions_add(channel=rig.channel, timestamp=ts, name="eyes")
    again = refused(
        lambda: rig.client.reactions_add(channel=rig.channel, timestamp=ts, name="eyes")
    )
    assert again["error"] == "already_reacted"
    assert rig.slack.messages()[0]["reactions"][0]["count"] == 1
    link = rig.client.chat_getPermalink(channel=rig.channel, message_ts=ts)["permalink"]
    assert link.endswith("p" + ts.replace(".", ""))


def test_a_response_url_lasts_five_uses_and_thirty_minutes(rig: Rig) -> None:
    hook = rig.hook()
    for number in range(5):
        assert hook.send(text=str(number)).status_code == 200
    sixth = hook.send(text="six")
    assert (sixth.status_code, "used_url" in sixth.body) == (404, True)
    assert len(rig.slack.messages(user="bob")) == 5
    late = rig.hook()
    rig.ahead = 31 * 60
    expired = late.send(text="late")
    assert (expired.status_code, "expired_url" in expired.body) == (404, True)


def test_replacing_works_for_clicks_only(rig: Rig) -> None:
    own = rig.hook()
    own.send(text="working")
    own.send(text="done", replace_original=True)
    assert [m["text"] for m in rig.slack.messages(user="bob")] == ["working", "done"]
    clicked = rig.slack.messages(user="bob")[0]["ts"]
    hook = rig.hook(on=clicked)
    hook.send(text="replaced", replace_original=True)
    assert [m["text"] for m in rig.slack.messages(user="bob")] == ["replaced", "done"]
    hook.send(delete_original=True)
    assert [m["text"] for m in rig.slack.messages(user="bob")] == ["done"]
    hook.send(text="for all", response_type="in_channel")
    assert [m["text"] for m in rig.slack.messages(user="carol")] == ["for all"]
    invalid = hook.send(blocks=[{"type": "bogus"}])
    assert (invalid.status_code, "invalid_blocks" in invalid.body) == (400, True)


def test_a_trigger_is_good_once_and_for_three_seconds(rig: Rig) -> None:
    triggers = rig.slack.space.triggers
    trigger = triggers.issue("U0BOB00000")
    view = rig.client.views_open(trigger_id=trigger, view=MODAL)["view"]
    assert rig.slack.views("bob")[0]["id"] == view["id"]
    used = refused(lambda: rig.client.views_open(trigger_id=trigger, view=MODAL))
    assert used["error"] == "exchanged_trigger_id"
    old = triggers.issue("U0BOB00000")
    rig.ahead = 3.5
    late = refused(lambda: rig.client.views_open(trigger_id=old, view=MODAL))
    assert late["error"] == "expired_trigger_id"
    triggers.expire_as_arguments = True
    late = refused(lambda: rig.client.views_open(trigger_id=old, view=MODAL))
    assert late["error"] == "invalid_arguments"
    assert "[json-pointer:/trigger_id]" in late["response_metadata"]["messages"][0]
    assert refused(lambda: rig.client.views_open(trigger_id="1.2.3", view=MODAL))["error"] == (
        "invalid_trigger_id"
    )


def test_modals_stack_and_hashes_guard_them(rig: Rig) -> None:
    issue = rig.slack.space.triggers.issue
    first = rig.client.views_open(trigger_id=issue("U0BOB00000"), view=MODAL)["view"]
    second = rig.client.views_push(trigger_id=issue("U0BOB00000"), view=MODAL)["view"]
    assert second["previous_view_id"] == second["root_view_id"] == first["id"]
    rig.client.views_push(trigger_id=issue("U0BOB00000"), view=MODAL)
    full = refused(lambda: rig.client.views_push(trigger_id=issue("U0BOB00000"), view=MODAL))
    assert full["error"] == "push_limit_reached"
    new = {**MODAL, "blocks": [], "external_id": "mine"}
    updated = rig.client.views_update(view_id=first["id"], hash=first["hash"], view=new)["view"]
    assert updated["hash"] != first["hash"]
    rig.client.views_update(external_id="mine", view=new)
    stale = refused(
        lambda: rig.client.views_update(view_id=first["id"], hash=first["hash"], view=new)
    )
    assert stale["error"] == "hash_conflict"
    rig.slack.close_view(first["id"], "bob")
    assert rig.slack.views("bob") == []
    gone = refused(lambda: rig.client.views_update(view_id=first["id"], view=MODAL))
    assert gone["error"] == "not_found"


def test_home_is_guarded_by_its_hash(rig: Rig) -> None:
    published = rig.client.views_publish(user_id="U0BOB00000", view=HOME)["view"]
    rig.client.views_publish(user_id="U0BOB00000", view=HOME, hash=published["hash"])
    stale = refused(
        lambda: rig.client.views_publish(user_id="U0BOB00000", view=HOME, hash=published["hash"])
    )
    assert stale["error"] == "hash_conflict"
    assert (rig.slack.home("bob") or {})["blocks"] == DIVIDER


def test_posts_are_limited_in_each_channel() -> None:
    rig = Rig(post_rate=1.0)
    try:
        for _ in range(3):
            rig.post()
        answer = refused(rig.post)
        assert answer["error"] == "ratelimited"
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) == 1
        rig.post(channel="general")
        rig.ahead += 1.0
        rig.post()
    finally:
        rig.slack.stop()


def test_faults_are_answered_as_slack_answers(rig: Rig) -> None:
    rule = {"target": "slack", "match": "chat.postMessage", "status": 429, "count": 1}
    rig.faults.add(parse_fault({**rule, "retry_after": 1}))
    rig.client.retry_handlers = [RateLimitErrorRetryHandler(max_retry_count=1)]
    rig.post("in the end")
    assert [m["text"] for m in rig.slack.messages()] == ["in the end"]
    rig.client.retry_handlers = []
    rig.faults.add(parse_fault({**rule, "status": 503}))
    assert refused(rig.post).status_code == 503
    rig.faults.add(parse_fault({**rule, "status": "lost"}))
    with pytest.raises(ConnectionError):
        rig.post("heard, not answered")
    assert rig.slack.messages()[-1]["text"] == "heard, not answered"
    statuses = [c["status"] for c in rig.calls.list("slack") if c["method"] == "chat.postMessage"]
    assert statuses == [429, 200, 503, 0]
    arguments = rig.calls.list("slack")[-1]["arguments"]
    assert (arguments["channel"], "token" in arguments) == (rig.channel, False)


def test_a_lost_call_may_take_effect_late(rig: Rig) -> None:
    fault = {"target": "slack", "match": "chat.postMessage", "lost": True, "late": 0.3, "count": 1}
    rig.faults.add(parse_fault(fault))
    version = rig.slack.version
    with pytest.raises(ConnectionError):
        rig.post("late")
    assert rig.slack.messages() == []
    assert rig.slack.wait_for_change(version, 60.0) > version
    assert rig.slack.messages()[0]["text"] == "late"


def test_a_page_waits_for_changes(rig: Rig) -> None:
    version = rig.slack.version
    began = time.monotonic()
    threading.Timer(0.1, rig.post).start()
    assert rig.slack.wait_for_change(version, 60.0) == version + 1
    assert time.monotonic() - began < 50
    assert rig.slack.wait_for_change(version + 1, 0.01) == version + 1


def test_a_method_needs_its_scope(rig: Rig) -> None:
    granted = rig.client.auth_test().headers["x-oauth-scopes"].split(",")
    assert "chat:write" in granted
    rig.slack.space.scopes = frozenset({"commands", "users:read"})
    answer = refused(rig.post)
    assert (answer["error"], answer["needed"]) == ("missing_scope", "chat:write")
    assert answer["provided"] == "commands,users:read"
    assert rig.client.auth_test()["ok"]


def test_a_closed_account_says_so(rig: Rig) -> None:
    rig.slack.deactivate("carol")
    assert rig.client.users_info(user="U0CAROL000")["user"]["deleted"]


def test_a_stand_in_that_never_started_stops() -> None:
    SlackStandIn(calls=CallLog(), faults=Faults(lambda: 0.0)).stop()
