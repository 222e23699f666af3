"""Knows the plans that were applied, and the settings that lead back before one. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from handlers.blocks.kit import count
from handlers.deps import Deps
from setup.change import Action
from setup.plan import Plan, Purpose
from trailwatch.detections.own import OwnDetection
from trailwatch.errors import NotFound, StalePlan, UsageError
from trailwatch.site import SiteConfig
from trailwatch.site_options import restored
from trailwatch.store import plans
from trailwatch.store.plans import CARRIED_OUT, PlanRow, PlanState

MOST = 50
"""How many plans a list shows at most, and how far back a number may go."""


@dataclass(frozen=True)
class WayBack:
    """The settings as they were before a plan, and what is different all the same."""

    config: SiteConfig
    notes: tuple[str, ...]
    why: str


def applied(tx: Connection, site: str, which: str) -> PlanRow:
    """A plan that was applied, wholly or in part: by its id, or "1" for the last one, "2" for
    the one before. Raises NotFound, and StalePlan for a plan that never was."""
    if which.isdigit() and len(which) <= 3:
        number = int(which)
        rows = plans.carried_out(tx, site, min(number, MOST))
        if not 1 <= number <= len(rows):
            raise NotFound(
                f"There is no plan number {number} of {site}.",
                f"{count(len(rows), 'was', 'were')} applied." if len(rows) < MOST else "",
                "See them: /trailwatch setup history",
            )
        return rows[number - 1]
    row = any_plan(tx, which)
    if row.state not in CARRIED_OUT or row.approved_at is None:
        state = "is being applied" if row.state is PlanState.APPLYING else "was never applied"
        raise StalePlan(f"Plan {row.id} {state}.", fix="See /trailwatch setup history.")
    return row


def any_plan(tx: Connection, plan_id: str) -> PlanRow:
    """A plan by its id, whatever became of it; raises NotFound."""
    row = plans.get(tx, plan_id.lower())
    if row is None:
        raise NotFound(
            f"There is no plan {plan_id[:40]!r}.",
            "Plans are kept for 400 days.",
            "See /trailwatch setup history.",
        )
    return row


def way_back(deps: Deps, row: PlanRow) -> WayBack:
    """The settings of a site as they were before that plan was applied.

    Raises UsageError where nothing stood before it, or where it says nothing of the settings.
    """
    plan = Plan.from_json(row.body)
    if _first(plan):
        raise UsageError(
            f"Before plan {row.id} nothing stood.",
            "It made everything that there is.",
            "Take it down: /trailwatch setup destroy",
        )
    if row.before is None:
        raise UsageError(
            f"Plan {row.id} says nothing of the settings before it.",
            "An older version applied it.",
            "Choose them by hand: /trailwatch setup plan --pack PACK",
        )
    config = restored(deps.sites.config(row.site), row.before)
    config, left_out = _without_unknown(deps, config)
    when = f"{row.approved_at:%Y-%m-%d %H:%M} UTC" if row.approved_at else "then"
    who = f" by {row.approved_name}" if row.approved_name else ""
    notes = (
        f"This leads back to the settings before plan {row.id}, which was applied {when}{who}.",
        *left_out,
        *_own_changes(deps, row),
    )
    return WayBack(config, notes, f"the way back before plan {row.id}")


def _first(plan: Plan) -> bool:
    """Whether the plan built a pipeline where none stood."""
    made = all(change.action is Action.CREATE for change in plan.changes)
    return plan.purpose is Purpose.APPLY and bool(plan.changes) and made and not plan.unchanged


def _without_unknown(deps: Deps, config: SiteConfig) -> tuple[SiteConfig, list[str]]:
    """The config without detections that are no longer known, and a note for each."""
    gone = [name for name in config.add if name not in deps.catalogue]
    notes = [f"The detection {name} was removed since and stays away." for name in gone]
    kept = tuple(name for name in config.add if name not in gone)
    return replace(config, add=kept), notes


def _own_changes(deps: Deps, row: PlanRow) -> list[str]:
    """What the team did to its own detections since: settings lead back, these don't."""
    if row.approved_at is None:
        return []
    with deps.db.reading() as tx:
        now = deps.sites.own_detections(tx)
        then = deps.sites.own_detections(tx, row.approved_at)
    told = {
        "added": sorted(now.keys() - then.keys()),
        "removed": sorted(then.keys() - now.keys()),
        "changed": sorted(_changed(then, now)),
    }
    return [
        f"The team's own detections stay as they are now; {word} since: {', '.join(names[:10])}."
        for word, names in told.items()
        if names
    ]


def _changed(then: Mapping[str, OwnDetection], now: Mapping[str, OwnDetection]) -> list[str]:
    return [name for name in then.keys() & now.keys() if then[name] != now[name]]


def again(deps: Deps, row: PlanRow) -> tuple[SiteConfig, dict[str, str]]:
    """The settings that a plan was to bring, and the arguments that make one like it."""
    plan = Plan.from_json(row.body)
    config = restored(deps.sites.config(row.site), row.after or row.result or {})
    kinds = sorted({change.kind for change in plan.changes})
    return config, {"purpose": plan.purpose.value, "include": ",".join(kinds)}
