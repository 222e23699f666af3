"""Knows one account of the stand-in: the parts that moto lacks, and the calls that they answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.aws.alarm_history import AlarmHistory
from sandbox.aws.alarms import Alarms
from sandbox.aws.backends import Account
from sandbox.aws.cloudformation import CloudFormation
from sandbox.aws.cloudtrail import CloudTrail
from sandbox.aws.cloudwatch import CloudWatch
from sandbox.aws.deliveries import Deliveries
from sandbox.aws.envelopes import Envelopes
from sandbox.aws.event_history import EventHistory, Record
from sandbox.aws.keys import Keys
from sandbox.aws.log_groups import LogGroups
from sandbox.aws.metric_filters import MetricFilters
from sandbox.aws.metrics import Metrics
from sandbox.aws.mutes import Mutes
from sandbox.aws.operations import Handler
from sandbox.aws.simulation import Simulation
from sandbox.aws.sns import Sns
from sandbox.aws.trail_delivery import TrailDelivery


class OneAccount:
    """An account with its alarms and trails at work between `start` and `stop`.

    `url` is where the stand-in answers: CloudFormation makes its resources there.
    """

    def __init__(
        self,
        account: Account,
        deliveries: Deliveries,
        envelopes: Envelopes,
        url: str,
        speed: float,
        delivery_delay: float,
    ) -> None:
        self.account = account
        keys = Keys(account)
        self.sns = Sns(account, deliveries, envelopes, keys)
        self.history = EventHistory(account.region)
        self.filters = MetricFilters(account, metrics := Metrics(account), speed)
        self._metrics = metrics
        self._alarm_history = AlarmHistory()
        self._mutes = Mutes(account)
        self._alarms = Alarms(
            account,
            metrics,
            self._alarm_history,
            self.sns.publish_as_alarm,
            speed,
            self._mutes.silences,
        )
        groups = LogGroups(account, self.filters, keys)
        self.trails = TrailDelivery(account, groups, keys, delivery_delay / speed)
        cloudwatch = CloudWatch(account, metrics, self._alarms, self._alarm_history)
        self.handlers: Mapping[str, Mapping[str, Handler]] = {
            "logs": self.filters.handlers() | groups.handlers(),
            "cloudwatch": cloudwatch.handlers() | self._mutes.handlers(),
            "sns": self.sns.handlers(),
            "iam": Simulation(account).handlers(),
            "cloudtrail": CloudTrail(account, self.history, self.trails, keys).handlers(),
            "kms": keys.handlers(),
            "cloudformation": CloudFormation(account, url).handlers(),
        }

    def start(self) -> None:
        """Let alarms be evaluated and trails deliver."""
        self._alarms.start()
        self.trails.start()

    def stop(self) -> None:
        """End both threads."""
        self.trails.stop()
        self._alarms.stop()

    def take(self, records: Sequence[Record]) -> None:
        """Take records of this account: into its history, then each of its trails."""
        for record in records:
            self.history.add(record)
        self.trails.send(records)

    def parts(self) -> dict[str, Any]:
        """What has a state of its own beside moto's."""
        return {
            "history": self.history,
            "alarm_history": self._alarm_history,
            "metrics": self._metrics,
            "mutes": self._mutes,
            "sns": self.sns,
            "trails": self.trails,
        }
