"""What a scanner says of the pack `cis` as it was applied: Prowler's rules over what AWS shows.

The rules of the texts are those of trailwatch/coverage/controls.toml; around them the checks are
written anew after Prowler 5.46.0 (Apache-2.0): check_cloudwatch_log_metric_filter and the checks
cloudtrail_multi_region_enabled, cloudtrail_log_file_validation_enabled and
cloudtrail_cloudwatch_logging_enabled.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.aws import AwsStandIn
from sandbox.faults import Faults
from sandbox.wire import CallLog, Sender
from setup.apply import apply
from setup.clients import Clients, NoSecrets
from setup.plan import make_plan
from trailwatch.aws import Aws, Keys
from trailwatch.coverage import load_controls
from trailwatch.detections import load_catalogue
from trailwatch.site import Site, SiteConfig

CATALOGUE = load_catalogue()
CONFIG = SiteConfig(Site("main", "123456789012", "us-east-1"), pack="cis", router_url="")
KEYS = Keys("AKIAEXAMPLEEXAMPLE00", "example")


@dataclass
class Account:
    """An account in the sandbox's AWS in which the pack `cis` stands, without Opsgenie."""

    aws: Aws

    def filters(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.aws.call("logs", "DescribeMetricFilters")[
            "metricFilters"
        ]
        return found

    def trail(self) -> dict[str, Any]:
        (found,) = self.aws.call("cloudtrail", "DescribeTrails")["trailList"]
        return dict(found)

    def failing(self) -> set[str]:
        """The names of Prowler's checks of filters and alarms that fail."""
        group = self.trail()["CloudWatchLogsLogGroupArn"].split(":")[6]
        alarms = self.aws.call("cloudwatch", "DescribeAlarms")["MetricAlarms"]
        watched = {(alarm["Namespace"], alarm["MetricName"]) for alarm in alarms}
        texts = [
            one["filterPattern"]
            for one in self.filters()
            if one["logGroupName"] == group and _metric(one) in watched
        ]
        rules = [control.rule for control in load_controls(CATALOGUE)]
        return {rule.check for rule in rules if not any(rule.accepts(text) for text in texts)}


def _metric(one: dict[str, Any]) -> tuple[str, str]:
    first = one["metricTransformations"][0]
    return first["metricNamespace"], first["metricName"]


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    log, faults = CallLog(), Faults(lambda: 0.0)
    # It records what is called, so that the trail has something to deliver.
    stand_in = AwsStandIn(calls=log, faults=faults, sender=Sender(log, faults), recording=True)
    stand_in.start()
    aws = Aws("us-east-1", stand_in.url, KEYS, max_attempts=1)
    clients = Clients(aws, None, NoSecrets(), pace=0.0)
    detections = CATALOGUE.pack("cis")
    plan = make_plan(CONFIG, detections, clients, lambda: datetime.now(UTC))
    ended = list(apply(plan, CONFIG, detections, clients, lambda: datetime.now(UTC)))
    assert {str(one.state) for one in ended} == {"doing", "done"}
    yield Account(aws)
    aws.close()
    stand_in.stop()


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_the_15_checks_of_filters_and_alarms_pass(account: Account) -> None:
    assert len(account.filters()) == 15
    assert account.failing() == set()


@pytest.mark.parametrize(
    ("gone", "checks"),
    [
        (
            ("root-usage", "vpc-changes"),
            (
                "cloudwatch_log_metric_filter_root_usage",
                "cloudwatch_changes_to_vpcs_alarm_configured",
            ),
        ),
        (
            ("route-table-changes", "nacl-changes"),
            (
                "cloudwatch_changes_to_network_route_tables_alarm_configured",
                "cloudwatch_changes_to_network_acls_alarm_configured",
            ),
        ),
    ],
    ids=str,
)
def test_without_two_filters_exactly_their_checks_fail(
    account: Account, gone: tuple[str, ...], checks: tuple[str, ...]
) -> None:
    names = {CONFIG.alarm_name(id_) for id_ in gone}
    removed = [one for one in account.filters() if one["filterName"] in names]
    for one in removed:
        account.aws.call(
            "logs",
            "DeleteMetricFilter",
            logGroupName=one["logGroupName"],
            filterName=one["filterName"],
        )
    assert account.failing() == set(checks)
    for one in removed:
        kept = ("logGroupName", "filterName", "filterPattern", "metricTransformations")
        account.aws.call("logs", "PutMetricFilter", **{name: one[name] for name in kept})
    assert account.failing() == set()


def test_an_alarm_that_watches_another_metric_fails_its_check(account: Account) -> None:
    name = CONFIG.alarm_name("config-changes")
    (alarm,) = account.aws.call("cloudwatch", "DescribeAlarms", AlarmNames=[name])["MetricAlarms"]
    account.aws.call("cloudwatch", "DeleteAlarms", AlarmNames=[name])
    assert account.failing() == {
        "cloudwatch_log_metric_filter_and_alarm_for_aws_config_configuration_changes_enabled"
    }
    kept = ("AlarmName", "MetricName", "Namespace", "Statistic", "Period", "EvaluationPeriods",
            "Threshold", "ComparisonOperator")  # fmt: skip
    account.aws.call("cloudwatch", "PutMetricAlarm", **{name: alarm[name] for name in kept})
    assert account.failing() == set()


def test_the_checks_of_the_trail_pass(account: Account) -> None:
    trail = account.trail()
    assert trail["IsMultiRegionTrail"], "cloudtrail_multi_region_enabled"
    assert trail["LogFileValidationEnabled"], "cloudtrail_log_file_validation_enabled"

    def status() -> dict[str, Any]:
        return account.aws.call("cloudtrail", "GetTrailStatus", Name=CONFIG.trail)

    assert status()["IsLogging"], "cloudtrail_multi_region_enabled"
    until(lambda: "LatestCloudWatchLogsDeliveryTime" in status())
    age = datetime.now(UTC) - status()["LatestCloudWatchLogsDeliveryTime"]
    assert age < timedelta(hours=24), "cloudtrail_cloudwatch_logging_enabled"
