"""Knows which channel an alert belongs in, and whom it calls there. Pure: never posts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from trailwatch.alert import Alert

LOUD = "P1"
"""The only severity whose alerts mention anybody."""


@dataclass(frozen=True)
class Route:
    """Where some alerts go. A list that is empty asks for nothing.

    detections may end in or hold a `*`. channel: a Slack channel's id, "" for the site's own.
    mentions: ids of users and user groups, or "here" or "channel", called by alerts of P1 alone.
    """

    channel: str = ""
    severities: tuple[str, ...] = ()
    detections: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Subject:
    """What of an alert decides its way; detection is "" for alarms of others."""

    severity: str
    detection: str
    site: str
    account: str


def subject_of(alert: Alert) -> Subject:
    """What decides the way of an alert. The account is the alarm's: its events come later."""
    return Subject(alert.severity, alert.fields.detection_id, alert.site, alert.fields.account)


def takes(route: Route, subject: Subject) -> bool:
    """Whether an alert goes this way."""
    return (
        (not route.severities or subject.severity in route.severities)
        and (
            not route.detections
            or any(fnmatchcase(subject.detection, one) for one in route.detections)
        )
        and (not route.sites or subject.site in route.sites)
        and (not route.accounts or subject.account in route.accounts)
    )


def route_of(routes: Sequence[Route], subject: Subject) -> Route | None:
    """The first route that takes the alert; None: it goes to its site's channel."""
    return next((route for route in routes if takes(route, subject)), None)


def mentions_of(routes: Sequence[Route], subject: Subject) -> tuple[str, ...]:
    """Whom a new alert calls: for P1 those of its route, else nobody."""
    route = route_of(routes, subject)
    return route.mentions if route is not None and subject.severity == LOUD else ()
