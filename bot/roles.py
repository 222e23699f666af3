"""Knows who may do what by the settings, and by what admins granted. Never grants anything."""

from __future__ import annotations

from collections.abc import Mapping

from bot.settings import Settings
from handlers.access import Role, parse_role
from trailwatch.store import grants
from trailwatch.store.database import Database


def first_roles(settings: Settings) -> Mapping[str, Role]:
    """The roles that the settings give."""
    responders = dict.fromkeys(settings.responders, Role.RESPONDER)
    return {**responders, **dict.fromkeys(settings.admins, Role.ADMIN)}


def granted_roles(db: Database, channel: str = "") -> Mapping[str, Role]:
    """The roles that admins granted: everywhere, or in one channel alone."""
    with db.reading() as tx:
        given = grants.in_channel(tx, channel) if channel else grants.current(tx)
        found = {grant.subject: parse_role(grant.role) for grant in given}
    return {subject: role for subject, role in found.items() if role is not None}
