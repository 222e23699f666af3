"""Knows what an SNS message to the bot itself leads to: a confirmation, or an alert's news.

Messages are verified before they come into the inbox (handlers.webhooks.sns).
"""

from __future__ import annotations

import logging
from dataclasses import replace

from sqlalchemy import Connection

from handlers import twins
from handlers.blocks import kit
from handlers.deps import Deps
from handlers.intake import confirmed
from handlers.threads import reply
from trailwatch.alarm_message import AlarmMessage, alarm_message
from trailwatch.alert import Alert, AlertState
from trailwatch.clock import iso
from trailwatch.errors import ProviderError
from trailwatch.routers.direct import receive
from trailwatch.routers.router import RouterName, marked
from trailwatch.site import SiteConfig
from trailwatch.sns_message import SnsMessage, SnsType, sns_message
from trailwatch.store import alerts, inbox, jobs
from trailwatch.store.inbox import InboxRow
from trailwatch.store.jobs import LostClaim

log = logging.getLogger("trailwatch.direct")


def own_topics(deps: Deps) -> dict[str, str]:
    """The ARNs of the sites' topics, and their sites. Raises ProviderError where none is known,
    since an account's id cannot be had.
    """
    found: dict[str, str] = {}
    failure: ProviderError | None = None
    for name in deps.sites.names:
        try:
            config = deps.sites.config(name)
        except ProviderError as error:
            failure = error
            continue
        found[config.site.topic_arn(config.topic)] = name
    if failure is not None and not found:
        raise failure
    return found


def take_sns(deps: Deps, row: InboxRow) -> None:
    """Take one message in. Raises AwsError where SNS does not confirm a subscription."""
    message = sns_message(row.body, signed=False)
    if message.type is SnsType.CONFIRM:
        deps.sns.confirm(message.topic_arn, message.token)
        log.info("subscription of %s confirmed", message.topic_arn)
        return
    if message.type is SnsType.UNSUBSCRIBED:
        # Nobody is asked for it back here: a look for drift says at once that it is gone.
        log.warning("the subscription of %s was ended by its link", message.topic_arn)
        if site := own_topics(deps).get(message.topic_arn):
            with deps.db.transaction() as tx:
                jobs.add(tx, "setup.drift", {"site": site}, deps.clock(), key=f"drift:{row.key}")
        return
    _take_alarm(deps, row, message)


def _take_alarm(deps: Deps, row: InboxRow, message: SnsMessage) -> None:
    alarm = alarm_message(message.text)
    if alarm is None:
        log.info("message %s is no alarm's", message.id)
        return
    config = deps.sites.watching(alarm.arn)
    with deps.db.transaction() as tx:
        take_alarm(deps, tx, alarm, config, key=row.key)
        if not inbox.done(tx, row, deps.clock()):
            raise LostClaim(f"delivery {row.key}")  # undoes what another process does, too


def take_alarm(
    deps: Deps, tx: Connection, alarm: AlarmMessage, config: SiteConfig, *, key: str
) -> Alert | None:
    """Bring the alert of an alarm in step with the alarm; None where nothing is to be shown."""
    routed = receive(tx, alarm, deps.clock(), site=config.site.name, auto_close=config.auto_close)
    if routed is None:
        return None
    routed = replace(routed, id=marked(RouterName.DIRECT, routed.id))
    alert = confirmed(deps, tx, routed, config)
    if alarm.state == "OK" and alert.state is not AlertState.CLOSED:
        _tell_ok(deps, tx, alert, alarm, key)
    return alert


def _tell_ok(deps: Deps, tx: Connection, alert: Alert, alarm: AlarmMessage, key: str) -> None:
    """Note in the thread that the alarm is quiet again, which undoes nothing."""
    at = alarm.changed_at or deps.clock()
    heard = twins.heard_quiet(tx, alert, RouterName.DIRECT, at)
    if heard is None:
        return
    if heard != alert:
        alerts.save(tx, heard)
    text = f"The alarm went back to OK at {iso(at)[11:16]} UTC."
    message = kit.message(text, [kit.rich_text(kit.words(text))])
    reply(deps, tx, alert, f"ok:{key}", message, aside=True)
