"""Knows who may do what: roles, people and refusals. Default deny; never changes a grant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from trailwatch.errors import NotAllowed


class Role(IntEnum):
    """Each role may do what the ones below it may."""

    NOBODY = 0
    VIEWER = 1
    RESPONDER = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Person:
    """Somebody in Slack, with what access needs to know of them."""

    id: str
    name: str
    email: str = ""
    timezone: str = ""
    """Its name, such as Europe/Berlin; "" where Slack does not say."""
    member: bool = True
    """A full member of this workspace: no guest, no stranger from a shared channel, no bot."""
    role: Role = Role.NOBODY

    @property
    def known_as(self) -> str:
        """The name under which the on-call service hears of this person."""
        return self.email or self.name


def role_of(
    user_id: str,
    *,
    member: bool,
    grants: Mapping[str, Role],
    groups: Iterable[str] = (),
) -> Role:
    """The role of a person: the highest that they or their user groups were granted.

    Guests and strangers have none, whatever was granted; every other member is a viewer.
    """
    if not member:
        return Role.NOBODY
    granted = [grants.get(name, Role.VIEWER) for name in (user_id, *groups)]
    return max([Role.VIEWER, *granted])


def check(person: Person, needed: Role, what: str) -> None:
    """Raise NotAllowed unless the person has at least the role; `what` completes "to …"."""
    if person.role >= needed:
        return
    if person.role is Role.NOBODY:
        raise NotAllowed(
            "Only full members of this workspace may use trailwatch.",
            needed.word,
            fix="Guests and people from shared channels are refused; ask a member.",
        )
    raise NotAllowed(
        f"You need the role {needed.word} to {what}; you are {person.role.word}.",
        needed.word,
        fix=f"An admin can grant it: /trailwatch access grant @{person.name} {needed.word}",
    )


def parse_role(word: str) -> Role | None:
    """A role by its word, None for a word that is no role that can be granted."""
    return {r.word: r for r in Role if r is not Role.NOBODY}.get(word.lower())
