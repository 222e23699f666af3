"""Knows which Terraform resources make a chain, and under which names. Runs no Terraform.

Source: the resources' pages of the AWS provider in the Terraform registry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from setup.lint import items
from setup.lint.chain import Bucket, Chain, Place, Topic, same
from setup.lint.items import Props

RENAMED = {
    "aws_cloudtrail": {
        "name": "TrailName",
        "is_multi_region_trail": "IsMultiRegionTrail",
        "include_global_service_events": "IncludeGlobalServiceEvents",
        "enable_log_file_validation": "EnableLogFileValidation",
        "enable_logging": "IsLogging",
        "cloud_watch_logs_group_arn": "CloudWatchLogsLogGroupArn",
        "cloud_watch_logs_role_arn": "CloudWatchLogsRoleArn",
        "s3_bucket_name": "S3BucketName",
        "event_selector": "EventSelectors",
        "advanced_event_selector": "AdvancedEventSelectors",
    },
    "aws_cloudwatch_log_group": {
        "name": "LogGroupName",
        "retention_in_days": "RetentionInDays",
        "log_group_class": "LogGroupClass",
    },
    "aws_cloudwatch_log_metric_filter": {
        "name": "FilterName",
        "pattern": "FilterPattern",
        "log_group_name": "LogGroupName",
        "metric_transformation": "MetricTransformations",
    },
    "aws_cloudwatch_metric_alarm": {
        "alarm_name": "AlarmName",
        "namespace": "Namespace",
        "metric_name": "MetricName",
        "dimensions": "Dimensions",
        "unit": "Unit",
        "statistic": "Statistic",
        "extended_statistic": "ExtendedStatistic",
        "period": "Period",
        "evaluation_periods": "EvaluationPeriods",
        "datapoints_to_alarm": "DatapointsToAlarm",
        "comparison_operator": "ComparisonOperator",
        "threshold": "Threshold",
        "threshold_metric_id": "ThresholdMetricId",
        "metric_query": "Metrics",
        "treat_missing_data": "TreatMissingData",
        "actions_enabled": "ActionsEnabled",
        "alarm_actions": "AlarmActions",
        "ok_actions": "OKActions",
        "alarm_description": "AlarmDescription",
        "region": "Region",
    },
    "aws_cloudwatch_composite_alarm": {
        "alarm_name": "AlarmName",
        "alarm_rule": "AlarmRule",
        "alarm_actions": "AlarmActions",
        "actions_enabled": "ActionsEnabled",
        "actions_suppressor": "ActionsSuppressor",
    },
    "aws_sns_topic": {
        "name": "TopicName",
        "policy": "Policy",
        "kms_master_key_id": "KmsMasterKeyId",
        "signature_version": "SignatureVersion",
    },
    "aws_sns_topic_policy": {"arn": "Arn", "policy": "Policy"},
    "aws_sns_topic_subscription": {
        "topic_arn": "TopicArn",
        "protocol": "Protocol",
        "endpoint": "Endpoint",
        "filter_policy": "FilterPolicy",
        "filter_policy_scope": "FilterPolicyScope",
    },
    "aws_s3_bucket": {"bucket": "BucketName"},
    "aws_s3_bucket_policy": {"bucket": "Bucket", "policy": "Policy"},
    "aws_s3_bucket_public_access_block": {
        "bucket": "Bucket",
        "block_public_acls": "BlockPublicAcls",
        "ignore_public_acls": "IgnorePublicAcls",
        "block_public_policy": "BlockPublicPolicy",
        "restrict_public_buckets": "RestrictPublicBuckets",
    },
    "aws_kms_key": {"policy": "KeyPolicy"},
    "aws_iam_role": {"name": "RoleName"},
}
"""The resources that are read, and the properties that go by these names in CloudFormation."""
_INNER = {
    "name": "MetricName",
    "namespace": "MetricNamespace",
    "value": "MetricValue",
    "default_value": "DefaultValue",
    "dimensions": "Dimensions",
    "unit": "Unit",
    "read_write_type": "ReadWriteType",
    "include_management_events": "IncludeManagementEvents",
    "exclude_management_event_sources": "ExcludeManagementEventSources",
    "field_selector": "FieldSelectors",
    "field": "Field",
    "equals": "Equals",
    "not_equals": "NotEquals",
}
_BLOCKS = ("metric_transformation", "event_selector", "advanced_event_selector", "field_selector")
_NAMES = ("name", "alarm_name", "bucket")


@dataclass(frozen=True)
class Found:
    """A resource of a plan or module, its values resolved: None is not known, absent is unset."""

    kind: str
    address: str
    values: Mapping[str, Any]
    places: Mapping[str, Place] = field(default_factory=dict)

    @property
    def token(self) -> str:
        """What stands for a name or ARN that AWS makes up."""
        return f"({self.address})"

    @property
    def called(self) -> str:
        """Its name in AWS, or its address in parentheses."""
        names = (self.values.get(key) for key in _NAMES if key in RENAMED.get(self.kind, {}))
        return next((name for name in names if isinstance(name, str) and name), self.token)

    def attribute(self, name: str) -> str:
        """What a reference to one of its attributes stands for: a text to compare by."""
        value = self.values.get(name)
        if isinstance(value, str) and value:
            return value
        by_name = self.kind in ("aws_cloudwatch_log_group", "aws_s3_bucket")
        return self.called if by_name or name in ("name", "alarm_name", "bucket") else self.token

    @property
    def arn(self) -> str:
        return self.attribute("arn")

    def props(self) -> Props:
        names = RENAMED[self.kind]
        values = {names[key]: _inner(key, one) for key, one in self.values.items() if key in names}
        places = {names[key]: place for key, place in self.places.items() if key in names}
        places[""] = self.places.get("", Place())
        return Props(values, self.called, self.address, places)


def _inner(key: str, value: Any) -> Any:
    """Blocks are lists; what they hold gets CloudFormation's names, too."""
    if key == "actions_suppressor":
        first = value[0] if isinstance(value, Sequence) and value else value
        return first.get("alarm") if isinstance(first, Mapping) else None
    if key == "metric_query":
        return _queries(value)
    if key not in _BLOCKS or value is None:
        return value
    blocks = [value] if isinstance(value, Mapping) else value
    if isinstance(blocks, str) or not isinstance(blocks, Sequence):
        return None
    return [
        {_INNER[k]: _inner(k, v) for k, v in one.items() if k in _INNER and not _unset(k, v)}
        for one in blocks
        if isinstance(one, Mapping)
    ]


