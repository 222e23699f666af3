"""The job behind the second step of migrate: a test alarm, and what it was told by."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import timedelta

from handlers.answering import said, tell
from handlers.applies import write_down
from handlers.blocks.errors import error_message
from handlers.deps import Deps
from handlers.jobs.job import JobContext, Later, worth_another_try
from setup.clients import Clients
from setup.migrate import canary, canary_arn, fire, remove
from setup.own import Deed, session_of
from trailwatch.clock import iso, parse_time
from trailwatch.errors import RouterError, TrailwatchError
from trailwatch.routers.router import router_of
from trailwatch.site import SiteConfig
from trailwatch.store import alerts, jobs

AGAIN = timedelta(seconds=2)
PATIENCE = timedelta(minutes=3)
"""How long both may take: longer than the reconciler's minute, if a webhook is lost."""
OWN = ("to", "fired", "before", "test")
"""The job's own arguments, which are none of the plan's."""


def test(deps: Deps, job: JobContext) -> Later | None:
    """Set a test alarm off, wait until both services told of it, then propose the last plan."""
    try:
        config = deps.sites.config(job.args.get("site", ""))
        if not job.args.get("fired"):
            now, before = deps.clock(), _counts(deps, config)
            test_id = secrets.token_hex(8)
            fire(config, _clients(deps, job, config, Deed.TEST, test_id))
            fired = {"fired": iso(now), "before": before, "test": test_id}
            return Later(AGAIN, {**job.args, **fired})
        return _look(deps, job, config)
    except TrailwatchError as error:
        if worth_another_try(job, error):
            raise
        tell(deps, job, error_message(error))
        return None


def _look(deps: Deps, job: JobContext, config: SiteConfig) -> Later | None:
    to, fired = str(job.args["to"]), parse_time(str(job.args["fired"]))
    # One that an earlier test left open, in both, proves nothing: it has to have gone off again.
    counts, before = _counts(deps, config), job.args.get("before", {})
    came = {router_of(one).value for one, count in counts.items() if count > before.get(one, 0)}
    missing = [name for name in (config.router, to) if name not in came]
    if missing and deps.clock() - fired < PATIENCE:
        return Later(AGAIN)
    test_id = str(job.args.get("test", ""))
    remove(config, _clients(deps, job, config, Deed.TESTED, test_id))
    _close(deps, counts, str(job.args.get("user", "")) or "trailwatch")
    if missing:
        words = f"The test alarm did not come by {' and by '.join(missing)}."
        tell(deps, job, said(words, f"Nothing was changed; alarms go to {config.router} and {to}."))
        return None
    tell(deps, job, said(f"The test alarm came by {config.router} and by {to}."))
    with deps.db.transaction() as tx:
        asked = {k: v for k, v in job.args.items() if k not in OWN}
        arguments = {**asked, "set": f"router={to},beside=none"}
        jobs.add(tx, "setup.plan", arguments, deps.clock(), key=f"migrate:{job.id}")
    return None


def _clients(deps: Deps, job: JobContext, config: SiteConfig, deed: Deed, ident: str) -> Clients:
    """Clients in a session of the test's own, whose calls are known as ours."""
    clients = deps.setup_clients(config.site.name, session_of(ident, deed))
    key, name = f"alarm:{canary(config)}", str(job.args.get("name", ""))
    write_down(deps, clients, deed, ident, key, name, canary(config), site=config.site.name)
    return clients


def _counts(deps: Deps, config: SiteConfig) -> dict[str, int]:
    """How often the newest alert of the test alarm went off, by its id in each service."""
    with deps.db.reading() as tx:
        alert = alerts.newest_by_alias(tx, canary_arn(config))
        ids = (alert.router_id, *alerts.twins(tx, alert.id)) if alert else ()
    found = {one: deps.router.find(one) for one in ids}
    return {one: routed.count for one, routed in found.items() if routed is not None}


def _close(deps: Deps, ids: Iterable[str], user: str) -> None:
    """Close it everywhere; where that fails it stays open there, for people to close."""
    for one in ids:
        try:
            deps.router.close(one, user, "The test is over.")
        except RouterError:
            continue
