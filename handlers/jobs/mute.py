"""The jobs that mute an alarm and end that: by a mute rule of CloudWatch's, else in the bot."""

from __future__ import annotations

import logging
from collections.abc import Container, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from handlers.applies import write_down
from handlers.audit import noted
from handlers.deps import Deps
from handlers.intake import say
from handlers.jobs.job import JobContext, worth_another_try
from handlers.muting import announce, tell_failure
from handlers.storms import message_key
from setup.clients import Clients
from setup.drift import Drifted
from setup.own import Deed, session_of
from setup.resources.mute_rule import GONE
from trailwatch.alert import AlertState
from trailwatch.errors import AwsError, TrailwatchError
from trailwatch.site import parse_arn
from trailwatch.store import alerts, jobs, mutes, outbox
from trailwatch.store.mutes import Mute, Way

log = logging.getLogger("trailwatch.mutes")

MINUTE = timedelta(minutes=1)
SETTLED = timedelta(minutes=2)
"""So young a rule may not be listed yet."""
IN_AWS = "somebody in AWS"
_WAYS = {Way.CLOUDWATCH: "done", Way.BOT: "only Slack is quiet"}


def rule_name(mute: Mute) -> str:
    """The name of the CloudWatch rule behind a mute."""
    return f"trailwatch-mute-{mute.id}"


def start(deps: Deps, job: JobContext) -> None:
    """Put the rule, else keep quiet here; the channel is told which."""
    with deps.db.reading() as tx:
        mute = mutes.get(tx, job.args["mute_id"])
    if mute is None or mute.ended_at is not None or mute.way is not Way.STARTING:
        return
    try:
        way = Way.CLOUDWATCH if _put(deps, mute) else Way.BOT
    except TrailwatchError as error:
        if worth_another_try(job, error):
            raise
        log.warning("mute=%s no rule of CloudWatch's: %s", mute.id, error)
        way = Way.BOT
    with deps.db.transaction() as tx:
        now = mutes.get(tx, mute.id, lock=True)
        ended = now is None or now.ended_at is not None
    if ended:
        # Somebody ended it while it was asked for: the rule came after its end.
        if way is Way.CLOUDWATCH:
            _delete(deps, job, mute, mute.by)
        return
    _begin(deps, mute, way)


def only_here(deps: Deps, mute_id: str) -> None:
    """Keep quiet here alone, where it could not even be tried to have CloudWatch do it."""
    with deps.db.reading() as tx:
        mute = mutes.get(tx, mute_id)
    if mute is not None and mute.ended_at is None and mute.way is Way.STARTING:
        _begin(deps, mute, Way.BOT)


def _begin(deps: Deps, mute: Mute, way: Way) -> None:
    """Write down who keeps quiet, and announce it."""
    with deps.db.transaction() as tx:
        mutes.stands(tx, mute.id, way)
        noted(
            deps, tx, mute.by, "alarm.mute", mute.name, _WAYS[way],
            of=f"mute:{mute.id}", site=mute.site,
        )  # fmt: skip
        standing = mutes.get(tx, mute.id)
        if standing is not None:
            announce(deps, tx, standing)


def end(deps: Deps, job: JobContext) -> None:
    """Take the rule away, say that it is over, and show what was held back and is open."""
    with deps.db.reading() as tx:
        mute = mutes.get(tx, job.args["mute_id"])
    if mute is None or mute.ended_at is not None:
        return
    by = str(job.args.get("by", ""))
    if mute.way is not Way.BOT:
        _delete(deps, job, mute, by)
    now = deps.clock()
    with deps.db.transaction() as tx:
        came = [one for one in alerts.between(tx, mute.at, now) if _is_of(one.alias, mute)]
        if not mutes.end(tx, mute.id, by, now, len(came)):
            return
        if by:
            of = f"unmute:{mute.id}"
            noted(deps, tx, by, "alarm.unmute", mute.name, "done", of=of, site=mute.site)
        over = mutes.get(tx, mute.id)
        if over is not None:
            announce(deps, tx, over)
        for alert in came:
            shown = outbox.is_said(tx, message_key(alert.id))
            if alert.state is not AlertState.CLOSED or shown:
                say(deps, tx, alert)


def _is_of(alias: str, mute: Mute) -> bool:
    return alias == mute.alarm


