"""Knows when an alarm goes off though nothing happened, or doesn't though it did. Pure.

A metric filter counts a record in the minute in which it happened, and CloudTrail delivers late:
half of the records within 200 s, 99 of 100 within 505 s, with no promise (see
docs/decisions/0003). An alarm on M out of N periods of P seconds can look back at most N - M
periods beyond those that have to breach: only where (N - M) * P reaches LATE does a record that
comes so late still set it off, wherever in its period it falls.
"""

from __future__ import annotations

from collections.abc import Iterator

from setup.lint.chain import Alarm
from setup.lint.rule import Hit, Rule, Severity
from setup.lint.view import View

LATE = 600
"""Seconds: how late a record may come and still has to set off its alarm."""
LONG = 3600
"""Seconds after which a later event ought to be told again."""
DAY = 86_400
SHORT_PERIODS = (10, 20, 30)
DILUTED = ("Average", "Minimum")


def slack(alarm: Alarm) -> int | None:
    """For how many seconds a record may be late and still set off an alarm, whatever comes."""
    n, m, period = alarm.evaluation_periods, points(alarm), alarm.period
    if n is None or m is None or period is None:
        return None
    return (n - m) * period


def points(alarm: Alarm) -> int | None:
    """M of "M out of N": all of the periods where it isn't said."""
    return alarm.datapoints if alarm.datapoints is not None else alarm.evaluation_periods


def _statistic(alarm: Alarm) -> str:
    return alarm.statistic or ""


def not_sum(view: View) -> Iterator[Hit]:
    for alarm in view.alarms:
        statistic = _statistic(alarm)
        if not statistic or statistic in ("Sum", "Maximum") or "${" in statistic:
            continue
        if statistic == "SampleCount":
            means = "it counts the zeros of quiet minutes, too"
        elif statistic in DILUTED:
            means = "the zeros of quiet minutes pull one event below the threshold"
        else:
            means = "it looks at a share of the values, not at their number"
        yield Hit(alarm, f"{alarm.name} takes the {statistic}: {means}.", "statistic")


def maximum(view: View) -> Iterator[Hit]:
    for alarm in view.alarms:
        if _statistic(alarm) != "Maximum" or alarm.threshold is None:
            continue
        least = alarm.threshold + (1 if alarm.comparison == "GreaterThanThreshold" else 0)
        if least > 1 and all(one.value in (None, "1") for one in view.makers(alarm)):
            message = (
                f"{alarm.name} takes the Maximum, which is 1 at most, and waits for {least:g}."
            )
            yield Hit(alarm, message, "statistic", severity=Severity.ERROR)
        else:
            yield Hit(alarm, f"{alarm.name} takes the Maximum.", "statistic")


def always_on(view: View) -> Iterator[Hit]:
    for alarm in view.alarms:
        if alarm.threshold is None:
            continue
        at_least = alarm.comparison == "GreaterThanOrEqualToThreshold" and alarm.threshold <= 0
        above = alarm.comparison == "GreaterThanThreshold" and alarm.threshold < 0
        if at_least or above:
            sign = ">=" if at_least else ">"
            message = f"{alarm.name} goes off at {sign} {alarm.threshold:g}, and so at nothing."
            yield Hit(alarm, message, "threshold")


def wrong_way(view: View) -> Iterator[Hit]:
    for alarm in view.alarms:
        if (alarm.comparison or "").startswith("LessThan"):
            message = (
                f"{alarm.name} compares with {alarm.comparison}: it goes off when all is calm."
            )
            yield Hit(alarm, message, "comparison")


def one_is_not_enough(view: View) -> Iterator[Hit]:
    for alarm in view.alarms:
        if alarm.comparison == "GreaterThanThreshold" and alarm.threshold == 1:
            message = f"{alarm.name} goes off at more than 1: two events in one period."
            yield Hit(alarm, message, "threshold")


