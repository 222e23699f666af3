"""Knows a workspace: who is there, its channels, its clock. Never a protocol."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.slack.files import Files
from sandbox.slack.messages import Message, Messages
from sandbox.slack.rates import PostRate
from sandbox.slack.refusals import ApiError, SlackRefusal
from sandbox.slack.scopes import EVERY
from sandbox.slack.tickets import Hooks, Triggers
from sandbox.slack.views import Views

TEAM = "T0SANDBOX1"
OTHER_TEAM = "T0PARTNER1"
TEAM_DOMAIN = "sandbox"
APP = "A0TRAILWA1"
BOT = "B0TRAILWA1"
BOT_USER = "U0TRAILWA1"
SLACKBOT = "USLACKBOT"


@dataclass(frozen=True)
class Person:
    """A member of the workspace, or somebody whom a shared channel brought in."""

    id: str
    name: str
    real_name: str
    role: str
    """What the sandbox uses this person for; Slack itself knows nothing of it."""
    tz: str = "UTC"
    email: str = ""
    team: str = TEAM
    is_admin: bool = False
    is_restricted: bool = False
    is_bot: bool = False
    deleted: bool = False

    def as_status(self) -> dict[str, Any]:
        """What scripts are told about a person."""
        return {
            "name": self.name,
            "id": self.id,
            "role": self.role,
            "real_name": self.real_name,
            "email": self.email,
            "tz": self.tz,
        }

    def as_user(self) -> dict[str, Any]:
        """The user object of users.info (docs.slack.dev/reference/objects/user-object)."""
        offset = datetime.now(UTC).astimezone(ZoneInfo(self.tz)).utcoffset()
        stranger = self.team != TEAM
        user: dict[str, Any] = {
            "id": self.id,
            "team_id": self.team,
            "name": self.name,
            "deleted": self.deleted,
            "real_name": self.real_name,
            "tz": self.tz,
            "tz_label": self.tz,
            "tz_offset": int(offset.total_seconds()) if offset else 0,
            "is_admin": self.is_admin,
            "is_owner": False,
            "is_primary_owner": False,
            "is_restricted": self.is_restricted,
            "is_ultra_restricted": False,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "updated": 1795428000,
            "profile": {
                "real_name": self.real_name,
                "display_name": self.name,
                "real_name_normalized": self.real_name,
                "display_name_normalized": self.name,
                "team": self.team,
                "email": self.email,
            },
        }
        if stranger:
            user["is_stranger"] = True
            user["profile"].pop("email")
        if self.is_bot:
            user["profile"] |= {"bot_id": BOT, "api_app_id": APP}
        return user


@dataclass
class Channel:
    """A conversation: public, private or (with `im_with`) direct between the bot and a person."""

    id: str
    name: str
    members: set[str] = field(default_factory=set)
    is_private: bool = False
    is_archived: bool = False
    im_with: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The conversation object (docs.slack.dev/reference/objects/conversation-object)."""
        if self.im_with is not None:
            return {"id": self.id, "is_im": True, "user": self.im_with, "is_archived": False}
        return {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": not self.is_private,
            "is_group": self.is_private,
            "is_im": False,
            "is_mpim": False,
            "is_private": self.is_private,
            "is_archived": self.is_archived,
            "is_general": self.name == "general",
            "is_shared": self.name == "security-alerts",
            "is_ext_shared": self.name == "security-alerts",
            "is_member": BOT_USER in self.members,
            "num_members": len(self.members),
            "created": 1795428000,
            "creator": "U0ALICE001",
            "topic": {"value": "", "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
            "context_team_id": TEAM,
        }


def _people() -> list[Person]:
    def person(name: str, real_name: str, role: str, tz: str, **more: Any) -> Person:
        user = f"U0{name.upper():0<8}"[:10]
        return Person(user, name, real_name, role, tz, f"{name}@example.com", **more)

    return [
        person("alice", "Alice Anders", "admin", "Europe/Berlin", is_admin=True),
        person("bob", "Bob Brown", "responder", "America/New_York"),
        person("carol", "Carol Chen", "viewer", "Asia/Kolkata"),
        person("dave", "Dave Dunn", "guest", "Europe/London", is_restricted=True),
        person("mallory", "Mallory Moss", "stranger", "UTC", team=OTHER_TEAM),
        Person(BOT_USER, "trailwatch", "trailwatch", "bot", is_bot=True),
    ]


def _channels(people: list[Person]) -> list[Channel]:
    everybody = {p.id for p in people}
    own = {p.id for p in people if p.team == TEAM}
    insiders = {p.id for p in people if p.name in ("alice", "bob")}
    return [
        Channel("C0SECALERT", "security-alerts", everybody),
        Channel("C0GENERAL1", "general", own),
        Channel("C0PRIVATE1", "incident-room", insiders, is_private=True),
    ]


class Workspace:
    """All state of the stand-in. Whoever reads or changes it holds `lock`."""

    def __init__(
        self, clock: Callable[[], float] = time.time, post_rate: float | None = None
    ) -> None:
        self.clock = clock
        self.lock = threading.Condition(threading.RLock())
        self.version = 0
        self.base_url = ""
        self.people = {p.id: p for p in _people()}
        self.channels = {c.id: c for c in _channels(list(self.people.values()))}
        names = {p.name: p.id for p in self.people.values()}
        self.usergroups: dict[str, tuple[str, list[str]]] = {
            "S0SECADMIN": ("security-admins", [names["alice"]]),
            "S0ONCALL01": ("security-oncall", [names["bob"]]),
        }
        self.messages = Messages()
        self.views = Views()
        self.files = Files()
        self.triggers = Triggers(clock)
        self.hooks = Hooks(clock)
        self.posts = PostRate(post_rate, clock)
        self.scopes: frozenset[str] = EVERY
        """What the bot's token may do."""
        self.subscribed = {"app_home_opened", "app_mention", "member_joined_channel", "message"}
        """The events that the app gets."""
        self.bot_token = "xoxb-" + secrets.token_hex(16)
        self.app_token = "xapp-1-" + secrets.token_hex(16)
        self.signing_secret = secrets.token_hex(16)
        self.watch: Callable[[str, Message], None] | None = None
        """Told "post", "edit" or "delete" and the message at once, while `lock` is held."""
        self._last_ts = 0

    def new_ts(self) -> str:
        """A message's time stamp: seconds and six digits, unique and increasing."""
        with self.lock:
            self._last_ts = max(int(self.clock() * 1_000_000), self._last_ts + 1)
            return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def changed(self) -> None:
        """Something that a page shows is different now."""
        with self.lock:
            self.version += 1
            self.lock.notify_all()

    def heard(self, what: str, message: Message) -> None:
        """The bot posted, edited or deleted a message."""
        with self.lock:
            if self.watch is not None:
                self.watch(what, message)
            self.changed()

    def wait_for_change(self, after: int, timeout: float) -> int:
        """The version, as soon as it is above `after`, or when `timeout` seconds are over."""
        with self.lock:
            self.lock.wait_for(lambda: self.version > after, timeout)
            return self.version

    def person(self, who: str) -> Person:
        """By id or name; raises SlackRefusal 404."""
        for person in self.people.values():
            if who in (person.id, person.name, "@" + person.name):
                return person
        known = ", ".join(p.name for p in self.people.values() if not p.is_bot)
        raise SlackRefusal(404, f"nobody here is called {who!r}; there are {known}")

    def find_channel(self, which: str) -> Channel | None:
        """By id, name or #name."""
        found = self.channels.get(which)
        if found is not None:
            return found
        name = which.removeprefix("#")
        return next((c for c in self.channels.values() if c.name and c.name == name), None)

    def channel_for_person(self, which: str, person: Person) -> Channel:
        """The channel in which a person acts; raises SlackRefusal 404, 403 or 409."""
        channel = self.find_channel(which)
        if channel is None:
            raise SlackRefusal(404, f"there is no channel {which!r}")
        if channel.is_private and person.id not in channel.members:
            raise SlackRefusal(403, f"{person.name} is not a member of this private channel")
        if person.team != TEAM and person.id not in channel.members:
            raise SlackRefusal(403, f"{person.name} is a guest of other channels only")
        if channel.im_with not in (None, person.id):
            raise SlackRefusal(403, f"{person.name} is not part of this conversation")
        if channel.is_archived:
            raise SlackRefusal(409, f"#{channel.name} is archived")
        return channel

    def dm_with(self, person: Person) -> Channel:
        """The direct conversation of bot and person, opened where it does not exist yet."""
        with self.lock:
            for channel in self.channels.values():
                if channel.im_with == person.id:
                    return channel
            channel = Channel(f"D{person.id[1:]}", "", {BOT_USER, person.id}, im_with=person.id)
            self.channels[channel.id] = channel
            return channel

    def channel_for_bot(self, which: str, *, by_name: bool = False, write: bool = True) -> Channel:
        """The channel that the bot names in a call; raises ApiError as Slack does.

        Names are taken only where the method takes them (chat.postMessage); a user's id
        there means the direct conversation. A private channel without the bot does not
        exist for it (channel_not_found); a public one says not_in_channel.
        """
        channel = self.channels.get(which)
        if channel is None and by_name:
            person = self.people.get(which)
            channel = self.dm_with(person) if person is not None else self.find_channel(which)
        if channel is None or (channel.is_private and BOT_USER not in channel.members):
            raise ApiError("channel_not_found")
        if BOT_USER not in channel.members:
            raise ApiError("not_in_channel")
        if write and channel.is_archived:
            raise ApiError("is_archived")
        return channel
