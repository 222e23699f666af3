"""Every kind of job, and what is to be done when one fails for good."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from handlers.deps import Deps
from handlers.jobs import (
    alert_act,
    alert_confirm,
    alert_events,
    answer,
    digest,
    home,
    patterns,
    prune,
    reconcile,
    rotate_secret,
    setup_apply,
    setup_plan,
)
from handlers.jobs.job import JobContext, JobHandler, Later

KINDS: Mapping[str, Callable[[Deps, JobContext], Later | None]] = {
    "alert.act": alert_act.act,
    "alert.confirm": alert_confirm.confirm,
    "alert.find_events": alert_events.find_events,
    "alert.reconcile": reconcile.reconcile,
    "alert.show_events": alert_events.show_events,
    "digest.post": digest.post_digest,
    "home.publish": home.publish,
    "pattern.explain": patterns.explain,
    "pattern.test": patterns.search,
    "store.prune": prune.prune,
    "slack.answer": answer.answer,
    "setup.plan": setup_plan.propose,
    "setup.status": setup_plan.tell_status,
    "setup.apply": setup_apply.run_apply,
    "setup.rotate_secret": rotate_secret.rotate,
}


def handlers(deps: Deps) -> Mapping[str, JobHandler]:
    """The kinds with what they need already given."""

    def bind(run: Callable[[Deps, JobContext], Later | None]) -> JobHandler:
        return lambda job: run(deps, job)

    return {kind: bind(run) for kind, run in KINDS.items()}
