"""The jobs of a storm: keep its message and lists up to date, and act on all of it at once."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

from sqlalchemy import Connection

from handlers.access import Person
from handlers.answering import promise
from handlers.audit import noted
from handlers.blocks.storm import SHOWN_DOERS, Rollup, page_message, rollup_message
from handlers.channels import usable
from handlers.deps import Deps
from handlers.jobs.job import JobContext, Later
from handlers.request import Request
from handlers.storms import GAP, acted_on, page_key, storm_key
from trailwatch.alert import AlertAction
from trailwatch.store import alerts, outbox, storms
from trailwatch.store.outbox import Outgoing
from trailwatch.store.storms import Member
from trailwatch.storm import Storm, is_over

PAGES = 3
"""Lists that one look brings up to date, so that the counts are never far behind."""
BEAT = 20
"""Alerts acted on between two signs of life."""


def show(deps: Deps, job: JobContext) -> Later | None:
    """Show what changed; again and again until it is over and everything is shown."""
    now = deps.clock()
    with deps.db.transaction() as tx:
        storm = storms.get(tx, str(job.args["storm"]), lock=True)
        if storm is None:
            return None
        was_over = storm.ended_at is not None
        if not was_over and is_over(storm, now, deps.storms):
            storms.end(tx, storm.id, now)
            storm = replace(storm, ended_at=now)
        members = storms.stale(tx, storm.id, PAGES)
        storms.shown(tx, members)
        _say_rollup(deps, tx, storm)
        _say_pages(deps, tx, storm, members)
    if members or not was_over:
        # Once more after its end: what changed in that moment counted on this job.
        return Later(GAP)
    return None


def _say_rollup(deps: Deps, tx: Connection, storm: Storm) -> None:
    kinds = storms.kinds(tx, storm.id)
    names = {kind.account: deps.sites.account_name(kind.account) for kind in kinds if kind.account}
    newest = storms.newest_at(tx, storm.id) or storm.began_at
    doers, total = storms.doers(tx, storm.id, SHOWN_DOERS)
    told = Rollup(storm, kinds, newest, deps.storms, names, doers, total)
    message = rollup_message(told)
    outgoing = Outgoing(
        key=storm_key(storm.id),
        lane=usable(deps, tx, storm.channel),
        text=message.text,
        blocks=message.blocks,
        metadata={"storm": storm.id},
    )
    outbox.say(tx, outgoing, deps.clock())


def _say_pages(deps: Deps, tx: Connection, storm: Storm, members: list[Member]) -> None:
    found = alerts.get_many(tx, [one.alert for one in members])
    for page, ones in groupby(members, key=lambda one: one.page):
        listed = [found[one.alert] for one in ones if one.alert in found]
        if not listed:
            continue
        offices = {alert.site: deps.sites.offices(tx, alert.site) for alert in listed}
        message = page_message(storm.id, page, listed, offices)
        outgoing = Outgoing(
            key=page_key(storm.id, page),
            lane=storm.channel,
            text=message.text,
            blocks=message.blocks,
            metadata={"storm": storm.id, "page": page},
            thread_of=storm_key(storm.id),
        )
        outbox.say(tx, outgoing, deps.clock())


def act_on_all(deps: Deps, job: JobContext) -> None:
    """Promise an action for each alert of a storm, or of a page, that it isn't too late for."""
    args = job.args
    action = AlertAction(args["action"])
    page = None if args["page"] is None else int(args["page"])
    with deps.db.reading() as tx:
        left = storms.in_states(tx, str(args["storm"]), acted_on(action), page)
    person = Person(str(args["user_id"]), str(args["name"]), str(args["email"]))
    for number, alert_id in enumerate(left):
        # No address to answer to: what is refused is said in the thread.
        request = Request(person, str(args["channel"]), "", "", f"{args['key']}:{alert_id}")
        promise(deps, request, alert_id, action)
        if number % BEAT == BEAT - 1:
            job.beat()
    with deps.db.transaction() as tx:
        what, of = str(args.get("alerts", "")), f"storm:{args['key']}"
        noted(deps, tx, person.name, f"storm.{action.value}", what, "asked of each", of=of)
