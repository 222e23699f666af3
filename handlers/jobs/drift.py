"""The job that looks for drift: by the clock, on demand, and after an apply."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from handlers.answering import tell
from handlers.blocks.drift import drift_answer
from handlers.blocks.errors import error_message
from handlers.blocks.kit import Message
from handlers.blocks.status import down_message
from handlers.deps import Deps
from handlers.drifting import (
    being_applied,
    change_in,
    change_out,
    newest_change,
    say,
    taken_down,
    watched,
)
from handlers.jobs.drift_events import HISTORY, LARGEST_RECORD, Wanted, find_causes
from handlers.jobs.job import JobContext, Later, worth_another_try
from handlers.jobs.mute import announced, end_those_gone
from setup.causes import CAUSES
from setup.change import Action, Change, Fields
from setup.drift import Drifted, Found, find, wished_since
from setup.plan import Plan
from trailwatch.errors import TrailwatchError
from trailwatch.event import Event
from trailwatch.site import SiteConfig
from trailwatch.store import drifts, jobs, mutes, plans
from trailwatch.store.drifts import DriftCheck, DriftRow

log = logging.getLogger("trailwatch.drift")

MOST_LOOKS = 24
"""At so many checks the event behind a drift is looked for; then it is told that it isn't found."""
LOOKED_BACK = 50
"""Plans that are read for how they left what drifts now."""
SLACK_OF_CLOCKS = timedelta(minutes=1)
WAIT_FOR_APPLY = timedelta(seconds=10)


def check(deps: Deps, job: JobContext) -> Later | None:
    """Look for drift in the site of the job, or in every site, and tell what is new."""
    site = job.args.get("site")
    if not site:
        with deps.db.transaction() as tx:
            for name in deps.sites.names:
                key = f"setup.drift:{name}@{job.args.get('due', '')}"
                jobs.add(tx, "setup.drift", {"site": name}, deps.clock(), key=key)
        return None
    with deps.db.reading() as tx:
        asked = bool(job.args.get("response_url"))
        busy, ours, down = being_applied(tx, site), watched(tx, site), taken_down(tx, site)
    if busy:
        return Later(WAIT_FOR_APPLY, job.args)
    if down or not (ours or asked):
        _taken_down(deps, site)
        if down and asked:
            at, several = down.approved_at or down.created_at, deps.sites.several
            tell(deps, job, down_message(down.id, down.approved_name, at, site, several=several))
        return None
    try:
        message = _check(deps, site, ours)
    except TrailwatchError as error:
        if worth_another_try(job, error):
            raise
        log.warning("site=%s drift check failed: %s", site, error)
        message = error_message(error)
    if asked:
        tell(deps, job, message)
    return None


def _taken_down(deps: Deps, site: str) -> None:
    """End the drift of a pipeline that is not wanted any more."""
    with deps.db.transaction() as tx:
        rows = drifts.standing(tx, site)
        for row in rows:
            how = "the pipeline was taken down"
            drifts.save(tx, replace(row, gone_at=deps.clock(), gone_how=how))
        for name in {row.message for row in rows}:
            say(deps, tx, name)


def _check(deps: Deps, site: str, ours: bool) -> Message:
    began = deps.clock()
    config = deps.sites.config(site)
    detections = deps.sites.detections(config)
    found = find(config, detections, deps.setup_clients(site))
    with deps.db.transaction() as tx:
        if found.as_wanted and "mute_rule" not in found.unseen:
            alarms = {config.alarm_name(one.id) for one in detections}
            rules = {one.change.name for one in found.items if one.change.kind == "mute_rule"}
            end_those_gone(deps, tx, config.site.name, alarms, rules)
        wished = mutes.list_standing(tx)
    # What somebody muted here was announced and is nobody's tampering.
    found = replace(found, items=tuple(one for one in found.items if not announced(one, wished)))
    if not ours and not found.as_wanted:
        return drift_answer(None, (), site, several=deps.sites.several)
    with deps.db.reading() as tx:
        known = {row.key: row for row in drifts.standing(tx, site)}
        before = drifts.last_check(tx, site)
        applied = _last_applied(tx, site) if found.items else {}
    found = wished_since(found, applied, before.wanted if before else None)
    since = {
        item.key: _since(deps, site, item, known.get(item.key), before) for item in found.items
    }
    causes = _causes(deps, config, found, known, since, began)
    healers = _healers(deps, config, found, known, began)
    with deps.db.transaction() as tx:
        if being_applied(tx, site):
            # What was read is of before: the check after the apply tells.
            return drift_answer(before, drifts.standing(tx, site), site, deps.clock())
        newest = DriftCheck(
            site, began, found.as_wanted, len(found.items), found.notes, found.wanted
        )
        drifts.checked(tx, newest)
        _keep(deps, tx, site, found, since, causes, healers)
        standing = drifts.standing(tx, site)
    log.info("site=%s drifted=%d as_wanted=%d", site, len(found.items), found.as_wanted)
    return drift_answer(newest, standing, site, deps.clock())


def _last_applied(tx: Connection, site: str) -> Mapping[str, Fields | None]:
    """How the newest applies left each resource that they changed; None for one they deleted."""
    left: dict[str, Fields | None] = {}
    for row in plans.carried_out(tx, site, LOOKED_BACK):
        for change in Plan.from_json(row.body).changes:
            state = (row.outcome or {}).get(change.key, ["done"])[0]
            if state == "done":
                left.setdefault(change.key, change.after)
    return left