def too_short(view: View) -> Iterator[Hit]:
    for alarm in view.alarms:
        late = slack(alarm)
        if late is None or late >= LATE or _refused(alarm):
            continue
        n, m, period = alarm.evaluation_periods, points(alarm), alarm.period
        message = (
            f"{alarm.name} looks at {m} out of {n} periods of {period} s: a record that comes "
            f"more than {late} s late may be missed."
            if late
            else f"{alarm.name} looks at the newest {_periods(n, period)} only: a record that "
            "comes after its period is over may be missed."
        )
        yield Hit(alarm, message, "evaluation_periods")


def _periods(count: int | None, seconds: int | None) -> str:
    return f"period of {seconds} s" if count == 1 else f"{count} periods of {seconds} s together"


def too_long(view: View) -> Iterator[Hit]:
    for alarm in view.alarms:
        late = slack(alarm)
        if late is None or alarm.period is None or _refused(alarm):
            continue
        stays = late + alarm.period
        if stays > LONG:
            hours = stays / 3600
            message = f"{alarm.name} stays on for {hours:g} hours after an event."
            yield Hit(alarm, message, "period")


def many_points(view: View) -> Iterator[Hit]:
    for alarm in view.alarms:
        m = points(alarm)
        if m is None or m <= 1 or _refused(alarm):
            continue
        message = f"{alarm.name} wants events in {m} separate periods: one event tells nobody."
        severity = None
        if alarm.period is not None and m * alarm.period >= LONG:
            hours = m * alarm.period / 3600
            message = (
                f"{alarm.name} wants events in {m} periods of {alarm.period} s, {hours:g} hours "
                "of them: it hardly ever goes off."
            )
            severity = Severity.ERROR
        field = "datapoints" if alarm.datapoints else "evaluation_periods"
        yield Hit(alarm, message, field, severity=severity)


def impossible(view: View) -> Iterator[Hit]:
    for alarm in view.alarms:
        refused = _refused(alarm)
        if refused:
            field, why = refused
            yield Hit(alarm, f"{alarm.name}: {why}.", field)


def _refused(alarm: Alarm) -> tuple[str, str] | None:
    """The field and the reason for which CloudWatch refuses it. Source: PutMetricAlarm."""
    period, n, m = alarm.period, alarm.evaluation_periods, alarm.datapoints
    if m is not None and n is not None and m > n:
        return "datapoints", f"{m} out of {n} datapoints can never breach"
    if n is not None and n < 1:
        return "evaluation_periods", f"{n} periods cannot be looked at"
    if period is None:
        return None
    if period not in SHORT_PERIODS and (period < 60 or period % 60):
        return "period", f"a period of {period} s is not taken"
    if n is None:
        return None
    most = 7 * DAY if period >= 3600 else DAY
    if n * period > most:
        window = "a day" if most == DAY else "7 days"
        return "evaluation_periods", f"{n} periods of {period} s are more than {window}"
    return None


def fine_period(view: View) -> Iterator[Hit]:
    for alarm in view.alarms:
        if alarm.period in SHORT_PERIODS:
            message = f"{alarm.name} has a period of {alarm.period} s; the metric has 60 s."
            yield Hit(alarm, message, "period")


def breaching(view: View) -> Iterator[Hit]:
    for alarm in view.alarms:
        if alarm.missing == "breaching":
            message = f"{alarm.name} goes off where there are no data."
            yield Hit(alarm, message, "missing")


def ignored(view: View) -> Iterator[Hit]:
    for alarm in view.alarms:
        if alarm.missing == "ignore":
            message = f"{alarm.name} keeps its state where there are no data."
            yield Hit(alarm, message, "missing")


def left_missing(view: View) -> Iterator[Hit]:
    for alarm in view.alarms:
        if alarm.missing == "missing":
            message = f"{alarm.name} has no data in a night without records: INSUFFICIENT_DATA."
            yield Hit(alarm, message, "missing")


