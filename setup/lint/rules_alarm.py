"""Knows what keeps an alarm from its metric and from people. Reads a chain, changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from setup.lint.chain import Alarm, Composite, known, region_of, same
from setup.lint.rule import Hit, Rule, Severity
from setup.lint.view import View, plainest
from trailwatch.pattern.cloudtrail import near

MAX_DESCRIPTION = 1024
STUCK = timedelta(hours=24)


def no_metric(view: View) -> Iterator[Hit]:
    if not view.chain.complete and not view.chain.filters:
        return
    for alarm in view.alarms:
        if view.makers(alarm) or view.may_meet(alarm):
            continue
        message = f"{alarm.name} looks at {alarm.metric} in {alarm.namespace}: no filter makes it."
        found = _near(view, alarm)
        field, mend = "metric", _AGAIN
        if found:
            mend = ""
            message += f" A filter makes {' or '.join(found)}."
            spaces = {one.namespace for one in view.filters if one.metric == alarm.metric}
            field = "namespace" if spaces else "metric"
        yield Hit(alarm, message, field, mend)


_AGAIN = (
    "Make the filter again that this alarm is for: no other has a metric of such a name. Where it "
    "is under another name, give the alarm the filter's namespace and metric name."
)


def _near(view: View, alarm: Alarm) -> list[str]:
    """What the alarm may mean: the same name elsewhere, or a name that looks like it."""
    candidates = [one for one in view.filters if one.metric and one.namespace]
    wanted = (plainest(alarm.namespace), plainest(alarm.metric))
    exact = [one for one in candidates if one.metric == alarm.metric]
    alike = [one for one in candidates if (plainest(one.namespace), plainest(one.metric)) == wanted]
    here = {one.metric or "" for one in candidates if one.namespace == alarm.namespace}
    names = near(alarm.metric or "", here)
    close = [one for one in candidates if one.metric in names and one.namespace == alarm.namespace]
    shown = [f"{one.metric} in {one.namespace}" for one in (*exact, *alike, *close)]
    return list(dict.fromkeys(shown))[:3]


def other_dimensions(view: View) -> Iterator[Hit]:
    for alarm in view.alarms:
        makers = [one for one in view.makers(alarm) if one.dimensions is not None]
        if alarm.dimensions is None or not makers:
            continue
        if all(one.dimensions != alarm.dimensions for one in makers):
            message = (
                f"{alarm.name} looks at {_dimensions(alarm.dimensions)}; the filter "
                f"{makers[0].name} reports {_dimensions(makers[0].dimensions or frozenset())}."
            )
            yield Hit(alarm, message, "dimensions")


def _dimensions(names: frozenset[str]) -> str:
    return f"the dimensions {', '.join(sorted(names))}" if names else "no dimensions"


def actions_off(view: View) -> Iterator[Hit]:
    for alarm in view.alarms:
        if alarm.actions_enabled is False:
            yield Hit(alarm, f"The actions of {alarm.name} are disabled.", "actions_enabled")


def _composites(view: View, alarm: Alarm) -> list[Composite]:
    """The composite alarms whose rule names an alarm."""
    arn_end = f":alarm:{alarm.name}"
    return [
        one
        for one in view.chain.composites
        if any(
            text in (one.rule or "")
            for text in (f'"{alarm.name}"', f"({alarm.name})", f'{arn_end}"', f"{arn_end})")
        )
    ]


def no_action(view: View) -> Iterator[Hit]:
    for alarm in view.alarms:
        if alarm.alarm_actions != () or alarm.name in (c.suppressor for c in view.chain.composites):
            continue
        telling = [one for one in _composites(view, alarm) if one.alarm_actions != ()]
        if not telling:
            message = f"{alarm.name} goes off and tells nobody."
            yield Hit(alarm, message, "alarm_actions")


def suppressed(view: View) -> Iterator[Hit]:
    for alarm in view.alarms:
        for one in _composites(view, alarm):
            held = f", which {one.suppressor} holds back" if one.suppressor else ""
            alone = "" if alarm.alarm_actions else " and has no action of its own"
            message = f"{alarm.name} is part of the composite alarm {one.name}{held}{alone}."
            yield Hit(alarm, message, "alarm_actions")


def no_ok_action(view: View) -> Iterator[Hit]:
    for alarm in view.alarms:
        if alarm.ok_actions == () and alarm.alarm_actions != ():
            yield Hit(alarm, f"{alarm.name} does not tell when it is over.", "ok_actions")


def action_elsewhere(view: View) -> Iterator[Hit]:
    for alarm in view.alarms:
        here = alarm.region or view.chain.region
        for arn in alarm.alarm_actions or ():
            there = region_of(arn) if ":sns:" in arn else None
            if here and there and here != there:
                message = f"{alarm.name} is in {here}, its topic in {there}: {arn}."
                yield Hit(alarm, message, "alarm_actions")


def no_topic(view: View) -> Iterator[Hit]:
    for alarm in view.alarms:
        for arn in dict.fromkeys(alarm.alarm_actions or ()):
            if arn in view.chain.missing_topics:
                message = f"{alarm.name} notifies {arn}, which does not exist."
                yield Hit(alarm, message, "alarm_actions")


def muted(view: View) -> Iterator[Hit]:
    for alarm in view.alarms:
        if alarm.muted_by:
            yield Hit(alarm, f"{alarm.name} is muted by the rule {alarm.muted_by}.")


def description(view: View) -> Iterator[Hit]:
    for alarm in view.alarms:
        length = len(alarm.description or "")
        if alarm.description is not None and known(alarm.description) and length > MAX_DESCRIPTION:
            message = f"The description of {alarm.name} has {length:,} characters."
            yield Hit(alarm, message, "description")


def no_description(view: View) -> Iterator[Hit]:
    for alarm in view.alarms:
        if alarm.description == "":
            yield Hit(alarm, f"{alarm.name} has no description.", "description")


def stuck(view: View) -> Iterator[Hit]:
    now = view.chain.now
    for alarm in view.alarms:
        if alarm.state != "ALARM" or alarm.since is None or now is None:
            continue
        if now - alarm.since > STUCK:
            days = (now - alarm.since).total_seconds() / 86400
            message = f"{alarm.name} has been in ALARM for {days:.0f} days."
            yield Hit(alarm, message.replace(" 1 days", " a day"))


def no_alarm_at_all(view: View) -> Iterator[Hit]:
    looked_at = view.alarms or any(map(view.in_expression, view.filters))
    if view.filters and not looked_at and view.chain.complete:
        first = view.filters[0]
        others = len(view.filters) - 1
        count = f" and {others} more count" if others else " counts"
        yield Hit(first, f"No alarm looks at what {first.name}{count}.")


def same_action_twice(view: View) -> Iterator[Hit]:
    for alarm in view.alarms:
        actions = list(alarm.alarm_actions or ())
        twice = {arn for arn in actions if sum(bool(same(arn, other)) for other in actions) > 1}
        for arn in sorted(twice):
            yield Hit(alarm, f"{alarm.name} notifies {arn} twice.", "alarm_actions")


_PUT = "PutMetricAlarm, CloudWatch API reference"
_GUIDE = "Using Amazon CloudWatch alarms, CloudWatch user guide"

RULES = (
    Rule("TW401", Severity.ERROR, "No metric filter makes the alarm's metric",
         "Namespace and metric name must be the filter's, to the letter and the case; otherwise "
         "the alarm waits for data that never come.",
         "Give the alarm the filter's namespace and metric name.", _PUT, no_metric),
    Rule("TW402", Severity.ERROR, "The alarm's dimensions are not the filter's",
         "A metric with other dimensions is another metric: the alarm finds no data.",
         "Give both the same dimensions; for these alarms none is best.",
         "Dimensions, CloudWatch user guide", other_dimensions),
    Rule("TW403", Severity.ERROR, "The alarm's actions are disabled",
         "The alarm changes its state and tells nobody; disabling actions is also what an "
         "intruder does.", "aws cloudwatch enable-alarm-actions, or ActionsEnabled true; and look "
         "who disabled them.", "DisableAlarmActions, CloudWatch API reference", actions_off),
    Rule("TW404", Severity.ERROR, "The alarm has no action",
         "It goes off in the console and nowhere else.",
         "Name an SNS topic as its alarm action.", _PUT, no_action),
    Rule("TW405", Severity.NOTE, "The alarm is part of a composite alarm",
         "Whoever is told by the composite alarm alone hears of this one only when the whole "
         "rule becomes true, and not while it is suppressed.",
         "Give it an action of its own where each event counts.",
         "Combining alarms, CloudWatch user guide", suppressed),
    Rule("TW406", Severity.NOTE, "The alarm does not tell when it is over",
         "Nobody learns that it returned to OK, and what is on call stays open.",
         "Name the same topic as its OK action.", _PUT, no_ok_action),
    Rule("TW407", Severity.ERROR, "The alarm notifies a topic of another region",
         "CloudWatch publishes to topics of its own region only.",
         "Make a topic in the alarm's region.", _GUIDE, action_elsewhere),
    Rule("TW408", Severity.ERROR, "The alarm notifies a topic that does not exist",
         "The alarm's history then says that the action failed; nobody else is told.",
         "Make the topic, or name another.", _GUIDE, no_topic),
    Rule("TW409", Severity.WARNING, "The alarm is muted",
         "A mute rule holds its actions back; the state still changes.",
         "Delete the mute rule, or wait for its end if it is meant.",
         "PutAlarmMuteRule, CloudWatch API reference", muted),
    Rule("TW410", Severity.ERROR, "The description is too long",
         "CloudWatch takes 1,024 characters at most: the alarm is not made.",
         "Shorten it, and link the runbook.", _PUT, description),
    Rule("TW411", Severity.NOTE, "The alarm has no description",
         "Whoever is woken by it reads this text first.",
         "Say what happened, why it matters and what to do.", _PUT, no_description),
    Rule("TW412", Severity.WARNING, "The alarm has been on for long",
         "CloudWatch tells of changes of state only: while it stays in ALARM further events tell "
         "nobody.", "Look at the events, and narrow the pattern or raise the threshold.",
         _GUIDE, stuck),
    Rule("TW413", Severity.ERROR, "No alarm looks at any of the filters",
         "Records are counted, and nobody is ever told.", "Make an alarm for each metric.",
         "Creating alarms for CloudTrail events, CloudTrail user guide", no_alarm_at_all),
    Rule("TW414", Severity.NOTE, "The alarm notifies one topic twice",
         "Its subscribers are told twice.", "Name it once.", _PUT, same_action_twice),
)  # fmt: skip
"""What can be wrong between an alarm, its metric and its actions."""
