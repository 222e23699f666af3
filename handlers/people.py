"""Knows who is who in Slack and which roles they have. Reads Slack and the store, caches both."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from handlers.access import Person, Role, role_of
from trailwatch.clock import Clock
from trailwatch.errors import SlackError

KEEP = timedelta(minutes=5)
SLACKBOT = "USLACKBOT"
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
OUTAGE = timedelta(hours=1)
"""How long what was known before counts while Slack does not answer."""


class SlackPeople(Protocol):
    """What is asked of Slack about people; bot.slack_people answers it."""

    def user(self, user_id: str) -> Mapping[str, Any]:
        """users.info's `user`; raises SlackError."""

    def user_by_email(self, email: str) -> Mapping[str, Any]:
        """users.lookupByEmail's `user`; raises SlackError, code users_not_found for nobody."""

    def group_members(self, group_id: str) -> list[str]:
        """usergroups.users.list's `users`; raises SlackError."""

    def team_id(self) -> str:
        """The workspace's id (auth.test); raises SlackError."""


@dataclass(frozen=True)
class _Kept:
    value: Any
    until: datetime


class People:
    """Finds a person with their role.

    `first_roles` come from the settings, `grants` reads what admins granted since, everywhere or,
    called with a channel's id, in that channel alone. What Slack
    says of a user and of a group is kept for five minutes, and up to an hour longer while Slack
    does not answer; a grant counts at once.
    """

    def __init__(
        self,
        slack: SlackPeople,
        clock: Clock,
        first_roles: Mapping[str, Role],
        grants: Callable[..., Mapping[str, Role]],
    ) -> None:
        self._slack = slack
        self._clock = clock
        self._first = dict(first_roles)
        self._grants = grants
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def find(self, user_id: str, channel: str = "") -> Person:
        """The person behind a Slack user id, with their role in a channel.

        Raises SlackError where Slack doesn't say. A role in one channel adds to the others.
        """
        person: Person = self._remember(f"user:{user_id}", lambda: self._ask(user_id))
        given = [{**self._first, **self._grants()}]
        if channel:
            given.append(dict(self._grants(channel)))
        return replace(person, role=max(self._role(person, grants) for grants in given))

    def _role(self, person: Person, grants: Mapping[str, Role]) -> Role:
        groups = [
            group for group in grants if group.startswith("S") and person.id in self._members(group)
        ]
        return role_of(person.id, member=person.member, grants=grants, groups=groups)

    def find_anew(self, user_id: str) -> Person:
        """The same, asked of Slack now; raises SlackError where Slack doesn't say."""
        with self._lock:
            self._kept.pop(f"user:{user_id}", None)
        return self.find(user_id)

    def by_email(self, email: str) -> Person | None:
        """The one member with this address, without a role; None where there is none. Raises
        SlackError.
        """
        if not _EMAIL.fullmatch(email):
            return None
        found: Person | None = self._remember(f"email:{email.lower()}", lambda: self._seek(email))
        return found

    def names(self, users: Iterable[str]) -> dict[str, str]:
        """The names in Slack of users of the on-call service, by their user names.

        Calls Slack, so it is for jobs alone. Who is not found, or while Slack does not answer, is
        not in it.
        """
        found: dict[str, str] = {}
        for user in sorted(set(users)):
            try:
                person = self.by_email(user)
            except SlackError:
                break  # what is called as over there today can be called right tomorrow
            if person is not None:
                found[user] = person.name
        return found

    def _seek(self, email: str) -> Person | None:
        try:
            person = person_of(self._slack.user_by_email(email), self._slack.team_id())
        except SlackError as error:
            if error.code == "users_not_found":
                return None
            raise
        return person if person.member else None

    def roles(self) -> Mapping[str, Role]:
        """Every user or group id with a role of its own."""
        return {**self._first, **self._grants()}

    def members(self, group_id: str) -> list[str]:
        """The ids of a user group's members; [] where Slack doesn't say."""
        return self._members(group_id)

    def _ask(self, user_id: str) -> Person:
        return person_of(self._slack.user(user_id), self._slack.team_id())

    def _members(self, group_id: str) -> list[str]:
        try:
            members: list[str] = self._remember(
                f"group:{group_id}", lambda: self._slack.group_members(group_id)
            )
        except SlackError:
            return []  # a group that can't be read grants nothing
        return members

    def _remember(self, key: str, ask: Callable[[], Any]) -> Any:
        now = self._clock()
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and kept.until > now:
            return kept.value
        try:
            value = ask()
        except SlackError as error:
            if kept is None or not error.retryable or kept.until + OUTAGE < now:
                raise
            return kept.value
        with self._lock:
            self._kept[key] = _Kept(value, now + KEEP)
        return value


def person_of(user: Mapping[str, Any], team_id: str) -> Person:
    """A user of users.info as a Person without a role yet."""
    profile = user.get("profile") or {}
    outside = bool(user.get("is_stranger")) or (
        bool(team_id)
        and user.get("team_id", team_id) != team_id
        and not user.get("enterprise_user")
    )
    guest = bool(user.get("is_restricted") or user.get("is_ultra_restricted"))
    no_person = bool(
        user.get("is_bot")
        or user.get("is_workflow_bot")
        or user.get("deleted")
        or user.get("id") == SLACKBOT  # whose is_bot is false
    )
    return Person(
        id=str(user.get("id", "")),
        name=str(profile.get("display_name") or user.get("name") or user.get("id", "")),
        email=str(profile.get("email") or ""),
        timezone=str(user.get("tz") or ""),
        member=not (outside or guest or no_person),
    )
