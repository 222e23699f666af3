"""Knows what Slack sends and which handler answers it. Every handler commits and returns.

Bolt polls for an ack every 10 ms unless the listener answers before it returns
(process_before_response); so nothing here calls a network: whatever does is a job.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from slack_bolt import App, BoltResponse
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient

from handlers.actions.table import clicked
from handlers.commands.table import answer
from handlers.deps import Deps
from handlers.errors import shown
from handlers.modals.modal import Submission
from handlers.modals.table import modal_of, submitted
from handlers.request import Click, Reply, Request
from trailwatch.store import jobs

log = logging.getLogger("trailwatch.slack")
bolt_log = logging.getLogger("slack_bolt")

COMMAND = "/trailwatch"
WRITTEN = (None, "", "thread_broadcast", "file_share", "me_message")
"""Kinds of messages that a person writes: also sent to the channel, with a file, as /me."""


def build_slack_app(deps: Deps, client: WebClient, signing_secret: str) -> App:
    """The Bolt app with all its listeners. Without a signing secret it is for Socket Mode only."""
    app = _bolt(client, signing_secret)
    everything = re.compile(".*")
    seen = Seen()

    @app.command(COMMAND)
    def on_command(ack: Callable[..., Any], body: Mapping[str, Any]) -> None:
        if seen.before(body.get("trigger_id")):
            ack()
            return
        with deps.db.hurried():
            reply = run_command(deps, body)
        if reply.text:
            ack(text=reply.text, blocks=list(reply.blocks), response_type="ephemeral")
        else:
            ack()

    @app.action(everything)
    def on_click(ack: Callable[..., Any], body: Mapping[str, Any]) -> None:
        if not seen.before(body.get("trigger_id")):
            with deps.db.hurried():
                run_click(deps, body)
        ack()

    @app.view(everything)
    def on_view(ack: Callable[..., Any], body: Mapping[str, Any]) -> None:
        if seen.before(body.get("trigger_id")):
            ack()
            return
        with deps.db.hurried():
            told = run_submission(deps, body)
        ack(**told)

    _hear_events(app, deps)

    @app.error
    def on_error(error: Exception) -> BoltResponse:
        log.error("a request from Slack failed", exc_info=error)
        return BoltResponse(status=200, body="")

    return app


def _hear_events(app: App, deps: Deps) -> None:
    @app.event("app_home_opened")
    def on_home(event: Mapping[str, Any]) -> None:
        if event.get("tab", "home") == "home":
            _add_job(deps, "home.publish", {"user_id": str(event.get("user", ""))})

    @app.event("message")
    def on_message(event: Mapping[str, Any]) -> None:
        if deps.thread_notes and (reply := thread_reply(event)):
            key = f"note:{reply['channel']}:{reply['ts']}:{reply['edited']}"
            _add_job(deps, "alert.thread_note", reply, key=key.removesuffix(":"))

    @app.event(re.compile(".*"))
    def on_other_event() -> None:
        """Events that come along with the scopes and need no answer."""


class Seen:
    """The newest trigger ids: Slack makes one for each command and click, and none twice.

    An envelope that comes again, since its ack was lost, asks for nothing new. Safe for threads.
    """

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def before(self, trigger_id: object) -> bool:
        """Whether it was asked about before; False for what is no id."""
        if not isinstance(trigger_id, str) or not trigger_id:
            return False
        with self._lock:
            if trigger_id in self._ids:
                return True
            self._ids[trigger_id] = None
            if len(self._ids) > self._most:
                self._ids.popitem(last=False)
            return False


def run_command(deps: Deps, body: Mapping[str, Any]) -> Reply:
    """The reply to a slash command; every error becomes a reply, too."""
    text = str(body.get("text") or "")
    try:
        person = deps.people.find(str(body["user_id"]), str(body.get("channel_id") or ""))
        request = Request(
            person=person,
            channel=str(body.get("channel_id") or ""),
            response_url=str(body.get("response_url") or ""),
            trigger_id=str(body.get("trigger_id") or ""),
            key=str(body.get("trigger_id") or ""),
        )
        return answer(deps, request, text)
    except Exception as error:  # noqa: BLE001 - every failure must reach the person who asked
        return shown(error, f"answering {COMMAND} {text.split(' ')[0][:20]}")


def run_click(deps: Deps, body: Mapping[str, Any]) -> None:
    """Run each action of a click; whatever there is to say goes to the response_url by a job."""
    response_url = str(body.get("response_url") or "")
    for number, action in enumerate(body.get("actions", [])):
        try:
            reply = clicked(deps, _click(deps, body, action, number))
        except Exception as error:  # noqa: BLE001 - every failure must reach the person who clicked
            reply = shown(error, f"clicking {str(action.get('action_id'))[:40]}")
        if reply.text and response_url:
            arguments = {
                "response_url": response_url,
                "text": reply.text,
                "blocks": [dict(block) for block in reply.blocks],
            }
            _add_job(deps, "slack.answer", arguments)


def _click(deps: Deps, body: Mapping[str, Any], action: Mapping[str, Any], number: int) -> Click:
    container = body.get("container") or {}
    chosen = action.get("selected_option") or {}
    channel = str((body.get("channel") or {}).get("id") or container.get("channel_id") or "")
    return Click(
        person=deps.people.find(str(body["user"]["id"]), channel),
        channel=channel,
        response_url=str(body.get("response_url") or ""),
        trigger_id=str(body.get("trigger_id") or ""),
        key=f"{body.get('trigger_id')}:{number}",
        action_id=str(action.get("action_id") or ""),
        value=str(action.get("value") or ""),
        selected=str(chosen.get("value") or ""),
        message_ts=str(container.get("message_ts") or ""),
    )


def run_submission(deps: Deps, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the ack of a filled-in modal says: nothing closes it, errors stand at an input."""
    if body.get("type") != "view_submission":
        return {}
    modal = modal_of(str((body.get("view") or {}).get("callback_id") or ""))
    try:
        submitted(deps, modal, _submission(deps, body))
    except Exception as error:  # noqa: BLE001 - every failure must reach the person who submitted
        text = shown(error, f"submitting {modal.id}").text
        return {"response_action": "errors", "errors": {modal.shows_errors: text}}
    return {}


