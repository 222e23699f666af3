"""Knows what handlers need and are given. Built once, in bot.app; holds no state of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import BoundedSemaphore
from typing import Any, Protocol

from handlers.people import People
from handlers.sites import Sites
from setup.clients import Clients
from trailwatch.aws import Aws
from trailwatch.backtest import Piece, Problem
from trailwatch.clock import Clock
from trailwatch.detections import Catalogue
from trailwatch.follow_up import GAPS
from trailwatch.geo import nowhere
from trailwatch.routers.router import Routers
from trailwatch.routes import Route
from trailwatch.search.logs import LogsSource
from trailwatch.search.lookup import LookupSource
from trailwatch.site import SiteConfig
from trailwatch.sns import SnsWeb
from trailwatch.store.database import Database
from trailwatch.storm import STORMS, StormRules

Answer = Callable[[str, str, Sequence[Mapping[str, Any]]], None]
"""Posts (text, blocks) to a response_url, visible to the asking person; raises SlackError."""


class Upload(Protocol):
    """Puts a text into a channel as a file; raises SlackError."""

    def __call__(self, channel: str, name: str, text: str, said: str, thread: str = "") -> None:
        """`said`: the comment, mrkdwn; `thread`: the ts of the message below which it goes."""
        ...


PublishHome = Callable[[str, Mapping[str, Any]], None]
"""Publishes a Home view for a user's id (views.publish); raises SlackError."""


OpenDirect = Callable[[str], str]
"""The id of the direct conversation with a user's id (conversations.open); raises SlackError."""


OpenView = Callable[[str, Mapping[str, Any]], None]
"""Opens a modal for a trigger id of the last 3 seconds (views.open); raises SlackError."""


Permalink = Callable[[str, str], str]
"""The address of the message at (channel, ts) (chat.getPermalink); raises SlackError."""


class Archive(Protocol):
    """Reads the trail's archive in a site's bucket."""

    def __call__(
        self, config: SiteConfig, since: datetime, until: datetime | None = None
    ) -> Iterator[Piece | Problem]:
        """The files that may tell of what happened between two UTC times; None: until now."""
        ...


class SetupClients(Protocol):
    """Clients that have assumed a site's setup role, "" being the default site's."""

    def __call__(self, site: str = "", session: str = "") -> Clients:
        """`session`: the name of the role's session, as CloudTrail shows it; "" for the usual."""
        ...


@dataclass(frozen=True)
class Deps:
    """Everything that a handler may use."""

    db: Database
    clock: Clock
    sites: Sites
    people: People
    router: Routers
    router_url: str
    """Opsgenie's API, which says in what data centre its pages of alerts are."""
    jsm_site_url: str
    """The address of Jira, whose pages of alerts are linked to; "" where it is not known."""
    sns: SnsWeb
    reading: Callable[[str], Aws]
    """AWS of a site by its name, with the rights to read."""
    logs: Callable[[SiteConfig], LogsSource]
    lookup: Callable[[SiteConfig], LookupSource]
    """CloudTrail's event history, which needs no trail."""
    places: BoundedSemaphore
    """For jobs that wait for AWS: one that hangs must leave threads for acknowledgements."""
    archive: Archive
    setup_clients: SetupClients
    """Made anew for each plan or apply."""
    answer: Answer
    publish_home: PublishHome
    upload: Upload
    open_view: OpenView
    permalink: Permalink
    open_direct: OpenDirect
    aws_people: Mapping[str, str]
    """Slack user ids by the names of IAM users, for "Was this you?"."""
    answer_time: timedelta
    """How long an answer to that is waited for."""
    thread_notes: bool
    """Whether replies in an alert's thread become notes."""
    escalation: str
    """The on-call service's escalation policy, by its name; "" for none."""
    second_person: bool
    """Whether whoever proposes a plan cannot approve it."""
    offices: tuple[str, ...]
    """The site's own addresses, named in tables of events."""
    channel: str
    """The channel for alerts and digests."""
    digest_timezone: str
    digest_hour: int
    stand_ins: bool
    """Whether AWS is a stand-in: shown as a badge, decides nothing."""
    routes: tuple[Route, ...] = ()
    """Which channel an alert goes to, the first that takes it; else its site's."""
    follow_gaps: tuple[timedelta, ...] = GAPS
    """What passes at least between two tellings of what goes on while an alarm is on."""

    storms: StormRules = STORMS
    """When alerts share a message."""

    look_back: timedelta = timedelta(days=14)
    """How far back the log group is searched before somebody is called new."""

    geo: Callable[[str], str] = nowhere
    """Where an address is, in a few words; "" where nothing says so."""

    @property
    def catalogue(self) -> Catalogue:
        """The detections as they are now, a team's own included."""
        return self.sites.catalogue()
