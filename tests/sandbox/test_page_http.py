"""The page over HTTP: whole page, parts, stream, refusals; what the bot posts is in there."""

from __future__ import annotations

import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from slack_sdk import WebClient

from sandbox.faults import Faults
from sandbox.page import PageApp
from sandbox.slack import SlackStandIn
from sandbox.wire import CallLog, Server

CHANNEL = "C0SECALERT"
ALICE = "U0ALICE000"


class Stories:
    """The control's part that the page asks."""

    def sites(self) -> Sequence[str]:
        return ["main"]

    def scenarios(self) -> Sequence[Mapping[str, Any]]:
        names = ("root-sign-in", "b", "c", "d", "e", "f", "g")
        return [{"name": n, "title": f"<{n}>", "description": "&"} for n in names]


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str


@dataclass
class World:
    """A page on a Slack stand-in, and a bot's client for the latter."""

    url: str
    slack: SlackStandIn
    bot: WebClient

    def get(self, path: str, cookie: str = "", **query: str) -> Answer:
        url = f"{self.url}{path}" + (f"?{urlencode(query)}" if query else "")
        return self._ask(urllib.request.Request(url, headers={"Cookie": cookie}))

    def post(self, path: str, body: object, **headers: str) -> Answer:
        data = json.dumps(body).encode()
        return self._ask(urllib.request.Request(f"{self.url}{path}", data, headers))

    def _ask(self, request: urllib.request.Request) -> Answer:
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return Answer(response.status, response.headers, response.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read().decode())

    def channel(self, user: str = "alice") -> str:
        answer = self.get("/page/channel", user=user, channel=CHANNEL)
        assert answer.status == 200, answer.text
        return answer.text

    def posted(self, blocks: list[dict[str, Any]], **more: Any) -> str:
        answer = self.bot.chat_postMessage(channel=CHANNEL, text="fallback", blocks=blocks, **more)
        return str(answer["ts"])


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    router = getattr(request, "param", "opsgenie")
    slack = SlackStandIn(calls=CallLog(), faults=Faults(lambda: 0.0))
    slack.start()
    page = Server(PageApp(slack, Stories(), router=router, heartbeat=0.2), name="page")
    page.start()
    try:
        yield World(page.url, slack, WebClient(slack.bot_token, base_url=slack.api_url))
    finally:
        page.stop()
        slack.stop()


def test_the_whole_page(world: World) -> None:
    answer = world.get("/", user="bob")
    assert answer.status == 200
    assert '<option value="bob" selected>bob (responder)</option>' in answer.text
    for mark in ('id="composer"', 'id="user"', 'id="home-tab"', 'data-scenario="root-sign-in"'):
        assert mark in answer.text
    assert "&lt;root-sign-in&gt;" in answer.text


@pytest.mark.parametrize(
    ("world", "service"),
    [("opsgenie", "Opsgenie"), ("jsm", "Jira Service Management"), ("direct", "")],
    indirect=["world"],
)
def test_the_page_names_the_on_call_service_that_is_there(world: World, service: str) -> None:
    text = world.get("/", user="alice").text
    for name in ("Opsgenie", "Jira Service Management"):
        shown = text.replace(">Opsgenie’s alerts", "").replace("in Opsgenie itself", "")
        assert (name in (text if service else shown)) is (name == service)
    hidden = '<details class="card" id="service" open hidden>' in text
    assert hidden is not bool(service), "where there is none, its alerts are not shown"
    assert ("There is no on-call service" in text) is not bool(service)


def test_a_colleague_can_do_there_what_keeps_both_in_step(world: World) -> None:
    text = world.get("/page/side").text
    for action in ("acknowledge", "unacknowledge", "close", "notes", "snooze", "assign"):
        assert f'data-og="{action}"' in text
    for action in ("notes", "snooze", "assign"):
        assert f'data-of="{action}"' in text
    assert 'value="bob@example.com" selected' in text, "who acts there is somebody else"


