"""The job that shows a person's Home: open alerts, how things stand, who did what last."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from handlers.access import Role
from handlers.audit import lines
from handlers.blocks.drift import drift_words
from handlers.blocks.home import HomeState, PipelineRow, home_view
from handlers.deps import Deps
from handlers.drifting import taken_down
from handlers.intake import listed
from handlers.jobs.job import JobContext
from trailwatch.store import alerts, audit, drifts, inbox, jobs, outbox, site_config

SHOWN = 10
LATELY = 200
"""Entries of the audit log that are looked through for the newest lines."""


def publish(deps: Deps, job: JobContext) -> None:
    """Publish the Home of one person; strangers and guests see no alert and no audit line."""
    person = deps.people.find(job.args["user_id"])
    allowed = person.role is not Role.NOBODY
    with deps.db.reading() as tx:
        open_alerts = alerts.list_open(tx) if allowed else []
        looked = audit.recent(tx, limit=LATELY) if person.role >= Role.RESPONDER else []
        recent = lines(tx, looked, SHOWN)
        applied = {
            name
            for name in deps.sites.names
            if site_config.latest(tx, name) and taken_down(tx, name) is None
        }
        drift = {name: _drift_row(tx, name) for name in deps.sites.names}
        stuck = len(outbox.dead(tx)) + len(inbox.dead(tx)) + len(jobs.dead(tx))
    rows: Sequence[PipelineRow] = ()
    if allowed:
        rows = (
            *(row for name in deps.sites.names[:SHOWN] for row in _site_rows(deps, name, applied)),
            *(row for row in drift.values() if row is not None),
            PipelineRow("Delivery", "ok", "everything came through")
            if not stuck
            else PipelineRow("Delivery", "warning", f"{stuck} stuck", "See /trailwatch status."),
        )
    state = HomeState(
        user=person.name,
        role=person.role.word,
        open_alerts=listed(deps, open_alerts)[:SHOWN],
        open_total=len(open_alerts),
        pipeline=rows,
        audit=recent,
        sandbox=deps.stand_ins,
        services=deps.sites.services(),
        next_digest=next_digest(deps.clock(), deps.digest_hour, deps.digest_timezone),
    )
    deps.publish_home(person.id, home_view(state))


def _site_rows(deps: Deps, name: str, applied: Collection[str]) -> list[PipelineRow]:
    """A site and its pipeline; of several sites one row each."""
    config = deps.sites.config_or_blank(name)
    where = f"{config.site.account or 'account unknown'} · {config.site.region}"
    if not deps.sites.several:
        return [PipelineRow(f"Site {name}", "ok", where), _pack_row(config.pack, name in applied)]
    row = _pack_row(config.pack, name in applied, f" --site {name}")
    return [PipelineRow(f"Site {name}", row.state, f"{where} · {row.detail}", row.fix)]


def _pack_row(pack: str, applied: bool, site: str = "") -> PipelineRow:
    if applied:
        return PipelineRow("Pipeline", "ok", f"pack {pack}", "")
    return PipelineRow(
        "Pipeline", "unknown", "nothing is set up from here", f"/trailwatch setup plan{site}"
    )


def _drift_row(tx: Connection, name: str) -> PipelineRow | None:
    """What drifted in a site; None where that was never looked at."""
    check, rows = drifts.last_check(tx, name), drifts.standing(tx, name)
    if check is None:
        return None
    when = f"checked {check.at:%b %-d %H:%M} UTC"
    if not rows:
        return PipelineRow(f"Drift in {name}", "ok", f"none, {when}")
    loud = any(row.severity == "loud" for row in rows)
    return PipelineRow(
        f"Drift in {name}",
        "bad" if loud else "warning",
        f"{drift_words(rows)}, {when}",
        "/trailwatch setup drift",
    )


def next_digest(now: datetime, hour: int, timezone: str) -> datetime:
    """When the next daily digest is due."""
    local = now.astimezone(ZoneInfo(timezone))
    due = local.replace(hour=hour, minute=0, second=0, microsecond=0)
    return due if due > local else due + timedelta(days=1)
