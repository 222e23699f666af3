"""Says on an alert which of its events are ours, of an apply or a mute, and follows it for a while.

Nothing is hidden, muted or closed: strange events come first, and one that comes later is told
anew, since an alarm that is on already does not go off again for somebody else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from handlers.alert_search import SHOWN, search
from handlers.applies import LONGEST_APPLY, made_since
from handlers.blocks.own import done_from_slack, strange_message
from handlers.blocks.storm import shown_pairs
from handlers.deps import Deps
from handlers.intake import say
from handlers.jobs.job import JobContext, Later
from handlers.threads import reply
from setup.own import Sorted, claims, sort_out
from trailwatch.alert import Alert
from trailwatch.errors import AwsError, NotFound
from trailwatch.event import Event
from trailwatch.follow_up import pair_of
from trailwatch.pattern import PatternError
from trailwatch.search.logs import EventPage
from trailwatch.store import alerts, follows, jobs, storms
from trailwatch.store.follows import Told

FOLLOWED = tuple(timedelta(seconds=s) for s in (20, 40, 60, 120, 300, 300, 300, 420, 540))
"""When to look again: past the 15 minutes in which the alarm stays on, and a late delivery."""


def marked(deps: Deps, alert: Alert, page: EventPage) -> dict[str, Any]:
    """The fields of an alert that say whose its events are; {} where none is of ours."""
    if not page.events:
        return {}
    since = min(event.time for event in page.events)
    made = made_since(deps, since - LONGEST_APPLY)
    found = sort_out(page.events, made, deps.sites.config_or_blank(alert.site))
    if not found.ours:
        return {}
    order = (*found.strange, *found.ours)[:SHOWN]
    whole = page.complete and not page.unreadable
    return {
        "events": tuple(replace(event, raw="") for event in order),
        "extra": {**alert.extra, **_extra(found, alert, whole)},
    }


def _extra(found: Sorted, alert: Alert, whole: bool) -> dict[str, str]:
    return {
        "own_plans": ",".join(plan for plan, _ in found.plans),
        "own_done": done_from_slack(found.made),
        "own_by": ", ".join(dict.fromkeys(by for _, by in found.plans)),
        "own_events": str(len(found.ours)),
        "own_strange": str(len(found.strange)),
        "own_whole": "yes" if whole else "no",
        "own_count": str(alert.count),
    }


def follow_later(deps: Deps, alert: Alert, page: EventPage, fields: Mapping[str, Any]) -> None:
    """Start to follow an alert of which we may have made events."""
    if not fields and not any(claims(event) for event in page.events):
        return
    with deps.db.transaction() as tx:
        arguments = {"alert_id": alert.id, "tries": 1}
        key = f"follow:{alert.id}"
        jobs.add(tx, "alert.follow", arguments, deps.clock(), key=key, delay=FOLLOWED[0])


def strangers(deps: Deps, alert: Alert, events: Sequence[Event]) -> Sequence[Event]:
    """Which of these are not of ours, where we are behind the alert; else ()."""
    if "own_events" not in alert.extra or not events:
        return ()
    made = made_since(deps, min(event.time for event in events) - LONGEST_APPLY)
    return sort_out(events, made, deps.sites.config_or_blank(alert.site)).strange


def look_now(deps: Deps, tx: Connection, alert: Alert, key: str) -> None:
    """Have it looked at once, once for each key, whether somebody else did something."""
    arguments = {"alert_id": alert.id, "tries": len(FOLLOWED)}
    jobs.add(tx, "alert.follow", arguments, deps.clock(), key=f"follow:{alert.id}:{key}")


def follow(deps: Deps, job: JobContext) -> Later | None:
    """Look whether somebody else did something since, and tell it anew."""
    with deps.db.reading() as tx:
        alert = alerts.get(tx, job.args["alert_id"])
    if alert is None:
        return None
    tries = int(job.args.get("tries", 1))
    again = None
    if tries < len(FOLLOWED):
        again = Later(FOLLOWED[tries], {**job.args, "tries": tries + 1})
    try:
        # The alarm may be on still: nobody else sets it off.
        page, _, _ = search(deps, alert, deps.clock())
    except (NotFound, PatternError):
        return None
    except AwsError:
        return again
    fields = marked(deps, alert, page)
    if fields:
        _keep(deps, alert.id, page, fields)
    return again


def _keep(deps: Deps, alert_id: str, page: EventPage, fields: dict[str, Any]) -> None:
    with deps.db.transaction() as tx:
        alert = alerts.get(tx, alert_id, lock=True)
        if alert is None:
            return
        before = alert.extra.get("own_strange", "0")
        accounts = tuple(dict.fromkeys(event.account for event in page.events))
        # What others found meanwhile stays.
        fields = {**fields, "extra": {**alert.extra, **_mine(fields["extra"])}}
        changed = replace(alert, events_total=page.total, accounts=accounts, **fields)
        if changed == alert:
            return
        note_table(tx, alert, changed)
        alerts.save(tx, changed)
        say(deps, tx, changed)
        now = changed.extra["own_strange"]
        if int(now) > int(before):
            _tell_strange(deps, tx, changed, int(now))


def _mine(extra: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in extra.items() if key.startswith("own_")}


def shown_events(tx: Connection, alert: Alert) -> Sequence[Event]:
    """The events whose pairs stand where the alert is shown."""
    single = storms.of_alert(tx, alert.id) is None
    return alert.events[:SHOWN] if single else shown_pairs(alert)


def note_table(tx: Connection, before: Alert, after: Alert) -> None:
    """Note which pairs the table shows, so that each is told once and none is hidden."""
    shown = [pair_of(event) for event in shown_events(tx, after)]
    keys = {pair.key for pair in shown}
    gone = [pair for pair in map(pair_of, shown_events(tx, before)) if pair.key not in keys]
    follows.gone_from_table(tx, after.id, gone)
    follows.mark_told(tx, after.id, shown, Told.IN_TABLE)


def _tell_strange(deps: Deps, tx: Any, alert: Alert, strange: int) -> None:
    """In the thread and in the channel: an edited message calls nobody."""
    message = strange_message(alert, alert.events[:strange], deps.sites.offices(tx, alert.site))
    reply(deps, tx, alert, f"strange:{strange}", message, loud=True)
    follows.mark_told(tx, alert.id, [pair_of(event) for event in alert.events[:strange]])
