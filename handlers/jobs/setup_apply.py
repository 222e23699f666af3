"""The job behind Apply: builds what the plan shows, and shows how far it has come."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from handlers.access import Role
from handlers.blocks import kit
from handlers.blocks.applying import plan_progress, plan_result
from handlers.blocks.errors import error_message
from handlers.blocks.kit import Message
from handlers.blocks.plan import plan_stale
from handlers.deps import Deps
from handlers.drifting import ask_check
from handlers.jobs.job import JobContext, worth_another_try
from handlers.planning import show
from setup.apply import Progress, apply
from setup.own import session_of
from setup.plan import Plan, Purpose
from trailwatch.errors import LimitExceeded, StalePlan, TrailwatchError
from trailwatch.site import SiteConfig
from trailwatch.site_options import kept, restored
from trailwatch.store import audit, drifts, plans
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
        if not job.resumed:
            _same_settings(deps, row)
            _still_admin(deps, job, row)
        config = config_of(deps, row, plan)
        detections = deps.sites.detections(config)
        clients = deps.setup_clients(row.site, session_of(plan.id))
        for progress in apply(
            plan,
            config,
            detections,
            clients,
            deps.clock,
            resume=job.resumed,
            stop=lambda: bool(_cancelled_by(deps, row)),
        ):
            job.beat()
            steps[progress.change.key] = progress
            _show_progress(deps, job, row, plan, steps, progress, clients.aws.access_key())
    except (StalePlan, LimitExceeded) as error:
        message = _stale(plan, error, cut_off=job.resumed)
        # What was cut off may have done a part, nobody knows which.
        state = PlanState.FAILED if job.resumed else PlanState.STALE
        _end(deps, job, row, state, message, None if job.resumed else steps)
        return
    except TrailwatchError as error:
        if not steps and worth_another_try(job, error):
            raise
        _broken_off(deps, job, row, plan, steps, error, config)
        return
    ended = _state(steps)
    config = config if ended is PlanState.APPLIED else None
    _end(deps, job, row, ended, _result(deps, job, row, plan, steps), steps, config)


def _same_settings(deps: Deps, row: PlanRow) -> None:
    """Raise StalePlan where the site's settings are not those that the plan was made from."""
    now = kept(deps.sites.config(row.site))
    if row.before is None or row.before == now:
        return
    names = sorted(name for name in now if now[name] != row.before.get(name))
    raise StalePlan(
        f"The settings of {row.site} have changed since plan {row.id} was made.",
        f"These are different now: {', '.join(names) or 'some'}.",
        "Make a new plan and look at it before applying.",
    )


def _still_admin(deps: Deps, job: JobContext, row: PlanRow) -> None:
    """Raise StalePlan where a second person is asked for and Slack, asked anew, says that whoever
    approved it is a bot, a guest, deactivated or no admin; raises SlackError, too."""
    if not deps.second_person:
        return
    person = deps.people.find_anew(job.args["user_id"])
    if person.role < Role.ADMIN:
        raise StalePlan(
            f"The approval of plan {row.id} does not count.",
            f"{job.args['name']} is no admin, or no full member of this workspace, any more.",
            "Make a new plan and have another admin approve it.",
        )


def _cancelled_by(deps: Deps, row: PlanRow) -> str:
    """The name of whoever asked that the plan stops, "" for nobody."""
    with deps.db.reading() as tx:
        now = plans.get(tx, row.id)
    return now.cancelled_by if now else ""


def _state(steps: Mapping[str, Progress]) -> PlanState:
    states = {str(step.state) for step in steps.values()}
    if "failed" in states:
        return PlanState.FAILED
    return PlanState.CANCELLED if "not tried" in states else PlanState.APPLIED


def _result(
    deps: Deps, job: JobContext, row: PlanRow, plan: Plan, steps: Mapping[str, Progress]
) -> Message:
    return plan_result(
        plan,
        tuple(steps.values()),
        _names(job, row),
        resumed=job.resumed,
        cancelled_by=_cancelled_by(deps, row),
        why=row.why,
    )


def _names(job: JobContext, row: PlanRow) -> str:
    """Who approved the plan, and who proposed it where that was somebody else."""
    name, proposer = str(job.args["name"]), row.created_name
    return name if proposer in ("", name) else f"{name}, proposed by {proposer}"


def give_up(deps: Deps, args: Mapping[str, str], why: str) -> None:
    """End the plan of a job that failed for good: its message says so and what to do."""
    with deps.db.transaction() as tx:
        row = plans.get(tx, args["plan_id"])
        if row is None or not plans.end(tx, row.id, PlanState.FAILED, deps.clock(), None):
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
        _end(deps, job, row, PlanState.FAILED, told, steps)
        return
    result = _result(deps, job, row, plan, steps)
    message = kit.message(f"{result.text} {told.text}", (*result.blocks, *told.blocks))
    whole = all(step.state == "done" for step in steps.values())
    state = PlanState.APPLIED if whole and len(steps) == len(plan.changes) else PlanState.FAILED
    config = config if state is PlanState.APPLIED else None
    _end(deps, job, row, state, message, steps, config)


def _stale(plan: Plan, error: TrailwatchError, *, cut_off: bool) -> Message:
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
    wanted = row.after or row.result or {}
    return replace(restored(deps.sites.config(row.site), wanted), pack=plan.pack)


def _show_progress(
    deps: Deps,
    job: JobContext,
    row: PlanRow,
    plan: Plan,
    steps: Mapping[str, Progress],
    newest: Progress,
    access_key: str,
) -> None:
    cancelled_by = _cancelled_by(deps, row)
    shown = plan_progress(plan, tuple(steps.values()), job.args["name"], cancelled_by=cancelled_by)
    with deps.db.transaction() as tx:
        show(deps, tx, row, shown)
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
                # By its access key's id the trail's records of this change are known as ours.
                detail={
                    "plan": plan.id,
                    "error": str(newest.error or ""),
                    "site": row.site,
                    "access_key": access_key,
                },
            ),
        )


def _end(
    deps: Deps,
    job: JobContext,
    row: PlanRow,
    state: PlanState,
    message: Message,
    steps: Mapping[str, Progress] | None,
    config: SiteConfig | None = None,
) -> None:
    outcome = None if steps is None else _outcome(job, row, steps)
    with deps.db.transaction() as tx:
        plans.end(tx, row.id, state, deps.clock(), outcome)
        show(deps, tx, row, message)
        if drifts.standing(tx, row.site):
            ask_check(deps, tx, row.site, f"setup.drift:{row.site}@{row.id}")
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
                detail={"proposed_by": row.created_name or row.created_by, "why": row.why},
            ),
        )
    log.info("plan=%s state=%s", row.id, state.value)


def _outcome(job: JobContext, row: PlanRow, steps: Mapping[str, Progress]) -> dict[str, list[str]]:
    """What became of each change, by its key: [state, error]. For the plan's history.

    A resumed apply names what it found done already as done.
    """
    before = ["done" if job.resumed else "not tried", ""]
    changes = Plan.from_json(row.body).changes
    outcome = {change.key: before for change in changes}
    for key, step in steps.items():
        outcome[key] = [str(step.state), str(step.error or "")]
    return outcome
