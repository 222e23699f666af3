"""Searches the events behind an alert with its alarm's own filter. Keeps and shows none of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from handlers.deps import Deps
from trailwatch.alert import Alert
from trailwatch.culprit import Window, alarm_window
from trailwatch.errors import NotFound
from trailwatch.event import Event
from trailwatch.pattern import Pattern, parse
from trailwatch.search.logs import EventPage, EventQuery, LogsSource

DEFAULT_PERIOD = timedelta(minutes=1)
SHOWN = 5
"""Events in the alert's own message."""


def search(
    deps: Deps, alert: Alert, end: datetime | None = None
) -> tuple[EventPage, Window, Pattern]:
    """Events that the alarm's own filter matches, over the alarm's window or from its start until
    `end`; and its pattern.

    Raises NotFound where the alarm has no filter that is known, AwsError.
    """
    source = deps.logs(deps.sites.config(alert.site))
    window = alarm_window_of(deps, alert)
    window = Window(window.start, end or window.end)
    pattern = pattern_of(deps, alert, source)
    return source.search(EventQuery(pattern, window.start, window.end)), window, pattern


def newest_of(
    deps: Deps, alert: Alert, page: EventPage, window: Window, pattern: Pattern
) -> Sequence[Event]:
    """The newest events for the alert's message, of what `search` gave: where there are more than
    one search gives, those are the oldest of them. Raises AwsError.
    """
    if page.complete:
        return page.events[:SHOWN]
    source = deps.logs(deps.sites.config(alert.site))
    found = source.newest(EventQuery(pattern, window.start, window.end), want=SHOWN)
    return found.events or page.events[:SHOWN]


def alarm_window_of(deps: Deps, alert: Alert) -> Window:
    detection = deps.catalogue.detections.get(alert.fields.detection_id)
    period = detection.period if detection else DEFAULT_PERIOD
    return alarm_window(alert.fields, alert.first_seen, period)


def pattern_of(deps: Deps, alert: Alert, source: LogsSource) -> Pattern:
    """The pattern that the metric filter has in AWS now, else the catalogue's."""
    name = alert.fields.alarm_name
    live = source.filter_pattern(name)
    if live is None and name:
        # Alarms and filters of others don't share a name.
        live = source.pattern_behind(name)
    if live is not None:
        return parse(live)
    detection = deps.catalogue.detections.get(alert.fields.detection_id)
    if detection is None:
        raise NotFound(
            f"No metric filter is called {name!r} or counts for it, so its events are unknown."
        )
    return parse(detection.pattern)
