"""The job behind /trailwatch sites: reaches each site, tells what it found. Changes nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from handlers.answering import tell
from handlers.blocks.sites import SiteRow, sites_message
from handlers.deps import Deps
from handlers.jobs.job import JobContext
from trailwatch.errors import TrailwatchError
from trailwatch.store import plans

AT_ONCE = 4


def tell_sites(deps: Deps, job: JobContext) -> None:
    """Answer the asking person with every site."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        rows = list(pool.map(lambda name: row_of(deps, name), deps.sites.names))
    tell(deps, job, sites_message(rows))


def row_of(deps: Deps, name: str) -> SiteRow:
    """One site: its account is asked for, and both of its roles are assumed."""
    problems: list[TrailwatchError] = []
    try:
        deps.sites.config(name)
        deps.logs(deps.sites.config(name))
    except TrailwatchError as error:
        problems.append(error)
    try:
        deps.setup_clients(name)
    except TrailwatchError as error:
        if str(error) not in map(str, problems):
            problems.append(error)
    config, wanted = deps.sites.config_or_blank(name), deps.sites.wanted(name)
    with deps.db.reading() as tx:
        newest = next(iter(plans.newest(tx, name, limit=1)), None)
    return SiteRow(
        name=name,
        account=config.site.account,
        account_name=deps.sites.account_name(config.site.account),
        region=config.site.region,
        pack=config.pack,
        channel=wanted.channel,
        reads=wanted.reads,
        builds=wanted.builds,
        plan=newest.state.value if newest else "",
        plan_at=newest.ended_at or newest.approved_at or newest.created_at if newest else None,
        problems=tuple(problems),
    )