def _submission(deps: Deps, body: Mapping[str, Any]) -> Submission:
    view = body["view"]
    try:
        opened = json.loads(str(view.get("private_metadata") or "{}"))
    except ValueError:
        opened = {}
    texts: dict[str, str] = {}
    chosen: dict[str, tuple[str, ...]] = {}
    for block in (view.get("state") or {}).get("values", {}).values():
        for action_id, state in block.items():
            if user := state.get("selected_user"):
                chosen[str(action_id)] = (str(user),)
                continue
            options = state.get("selected_options") or (
                [state["selected_option"]] if state.get("selected_option") else []
            )
            texts[str(action_id)] = str(state.get("value") or "")
            chosen[str(action_id)] = tuple(str(option.get("value")) for option in options)
    channel = str(opened.get("channel") or "")
    return Submission(
        person=deps.people.find(str(body["user"]["id"]), channel),
        channel=channel,
        response_url=str(opened.get("response_url") or ""),
        trigger_id=str(body.get("trigger_id") or ""),
        key=f"{view.get('id')}:{view.get('hash')}",
        about=str(opened.get("about") or ""),
        texts=texts,
        chosen=chosen,
    )


def thread_reply(event: Mapping[str, Any]) -> dict[str, str]:
    """What a person wrote into a thread, or made of it later (`edited` says when, else ""); empty
    for bots, what was deleted, and messages in the channel.

    Source: "message event" and its subtypes, Events API, docs.slack.dev. A link that is unfurled
    comes as an edit, too, with the same text.
    """
    said, before, edited = event, "", ""
    if event.get("subtype") == "message_changed":
        inner, earlier = event.get("message"), event.get("previous_message")
        if not isinstance(inner, Mapping) or not isinstance(earlier, Mapping):
            return {}
        said, before = inner, str(earlier.get("text") or "")
        edited = str((inner.get("edited") or {}).get("ts") or "")
        if not edited:
            return {}
    ts, parent = str(said.get("ts") or ""), str(said.get("thread_ts") or "")
    user, text = str(said.get("user") or ""), str(said.get("text") or "")
    if said.get("subtype") not in WRITTEN or said.get("bot_id") or not user or not text.strip():
        return {}
    if not parent or parent == ts or text == before:
        return {}
    channel = str(event.get("channel") or "")
    reply = {"user_id": user, "text": text, "channel": channel, "ts": ts, "thread_ts": parent}
    return {**reply, "edited": edited}


def _add_job(deps: Deps, kind: str, arguments: dict[str, Any], key: str | None = None) -> None:
    with deps.db.transaction() as tx:
        jobs.add(tx, kind, arguments, deps.clock(), key=key)


def _bolt(client: WebClient, signing_secret: str) -> App:
    # Bolt warns that its own handling of tokens is not used; that is what is wanted.
    bolt_log.setLevel(logging.ERROR)
    app = App(
        client=client,
        signing_secret=signing_secret or "unused in Socket Mode",
        request_verification_enabled=bool(signing_secret),
        authorize=_authorize(client),
        process_before_response=True,
        raise_error_for_unhandled_request=False,
        logger=bolt_log,
    )
    bolt_log.setLevel(logging.WARNING)
    return app


def _authorize(client: WebClient) -> Callable[..., AuthorizeResult]:
    """The one workspace's token; nothing is asked of Slack while a person waits for the ack."""
    result = AuthorizeResult(enterprise_id=None, team_id=None, bot_token=client.token)
    return lambda **_: result