_PUT = "PutMetricAlarm, CloudWatch API reference"
_STATISTICS = "Statistics definitions, CloudWatch user guide"
_MISSING = "Configuring how CloudWatch alarms treat missing data, CloudWatch user guide"
_LATE = (
    "Delivery of CloudTrail's files, CloudTrail user guide (about 5 minutes on average); measured "
    "p99 505 s"
)

RULES = (
    Rule("TW421", Severity.ERROR, "The statistic is not Sum",
         "A metric filter sends 1 for each match and 0 for quiet minutes: only their sum is the "
         "number of events. Average hides events, and nobody notices.",
         "Set the statistic to Sum.", _STATISTICS, not_sum),
    Rule("TW422", Severity.WARNING, "Maximum stands where Sum is meant",
         "The maximum of ones is 1, however many events there were: a threshold above 1 is never "
         "reached.", "Set the statistic to Sum.", _STATISTICS, maximum),
    Rule("TW423", Severity.ERROR, "The alarm is always on",
         "It is on also when nothing was counted, and so never tells of anything.",
         "Compare with GreaterThanOrEqualToThreshold and a threshold of 1 or more.", _PUT,
         always_on),
    Rule("TW424", Severity.ERROR, "The comparison goes the wrong way",
         "It is on while nothing happens and returns to OK when something does.",
         "Compare with GreaterThanOrEqualToThreshold.", _PUT, wrong_way),
    Rule("TW425", Severity.NOTE, "A single event is not enough",
         "GreaterThanThreshold with 1 needs two events; often one was meant.",
         "Use GreaterThanOrEqualToThreshold, or a threshold of 0.", _PUT, one_is_not_enough),
    Rule("TW426", Severity.WARNING, "The window is too short for late records",
         "CloudTrail delivers late, and a late record is counted in the minute in which it "
         "happened: an alarm that no longer looks at that minute stays OK.",
         "Look at 1 out of 15 periods of 60 s: the windows before the newest have to add up to "
         "ten minutes, (N - M) * period >= 600 s.", _LATE, too_short),
    Rule("TW427", Severity.NOTE, "The alarm stays on for long after an event",
         "While it is on, later events tell nobody: actions follow changes of state only.",
         "Look at 1 out of 15 periods of 60 s.",
         "Using Amazon CloudWatch alarms, CloudWatch user guide", too_long),
    Rule("TW428", Severity.WARNING, "One event never sets it off",
         "M out of N counts periods, not events: with M above 1 a single burst in one period is "
         "passed over.", "Set DatapointsToAlarm to 1 and say with the threshold how many events.",
         "Evaluating an alarm, CloudWatch user guide", many_points),
    Rule("TW429", Severity.ERROR, "The alarm cannot be made so",
         "CloudWatch refuses more datapoints than periods, periods other than 10, 20, 30 or whole "
         "minutes, and windows beyond a day (7 days for periods of an hour and more).",
         "Use 1 out of 15 periods of 60 s.", _PUT, impossible),
    Rule("TW430", Severity.WARNING, "The period is shorter than the metric's",
         "Metric filters make metrics of one minute. Periods of 10, 20 or 30 s are for metrics of "
         "high resolution: here most of them have no data, and the alarm costs more.",
         "Use a period of 60 s.", _PUT, fine_period),
    Rule("TW431", Severity.WARNING, "Missing data count as breaching",
         "Quiet minutes set the alarm off, until nobody looks any more.",
         "Treat missing data as notBreaching.", _MISSING, breaching),
    Rule("TW432", Severity.WARNING, "Missing data are ignored",
         "Once on, it stays on for as long as no data come, and further events tell nobody.",
         "Treat missing data as notBreaching.", _MISSING, ignored),
    Rule("TW433", Severity.NOTE, "Missing data count as missing",
         "The alarm falls to INSUFFICIENT_DATA and back, which is neither calm nor alarm.",
         "Treat missing data as notBreaching, as AWS advises for metrics that count errors.",
         _MISSING, left_missing),
)  # fmt: skip
"""What can be wrong with the condition of an alarm."""