def _put(deps: Deps, mute: Mute) -> bool:
    """Whether CloudWatch has the rule now. Source: PutAlarmMuteRule, CloudWatch API reference."""
    arn = parse_arn(mute.alarm)
    site = deps.sites.config(mute.site).site
    if arn is None or (arn.account, arn.region) != (site.account, site.region):
        return False
    clients = deps.setup_clients(mute.site, session_of(mute.id, Deed.MUTE))
    key = f"mute_rule:{rule_name(mute)}"
    write_down(
        deps, clients, Deed.MUTE, mute.id, key, mute.by, mute.name,
        of=f"mute:{mute.id}", why=mute.why, site=mute.site,
    )  # fmt: skip
    begins = mute.at.astimezone(UTC).replace(second=0, microsecond=0)
    try:
        _put_rule(clients, mute, begins)
        if _counts(clients, mute):
            return True
        # No page says what becomes of a rule that begins in this minute, which is on already.
        _put_rule(clients, mute, deps.clock().replace(second=0, microsecond=0) + MINUTE)
        return _counts(clients, mute)
    except AttributeError:
        return False  # a boto3 from before there were mute rules


def _put_rule(clients: Clients, mute: Mute, begins: datetime) -> None:
    minutes = -(-(mute.until - begins) // MINUTE)
    clients.call(
        "cloudwatch",
        "PutAlarmMuteRule",
        Name=rule_name(mute),
        Description=f"{mute.by}: {mute.why}"[:1024] if mute.why else mute.by[:1024],
        Rule={
            "Schedule": {
                "Expression": f"at({begins:%Y-%m-%dT%H:%M})",
                "Duration": lasting(minutes),
            }
        },
        MuteTargets={"AlarmNames": [mute.name]},
        ExpireDate=begins + minutes * MINUTE,
    )


def _counts(clients: Clients, mute: Mute) -> bool:
    """Whether a rule mutes now or soon, as far as AWS tells us. Source: GetAlarmMuteRule."""
    try:
        found = clients.find(
            "cloudwatch", "GetAlarmMuteRule", GONE, AlarmMuteRuleName=rule_name(mute)
        )
    except AwsError as error:
        log.warning("mute=%s the rule was not read back: %s", mute.id, error)
        return True
    return found is None or found.get("Status") != "EXPIRED"


def lasting(minutes: int) -> str:
    """A number of minutes as ISO 8601 writes it: "P1D", "PT90M" as "PT1H30M"."""
    days, rest = divmod(minutes, 24 * 60)
    hours, left = divmod(rest, 60)
    time = f"{f'{hours}H' if hours else ''}{f'{left}M' if left else ''}"
    return f"P{f'{days}D' if days else ''}{f'T{time}' if time else ''}"


def _delete(deps: Deps, job: JobContext, mute: Mute, by: str) -> None:
    try:
        clients = deps.setup_clients(mute.site, session_of(mute.id, Deed.UNMUTE))
        key, of = f"mute_rule:{rule_name(mute)}", f"unmute:{mute.id}"
        write_down(deps, clients, Deed.UNMUTE, mute.id, key, by, mute.name, of=of, site=mute.site)
        clients.find(
            "cloudwatch",
            "DeleteAlarmMuteRule",
            GONE,
            AlarmMuteRuleName=rule_name(mute),
        )
    except AttributeError:
        return
    except TrailwatchError as error:
        # A rule ends by itself at its time; earlier it has to be taken away, or to be tried.
        early = deps.clock() < mute.until
        if early and (isinstance(error, AwsError) or worth_another_try(job, error)):
            raise
        log.warning("mute=%s the rule was not deleted: %s", mute.id, error)


def still_muted(deps: Deps, mute_id: str, why: str, by: str = "") -> None:
    """Tell the channel that a mute could not be ended; the rule ends by itself at its time."""
    with deps.db.transaction() as tx:
        mute = mutes.get(tx, mute_id)
        if mute is not None and mute.ended_at is None:
            tell_failure(deps, tx, mute, why)
            of = f"unmute:{mute.id}"
            noted(deps, tx, by, "alarm.unmute", mute.name, "failed", of=of, why=why)


def end_those_gone(
    deps: Deps, tx: Connection, site: str, alarms: Container[str], rules: Container[str]
) -> None:
    """End the mutes of a site whose rule somebody took away in AWS: their alarms are heard again.

    alarms: the names of those whose rules were read; rules: those that mute one of them.
    """
    now = deps.clock()
    for mute in mutes.list_standing(tx):
        begun = mute.way is Way.CLOUDWATCH and mute.at + SETTLED < now < mute.until - MINUTE
        if begun and mute.site == site and mute.name in alarms and rule_name(mute) not in rules:
            arguments = {"mute_id": mute.id, "by": IN_AWS}
            jobs.add(tx, "alarm.unmute", arguments, now, key=f"unmute:{mute.id}")


def announced(drifted: Drifted, standing: Sequence[Mute]) -> bool:
    """Whether what drifted is a rule that was asked for here, and does no more than was asked."""
    change = drifted.change
    muted = list((change.before or {}).get("mutes", ()))
    return change.kind == "mute_rule" and any(
        change.name == rule_name(mute)
        and muted == [mute.name]
        and drifted.until is not None
        and drifted.until <= mute.until + MINUTE
        for mute in standing
    )