def _causes(
    deps: Deps,
    config: SiteConfig,
    found: Found,
    known: Mapping[str, DriftRow],
    since: Mapping[str, datetime],
    now: datetime,
) -> Mapping[str, tuple[Event, ...]]:
    """The events behind what is new, has changed, or is still unexplained."""
    wanted = []
    for item in found.items:
        row = known.get(item.key)
        same = row is not None and row.fingerprint == item.fingerprint
        if row is None or not same or (not row.causes and row.looks < MOST_LOOKS):
            wanted.append(Wanted(item.change, since[item.key], item.ids))
    return find_causes(deps, config, wanted, now) if wanted else {}


def _since(
    deps: Deps, site: str, item: Drifted, row: DriftRow | None, before: DriftCheck | None
) -> datetime:
    """From when on somebody must have done it: the newest look that found it otherwise, or the
    newest apply of ours."""
    if row is not None and row.fingerprint == item.fingerprint:
        return row.since
    seen = before.at - SLACK_OF_CLOCKS if before is not None else deps.clock() - HISTORY
    return max(seen, _applied(deps, item.key, site))


def _applied(deps: Deps, key: str, site: str) -> datetime:
    """When an apply of ours last made the resource as it should be."""
    with deps.db.reading() as tx:
        done = newest_change(tx, key, site)
    return done.at if done else deps.clock() - HISTORY


def _healers(
    deps: Deps,
    config: SiteConfig,
    found: Found,
    known: Mapping[str, DriftRow],
    now: datetime,
) -> Mapping[str, str]:
    """Who put back what is not drifted any more, by key."""
    still = {item.key for item in found.items}
    gone = {
        key: row
        for key, row in known.items()
        if key not in still and not found.blind_to(change_in(row.change))
    }
    healed: dict[str, str] = {}
    with deps.db.reading() as tx:
        for key, row in gone.items():
            done = newest_change(tx, key, row.site, row.found_at)
            if done and done.outcome == "done":
                plan = str(done.detail.get("plan", ""))
                healed[key] = f"restored by {done.actor_name} (plan {plan})"
    left = {key: row for key, row in gone.items() if key not in healed}
    wanted = [
        Wanted(_any_change(change_in(row.change)), row.found_at, row.ids) for row in left.values()
    ]
    events = find_causes(deps, config, wanted, now) if wanted else {}
    for key, row in left.items():
        if row.until is not None and row.until <= now:
            healed[key] = "it ended by itself"
        else:
            guilty = {event.id for event in row.causes}
            newest = next((e for e in events.get(key, ()) if e.id not in guilty), None)
            by = f" by {newest.actor} ({newest.name})" if newest else ", not by trailwatch"
            healed[key] = f"put back{by}"
    return healed


def _any_change(change: Change) -> Change:
    """A change that every event on the resource can have made: for who put it back."""
    fields = {field for cause in CAUSES if cause.kind == change.kind for field in cause.fields}
    return replace(
        change,
        before=dict.fromkeys(fields, 1),
        after=dict.fromkeys(fields, 0),
        action=Action.UPDATE,
    )


def _keep(
    deps: Deps,
    tx: Connection,
    site: str,
    found: Found,
    since: Mapping[str, datetime],
    causes: Mapping[str, tuple[Event, ...]],
    healers: Mapping[str, str],
) -> None:
    """Bring the rows, and the messages of those that changed, to what was found."""
    now = deps.clock()
    known = {row.key: row for row in drifts.standing(tx, site)}
    fresh, moved = secrets.token_hex(6), set[str]()
    for item in found.items:
        row = known.pop(item.key, None)
        events = tuple(_lean(event) for event in causes.get(item.key, ()))
        if row is None:
            if drifts.add(tx, _row(site, item, fresh, now, since[item.key], events)):
                moved.add(fresh)
            continue
        changed = _followed(row, item, events, since[item.key], now)
        if changed != row:
            drifts.save(tx, changed)
        if replace(changed, looks=row.looks) != row:
            moved.add(row.message)
    for key, row in known.items():
        if found.blind_to(change_in(row.change)):
            continue
        how = healers.get(key, "put back")
        drifts.save(tx, replace(row, gone_at=now, gone_how=how))
        moved.add(row.message)
    for name in sorted(moved):
        say(deps, tx, name)


def _row(
    site: str,
    item: Drifted,
    message: str,
    now: datetime,
    since: datetime,
    events: Sequence[Event],
) -> DriftRow:
    return DriftRow(
        id=secrets.token_hex(8),
        site=site,
        key=item.key,
        message=message,
        found_at=now,
        since=since,
        change=change_out(item.change),
        severity=item.severity.value,
        what=item.what,
        fingerprint=item.fingerprint,
        blocked=item.blocked,
        until=item.until,
        option=item.option,
        ids=item.ids,
        causes=tuple(events),
        looks=1,
    )


def _followed(
    row: DriftRow,
    item: Drifted,
    events: tuple[Event, ...],
    since: datetime,
    now: datetime,
) -> DriftRow:
    """A drift that stands on: the same, or changed once more, which ends that it is ignored."""
    looks = row.looks if row.causes else min(row.looks + 1, MOST_LOOKS)
    if item.fingerprint == row.fingerprint:
        over = row.ignored_until is not None and row.ignored_until <= now
        quiet = replace(row, ignored_until=None, ignored_by="") if over else row
        return replace(quiet, looks=looks, causes=events or row.causes)
    return replace(_row(row.site, item, row.message, row.found_at, since, events), id=row.id)


def _lean(event: Event) -> Event:
    """The event with its record, unless that is very long."""
    return event if len(event.raw) <= LARGEST_RECORD else replace(event, raw="")
