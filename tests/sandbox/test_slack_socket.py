"""A real slack_bolt App with its Socket Mode handler runs against the stand-in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from slack_bolt import Ack, App, Respond
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from sandbox.faults import Faults
from sandbox.slack import SlackRefusal, SlackStandIn
from sandbox.wire import CallLog

BUTTONS: list[dict[str, Any]] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "*Root* signed in"}},
    {
        "type": "actions",
        "block_id": "acts",
        "elements": [
            {
                "type": "button",
                "action_id": "alert.acknowledge",
                "value": "alert-1",
                "text": {"type": "plain_text", "text": "Acknowledge"},
            },
            {
                "type": "button",
                "action_id": "alert.close",
                "value": "alert-1",
                "text": {"type": "plain_text", "text": "Close"},
                "confirm": {"text": {"type": "plain_text", "text": "Sure?"}},
            },
            {
                "type": "overflow",
                "action_id": "alert.more",
                "options": [
                    {"text": {"type": "plain_text", "text": "Mute"}, "value": "mute"},
                    {"text": {"type": "plain_text", "text": "Tune"}, "value": "tune"},
                ],
            },
        ],
    },
]
MODAL: dict[str, Any] = {
    "type": "modal",
    "callback_id": "note",
    "notify_on_close": True,
    "title": {"type": "plain_text", "text": "Note"},
    "submit": {"type": "plain_text", "text": "Save"},
    "blocks": [
        {
            "type": "input",
            "block_id": "reason",
            "label": {"type": "plain_text", "text": "Reason"},
            "element": {"type": "plain_text_input", "action_id": "reason.text"},
        }
    ],
}


class Bot:
    """A small bot, and what it heard."""

    def __init__(self, slack: SlackStandIn) -> None:
        self.slack = slack
        self.heard: list[dict[str, Any]] = []
        self.client = WebClient(slack.bot_token, base_url=slack.api_url)
        self.app = App(client=self.client, token=slack.bot_token)
        self._listen()
        self.handler = SocketModeHandler(self.app, slack.app_token, ping_interval=1)
        self.handler.connect()  # type: ignore[no-untyped-call]

    def _listen(self) -> None:  # noqa: C901
        app = self.app

        @app.command("/trailwatch")
        def command(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
            self.heard.append(body)
            text = body["text"]
            if text == "silent":
                ack()
            elif text == "never":
                return
            elif text == "respond":
                ack()
                respond("later", response_type="in_channel")
            else:
                ack(f"you said {text}")

        @app.action("alert.acknowledge")
        def acknowledge(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
            self.heard.append(body)
            ack()

        @app.action("alert.close")
        def close(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
            self.heard.append(body)
            ack()
            client.views_open(trigger_id=body["trigger_id"], view=MODAL)

        @app.action("alert.more")
        def more(ack: Ack, body: dict[str, Any], respond: Respond) -> None:
            self.heard.append(body)
            ack()
            respond(text="muted", replace_original=True)

        @app.view("note")
        def note(ack: Ack, body: dict[str, Any], view: dict[str, Any]) -> None:
            self.heard.append(body)
            text = view["state"]["values"]["reason"]["reason.text"]["value"]
            if text == "bad":
                ack(response_action="errors", errors={"reason": "say more"})
            else:
                ack()

        @app.view_closed("note")
        def closed(ack: Ack, body: dict[str, Any]) -> None:
            self.heard.append(body)
            ack()

        @app.event("app_home_opened")
        def home(event: dict[str, Any], client: WebClient) -> None:
            view = {"type": "home", "blocks": [{"type": "divider"}]}
            client.views_publish(user_id=event["user"], view=view)

        @app.event("message")
        def message(body: dict[str, Any]) -> None:
            self.heard.append(body)

    def close(self) -> None:
        # Cut first: the client's own close waits for its blocking read of up to 3 s.
        self.handler.client.auto_reconnect_enabled = False
        self.slack.drop_connections()
        eventually(lambda: not self.handler.client.is_connected())
        self.handler.close()  # type: ignore[no-untyped-call]
        self.app.listener_runner.listener_executor.shutdown()


def eventually(check: Callable[[], Any], seconds: float = 60) -> Any:
    """The first true result of `check`; fails after a while."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        result = check()
        if result:
            return result
        threading.Event().wait(0.01)
    raise AssertionError("it did not happen in time")


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    stand_in = SlackStandIn(calls=CallLog(), faults=Faults(lambda: 0.0))
    stand_in.start()
    yield stand_in
    stand_in.stop()


@pytest.fixture
def bot(slack: SlackStandIn) -> Iterator[Bot]:
    running = Bot(slack)
    assert slack.wait_connected(60)
    yield running
    running.close()


def test_a_command_is_acked_with_a_message_for_one_person(slack: SlackStandIn, bot: Bot) -> None:
    result = slack.command("bob", "#security-alerts", "help && <b>")
    assert result["status"] == 200
    assert result["ack"] == {"text": "you said help && <b>"}
    [reply] = slack.messages(slack.channel, "bob")
    assert reply["ephemeral"]
    assert reply["text"] == "you said help && <b>"
    assert slack.messages(slack.channel, "alice") == []
    heard = bot.heard[0]
    assert (heard["command"], heard["user_name"]) == ("/trailwatch", "bob")


