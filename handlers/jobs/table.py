"""Every kind of job, and what is to be done when one fails for good."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from handlers import twins
from handlers.deps import Deps
from handlers.jobs import (
    alert_act,
    alert_before,
    alert_change,
    alert_confirm,
    alert_dialog,
    alert_events,
    alert_own,
    alert_same,
    alert_twin,
    alert_who,
    answer,
    backtest,
    coverage,
    digest,
    direct_catch_up,
    drift,
    events,
    follow_up,
    home,
    identity,
    lint,
    migrate,
    mute,
    patterns,
    prune,
    reconcile,
    rotate_secret,
    setup_apply,
    setup_destroy,
    setup_export,
    setup_import,
    setup_plan,
    sites,
    storm,
    thread_note,
)
from handlers.jobs.job import JobContext, JobHandler, Later
from handlers.storms import SHOW

KINDS: Mapping[str, Callable[[Deps, JobContext], Later | None]] = {
    "alarm.mute": mute.start,
    "alarm.unmute": mute.end,
    "alert.act": alert_act.act,
    twins.ACT: alert_twin.act,
    "alert.change": alert_change.change,
    "alert.confirm": alert_confirm.confirm,
    "alert.find_events": alert_events.find_events,
    "alert.follow": alert_own.follow,
    "alert.link_before": alert_before.link_before,
    alert_same.KIND: alert_same.link_same,
    follow_up.KIND: follow_up.follow,
    "alert.open_dialog": alert_dialog.open_chosen,
    "alert.reconcile": reconcile.reconcile,
    "alert.show_events": alert_events.show_events,
    "alert.thread_note": thread_note.add,
    "alert.who": alert_who.tell_who,
    "backtest.run": backtest.run_backtest,
    "coverage": coverage.tell_coverage,
    "digest.post": digest.post_digest,
    "events.file": events.put_file,
    "events.open_search": events.open_search,
    "events.page": events.show_page,
    "home.publish": home.publish,
    "identity.ask": identity.ask,
    "identity.open": alert_dialog.open_reason,
    "identity.over": identity.over,
    "pattern.explain": patterns.explain,
    "pattern.test": patterns.search,
    SHOW: storm.show,
    "storm.act": storm.act_on_all,
    "store.prune": prune.prune,
    "slack.answer": answer.answer,
    "setup.export": setup_export.put,
    "setup.import": setup_import.propose,
    "setup.drift": drift.check,
    "setup.lint": lint.tell_lint,
    "direct.catch_up": direct_catch_up.catch_up,
    "migrate.test": migrate.test,
    "setup.plan": setup_plan.propose,
    "setup.status": setup_plan.tell_status,
    "setup.apply": setup_apply.run_apply,
    "setup.plan_again": setup_plan.propose_again,
    "setup.plan_back": setup_plan.propose_back,
    "setup.open_destroy": setup_destroy.open_modal,
    "setup.rotate_secret": rotate_secret.rotate,
    "sites.list": sites.tell_sites,
}


WAITS_FOR_AWS = frozenset(
    {
        "alert.find_events",
        "alert.follow",
        follow_up.KIND,
        "alert.show_events",
        "alert.who",
        "coverage",
        "events.file",
        "events.page",
        "pattern.explain",
        "pattern.test",
        "setup.import",
        "setup.drift",
        "setup.lint",
        "setup.plan",
        "setup.plan_again",
        "setup.plan_back",
        "setup.status",
        "sites.list",
    }
)
"""Kinds that only read, of which many may be asked for while AWS hangs."""

CROWDED = timedelta(seconds=0.2)
"""When such a job looks again for a free place."""


def handlers(deps: Deps) -> Mapping[str, JobHandler]:
    """The kinds with what they need already given.

    Those that wait for AWS share a few places, so that an AWS which hangs leaves threads for
    acknowledgements.
    """

    def bind(run: Callable[[Deps, JobContext], Later | None]) -> JobHandler:
        return lambda job: run(deps, job)

    def in_a_place(run: Callable[[Deps, JobContext], Later | None]) -> JobHandler:
        def run_or_wait(job: JobContext) -> Later | None:
            if not deps.places.acquire(blocking=False):
                return Later(CROWDED, job.args)
            try:
                return run(deps, job)
            finally:
                deps.places.release()

        return run_or_wait

    return {
        kind: in_a_place(run) if kind in WAITS_FOR_AWS else bind(run) for kind, run in KINDS.items()
    }
