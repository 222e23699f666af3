"""What people can do in the stand-in, and what a bot that answers by script is sent for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from slack_bolt import Ack, App
from slack_bolt.adapter.wsgi import SlackRequestHandler
from slack_sdk import WebClient
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from sandbox.faults import Faults
from sandbox.slack import SlackRefusal, SlackStandIn
from sandbox.wire import CallLog, Server

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def option(text: str, value: str) -> Json:
    return {"text": plain(text), "value": value}


def entry(block_id: str, element: Json, **more: Any) -> Json:
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain(block_id),
        "element": element,
        **more,
    }


PLAIN_MODAL: Json = {
    "type": "modal",
    "title": plain("Look"),
    "blocks": [{"type": "divider"}],
}
FORM: Json = {
    "type": "modal",
    "callback_id": "tune",
    "title": plain("Tune"),
    "submit": plain("Save"),
    "private_metadata": "filter-7",
    "blocks": [
        entry(
            "pattern",
            {"type": "plain_text_input", "action_id": "pattern.text", "initial_value": "{ $.a }"},
        ),
        entry("count", {"type": "number_input", "action_id": "n", "is_decimal_allowed": False}),
        entry(
            "severity",
            {
                "type": "static_select",
                "action_id": "severity.select",
                "options": [option("High", "P1"), option("Low", "P5")],
            },
        ),
        entry(
            "days",
            {
                "type": "checkboxes",
                "action_id": "days.tick",
                "options": [option("Monday", "mon"), option("Tuesday", "tue")],
            },
            optional=True,
        ),
        {
            "type": "actions",
            "block_id": "try",
            "elements": [{"type": "button", "action_id": "test", "text": plain("Test")}],
        },
    ],
}


class Script:
    """Keeps every request and acks with what `answers` says for its type; absent: an empty ack."""

    def __init__(self, slack: SlackStandIn) -> None:
        self.requests: list[SocketModeRequest] = []
        self.answers: dict[str, Any] = {}
        self.web = WebClient(slack.bot_token, base_url=slack.api_url)
        self.socket = SocketModeClient(slack.app_token, web_client=self.web, ping_interval=1)
        self.socket.socket_mode_request_listeners.append(self._answer)
        self.socket.connect()

    def _answer(self, client: Any, request: SocketModeRequest) -> None:
        self.requests.append(request)
        kind = request.payload.get("type", request.type)
        payload = self.answers.get(str(kind))
        client.send_socket_mode_response(SocketModeResponse(request.envelope_id, payload))

    @property
    def last(self) -> Json:
        payload: Json = self.requests[-1].payload
        return payload


class Rig:
    def __init__(self) -> None:
        self.slack = SlackStandIn(calls=CallLog(), faults=Faults(lambda: 0.0))
        self.slack.start()
        self.bot = Script(self.slack)
        assert self.slack.wait_connected(60)

    def close(self) -> None:
        self.bot.socket.auto_reconnect_enabled = False
        self.slack.drop_connections()
        while self.bot.socket.is_connected():
            self.slack.wait_for_change(self.slack.version, 0.01)
        self.bot.socket.close()
        self.slack.stop()

    def open_form(self, user: str = "U0BOB00000", view: Json = FORM) -> str:
        trigger = self.slack.space.triggers.issue(user)
        return str(self.bot.web.views_open(trigger_id=trigger, view=view)["view"]["id"])


@pytest.fixture(scope="module")
def shared_rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.close()


@pytest.fixture
def rig(shared_rig: Rig) -> Rig:
    shared_rig.bot.requests.clear()
    shared_rig.bot.answers.clear()
    for user in ("alice", "bob"):
        shared_rig.slack.space.views.clear(shared_rig.slack.space.person(user).id)
    return shared_rig


def refused(call: Any, *arguments: Any, **named: Any) -> SlackRefusal:
    with pytest.raises(SlackRefusal) as refusal:
        call(*arguments, **named)
    return refusal.value


def test_commands_reach_only_where_people_are(rig: Rig) -> None:
    command = rig.slack.command
    assert refused(command, "eve", "general", "x").status == 404
    assert refused(command, "bob", "nowhere", "x").status == 404
    assert refused(command, "carol", "incident-room", "x").status == 403
    assert refused(command, "mallory", "general", "x").status == 403
    rig.slack.archive("general")
    assert refused(command, "bob", "general", "x").status == 409
    rig.slack.unarchive("general")
    assert command("bob", "incident-room", "x")["status"] == 200
    assert rig.bot.last["channel_name"] == "incident-room"


def test_strangers_show_the_team_they_come_from(rig: Rig) -> None:
    rig.slack.command("mallory", rig.slack.channel, "help")
    stranger = rig.bot.last
    rig.slack.command("bob", rig.slack.channel, "help")
    assert stranger["team_id"] != rig.bot.last["team_id"]


def test_a_command_s_text_may_come_escaped(rig: Rig) -> None:
    rig.slack.escape_command_text = True
    rig.slack.command("bob", "general", "a && b < c")
    rig.slack.escape_command_text = False
    assert rig.bot.last["text"] == "a &amp;&amp; b &lt; c"


def test_an_ack_may_answer_the_channel(rig: Rig) -> None:
    rig.bot.answers["slash_commands"] = {"response_type": "in_channel", "text": "for all"}
    rig.slack.command("bob", "general", "x")
    newest = rig.slack.messages("general", "carol")[-1]
    assert (newest["text"], newest["ephemeral"]) == ("for all", False)


def test_an_ack_with_bad_blocks_fails(rig: Rig) -> None:
    rig.bot.answers["slash_commands"] = {"text": "x", "blocks": [{"type": "bogus"}]}
    result = rig.slack.command("bob", "general", "x")
    assert (result["status"], result["error"]) == (422, "invalid_blocks")
    assert "invalid_blocks" in rig.slack.messages("general", "bob")[-1]["text"]


def test_a_submission_in_short_and_in_slack_s_own_form(rig: Rig) -> None:
    view = rig.open_form()
    missing = refused(rig.slack.submit, view, "bob", {"pattern.text": "{ $.b }"})
    assert missing.status == 400
    assert "severity: Please complete" in missing.message
    assert set(rig.slack.views("bob")[0]["errors"]) == {"count", "severity"}
    assert refused(rig.slack.submit, view, "bob", {"colour": "red"}).status == 400
    assert "whole" in refused(rig.slack.submit, view, "bob", {"n": "1.5", "severity": "P1"}).message
    short = {"count": 3, "severity.select": "P5", "days": ["mon", 1]}
    assert rig.slack.submit(view, "bob", short)["status"] == 200
    values = rig.bot.last["view"]["state"]["values"]
    assert values["pattern"]["pattern.text"] == {"type": "plain_text_input", "value": "{ $.b }"}
    assert values["count"]["n"]["value"] == "3"
    assert values["severity"]["severity.select"]["selected_option"] == option("Low", "P5")
    ticked = values["days"]["days.tick"]["selected_options"]
    assert [o["value"] for o in ticked] == ["mon", "tue"]
    assert rig.bot.last["view"]["private_metadata"] == "filter-7"
    view = rig.open_form()
    assert rig.slack.submit(view, "bob", values)["status"] == 200
    assert rig.bot.last["view"]["state"]["values"] == values


def test_a_button_in_a_modal_sends_what_is_typed(rig: Rig) -> None:
    view = rig.open_form()
    rig.slack.click("bob", view, "test", values={"pattern": "{ $.new }"})
    sent = rig.bot.last
    assert sent["container"] == {"type": "view", "view_id": view}
    assert sent["view"]["state"]["values"]["pattern"]["pattern.text"]["value"] == "{ $.new }"
    assert refused(rig.slack.click, "alice", view, "test").status == 404


def test_response_actions(rig: Rig) -> None:
    answers = rig.bot.answers
    filled = {"count": "1", "severity": "P1"}
    view = rig.open_form()
    answers["view_submission"] = {"response_action": "errors", "errors": {"count": "too few"}}
    assert rig.slack.submit(view, "bob", filled)["status"] == 200
    assert rig.slack.views("bob")[0]["errors"] == {"count": "too few"}
    answers["view_submission"] = {"response_action": "errors", "errors": {"nowhere": "x"}}
    assert rig.slack.submit(view, "bob", {})["status"] == 422
    answers["view_submission"] = {"response_action": "update", "view": {**FORM, "submit": None}}
    result = rig.slack.submit(view, "bob", {})
    assert "[json-pointer:/view/submit]" in result["error"]
    answers["view_submission"] = {"response_action": "push", "view": PLAIN_MODAL}
    rig.slack.submit(view, "bob", {})
    assert [v["title"]["text"] for v in rig.slack.views("bob")] == ["Tune", "Look"]
    answers["view_submission"] = {"response_action": "update", "view": FORM}
    rig.slack.submit(rig.slack.views("bob")[1]["id"], "bob", {})
    assert [v["title"]["text"] for v in rig.slack.views("bob")] == ["Tune", "Tune"]
    answers["view_submission"] = {"response_action": "clear"}
    rig.slack.submit(view, "bob", {})
    assert rig.slack.views("bob") == []


def test_closing_tells_only_who_asked_for_it(rig: Rig) -> None:
    quiet = rig.open_form()
    assert rig.slack.close_view(quiet, "bob")["status"] == 204
    assert rig.bot.requests == []
    told = rig.open_form(view={**FORM, "notify_on_close": True, "clear_on_close": True})
    assert rig.slack.close_view(told, "bob")["status"] == 200
    assert (rig.bot.last["type"], rig.bot.last["is_cleared"]) == ("view_closed", True)


def test_ephemerals_are_clicked_by_their_reader_alone(rig: Rig) -> None:
    button = {"type": "button", "action_id": "go", "value": "7", "text": plain("Go")}
    blocks = [{"type": "actions", "elements": [button]}]
    rig.bot.web.chat_postEphemeral(
        channel=rig.slack.channel, user="U0BOB00000", text="x", blocks=blocks
    )
    ts = rig.slack.messages(user="bob")[-1]["ts"]
    assert refused(rig.slack.click, "alice", ts, "go").status == 404
    rig.slack.click("bob", ts, "go")
    assert "message" not in rig.bot.last
    assert rig.bot.last["container"]["is_ephemeral"]
    assert rig.bot.last["response_url"].startswith("http://127.0.0.1:")


def test_equal_buttons_are_told_apart_by_block_or_value(rig: Rig) -> None:
    def row(number: int) -> Json:
        button = {"type": "button", "action_id": "edit", "value": f"f{number}", "text": plain("E")}
        text = {"type": "mrkdwn", "text": f"filter {number}"}
        return {"type": "section", "block_id": f"row{number}", "text": text, "accessory": button}

    blocks = [row(1), row(2), {"type": "divider"}]
    more = [{"color": "#ddd", "blocks": [row(3)]}]
    web = rig.bot.web
    ts = web.chat_postMessage(channel=rig.slack.channel, text="x", blocks=blocks, attachments=more)
    rig.slack.click("bob", str(ts["ts"]), "edit", block_id="row2")
    assert rig.bot.last["actions"][0]["value"] == "f2"
    rig.slack.click("bob", str(ts["ts"]), "edit", value="f2")
    assert rig.bot.last["actions"][0]["block_id"] == "row2"
    rig.slack.click("bob", str(ts["ts"]), "edit", "row3")
    assert rig.bot.last["actions"][0]["block_id"] == "row3"
    rig.slack.click("bob", str(ts["ts"]), "edit")
    assert rig.bot.last["actions"][0]["value"] == "f1"
    shown = rig.slack.messages()[-1]
    assert shown["block_ids"][:2] == ["row1", "row2"]
    assert shown["block_ids"][2]


def test_pickers_send_what_was_picked(rig: Rig) -> None:
    kinds: list[tuple[Json, Any, str, Any]] = [
        ({"type": "users_select"}, "U0BOB00000", "selected_user", "U0BOB00000"),
        ({"type": "datepicker"}, "2026-11-23", "selected_date", "2026-11-23"),
        ({"type": "datetimepicker"}, "1795428000", "selected_date_time", 1795428000),
        (
            {"type": "radio_buttons", "options": [option("a", "A"), option("b", "B")]},
            "1",
            "selected_option",
            option("b", "B"),
        ),
        ({"type": "multi_users_select"}, ["U0BOB00000"], "selected_users", ["U0BOB00000"]),
    ]
    elements = [{**k[0], "action_id": f"pick{n}"} for n, k in enumerate(kinds)]
    blocks = [{"type": "actions", "elements": elements}]
    ts = str(rig.bot.web.chat_postMessage(channel=rig.slack.channel, blocks=blocks, text="x")["ts"])
    for number, (_, selected, key, wanted) in enumerate(kinds):
        rig.slack.click("bob", ts, f"pick{number}", selected=selected)
        assert rig.bot.last["actions"][0][key] == wanted
    assert refused(rig.slack.click, "bob", ts, "pick3", selected="Z").status == 404
    assert refused(rig.slack.click, "bob", ts, "pick3").status == 400


def test_the_home_tab_is_clicked_like_a_message(rig: Rig) -> None:
    button = {"type": "button", "action_id": "home.mute", "value": "9", "text": plain("Mute")}
    view = {"type": "home", "blocks": [{"type": "actions", "elements": [button]}]}
    rig.bot.web.views_publish(user_id="U0ALICE000", view=view)
    for name in ("home", (rig.slack.home("alice") or {})["id"]):
        rig.slack.click("alice", name, "home.mute")
        assert rig.bot.last["view"]["type"] == "home"
    home = (rig.slack.home("alice") or {})["id"]
    assert refused(rig.slack.submit, home, "alice", {}).status == 400


def test_typing_in_an_external_select_asks_for_options(rig: Rig) -> None:
    select = {"type": "external_select", "action_id": "filter"}
    view = rig.open_form(view={**FORM, "blocks": [entry("which", select)]})
    options = {"options": [option("root-login", "f1")]}
    rig.bot.answers["block_suggestion"] = options
    assert rig.slack.suggest("bob", view, "filter", "root")["ack"] == options
    assert rig.bot.last["value"] == "root"


def test_an_invitation_is_an_event(rig: Rig) -> None:
    rig.slack.kick_bot("general")
    rig.slack.invite_bot("general")
    while not rig.bot.requests:
        rig.slack.wait_for_change(rig.slack.version, 0.01)
    event = rig.bot.last["event"]
    assert (event["type"], event["channel"]) == ("member_joined_channel", "C0GENERAL1")


def test_envelopes_go_round_all_connections(rig: Rig) -> None:
    second = Script(rig.slack)
    try:
        while rig.slack.connections < 2:
            rig.slack.wait_for_change(rig.slack.version, 0.05)
        for _ in range(4):
            assert rig.slack.command("bob", "general", "x")["status"] == 200
        assert (len(rig.bot.requests), len(second.requests)) == (2, 2)
    finally:
        second.socket.close()


def test_signed_requests_instead_of_a_socket() -> None:
    slack = SlackStandIn(calls=CallLog(), faults=Faults(lambda: 0.0), mode="http")
    slack.start()
    client = WebClient(slack.bot_token, base_url=slack.api_url)
    app = App(client=client, signing_secret=slack.signing_secret)
    heard: list[Json] = []

    @app.command("/trailwatch")
    def command(ack: Ack, body: Json) -> None:
        heard.append(body)
        ack(text=f"you said {body['text']}")

    @app.action("go")
    def go(ack: Ack, body: Json) -> None:
        heard.append(body)
        ack()

    @app.event("app_home_opened")
    def home(event: Json) -> None:
        client.views_publish(user_id=event["user"], view={"type": "home", "blocks": []})

    server = Server(SlackRequestHandler(app, path="/slack/events"))
    server.start()
    try:
        assert slack.command("bob", "general", "x")["status"] == 503
        slack.request_url = f"{server.url}/slack/events"
        result = slack.command("bob", "general", "a & ü")
        assert (result["status"], result["ack"]) == (200, "you said a & ü")
        assert slack.messages("general", "bob")[-1]["text"] == "you said a & ü"
        button = {"type": "button", "action_id": "go", "text": plain("Go")}
        blocks = [{"type": "actions", "elements": [button]}]
        ts = str(client.chat_postMessage(channel=slack.channel, text="x", blocks=blocks)["ts"])
        assert slack.click("bob", ts, "go")["status"] == 200
        assert heard[-1]["message"]["ts"] == ts
        assert slack.open_home("bob")["type"] == "home"
        slack.slash = "/other"
        assert slack.command("bob", "general", "x")["status"] == 404
    finally:
        server.stop()
        slack.stop()
        app.listener_runner.listener_executor.shutdown()


def test_the_signature_is_slack_s() -> None:
    seen: list[tuple[bytes, dict[str, str]]] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        headers = {
            "x-slack-request-timestamp": environ["HTTP_X_SLACK_REQUEST_TIMESTAMP"],
            "x-slack-signature": environ["HTTP_X_SLACK_SIGNATURE"],
        }
        seen.append((environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])), headers))
        start_response("200 OK", [("Content-Length", "0")])
        return [b""]

    server = Server(app)
    server.start()
    slack = SlackStandIn(
        calls=CallLog(), faults=Faults(lambda: 0.0), mode="http", request_url=server.url
    )
    slack.start()
    try:
        assert slack.command("bob", "general", "x") | {"ms": 0} == {
            "status": 200,
            "ack": None,
            "ms": 0,
        }
        body, headers = seen[0]
        assert SignatureVerifier(slack.signing_secret).is_valid_request(body, headers)
    finally:
        slack.stop()
        server.stop()