def test_acks_take_milliseconds(slack: SlackStandIn, bot: Bot) -> None:
    slack.command("bob", slack.channel, "silent")
    times = sorted(slack.command("bob", slack.channel, "silent")["ms"] for _ in range(50))
    assert times[0] < 50, times


def test_an_answer_through_the_response_url(slack: SlackStandIn, bot: Bot) -> None:
    assert slack.command("bob", slack.channel, "respond")["ack"] is None
    [posted] = eventually(lambda: slack.messages(slack.channel, "carol"))
    assert (posted["text"], posted["ephemeral"]) == ("later", False)


def test_a_command_without_ack_fails_after_three_seconds(slack: SlackStandIn, bot: Bot) -> None:
    result = slack.command("carol", slack.channel, "never")
    assert result["status"] == 504
    assert result["ms"] > 2900
    [told] = slack.messages(slack.channel, "carol")
    assert told["text"] == '/trailwatch failed with the error "operation_timeout"'
    assert told["user"] == "USLACKBOT"


def test_nobody_is_connected(slack: SlackStandIn) -> None:
    assert slack.command("carol", slack.channel, "help")["status"] == 503


def test_buttons_menus_and_the_message_they_stand_in(slack: SlackStandIn, bot: Bot) -> None:
    posted = bot.client.chat_postMessage(
        channel=slack.channel, text="P1 root login", blocks=BUTTONS
    )
    ts = str(posted["ts"])
    assert slack.messages()[0]["blocks"] == BUTTONS
    assert slack.click("bob", ts, "alert.acknowledge")["status"] == 200
    body = bot.heard[-1]
    assert body["actions"][0]["value"] == "alert-1"
    assert body["message"]["ts"] == ts
    assert body["container"]["channel_id"] == slack.channel
    assert body["user"]["username"] == "bob"
    assert slack.click("bob", ts, "alert.more", selected="mute")["status"] == 200
    assert bot.heard[-1]["actions"][0]["selected_option"]["value"] == "mute"
    eventually(lambda: slack.messages()[0]["text"] == "muted")
    assert slack.messages()[0]["blocks"] is None
    # Somebody's screen may still show the old version: the click arrives.
    assert slack.click("bob", ts, "alert.acknowledge")["status"] == 200
    with pytest.raises(SlackRefusal) as refusal:
        slack.click("bob", ts, "alert.reopen")
    assert refusal.value.status == 404


def test_a_modal_from_opening_to_closing(slack: SlackStandIn, bot: Bot) -> None:
    ts = str(bot.client.chat_postMessage(channel=slack.channel, text="x", blocks=BUTTONS)["ts"])
    assert slack.click("alice", ts, "alert.close", confirm=False)["status"] == 204
    assert bot.heard == []
    slack.click("alice", ts, "alert.close")
    [view] = eventually(lambda: slack.views("alice"))
    assert slack.views("bob") == []
    with pytest.raises(SlackRefusal):
        slack.submit(view["id"], "alice", {})
    answer = slack.submit(view["id"], "alice", {"reason.text": "bad"})
    assert answer["ack"]["response_action"] == "errors"
    assert slack.views("alice")[0]["errors"] == {"reason": "say more"}
    assert slack.submit(view["id"], "alice", {"reason": "good"})["status"] == 200
    assert slack.views("alice") == []
    slack.click("alice", ts, "alert.close")
    [view] = eventually(lambda: slack.views("alice"))
    slack.close_view(view["id"], "alice")
    assert bot.heard[-1]["type"] == "view_closed"
    assert slack.views("alice") == []


def test_home_is_published_when_it_is_opened(slack: SlackStandIn, bot: Bot) -> None:
    assert slack.home("carol") is None
    assert slack.open_home("carol")["blocks"] == [{"type": "divider"}]
    assert slack.home("carol") is not None
    first = slack.home("carol") or {}
    assert slack.open_home("carol")["hash"] != first["hash"]


def test_a_message_of_a_person_is_an_event(slack: SlackStandIn, bot: Bot) -> None:
    slack.say("alice", "general", "good morning")
    event = eventually(lambda: bot.heard)[0]["event"]
    assert (event["text"], event["user"]) == ("good morning", "U0ALICE000")


def test_reconnects_when_slack_asks_and_when_the_network_breaks(
    slack: SlackStandIn, bot: Bot
) -> None:
    def works() -> bool:
        return bool(slack.command("bob", slack.channel, "hello")["status"] == 200)

    slack.refresh_connections()
    eventually(works)  # slack_sdk's own client is deaf for up to 3 s while it changes over
    slack.drop_connections()
    eventually(works)


def test_tokens_are_checked(slack: SlackStandIn) -> None:
    for token, error in (("xoxb-wrong", "invalid_auth"), (slack.app_token, None)):
        client = WebClient(token, base_url=slack.api_url)
        if error is None:
            assert client.auth_test()["ok"]
            continue
        with pytest.raises(SlackApiError) as refusal:
            client.auth_test()
        assert refusal.value.response["error"] == error
    with pytest.raises(SlackApiError) as refusal:
        WebClient(slack.bot_token, base_url=slack.api_url).apps_connections_open(
            app_token=slack.bot_token
        )
    assert refusal.value.response["error"] == "not_allowed_token_type"
