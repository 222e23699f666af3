"""Knows the alarms' states: evaluates them in time, acts on changes. Never how SNS delivers."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from moto.cloudwatch.models import Alarm

from sandbox.aws.alarm_history import AlarmHistory
from sandbox.aws.alarm_message import message, subject
from sandbox.aws.alarm_state import EXTRA_PERIODS, Point, Rule, State, Verdict, decide
from sandbox.aws.backends import Account, naive
from sandbox.aws.metrics import MetricKey, Metrics, statistic

log = logging.getLogger(__name__)

Publish = Callable[[str, str, str, str], str | None]
"""Topic, subject, message, alarm's ARN -> None, or why the topic refuses."""


class Alarms:
    """Evaluates every alarm of the account; one thread, which sleeps until the next one is due.

    A period of P seconds lasts P/speed real seconds, counted from 1970; an alarm is looked at
    every min(P, 60)/speed.
    """

    def __init__(
        self,
        account: Account,
        metrics: Metrics,
        history: AlarmHistory,
        publish: Publish,
        speed: float,
        silences: Callable[[str, str], bool] = lambda region, name: False,
    ) -> None:
        """silences: whether a mute rule holds for the alarm of a Region and name now."""
        self._silences = silences
        self._account = account
        self._metrics = metrics
        self._history = history
        self._publish = publish
        self._speed = speed
        self._due: dict[str, float] = {}
        self._wake = threading.Condition()
        self._stopping = False
        self.lock = threading.RLock()
        """Held while an alarm's state or configuration changes."""
        self._thread = threading.Thread(target=self._run, name="alarm evaluation", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        self._thread.join(5)

    def changed(self) -> None:
        """An alarm was made, changed or deleted: look again at what is due when."""
        with self._wake:
            self._wake.notify_all()

    def set_state(self, region: str, alarm: Alarm, verdict: Verdict) -> None:
        """Bring an alarm into a state; where that is a change, write history and act."""
        with self.lock:
            old = State(alarm.state_value)
            now = datetime.now(UTC)
            before = (alarm.state_reason, alarm.state_reason_data)
            alarm.state_reason = verdict.reason
            alarm.state_reason_data = verdict.data
            alarm.state_updated_timestamp = naive(now)
            if verdict.state is old:
                return
            alarm.state_value = verdict.state.value
            # moto's class lacks it; its serializer takes it by this name.
            vars(alarm)["state_transitioned_timestamp"] = naive(now)
            self._history.state_update(region, alarm, old, before, now)
            if alarm.actions_enabled and not self._silences(region, alarm.name):
                self._act(region, alarm, old, now)

    def _act(self, region: str, alarm: Alarm, old: State, now: datetime) -> None:
        actions: dict[str, Sequence[str]] = {
            State.ALARM: alarm.alarm_actions,
            State.OK: alarm.ok_actions,
            State.INSUFFICIENT_DATA: alarm.insufficient_data_actions,
        }
        text = message(alarm, self._account.id, region, old, now)
        for action in actions[State(alarm.state_value)]:
            if action.split(":")[2:3] == ["sns"]:
                failure = self._publish(action, subject(alarm, region), text, alarm.alarm_arn)
            else:
                failure = "The sandbox has SNS topics only as actions."
            self._history.action(region, alarm, action, text, failure, now)

    def _run(self) -> None:
        while True:
            with self._wake:
                if not self._stopping:
                    self._wake.wait(self._wait())
                stopping = self._stopping
            if stopping:
                return
            now = time.monotonic()
            for region, alarm in list(self._account.alarms()):
                if self._due.get(alarm.alarm_arn, now + 1) <= now:
                    self._due[alarm.alarm_arn] = self._next(alarm, now)
                    self._evaluate(region, alarm)

    def _wait(self) -> float | None:
        """Seconds until the next alarm is due; None where there is none."""
        now = time.monotonic()
        due = {}
        for _, alarm in self._account.alarms():
            arn = alarm.alarm_arn
            due[arn] = self._due.get(arn) or self._next(alarm, now)
        self._due = due
        return max(0.0, min(due.values()) - now) if due else None

    def _next(self, alarm: Alarm, now: float) -> float:
        """The next moment of the alarm's rhythm, which alarms of one period share."""
        tick = min(int(alarm.period), 60) / self._speed
        return (math.floor(now / tick) + 1) * tick

    def _evaluate(self, region: str, alarm: Alarm) -> None:
        try:
            with self.lock:
                if self._account.cloudwatch(region).alarms.get(alarm.name) is not alarm:
                    return
                rule = rule_of(alarm)
                now = datetime.now(UTC)
                old = State(alarm.state_value)
                verdict = decide(rule, self._points(region, alarm, rule, now), old, now)
                if verdict.state is not old:
                    self.set_state(region, alarm, verdict)
        except Exception:  # one bad alarm must not end the evaluation of all others
            log.exception("alarm %s could not be evaluated", alarm.name)

    def _points(self, region: str, alarm: Alarm, rule: Rule, now: datetime) -> list[Point]:
        """The evaluation range, newest period first; the open period only once it breaches."""
        dims = tuple(sorted((str(d.name), str(d.value)) for d in alarm.dimensions))
        key = MetricKey(region, alarm.namespace, alarm.metric_name, dims)
        length = rule.period / self._speed
        opened = math.floor(now.timestamp() / length)
        count = rule.evaluation_periods + EXTRA_PERIODS
        samples = self._metrics.between(key, (opened - count) * length, (opened + 1) * length)
        by_period: dict[int, list[int]] = {}
        for index, sample in enumerate(samples):
            by_period.setdefault(math.floor(sample.at / length), []).append(index)

        def point(period: int) -> Point:
            found = [samples[i] for i in by_period.get(period, [])]
            start = datetime.fromtimestamp(period * length, UTC)
            return Point(start, statistic(found, rule.statistic))

        newest = point(opened)
        early = newest.value is not None and rule.counts_while_open and rule.breaches(newest.value)
        first = opened if early else opened - 1
        return [point(first - back) for back in range(count)]


def rule_of(alarm: Alarm) -> Rule:
    """What decides an alarm's state, out of moto's object."""
    periods = int(alarm.evaluation_periods)
    return Rule(
        statistic=alarm.statistic,
        period=int(alarm.period),
        comparison=alarm.comparison_operator,
        threshold=float(alarm.threshold),
        evaluation_periods=periods,
        datapoints=int(alarm.datapoints_to_alarm or periods),
        missing=alarm.treat_missing_data or "missing",
    )
