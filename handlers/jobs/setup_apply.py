"""The job behind Apply: builds what the plan shows, and shows how far it has come."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from handlers.blocks import kit
from handlers.blocks.errors import error_message
from handlers.blocks.kit import Message
from handlers.blocks.plan import plan_progress, plan_result, plan_stale
from handlers.deps import Deps
from handlers.jobs.job import JobContext, worth_another_try
from handlers.planning import show
from setup.apply import Progress, apply
from setup.plan import Plan, Purpose
from trailwatch.errors import StalePlan, TrailwatchError
from trailwatch.site import SiteConfig
from trailwatch.site_options import restored
from trailwatch.store import audit, plans
from trailwatch.store.audit import AuditEntry
from trailwatch.store.plans import PlanRow, PlanState

log = logging.getLogger("trailwatch.setup")


def run_apply(deps: Deps, job: JobContext) -> None:
    """Apply a plan that was taken for applying. A job that was cut off goes on where it stopped:
    what stands is read again, and only what was approved is done.
    """
    with deps.db.reading() as tx:
        row = plans.get(tx, job.args["plan_id"])
    if row is None or row.state is not PlanState.APPLYING:
        return
    plan = Plan.from_json(row.body)
    steps: dict[str, Progress] = {}
    config: SiteConfig | None = None
    try:
        config = config_of(deps, row, plan)
        detections = deps.sites.detections(config)
        for progress in apply(
            plan, config, detections, deps.setup_clients(row.site), deps.clock, resume=job.resumed
        ):
            job.beat()
            steps[progress.change.key] = progress
            _show_progress(deps, job, row, plan, steps)
    except StalePlan as error:
        _end(deps, job, row, PlanState.STALE, _stale(plan, error, cut_off=job.resumed))
        return
    except TrailwatchError as error:
        if not steps and worth_another_try(job, error):
            raise
        _broken_off(deps, job, row, plan, steps, error, config)
        return
    failed = any(step.state == "failed" for step in steps.values())
    message = plan_result(plan, tuple(steps.values()), job.args["name"], resumed=job.resumed)
    ended = PlanState.FAILED if failed else PlanState.APPLIED
    _end(deps, job, row, ended, message, None if failed else config)


def give_up(deps: Deps, args: Mapping[str, str], why: str) -> None:
    """End the plan of a job that failed for good: its message says so and what to do."""
    with deps.db.transaction() as tx:
        row = plans.get(tx, args["plan_id"])
        if row is None or not plans.set_state(tx, row.id, PlanState.APPLYING, PlanState.FAILED):
            return
        error = TrailwatchError(
            f"Applying plan {row.id} broke off.",
            why,
            "Some of it may stand: look with /trailwatch setup status; a new plan does the rest.",
        )
        show(deps, tx, row, error_message(error))


def _broken_off(
    deps: Deps,
    job: JobContext,
    row: PlanRow,
    plan: Plan,
    steps: Mapping[str, Progress],
    error: TrailwatchError,
    config: SiteConfig | None,
) -> None:
    """What was done and what was not, and the error that no single change explains."""
    told = error_message(error)
    if not steps:
        _end(deps, job, row, PlanState.FAILED, told)
        return
    result = plan_result(plan, tuple(steps.values()), job.args["name"], resumed=job.resumed)
    message = kit.message(f"{result.text} {told.text}", (*result.blocks, *told.blocks))
    whole = all(step.state == "done" for step in steps.values())
    state = PlanState.APPLIED if whole and len(steps) == len(plan.changes) else PlanState.FAILED
    _end(deps, job, row, state, message, config if state is PlanState.APPLIED else None)


def _stale(plan: Plan, error: StalePlan, *, cut_off: bool) -> Message:
    if not cut_off:
        return plan_stale(plan, error)
    return error_message(
        StalePlan(
            f"Applying plan {plan.id} was cut off, and what stands has changed since.",
            error.why,
            "Some of it may stand: a new plan does the rest: /trailwatch setup plan",
        )
    )


def config_of(deps: Deps, row: PlanRow, plan: Plan) -> SiteConfig:
    """The config that the plan was made for."""
    return replace(restored(deps.sites.config(row.site), row.result or {}), pack=plan.pack)


def _show_progress(
    deps: Deps, job: JobContext, row: PlanRow, plan: Plan, steps: dict[str, Progress]
) -> None:
    newest = next(reversed(steps.values()))
    with deps.db.transaction() as tx:
        show(deps, tx, row, plan_progress(plan, tuple(steps.values()), job.args["name"]))
        if newest.state == "doing":
            return
        audit.add(
            tx,
            AuditEntry(
                at=deps.clock(),
                actor_id=job.args["user_id"],
                actor_name=job.args["name"],
                channel=row.channel,
                action=f"setup.{newest.change.action.value}",
                subject=newest.change.key,
                outcome=str(newest.state),
                detail={"plan": plan.id, "error": str(newest.error or "")},
            ),
        )


def _end(
    deps: Deps,
    job: JobContext,
    row: PlanRow,
    state: PlanState,
    message: Message,
    config: SiteConfig | None = None,
) -> None:
    with deps.db.transaction() as tx:
        plans.set_state(tx, row.id, PlanState.APPLYING, state)
        show(deps, tx, row, message)
        if config is not None and Plan.from_json(row.body).purpose is Purpose.APPLY:
            deps.sites.remember(tx, config, job.args["user_id"], deps.clock())
        audit.add(
            tx,
            AuditEntry(
                at=deps.clock(),
                actor_id=job.args["user_id"],
                actor_name=job.args["name"],
                channel=row.channel,
                action="setup.apply",
                subject=f"plan {row.id}",
                outcome=state.value,
                detail={},
            ),
        )
    log.info("plan=%s state=%s", row.id, state.value)