def _queries(value: Any) -> Any:
    """Queries of an alarm on an expression, as CloudFormation has their metrics."""
    queries = [value] if isinstance(value, Mapping) else items.rows(value)
    found = []
    for query in queries:
        metric = query.get("metric") if isinstance(query, Mapping) else None
        first = metric if isinstance(metric, Mapping) else next(iter(items.rows(metric)), None)
        names = first if isinstance(first, Mapping) else {}
        inner = {"Namespace": names.get("namespace"), "MetricName": names.get("metric_name")}
        found.append({"MetricStat": {"Metric": inner}})
    return found


def _unset(key: str, value: Any) -> bool:
    """Terraform writes what isn't set as null or empty."""
    return value is None or (key == "default_value" and value == "")


def chain_of(found: Sequence[Found], source: str, region: str | None = None) -> Chain:
    """The chain that these resources make. `source` names their file."""
    by_kind: dict[str, list[Found]] = {kind: [] for kind in RENAMED}
    for one in found:
        if one.kind in by_kind:
            by_kind[one.kind].append(one)
    on_metrics = [one.props() for one in by_kind["aws_cloudwatch_metric_alarm"]]
    alarms = map(items.alarm, on_metrics)
    return Chain(
        source,
        region=region,
        trails=tuple(items.trail(one.props()) for one in by_kind["aws_cloudtrail"]),
        groups=tuple(items.log_group(one.props()) for one in by_kind["aws_cloudwatch_log_group"]),
        filters=tuple(
            items.metric_filter(one.props()) for one in by_kind["aws_cloudwatch_log_metric_filter"]
        ),
        alarms=tuple(alarm for alarm in alarms if alarm is not None),
        composites=tuple(
            items.composite(one.props()) for one in by_kind["aws_cloudwatch_composite_alarm"]
        ),
        in_expressions=frozenset(one for p in on_metrics for one in items.expression_metrics(p)),
        topics=tuple(_topics(by_kind)),
        subscriptions=tuple(
            items.subscription(one.props()) for one in by_kind["aws_sns_topic_subscription"]
        ),
        buckets=tuple(_buckets(by_kind)),
    )


def _topics(by_kind: Mapping[str, Iterable[Found]]) -> Iterator[Topic]:
    policies = [one.props() for one in by_kind["aws_sns_topic_policy"]]
    for one in by_kind["aws_sns_topic"]:
        p = one.props()
        given = [
            policy for policy in policies if same(policy.text("Arn", None), one.arn) is not False
        ]
        values = {**p.values, "Policy": given[0].get("Policy")} if given else dict(p.values)
        for key in by_kind["aws_kms_key"]:
            if p.text("KmsMasterKeyId") in (key.token, key.arn):
                values["KeyPolicy"] = key.values.get("policy")
        topic = items.topic(Props(values, p.fallback, p.address, p.places), one.arn)
        yield topic


def _buckets(by_kind: Mapping[str, Iterable[Found]]) -> Iterator[Bucket]:
    policies = [one.props() for one in by_kind["aws_s3_bucket_policy"]]
    blocks = [one.props() for one in by_kind["aws_s3_bucket_public_access_block"]]
    for one in by_kind["aws_s3_bucket"]:
        p = one.props()
        policy = [found for found in policies if same(found.text("Bucket"), one.called)]
        block = [found for found in blocks if same(found.text("Bucket"), one.called)]
        values, places = dict(p.values), dict(p.places)
        if block:
            values["PublicAccessBlockConfiguration"] = block[0].values
            places["PublicAccessBlockConfiguration"] = block[0].places[""]
        if policy:
            places["policy"] = policy[0].places[""]
        given = policy[0].document("Policy") if policy else None
        yield items.bucket(Props(values, p.fallback, p.address, places), given)
