"""Knows a drift's life in Slack: told once, followed, restored, ignored, accepted. Asks no AWS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from handlers.access import Role
from handlers.audit import note
from handlers.blocks.drift import drift_message
from handlers.blocks.kit import Message
from handlers.blocks.plan import plan_message
from handlers.blocks.status import nothing_message
from handlers.deps import Deps
from handlers.planning import destroys, show, start_apply
from handlers.planning import message_key as plan_key
from handlers.request import Request
from setup.change import Action, Change
from setup.restore import restore_plan
from setup.status import ResourceState, ResourceStatus
from trailwatch.errors import NotFound, StalePlan, UsageError
from trailwatch.site_options import changed, kept, written
from trailwatch.store import audit, drifts, jobs, outbox, plans
from trailwatch.store.audit import AuditEntry
from trailwatch.store.drifts import DriftRow
from trailwatch.store.outbox import Outgoing
from trailwatch.store.plans import PlanRow, PlanState

IGNORED = timedelta(hours=24)
MENTIONED = 5
LOOKED_AT = 100
ALL = "all:"
"""Before a message's name in the value of a button: everything that the message tells of."""


def message_key(name: str) -> str:
    """The outbox key of a drift's message."""
    return f"drift:{name}"


def say(deps: Deps, tx: Connection, name: str) -> None:
    """Make a drift's message show what its rows are now."""
    rows = drifts.of_message(tx, name)
    site = rows[0].site
    message = drift_message(
        rows, deps.clock(), site, mentions=admins(deps), offices=deps.sites.offices(tx, site)
    )
    outgoing = Outgoing(
        key=message_key(name),
        lane=deps.sites.channel(site),
        text=message.text,
        blocks=message.blocks,
        metadata={"drift": name},
    )
    outbox.say(tx, outgoing, deps.clock())


def admins(deps: Deps) -> list[str]:
    """The ids of users and user groups that are admins by settings or grants."""
    found = [who for who, role in deps.people.roles().items() if role is Role.ADMIN]
    return found[:MENTIONED]


def newest_change(
    tx: Connection, key: str, site: str, since: datetime | None = None
) -> AuditEntry | None:
    """What an apply of ours last did to a resource of a site: sites have resources of one name."""
    entries = audit.recent(tx, LOOKED_AT, since=since, action="setup.", subject=key)
    return next((one for one in entries if one.detail.get("site", site) == site), None)


def change_out(change: Change) -> dict[str, Any]:
    """A change as JSON; `change_in` gives an equal one back."""
    return {
        "action": change.action.value,
        "kind": change.kind,
        "name": change.name,
        "before": change.before,
        "after": change.after,
        "owner": change.owner,
    }


def change_in(data: Mapping[str, Any]) -> Change:
    """The change that `change_out` gave."""
    return Change(
        Action(data["action"]),
        data["kind"],
        data["name"],
        data["before"],
        data["after"],
        data.get("owner", ""),
    )


def restore(deps: Deps, request: Request, value: str) -> str:
    """Put back what the button names; the id of the plan that does. Raises what start_apply does.

    The plan is what was seen, so an apply refuses it where the world has moved. Where a second
    person is asked for, it is only proposed: another admin applies it.
    """
    with deps.db.transaction() as tx:
        rows = [row for row in chosen(tx, value) if not row.gone_at and not row.blocked]
        if not rows:
            raise StalePlan("Nothing is left of this drift that can be restored.")
        site = rows[0].site
        config = deps.sites.config_or_blank(site)
        plan = restore_plan(site, config.pack, [change_in(r.change) for r in rows], deps.clock)
        _once(tx, plan.digest, site)
        settings = kept(config)
        row = PlanRow(
            id=plan.id,
            site=site,
            state=PlanState.PROPOSED,
            created_by=request.person.id,
            created_name=request.person.name,
            created_at=plan.created_at,
            expires_at=plan.expires_at,
            body=plan.to_json(),
            digest=plan.digest,
            channel=deps.sites.channel(site),
            message_key=plan_key(plan.id),
            why="drift",
            before=settings,
            after=settings,
        )
        plans.save(tx, row)
        second = deps.second_person
        show(deps, tx, row, plan_message(plan, request.person.name, second_person=second))
        keys = ", ".join(one.key for one in rows)
        note(deps, tx, request, "setup.restore", f"plan {plan.id}", "proposed", resources=keys)
    if not deps.second_person:
        start_apply(deps, request, plan.id)
    return plan.id


def _once(tx: Connection, digest: str, site: str) -> None:
    for row in plans.newest(tx, site):
        if row.digest == digest and row.state is PlanState.APPLYING:
            raise StalePlan(f"It is being restored already, by plan {row.id}.")