def test_the_policy_allows_no_stranger_and_no_inline_script(world: World) -> None:
    answer = world.get("/", user="alice")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert " style=" not in answer.text
    assert " onclick" not in answer.text
    assert answer.text.count("<script") == 1
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_everything_that_the_page_loads_is_there(world: World) -> None:
    for name in ("page.js", "morph.js", "base.css", "icons.svg", "emoji.svg", "app.svg"):
        answer = world.get(f"/static/{name}")
        assert answer.status == 200
        assert answer.text
    for name in ("../app.py", "..%2Fapp.py", "nothing.js", "", "%00"):
        assert world.get(f"/static/{name}").status == 404


def test_a_message_has_what_scripts_look_for(world: World) -> None:
    button = {
        "type": "button",
        "action_id": "alert.close",
        "style": "danger",
        "value": "7",
        "text": {"type": "plain_text", "text": "Close :x:"},
        "confirm": {
            "title": {"type": "plain_text", "text": "Close?"},
            "text": {"type": "plain_text", "text": "Really <b>"},
            "confirm": {"type": "plain_text", "text": "Yes"},
            "deny": {"type": "plain_text", "text": "No"},
        },
    }
    ts = world.posted([{"type": "actions", "block_id": "acts", "elements": [button]}])
    html = world.channel()
    assert f'data-ts="{ts}"' in html
    assert 'data-action-id="alert.close"' in html
    assert 'data-block-id="acts"' in html
    assert 'data-value="7"' in html
    assert '<template class="confirm">' in html
    assert "Really &lt;b&gt;" in html
    assert 'aria-label=":x:"' in html


