"""Knows what people do in the stand-in's workspace. Never what a bot answers."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any

from sandbox.slack import elements, modals, payloads
from sandbox.slack.link import Delivery
from sandbox.slack.messages import Json, Message
from sandbox.slack.refusals import ApiError, SlackRefusal
from sandbox.slack.replies import reply, tell
from sandbox.slack.views import View
from sandbox.slack.workspace import BOT_USER, TEAM, Channel, Person, Workspace

HOME_SECONDS = 5.0
"""How long open_home waits for the first views.publish; 1 s where a Home stands already."""

_FAILURES = {503: "dispatch_failed", 504: "operation_timeout"}


class Hands(ABC):
    """The hands of the people in a workspace, and of its administrator."""

    def __init__(self, space: Workspace) -> None:
        self.space = space
        self.slash = "/trailwatch"
        self.escape_command_text = False
        """Pass &, < and > of a command's text as entities (unverified whether Slack does)."""
        everybody = [p for p in self.space.people.values() if not p.is_bot]
        self.everybody = [p.as_status() for p in everybody]
        self.users = [p.as_status() for p in everybody if p.role not in ("guest", "stranger")]

    @abstractmethod
    def _deliver(self, kind: str, payload: Json, *, wait: bool = True) -> Delivery:
        """Send the bot what follows; its ack, where that is waited for."""

    # what a person does

    def command(self, user: str, channel: str, text: str) -> Json:
        """A person types the slash command: {"status", "ack", "ms"}, "error" where one came.

        Raises SlackRefusal where Slack's client would not let them.
        """
        with self.space.lock:
            person = self.space.person(user)
            place = self.space.channel_for_person(channel, person)
            if self.escape_command_text:
                text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            text = self._mentions(text)
            payload = payloads.slash_command(self.space, person, place, self.slash, text)
        delivery = self._deliver("slash_commands", payload)
        error = self._take_command_ack(person, place, delivery)
        return _result(delivery, error)

    def _take_command_ack(self, person: Person, place: Channel, delivery: Delivery) -> str | None:
        error = _error(delivery)
        ack = {"text": delivery.ack} if isinstance(delivery.ack, str) else delivery.ack
        with self.space.lock:
            if error is None and isinstance(ack, dict) and ack:
                try:
                    reply(self.space, ack, user=person.id, channel=place.id)
                except ApiError as refusal:
                    error = refusal.code if refusal.code != "no_text" else None
            if error is not None:
                text = f'{self.slash} failed with the error "{error}"'
                tell(self.space, text, user=person.id, channel=place.id)
        return error

    def click(
        self,
        user: str,
        ts: str,
        action_id: str,
        block_id: str | None = None,
        value: str | None = None,
        selected: Any = None,
        confirm: bool = True,
        values: Json | None = None,
    ) -> Json:
        """A person uses a button, menu or picker in a message, a modal or Home (`ts`: its id).

        `selected` is an option's value or index; `values` is what stands in a modal's inputs
        meanwhile. A confirm dialog that is declined (`confirm` False) sends nothing: status
        204. Raises SlackRefusal where there is no such thing to click.
        """
        with self.space.lock:
            person = self.space.person(user)
            message = self.space.messages.get(ts)
            if message is not None:
                found = self._in_message(person, message, action_id, block_id, value)
            else:
                view = self._own_view(person, ts)
                view.enter(elements.typed_values(view.blocks, values or {}))
                found = elements.find(view.blocks, action_id, block_id, value)
            if found is None:
                where = f"block {block_id!r} of " if block_id else ""
                raise SlackRefusal(404, f"nothing is called {action_id!r} in {where}{ts}")
            block, element = found
            if element.get("confirm") and not confirm:
                return {"status": 204, "ack": None, "ms": 0.0}
            action = elements.action(block, element, self.space.new_ts(), selected, value)
            if message is not None:
                place = self.space.channel_for_person(message.channel, person)
                payload = payloads.message_action(self.space, person, place, message, [action])
            else:
                view.enter(elements.kept(element, action))
                payload = payloads.view_action(self.space, person, view, [action])
        delivery = self._deliver("interactive", payload)
        return _result(delivery, _error(delivery))

    def _mentions(self, text: str) -> str:
        """Typed names as Slack sends them where the command has should_escape: <@U…|bob>."""
        ids = {one["name"]: one["id"] for one in self.everybody}

        def mention(found: re.Match[str]) -> str:
            name = found[1]
            return f"<@{ids[name]}|{name}>" if name in ids else found[0]

        return re.sub(r"(?<!\S)@([\w.-]+)", mention, text)

    def _in_message(
        self,
        person: Person,
        message: Message,
        action_id: str,
        block_id: str | None,
        value: str | None,
    ) -> tuple[Json, Json] | None:
        if message.ephemeral_to not in (None, person.id):
            raise SlackRefusal(404, f"{person.name} does not see the message {message.ts}")
        for blocks in (*message.surfaces(), *message.earlier):
            found = elements.find(blocks, action_id, block_id, value)
            if found is not None:
                return found
        return None

    def _own_view(self, person: Person, view_id: str) -> View:
        home = self.space.views.home(person.id)
        view = home if view_id == "home" else self.space.views.get(view_id)
        if view is None or view.user != person.id:
            raise SlackRefusal(404, f"{person.name} sees no message and no view {view_id!r}")
        return view

    def submit(self, view_id: str, user: str, values: Json) -> Json:
        """A person submits a modal: {"status", "ack", "ms"}, "error" where one came.

        `values`: Slack's {block_id: {action_id: {...}}}, or {action_id: "text"}, or
        {block_id: "text"}. Raises SlackRefusal 400 for required inputs that are empty.
        """
        person = self.space.person(user)
        with self.space.lock:
            view = self._own_view(person, view_id)
            payload = modals.fill_in(self.space, person, view, values)
        delivery = self._deliver("interactive", payload)
        error = _error(delivery)
        if error is None:
            error = modals.take_ack(self.space, view, delivery.ack)
        return _result(delivery, error)

    def close_view(self, view_id: str, user: str) -> Json:
        """A person closes a modal; the bot hears of it where notify_on_close is set."""
        person = self.space.person(user)
        with self.space.lock:
            told = modals.close(self.space, person, self._own_view(person, view_id))
        last = Delivery(204)
        for payload in told:
            last = self._deliver("interactive", payload)
        return _result(last, _error(last))

    def open_home(self, user: str) -> Json:
        """A person opens the app's Home; the view that the bot published.

        Sends app_home_opened each time, as Slack does. Raises SlackRefusal 504 when nothing
        is published within 5 seconds; an older Home is shown again after 1 second.
        """
        with self.space.lock:
            person = self.space.person(user)
            before = self.space.views.home(person.id)
            known = before.hash if before is not None else None
            place = self.space.dm_with(person)
            opened: Json = {
                "type": "app_home_opened",
                "user": person.id,
                "channel": place.id,
                "tab": "home",
            }
            if before is not None:
                opened["view"] = before.as_api({})
        self._tell(opened)

        def published() -> bool:
            view = self.space.views.home(person.id)
            return view is not None and view.hash != known

        with self.space.lock:
            self.space.lock.wait_for(published, HOME_SECONDS if known is None else 1.0)
            view = self.space.views.home(person.id)
            if view is None:
                raise SlackRefusal(504, f"the bot published no Home within {HOME_SECONDS:.0f} s")
            return sent(view)

    def suggest(self, user: str, ts: str, action_id: str, text: str) -> Json:
        """A person types into an external select; "ack" holds the bot's options."""
        with self.space.lock:
            person = self.space.person(user)
            view = self._own_view(person, ts)
            found = elements.find(view.blocks, action_id, None, None)
            if found is None:
                raise SlackRefusal(404, f"nothing is called {action_id!r} in {ts}")
            container = {"type": "view", "view_id": view.id}
            more: Json = {"container": container, "view": view.as_api({})}
            payload = payloads.suggestion(self.space, person, *found, text, more)
        delivery = self._deliver("interactive", payload)
        return _result(delivery, _error(delivery))

    def say(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> Json:
        """A person writes an ordinary message; the bot gets the event where it is a member."""
        with self.space.lock:
            person = self.space.person(user)
            place = self.space.channel_for_person(channel, person)
            ts = self.space.new_ts()
            message = Message(place.id, person.id, ts, text, thread_ts=thread_ts)
            self.space.messages.add(message)
            self.space.changed()
            heard: Json = {
                **message.as_api(),
                "channel": place.id,
                "channel_type": "im" if place.im_with else "channel",
                "team": person.team,
            }
            member = BOT_USER in place.members
        if member:
            self._tell(heard)
        if member and f"<@{BOT_USER}>" in text:
            self._tell({**heard, "type": "app_mention"})
        return message.as_sent()

    # what an administrator does

    def archive(self, channel: str) -> None:
        """Archive a channel; unknown ones raise SlackRefusal."""
        self._change(channel).is_archived = True

    def unarchive(self, channel: str) -> None:
        """Bring a channel back."""
        self._change(channel).is_archived = False

    def kick_bot(self, channel: str) -> None:
        """Remove the bot from a channel."""
        self._change(channel).members.discard(BOT_USER)

    def invite_bot(self, channel: str) -> None:
        """Invite the bot to a channel; it gets member_joined_channel."""
        place = self._change(channel)
        place.members.add(BOT_USER)
        joined: Json = {
            "type": "member_joined_channel",
            "user": BOT_USER,
            "channel": place.id,
            "channel_type": "G" if place.is_private else "C",
            "team": TEAM,
            "inviter": self.space.person("alice").id,
        }
        self._tell(joined)

    def deactivate(self, user: str) -> None:
        """Close a person's account: users.info says deleted."""
        with self.space.lock:
            person = self.space.person(user)
            self.space.people[person.id] = replace(person, deleted=True)

    def _tell(self, event: Json) -> None:
        """Send an event, where the app subscribed to its kind, without waiting for the ack."""
        if event["type"] in self.space.subscribed:
            self._deliver("events_api", payloads.event(self.space, event), wait=False)

    def _change(self, channel: str) -> Channel:
        found = self.space.find_channel(channel)
        if found is None:
            raise SlackRefusal(404, f"there is no channel {channel!r}")
        self.space.changed()
        return found


def sent(view: View) -> Json:
    """A view as a page shows it, with what stands in its inputs."""
    return view.as_sent(elements.state_values(view.blocks, view.state))


def _error(delivery: Delivery) -> str | None:
    if delivery.status in (200, 202, 204):
        return None
    return _FAILURES.get(delivery.status, "http_service_error")


def _result(delivery: Delivery, error: str | None) -> Json:
    out: Json = {"status": delivery.status, "ack": delivery.ack, "ms": round(delivery.ms, 2)}
    if error is not None:
        out["error"] = error
        if delivery.status == 200:
            out["status"] = 422
    return out