def ignore(deps: Deps, request: Request, value: str) -> None:
    """Say no more of it for a day, unless it changes."""
    until = deps.clock() + IGNORED
    with deps.db.transaction() as tx:
        _ignore(deps, tx, request, chosen(tx, value), until, "drift.ignore")


def accept(deps: Deps, request: Request, value: str) -> None:
    """Take it as it is now: into the site's options, or until it ends by itself.

    Raises UsageError where it is nothing to choose.
    """
    with deps.db.transaction() as tx:
        rows = chosen(tx, value)
        row = rows[0]
        if row.until is not None:
            _ignore(deps, tx, request, rows, row.until, "drift.accept")
            return
        if not row.option:
            raise UsageError(
                "This is nothing to choose.",
                "The pipeline would not do what it is for.",
                "Restore it, or ignore it for a day.",
            )
        config = changed(deps.sites.config_or_blank(row.site), written(row.option))
        deps.sites.remember(tx, config, request.person.id, deps.clock())
        how = f"accepted by {request.person.name}: {row.option}"
        drifts.save(tx, replace(row, gone_at=deps.clock(), gone_how=how))
        say(deps, tx, row.message)
        note(deps, tx, request, "drift.accept", row.key, "done", option=row.option)


def look_again(deps: Deps, request: Request, site: str) -> None:
    """Start a check whose answer goes to who asked."""
    with deps.db.transaction() as tx:
        ask_check(deps, tx, site, f"setup.drift:{request.key}", response_url=request.response_url)
        note(deps, tx, request, "setup.drift", site, "started")


def ask_check(deps: Deps, tx: Connection, site: str, key: str, **arguments: str) -> None:
    """Add the job that checks a site."""
    jobs.add(tx, "setup.drift", {"site": site, **arguments}, deps.clock(), key=key)


def chosen(tx: Connection, value: str) -> list[DriftRow]:
    """What a button stands for: one row, or all that a message tells of. Raises NotFound."""
    if value.startswith(ALL):
        rows = [r for r in drifts.of_message(tx, value.removeprefix(ALL)) if r.gone_at is None]
    else:
        row = drifts.get(tx, value)
        rows = [row] if row is not None and row.gone_at is None else []
    if not rows:
        raise NotFound("This drift is over.", fix="See how things stand: /trailwatch setup drift")
    return rows


def watched(tx: Connection, site: str) -> bool:
    """Whether a site has a pipeline that is to stay as it was applied."""
    return bool(plans.carried_out(tx, site, limit=1)) and taken_down(tx, site) is None


def nothing_set_up(deps: Deps, site: str) -> Message | None:
    """What to say of a site without a pipeline of ours instead of "0 found"; None where one is."""
    with deps.db.reading() as tx:
        if watched(tx, site):
            return None
    return nothing_message(site, several=deps.sites.several)


def taken_down(tx: Connection, site: str) -> PlanRow | None:
    """The plan that took a site's pipeline down, where nothing was applied since."""
    done = plans.carried_out(tx, site, limit=1)
    return done[0] if done and destroys(done[0]) else None


def being_applied(tx: Connection, site: str) -> bool:
    """Whether a plan is at work in a site: what stands is half of this and half of that."""
    return any(row.site == site for row in plans.in_state(tx, PlanState.APPLYING))


def explained(
    statuses: Sequence[ResourceStatus], rows: Sequence[DriftRow]
) -> tuple[ResourceStatus, ...]:
    """What stands, with what its drift means and who did it where that is known; mutes besides."""
    known = {row.key: row for row in rows}
    told = [_explained(one, known.pop(f"{one.kind}:{one.name}", None)) for one in statuses]
    mutes = [row for row in known.values() if row.change["kind"] == "mute_rule"]
    for row in mutes:
        bare = ResourceStatus("mute_rule", str(row.change["name"]), ResourceState.DIFFERS)
        told.append(_explained(bare, row))
    return tuple(told)


def _explained(status: ResourceStatus, row: DriftRow | None) -> ResourceStatus:
    if row is None or status.state is ResourceState.OK:
        return status
    by = ""
    if row.causes:
        first = row.causes[0]
        by = f": {first.name} by {first.actor}, {first.time:%b %-d %H:%M} UTC"
    return replace(status, detail=f"{row.what}{by}.")


def _ignore(
    deps: Deps, tx: Connection, request: Request, rows: Sequence[DriftRow], until: Any, action: str
) -> None:
    for row in rows:
        drifts.save(tx, replace(row, ignored_until=until, ignored_by=request.person.name))
        note(deps, tx, request, action, row.key, "done")
    for name in {row.message for row in rows}:
        say(deps, tx, name)
