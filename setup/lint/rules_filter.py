"""Knows what goes wrong with metric filters and their patterns. Reads a chain, changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from setup.lint.chain import MetricFilter, known, same
from setup.lint.rule import Hit, Rule, Severity
from setup.lint.view import View
from trailwatch.detections import DetectionKind, load_catalogue
from trailwatch.pattern import Lint, Pattern, PatternError, parse
from trailwatch.pattern import Rule as Dubious

MAX_FILTERS = 100
NEAR_FILTERS = 95
MAX_REGEX_FILTERS = 5
CANNOT = (Dubious.NEVER, Dubious.CONTAINER, Dubious.BOOLEAN, Dubious.CIDR)
"""What a lint of a pattern calls a part that no event meets."""
LEFT_BLANK = ("missing", "ignore")


def parsed(one: MetricFilter) -> Pattern | None:
    """A filter's pattern, None where it isn't known or AWS would refuse it."""
    if one.pattern is None or not known(one.pattern):
        return None
    try:
        return parse(one.pattern)
    except PatternError:
        return None


@cache
def prescribed() -> frozenset[str]:
    """The patterns that scanners want word by word, without blanks."""
    detections = load_catalogue().detections.values()
    wanted = (one for one in detections if one.kind is DetectionKind.COMPLIANCE)
    return frozenset(one.pattern.replace(" ", "") for one in wanted)


def _lints(one: MetricFilter) -> tuple[Lint, ...]:
    pattern = parsed(one)
    if pattern is None or pattern.text.replace(" ", "") in prescribed():
        return ()
    return pattern.lint()


def _said(one: MetricFilter, lint: Lint) -> str:
    return f"The pattern of {one.name}, column {lint.at + 1}: {lint.why}"


def refused(view: View) -> Iterator[Hit]:
    for one in view.filters:
        if one.pattern is None or not known(one.pattern):
            continue
        try:
            parse(one.pattern)
        except PatternError as error:
            message = f"The pattern of {one.name}, column {error.at + 1}: {error}."
            yield Hit(one, message.replace("..", "."), "pattern")


def cannot_match(view: View) -> Iterator[Hit]:
    for one in view.filters:
        for lint in _lints(one):
            if lint.rule in CANNOT:
                yield Hit(one, _said(one, lint), "pattern", _instead(lint))


def always(view: View) -> Iterator[Hit]:
    for one in view.filters:
        if one.pattern is not None and not one.pattern.strip():
            message = f"The pattern of {one.name} is empty: every record counts."
            yield Hit(one, message, "pattern")
            continue
        for lint in _lints(one):
            if lint.rule is Dubious.ALWAYS:
                yield Hit(one, _said(one, lint), "pattern", _instead(lint))


def dubious(view: View) -> Iterator[Hit]:
    for one in view.filters:
        for lint in _lints(one):
            if lint.rule not in (*CANNOT, Dubious.ALWAYS, Dubious.REGEX_BUDGET):
                yield Hit(one, _said(one, lint), "pattern", _instead(lint))


def _instead(lint: Lint) -> str:
    return f"Write: {lint.instead}" if lint.instead else ""


def unwatched(view: View) -> Iterator[Hit]:
    if not view.alarms:
        return  # said once for all of them, where all alarms are known
    for one in view.filters:
        if one.metric is None or view.watchers(one) or view.may_meet(one):
            continue
        if view.in_expression(one):
            continue
        message = f"{one.name} makes {_metric(one)}, at which no alarm looks."
        yield Hit(one, message, "metric")


def _metric(one: MetricFilter) -> str:
    return f"the metric {one.metric} in {one.namespace}"


def no_default(view: View) -> Iterator[Hit]:
    for one in view.filters:
        if one.has_default is not False or one.dimensions:
            continue
        treated = {alarm.missing for alarm in view.watchers(one)} & set(LEFT_BLANK)
        if treated:
            means = (
                "the alarm never returns to OK"
                if "ignore" in treated
                else "the alarm falls to INSUFFICIENT_DATA"
            )
            message = f"{one.name} has no default value: in quiet minutes {means}."
            yield Hit(one, message, "default")


def odd_default(view: View) -> Iterator[Hit]:
    for one in view.filters:
        if one.default:
            message = f"{one.name} reports {one.default:g} for every minute without a match."
            yield Hit(one, message, "default")


def default_and_dimensions(view: View) -> Iterator[Hit]:
    for one in view.filters:
        if one.has_default and one.dimensions:
            yield Hit(one, f"{one.name} has dimensions and a default value.", "default")


def odd_value(view: View) -> Iterator[Hit]:
    for one in view.filters:
        if one.value is None or not known(one.value) or one.value.strip() == "1":
            continue
        try:
            number = float(one.value)
        except ValueError:
            message = f"{one.name} counts {one.value} for each match: a field, or no number at all."
            yield Hit(one, message, "value", severity=Severity.WARNING)
            continue
        if number <= 0:
            yield Hit(one, f"{one.name} counts {one.value} for each match.", "value")
        elif number != 1:
            message = f"{one.name} counts {one.value} for each match, so a sum is no count."
            yield Hit(one, message, "value", severity=Severity.NOTE)


def shared_metric(view: View) -> Iterator[Hit]:
    first: dict[tuple[str | None, str | None], MetricFilter] = {}
    for one in view.filters:
        if not known(one.metric) or not known(one.namespace):
            continue
        earlier = first.setdefault((one.namespace, one.metric), one)
        if earlier is not one and same(earlier.pattern, one.pattern) is False:
            message = f"{earlier.name} and {one.name} both make {_metric(one)}."
            yield Hit(one, message, "metric")


def wrong_unit(view: View) -> Iterator[Hit]:
    for one in view.filters:
        for alarm in view.watchers(one):
            mine = one.unit or "None"
            if alarm.unit and known(alarm.unit) and one.unit is not None and alarm.unit != mine:
                message = (
                    f"{alarm.name} looks at values in {alarm.unit}; {one.name} sends them with "
                    f"{'no unit' if mine == 'None' else f'the unit {mine}'}."
                )
                yield Hit(alarm, message, "unit")


def missing_group(view: View) -> Iterator[Hit]:
    if not view.chain.complete:
        return
    names = {one.name for one in view.chain.groups}
    for group in view.groups:
        if group not in names:
            one = next(one for one in view.filters if one.log_group == group)
            yield Hit(one, f"The log group {group} of {one.name} does not exist.", "log_group")


def too_many(view: View) -> Iterator[Hit]:
    for group in view.groups:
        here = [one for one in view.chain.filters if one.log_group == group]
        count = len(here)
        if count > MAX_FILTERS:
            yield Hit(here[MAX_FILTERS], f"{group} has {count} metric filters.", "log_group")
        elif count >= NEAR_FILTERS:
            message = f"{group} has {count} of {MAX_FILTERS} metric filters."
            yield Hit(here[-1], message, "log_group", severity=Severity.NOTE)


def too_many_regexes(view: View) -> Iterator[Hit]:
    for group in view.groups:
        here = [one for one in view.filters if one.log_group == group]
        using = [one for one in here if (pattern := parsed(one)) and pattern.uses_regex]
        if len(using) > MAX_REGEX_FILTERS:
            message = f"{group} has {len(using)} filters with a regular expression."
            yield Hit(using[MAX_REGEX_FILTERS], message, "pattern")


_SYNTAX = "Filter pattern syntax, CloudWatch Logs user guide"
_PUT = "PutMetricFilter and MetricTransformation, CloudWatch Logs API reference"
_QUOTAS = "CloudWatch Logs quotas, CloudWatch Logs user guide"

RULES = (
    Rule("TW301", Severity.ERROR, "The pattern is refused",
         "CloudWatch Logs does not take this pattern: the filter is never made.",
         "Mend it at the column named; trailwatch pattern check shows the place.", _SYNTAX,
         refused),
    Rule("TW302", Severity.ERROR, "A part of the pattern can never match",
         "No record of CloudTrail meets this condition, so what it is to find is never counted.",
         "Write what was meant; trailwatch pattern explain says what it asks for now.", _SYNTAX,
         cannot_match),
    Rule("TW303", Severity.ERROR, "The pattern matches nearly everything",
         "An alarm that is always on tells nothing.",
         "Narrow it: usually && was meant where || stands.", _SYNTAX, always),
    Rule("TW304", Severity.WARNING, "The pattern says something else than it seems to",
         "CloudWatch Logs takes it, but records are missed or counted that were not meant.",
         "Write what was meant; trailwatch pattern explain says what it asks for now.", _SYNTAX,
         dubious),
    Rule("TW305", Severity.WARNING, "No alarm looks at the metric",
         "The filter counts, and nobody is told; each such metric is billed as a custom metric.",
         "Make an alarm with this namespace and metric name, or remove the filter.",
         "Creating alarms for CloudTrail events, CloudTrail user guide", unwatched),
    Rule("TW306", Severity.WARNING, "No default value",
         "Without the default value 0 the metric has no data where nothing matches, and this "
         "alarm takes no data for something else than OK.",
         "Set the default value to 0 and let the alarm treat missing data as notBreaching.", _PUT,
         no_default),
    Rule("TW307", Severity.ERROR, "The default value is not 0",
         "Minutes in which nothing happened count as if something had.",
         "Set the default value to 0.", _PUT, odd_default),
    Rule("TW308", Severity.ERROR, "A default value beside dimensions",
         "CloudWatch Logs refuses a transformation that has both.",
         "Leave out the dimensions: an alarm on all of them cannot be made anyway.", _PUT,
         default_and_dimensions),
    Rule("TW309", Severity.ERROR, "A match does not count as 1",
         "The alarm's sum is then no number of events: with 0 it never goes off.",
         "Set the metric value to 1.", _PUT, odd_value),
    Rule("TW310", Severity.NOTE, "Two filters make one metric",
         "Their counts add up, and the alarm cannot say which of them it was.",
         "Give each its own metric name, unless that is what you want.", _PUT, shared_metric),
    Rule("TW311", Severity.ERROR, "The alarm asks for another unit",
         "An alarm with a unit looks only at values that were sent with it; a metric filter "
         "sends none unless it is told to. It finds no data, for ever.",
         "Leave the alarm's unit out.", "PutMetricAlarm, CloudWatch API reference", wrong_unit),
    Rule("TW312", Severity.ERROR, "The filter's log group does not exist",
         "Nothing arrives there.", "Make the log group and let a trail deliver to it.", _PUT,
         missing_group),
    Rule("TW313", Severity.ERROR, "Too many metric filters in the log group",
         "CloudWatch Logs allows 100; further ones are refused.",
         "Join detections that share an alarm, or drop some.", _QUOTAS, too_many),
    Rule("TW314", Severity.ERROR, "Too many filters with regular expressions",
         "CloudWatch Logs allows 5 in a log group; further ones are refused.",
         "Write some as lists of texts.", _QUOTAS, too_many_regexes),
)  # fmt: skip
"""What can be wrong with metric filters."""