def test_a_block_without_an_id_gets_that_of_the_stand_in(world: World) -> None:
    button = {"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "A"}}
    ts = world.posted([{"type": "actions", "elements": [button]}])
    block_id = world.slack.messages(CHANNEL)[0]["block_ids"][0]
    assert f'data-block-id="{block_id}"' in world.channel()
    assert ts


def test_ephemerals_are_seen_by_one_person(world: World) -> None:
    world.bot.chat_postEphemeral(channel=CHANNEL, user=ALICE, text="just for you")
    assert "Only visible to you" in world.channel("alice")
    assert "just for you" not in world.channel("bob")


def test_a_long_channel_shows_its_newest_messages(world: World) -> None:
    for number in range(63):
        world.slack.say("bob", CHANNEL, f"message {number}.")
    html = world.channel()
    assert "message 62." in html
    assert "message 2." not in html
    assert "Show older messages (3)" in html
    longer = world.get("/page/channel", user="bob", last="160").text
    assert "message 0." in longer
    assert "Show older" not in longer


def test_a_stranger_name_that_points_here_is_refused(world: World) -> None:
    request = urllib.request.Request(f"{world.url}/", headers={"Host": "evil.example.com"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    with refused.value:
        assert refused.value.code == 403


def test_threads_and_edits(world: World) -> None:
    root = str(world.bot.chat_postMessage(channel=CHANNEL, text="root message")["ts"])
    for text in ("first answer", "second answer"):
        world.bot.chat_postMessage(channel=CHANNEL, text=text, thread_ts=root)
    world.bot.chat_update(channel=CHANNEL, ts=root, text="root message, changed")
    html = world.channel()
    assert "2 replies" in html
    assert f'data-open-thread="{root}"' in html
    assert "first answer" not in html
    assert "(edited)" in html
    thread = world.get("/page/thread", user="bob", ts=root).text
    assert thread.index("changed") < thread.index("first answer") < thread.index("second answer")
    whole = world.get("/", user="bob", thread=root).text
    assert "second answer" in whole


def test_times_are_in_the_viewers_zone(world: World) -> None:
    world.bot.chat_postMessage(
        channel=CHANNEL, text="<!date^1795428000^{date_num} {time}|fallback>"
    )
    cookie = "tz=Asia/Kolkata; clock=24"
    html = world.get("/page/channel", cookie, user="alice", channel=CHANNEL).text
    assert "2026-11-23 15:30" in html
    cookie = "tz=America/New_York; clock=12"
    html = world.get("/page/channel", cookie, user="alice", channel=CHANNEL).text
    assert "2026-11-23 5:00 AM" in html


def test_the_topmost_modal_with_its_errors_and_what_was_entered(world: World) -> None:
    view = {
        "type": "modal",
        "callback_id": "tune",
        "title": {"type": "plain_text", "text": "Tune"},
        "submit": {"type": "plain_text", "text": "Save"},
        "blocks": [
            {
                "type": "input",
                "block_id": "name",
                "label": {"type": "plain_text", "text": "Name"},
                "element": {"type": "plain_text_input", "action_id": "v", "initial_value": "a<b"},
            }
        ],
    }
    opened = world.slack.space.views.open(ALICE, view)
    opened.errors = {"name": "Taken already"}
    html = world.get("/page/modal", user="alice").text
    assert 'role="dialog"' in html
    assert f'data-view-id="{opened.id}"' in html
    assert 'data-callback-id="tune"' in html
    assert 'value="a&lt;b"' in html
    assert "Taken already" in html
    opened.state = {"name": {"v": {"type": "plain_text_input", "value": "typed"}}}
    assert 'value="typed"' in world.get("/page/modal", user="alice").text
    assert world.get("/page/modal", user="bob").text.strip() == ""


def test_home(world: World) -> None:
    assert "has not published a Home" in world.get("/page/home", user="alice").text
    blocks = [{"type": "header", "text": {"type": "plain_text", "text": "Health"}}]
    world.bot.views_publish(user_id=ALICE, view={"type": "home", "blocks": blocks})
    assert "Health" in world.get("/page/home", user="alice").text
    assert "Health" in world.get("/", user="alice", view="home").text
    assert "Health" not in world.get("/page/home", user="bob").text


def test_an_ordinary_message(world: World) -> None:
    body = {"user": "bob", "channel": CHANNEL, "text": "a < b & @alice @nobody"}
    assert world.post("/page/say", body).status == 403
    assert world.post("/page/say", body, **{"X-Sandbox": "1"}).status == 200
    said = world.slack.messages(CHANNEL)[-1]
    assert said["text"] == f"a &lt; b &amp; <@{ALICE}> @nobody"
    assert "a &lt; b &amp; <span" in world.channel()


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/", {"user": "nobody"}, 400),
        ("/", {"user": "carol", "channel": "incident-room"}, 400),
        ("/page/thread", {"user": "alice"}, 400),
        ("/page/channel", {"user": "alice", "last": "none"}, 400),
        ("/page/stream", {"user": "alice", "after": "x"}, 400),
        ("/page/say", {}, 405),
        ("/nothing", {}, 404),
    ],
)
def test_refusals_say_why(world: World, path: str, query: dict[str, str], status: int) -> None:
    answer = world.get(path, **query)
    assert answer.status == status
    assert json.loads(answer.text)["error"]


def test_the_stream_tells_of_every_change(world: World) -> None:
    split = urlsplit(world.url)
    after = world.slack.version
    with socket.create_connection((str(split.hostname), int(split.port or 0)), 10) as line:
        asked = f"GET /page/stream?user=alice&after={after} HTTP/1.1"
        line.sendall(f"{asked}\r\nHost: localhost\r\n\r\n".encode())
        seen = _until(line, b": still here")
        assert b"text/event-stream" in seen
        assert b"data:" not in seen
        threading.Thread(target=world.slack.say, args=("bob", CHANNEL, "hello")).start()
        seen = _until(line, b"data: ")
        assert f"id: {after + 1}".encode() in seen


def _until(line: socket.socket, mark: bytes) -> bytes:
    seen = b""
    while mark not in seen:
        got = line.recv(4096)
        assert got, f"the stream ended before {mark!r}: {seen!r}"
        seen += got
    return seen
