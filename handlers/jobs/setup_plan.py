"""The jobs that read what stands in AWS: for a plan, and for setup status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from handlers.answering import tell
from handlers.blocks.errors import error_message
from handlers.blocks.kit import Message
from handlers.blocks.status import down_message, status_message
from handlers.deps import Deps
from handlers.drifting import explained, taken_down
from handlers.history import again, any_plan, way_back
from handlers.jobs.job import JobContext, worth_another_try
from handlers.planning import offer
from setup.adopt import adopting, touched
from setup.plan import Plan, make_destroy_plan, make_plan
from setup.status import ResourceState, ResourceStatus, status
from trailwatch.errors import TrailwatchError
from trailwatch.site import SiteConfig
from trailwatch.site_options import changed, written
from trailwatch.store import drifts
from trailwatch.store.plans import PlanRow


def propose(deps: Deps, job: JobContext) -> None:
    """Make a plan, keep it and post it in the channel; what fails is told to who asked."""
    try:
        config = wanted(deps, job)
        plan = _plan(deps, job.args, config)
    except TrailwatchError as error:
        _failed(deps, job, error)
        return
    offer(deps, plan, config, job.args, job.args.get("why", ""))


def propose_back(deps: Deps, job: JobContext) -> None:
    """Make a plan that leads back to the settings before another, and post it."""
    try:
        with deps.db.reading() as tx:
            row = any_plan(tx, job.args["plan_id"])
        back = way_back(deps, row)
        detections = deps.sites.detections(back.config)
        clients = deps.setup_clients(row.site)
        plan = make_plan(back.config, detections, clients, deps.clock)
        plan = replace(plan, notes=(*back.notes, *plan.notes))
    except TrailwatchError as error:
        _failed(deps, job, error)
        return
    offer(deps, plan, back.config, job.args, job.args.get("why") or back.why)


def propose_again(deps: Deps, job: JobContext) -> None:
    """Make a plan that brings what another was to bring, and post it."""
    try:
        with deps.db.reading() as tx:
            row = any_plan(tx, job.args["plan_id"])
        config, purpose = again(deps, row)
        plan = _plan(deps, purpose, config)
    except TrailwatchError as error:
        _failed(deps, job, error)
        return
    offer(deps, plan, config, job.args, row.why)


def _failed(deps: Deps, job: JobContext, error: TrailwatchError) -> None:
    """Tell who asked, unless another try may help: then the error is raised."""
    if worth_another_try(job, error):
        raise error
    tell(deps, job, error_message(error))


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


def _plan(deps: Deps, asked: Mapping[str, str], config: SiteConfig) -> Plan:
    detections = deps.sites.detections(config)
    clients = deps.setup_clients(config.site.name)
    if asked.get("purpose") == "destroy":
        include = asked.get("include", "").split(",")
        return make_destroy_plan(config, detections, clients, deps.clock, include=include)
    return make_plan(config, detections, clients, deps.clock)


def tell_status(deps: Deps, job: JobContext) -> None:
    """Answer the asking person with what stands."""
    try:
        config = deps.sites.config(job.args.get("site", ""))
        clients = deps.setup_clients(config.site.name)
        rows = status(config, deps.sites.detections(config), clients)
        with deps.db.reading() as tx:
            rows = explained(rows, drifts.standing(tx, config.site.name))
            down = taken_down(tx, config.site.name)
        message = _status(deps, config.site.name, rows, down)
    except TrailwatchError as error:
        if worth_another_try(job, error):
            raise
        message = error_message(error)
    tell(deps, job, message)


def _status(deps: Deps, site: str, rows: Sequence[ResourceStatus], down: PlanRow | None) -> Message:
    """What stands; where a pipeline was taken down, who did and what of it stayed."""
    several = deps.sites.several
    if down is None or all(one.state is not ResourceState.MISSING for one in rows):
        return status_message(rows, site, deps.clock(), several=several)
    at = down.approved_at or down.created_at
    return down_message(down.id, down.approved_name, at, site, stays=rows, several=several)
