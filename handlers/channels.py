"""Knows which channel an alert's message goes to, and what stands in for one that is lost."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection

from handlers.deps import Deps
from trailwatch.alert import Alert
from trailwatch.routes import Route, Subject, mentions_of, route_of, subject_of
from trailwatch.store import channels


def channel_of(deps: Deps, tx: Connection, alert: Alert) -> str:
    """The channel that a new message of this alert belongs in."""
    return usable(deps, tx, wanted_channel(deps, subject_of(alert))[1])


def wanted_channel(deps: Deps, subject: Subject) -> tuple[Route | None, str]:
    """The route that takes an alert, and the channel that it leads to, lost or not."""
    route = route_of(deps.routes, subject)
    wanted = route.channel if route is not None else ""
    return route, wanted or deps.sites.channel(subject.site)


def usable(deps: Deps, tx: Connection, channel: str) -> str:
    """The channel, or the default one where Slack took nothing for it in the last hour."""
    return deps.channel if channels.is_lost(tx, channel, deps.clock()) else channel


def mentioned(deps: Deps, alert: Alert) -> tuple[str, ...]:
    """Whom the alert calls."""
    return mentions_of(deps.routes, subject_of(alert))


def all_channels(deps: Deps) -> Collection[str]:
    """Every channel that the settings name for alerts."""
    named = [route.channel for route in deps.routes if route.channel]
    return {deps.channel, *(deps.sites.channel(site) for site in deps.sites.names), *named}
