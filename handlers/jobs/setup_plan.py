"""The jobs that read what stands in AWS: for a plan, and for setup status."""

from __future__ import annotations

from dataclasses import replace

from handlers.answering import tell
from handlers.blocks.errors import error_message
from handlers.blocks.plan import plan_message
from handlers.blocks.status import status_message
from handlers.deps import Deps
from handlers.jobs.job import JobContext, worth_another_try
from handlers.planning import message_key, show
from setup.adopt import adopting, touched
from setup.plan import Plan, make_destroy_plan, make_plan
from setup.status import status
from trailwatch.errors import TrailwatchError
from trailwatch.site import SiteConfig
from trailwatch.site_options import changed, kept, written
from trailwatch.store import plans
from trailwatch.store.plans import PlanRow, PlanState


def propose(deps: Deps, job: JobContext) -> None:
    """Make a plan, keep it and post it in the channel; what fails is told to who asked."""
    try:
        config = wanted(deps, job)
        plan = _plan(deps, job, config)
    except TrailwatchError as error:
        if worth_another_try(job, error):
            raise
        tell(deps, job, error_message(error))
        return
    message = plan_message(plan, job.args["name"])
    row = PlanRow(
        id=plan.id,
        site=plan.site,
        state=PlanState.PROPOSED,
        created_by=job.args["user_id"],
        created_at=plan.created_at,
        expires_at=plan.expires_at,
        body=plan.to_json(),
        digest=plan.digest,
        channel=job.args["channel"],
        message_key=message_key(plan.id),
        result=kept(config),
    )
    with deps.db.transaction() as tx:
        plans.save(tx, row)
        show(deps, tx, row, message)


def wanted(deps: Deps, job: JobContext) -> SiteConfig:
    """The site's config with what the command asked for laid over it."""
    config = deps.sites.config(job.args.get("site", ""))
    config = changed(config, written(job.args["set"])) if job.args.get("set") else config
    asked = job.args.get("pack")
    if asked and asked != config.pack:
        config = replace(config, pack=asked, add=(), drop=())
    if job.args.get("adopt"):
        config = adopting(config, job.args["adopt"], deps.setup_clients(config.site.name))
    return replace(
        config,
        add=_with(config.add, job.args.get("add"), job.args.get("drop")),
        drop=_with(config.drop, job.args.get("drop"), job.args.get("add")),
        touch=touched(job.args.get("touch", "")),
    )


def _with(now: tuple[str, ...], more: str | None, less: str | None) -> tuple[str, ...]:
    added = [*now, *(part for part in (more or "").split(",") if part)]
    removed = set((less or "").split(","))
    return tuple(dict.fromkeys(part for part in added if part not in removed))


def _plan(deps: Deps, job: JobContext, config: SiteConfig) -> Plan:
    detections = deps.sites.detections(config)
    clients = deps.setup_clients(config.site.name)
    if job.args.get("purpose") == "destroy":
        return make_destroy_plan(config, detections, clients, deps.clock)
    return make_plan(config, detections, clients, deps.clock)


def tell_status(deps: Deps, job: JobContext) -> None:
    """Answer the asking person with what stands."""
    try:
        config = deps.sites.config(job.args.get("site", ""))
        clients = deps.setup_clients(config.site.name)
        rows = status(config, deps.sites.detections(config), clients)
        message = status_message(rows, config.site.name, deps.clock())
    except TrailwatchError as error:
        if worth_another_try(job, error):
            raise
        message = error_message(error)
    tell(deps, job, message)
